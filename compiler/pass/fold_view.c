/* fold_view: the rules of pass fold for views and sums: views that undo each other, slices that
 * look at one part only, sums of repeated values. A slice across several parts is left alone. */
#include "compiler/pass/rules.h"

#include <string.h>

static Val
fold_rename(Graph *g, const Node *n)
{
	const Node *a = &g->node[n->in[0]];
	Axis        from = n->attr.axis, to = n->attr.axes[0];

	if (a->op == OP_rename && a->attr.axes[0].name == from.name)
		return a->attr.axis.name == to.name
		               ? a->in[0]
		               : build_rename(g, a->in[0], a->attr.axis, to, n->loc);
	if (a->op == OP_broadcast) {
		Attr over = a->attr;
		Val  x = a->in[0];

		for (int i = 0; i < over.naxes; i++)
			if (over.axes[i].name == from.name) {
				over.axes[i] = to;
				return build_broadcast(g, x, over.axes, over.naxes, n->loc);
			}
		x = build_rename(g, x, from, to, n->loc);
		return build_broadcast(g, x, over.axes, over.naxes, n->loc);
	}
	return NO_VAL;
}

/* split after merge or merge after split, with the same parts in the same order. */
static Val
fold_regroup(Graph *g, const Node *n)
{
	const Node *a = &g->node[n->in[0]];
	Axis        was, now;

	if (a->op != (n->op == OP_split ? OP_merge : OP_split) || a->attr.naxes != n->attr.naxes)
		return NO_VAL;
	for (int i = 0; i < n->attr.naxes; i++)
		if (a->attr.axes[i].name != n->attr.axes[i].name)
			return NO_VAL;
	was = a->attr.axis;
	now = n->attr.axis;
	if (was.name == now.name)
		return a->in[0];
	return n->op == OP_merge ? build_rename(g, a->in[0], was, now, n->loc) : NO_VAL;
}

/* Elements offset .. of `axis` in x (which lacks it when axis.name is NULL: one element), called
 * `part`. */
static Val
take(Graph *g, Val x, Axis axis, int64_t offset, Axis part, Loc loc)
{
	if (!axis.name)
		return part.name ? build_broadcast(g, x, &part, 1, loc) : x;
	if (part.name == axis.name)
		return x;
	if (part.name && part.size == axis.size)
		return build_rename(g, x, axis, part, loc);
	return build_slice(g, x, axis, offset, part, loc);
}

static Val
slice_of_concat(Graph *g, const Node *n, const Node *a, Axis part)
{
	int64_t from = n->attr.offset, size = part.name ? part.size : 1, start = 0;

	for (int i = 0; i < a->nin; i++) {
		Axis    one = a->attr.axes[i];
		int64_t here = one.name ? one.size : 1;

		if (from >= start && from + size <= start + here) {
			Type like = n->type;

			return build_broadcast_to(
				g, take(g, a->in[i], one, from - start, part, n->loc), &like,
				n->loc);
		}
		start += here;
	}
	return NO_VAL;
}

static Val
slice_of_pad(Graph *g, const Node *n, const Node *a, Axis part)
{
	Axis    inner = a->attr.naxes ? a->attr.axes[0] : (Axis){0};
	int64_t from = n->attr.offset, to = from + (part.name ? part.size : 1);
	int64_t start = a->attr.offset, end = start + (inner.name ? inner.size : 1);

	if (from >= start && to <= end)
		return take(g, a->in[0], inner, from - start, part, n->loc);
	if ((to <= start || from >= end) && n->type.dtype == DT_f32)
		return build_broadcast_to(g, build_const(g, 0, n->loc), &n->type, n->loc);
	return NO_VAL;
}

static Val
slice_of_broadcast(Graph *g, const Node *n, const Node *a, Axis part)
{
	Attr over = a->attr;
	Val  x = a->in[0];

	for (int i = 0; i < over.naxes; i++) {
		if (over.axes[i].name != n->attr.axis.name)
			continue;
		if (part.name)
			over.axes[i] = part;
		else
			over.axes[i] = over.axes[--over.naxes];
		return build_broadcast(g, x, over.axes, over.naxes, n->loc);
	}
	x = build_slice(g, x, n->attr.axis, n->attr.offset, part, n->loc);
	return build_broadcast(g, x, over.axes, over.naxes, n->loc);
}

