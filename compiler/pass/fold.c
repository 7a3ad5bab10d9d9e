/* pass_fold: constants computed, identities removed.
 *     %1 = const 2   %2 = mul %x, %1   %3 = const 3   %4 = mul %2, %3      ==>   %5 = const 6   %6 = mul %x, %5
 * Constants are computed in double and rounded to f32 once, where code is written; a result that
 * f32 cannot hold is left to the machine. Not done: x * 0 and x - x, which are not 0 for inf and
 * NaN.
 * needs: nothing.  keeps: values (up to rounding of constants), types as sets of axes.  leaves alone:
 * random ops, state. */
#include "compiler/pass/pass.h"
#include "compiler/pass/rules.h"

#include <float.h>
#include <math.h>

bool
fold_const(const Graph *g, Val a, double *x)
{
	if (g->node[a].op != OP_const)
		return false;
	*x = g->node[a].attr.num;
	return true;
}

static bool
is(const Graph *g, Val a, double want)
{
	double x;

	return fold_const(g, a, &x) && x == want;
}

static bool
fits_f32(double x)
{
	return x == 0 || (isfinite(x) && fabs(x) <= FLT_MAX && fabs(x) >= FLT_MIN);
}

static double
compute(Op op, const double *a)
{
	switch (op) {
	case OP_add:
		return a[0] + a[1];
	case OP_sub:
		return a[0] - a[1];
	case OP_mul:
		return a[0] * a[1];
	case OP_div:
		return a[0] / a[1];
	case OP_min:
		return a[0] < a[1] ? a[0] : a[1];
	case OP_max:
		return a[0] > a[1] ? a[0] : a[1];
	case OP_neg:
		return -a[0];
	case OP_abs:
		return fabs(a[0]);
	case OP_sign:
		return (a[0] > 0) - (a[0] < 0);
	case OP_exp:
		return exp(a[0]);
	case OP_log:
		return log(a[0]);
	case OP_sqrt:
		return sqrt(a[0]);
	case OP_rsqrt:
		return 1 / sqrt(a[0]);
	case OP_erf:
		return erf(a[0]);
	case OP_tanh:
		return tanh(a[0]);
	case OP_lt:
		return a[0] < a[1];
	case OP_le:
		return a[0] <= a[1];
	case OP_eq:
		return a[0] == a[1];
	case OP_and:
		return a[0] != 0 && a[1] != 0;
	case OP_or:
		return a[0] != 0 || a[1] != 0;
	case OP_not:
		return a[0] == 0;
	case OP_select:
		return a[0] != 0 ? a[1] : a[2];
	case OP_cast:
		return a[0];
	default:
		return NAN;
	}
}

/* All operands constant. */
static Val
fold_constants(Graph *g, const Node *n)
{
	double a[3], x;

	if (n->type.dtype != DT_f32 && n->type.dtype != DT_bool)
		return NO_VAL;
	for (int i = 0; i < n->nin; i++)
		if (!fold_const(g, n->in[i], &a[i]))
			return NO_VAL;
	x = compute(n->op, a);
	if (n->type.dtype == DT_bool)
		return build_bool(g, x != 0, n->loc);
	return fits_f32(x) ? build_const(g, x, n->loc) : NO_VAL;
}

/* Arithmetic on repeated values is done once, then repeated; and a value need not be repeated over
 * axes that another operand brings anyway. */
static Val
fold_repeated(Graph *g, const Node *n)
{
	Val  in[3], bare;
	bool any = false;

	for (int i = 0; i < n->nin; i++) {
		const Node *a = &g->node[n->in[i]];

		in[i] = a->op == OP_broadcast ? a->in[0] : n->in[i];
		any |= a->op == OP_broadcast;
	}
	if (!any)
		return NO_VAL;
	if (n->op == OP_cast)
		bare = build_cast(g, in[0], n->type.dtype, n->loc);
	else
		bare = build(g, n->op, in, n->nin, &n->attr, NULL, n->loc);
	return build_broadcast_to(g, bare, &n->type, n->loc);
}

/* `a` in the place of a node with the axes of `like`. */
static Val
as(Graph *g, Val a, const Node *like)
{
	return build_broadcast_to(g, a, &like->type, like->loc);
}

static Val
scaled(Graph *g, Val a, double c, Loc loc)
{
	return build_bin(g, OP_mul, a, build_const(g, c, loc), loc);
}

/* v = x * c: the x, and c through *c; else NO_VAL. */
static Val
factor(const Graph *g, Val v, double *c)
{
	const Node *n = &g->node[v];

	if (n->op != OP_mul)
		return NO_VAL;
	if (fold_const(g, n->in[1], c))
		return n->in[0];
	return fold_const(g, n->in[0], c) ? n->in[1] : NO_VAL;
}

static Val
fold_add(Graph *g, const Node *n)
{
	Val a = n->in[0], b = n->in[1];

	if (is(g, b, 0))
		return a;
	if (is(g, a, 0))
		return b;
	if (g->node[b].op == OP_neg)
		return build_bin(g, OP_sub, a, g->node[b].in[0], n->loc);
	if (g->node[a].op == OP_neg)
		return build_bin(g, OP_sub, b, g->node[a].in[0], n->loc);
	return NO_VAL;
}

