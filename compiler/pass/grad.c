/* grad: the gradient rule of every op, as graph nodes. A rule gets d loss / d result and returns
 * d loss / d operand for the operands that want one; summing over axes that an operand lacks is
 * autodiff's business. Refuses (BUG) ops that are made by later passes.
 *
 * No call builds nodes in two of its arguments: C leaves their order open, and texts must not
 * depend on it.
 *
 * At kinks: abs and sign have gradient 0 at 0; min and max give all of it to the first operand
 * where both are equal; rmax shares it equally among equal maxima; smooth_l1 is smooth at beta. */
#include "compiler/pass/rules.h"

#include <math.h>

/* ---- shorthands: every node of a rule carries the forward node's line ----------------------- */

static Val
un(Grad *x, Op op, Val a)
{
	return build_un(x->g, op, a, x->n.loc);
}

static Val
bin(Grad *x, Op op, Val a, Val b)
{
	return build_bin(x->g, op, a, b, x->n.loc);
}

static Val
mul(Grad *x, Val a, Val b)
{
	return bin(x, OP_mul, a, b);
}

static Val
times(Grad *x, Val a, double c)
{
	return bin(x, OP_mul, a, build_const(x->g, c, x->n.loc));
}

static Val
choose(Grad *x, Val c, Val a, Val b)
{
	return build_select(x->g, c, a, b, x->n.loc);
}

static Val
zero(Grad *x)
{
	return build_const(x->g, 0, x->n.loc);
}

/* The rule of ops whose operands never carry a gradient. */
static void
nothing(Grad *x)
{
	(void)x;
}

static void
made_later(Grad *x)
{
	BUG("%s has no gradient: it is made by a pass after autodiff", op_info[x->n.op].name);
}

#define grad_input nothing
#define grad_host nothing
#define grad_param nothing
#define grad_const nothing
#define grad_table nothing
#define grad_uniform nothing
#define grad_sign nothing
#define grad_lt nothing
#define grad_le nothing
#define grad_eq nothing
#define grad_and nothing
#define grad_or nothing
#define grad_not nothing
#define grad_assign nothing
#define grad_places nothing
#define grad_ranks nothing
#define grad_gemm made_later
#define grad_attend_grad made_later
#define grad_result made_later

/* ---- elementwise ---------------------------------------------------------------------------- */

static void
grad_add(Grad *x)
{
	x->din[0] = x->din[1] = x->dout;
}

static void
grad_sub(Grad *x)
{
	x->din[0] = x->dout;
	if (x->want[1])
		x->din[1] = un(x, OP_neg, x->dout);
}

static void
grad_mul(Grad *x)
{
	for (int i = 0; i < 2; i++)
		if (x->want[i])
			x->din[i] = mul(x, x->dout, x->n.in[1 - i]);
}

/* y = a / b: da = dy / b, db = -y da */
static void
grad_div(Grad *x)
{
	Val da = bin(x, OP_div, x->dout, x->n.in[1]);

	x->din[0] = da;
	if (x->want[1])
		x->din[1] = un(x, OP_neg, mul(x, da, x->v));
}

static void
first_or_second(Grad *x, Val first)
{
	if (x->want[0])
		x->din[0] = choose(x, first, x->dout, zero(x));
	if (x->want[1])
		x->din[1] = choose(x, first, zero(x), x->dout);
}

static void
grad_min(Grad *x)
{
	first_or_second(x, bin(x, OP_le, x->n.in[0], x->n.in[1]));
}

static void
grad_max(Grad *x)
{
	first_or_second(x, bin(x, OP_le, x->n.in[1], x->n.in[0]));
}

static void
grad_neg(Grad *x)
{
	x->din[0] = un(x, OP_neg, x->dout);
}

static void
grad_abs(Grad *x)
{
	x->din[0] = mul(x, x->dout, un(x, OP_sign, x->n.in[0]));
}

static void
grad_exp(Grad *x)
{
	x->din[0] = mul(x, x->dout, x->v);
}

static void
grad_log(Grad *x)
{
	x->din[0] = bin(x, OP_div, x->dout, x->n.in[0]);
}

static void
grad_sqrt(Grad *x)
{
	x->din[0] = bin(x, OP_div, times(x, x->dout, 0.5), x->v);
}

/* y = a^(-1/2): dy/da = -y^3 / 2 */
static void
grad_rsqrt(Grad *x)
{
	Val cube = mul(x, x->v, mul(x, x->v, x->v));

	x->din[0] = mul(x, times(x, x->dout, -0.5), cube);
}

static void
grad_erf(Grad *x)
{
	Val a = x->n.in[0];

	x->din[0] =
		mul(x, x->dout, times(x, un(x, OP_exp, un(x, OP_neg, mul(x, a, a))), M_2_SQRTPI));
}