static Val
fold_slice(Graph *g, const Node *n)
{
	Node a = g->node[n->in[0]];
	Axis part = n->attr.naxes ? n->attr.axes[0] : (Axis){0}, axis = n->attr.axis;

	if (part.name && part.size == axis.size)
		return build_rename(g, n->in[0], axis, part, n->loc);
	if (a.op == OP_concat && a.attr.axis.name == axis.name)
		return slice_of_concat(g, n, &a, part);
	if (a.op == OP_pad && a.attr.axis.name == axis.name)
		return slice_of_pad(g, n, &a, part);
	if (a.op == OP_slice && a.attr.naxes && a.attr.axes[0].name == axis.name &&
	    part.name != a.attr.axis.name)
		return build_slice(g, a.in[0], a.attr.axis, a.attr.offset + n->attr.offset, part,
		                   n->loc);
	if (a.op == OP_broadcast)
		return slice_of_broadcast(g, n, &a, part);
	return NO_VAL;
}

static Val
fold_pad(Graph *g, const Node *n)
{
	if (n->attr.naxes && n->attr.axes[0].size == n->attr.axis.size)
		return build_rename(g, n->in[0], n->attr.axes[0], n->attr.axis, n->loc);
	return NO_VAL;
}

static Val
fold_concat(Graph *g, const Node *n)
{
	if (n->nin != 1)
		return NO_VAL;
	if (n->attr.axes[0].name)
		return build_rename(g, n->in[0], n->attr.axes[0], n->attr.axis, n->loc);
	return build_broadcast(g, n->in[0], &n->attr.axis, 1, n->loc);
}

static Val
fold_broadcast(Graph *g, const Node *n)
{
	const Node *a = &g->node[n->in[0]];

	return a->op == OP_broadcast ? build_broadcast_to(g, a->in[0], &n->type, n->loc) : NO_VAL;
}

static bool
among(const Attr *t, const char *name)
{
	for (int i = 0; i < t->naxes; i++)
		if (t->axes[i].name == name)
			return true;
	return false;
}

/* A reduction over axes along which the operand only repeats. */
static Val
reduce_repeated(Graph *g, const Node *n, const Node *a)
{
	Attr   over = {0}, left = {0};
	double count = 1;
	Val    x = a->in[0];

	for (int i = 0; i < a->attr.naxes; i++)
		if (among(&n->attr, a->attr.axes[i].name))
			count *= (double)a->attr.axes[i].size;
		else
			left.axes[left.naxes++] = a->attr.axes[i];
	for (int i = 0; i < n->attr.naxes; i++)
		if (!among(&a->attr, n->attr.axes[i].name))
			over.axes[over.naxes++] = n->attr.axes[i];
	if (over.naxes == n->attr.naxes)
		return NO_VAL;
	x = build_reduce(g, n->op, x, over.axes, over.naxes, n->loc);
	if (n->op == OP_sum)
		x = build_bin(g, OP_mul, x, build_const(g, count, n->loc), n->loc);
	return build_broadcast(g, x, left.axes, left.naxes, n->loc);
}

static Val
fold_reduce(Graph *g, const Node *n)
{
	Node a = g->node[n->in[0]];

	if (a.op == OP_broadcast)
		return reduce_repeated(g, n, &a);
	if (a.op == n->op && a.attr.naxes + n->attr.naxes <= MAX_RANK) {
		Attr both = a.attr;

		memcpy(both.axes + both.naxes, n->attr.axes, sizeof(Axis) * (size_t)n->attr.naxes);
		both.naxes += n->attr.naxes;
		return build_reduce(g, n->op, a.in[0], both.axes, both.naxes, n->loc);
	}
	return NO_VAL;
}

Val
fold_view(Graph *g, Val v)
{
	Node n = g->node[v];

	switch (n.op) {
	case OP_rename:
		return fold_rename(g, &n);
	case OP_split:
	case OP_merge:
		return fold_regroup(g, &n);
	case OP_slice:
		return fold_slice(g, &n);
	case OP_pad:
		return fold_pad(g, &n);
	case OP_concat:
		return fold_concat(g, &n);
	case OP_broadcast:
		return fold_broadcast(g, &n);
	case OP_sum:
	case OP_rmax:
		return fold_reduce(g, &n);
	default:
		return NO_VAL;
	}
}
