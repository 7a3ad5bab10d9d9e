/* How a kernel reads a value it does not compute: through views, parts and tables, down to memory.
 * Every view is an index map, so no view is ever copied only to be read. */
#include "compiler/codegen/region.h"

#include <string.h>

int
region_pointer(Region *r, const Node *n, bool write)
{
	Pointer p = node_pointer(r->a, r->g, (Val)(n - r->g->node), write);
	int64_t last = 0;

	for (int i = 0; i < n->type.rank; i++)
		last += (n->type.axis[i].size - 1) * n->place.stride[i];
	if (r->farthest < last)
		r->farthest = last;
	for (int i = 0; i < r->pointer.n; i++) {
		Pointer *q = &r->pointer.at[i];

		if (q->slab == p.slab && q->offset == p.offset && q->type.dtype == p.type.dtype) {
			q->read |= p.read;
			q->write |= p.write;
			if (q->type.rank < p.type.rank)
				q->type = p.type;
			q->extent = extent_union(q->extent, p.extent);
			if (write)
				q->to = p.to;
			else
				vec_push(r->a, &q->from, p.from.at[0]);
			return i;
		}
	}
	vec_push(r->a, &r->pointer, p);
	return r->pointer.n - 1;
}

int
region_number(Region *r, Number x)
{
	vec_push(r->a, &r->number, x);
	return r->number.n - 1;
}

void
identity_coords(const Region *r, const Type *t, Coord *at)
{
	for (int i = 0; i < t->rank; i++)
		at[i] = coord_axis(r, t->axis[i].name);
}

Coord
place_coord(const Region *r, const Node *n, const Coord *at)
{
	Coord c = {0};

	for (int i = 0; i < n->type.rank; i++)
		c = coord_add(
			r, c,
			coord_scale(r, at[i], n->type.axis[i].size == 1 ? 0 : n->place.stride[i]));
	return c;
}

/* at / by and at % by, which are exact only as text. */
static Coord
opaque(const Region *r, const Coord *at, char op, int64_t by)
{
	Coord c = {0};

	for (int i = 0; i < r->nspace; i++)
		if (at->coef[i] || (at->touches >> i & 1))
			c.touches |= 1u << i;
	if (!c.touches && !at->opaque) {
		c.c0 = op == '/' ? at->c0 / by : at->c0 % by;
		return c;
	}
	c.opaque = arena_printf(r->a, "((%s) %c %lld)", coord_text(r, at), op, (long long)by);
	c.unit = 1;
	return c;
}

/* Coordinates of the operand of view n, given those of n itself. */
static void
through_view(const Region *r, const Node *n, const Type *in, const Coord *at, Coord *out)
{
	const Attr *a = &n->attr;

	for (int i = 0; i < in->rank; i++) {
		const char *name = in->axis[i].name;
		int         j = type_find(&n->type, name);

		if (n->op == OP_rename && name == a->axis.name) {
			out[i] = at[type_find(&n->type, a->axes[0].name)];
		} else if (n->op == OP_slice && name == a->axis.name) {
			out[i] = a->naxes ? at[type_find(&n->type, a->axes[0].name)] : (Coord){0};
			out[i].c0 += a->offset;
		} else if (n->op == OP_split && name == a->axis.name) {
			out[i] = (Coord){0};
			for (int k = 0; k < a->naxes; k++)
				out[i] = coord_add(r, coord_scale(r, out[i], a->axes[k].size),
				                   at[type_find(&n->type, a->axes[k].name)]);
		} else if (n->op == OP_merge && j < 0) {
			const Coord *whole = &at[type_find(&n->type, a->axis.name)];
			int64_t      below = 1;
			int          k = 0;

			while (a->axes[k].name != name)
				k++;
			for (int l = k + 1; l < a->naxes; l++)
				below *= a->axes[l].size;
			out[i] = below > 1 ? opaque(r, whole, '/', below) : *whole;
			if (k > 0)
				out[i] = opaque(r, &out[i], '%', a->axes[k].size);
		} else {
			out[i] = at[j];
		}
	}
}

