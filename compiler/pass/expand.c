/* pass_expand: composites become the primitives that define them.
 *     %1 = softmax %0 over U     ==>   %1 = rmax %0 over U   %2 = sub %0, %1   %3 = exp %2
 *                                      %4 = sum %3 over U    %5 = div %3, %4
 * needs: autodiff done (it has rules for the composites).  keeps: types.  leaves alone: attend and
 * attend_grad, which are kernels of their own. */
#include "compiler/pass/pass.h"
#include "compiler/pass/rules.h"

#include <math.h>

Val
expand_norm_scale(Graph *g, Val a, const Attr *attr, Loc loc, Val *centred)
{
	Val mean = build_mean(g, a, attr->axes, attr->naxes, loc);
	Val var;

	*centred = build_bin(g, OP_sub, a, mean, loc);
	var = build_mean(g, build_bin(g, OP_mul, *centred, *centred, loc), attr->axes, attr->naxes,
	                 loc);
	return build_un(g, OP_rsqrt, build_bin(g, OP_add, var, build_const(g, attr->num, loc), loc),
	                loc);
}

static Val
expand_standardise(Graph *g, Val a, const Attr *attr, Loc loc)
{
	Val centred, scale = expand_norm_scale(g, a, attr, loc, &centred);

	return build_bin(g, OP_mul, centred, scale, loc);
}

static Val
expand_softmax(Graph *g, Val a, const Attr *attr, Loc loc)
{
	Val top = build_reduce(g, OP_rmax, a, attr->axes, attr->naxes, loc);
	Val e = build_un(g, OP_exp, build_bin(g, OP_sub, a, top, loc), loc);

	return build_bin(g, OP_div, e, build_reduce(g, OP_sum, e, attr->axes, attr->naxes, loc),
	                 loc);
}

Val
expand_gelu_gate(Graph *g, Val a, Loc loc)
{
	Val erf = build_un(g, OP_erf, build_bin(g, OP_mul, a, build_const(g, M_SQRT1_2, loc), loc),
	                   loc);

	return build_bin(g, OP_add, erf, build_const(g, 1, loc), loc);
}

static Val
expand_gelu(Graph *g, Val a, Loc loc)
{
	Val half = build_bin(g, OP_mul, a, build_const(g, 0.5, loc), loc);

	return build_bin(g, OP_mul, half, expand_gelu_gate(g, a, loc), loc);
}

static Val
expand_smooth_l1(Graph *g, Val a, double beta, Loc loc)
{
	Val size = build_un(g, OP_abs, a, loc), square = build_bin(g, OP_mul, a, a, loc), near_zero,
	    far;

	near_zero = build_bin(g, OP_mul, square, build_const(g, 0.5 / beta, loc), loc);
	far = build_bin(g, OP_sub, size, build_const(g, beta / 2, loc), loc);
	return build_select(g, build_bin(g, OP_lt, size, build_const(g, beta, loc), loc), near_zero,
	                    far, loc);
}

Status
pass_expand(Graph *g)
{
	int n = g->n;

	for (Val v = 0; v < n; v++) {
		Node node = g->node[v];
		Val  out = NO_VAL;

		switch (node.op) {
		case OP_standardise:
			out = expand_standardise(g, node.in[0], &node.attr, node.loc);
			break;
		case OP_softmax:
			out = expand_softmax(g, node.in[0], &node.attr, node.loc);
			break;
		case OP_gelu:
			out = expand_gelu(g, node.in[0], node.loc);
			break;
		case OP_smooth_l1:
			out = expand_smooth_l1(g, node.in[0], node.attr.num, node.loc);
			break;
		default:
			break;
		}
		if (out != NO_VAL)
			graph_replace(g, v, out);
	}
	graph_commit(g);
	return OK;
}
