/* pass: Graph -> Graph. Includes base and ir. One pass, one file, one function `Status pass_x(Graph
 * *)`, one head comment: what, example in and out, contract. The order stands in passes.def only.
 */
#ifndef D2V_PASS_H
#define D2V_PASS_H

#include "compiler/ir/ir.h"

#define PASS(name, does, expects, ensures) Status pass_##name(Graph *g) MUST_USE;
#include "compiler/pass/passes.def"
#undef PASS

/* What passes make true of a graph and later passes rely on; facts.c has a check and a sentence for
 * each. */
typedef enum {
	FACT_gradients = 1 << 0,
	FACT_updates = 1 << 1,
	FACT_primitives = 1 << 2,
	FACT_gemms = 1 << 3,
	FACT_kernels = 1 << 4,
	FACT_order = 1 << 5,
	FACT_places = 1 << 6,
	FACT_COUNT = 7,
} FactBit;
typedef struct {
	const char *name, *text; /* "gemms", "no contract is left, all matrix work is gemm" */
	/* where: the node that breaks it, or NO_VAL */
	bool (*holds)(const Graph *g, Val *where);
} Fact;
extern const Fact fact_table[FACT_COUNT];

typedef struct {
	const char *name;
	Status (*run)(Graph *);
	const char *does;
	/* facts: without the first the pass refuses to run; the second hold after it and stay true
	 */
	unsigned expects, ensures;
} Pass;
extern const Pass pass_table[];
extern const int  pass_count;
/* Index of the pass; -1 for "lower", the graph before the first. Reports unknown names. */
Status pass_find(const char *name, int *index);
/* Does everything hold that the passes up to `index` ensure? Reports what does not, as the mistake
 * of whoever wrote the graph. */
Status pass_ensured(const Graph *g, int index);

Status pass_known(const char *name); /* reports a name that is no pass's, with the nearest */

/* Called after each pass (and once before the first with name "lower", index 0): dumps, prints. May
 * be NULL. */
typedef void PassHook(const Graph *g, int index, const char *name, void *arg);
/* Run the comma-separated passes (NULL: all, in order), verifying after each. */
Status pass_run(Graph *g, const char *names, PassHook *hook, void *arg);

typedef struct {
	const char *names;      /* comma-separated; NULL: those of passes.def .. */
	const char *after, *to; /* .. behind `after` (NULL: from the first) as far as `to` (NULL: to
	                           the last); either may be "lower" */
	/* verify before the first and after the last pass only */
	bool verify_ends;
} PassSpan;
/* The hook's first call then has the name and the index of `after`. */
Status pass_run_span(Graph *g, const PassSpan *span, PassHook *hook, void *arg);

/* plan.c: a planned graph's slabs that it shares with g->variables_from are extended there too.
 * Part of the pass; for a graph that was planned elsewhere and read back. */
void plan_extend(const Graph *g);

#endif
