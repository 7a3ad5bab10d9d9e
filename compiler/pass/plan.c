/* pass_plan: every stored value gets its place. One slab per kind of memory:
 *     params averages moment1 moment2   variables, in groups that one update kernel walks in one go
 *     grads                             gradients, at the offsets of their parameters
 *     host input table                  what the runtime writes: scalars, batches, constant tables
 *     act                               everything else, packed by lifetime
 * A value that is assigned is written where its variable lies; parts of concats made by pass gemm are written in place;
 * views get strides into what they view. Slabs start with zeros, and padding stays zero.
 * needs: order.  keeps: everything.  Lifetimes count kernels; two values may share bytes when one is dead before
 * the kernel that makes the other starts. */
#include "compiler/pass/plan_private.h"

#include <stdlib.h>
#include <string.h>

static const char *const slab_names[SLAB_COUNT] = {
	"params", "averages", "moment1", "moment2", "grads", "host", "input", "table", "act"};

static int64_t
padded(int64_t elems)
{
	return (elems + PLAN_PAD - 1) / PLAN_PAD * PLAN_PAD;
}

/* ---- variables ------------------------------------------------------------------------------ */

/* Of a kernel: its nodes lie between these; how many variables it writes. */
typedef struct {
	Val first, last;
	int writes;
} Span;

static Span *
kernel_spans(const Plan *p)
{
	const Graph *g = p->g;
	Span        *of = arena_new_array(g->arena, Span, g->nkernel + 1);

	for (Val v = g->n - 1; v >= 0; v--) {
		int k = g->node[v].kernel;

		if (k < 0)
			continue;
		if (of[k].last == 0)
			of[k].last = v;
		of[k].first = v;
	}
	for (int i = 0; i < p->variables.nassign; i++) {
		int k = g->node[g->node[p->variables.assign[i]].in[0]].kernel;

		if (k >= 0)
			of[k].writes++;
	}
	return of;
}

/* Parameters updated by kernels of one shape lie together: the key lists the scalars the update
 * reads and how many variables it writes. */
static const char *
update_key(const Plan *p, const Span *of, const char *name)
{
	const Graph *g = p->g;
	Val          a = variable_assign(&p->variables, name);
	Text         t = {0};
	int          k;
	const char  *key;

	if (a == NO_VAL)
		return intern("");
	k = g->node[g->node[a].in[0]].kernel;
	if (k < 0)
		return intern("");
	for (Val v = of[k].first; v <= of[k].last; v++) {
		const Node *n = &g->node[v];

		if (n->kernel != k)
			continue;
		for (int i = 0; i < n->nin; i++)
			if (g->node[n->in[i]].type.rank == 0 && g->node[n->in[i]].kernel != k &&
			    g->node[n->in[i]].op != OP_const)
				text_printf(&t, "%d ", n->in[i]);
	}
	text_printf(&t, "/ %d", of[k].writes);
	key = intern(t.at);
	text_free(&t);
	return key;
}

typedef struct {
	const char *name, *key;
	Val         param;
	int         with;
	bool        placed;
} Trained;

static bool
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static void
set_place(Graph *g, Val v, int slab, int64_t offset)
{
	g->node[v].place.slab = slab;
	g->node[v].place.offset = offset;
	contiguous_strides(&g->node[v].type, g->node[v].place.stride);
}

static void
place_trained(Plan *p, Trained *t)
{
	static const char *const moment[2] = {"moment1.", "moment2."};
	Graph                   *g = p->g;
	int64_t                  bytes = 4 * padded(type_elems(&g->node[t->param].type));

	set_place(g, t->param, SLAB_params, p->used[SLAB_params]);
	for (int i = 0; i < 2; i++) {
		Val m = variable_param(&p->variables, intern_printf("%s%s", moment[i], t->name));

		if (m != NO_VAL)
			set_place(g, m, SLAB_moment1 + i, p->used[SLAB_params]);
	}
	p->used[SLAB_params] += bytes;
	t->placed = true;
}

