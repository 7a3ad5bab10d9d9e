/* dsl: .d2v text -> typed AST -> graphs and recipe. Includes base, ir, program. GRAMMAR.md is the
 * language. */
#ifndef D2V_DSL_H
#define D2V_DSL_H

#include "compiler/ir/ir.h"
#include "compiler/program/program.h"

typedef struct {
	const char *name, *value;
} Override; /* --set name=value */

/* A whole checked and lowered spec. */
typedef struct {
	Recipe  recipe;
	Graph  *train; /* outputs loss, watches, lr.., with Graph.training filled */
	int     nfeature;
	Graph **feature; /* "student.features", "teacher.features": output "feature" [L?, B, tokens,
	                    width] */
	struct SpecLater *later; /* dsl_expect's own */
	/* what `d2v check` prints: parameters by module, axes with equations, groups, schedule,
	 * data, draws, pruned teacher parameters */
	Text summary;
} Spec;

/* Facts only the plan knows, for `expect`. */
typedef struct {
	double memory_per_rank;
} PlanFacts;

/* Read, parse, check, lower. Reports through diag; FAIL when anything was wrong. All memory in
 * `a`. */
Status dsl_compile(Arena *a, const char *path, const Override *set, int nset, Spec **out);
/* A dim or let that stands for a whole number by itself: what a person may set to get a smaller
 * model. */
typedef struct {
	const char *name;
	bool        dim;        /* not a let */
	int64_t     was, value; /* as written, as shrunk */
} Size;
/* The same spec with the smallest sizes that still check, found by trying; what is in `set` stays.
 * No axis becomes 1 that was not. Reports when the spec as it stands is wrong. */
typedef struct {
	Spec  *spec;
	Size  *size; /* those that could be set, changed or not */
	int    nsize, tries;
	double work; /* about how many operations a step takes before any pass */
} Shrunk;
Status dsl_shrink(Arena *a, const char *path, const Override *set, int nset, Shrunk *out);
/* Check the `expect` lines that need the plan (the others were checked by dsl_compile). */
Status dsl_expect(const Spec *spec, const PlanFacts *facts);
/* Spec.summary's facts as one JSON object, for tools; keys are only ever added. */
void dsl_summary_json(const Spec *spec, Text *out);
/* Canonical formatting of one file's text: idempotent, comments kept. */
Status dsl_format(const char *file, const char *text, Text *out);

#endif
