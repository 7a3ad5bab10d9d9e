/* gemm_narrow: products of bf16 factors that samples own are stored in bf16, too.
 *     %2 = gemm %x, %w, %b : f32   %3 = tanh %2      ==>   %2 = gemm %x, %w, %b : bf16   %4 = cast %2 : f32   %3 = tanh %4
 * Sums are f32 inside the gemm; what leaves it is rounded once, after the bias, as a layer in mixed precision does. Everything that
 * reads it computes in f32. Half of the bytes between a gemm and its neighbours go, and half of the memory that they live in.
 * Leaves alone: products of f32 factors (a teacher in f32), gradients of parameters and whatever else has no samples,
 * outputs, and what is read by anything but elementwise work and sums. */
#include "compiler/pass/pass_private.h"

typedef struct {
	Graph *g;
	bool  *exact; /* somebody needs this value as it is */
	Val   *half;  /* the value in bf16, or NO_VAL */
} Narrow;

static bool
reads_any_type(const Node *n)
{
	return op_info[n->op].class == CLASS_ELEM || n->op == OP_sum || n->op == OP_rmax;
}

static void
find_exact(Narrow *x)
{
	const Graph *g = x->g;

	for (int i = 0; i < g->nout; i++)
		x->exact[g->out[i].val] = true;
	for (Val v = g->n - 1; v >= 0; v--) {
		const Node *n = &g->node[v];

		for (int i = 0; i < n->nin; i++)
			x->exact[n->in[i]] |= node_is_alias(n) ? x->exact[v] : !reads_any_type(n);
	}
}

static bool
worth_it(const Narrow *x, Val v)
{
	const Graph *g = x->g;
	const Node  *n = &g->node[v];

	return n->op == OP_gemm && n->type.dtype == DT_f32 && !x->exact[v] &&
	       g->node[n->in[0]].type.dtype == DT_bf16 && g->node[n->in[1]].type.dtype == DT_bf16 &&
	       type_find(&n->type, g->batch_axis) >= 0;
}

void
gemm_narrow(Graph *g)
{
	Narrow x = {g, arena_new_array(g->arena, bool, g->n + 1),
	            arena_new_array(g->arena, Val, g->n + 1)};
	int    n = g->n;

	if (!g->batch_axis)
		return;
	find_exact(&x);
	for (Val v = 0; v < n; v++) {
		Node node = g->node[v];
		Val  half;
		bool view = node_is_alias(&node) && x.half[node.in[0]] != NO_VAL;

		x.half[v] = NO_VAL;
		if (!view && !worth_it(&x, v))
			continue;
		half = view ? x.half[node.in[0]] : NO_VAL;
		node.type.dtype = DT_bf16;
		x.half[v] = build(g, node.op, view ? &half : node.in, node.nin, &node.attr,
		                  &node.type, node.loc);
		graph_replace(g, v, build_cast(g, x.half[v], DT_f32, node.loc));
	}
	graph_commit(g);
}
