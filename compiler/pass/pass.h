/* pass: Graph -> Graph. Includes base and ir. One pass, one file, one function `Status pass_x(Graph *)`,
 * one head comment: what, example in and out, contract. The order stands in passes.def only. */
#ifndef D2V_PASS_H
#define D2V_PASS_H

#include "compiler/ir/ir.h"

#define PASS(name, does) Status pass_##name(Graph *g) MUST_USE;
#include "compiler/pass/passes.def"
#undef PASS

typedef struct {
	const char *name;
	Status    (*run)(Graph *);
	const char *does;
} Pass;
extern const Pass pass_table[];
extern const int  pass_count;

Status pass_known(const char *name); /* reports a name that is no pass's, with the nearest */

/* Called after each pass (and once before the first with name "lower", index 0): dumps, prints. May be NULL. */
typedef void PassHook(const Graph *g, int index, const char *name, void *arg);
/* Run the comma-separated passes (NULL: all, in order), verifying after each. */
Status pass_run(Graph *g, const char *names, PassHook *hook, void *arg);

#endif