/* Parameters that a concat wants side by side follow each other. */
static void
place_with_neighbours(Plan *p, Trained *all, int n, int i)
{
	Graph *g = p->g;

	for (int v = 0; v < p->in_place.n; v++) {
		const Node *c = &g->node[p->in_place.at[v]];
		bool        mine = false;

		for (int j = 0; j < c->nin; j++)
			mine = mine || alias_root(g, c->in[j]) == all[i].param;
		if (!mine)
			continue;
		for (int j = 0; j < c->nin; j++)
			for (int k = 0; k < n; k++)
				if (all[k].param == alias_root(g, c->in[j]) && !all[k].placed)
					place_trained(p, &all[k]);
		return;
	}
	place_trained(p, &all[i]);
}

static void
place_variables(Plan *p)
{
	Graph *g = p->g;
	Span  *of = kernel_spans(p);
	Vec(Trained) all = {0};

	for (int i = 0; i < p->variables.nparam; i++) {
		Val         v = p->variables.param[i];
		const char *name = g->node[v].attr.name;

		if (variable_param(&p->variables, intern_printf("moment1.%s", name)) != NO_VAL)
			vec_push(g->arena, &all,
			         (Trained){name, update_key(p, of, name), v, 0, false});
	}
	for (int i = 0; i < all.n; i++)
		if (!all.at[i].placed)
			for (int j = i; j < all.n; j++)
				if (!all.at[j].placed && all.at[j].key == all.at[i].key)
					place_with_neighbours(p, all.at, all.n, j);
	p->used[SLAB_moment1] = p->used[SLAB_moment2] = p->used[SLAB_grads] = p->used[SLAB_params];
	/* averages in the order of the parameters they follow */
	for (int64_t at = 0; at < p->used[SLAB_params];) {
		int64_t step = 4 * PLAN_PAD;

		for (int i = 0; i < all.n; i++)
			if (g->node[all.at[i].param].place.offset == at) {
				Val a = variable_assign(&p->variables, all.at[i].name), e = NO_VAL;
				int k = g->node[g->node[a].in[0]].kernel;

				step = 4 * padded(type_elems(&g->node[all.at[i].param].type));
				for (int j = 0; j < p->variables.nassign; j++) {
					Val v = p->variables.assign[j];

					if (g->node[g->node[v].in[0]].kernel == k && v != a &&
					    !has_prefix(g->node[v].attr.name, "moment"))
						e = variable_param(&p->variables,
						                   g->node[v].attr.name);
				}
				if (e != NO_VAL && g->node[e].place.slab < 0) {
					set_place(g, e, SLAB_averages, p->used[SLAB_averages]);
					p->used[SLAB_averages] += step;
				}
				break;
			}
		at += step;
	}
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_param && g->node[v].place.slab < 0) {
			set_place(g, v, SLAB_averages, p->used[SLAB_averages]);
			p->used[SLAB_averages] += 4 * padded(type_elems(&g->node[v].type));
		}
}

/* A forward pass reads the variables where training keeps them. */
static void
share_variables(Plan *p)
{
	Graph       *g = p->g;
	const Graph *from = g->variables_from;
	Variables    there = graph_variables(from, g->arena);

	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_param) {
			Val w = variable_param(&there, g->node[v].attr.name);

			if (w == NO_VAL)
				BUG("variable %s has no place in %s", g->node[v].attr.name,
				    from->name);
			g->node[v].place = from->node[w].place;
		}
	for (int s = SLAB_params; s <= SLAB_grads; s++)
		p->used[s] = from->slab[s].bytes;
	for (int s = SLAB_host; s <= SLAB_table; s++)
		p->used[s] = from->slab[s].bytes;
}

/* ---- the rest ------------------------------------------------------------------------------- */

/* A table that training has already serves a forward pass too. */
static bool
share_table(Graph *g, Val v)
{
	const Graph *from = g->variables_from;
	const Attr  *a = &g->node[v].attr;

	for (Val w = 0; from && w < from->n; w++) {
		const Node *n = &from->node[w];

		if (n->op == OP_table && n->attr.name == a->name && n->attr.nargs == a->nargs &&
		    memcmp(n->attr.args, a->args, sizeof a->args) == 0) {
			g->node[v].place = n->place;
			return true;
		}
	}
	return false;
}

