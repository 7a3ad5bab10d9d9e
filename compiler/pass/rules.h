/* What fold, cse, simplify, autodiff, expand and update share. Private to the room. */
#ifndef D2V_PASS_RULES_H
#define D2V_PASS_RULES_H

#include "compiler/ir/ir.h"

/* ---- grad.c: one rule per op ---------------------------------------------------------------- */

/* One node seen from its gradient. A rule fills din[i] for every operand with want[i]; a din may
 * lack axes of the operand (it is then repeated over them) or have more (it is then summed over
 * them). */
typedef struct {
	Graph *g;
	Val    v; /* the forward node, and a copy of it (g->node moves while nodes are built) */
	Node   n;
	Val    dout;      /* gradient of v, its axes; NO_VAL for tuples */
	const bool *want; /* per operand: does a trained parameter stand behind it? */
	Val        *din;  /* per operand: NO_VAL until the rule sets it */
} Grad;
typedef void           GradRule(Grad *x);
extern GradRule *const grad_rule[OP_COUNT];
/* Operand i can carry a gradient at all (not a condition, an index, a random key ...). */
bool grad_flows(Op op, int nin, int i);

/* ---- expand.c: definitions of composites, used by the gradient rules too, so that cse merges them
 * --- */

/* rsqrt(var(a) + eps) over axes, and a - mean through *centred. */
Val expand_norm_scale(Graph *g, Val a, const Attr *attr, Loc loc, Val *centred);
/* 1 + erf(a / sqrt 2) */
Val expand_gelu_gate(Graph *g, Val a, Loc loc);

/* ---- fold.c, fold_view.c, cse.c ------------------------------------------------------------- */

/* One round over the graph; true when something changed. Commits. */
bool fold_round(Graph *g);
bool cse_round(Graph *g);
/* What the node v (its operands already folded) can be replaced by, or NO_VAL. */
Val fold_elementwise(Graph *g, Val v);
Val fold_view(Graph *g, Val v);
/* a is an f32 or bool constant; its value through *x. */
bool fold_const(const Graph *g, Val a, double *x);

#endif
