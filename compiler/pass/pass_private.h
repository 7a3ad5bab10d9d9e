/* What several passes share. Private to the room. */
#ifndef D2V_PASS_PRIVATE_H
#define D2V_PASS_PRIVATE_H

#include "compiler/ir/axes.h"
#include "compiler/pass/pass.h"

/* a reorder that really copies; order NULL: as it is */
Val build_copy(Graph *g, Val v, const Type *order, Loc loc);

/* ---- fuse_facts.c --------------------------------------------------------------------------- */
/* may share a kernel with others: elementwise, sum, rmax, uniform, concat, pad, pick, broadcast,
 * copies */
bool op_is_computed(const Node *n);
/* a kernel, or a gemm, by itself */
bool op_is_alone(Op op);

/* ---- gradients.c ---------------------------------------------------------------------------- */
/* For the operands of the graph's sum_squares: the name of the variable each is the gradient of
 * (NULL when it is nobody's). *node is NO_VAL when the graph has none. */
const char **gradient_names(const Graph *g, Val *node);

/* ---- recompute_blocks.c: forward[v]: the loss follows from v -------------------------------- */
void recompute_blocks(Graph *g, const bool *forward);

/* ---- plan_weights.c ------------------------------------------------------------------------- */
/* a variable rounded for matrix work, to be made with all others first */
bool is_weight_copy(const Graph *g, Val v);

/* ---- gemm_merge.c --------------------------------------------------------------------------- */
void gemm_merge_siblings(Graph *g);

/* ---- gemm_narrow.c -------------------------------------------------------------------------- */
void gemm_narrow(Graph *g);

#endif
