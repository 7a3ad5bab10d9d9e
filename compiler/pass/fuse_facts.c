/* What pass fuse wants to know of each value before it walks: who uses it, the space it is computed
 * in, what it would be computed from again, and which variables' new values stand in the way.
 * Decides nothing. */
#include "compiler/pass/fuse_private.h"

#include <string.h>

bool
op_is_computed(const Node *n)
{
	OpClass c = op_info[n->op].class;

	if (n->kernel == KERNEL_IN_PLACE)
		return false;
	return c == CLASS_ELEM || c == CLASS_RANDOM || n->op == OP_sum || n->op == OP_rmax ||
	       op_is_mapped(n->op) || n->op == OP_broadcast ||
	       (n->op == OP_reorder && n->kernel >= 0);
}

bool
op_is_alone(Op op)
{
	return op == OP_gemm || op == OP_attend || op == OP_attend_grad || op == OP_sum_squares ||
	       op == OP_scatter_add || op == OP_places || op == OP_ranks;
}

/* The space a value is computed in: its own axes, or for a row's statistic the axes of the rows it
 * sums. */
static void
find_spans(Fuse *f)
{
	Graph *g = f->g;

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Axes       *s = &f->span[v];

		*s = axes_of(&n->type);
		if (!op_is_computed(n))
			continue;
		if (n->op == OP_sum || n->op == OP_rmax) {
			const Axes *p = &f->span[n->in[0]];
			for (int i = 0; i < n->attr.naxes; i++)
				axes_add(s, n->attr.axes[i]);
			if (op_is_computed(&g->node[n->in[0]]) && axes_subset(s, p) &&
			    !reduce_is_column(g, &g->node[n->in[0]]))
				*s = *p;
			continue;
		}
		if (op_is_mapped(n->op))
			continue;
		for (int i = 0; i < n->nin; i++) {
			const Node *p = &g->node[n->in[i]];

			/* a statistic of a row, seen from the rows it belongs to */
			if (op_is_computed(p) && !reduce_is_column(g, p) &&
			    f->span[n->in[i]].n > p->type.rank &&
			    axes_subset(s, &f->span[n->in[i]]))
				*s = f->span[n->in[i]];
		}
	}
}

/* The stored values, as large as v, that v is computed from when it is computed again: 0, 1 or
 * "several". */
static void
find_roots(Fuse *f)
{
	Graph *g = f->g;

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		f->root[v] = v;
		if (!op_is_computed(n) || n->op == OP_sum || n->op == OP_rmax ||
		    op_is_mapped(n->op) || n->op == OP_reorder)
			continue;
		Val  one = NO_VAL;
		bool several = false;
		for (int i = 0; i < n->nin; i++) {
			Val p = n->in[i], r;

			if (g->node[p].op == OP_const || g->node[p].type.rank < n->type.rank ||
			    n->op == OP_uniform)
				continue;
			r = op_is_computed(&g->node[p]) ? f->root[p] : alias_root(g, p);
			if (r == NO_VAL)
				continue;
			several = several || (one != NO_VAL && one != r);
			one = r;
		}
		f->root[v] = several ? v : one;
	}
}

/* Overwritten values per variable, and through views of it. */
static void
find_overwritten(Fuse *f)
{
	Graph    *g = f->g;
	Variables x = graph_variables(g, g->arena);

	for (int i = 0; i < x.nassign; i++)
		f->assigned[g->node[x.assign[i]].in[0]] = true;
	for (int i = 0; i < x.nparam; i++) {
		Val a = variable_assign(&x, g->node[x.param[i]].attr.name);

		if (a != NO_VAL)
			fuse_add(f, &f->overwritten[x.param[i]], g->node[a].in[0]);
	}
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (!node_is_alias(n) && n->kernel != KERNEL_IN_PLACE)
			continue;
		for (int i = 0; i < n->nin; i++)
			for (int j = 0; j < f->overwritten[n->in[i]].n; j++)
				fuse_add(f, &f->overwritten[v], f->overwritten[n->in[i]].at[j]);
	}
}

void
fuse_facts(Fuse *f)
{
	Graph *g = f->g;
	int    n = g->n;

	f->span = arena_new_array(g->arena, Axes, n);
	f->root = arena_new_array(g->arena, Val, n);
	f->home = arena_new_array(g->arena, Ints, n);
	f->clone = arena_new_array(g->arena, Ints, n);
	f->user = arena_new_array(g->arena, Ints, n);
	f->wanted = arena_new_array(g->arena, bool, n);
	f->assigned = arena_new_array(g->arena, bool, n);
	f->overwritten = arena_new_array(g->arena, Ints, n);
	for (Val v = 0; v < n; v++)
		for (int i = 0; i < g->node[v].nin; i++)
			fuse_add(f, &f->user[g->node[v].in[i]], v);
	for (int i = 0; i < g->nout; i++)
		f->wanted[g->out[i].val] = true;
	f->forward = arena_new_array(g->arena, bool, n);
	for (int i = 0; i < g->nout; i++)
		f->forward[g->out[i].val] = strcmp(g->out[i].name, "loss") == 0;
	for (Val v = n - 1; v >= 0; v--)
		for (int i = 0; i < g->node[v].nin; i++)
			f->forward[g->node[v].in[i]] |= f->forward[v];
	find_overwritten(f);
	find_spans(f);
	find_roots(f);
}
