/* pass_recompute: what the backward pass's gemms read again of the forward pass is computed again,
 * where it follows element by element from one stored value that the backward pass reads anyway.
 *     %g = gelu %h   forward: gemm %g, %w   backward: gemm %d, %g      ==>   backward: gemm %d, gelu(%h)
 * The activation then lives from its kernel to the next gemm, not through the whole step: for a
 * transformer block that is the hidden layer and both norms, and in bf16 the rounded weights. Costs
 * one more pass over the stored value. Graph.recompute says whether (RECOMPUTE_none: nothing happens), or whether whole blocks come
 * first: recompute_blocks.c.
 * needs: gemm.  keeps: types, order of the forward pass.  leaves alone: graphs without a loss, values with two large
 * operands. */
#include "compiler/pass/pass_private.h"

#include <string.h>

typedef struct {
	Graph *g;
	bool  *forward;   /* per value: the loss follows from it */
	bool  *read_back; /* per value: something after the loss reads it */
	/* per value: the one value of its rank it follows from; itself when there are several */
	Val *root;
	Val *again; /* per value: its second copy, or NO_VAL */
} Again;

static bool
elementwise(const Node *n)
{
	return op_info[n->op].class == CLASS_ELEM;
}

static void
find_roots(Again *x)
{
	for (Val v = 0; v < x->g->n; v++) {
		const Node *n = &x->g->node[v];
		Val         one = NO_VAL;

		x->root[v] = v;
		if (!elementwise(n))
			continue;
		for (int i = 0; i < n->nin; i++) {
			Val r = x->root[n->in[i]];

			if (x->g->node[n->in[i]].type.rank < n->type.rank)
				continue;
			if (one != NO_VAL && one != r)
				goto several;
			one = r;
		}
		if (one != NO_VAL)
			x->root[v] = one;
	several:;
	}
}

/* v once more, from its root. */
static Val
copy_chain(Again *x, Val v)
{
	Node n = x->g->node[v];
	Val  in[3];

	if (x->again[v] != NO_VAL)
		return x->again[v];
	for (int i = 0; i < n.nin; i++) {
		Val  p = n.in[i];
		bool inside = elementwise(&x->g->node[p]) && p != x->root[v] &&
		              x->g->node[p].type.rank == n.type.rank;

		in[i] = inside ? copy_chain(x, p) : p;
	}
	x->again[v] = build(x->g, n.op, in, n.nin, &n.attr, &n.type, n.loc);
	return x->again[v];
}

static bool
worth_it(const Again *x, Val v, const bool *fed)
{
	const Node *n = &x->g->node[v], *root = &x->g->node[alias_root(x->g, x->root[v])];
	bool        variable = root->op == OP_param || root->kernel == KERNEL_IN_PLACE;

	if (!x->forward[v] || !fed[v] || !elementwise(n) || n->type.rank < 2 || x->root[v] == v)
		return false;
	return variable || (x->read_back[x->root[v]] && type_find(&n->type, x->g->batch_axis) >= 0);
}

/* Values that the loss follows from; NULL when there is no loss or nothing has samples. */
static bool *
find_forward(const Graph *g)
{
	bool *forward = arena_new_array(g->arena, bool, g->n), any = false;

	for (int i = 0; i < g->nout; i++)
		if (strcmp(g->out[i].name, "loss") == 0)
			any = forward[g->out[i].val] = true;
	if (!any || !g->batch_axis)
		return NULL;
	for (Val v = g->n - 1; v >= 0; v--)
		for (int i = 0; i < g->node[v].nin; i++)
			forward[g->node[v].in[i]] |= forward[v];
	return forward;
}

Status
pass_recompute(Graph *g)
{
	Again x = {.g = g};
	bool *fed; /* a forward gemm reads it */
	int   n;

	if (g->recompute == RECOMPUTE_none || !(x.forward = find_forward(g)))
		return OK;
	if (g->recompute == RECOMPUTE_blocks) {
		recompute_blocks(g, x.forward);
		x.forward = find_forward(g);
	}
	n = g->n;
	fed = arena_new_array(g->arena, bool, n);
	x.read_back = arena_new_array(g->arena, bool, n);
	x.root = arena_new_array(g->arena, Val, n);
	x.again = arena_new_array(g->arena, Val, n);
	for (Val v = n - 1; v >= 0; v--)
		for (int i = 0; i < g->node[v].nin; i++) {
			Val p = g->node[v].in[i];

			/* another type of it is not another value: who reads that reads this */
			x.read_back[p] |= x.forward[v] ? g->node[v].op == OP_cast && x.read_back[v]
			                               : g->node[v].op != OP_gemm;
			fed[p] |= x.forward[v] && g->node[v].op == OP_gemm;
		}
	for (Val v = 0; v < n; v++)
		x.again[v] = NO_VAL;
	find_roots(&x);
	for (Val v = 0; v < n; v++)
		for (int i = 0; i < g->node[v].nin; i++)
			if (g->node[v].op == OP_gemm && !x.forward[v] &&
			    worth_it(&x, g->node[v].in[i], fed)) {
				Val again = copy_chain(&x, g->node[v].in[i]);

				g->node[v].in[i] = again;
			}
	graph_commit(g);
	return OK;
}
