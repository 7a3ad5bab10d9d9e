/* random_check: one graph through the passes, each compared before and after, then through code
 * generation; and the smallest graph that still fails. A mistake that ends the process (BUG, a
 * signal, a loop without end) is found too: every check runs in a process of its own. */
#ifndef D2V_RANDOM_CHECK_H
#define D2V_RANDOM_CHECK_H

#include "tests/support/compare.h"
#include "compiler/codegen/codegen.h"
#include "compiler/pass/pass.h"
#include "tests/support/random_graph.h"

/* What the checks are done with. pass[i] in place of pass_table[i], and spoil, are mistakes that
 * tests plant. */
typedef struct Checked {
	uint64_t seed;
	Status (*pass[32])(Graph *); /* NULL: the product's */
	const char *
		device; /* NULL: nothing runs. "cpu", "emulate": the program is run, and compared */
	const char *folder; /* with a device: where programs and kernels go */
	/* NULL, or done to the code that the device gets */
	void (*spoil)(Arena *, Compiled *);
	/* NULL, or [2][OP_COUNT]: nodes before the first pass, and after any */
	int *ops;
} Checked;

typedef enum { CHECK_fine, CHECK_refused, CHECK_differs, CHECK_died, CHECK_invalid } Check;
typedef struct {
	Check check;
	char  pass[32]; /* which pass (or "codegen-cpu", "emulate" ..); "" when fine */
	char  why[2000];
} Verdict;

/* The graph of a seed as the first pass gets it: precision and target are set by the seed too. */
Graph *checked_graph(Arena *a, uint64_t seed);

/* One pass on a copy of g, which *after is then. */
Verdict check_pass(Arena *a, const Graph *g, int pass, const Checked *c, Graph **after);
/* All passes in order, then code generation for both targets and its proof, then the device.
 * *before: what the failing pass got. */
Verdict check_all(Arena *a, const Graph *g, const Checked *c, Graph **before);
/* As check_all (pass < 0) or check_pass, in a process of its own. */
Verdict check_apart(const Graph *g, int pass, const Checked *c);

/* ---- random_shrink.c ------------------------------------------------------------------------ */

/* A small graph on which the check still fails in the same pass in the same way; g itself fails so.
 * pass as in check_apart. *want becomes what is said of the small graph. */
Graph *shrink(Arena *a, const Graph *g, int pass, const Checked *c, Verdict *want, double seconds);
/* Check the graph of c->seed; when it fails, text of a golden test with the shrunk graph is
 * appended. *nodes: of that graph. */
Verdict check_seed(const Checked *c, Text *golden, int *nodes);

/* ---- random_judge.c: passes that change what leaves a step on purpose ----------------------- */

/* Gradients of g (after autodiff) against differences along a direction in all parameters. */
Status
judge_gradients(Arena *a, const Graph *before, const Graph *after, uint64_t seed, const char **why);
/* New values of all variables against the formulas of AdamW, the clip and the average. */
Status
judge_update(Arena *a, const Graph *before, const Graph *after, uint64_t seed, const char **why);
/* Operands of matrix work are bf16 where the graph says so. */
Status judge_cast(Arena *a, const Graph *after, const char **why);

#endif
