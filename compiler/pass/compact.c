/* pass_compact: rows that no result needs are not computed.
 *     %m = input "m" at_most 8 over N:16
 *     %1 = contract %x, %w over D : f32[B:2, N:16, F:3]
 *     %2 = select %m, %1, 0       %3 = sum %2 over B, N, F
 *         ==>   %p = places %m, N at 0 as N_m:8      the rows that count, side by side
 *               %r = pick %x, %p along N : f32[B:2, N_m:8, D:4]
 *               %1 = contract %r, %w over D : f32[B:2, N_m:8, F:3]
 *               %4 = le 0, %p as f32           the rest are rows of nothing
 *               %2 = select %4, %1, 0       %3 = sum %2 over B, N_m, F
 * A sum of what a mask selects asks for the masked rows only. Values that are computed row by row
 * ask the same of their operands; where that ends, rows are picked. A value that anything else
 * wants whole stays whole. Done only for a mask that spares enough rows of some matrix product.
 * Before autodiff, so that the gradients are compact, too.
 * needs: nothing.  keeps: values, but for the order of sums.  leaves alone: attention, whose keys are
 * all tokens; sums, softmax and standardise along the masked axis; draws, whose elements are counted. */
#include "compiler/pass/pass_private.h"
#include "compiler/pass/rules.h"

#include <string.h>

/* A mask is worth it when it promises to leave at most this share of the rows. */
enum { MOST_OF_FOUR = 3 };

/* Which rows of a value are wanted: those along `axis` from `offset` on that the mask selects. */
typedef struct {
	Val         mask; /* NOBODY: no user was seen yet; EVERYBODY: all rows */
	const char *axis;
	int64_t     offset;
} Demand;
enum { NOBODY = -1, EVERYBODY = -2 };

typedef struct {
	Graph  *g;
	int     n;      /* nodes that were there before */
	Demand *demand; /* per value */
	bool   *summed; /* per value: all its users are sums along the axis of the mask that selects
	                   it */
	bool   *worth;  /* per mask: some matrix product has fewer rows */
	Axis   *rows;   /* per mask: the axis of its rows */
	int    *uses;   /* per value */
	Val    *compact, *picked; /* per value: computed for its rows only; its rows, picked */
	Val *whole; /* per value: where the node is that it was before; itself but for compact ones
	              */
} Compact;

static bool
same_rows(const Demand *a, const Demand *b)
{
	return a->mask == b->mask && a->axis == b->axis && a->offset == b->offset;
}

/* Had value v that axis before? */
static bool
has_axis(const Compact *c, Val v, const char *name)
{
	return type_find(&c->g->node[c->whole[v]].type, name) >= 0;
}

/* ---- what is wanted ------------------------------------------------------------------------- */

static bool
is_mask(const Graph *g, Val v)
{
	const Node *n = &g->node[v];

	return n->op == OP_input && n->type.dtype == DT_bool && n->attr.index > 0 &&
	       4 * (int64_t)n->attr.index <= MOST_OF_FOUR * n->attr.axis.size;
}

/* select(m, x, 0) with a mask m. */
static bool
selects(const Graph *g, const Node *n)
{
	double zero;

	return n->op == OP_select && is_mask(g, n->in[0]) && fold_const(g, n->in[2], &zero) &&
	       zero == 0;
}

static void
find_summed(Compact *c)
{
	const Graph *g = c->g;
	int         *uses = graph_uses(g, g->arena);

	c->uses = graph_uses(g, g->arena);
	for (Val v = 0; v < c->n; v++)
		c->summed[v] = selects(g, &g->node[v]);
	for (Val v = 0; v < c->n; v++) {
		const Node *n = &g->node[v];

		for (int i = 0; i < n->nin; i++) {
			Val  in = n->in[i];
			bool along = false;

			uses[in]--;
			if (!c->summed[in])
				continue;
			for (int k = 0; k < n->attr.naxes && n->op == OP_sum; k++)
				along |= n->attr.axes[k].name ==
				         g->node[g->node[in].in[0]].attr.axis.name;
			c->summed[in] = along;
		}
	}
	for (Val v = 0; v < c->n; v++) /* what is left are outputs and the like */
		if (uses[v] > 0) {
			c->summed[v] = false;
			c->demand[v].mask = EVERYBODY;
		}
}