static const char *
load(Region *r, const Node *n, const Coord *at, unsigned *loops)
{
	Coord       c = place_coord(r, n, at);
	int         p = region_pointer(r, n, false);
	const char *text = coord_text(r, &c), *special;

	vec_push(r->a, &r->seen, c);
	*loops |= coord_loops(r, &c);
	if (r->on_load && (special = r->on_load(r, p, &c)))
		return special;
	return arena_printf(r->a, "p%d[%s]", p, text);
}

/* A comparison on this coordinate: its loops cannot be merged with others. */
static void
make_rigid(Region *r, const Coord *c)
{
	for (int i = 0; i < r->nspace; i++)
		if (c->coef[i] || (c->touches >> i & 1))
			r->rigid[i] = true;
}

static const char *
zero_of(Dtype d)
{
	return d == DT_f32 ? "0.0f" : "0";
}

/* Read a part that exists only where `where` is in lo .. hi - 1 (-1: no limit). */
static const char *
read_part(Region *r, Val v, const Coord *at, const Coord *where, int64_t lo, int64_t hi,
          unsigned *loops)
{
	const char *outer = r->guard, *x = coord_text(r, where), *text, *test = NULL;
	unsigned    outer_loops = r->guard_loops;

	if (lo >= 0)
		test = arena_printf(r->a, "%s >= %lld", x, (long long)lo);
	if (hi >= 0)
		test = arena_printf(r->a, "%s%s%s < %lld", test ? test : "", test ? " && " : "", x,
		                    (long long)hi);
	if (test) {
		r->guard = outer ? arena_printf(r->a, "%s && %s", outer, test) : test;
		r->guard_loops |= coord_loops(r, where);
	}
	text = read_value(r, v, at, loops);
	r->guard = outer;
	r->guard_loops = outer_loops;
	return text;
}

static const char *
read_concat(Region *r, const Node *n, const Coord *at, unsigned *loops)
{
	int         joint = type_find(&n->type, n->attr.axis.name);
	int64_t     start = n->attr.axis.size, end;
	const char *text = NULL, *where = coord_text(r, &at[joint]);

	*loops |= coord_loops(r, &at[joint]);
	make_rigid(r, &at[joint]);
	for (int i = n->nin - 1; i >= 0; i--) {
		const Type *in = &r->g->node[n->in[i]].type;
		Coord       sub[MAX_RANK];
		const char *part;

		end = start;
		start -= n->attr.axes[i].name ? n->attr.axes[i].size : 1;
		for (int k = 0; k < in->rank; k++) {
			bool own = in->axis[k].name == n->attr.axes[i].name &&
			           type_find(&n->type, in->axis[k].name) < 0;

			sub[k] = own || in->axis[k].name == n->attr.axis.name
			                 ? at[joint]
			                 : at[type_find(&n->type, in->axis[k].name)];
			if (own || in->axis[k].name == n->attr.axis.name)
				sub[k].c0 -= start;
		}
		part = read_part(r, n->in[i], sub, &at[joint], i > 0 ? start : -1,
		                 i < n->nin - 1 ? end : -1, loops);
		text = text ? arena_printf(r->a, "(%s < %lld ? %s : %s)", where, (long long)end,
		                           part, text)
		            : part;
	}
	return text;
}

static const char *
read_pad(Region *r, const Node *n, const Coord *at, unsigned *loops)
{
	const Type *in = &r->g->node[n->in[0]].type;
	int         whole = type_find(&n->type, n->attr.axis.name);
	int64_t     size = n->attr.naxes ? n->attr.axes[0].size : 1, lo = n->attr.offset;
	const char *where = coord_text(r, &at[whole]), *inside, *part;
	Coord       sub[MAX_RANK];

	*loops |= coord_loops(r, &at[whole]);
	make_rigid(r, &at[whole]);
	for (int k = 0; k < in->rank; k++) {
		if (n->attr.naxes && in->axis[k].name == n->attr.axes[0].name) {
			sub[k] = at[whole];
			sub[k].c0 -= lo;
		} else {
			sub[k] = at[type_find(&n->type, in->axis[k].name)];
		}
	}
	part = read_part(r, n->in[0], sub, &at[whole], lo > 0 ? lo : -1,
	                 lo + size < n->attr.axis.size ? lo + size : -1, loops);
	if (lo > 0 && lo + size < n->attr.axis.size)
		inside = arena_printf(r->a, "%s >= %lld && %s < %lld", where, (long long)lo, where,
		                      (long long)(lo + size));
	else if (lo > 0)
		inside = arena_printf(r->a, "%s >= %lld", where, (long long)lo);
	else
		inside = arena_printf(r->a, "%s < %lld", where, (long long)size);
	return arena_printf(r->a, "(%s ? %s : %s)", inside, part, zero_of(n->type.dtype));
}