static void
place_leaves(Plan *p)
{
	Graph *g = p->g;

	for (Val v = 0; v < g->n; v++) {
		Op  op = g->node[v].op;
		int slab = op == OP_host    ? SLAB_host
		           : op == OP_input ? SLAB_input
		           : op == OP_table ? SLAB_table
		                            : -1;

		if (slab < 0 || (slab == SLAB_table && share_table(g, v)))
			continue;
		set_place(g, v, slab, p->used[slab]);
		p->used[slab] +=
			(type_bytes(&g->node[v].type) + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
	}
}

static void
place_gradients(Plan *p)
{
	Graph       *g = p->g;
	Val          sums;
	const char **name = gradient_names(g, &sums);

	for (int i = 0; sums != NO_VAL && i < g->node[sums].nin; i++) {
		Val     v = g->node[sums].in[i], root = alias_root(g, v), param;
		int64_t stride[MAX_RANK], offset, at;

		if (!name[i] || (param = variable_param(&p->variables, name[i])) == NO_VAL) {
			/* its variable's update uses it in some other form: it only counts in the
			 * norm */
			set_place(g, root, SLAB_grads, p->used[SLAB_grads]);
			p->used[SLAB_grads] += 4 * padded(type_elems(&g->node[root].type));
			continue;
		}
		if (!view_strides(g, v, NULL, stride, &offset))
			BUG("the gradient of %s is scattered in memory", name[i]);
		at = g->node[param].place.offset - offset * 4;
		if (g->node[root].place.slab >= 0 &&
		    (g->node[root].place.slab != SLAB_grads || g->node[root].place.offset != at))
			BUG("the gradient of %s cannot lie beside its neighbours", name[i]);
		if (at < 0)
			BUG("the gradient of %s starts before its slab", name[i]);
		set_place(g, root, SLAB_grads, at);
	}
}

static void
place_assigned(Plan *p)
{
	Graph *g = p->g;

	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_assign) {
			Val param = variable_param(&p->variables, g->node[v].attr.name),
			    x = g->node[v].in[0];

			if (g->node[x].place.slab >= 0)
				BUG("the new value of %s has a place already",
				    g->node[v].attr.name);
			for (int i = 0; i < g->node[x].type.rank; i++)
				if (g->node[x].type.axis[i].name !=
				    g->node[param].type.axis[i].name)
					BUG("the new value of %s has its axes in another order",
					    g->node[v].attr.name);
			g->node[x].place = g->node[param].place;
		}
}

/* Is v a stored value that still needs bytes of its own? */
static bool
needs_bytes(const Plan *p, Val v)
{
	const Node *n = &p->g->node[v];

	if (n->place.slab >= 0 || node_is_alias(n) || n->op == OP_assign || n->op == OP_const ||
	    n->op == OP_attend_grad)
		return false;
	return p->stored[v];
}

/* Which values reach memory: read from another kernel, through a view or at other coordinates, or
 * wanted at the end. */
static void
find_stored(Plan *p)
{
	Graph *g = p->g;

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		for (int i = 0; i < n->nin; i++) {
			Val u = n->in[i];

			if (n->kernel != g->node[u].kernel || n->kernel < 0 || op_is_mapped(n->op))
				p->stored[u] = true;
		}
	}
	for (int i = 0; i < g->nout; i++)
		p->stored[g->out[i].val] = true;
}

/* The last kernel that reads v, through views and concats in place. */
static void
find_lifetimes(Plan *p)
{
	Graph *g = p->g;

	for (Val v = g->n - 1; v >= 0; v--) {
		const Node *n = &g->node[v];
		int         at = n->kernel >= 0 ? n->kernel : p->last[v];

		if (n->op == OP_assign)
			at = g->nkernel;
		for (int i = 0; i < n->nin; i++)
			if (p->last[n->in[i]] < at)
				p->last[n->in[i]] = at;
	}
	for (int i = 0; i < g->nout; i++)
		p->last[g->out[i].val] = g->nkernel;
	for (Val v = g->n - 1; v >= 0; v--) /* a view of an output keeps what it views */
		if (node_is_alias(&g->node[v]) && p->last[g->node[v].in[0]] < p->last[v])
			p->last[g->node[v].in[0]] = p->last[v];
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		p->first[v] = n->op == OP_result ? g->node[n->in[0]].kernel : n->kernel;
		if (p->last[v] < p->first[v])
			p->last[v] = p->first[v];
	}
}

