/* A fused kernel's iteration space: which axes are walked outside (in parallel) and which inside,
 * and which neighbours are walked by one loop because every array they index is contiguous over
 * both. */
#include "compiler/codegen/region.h"

#include <string.h>

enum { SHORT_LOOP = 32 }; /* an inner loop shorter than this takes the next one in as well */

static bool
is_reduce(const Node *n)
{
	return n->op == OP_sum || n->op == OP_rmax;
}

/* The axes of v, outermost in memory first when it has a place. */
static int
ordered_axes(const Graph *g, Val v, Axis *out)
{
	const Node *n = &g->node[v];
	int64_t     stride[MAX_RANK];

	for (int i = 0; i < n->type.rank; i++) {
		Axis    x = n->type.axis[i];
		int64_t s = n->place.slab >= 0 ? n->place.stride[i] : n->type.rank - i;
		int     j = i;

		for (; j > 0 && stride[j - 1] < s && n->place.slab >= 0; j--) {
			stride[j] = stride[j - 1];
			out[j] = out[j - 1];
		}
		stride[j] = s;
		out[j] = x;
	}
	return n->type.rank;
}

/* Axes of size 1 that some value of the kernel has, though the one of most axes may not: nobody
 * walks them. */
static void
drop_ones(Region *r, const Type *t)
{
	for (int i = 0; i < t->rank; i++) {
		bool known = t->axis[i].size != 1;

		for (int k = 0; k < r->ndropped; k++)
			known |= r->dropped[k] == t->axis[i].name;
		if (known)
			continue;
		if (r->ndropped == MAX_DROPPED)
			BUG("kernel %d has more than %d axes of size 1", r->kernel, MAX_DROPPED);
		r->dropped[r->ndropped++] = t->axis[i].name;
	}
}

static void
space_add(Region *r, const Type *t)
{
	for (int i = 0; i < t->rank; i++) {
		bool known = t->axis[i].size == 1;

		for (int k = 0; k < r->nspace; k++)
			known |= r->space[k].name == t->axis[i].name;
		if (known)
			continue;
		if (r->nspace == MAX_LOOPS)
			BUG("kernel %d walks more than %d axes", r->kernel, MAX_LOOPS);
		r->space[r->nspace++] = t->axis[i];
	}
}

static void
find_space(Region *r)
{
	Val  best = NO_VAL;
	Axis axis[MAX_RANK];
	int  rank = -1, n;

	for (int i = 0; i < r->n; i++) {
		const Node *node = &r->g->node[r->node[i]];

		if (node->type.rank > rank) {
			rank = node->type.rank;
			best = r->node[i];
		}
	}
	for (int i = 0; i < r->n; i++) {
		const Node *node = &r->g->node[r->node[i]];

		if (is_reduce(node) && r->g->node[node->in[0]].type.rank > rank) {
			rank = r->g->node[node->in[0]].type.rank;
			best = node->in[0];
		}
	}
	if (r->local[best] >= 0) {
		n = rank;
		memcpy(axis, r->g->node[best].type.axis, sizeof *axis * (size_t)n);
	} else {
		n = ordered_axes(r->g, best, axis);
	}
	for (int i = 0; i < n; i++) {
		if (axis[i].size != 1)
			r->space[r->nspace++] = axis[i];
	}
	/* statistics of rows that another kernel walks may be all that is left of them here */
	for (int i = 0; i < r->n; i++) {
		const Node *node = &r->g->node[r->node[i]];

		space_add(r, &node->type);
		if (is_reduce(node))
			space_add(r, &r->g->node[node->in[0]].type);
	}
	for (int i = 0; i < r->n; i++) {
		const Node *node = &r->g->node[r->node[i]];

		drop_ones(r, &node->type);
		for (int k = 0; k < node->nin; k++)
			drop_ones(r, &r->g->node[node->in[k]].type);
	}
}

/* Inner: what a reduction inside the rows sums over, or what a column reduction leaves. A column
 * reduction that leaves more than fits a small stack is walked the other way round: its result
 * outside, its sum inside. */
static void
find_inner(Region *r)
{
	int64_t column = 1;
	bool    inner[MAX_LOOPS] = {false};

	for (int k = 0; k < r->n; k++) {
		const Node *n = &r->g->node[r->node[k]];
		bool        col = reduce_is_column(r->g, n);

		for (int i = 0; i < r->nspace; i++)
			if ((type_find(&n->type, r->space[i].name) >= 0) == col)
				inner[i] = true;
		r->columns |= col;
	}
	for (int i = 0; i < r->nspace; i++)
		if (inner[i])
			column *= r->space[i].size;
	if (r->columns && r->n == 1 && column > 16384) {
		int last = -1;

		r->columns = false;
		for (int i = 0; i < r->nspace; i++) {
			if (inner[i])
				last = i;
			inner[i] = !inner[i];
		}
		inner[last] = true;
	}
	memcpy(r->inner, inner, sizeof r->inner);
}

static void
outer_first(Region *r)
{
	Axis space[MAX_LOOPS];
	bool inner[MAX_LOOPS];
	int  n = 0;

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < r->nspace; i++)
			if (r->inner[i] == (pass == 1)) {
				space[n] = r->space[i];
				inner[n++] = r->inner[i];
			}
	memcpy(r->space, space, sizeof space);
	memcpy(r->inner, inner, sizeof inner);
}

