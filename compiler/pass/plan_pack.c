/* Packing by lifetime: largest first, each at the lowest offset where nothing that lives at the
 * same time lies. */
#include "compiler/pass/plan_private.h"

#include <stdlib.h>

void
plan_want(Plan *p, Val v, int64_t bytes)
{
	bytes = (bytes + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
	vec_push(p->g->arena, &p->want, (Want){v, bytes, 0, p->first[v], p->last[v]});
}

static int
larger_first(const void *x, const void *y)
{
	const Want *a = x, *b = y;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return a->v < b->v ? -1 : a->v > b->v;
}

static int
lower_first(const void *x, const void *y)
{
	const Want *const *a = x, *const *b = y;

	return (*a)->offset < (*b)->offset ? -1 : (*a)->offset > (*b)->offset;
}

int64_t
plan_pack(Plan *p)
{
	Want   *w = p->want.at;
	Want  **near = arena_new_array(p->g->arena, Want *, p->want.n + 1);
	int64_t top = 0;

	if (p->want.n == 0)
		return 0;
	qsort(w, (size_t)p->want.n, sizeof *w, larger_first);
	for (int i = 0; i < p->want.n; i++) {
		int64_t at = 0;
		int     n = 0;

		for (int j = 0; j < i; j++)
			if (w[j].first <= w[i].last && w[i].first <= w[j].last)
				near[n++] = &w[j];
		qsort(near, (size_t)n, sizeof *near, lower_first);
		for (int j = 0; j < n && near[j]->offset < at + w[i].bytes; j++)
			if (near[j]->offset + near[j]->bytes > at)
				at = near[j]->offset + near[j]->bytes;
		w[i].offset = at;
		if (at + w[i].bytes > top)
			top = at + w[i].bytes;
		p->g->node[w[i].v].place.slab = SLAB_act;
		p->g->node[w[i].v].place.offset = at;
		contiguous_strides(&p->g->node[w[i].v].type, p->g->node[w[i].v].place.stride);
	}
	return top;
}

void
plan_part(const Graph *g, Val v, Val whole, int64_t along, Part *part)
{
	const Node *c = &g->node[whole];
	int64_t     whole_stride[MAX_RANK], stride[MAX_RANK], elems;
	Type        t = g->node[v].type;
	int         joint = type_find(&c->type, c->attr.axis.name);

	contiguous_strides(&c->type, whole_stride);
	/* the operand's own axis runs along the joint axis; the others keep their names */
	for (int i = 0; i < t.rank; i++) {
		int at = type_find(&c->type, t.axis[i].name);

		stride[i] = at >= 0 ? whole_stride[at] : whole_stride[joint];
	}
	elems = along * whole_stride[joint];
	/* back through rename and merge to the value itself */
	while (node_is_alias(&g->node[v])) {
		const Node *n = &g->node[v];
		const Type *in = &g->node[n->in[0]].type;
		int64_t     back[MAX_RANK];

		for (int i = 0; i < in->rank; i++) {
			int     at = type_find(&t, in->axis[i].name);
			int64_t s = at >= 0 ? stride[at] : 0;

			if (n->op == OP_rename && in->axis[i].name == n->attr.axis.name) {
				s = stride[type_find(&t, n->attr.axes[0].name)];
			} else if (n->op == OP_merge) {
				for (int j = 0; j < n->attr.naxes; j++)
					if (n->attr.axes[j].name == in->axis[i].name) {
						s = stride[type_find(&t, n->attr.axis.name)];
						for (int k = j + 1; k < n->attr.naxes; k++)
							s *= n->attr.axes[k].size;
					}
			} else if (n->op != OP_rename && n->op != OP_reorder) {
				BUG("a part of a concat in place is seen through %s",
				    op_info[n->op].name);
			}
			back[i] = s;
		}
		v = n->in[0];
		t = *in;
		for (int i = 0; i < t.rank; i++)
			stride[i] = back[i];
	}
	part[v].whole = whole;
	part[v].place.offset = elems * dtype_bytes[t.dtype];
	for (int i = 0; i < t.rank; i++)
		part[v].place.stride[i] = stride[i];
}
