/* What the files check*.c share. Private to the room. */
#ifndef D2V_CHECK_PRIVATE_H
#define D2V_CHECK_PRIVATE_H

#include "compiler/pass/check.h"

/* Random values by name: the same name has the same value in every graph. */
typedef struct {
	Arena *a;
	double lo, hi; /* of parameters and inputs */
	Vec(Feed) feed;
} Numbers;
/* values for leaves that have none yet */
void    numbers_for(Numbers *x, const Graph *g);
Tensor *numbers_find(const Numbers *x, const char *name); /* NULL when there is none */

typedef enum { SEEN_output, SEEN_assigned, SEEN_gradient } SeenKind;
typedef struct {
	SeenKind    kind;
	const char *name;
	Tensor      t;
	Loc         loc;
} Seen;
typedef Vec(Seen) SeenList;
const char *seen_text(Arena *a, const Seen *s); /* "the gradient of `head`" */
const Seen *seen_find(const SeenList *list, SeenKind kind, const char *name);
/* All that leaves the graph, and gradients that are not yet used, as the oracle has them; value: of
 * every node, or NULL. */
SeenList seen_of(Arena *a, const Graph *g, Numbers *x, Tensor *value);
/* relative, see CHECK_BOUND; not a number: INFINITY */
double seen_difference(Arena *a, const Tensor *want, const Tensor *got);

/* ---- check_slope.c: gradients against differences ------------------------------------------- */
/* g: before the pass. Fills row->slopes and worst; FAIL: reported. */
Status check_slopes(Arena *a, const Graph *g, const Graph *after, const Pass *pass, Numbers *x,
                    const char *of, Checked *row);

/* ---- check_adamw.c: what pass update must make of gradients --------------------------------- */
/* The variables that should be assigned, and grad_norm, added to *want; value: of every node of g.
 */
void check_adamw(Arena *a, const Graph *g, Numbers *x, const Tensor *value, SeenList *want);

/* The pass on g, verified, its name in internal errors. */
Status check_run_pass(Graph *g, const Pass *pass);

#endif