/* An index that was computed may be below 0: then there is nothing to read, and the value is 0. */
static const char *
read_chosen(Region *r, const Node *n, const Coord *at, const char *row, unsigned row_loops,
            unsigned *loops)
{
	const char *outer = r->guard, *test = arena_printf(r->a, "%s >= 0", row), *text;
	unsigned    outer_loops = r->guard_loops;

	r->guard = outer ? arena_printf(r->a, "%s && %s", outer, test) : test;
	r->guard_loops |= row_loops;
	text = read_value(r, n->in[0], at, loops);
	r->guard = outer;
	r->guard_loops = outer_loops;
	return arena_printf(r->a, "(%s ? %s : %s)", test, text, zero_of(n->type.dtype));
}

static const char *
read_pick(Region *r, const Node *n, const Coord *at, unsigned *loops)
{
	const Type *in = &r->g->node[n->in[0]].type, *index = &r->g->node[n->in[1]].type;
	Coord       sub[MAX_RANK], where[MAX_RANK];
	unsigned    used = 0;
	const char *row;

	for (int k = 0; k < index->rank; k++)
		where[k] = at[type_find(&n->type, index->axis[k].name)];
	row = read_value(r, n->in[1], where, &used);
	for (int k = 0; k < in->rank; k++) {
		if (in->axis[k].name == n->attr.axis.name) {
			sub[k] = (Coord){.opaque = row, .unit = 1};
			for (int i = 0; i < r->nspace; i++)
				for (int l = 0; l < index->rank; l++)
					if (where[l].coef[i] || (where[l].touches >> i & 1))
						sub[k].touches |= 1u << i;
		} else {
			sub[k] = at[type_find(&n->type, in->axis[k].name)];
		}
	}
	*loops |= used;
	if (r->g->node[n->in[1]].op == OP_table)
		return read_value(r, n->in[0], sub, loops);
	return read_chosen(r, n, sub, row, used, loops);
}

const char *
read_value(Region *r, Val v, const Coord *at, unsigned *loops)
{
	const Node *n = &r->g->node[v];
	Coord       sub[MAX_RANK];

	if (n->op == OP_const) {
		if (n->type.dtype == DT_bool)
			return n->attr.num != 0 ? "1" : "0";
		return arena_printf(r->a, "@%d@",
		                    region_number(r, (Number){.kind = ARG_f32, .f = n->attr.num}));
	}
	if (n->place.slab >= 0 && !(r->local[v] >= 0))
		return load(r, n, at, loops);
	switch (n->op) {
	case OP_rename:
	case OP_split:
	case OP_merge:
	case OP_slice:
	case OP_reorder:
		through_view(r, n, &r->g->node[n->in[0]].type, at, sub);
		return read_value(r, n->in[0], sub, loops);
	case OP_broadcast: {
		const Type *in = &r->g->node[n->in[0]].type;

		for (int k = 0; k < in->rank; k++)
			sub[k] = at[type_find(&n->type, in->axis[k].name)];
		return read_value(r, n->in[0], sub, loops);
	}
	case OP_concat:
		return read_concat(r, n, at, loops);
	case OP_pad:
		return read_pad(r, n, at, loops);
	case OP_pick:
		return read_pick(r, n, at, loops);
	default:
		BUG("%%%d (%s) has no place in memory, yet kernel %d reads it", v,
		    op_info[n->op].name, r->kernel);
	}
}
