/* Shared by the files of `d2v diff`: lists of what changed. */
#ifndef D2V_DIFF_PRIVATE_H
#define D2V_DIFF_PRIVATE_H

#include "compiler/ledger/ledger_private.h"

typedef Vec(Change) Changes;
typedef struct {
	Arena  *a;
	Side    side[2];
	Changes change;
	/* changes before it: axes, and settings of the run that alter numbers */
	int recipe_end;
	/* kernels: of one text, launched as often or not; of another text; on one side */
	int same, launches, other, only[2];
} Compare;

/* compare.c: adds a change when the texts differ; NULL: there is none on that side. */
void compare(Compare *c, const char *topic, const char *name, const char *was, const char *is);
/* Texts in either list with how often they occur: those whose number differs. */
typedef struct {
	const char *name;
	int         count[2];
} Count;
typedef Vec(Count) Counts;
void count_add(Arena *a, Counts *all, const char *name, int side);
void compare_counts(Compare *c, const char *topic, const Counts *all);

/* diff_axes.c: sizes of axes that have one name. */
void compare_axes(Compare *c);
/* diff_recipe.c. False: results differ for what was found (checkpoints, say, change none). */
bool compare_recipe(Compare *c);
bool compare_variables(Compare *c);
/* diff_steps.c */
void compare_steps(Compare *c, Ledger *const ledger[2]);

#endif