static Val
fold_sub(Graph *g, const Node *n)
{
	Val a = n->in[0], b = n->in[1];

	if (is(g, b, 0))
		return a;
	if (is(g, a, 0))
		return build_un(g, OP_neg, b, n->loc);
	if (g->node[b].op == OP_neg)
		return build_bin(g, OP_add, a, g->node[b].in[0], n->loc);
	return NO_VAL;
}

static Val
fold_mul(Graph *g, Val v, const Node *n)
{
	double c, c2;
	Val    a = factor(g, v, &c), b;

	if (a == NO_VAL)
		return NO_VAL;
	if (c == 1)
		return a;
	if (c == -1)
		return build_un(g, OP_neg, a, n->loc);
	if (g->node[a].op == OP_neg)
		return scaled(g, g->node[a].in[0], -c, n->loc);
	b = factor(g, a, &c2);
	if (b != NO_VAL && c2 != 0 && c != 0 && fits_f32(c * c2))
		return scaled(g, b, c * c2, n->loc);
	return NO_VAL;
}

/* x / c is x * (1 / c), bit for bit, when c is a power of two. */
static Val
fold_div(Graph *g, const Node *n)
{
	double c;
	int    exponent;

	if (!fold_const(g, n->in[1], &c))
		return NO_VAL;
	if (c == 1)
		return n->in[0];
	if (c != 0 && fabs(frexp(c, &exponent)) == 0.5 && fits_f32(1 / c))
		return scaled(g, n->in[0], 1 / c, n->loc);
	return NO_VAL;
}

static Val
fold_neg(Graph *g, const Node *n)
{
	const Node *a = &g->node[n->in[0]];
	double      c;
	Val         x = factor(g, n->in[0], &c);

	if (a->op == OP_neg)
		return a->in[0];
	if (a->op == OP_sub)
		return build_bin(g, OP_sub, a->in[1], a->in[0], n->loc);
	return x == NO_VAL ? NO_VAL : scaled(g, x, -c, n->loc);
}

static Val
fold_logic(Graph *g, const Node *n)
{
	double c;

	for (int i = 0; i < 2; i++)
		if (fold_const(g, n->in[i], &c))
			return as(g, (c != 0) == (n->op == OP_and) ? n->in[1 - i] : n->in[i], n);
	return n->in[0] == n->in[1] ? n->in[0] : NO_VAL;
}

static Val
fold_select(Graph *g, const Node *n)
{
	const Node *c = &g->node[n->in[0]];
	double      x;

	if (fold_const(g, n->in[0], &x))
		return as(g, n->in[x != 0 ? 1 : 2], n);
	if (n->in[1] == n->in[2])
		return as(g, n->in[1], n);
	return c->op == OP_not ? build_select(g, c->in[0], n->in[2], n->in[1], n->loc) : NO_VAL;
}

/* A cast that comes back, where the first one lost nothing. */
static Val
fold_cast(Graph *g, const Node *n)
{
	const Node *a = &g->node[n->in[0]];
	Dtype       first;

	if (a->type.dtype == n->type.dtype)
		return n->in[0];
	if (a->op != OP_cast)
		return NO_VAL;
	first = g->node[a->in[0]].type.dtype;
	if (first == n->type.dtype && a->type.dtype == DT_f32 &&
	    (first == DT_bf16 || first == DT_bool))
		return a->in[0];
	return NO_VAL;
}

Val
fold_elementwise(Graph *g, Val v)
{
	Node n = g->node[v];
	Val  out = fold_constants(g, &n);

	if (out == NO_VAL)
		out = fold_repeated(g, &n);
	if (out != NO_VAL)
		return out;
	switch (n.op) {
	case OP_add:
		return fold_add(g, &n);
	case OP_sub:
		return fold_sub(g, &n);
	case OP_mul:
		return fold_mul(g, v, &n);
	case OP_div:
		return fold_div(g, &n);
	case OP_neg:
		return fold_neg(g, &n);
	case OP_and:
	case OP_or:
		return fold_logic(g, &n);
	case OP_not:
		return g->node[n.in[0]].op == OP_not ? g->node[n.in[0]].in[0] : NO_VAL;
	case OP_min:
	case OP_max:
		return n.in[0] == n.in[1] ? n.in[0] : NO_VAL;
	case OP_select:
		return fold_select(g, &n);
	case OP_cast:
		return fold_cast(g, &n);
	default:
		return NO_VAL;
	}
}

bool
fold_round(Graph *g)
{
	int    n = g->n, changed = 0;
	Arena *scratch = arena_new();
	Val   *to = arena_new_array(scratch, Val, n + 1);

	for (Val v = 0; v < n; v++) {
		Node *node = &g->node[v];
		Val   out = NO_VAL;

		to[v] = v;
		for (int i = 0; i < node->nin; i++) /* operands first: rules see what they became */
			if (node->in[i] < n)
				node->in[i] = to[node->in[i]];
		if (op_info[node->op].class == CLASS_ELEM)
			out = fold_elementwise(g, v);
		else if (op_info[node->op].class == CLASS_VIEW ||
		         op_info[node->op].class == CLASS_REDUCE)
			out = fold_view(g, v);
		if (out == NO_VAL || out == v)
			continue;
		to[v] = out;
		graph_replace(g, v, out);
		changed++;
	}
	arena_free(scratch);
	graph_commit(g);
	return changed > 0;
}

/* A rule's result may be the start of another rule; each makes the graph smaller or moves a
 * constant, a sign or a repetition towards the results, so this ends. */
Status
pass_fold(Graph *g)
{
	while (fold_round(g))
		;
	return OK;
}
