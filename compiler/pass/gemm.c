/* pass_gemm: contractions become gemms.
 *     %2 = contract %x, %w over D   %3 = add %2, %b      ==>   %3 = gemm %x, %w, %b over D
 *     three contractions of one value with q, k and v    ==>   one gemm with the weights side by side
 * First, renames between an axis and its `like` (queries T, keys U) are moved next to attention, so
 * that q, k and v read the same value and their gradients are summed over the same axes.
 * needs: nothing.  keeps: types of outputs.  leaves alone: everything that is no contraction. */
#include "compiler/pass/pass_private.h"

/* For a pair of axes joined by a rename, the one that came first is kept wherever there is a
 * choice. */
typedef struct {
	const char *first, *second;
} Pair;
typedef Vec(Pair) Pairs;

static int
pair_order(const Pairs *p, const char *from, const char *to)
{
	for (int i = 0; i < p->n; i++) {
		if (p->at[i].first == from && p->at[i].second == to)
			return 1; /* first -> second */
		if (p->at[i].first == to && p->at[i].second == from)
			return -1; /* second -> first */
	}
	return 0;
}

static void
collect_pairs(Graph *g, Pairs *pairs)
{
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (n->op == OP_rename &&
		    !pair_order(pairs, n->attr.axis.name, n->attr.axes[0].name))
			vec_push(g->arena, pairs, (Pair){n->attr.axis.name, n->attr.axes[0].name});
	}
}

/* contract(rename(x, T -> U), w): where U is free, contract x and rename the result; where U is
 * summed, rename the other operand back. Returns the replacement or NO_VAL. */
static Val
pull_rename(Graph *g, Val v, const Pairs *pairs)
{
	for (int side = 0; side < 2; side++) {
		Node n = g->node[v];
		Val  other = n.in[1 - side];
		Node r = g->node[n.in[side]];
		Axis from, to;
		Attr attr = n.attr;
		Val  in[2], out;
		bool summed = false;

		if (r.op != OP_rename ||
		    pair_order(pairs, r.attr.axis.name, r.attr.axes[0].name) != 1)
			continue;
		from = r.attr.axis;
		to = r.attr.axes[0];
		if (type_find(&g->node[other].type, from.name) >= 0)
			continue;
		for (int i = 0; i < attr.naxes; i++)
			if (attr.axes[i].name == to.name) {
				attr.axes[i] = from;
				summed = true;
			}
		if (type_find(&n.type, from.name) >= 0 ||
		    (!summed && type_find(&g->node[other].type, to.name) >= 0))
			continue;
		in[side] = r.in[0];
		in[1 - side] = summed ? build_rename(g, other, to, from, n.loc) : other;
		out = build_contract(g, in[0], in[1], attr.axes, attr.naxes, n.loc);
		if (g->node[out].type.dtype != n.type.dtype)
			g->node[out].type.dtype = n.type.dtype;
		return summed ? out : build_rename(g, out, from, to, n.loc);
	}
	return NO_VAL;
}

/* rename(x, T -> U) + bias = rename(x + bias, T -> U): the bias meets the contraction it belongs
 * to. */
static Val
pull_rename_from_add(Graph *g, Val v, const Pairs *pairs)
{
	Node n = g->node[v];

	for (int side = 0; side < 2; side++) {
		Node        r = g->node[n.in[side]];
		const Type *other = &g->node[n.in[1 - side]].type;

		if (r.op != OP_rename ||
		    pair_order(pairs, r.attr.axis.name, r.attr.axes[0].name) != 1 ||
		    g->node[r.in[0]].op != OP_contract)
			continue;
		if (type_find(other, r.attr.axis.name) >= 0 ||
		    type_find(other, r.attr.axes[0].name) >= 0)
			continue;
		return build_rename(g, build_bin(g, OP_add, r.in[0], n.in[1 - side], n.loc),
		                    r.attr.axis, r.attr.axes[0], r.loc);
	}
	return NO_VAL;
}

/* rename(y, U -> T) with y used only here: rename the operands of y instead. */
static Val
push_rename(Graph *g, Val v, const Pairs *pairs, const int *uses)
{
	Node n = g->node[v], y;
	Axis from = n.attr.axis, to = n.attr.axes[0];
	Val  in[2];

	if (pair_order(pairs, from.name, to.name) != -1 || uses[n.in[0]] != 1)
		return NO_VAL;
	y = g->node[n.in[0]];
	if (y.op != OP_add && y.op != OP_cast && y.op != OP_contract)
		return NO_VAL;
	for (int i = 0; i < y.nin; i++) {
		const Type *t = &g->node[y.in[i]].type;

		if (type_find(t, to.name) >= 0)
			return NO_VAL;
		in[i] = type_find(t, from.name) >= 0 ? build_rename(g, y.in[i], from, to, n.loc)
		                                     : y.in[i];
	}
	if (y.op == OP_cast)
		return build_cast(g, in[0], y.type.dtype, y.loc);
	v = build(g, y.op, in, y.nin, &y.attr, NULL, y.loc);
	g->node[v].type.dtype = y.type.dtype;
	return v;
}

/* cast(rename(x)) = rename(cast(x)), and so for split and merge: one cast of x serves all views. */
static Val
sink_cast(Graph *g, Val v)
{
	Node n = g->node[v], w = g->node[n.in[0]];
	Val  c;

	if (w.op != OP_rename && w.op != OP_split && w.op != OP_merge)
		return NO_VAL;
	c = build_cast(g, w.in[0], n.type.dtype, n.loc);
	return build(g, w.op, &c, 1, &w.attr, NULL, w.loc);
}

