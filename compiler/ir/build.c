/* build: the only birthplace of nodes. Every wrapper ends in build(), which infers the type. What
 * is refused here is our own mistake (BUG): the front end and the parser told the user before. */
#include "compiler/ir/ir_private.h"

#include <string.h>

Val
build(Graph *g, Op op, const Val *in, int nin, const Attr *attr, const Type *type, Loc loc)
{
	Node        n = {.op = op, .nin = nin, .loc = loc, .kernel = -1, .place.slab = -1};
	const char *why = NULL;
	Val        *copy;

	if (attr)
		n.attr = *attr;
	if (infer_node(g->arena, g, op, in, nin, &n.attr, type, &n.type, &why) != OK)
		BUG("%s:%d:%d: cannot build %s: %s", loc.file ? loc.file : "?", loc.line, loc.col,
		    (unsigned)op < OP_COUNT ? op_info[op].name : "?", why);
	copy = arena_new_array(g->arena, Val, nin > 0 ? nin : 1);
	if (nin > 0)
		memcpy(copy, in, sizeof(Val) * (size_t)nin);
	n.in = copy;
	return graph_push(g, &n);
}

Val
build_const(Graph *g, double x, Loc loc)
{
	Attr attr = {.num = x};

	return build(g, OP_const, NULL, 0, &attr, NULL, loc);
}

Val
build_bool(Graph *g, int value, Loc loc)
{
	Attr attr = {.num = value ? 1 : 0};
	Type type = {.dtype = DT_bool};

	return build(g, OP_const, NULL, 0, &attr, &type, loc);
}

Val
build_leaf(Graph *g, Op op, const char *name, const Type *type, Loc loc)
{
	Attr attr = {.name = intern(name)};

	return build(g, op, NULL, 0, &attr, type, loc);
}

Val
build_mask(Graph *g, const char *name, const Type *type, const char *along, int64_t most, Loc loc)
{
	int  at = type_find(type, along);
	Attr attr = {.name = intern(name), .index = (int)most};

	if (at < 0)
		BUG("mask %s has no axis %s", name, along);
	attr.axis = type->axis[at];
	return build(g, OP_input, NULL, 0, &attr, type, loc);
}

Val
build_un(Graph *g, Op op, Val a, Loc loc)
{
	return build(g, op, &a, 1, NULL, NULL, loc);
}

Val
build_bin(Graph *g, Op op, Val a, Val b, Loc loc)
{
	Val in[2] = {a, b};

	return build(g, op, in, 2, NULL, NULL, loc);
}

Val
build_select(Graph *g, Val c, Val a, Val b, Loc loc)
{
	Val in[3] = {c, a, b};

	return build(g, OP_select, in, 3, NULL, NULL, loc);
}

static const Type *
type_of(const Graph *g, Val v)
{
	if (v < 0 || v >= g->n)
		BUG("there is no value %d", v);
	return &g->node[v].type;
}

Val
build_cast(Graph *g, Val a, Dtype to, Loc loc)
{
	Type type = *type_of(g, a);

	if (type.dtype == to)
		return a;
	type.dtype = to;
	return build(g, OP_cast, &a, 1, NULL, &type, loc);
}

static void
set_axes(Attr *attr, const Axis *axes, int n)
{
	if (n < 0 || n > MAX_RANK)
		BUG("%d axes; an op takes at most %d", n, MAX_RANK);
	attr->naxes = n;
	if (n > 0)
		memcpy(attr->axes, axes, sizeof(Axis) * (size_t)n);
}

static Val
build_axes(Graph *g, Op op, const Val *in, int nin, const Axis *axes, int n, Loc loc)
{
	Attr attr = {0};

	set_axes(&attr, axes, n);
	return build(g, op, in, nin, &attr, NULL, loc);
}

Val
build_reduce(Graph *g, Op op, Val a, const Axis *over, int n, Loc loc)
{
	return n == 0 ? a : build_axes(g, op, &a, 1, over, n, loc);
}

Val
build_mean(Graph *g, Val a, const Axis *over, int n, Loc loc)
{
	double count = 1;
	int    i;

	if (n == 0)
		return a;
	for (i = 0; i < n; i++)
		count *= (double)over[i].size;
	return build_bin(g, OP_mul, build_reduce(g, OP_sum, a, over, n, loc),
	                 build_const(g, 1 / count, loc), loc);
}

Val
build_contract(Graph *g, Val a, Val b, const Axis *over, int n, Loc loc)
{
	Val in[2] = {a, b};

	return build_axes(g, OP_contract, in, 2, over, n, loc);
}

Val
build_rename(Graph *g, Val a, Axis from, Axis to, Loc loc)
{
	Attr attr = {.axis = from, .naxes = 1, .axes = {to}};

	return build(g, OP_rename, &a, 1, &attr, NULL, loc);
}