static void
grad_tanh(Grad *x)
{
	Val one = build_const(x->g, 1, x->n.loc);

	x->din[0] = mul(x, x->dout, bin(x, OP_sub, one, mul(x, x->v, x->v)));
}

static void
grad_select(Grad *x)
{
	if (x->want[1])
		x->din[1] = choose(x, x->n.in[0], x->dout, zero(x));
	if (x->want[2])
		x->din[2] = choose(x, x->n.in[0], zero(x), x->dout);
}

static void
grad_cast(Grad *x)
{
	x->din[0] = build_cast(x->g, x->dout, x->g->node[x->n.in[0]].type.dtype, x->n.loc);
}

/* ---- reductions and contractions ------------------------------------------------------------ */

static void
grad_sum(Grad *x)
{
	x->din[0] = x->dout;
}

static void
grad_rmax(Grad *x)
{
	Val top = build_cast(x->g, bin(x, OP_eq, x->n.in[0], x->v), DT_f32, x->n.loc);
	Val ties = build_reduce(x->g, OP_sum, top, x->n.attr.axes, x->n.attr.naxes, x->n.loc);

	x->din[0] = mul(x, top, bin(x, OP_div, x->dout, ties));
}

static void
grad_sum_squares(Grad *x)
{
	Val twice = times(x, x->dout, 2);

	for (int i = 0; i < x->n.nin; i++)
		if (x->want[i])
			x->din[i] = mul(x, twice, x->n.in[i]);
}

/* The gradient of a contraction is one: dout with the other operand, summed over the axes that only
 * the other operand has. */
static void
grad_contract(Grad *x)
{
	for (int i = 0; i < 2; i++) {
		const Type *self = &x->g->node[x->n.in[i]].type;
		const Type *other = &x->g->node[x->n.in[1 - i]].type;
		Axis        over[MAX_RANK];
		int         n = 0;

		if (!x->want[i])
			continue;
		for (int k = 0; k < other->rank; k++)
			if (type_find(self, other->axis[k].name) < 0)
				over[n++] = other->axis[k];
		if (n == 0)
			x->din[i] = mul(x, x->dout, x->n.in[1 - i]);
		else
			x->din[i] =
				build_contract(x->g, x->dout, x->n.in[1 - i], over, n, x->n.loc);
	}
}

/* ---- views and indexing --------------------------------------------------------------------- */

static void
grad_rename(Grad *x)
{
	x->din[0] = build_rename(x->g, x->dout, x->n.attr.axes[0], x->n.attr.axis, x->n.loc);
}

static void
grad_split(Grad *x)
{
	const Attr *t = &x->n.attr;

	x->din[0] = build_merge(x->g, x->dout, t->axes, t->naxes, t->axis, x->n.loc);
}

static void
grad_merge(Grad *x)
{
	const Attr *t = &x->n.attr;

	x->din[0] = build_split(x->g, x->dout, t->axis, t->axes, t->naxes, x->n.loc);
}

static void
grad_slice(Grad *x)
{
	const Attr *t = &x->n.attr;
	Axis        part = t->naxes ? t->axes[0] : (Axis){0};

	x->din[0] = build_pad(x->g, x->dout, part, t->axis, t->offset, x->n.loc);
}

static void
grad_pad(Grad *x)
{
	const Attr *t = &x->n.attr;
	Axis        part = t->naxes ? t->axes[0] : (Axis){0};

	x->din[0] = build_slice(x->g, x->dout, t->axis, t->offset, part, x->n.loc);
}

static void
grad_concat(Grad *x)
{
	const Attr *t = &x->n.attr;
	int64_t     offset = 0;

	for (int i = 0; i < x->n.nin; i++) {
		if (x->want[i])
			x->din[i] =
				build_slice(x->g, x->dout, t->axis, offset, t->axes[i], x->n.loc);
		offset += t->axes[i].name ? t->axes[i].size : 1;
	}
}

static void
grad_broadcast(Grad *x)
{
	x->din[0] = x->dout;
}

static void
grad_reorder(Grad *x)
{
	x->din[0] = x->dout;
}

/* places and ranks of one mask are inverse: what one picks, the other picks back. NO_VAL: the index
 * is no such thing, or its places also count rows of an axis that a has. */
static Val
inverse_index(Grad *x, Val index)
{
	const Node *n = &x->g->node[index];
	const Type *a = &x->g->node[x->n.in[0]].type;
	Axis        into = x->n.attr.axis;
	Attr        t = n->attr;
	Val         mask;

	if ((n->op != OP_places && n->op != OP_ranks) || type_find(a, t.axes[0].name) >= 0)
		return NO_VAL;
	mask = n->in[0];
	if (n->op == OP_ranks)
		return into.name == t.axes[1].name && into.size == t.axes[1].size
		               ? build_places(x->g, mask, t.axis, t.offset, into, x->n.loc)
		               : NO_VAL;
	if (t.offset + t.axis.size > into.size)
		return NO_VAL;
	return build_ranks(x->g, mask, t.axis, t.offset, into, t.axes[0], x->n.loc);
}