/* One sweep; rewrites cascade through further sweeps until nothing changes. */
static bool
move_renames(Graph *g, const Pairs *pairs)
{
	int *uses = graph_uses(g, g->arena), n = g->n;
	bool changed = false;

	for (Val v = 0; v < n; v++) {
		Val w = NO_VAL;

		if (g->node[v].op == OP_contract)
			w = pull_rename(g, v, pairs);
		else if (g->node[v].op == OP_add)
			w = pull_rename_from_add(g, v, pairs);
		else if (g->node[v].op == OP_rename)
			w = push_rename(g, v, pairs, uses);
		else if (g->node[v].op == OP_cast)
			w = sink_cast(g, v);
		if (w != NO_VAL) {
			graph_replace(g, v, w);
			changed = true;
		}
	}
	graph_commit(g);
	return changed;
}

/* Could `bias` be the bias of a gemm whose second operand's free axes are n? */
static bool
is_bias(const Graph *g, Val bias, const Axes *n)
{
	Axes b = axes_of(&g->node[bias].type);

	return g->node[bias].type.dtype == DT_f32 && n->n > 0 && axes_equal(&b, n);
}

/* contract, with the operand that a bias or a parameter belongs to second. */
static void
make_gemm(Graph *g, Val v, const int *uses, const Val *user)
{
	Node  c = g->node[v], u = {0};
	Val   a = c.in[0], b = c.in[1], in[3], bias = NO_VAL, last = v, w;
	Type  type;
	Roles roles;
	int   nin = 2;

	if (g->node[alias_root(g, a)].op == OP_param && g->node[alias_root(g, b)].op != OP_param) {
		Val t = a;
		a = b;
		b = t;
	}
	roles = contract_roles(&g->node[a].type, &g->node[b].type, &c.attr);
	/* a sum of two products is one gemm whose bias is the other product: the first takes it */
	if (uses[v] == 1 && user[v] != NO_VAL && g->node[user[v]].op == OP_add &&
	    !(g->replaced && g->replaced[user[v]] != NO_VAL) && c.type.dtype == DT_f32) {
		u = g->node[user[v]];
		w = u.in[u.in[0] == v];
		if (is_bias(g, w, &roles.n)) {
			bias = w;
		} else if (is_bias(g, w, &roles.m)) {
			Val t = a;
			a = b;
			b = t;
			bias = w;
		}
		if (bias != NO_VAL)
			last = user[v];
	}
	in[0] = a;
	in[1] = b;
	if (bias != NO_VAL)
		in[nin++] = bias;
	type = c.type;
	/* a result only wanted in bf16 is rounded by the gemm itself */
	if (uses[last] == 1 && user[last] != NO_VAL && g->node[user[last]].op == OP_cast &&
	    g->node[user[last]].type.dtype == DT_bf16 && g->node[a].type.dtype == DT_bf16) {
		last = user[last];
		type.dtype = DT_bf16;
	}
	roles = contract_roles(&g->node[a].type, &g->node[b].type, &c.attr);
	type.rank = 0;
	for (int i = 0; i < roles.z.n; i++)
		type.axis[type.rank++] = roles.z.at[i];
	for (int i = 0; i < roles.m.n; i++)
		type.axis[type.rank++] = roles.m.at[i];
	for (int i = 0; i < roles.n.n; i++)
		type.axis[type.rank++] = roles.n.at[i];
	w = build(g, OP_gemm, in, nin, &c.attr, &type, c.loc);
	graph_replace(g, last, w);
}

/* The elements of attention's dropout are counted in the order of q's axes: write that order down
 * before layout changes it. */
static void
list_draw_axes(Graph *g)
{
	for (Val v = 0; v < g->n; v++) {
		Node       *n = &g->node[v];
		const Type *q, *sample;
		int         first = n->nin - 3 - (n->op == OP_attend_grad);
		Axis        query = {0};

		if ((n->op != OP_attend && n->op != OP_attend_grad) || n->attr.rate == 0 ||
		    n->attr.naxes > 2)
			continue;
		q = &g->node[n->in[0]].type;
		sample = &g->node[n->in[first]].type;
		for (int i = 0; i < q->rank; i++) {
			Axis x = q->axis[i];

			if (x.name == n->attr.axes[0].name || type_find(sample, x.name) >= 0)
				continue;
			if (type_find(&g->node[n->in[1]].type, x.name) < 0)
				query = x;
			else
				n->attr.axes[n->attr.naxes++] = x;
		}
		n->attr.axes[n->attr.naxes++] = query;
		n->attr.axes[n->attr.naxes++] = n->attr.axes[1];
	}
}

Status
pass_gemm(Graph *g)
{
	Pairs pairs = {0};
	int  *uses;
	Val  *user;
	int   n;

	list_draw_axes(g);
	collect_pairs(g, &pairs);
	for (int round = 0; round < 8 && move_renames(g, &pairs); round++)
		TRY(pass_cse(g));
	uses = graph_uses(g, g->arena);
	user = arena_new_array(g->arena, Val, g->n);
	for (Val v = 0; v < g->n; v++)
		user[v] = NO_VAL;
	for (Val v = 0; v < g->n; v++)
		for (int i = 0; i < g->node[v].nin; i++)
			user[g->node[v].in[i]] = v;
	n = g->n;
	for (Val v = 0; v < n; v++)
		if (g->node[v].op == OP_contract)
			make_gemm(g, v, uses, user);
	graph_commit(g);
	gemm_merge_siblings(g);
	gemm_narrow(g);
	return OK;
}