static bool
lists(const Attr *t, const char *name)
{
	for (int i = 0; i < t->naxes; i++)
		if (t->axes[i].name == name)
			return true;
	return false;
}

/* Does row r of v along d->axis follow from row r of its operands alone? */
static bool
row_by_row(const Compact *c, Val v, const Demand *d)
{
	const Node *n = &c->g->node[v], *m = &c->g->node[d->mask];
	const Attr *t = &n->attr;

	for (int i = 0; i < m->type.rank; i++)
		if (m->type.axis[i].name != m->attr.axis.name &&
		    !has_axis(c, v, m->type.axis[i].name))
			return false;
	switch (n->op) {
	case OP_rename:
		return true;
	case OP_slice:
		return t->naxes == 1;
	case OP_sum:
	case OP_rmax:
	case OP_contract:
	case OP_standardise:
	case OP_softmax:
		return !lists(t, d->axis);
	case OP_broadcast:
	case OP_split:
	case OP_merge:
		return !lists(t, d->axis) && t->axis.name != d->axis;
	case OP_concat:
	case OP_pad:
		return t->axis.name != d->axis && !lists(t, d->axis);
	case OP_pick:
		return !has_axis(c, n->in[1], d->axis) && t->axis.name != d->axis;
	case OP_gelu:
	case OP_smooth_l1:
		return true;
	default:
		return op_info[n->op].class == CLASS_ELEM;
	}
}

/* Has operand i of v rows of its own? */
static bool
carries(const Compact *c, Val v, int i, const char *axis)
{
	const Graph *g = c->g;
	const Node  *n = &g->node[v];

	return has_axis(c, n->in[i], axis) && !(n->op == OP_pick && i == 1) &&
	       !(i == 0 && selects(g, n) && g->node[n->in[0]].attr.axis.name == axis);
}

/* What v's operand must give for the rows d of v. */
static Demand
asked_of(const Graph *g, Val v, const Demand *d)
{
	const Node *n = &g->node[v];
	Demand      q = *d;

	if ((n->op == OP_rename || n->op == OP_slice) && n->attr.axes[0].name == d->axis) {
		q.axis = n->attr.axis.name;
		q.offset += n->op == OP_slice ? n->attr.offset : 0;
	}
	return q;
}

static void
ask(Compact *c, Val v, const Demand *d)
{
	Demand *have = &c->demand[v];

	if (have->mask == NOBODY)
		*have = *d;
	else if (!same_rows(have, d))
		have->mask = EVERYBODY;
}

static void
find_demands(Compact *c)
{
	const Graph *g = c->g;
	const Demand all = {.mask = EVERYBODY};

	for (Val v = c->n - 1; v >= 0; v--) {
		const Node *n = &g->node[v];
		Demand     *d = &c->demand[v], rows = all;

		if (c->summed[v]) {
			rows = (Demand){n->in[0], g->node[n->in[0]].attr.axis.name, 0};
		} else if (d->mask >= 0) {
			if (row_by_row(c, v, d))
				rows = asked_of(g, v, d);
			else
				d->mask = EVERYBODY;
		}
		for (int i = 0; i < n->nin; i++)
			ask(c, n->in[i],
			    rows.mask >= 0 && carries(c, v, i, rows.axis) ? &rows : &all);
		if (d->mask >= 0 && n->op == OP_contract)
			c->worth[d->mask] = true;
	}
}

