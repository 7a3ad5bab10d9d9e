/* pass_order: one execution order. Nodes of one kernel become neighbours; a kernel runs right
 * before the first that needs it, in the order in which the spec and the reverse walk made them; a
 * kernel that overwrites a variable runs after everything that reads the old value. needs: fuse,
 * layout.  keeps: everything but the numbering of values and kernels. */
#include "compiler/pass/order_private.h"

#include <stdlib.h>

typedef Vec(int) Ints;

typedef struct {
	Graph *g;
	int   *unit; /* per value: its kernel, or nkernel + its own number */
	int    nunit;
	Ints  *member; /* per unit: values */
	Ints  *after;  /* per unit: units that must run before, beside those it reads */
	char  *state;  /* per unit: 0 new, 1 being placed, 2 placed */
	Val   *moved;  /* per value: its new number */
	Vec(Node) node;
	int nkernel;
} Order;

static void
place(Order *o, int u)
{
	Graph *g = o->g;
	int    kernel = -1;

	if (o->state[u] == 2)
		return;
	if (o->state[u] == 1)
		BUG("kernel %d needs its own result, or overwrites a variable that is read later",
		    u);
	o->state[u] = 1;
	for (int i = 0; i < o->member[u].n; i++) {
		const Node *n = &g->node[o->member[u].at[i]];

		for (int j = 0; j < n->nin; j++)
			if (o->unit[n->in[j]] != u)
				place(o, o->unit[n->in[j]]);
	}
	for (int i = 0; i < o->after[u].n; i++)
		place(o, o->after[u].at[i]);
	o->state[u] = 2;
	if (u < g->nkernel)
		kernel = o->nkernel++;
	for (int i = 0; i < o->member[u].n; i++) {
		Val  v = o->member[u].at[i];
		Node n = g->node[v];

		for (int j = 0; j < n.nin; j++)
			n.in[j] = o->moved[n.in[j]];
		if (kernel >= 0)
			n.kernel = kernel;
		o->moved[v] = o->node.n;
		vec_push(g->arena, &o->node, n);
	}
}

/* Units that read variable `name` through views. */
static void
readers(const Order *o, const bool *reads, Ints *out)
{
	for (Val v = 0; v < o->g->n; v++)
		for (int i = 0; i < o->g->node[v].nin; i++)
			if (reads[o->g->node[v].in[i]] && !reads[v])
				vec_push(o->g->arena, out, o->unit[v]);
}

static void
add_overwrites(Order *o)
{
	Graph    *g = o->g;
	Variables x = graph_variables(g, g->arena);
	bool     *reads = arena_new_array(g->arena, bool, g->n);
	/* per value: the assign that concerns the variable below it, or -1 */
	int *last = arena_new_array(g->arena, int, g->n);

	for (Val v = 0; v < g->n; v++)
		last[v] = -1;
	for (int i = 0; i < x.nparam; i++)
		last[x.param[i]] = variable_assign(&x, g->node[x.param[i]].attr.name);
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		bool        view = node_is_alias(n) || n->kernel == KERNEL_IN_PLACE;

		for (int i = 0; i < n->nin; i++) {
			int a = last[n->in[i]];

			if (a < 0)
				continue;
			/* a concat of several variables: remembered for each through its own
			 * readers below */
			if (view)
				last[v] = a;
			else if (o->unit[v] != o->unit[g->node[a].in[0]] && n->op != OP_assign)
				vec_push(g->arena, &o->after[o->unit[g->node[a].in[0]]],
				         o->unit[v]);
		}
		if (n->kernel == KERNEL_IN_PLACE) {
			/* readers of the concat read every operand */
			for (int i = 0; i < n->nin; i++) {
				int  a = last[n->in[i]];
				Ints use = {0};

				if (a < 0)
					continue;
				for (Val w = v + 1; w < g->n; w++)
					reads[w] = false;
				reads[v] = true;
				for (Val w = v + 1; w < g->n; w++)
					if (node_is_alias(&g->node[w]) && reads[g->node[w].in[0]])
						reads[w] = true;
				readers(o, reads, &use);
				reads[v] = false;
				for (int k = 0; k < use.n; k++)
					if (use.at[k] != o->unit[g->node[a].in[0]])
						vec_push(g->arena,
						         &o->after[o->unit[g->node[a].in[0]]],
						         use.at[k]);
			}
		}
	}
}

static const int *sort_key;

static int
by_key(const void *a, const void *b)
{
	int x = sort_key[*(const int *)a], y = sort_key[*(const int *)b];

	return x < y ? -1 : x > y;
}

/* Renumber everything; kernels come by rank (NULL: by where their last node stands), each after
 * what it needs. */
static void
renumber(Graph *g, const int *rank)
{
	Order o = {.g = g, .nunit = g->nkernel + g->n};
	int  *key, *units;

	o.unit = arena_new_array(g->arena, int, g->n);
	o.member = arena_new_array(g->arena, Ints, o.nunit);
	o.after = arena_new_array(g->arena, Ints, o.nunit);
	o.state = arena_new_array(g->arena, char, o.nunit);
	o.moved = arena_new_array(g->arena, Val, g->n);
	o.node.at = arena_new_array(g->arena, Node, g->n);
	o.node.cap = g->n;
	key = arena_new_array(g->arena, int, o.nunit);
	units = arena_new_array(g->arena, int, o.nunit);
	for (Val v = 0; v < g->n; v++) {
		o.unit[v] = g->node[v].kernel >= 0 ? g->node[v].kernel : g->nkernel + v;
		vec_push(g->arena, &o.member[o.unit[v]], v);
	}
	add_overwrites(&o);
	for (int u = 0; u < o.nunit; u++) {
		units[u] = u;
		key[u] = rank            ? u < g->nkernel ? rank[u] : g->n + u
		         : o.member[u].n ? o.member[u].at[o.member[u].n - 1]
		                         : 0;
		if (u < g->nkernel && o.member[u].n == 1 && is_weight_copy(g, o.member[u].at[0]))
			key[u] -= 2 * g->n; /* all of them first */
	}
	sort_key = key;
	qsort(units, (size_t)o.nunit, sizeof *units, by_key);
	for (int i = 0; i < o.nunit; i++)
		if (o.member[units[i]].n &&
		    (units[i] < g->nkernel || g->node[o.member[units[i]].at[0]].op == OP_assign))
			place(&o, units[i]);
	for (int i = 0; i < g->nout; i++) {
		place(&o, o.unit[g->out[i].val]);
		g->out[i].val = o.moved[g->out[i].val];
	}
	g->node = o.node.at;
	g->n = o.node.n;
	g->cap = o.node.cap;
	g->nkernel = o.nkernel;
	g->replaced = NULL;
}

Status
pass_order(Graph *g)
{
	renumber(g, NULL);
	renumber(g, order_early(g));
	return OK;
}
