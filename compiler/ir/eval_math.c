/* eval_math: elementwise ops, reductions, contractions, standardise and softmax by their
 * definitions. */
#include "compiler/ir/ir_private.h"

#include <math.h>

static double
smooth_l1(double x, double beta)
{
	return fabs(x) < beta ? x * x / (2 * beta) : fabs(x) - beta / 2;
}

static double
scalar(const Node *n, double a, double b, double c)
{
	switch (n->op) {
	case OP_add:
		return a + b;
	case OP_sub:
		return a - b;
	case OP_mul:
		return a * b;
	case OP_div:
		return a / b;
	case OP_min:
		return a < b || isnan(a) ? a : b;
	case OP_max:
		return a > b || isnan(a) ? a : b;
	case OP_neg:
		return -a;
	case OP_abs:
		return fabs(a);
	case OP_sign:
		return (a > 0) - (a < 0);
	case OP_exp:
		return exp(a);
	case OP_log:
		return log(a);
	case OP_sqrt:
		return sqrt(a);
	case OP_rsqrt:
		return 1 / sqrt(a);
	case OP_erf:
		return erf(a);
	case OP_tanh:
		return tanh(a);
	case OP_lt:
		return a < b;
	case OP_le:
		return a <= b;
	case OP_eq:
		return a == b;
	case OP_and:
		return a != 0 && b != 0;
	case OP_or:
		return a != 0 || b != 0;
	case OP_not:
		return a == 0;
	case OP_select:
		return a != 0 ? b : c;
	case OP_cast:
		return a; /* to bf16: rounded by eval_graph; from bool and integers: exact */
	case OP_gelu:
		return a / 2 * (1 + erf(a / sqrt(2)));
	case OP_smooth_l1:
		return smooth_l1(a, n->attr.num);
	default:
		BUG("%s is not elementwise", op_info[n->op].name);
	}
}

void
eval_elementwise(Eval *e, const Node *n, Tensor out)
{
	double *to = out.at, x[3] = {0};
	Walk    w;
	int     i;

	walk_start(&w, out.type.axis, out.type.rank);
	for (i = 0; i < n->nin; i++)
		walk_view(&w, &e->result[n->in[i]].type);
	for (; w.left > 0; walk_next(&w)) {
		for (i = 0; i < n->nin; i++)
			x[i] = e->result[n->in[i]].at[w.at[i]];
		*to++ = scalar(n, x[0], x[1], x[2]);
	}
}

void
eval_reduce(Eval *e, const Node *n, Tensor out)
{
	int64_t i, count = type_elems(&out.type);
	int     k;

	for (i = 0; n->op == OP_rmax && i < count; i++)
		out.at[i] = -INFINITY;
	for (k = 0; k < n->nin; k++) {
		Tensor in = e->result[n->in[k]];
		Walk   w;
		walk_start(&w, in.type.axis, in.type.rank);
		walk_view(&w, &in.type);
		walk_view(&w, &out.type);
		for (; w.left > 0; walk_next(&w)) {
			double x = in.at[w.at[0]], *to = &out.at[w.at[1]];
			if (n->op == OP_sum)
				*to += x;
			else if (n->op == OP_sum_squares)
				*to += x * x;
			else if (x > *to || isnan(x))
				*to = x;
		}
	}
}

void
eval_contract(Eval *e, const Node *n, Tensor out)
{
	Tensor a = e->result[n->in[0]], b = e->result[n->in[1]];
	Walk   w;

	walk_start(&w, out.type.axis, out.type.rank);
	walk_axes(&w, n->attr.axes, n->attr.naxes);
	walk_view(&w, &a.type);
	walk_view(&w, &b.type);
	walk_view(&w, &out.type);
	for (; w.left > 0; walk_next(&w))
		out.at[w.at[2]] += a.at[w.at[0]] * b.at[w.at[1]];
	if (n->nin < 3)
		return;
	walk_start(&w, out.type.axis, out.type.rank);
	walk_view(&w, &e->result[n->in[2]].type);
	walk_view(&w, &out.type);
	for (; w.left > 0; walk_next(&w))
		out.at[w.at[1]] += e->result[n->in[2]].at[w.at[0]];
}

/* One pass over `in` that folds f(x, what is there) into a tensor without the axes of attr. */
typedef enum { FOLD_sum, FOLD_max, FOLD_square_off, FOLD_exp_off } Fold;

static Tensor
fold(Eval *e, const Node *n, Tensor in, Tensor off, Fold how)
{
	Type   t = {.dtype = DT_f32};
	Tensor out;
	Walk   w;
	int    i;

	for (i = 0; i < in.type.rank; i++)
		if (!attr_lists(&n->attr, in.type.axis[i].name))
			t.axis[t.rank++] = in.type.axis[i];
	out = tensor_new(e->a, &t);
	for (i = 0; how == FOLD_max && i < type_elems(&t); i++)
		out.at[i] = -INFINITY;
	walk_start(&w, in.type.axis, in.type.rank);
	walk_view(&w, &in.type);
	walk_view(&w, &t);
	for (; w.left > 0; walk_next(&w)) {
		double x = in.at[w.at[0]], *to = &out.at[w.at[1]];
		switch (how) {
		case FOLD_sum:
			*to += x;
			break;
		case FOLD_max:
			*to = x > *to || isnan(x) ? x : *to;
			break;
		case FOLD_square_off:
			x -= off.at[w.at[1]];
			*to += x * x;
			break;
		case FOLD_exp_off:
			*to += exp(x - off.at[w.at[1]]);
			break;
		}
	}
	return out;
}

void
eval_composite(Eval *e, const Node *n, Tensor out)
{
	Tensor  in = e->result[n->in[0]], first, second;
	bool    softmax = n->op == OP_softmax;
	double  count = 1, *to = out.at;
	int64_t i;
	Walk    w;

	for (i = 0; i < n->attr.naxes; i++)
		count *= (double)n->attr.axes[i].size;
	first = fold(e, n, in, (Tensor){0}, softmax ? FOLD_max : FOLD_sum);
	for (i = 0; !softmax && i < type_elems(&first.type); i++)
		first.at[i] /= count;
	second = fold(e, n, in, first, softmax ? FOLD_exp_off : FOLD_square_off);
	walk_start(&w, out.type.axis, out.type.rank);
	walk_view(&w, &in.type);
	walk_view(&w, &first.type);
	for (; w.left > 0; walk_next(&w)) {
		double x = in.at[w.at[0]] - first.at[w.at[1]], s = second.at[w.at[1]];
		*to++ = softmax ? exp(x) / s : x / sqrt(s / count + n->attr.num);
	}
}