/* A row of a that is picked several times gets the sum; axes that a shares with the indices stay.
 */
static void
grad_pick(Grad *x)
{
	const Type *a = &x->g->node[x->n.in[0]].type, *b = &x->g->node[x->n.in[1]].type;
	Val         in[2] = {x->dout, x->n.in[1]}, back = inverse_index(x, in[1]);
	Attr        t = {.axis = x->n.attr.axis};

	if (back != NO_VAL) {
		x->din[0] =
			build_pick(x->g, x->dout, back, x->g->node[in[1]].attr.axes[0], x->n.loc);
		return;
	}
	for (int i = 0; i < b->rank; i++)
		if (b->axis[i].name != t.axis.name && type_find(a, b->axis[i].name) >= 0)
			t.axes[t.naxes++] = b->axis[i];
	x->din[0] = build(x->g, OP_scatter_add, in, 2, &t, NULL, x->n.loc);
}

static void
grad_scatter_add(Grad *x)
{
	x->din[0] = build_pick(x->g, x->dout, x->n.in[1], x->n.attr.axis, x->n.loc);
}

/* ---- composites ----------------------------------------------------------------------------- */

/* y = (a - mean) r, r = rsqrt(var + eps): da = r (dy - mean(dy) - y mean(dy y)) */
static void
grad_standardise(Grad *x)
{
	const Attr *t = &x->n.attr;
	Val         centred, r = expand_norm_scale(x->g, x->n.in[0], t, x->n.loc, &centred);
	Val         m1 = build_mean(x->g, x->dout, t->axes, t->naxes, x->n.loc);
	Val         m2 = build_mean(x->g, mul(x, x->dout, x->v), t->axes, t->naxes, x->n.loc);

	Val along = mul(x, x->v, m2); /* the part of dy that scaling would undo */

	x->din[0] = mul(x, r, bin(x, OP_sub, bin(x, OP_sub, x->dout, m1), along));
}

/* y = softmax a: da = y (dy - sum(dy y)) */
static void
grad_softmax(Grad *x)
{
	const Attr *t = &x->n.attr;
	Val s = build_reduce(x->g, OP_sum, mul(x, x->dout, x->v), t->axes, t->naxes, x->n.loc);

	x->din[0] = mul(x, x->v, bin(x, OP_sub, x->dout, s));
}

/* da = dy ((1 + erf(a / sqrt 2)) / 2 + a e^(-a^2 / 2) / sqrt(2 pi)) */
static void
grad_gelu(Grad *x)
{
	Val a = x->n.in[0];
	Val gate = times(x, expand_gelu_gate(x->g, a, x->n.loc), 0.5);
	Val bell = un(x, OP_exp, times(x, mul(x, a, a), -0.5));
	Val slope = mul(x, times(x, a, M_2_SQRTPI * M_SQRT1_2 / 2), bell);

	x->din[0] = mul(x, x->dout, bin(x, OP_add, gate, slope));
}

static void
grad_smooth_l1(Grad *x)
{
	Val    a = x->n.in[0];
	double beta = x->n.attr.num;
	Val    small = bin(x, OP_lt, un(x, OP_abs, a), build_const(x->g, beta, x->n.loc));
	Val    slope = choose(x, small, times(x, a, 1 / beta), un(x, OP_sign, a));

	x->din[0] = mul(x, x->dout, slope);
}

/* One attend_grad for all operands; its elements are dq, dk, dv and, with a bias, dr. */
static void
grad_attend(Grad *x)
{
	enum { MOST = 8 };
	Val in[MOST], tuple;
	int n = x->n.nin, nresult = n == 4 || n == 7 ? 4 : 3;

	if (n >= MOST)
		BUG("attend with %d operands", n);
	for (int i = 0; i < n; i++)
		in[i] = x->n.in[i];
	in[n] = x->dout;
	tuple = build(x->g, OP_attend_grad, in, n + 1, &x->n.attr, NULL, x->n.loc);
	for (int i = 0; i < nresult; i++) {
		Attr which = {.index = i};

		if (x->want[i])
			x->din[i] = build(x->g, OP_result, &tuple, 1, &which, NULL, x->n.loc);
	}
}

GradRule *const grad_rule[OP_COUNT] = {
#define OP(name, inputs, class, text) [OP_##name] = grad_##name,
#include "compiler/ir/ops.def"
#undef OP
};

bool
grad_flows(Op op, int nin, int i)
{
	if (grad_rule[op] == nothing)
		return false;
	switch (op) {
	case OP_select:
		return i > 0;
	case OP_pick:
	case OP_scatter_add:
		return i == 0;
	case OP_attend:
		return i < (nin == 4 || nin == 7 ? 4 : 3);
	default:
		return true;
	}
}