/* Lies v in memory whoever reads it? */
static bool
stored_anyway(const Compact *c, Val v)
{
	Val root = alias_root(c->g, v);
	OpClass class = op_info[c->g->node[root].op].class;

	return class == CLASS_LEAF || class == CLASS_CONTRACT || c->uses[root] > 1 ||
	       c->g->node[root].op == OP_attend;
}

/* Rows are not picked from values that would be in memory for that only. Where no matrix product
 * gains by it, a value that follows from such is computed whole: its rows are picked when it is in
 * memory anyway, and otherwise its users are whole, too, up to the sum. */
static void
give_up(Compact *c)
{
	const Graph *g = c->g;
	bool        *gains = arena_new_array(g->arena, bool, c->n);
	bool        *costs = arena_new_array(g->arena, bool, c->n);
	bool        *whole = arena_new_array(g->arena, bool, c->n);

	for (Val v = 0; v < c->n; v++) {
		const Node *n = &g->node[v];
		Demand      q;

		if (c->demand[v].mask < 0 || c->summed[v])
			continue;
		q = asked_of(g, v, &c->demand[v]);
		gains[v] = n->op == OP_contract;
		for (int i = 0; i < n->nin; i++) {
			Val  in = n->in[i];
			bool rows = c->demand[in].mask >= 0 && !whole[in];

			if (!carries(c, v, i, q.axis))
				continue;
			gains[v] |= rows && gains[in];
			costs[v] |= rows ? costs[in] : !stored_anyway(c, in);
		}
		costs[v] = costs[v] && !gains[v];
		whole[v] = costs[v] && stored_anyway(c, v);
	}
	for (Val v = c->n - 1; v >= 0; v--) {
		const Node *n = &g->node[v];

		if (c->summed[v] && costs[n->in[1]] && !whole[n->in[1]])
			c->summed[v] = false;
		if (c->demand[v].mask < 0 || c->summed[v] || !(costs[v] || whole[v]))
			continue;
		c->demand[v].mask = EVERYBODY;
		for (int i = 0; i < n->nin; i++)
			whole[n->in[i]] |= !gains[n->in[i]];
	}
}

/* ---- the new graph -------------------------------------------------------------------------- */

/* A name for the rows of a mask that no axis has. */
static Axis
rows_axis(const Compact *c, Val mask)
{
	const Attr *t = &c->g->node[mask].attr;
	const char *name = intern_printf("%s_%s", t->axis.name, t->name);

	for (Val v = 0; v < c->n; v++)
		if (has_axis(c, v, name)) {
			name = intern_printf("%s_", name);
			v = -1;
		}
	return (Axis){name, t->index};
}

/* Where the rows of a mask lie, from offset on; ANY: wherever somebody has asked for them before.
 */
enum { ANY = -1 };

static Val
places(Compact *c, Val mask, int64_t offset, Loc loc)
{
	Graph *g = c->g;

	for (Val v = c->n; v < g->n; v++)
		if (g->node[v].op == OP_places && g->node[v].in[0] == mask &&
		    (offset == ANY || g->node[v].attr.offset == offset))
			return v;
	return build_places(g, mask, g->node[mask].attr.axis, offset == ANY ? 0 : offset,
	                    c->rows[mask], loc);
}

/* Rows d of v, a value or an operand. */
static Val
rows_of_value(Compact *c, Val v, const Demand *d, Loc loc)
{
	Graph *g = c->g;
	Val   *known = &c->picked[v];
	int    at;

	if (c->compact[v] != NO_VAL)
		return c->compact[v];
	at = type_find(&g->node[v].type, d->axis);
	/* the rows that were picked last: one value is hardly ever picked from in two ways */
	if (*known == NO_VAL || g->node[g->node[*known].in[1]].in[0] != d->mask ||
	    g->node[g->node[*known].in[1]].attr.offset != d->offset ||
	    g->node[*known].attr.axis.name != d->axis)
		*known = build_pick(g, v, places(c, d->mask, d->offset, loc),
		                    g->node[v].type.axis[at], loc);
	return *known;
}

