/* infer_attend: types of attend and attend_grad, and the questions every user of these ops asks:
 * which axis are the queries, is there a bias, in which order are dropout elements counted. */
#include "compiler/ir/ir_private.h"

int
attend_query_axis(const Type *q, const Type *k, const Attr *attr)
{
	int i, found = -1;

	for (i = 0; i < q->rank; i++)
		if (q->axis[i].name != attr->axes[0].name && type_find(k, q->axis[i].name) < 0) {
			if (found >= 0)
				return -1;
			found = i;
		}
	return found;
}

int
attend_has_bias(const Attr *attr, int nin, int grad)
{
	int base = 3 + (attr->rate > 0 ? 3 : 0) + grad;

	return nin == base ? 0 : nin == base + 1 ? 1 : -1;
}

/* attr.axes[2..] when listed; otherwise the axes of q other than sample, E, T; then T, U. */
int
attend_draw_axes(const Type *q, const Type *k, const Type *sample, const Attr *attr,
                 Axis draw[MAX_RANK])
{
	int t = attend_query_axis(q, k, attr), n = 0, i;

	for (i = 2; i < attr->naxes; i++)
		draw[n++] = attr->axes[i];
	if (n > 0)
		return n;
	for (i = 0; i < q->rank; i++)
		if (i != t && q->axis[i].name != attr->axes[0].name &&
		    q->axis[i].name != sample->axis[0].name)
			draw[n++] = q->axis[i];
	draw[n++] = q->axis[t];
	draw[n++] = attr->axes[1];
	return n;
}

/* c9: the listed order is complete; it may be left out only where there is one order to think
 * of. */
static Status
draw_order(Infer *x, const Type *sample, int t)
{
	const Type *q = &x->in[0];
	const Attr *attr = x->attr;
	Type        listed = {0};
	Axis        draw[MAX_RANK];
	int         want = q->rank - 1, n, i; /* without E and the sample axis, with U */

	if (attr->naxes == 2)
		return want <= 3
		               ? OK
		               : infer_refuse(
					 x, "c9",
					 "the order in which dropout elements are counted must be "
					 "listed after E and U");
	n = attend_draw_axes(q, &x->in[1], sample, attr, draw);
	for (i = 0; i < n; i++) {
		if (type_find(&listed, draw[i].name) >= 0)
			return infer_refuse(x, "c9", "axis %s is listed twice", draw[i].name);
		listed.axis[listed.rank++] = draw[i];
		if (draw[i].name == attr->axes[0].name || draw[i].name == sample->axis[0].name)
			return infer_refuse(x, "c9", "axis %s does not count dropout elements",
			                    draw[i].name);
		if (draw[i].name != attr->axes[1].name)
			TRY(infer_has(x, q, draw[i], "c9"));
	}
	if (n != want || type_find(&listed, q->axis[t].name) < 0 ||
	    type_find(&listed, attr->axes[1].name) < 0)
		return infer_refuse(x, "c9", "%d axes count dropout elements, must be %d", n, want);
	return OK;
}

static Status
dropout_rules(Infer *x, int bias, int t)
{
	const Type *sample = &x->in[3 + bias], *step = sample + 1, *seed = sample + 2;

	if (sample->dtype != DT_u32 || sample->rank != 1 || step->dtype != DT_u32 ||
	    step->rank != 0 || seed->dtype != DT_u32 || seed->rank != 0)
		return infer_refuse(x, "c7", "dropout needs operands u32[B], u32[], u32[]");
	TRY(infer_has(x, &x->in[0], sample->axis[0], "c7"));
	if (sample->axis[0].name == x->attr->axes[0].name ||
	    sample->axis[0].name == x->in[0].axis[t].name)
		return infer_refuse(x, "c7", "the sample axis must be one of the outer axes");
	if (!x->attr->name || !*x->attr->name)
		return infer_refuse(x, "c8", "dropout has no site name");
	return draw_order(x, sample, t);
}

static Status
bias_rules(Infer *x, int t)
{
	const Type *r = &x->in[3], *q = &x->in[0];
	int         i;

	if (r->dtype != DT_f32)
		return infer_refuse(x, "c6", "the bias is %s, must be f32", dtype_name[r->dtype]);
	TRY(infer_has(x, r, q->axis[t], "c6"));
	TRY(infer_has(x, r, x->attr->axes[1], "c6"));
	TRY(infer_lacks(x, r, x->attr->axes[0].name, "c6"));
	for (i = 0; i < r->rank; i++)
		if (r->axis[i].name != x->attr->axes[1].name)
			TRY(infer_has(x, q, r->axis[i], "c6"));
	return OK;
}

Status
infer_attend(Infer *x)
{
	const Type *q = &x->in[0], *k = &x->in[1], *v = &x->in[2];
	int         grad = x->op == OP_attend_grad, bias, t, i;
	const Attr *attr = x->attr;

	if (!(attr->rate >= 0 && attr->rate < 1))
		return infer_refuse(x, "c8", "the dropout rate must be in [0, 1)");
	bias = attend_has_bias(attr, x->nin, grad);
	if (bias < 0)
		return infer_refuse(x, "c1", "%d operands, must be %d or, with a bias, %d", x->nin,
		                    3 + (attr->rate > 0 ? 3 : 0) + grad,
		                    4 + (attr->rate > 0 ? 3 : 0) + grad);
	if (!dtype_float(q->dtype) || k->dtype != q->dtype || v->dtype != q->dtype)
		return infer_refuse(x, "c2", "q, k, v are %s, %s, %s; must be all f32 or all bf16",
		                    dtype_name[q->dtype], dtype_name[k->dtype],
		                    dtype_name[v->dtype]);
	if (attr->naxes < 2 || attr->naxes > MAX_RANK || (attr->naxes > 2 && !(attr->rate > 0)))
		return infer_refuse(x, "c3",
		                    "the axes must be E and U, and with dropout the draw order");
	TRY(infer_has(x, q, attr->axes[0], "c3"));
	TRY(infer_has(x, k, attr->axes[0], "c3"));
	TRY(infer_has(x, v, attr->axes[0], "c3"));
	TRY(infer_has(x, k, attr->axes[1], "c3"));
	TRY(infer_has(x, v, attr->axes[1], "c3"));
	TRY(infer_lacks(x, q, attr->axes[1].name, "c3"));
	t = attend_query_axis(q, k, attr);
	if (t < 0)
		return infer_refuse(x, "c4", "q must have exactly one axis that k lacks");
	if (k->rank != q->rank || v->rank != k->rank)
		return infer_refuse(x, "c5", "q, k and v must share all axes but the tokens");
	for (i = 0; i < k->rank; i++) {
		if (k->axis[i].name != attr->axes[1].name)
			TRY(infer_has(x, q, k->axis[i], "c5"));
		TRY(infer_has(x, v, k->axis[i], "c5"));
	}
	if (bias)
		TRY(bias_rules(x, t));
	if (attr->rate > 0)
		TRY(dropout_rules(x, bias, t));
	if (grad) {
		const Type *dout = &x->in[x->nin - 1];
		if (!dtype_float(dout->dtype) || dout->rank != q->rank)
			return infer_refuse(x, "c10",
			                    "the last operand must be the gradient of the output");
		for (i = 0; i < q->rank; i++)
			TRY(infer_has(x, dout, q->axis[i], "c10"));
	}
	*x->out = *q;
	x->out->dtype = x->given && x->given->dtype == DT_bf16 ? DT_bf16 : DT_f32;
	return OK;
}
