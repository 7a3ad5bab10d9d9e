/* Which gradient belongs to which variable, read off the graph itself: the first moment's new value
 * follows from it. */
#include "compiler/pass/pass_private.h"

#include <string.h>

static const char prefix[] = "moment1.";

/* The operand of `sums` that v is computed from, through elementwise nodes; -1 when there is none.
 * Variables that are always added have one gradient, which is an operand for each of them: the one
 * that has no name yet is meant. */
static int
find_operand(const Graph *g, const Node *sums, const char *const *name, Val v, int depth)
{
	bool named = false;

	for (int i = 0; i < sums->nin; i++) {
		const Node *n = &g->node[sums->in[i]];

		/* the update may use what the gradient repeats or copies */
		while ((n->op == OP_reorder || n->op == OP_broadcast) && n->in[0] != v)
			n = &g->node[n->in[0]];
		if (sums->in[i] != v &&
		    !((n->op == OP_reorder || n->op == OP_broadcast) && n->in[0] == v))
			continue;
		if (!name[i])
			return i;
		named = true;
	}
	if (named || depth == 0 || op_info[g->node[v].op].class != CLASS_ELEM)
		return -1;
	for (int i = 0; i < g->node[v].nin; i++) {
		int at = find_operand(g, sums, name, g->node[v].in[i], depth - 1);

		if (at >= 0)
			return at;
	}
	return -1;
}

const char **
gradient_names(const Graph *g, Val *node)
{
	const char **name;

	*node = NO_VAL;
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_sum_squares)
			*node = v;
	if (*node == NO_VAL)
		return NULL;
	name = arena_new_array(g->arena, const char *, g->node[*node].nin);
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		int         at;

		if (n->op != OP_assign || strncmp(n->attr.name, prefix, strlen(prefix)))
			continue;
		at = find_operand(g, &g->node[*node], name, n->in[0], 12);
		if (at >= 0)
			name[at] = intern(n->attr.name + strlen(prefix));
	}
	return name;
}