Val
build_split(Graph *g, Val a, Axis from, const Axis *to, int n, Loc loc)
{
	Attr attr = {.axis = from};

	set_axes(&attr, to, n);
	return build(g, OP_split, &a, 1, &attr, NULL, loc);
}

Val
build_merge(Graph *g, Val a, const Axis *from, int n, Axis to, Loc loc)
{
	Attr attr = {.axis = to};

	set_axes(&attr, from, n);
	return build(g, OP_merge, &a, 1, &attr, NULL, loc);
}

Val
build_slice(Graph *g, Val a, Axis axis, int64_t offset, Axis part, Loc loc)
{
	Attr attr = {.axis = axis, .offset = offset};

	if (part.name)
		set_axes(&attr, &part, 1);
	return build(g, OP_slice, &a, 1, &attr, NULL, loc);
}

Val
build_pad(Graph *g, Val a, Axis part, Axis axis, int64_t offset, Loc loc)
{
	Attr attr = {.axis = axis, .offset = offset};

	if (part.name)
		set_axes(&attr, &part, 1);
	return build(g, OP_pad, &a, 1, &attr, NULL, loc);
}

/* A node names at most MAX_RANK parts, so a longer concat becomes one of concats; the axis of each
 * inner one is named after `along` and the elements it covers: "L.0-10". */
Val
build_concat(Graph *g, const Val *in, const Axis *parts, int n, Axis along, Loc loc)
{
	Val     val[MAX_RANK];
	Axis    part[MAX_RANK];
	int64_t start = 0;
	int     groups = 0, per = MAX_RANK, i, j;

	if (n <= MAX_RANK) {
		Attr attr = {.axis = along};
		set_axes(&attr, parts, n);
		return build(g, OP_concat, in, n, &attr, NULL, loc);
	}
	while ((n + per - 1) / per > MAX_RANK)
		per *= MAX_RANK;
	for (i = 0; i < n; i += per) {
		int     count = n - i < per ? n - i : per;
		int64_t size = 0;

		for (j = i; j < i + count; j++)
			size += parts[j].name ? parts[j].size : 1;
		if (count == 1) {
			val[groups] = in[i];
			part[groups] = parts[i];
		} else {
			part[groups] =
				(Axis){intern_printf("%s.%lld-%lld", along.name, (long long)start,
			                             (long long)(start + size)),
			               size};
			val[groups] = build_concat(g, in + i, parts + i, count, part[groups], loc);
		}
		groups++;
		start += size;
	}
	return build_concat(g, val, part, groups, along, loc);
}

Val
build_broadcast(Graph *g, Val a, const Axis *over, int n, Loc loc)
{
	return n == 0 ? a : build_axes(g, OP_broadcast, &a, 1, over, n, loc);
}

Val
build_broadcast_to(Graph *g, Val a, const Type *like, Loc loc)
{
	const Type *t = type_of(g, a);
	Axis        over[MAX_RANK];
	int         n = 0, i;

	for (i = 0; i < like->rank; i++)
		if (type_find(t, like->axis[i].name) < 0)
			over[n++] = like->axis[i];
	return build_broadcast(g, a, over, n, loc);
}

Val
build_reorder(Graph *g, Val a, const Type *order, Loc loc)
{
	Type type = *type_of(g, a);
	int  i;

	if (type.rank != order->rank)
		BUG("reorder from rank %d to rank %d", type.rank, order->rank);
	for (i = 0; i < type.rank && type.axis[i].name == order->axis[i].name; i++)
		;
	if (i == type.rank)
		return a;
	memcpy(type.axis, order->axis, sizeof type.axis);
	return build(g, OP_reorder, &a, 1, NULL, &type, loc);
}

Val
build_pick(Graph *g, Val a, Val index, Axis axis, Loc loc)
{
	Attr attr = {.axis = axis};
	Val  in[2] = {a, index};

	return build(g, OP_pick, in, 2, &attr, NULL, loc);
}

Val
build_places(Graph *g, Val mask, Axis axis, int64_t offset, Axis to, Loc loc)
{
	Attr attr = {.axis = axis, .offset = offset, .naxes = 1, .axes = {to}};

	return build(g, OP_places, &mask, 1, &attr, NULL, loc);
}

Val
build_ranks(Graph *g, Val mask, Axis axis, int64_t offset, Axis whole, Axis places, Loc loc)
{
	Attr attr = {.axis = axis, .offset = offset, .naxes = 2, .axes = {whole, places}};

	return build(g, OP_ranks, &mask, 1, &attr, NULL, loc);
}

Val
build_assign(Graph *g, const char *variable, Val a, Loc loc)
{
	Attr attr = {.name = intern(variable)};

	return build(g, OP_assign, &a, 1, &attr, NULL, loc);
}