/* The new node stands where v stood, so that things are still computed in the order in which they
 * were written. */
static Val
instead(Compact *c, Val v, Val new)
{
	Node old = c->g->node[v];

	c->g->node[v] = c->g->node[new];
	c->g->node[new] = old;
	c->whole[v] = new;
	return v;
}

/* v for the rows d only. */
static Val
compacted(Compact *c, Val v, const Demand *d)
{
	Graph *g = c->g;
	Node   n = g->node[v];
	Demand q = asked_of(g, v, d);
	Type   type = n.type;
	Val   *in = arena_new_array(g->arena, Val, n.nin + 1);

	for (int i = 0; i < n.nin; i++)
		in[i] = carries(c, v, i, q.axis) ? rows_of_value(c, n.in[i], &q, n.loc) : n.in[i];
	if (q.axis != d->axis) /* rename and slice of the axis itself */
		return in[0];
	if (n.op == OP_slice && n.attr.axes[0].name == d->axis)
		return in[0];
	type.axis[type_find(&type, d->axis)] = c->rows[d->mask];
	return instead(c, v, build(g, n.op, in, n.nin, &n.attr, &type, n.loc));
}

/* A sum of rows that a mask selects. */
static void
replace_sum(Compact *c, Val v)
{
	Graph *g = c->g;
	Node   n = g->node[v], s = g->node[n.in[0]];
	Demand d = {s.in[0], g->node[s.in[0]].attr.axis.name, 0};
	Val    rows = has_axis(c, s.in[1], d.axis) ? rows_of_value(c, s.in[1], &d, s.loc) : s.in[1];
	Val    index = build_cast(g, places(c, d.mask, ANY, s.loc), DT_f32, s.loc);
	Val    there = build_bin(g, OP_le, build_const(g, 0, s.loc), index, s.loc);

	for (int i = 0; i < n.attr.naxes; i++)
		if (n.attr.axes[i].name == d.axis)
			n.attr.axes[i] = c->rows[d.mask];
	rows = build_select(g, there, rows, s.in[2], s.loc);
	(void)instead(c, v, build_reduce(g, OP_sum, rows, n.attr.axes, n.attr.naxes, n.loc));
}

Status
pass_compact(Graph *g)
{
	Compact c = {.g = g, .n = g->n};
	bool    any = false;

	c.demand = arena_new_array(g->arena, Demand, c.n);
	c.summed = arena_new_array(g->arena, bool, c.n);
	c.worth = arena_new_array(g->arena, bool, c.n);
	c.rows = arena_new_array(g->arena, Axis, c.n);
	c.compact = arena_new_array(g->arena, Val, c.n);
	c.picked = arena_new_array(g->arena, Val, c.n);
	c.whole = arena_new_array(g->arena, Val, c.n);
	for (Val v = 0; v < c.n; v++) {
		c.demand[v].mask = NOBODY;
		c.compact[v] = c.picked[v] = NO_VAL;
		c.whole[v] = v;
	}
	find_summed(&c);
	find_demands(&c);
	give_up(&c);
	for (Val v = 0; v < c.n; v++)
		if (c.worth[v]) {
			c.rows[v] = rows_axis(&c, v);
			any = true;
		}
	if (!any)
		return OK;
	for (Val v = 0; v < c.n; v++) {
		Val in = g->node[v].nin ? g->node[v].in[0] : NO_VAL;

		if (c.demand[v].mask >= 0 && c.worth[c.demand[v].mask] && !c.summed[v])
			c.compact[v] = compacted(&c, v, &c.demand[v]);
		else if (g->node[v].op == OP_sum && c.summed[in] && c.worth[g->node[in].in[0]])
			replace_sum(&c, v);
	}
	graph_commit(g);
	return OK;
}