/* Concats in place: variables must already lie side by side; results are placed inside the concat's
 * bytes. */
static void
place_concats(Plan *p)
{
	Graph *g = p->g;

	for (Val v = 0; v < g->n; v++) {
		Node   *c = &g->node[v];
		int64_t along = 0;
		bool    data = false;

		if (c->kernel != KERNEL_IN_PLACE)
			continue;
		for (int i = 0; i < c->nin; i++)
			data = data || g->node[alias_root(g, c->in[i])].op != OP_param;
		if (!data) {
			const Place *first = &g->node[alias_root(g, c->in[0])].place;
			int64_t      at = first->offset;

			for (int i = 0; i < c->nin; i++) {
				const Node *r = &g->node[alias_root(g, c->in[i])];

				if (r->place.slab != first->slab || r->place.offset != at)
					BUG("variable %s does not lie beside its neighbours",
					    r->attr.name);
				at += type_bytes(&r->type);
			}
			set_place(g, v, first->slab, first->offset);
			continue;
		}
		p->first[v] = g->nkernel;
		for (int i = 0; i < c->nin; i++) {
			Val r = alias_root(g, c->in[i]);

			if (p->first[r] < p->first[v])
				p->first[v] = p->first[r];
			if (p->last[r] > p->last[v])
				p->last[v] = p->last[r];
			plan_part(g, c->in[i], v, along, p->part);
			along += c->attr.axes[i].name ? c->attr.axes[i].size : 1;
		}
		p->stored[v] = true;
	}
}

static void
place_views(Plan *p)
{
	Graph *g = p->g;

	for (Val v = 0; v < g->n; v++) {
		Node   *n = &g->node[v];
		Val     root = alias_root(g, v);
		int64_t offset;

		if (!node_is_alias(n) || g->node[root].place.slab < 0)
			continue;
		n->place.slab = -1;
		if (view_strides(g, v, g->node[root].place.stride, n->place.stride, &offset)) {
			n->place.slab = g->node[root].place.slab;
			n->place.offset = g->node[root].place.offset +
			                  offset * dtype_bytes[g->node[root].type.dtype];
		}
	}
}

Status
pass_plan(Graph *g)
{
	Plan p = {.g = g, .variables = graph_variables(g, g->arena)};

	for (Val v = 0; v < g->n; v++)
		if (g->node[v].kernel == KERNEL_IN_PLACE)
			vec_push(g->arena, &p.in_place, v);
	p.stored = arena_new_array(g->arena, bool, g->n);
	p.first = arena_new_array(g->arena, int, g->n);
	p.last = arena_new_array(g->arena, int, g->n);
	p.part = arena_new_array(g->arena, Part, g->n);
	g->nslab = SLAB_COUNT;
	g->slab = arena_new_array(g->arena, Slab, SLAB_COUNT);
	for (Val v = 0; v < g->n; v++) {
		g->node[v].place.slab = -1;
		p.last[v] = -1;
		p.part[v].whole = NO_VAL;
	}
	if (g->variables_from)
		share_variables(&p);
	else
		place_variables(&p);
	place_leaves(&p);
	find_stored(&p);
	find_lifetimes(&p);
	place_gradients(&p);
	place_assigned(&p);
	place_concats(&p);
	plan_weights(&p);
	for (Val v = 0; v < g->n; v++)
		if (p.part[v].whole == NO_VAL && needs_bytes(&p, v))
			plan_want(&p, v, type_bytes(&g->node[v].type));
	p.used[SLAB_act] = plan_pack(&p);
	for (Val v = 0; v < g->n; v++)
		if (p.part[v].whole != NO_VAL) {
			const Place *w = &g->node[p.part[v].whole].place;

			g->node[v].place = p.part[v].place;
			g->node[v].place.slab = w->slab;
			g->node[v].place.offset += w->offset;
		}
	place_views(&p);
	for (int s = 0; s < SLAB_COUNT; s++)
		g->slab[s] = (Slab){intern(slab_names[s]), p.used[s]};
	plan_extend(g);
	return OK;
}

void
plan_extend(const Graph *g)
{
	for (int s = SLAB_host; g->variables_from && s <= SLAB_table; s++)
		g->variables_from->slab[s].bytes = g->slab[s].bytes;
}
