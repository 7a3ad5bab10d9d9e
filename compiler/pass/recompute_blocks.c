/* The stronger form of pass recompute, for plans that must fit: of the trained forward pass only what joins its blocks is kept;
 * everything inside a block is computed again when the reverse walk comes to it.
 *     x -> block -> y -> block -> z    backward reads insides of both    ==>    kept: x y z; insides once more, from x, from y
 * What joins blocks is found in the graph: where one value with samples is all that later steps read of what came before.
 * Costs most of one more forward pass. The last block and what follows it are left alone: nothing would be freed before its
 * gradients need it again. Random draws are functions of counters, so the second time gives the same bits. */
#include "compiler/pass/pass_private.h"

#include <string.h>

typedef struct {
	Graph *g;
	bool  *inside;  /* per value: of the trained forward pass, one for each sample */
	int   *segment; /* per value inside: how many joints come before */
	bool  *kept;    /* per value: a joint */
	Val   *again;   /* per value: its second copy, or NO_VAL */
	int    nsegment;
} Blocks;

/* Values the loss needs that follow from variables with moments, and have samples. */
static void
find_inside(Blocks *b, const bool *forward)
{
	Graph    *g = b->g;
	Variables all = graph_variables(g, g->arena);
	bool     *trained = arena_new_array(g->arena, bool, g->n);

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->op == OP_param)
			trained[v] = variable_param(&all, intern_printf("moment1.%s",
			                                                n->attr.name)) != NO_VAL;
		for (int i = 0; i < n->nin; i++)
			trained[v] = trained[v] || trained[n->in[i]];
		/* a variable has one place */
		b->inside[v] = forward[v] && trained[v] && op_info[n->op].class != CLASS_LEAF &&
		               type_find(&n->type, g->batch_axis) >= 0;
	}
}

/* Where only one value inside is read later on, and enough lies between it and the joint before
 * that dropping it pays. */
static void
find_joints(Blocks *b)
{
	enum { WORTH = 3 }; /* times the bytes of the joint */
	Graph  *g = b->g;
	int    *last = arena_new_array(g->arena, int, g->n); /* per root: its last reader inside */
	int     live = 0, *ends = arena_new_array(g->arena, int, g->n + 1);
	int64_t between = 0;
	Val     held = NO_VAL;

	for (Val v = 0; v < g->n; v++)
		for (int i = 0; b->inside[v] && i < g->node[v].nin; i++)
			if (b->inside[g->node[v].in[i]])
				last[alias_root(g, g->node[v].in[i])] = v;
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (!b->inside[v])
			continue;
		b->segment[v] = b->nsegment;
		live -= ends[v];
		if (node_is_alias(n))
			continue;
		between += type_bytes(&n->type);
		if (last[v] <= v)
			continue;
		live++;
		ends[last[v]]++;
		held = v;
		if (live != 1 || between - type_bytes(&n->type) < WORTH * type_bytes(&n->type))
			continue;
		b->kept[held] = true;
		b->nsegment++;
		between = 0;
	}
}

/* v once more, from what is kept. */
static Val
copy(Blocks *b, Val v)
{
	Graph *g = b->g;
	Node   n = g->node[v];
	Val   *in;

	if (!b->inside[v] || b->kept[v])
		return v;
	if (b->again[v] != NO_VAL)
		return b->again[v];
	in = arena_new_array(g->arena, Val, n.nin + 1);
	for (int i = 0; i < n.nin; i++)
		in[i] = copy(b, n.in[i]);
	b->again[v] = build(g, n.op, in, n.nin, &n.attr, &n.type, n.loc);
	g->node[b->again[v]].kernel = n.kernel;
	return b->again[v];
}

void
recompute_blocks(Graph *g, const bool *forward)
{
	Blocks b = {.g = g};
	int    n = g->n;

	b.inside = arena_new_array(g->arena, bool, n);
	b.kept = arena_new_array(g->arena, bool, n);
	b.segment = arena_new_array(g->arena, int, n);
	b.again = arena_new_array(g->arena, Val, n);
	for (Val v = 0; v < n; v++)
		b.again[v] = NO_VAL;
	find_inside(&b, forward);
	find_joints(&b);
	for (Val v = 0; v < n; v++)
		for (int i = 0; !forward[v] && i < g->node[v].nin; i++) {
			Val u = g->node[v].in[i];

			if (b.inside[u] && b.segment[u] + 1 < b.nsegment) {
				Val again = copy(&b, u);

				g->node[v].in[i] = again;
			}
		}
	graph_commit(g);
}