static void
one_loop_per_axis(Region *r)
{
	r->nloop = r->nspace;
	for (int i = 0; i < r->nspace; i++) {
		r->group[i] = i;
		r->within[i] = 1;
		r->loop[i] = (Loop){r->space[i].size, r->inner[i], intern_printf("i%d", i), 0};
	}
}

/* Visit every load and store once, for their positions. */
static void
survey(Region *r)
{
	for (int k = 0; k < r->n; k++) {
		const Node *n = &r->g->node[r->node[k]];
		Coord       at[MAX_RANK];
		unsigned    loops = 0;

		identity_coords(r, &n->type, at);
		if (n->place.slab >= 0) {
			Coord c = place_coord(r, n, at);

			vec_push(r->a, &r->seen, c);
		}
		if (n->op == OP_uniform)
			for (int i = 0; i < r->nspace; i++)
				r->rigid[i] = true;
		if (op_is_mapped(n->op)) {
			(void)read_value(r, r->node[k], at, &loops);
			continue;
		}
		for (int i = 0; i < n->nin; i++)
			if (r->local[n->in[i]] < 0) {
				identity_coords(r, &r->g->node[n->in[i]].type, at);
				(void)read_value(r, n->in[i], at, &loops);
			}
	}
	for (int i = 0; i < r->seen.n; i++)
		for (int k = 0; k < r->nspace; k++)
			if (r->seen.at[i].touches >> k & 1)
				r->rigid[k] = true;
}

static bool
has_both_or_neither(const Region *r, const char *x, const char *y)
{
	for (int k = 0; k < r->n; k++) {
		const Type *t = &r->g->node[r->node[k]].type;

		if ((type_find(t, x) >= 0) != (type_find(t, y) >= 0))
			return false;
	}
	return true;
}

static bool
loops_merge(const Region *r, int a, int b)
{
	if (r->rigid[a] || r->rigid[b] || r->inner[a] != r->inner[b])
		return false;
	if (!has_both_or_neither(r, r->space[a].name, r->space[b].name))
		return false;
	for (int i = 0; i < r->seen.n; i++)
		if (r->seen.at[i].coef[a] != r->seen.at[i].coef[b] * r->space[b].size)
			return false;
	return true;
}

static void
merge_loops(Region *r)
{
	r->nloop = 0;
	for (int i = 0; i < r->nspace; i++) {
		bool joins = i > 0 && loops_merge(r, i - 1, i);

		if (joins) {
			r->loop[r->nloop - 1].size *= r->space[i].size;
		} else {
			r->loop[r->nloop] = (Loop){r->space[i].size, r->inner[i], NULL, 0};
			r->nloop++;
		}
		r->group[i] = r->nloop - 1;
	}
	for (int i = r->nspace - 1; i >= 0; i--)
		r->within[i] = i + 1 < r->nspace && r->group[i + 1] == r->group[i]
		                       ? r->within[i + 1] * r->space[i + 1].size
		                       : 1;
}

/* Without reductions any loop may be inner: the last, and those before it as long as the inner part
 * is short. */
static void
choose_inner(Region *r)
{
	int64_t row = 1;

	for (int l = r->nloop - 1; l >= 0 && row < SHORT_LOOP; l--) {
		r->loop[l].inner = true;
		row *= r->loop[l].size;
	}
}

static bool
is_flat(const Region *r)
{
	if (r->nloop != 1 || r->columns)
		return false;
	for (int k = 0; k < r->n; k++) {
		const Node *n = &r->g->node[r->node[k]];
		/* what is computed once, before the loop, makes it a row */
		bool inside = false;

		for (int i = 0; i < r->nspace && !inside; i++)
			inside = r->group[i] == 0 && type_find(&n->type, r->space[i].name) >= 0;
		if (!inside || is_reduce(n) || n->op == OP_uniform)
			return false;
	}
	for (int i = 0; i < r->seen.n; i++) {
		const Coord *c = &r->seen.at[i];

		if (c->touches || c->opaque || c->c0)
			return false;
		for (int k = 0; k < r->nspace; k++)
			if (r->within[k] == 1 && c->coef[k] != 0 && c->coef[k] != 1)
				return false;
	}
	return true;
}

void
region_build(Region *r, Arena *a, const Graph *g, int kernel)
{
	bool any = false;

	*r = (Region){.g = g, .a = a, .own = arena_new(), .kernel = kernel};
	r->node = arena_new_array(r->own, Val, g->n);
	r->local = arena_new_array(r->own, int, g->n);
	for (Val v = 0; v < g->n; v++) {
		r->local[v] = -1;
		if (g->node[v].kernel == kernel) {
			r->local[v] = r->n;
			r->node[r->n++] = v;
		}
	}
	find_space(r);
	find_inner(r);
	outer_first(r);
	one_loop_per_axis(r);
	survey(r);
	merge_loops(r);
	for (int l = 0; l < r->nloop; l++)
		any = any || r->loop[l].inner;
	if (!any && !r->columns)
		choose_inner(r);
	for (int l = 0; l < r->nloop; l++) {
		r->loop[l].var = intern_printf("i%d", l);
		r->nouter += !r->loop[l].inner;
	}
	r->flat = is_flat(r);
	r->pointer.n = r->number.n = 0;
}

void
region_close(Region *r)
{
	arena_free(r->own);
	r->own = NULL;
}
