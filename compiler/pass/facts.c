/* facts: what passes make true of a graph, each as a check on the nodes alone, so that a pass that
 * breaks what an earlier one ensured is named, and a graph written by hand is refused before a pass
 * stumbles over it. Proves nothing about values: the oracle's tests do. */
#include "compiler/pass/pass_private.h"

static bool
has_gradients(const Graph *g, Val *where)
{
	*where = NO_VAL;
	return !g->training.present || g->training.differentiated;
}

static bool
has_updates(const Graph *g, Val *where)
{
	*where = NO_VAL;
	return !g->training.present;
}

static bool
is_primitive(const Node *n)
{
	return op_info[n->op].class != CLASS_COMPOSITE || n->op == OP_attend ||
	       n->op == OP_attend_grad;
}

static bool
has_primitives(const Graph *g, Val *where)
{
	for (*where = 0; *where < g->n; ++*where)
		if (!is_primitive(&g->node[*where]))
			return false;
	return true;
}

static bool
has_gemms(const Graph *g, Val *where)
{
	for (*where = 0; *where < g->n; ++*where)
		if (g->node[*where].op == OP_contract)
			return false;
	return true;
}

/* Kernels of their own are the ops that op_is_computed does not name and that are neither leaves
 * nor ways to look. */
static bool
works(const Node *n)
{
	return op_is_computed(n) || op_is_alone(n->op);
}

static bool
has_kernels(const Graph *g, Val *where)
{
	for (*where = 0; *where < g->n; ++*where) {
		const Node *n = &g->node[*where];

		if (works(n) && (n->kernel < 0 || n->kernel >= g->nkernel))
			return false;
	}
	return true;
}

/* Kernels stand in the order of their numbers, the nodes of one side by side (views may stand
 * between). */
static bool
has_order(const Graph *g, Val *where)
{
	int last = 0;

	for (*where = 0; *where < g->n; ++*where) {
		int k = g->node[*where].kernel;

		if (k < 0)
			continue;
		if (k < last)
			return false;
		last = k;
	}
	return true;
}

static bool
has_places(const Graph *g, Val *where)
{
	for (*where = 0; *where < g->n; ++*where) {
		const Node *n = &g->node[*where];
		bool        leaf = n->op == OP_input || n->op == OP_param || n->op == OP_host;

		if ((leaf || n->op == OP_gemm) && n->place.slab < 0)
			return false;
	}
	return true;
}

const Fact fact_table[FACT_COUNT] = {
	{"gradients", "every update has its gradient", has_gradients},
	{"updates", "no training lines: what they ask for is nodes", has_updates},
	{"primitives", "no standardise, softmax, gelu or smooth_l1", has_primitives},
	{"gemms", "no contract", has_gemms},
	{"kernels", "every node that computes has a kernel number", has_kernels},
	{"order", "kernels stand in the order of their numbers", has_order},
	{"places", "inputs, variables, scalars and results of gemms have a place in a slab",
         has_places},
};
