/* infer: the type of a node, or the numbered rule of OPS.md that it breaks. Here: the rules common
 * to all ops, elementwise ops, reductions, contractions; views and indexing are in infer_view.c,
 * attend in infer_attend.c. Looks at types only: what needs the whole graph is in verify.c. */
#include "compiler/ir/ir_private.h"

#include <string.h>

/* Sizes multiply without overflow far below 2^63, with room for bytes. */
static const int64_t max_elems = (int64_t)1 << 48;

Status
infer_refuse(Infer *x, const char *rule, const char *fmt, ...)
{
	Text    t = {0};
	va_list ap;

	if (strncmp(rule, "any_", 4) == 0)
		text_printf(&t, "%s: ", rule);
	else
		text_printf(&t, "%s_%s: ", op_info[x->op].name, rule);
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	*x->why = arena_strdup(x->a, t.at);
	text_free(&t);
	return FAIL;
}

bool
dtype_float(Dtype d)
{
	return d == DT_f32 || d == DT_bf16;
}

Status
infer_join(Infer *x, Axis axis)
{
	int at = type_find(x->out, axis.name);

	if (at >= 0 && x->out->axis[at].size != axis.size)
		return infer_refuse(
			x, "any_c4", "axis %s has size %lld in one place and %lld in another",
			axis.name, (long long)x->out->axis[at].size, (long long)axis.size);
	if (at >= 0)
		return OK;
	if (x->out->rank == MAX_RANK)
		return infer_refuse(x, "any_c5", "the result would have more than %d axes",
		                    MAX_RANK);
	x->out->axis[x->out->rank++] = axis;
	return OK;
}

Status
infer_distinct(Infer *x)
{
	const Attr *t = x->attr;
	int         i, j;

	if (t->naxes < 0 || t->naxes > MAX_RANK)
		return infer_refuse(x, "any_c7", "%d axes given, at most %d are possible", t->naxes,
		                    MAX_RANK);
	for (i = 0; i < t->naxes; i++)
		for (j = 0; j < i; j++)
			if (t->axes[i].name == t->axes[j].name)
				return infer_refuse(x, "any_c7", "axis %s is listed twice",
				                    t->axes[i].name);
	return OK;
}

Status
infer_has(Infer *x, const Type *t, Axis axis, const char *rule)
{
	int at = axis.name ? type_find(t, axis.name) : -1;

	if (at < 0)
		return infer_refuse(x, rule, "the operand has no axis %s",
		                    axis.name ? axis.name : "(none)");
	if (t->axis[at].size != axis.size)
		return infer_refuse(x, "any_c4", "axis %s has size %lld in the operand, not %lld",
		                    axis.name, (long long)t->axis[at].size, (long long)axis.size);
	return OK;
}

Status
infer_lacks(Infer *x, const Type *t, const char *name, const char *rule)
{
	if (type_find(t, name) >= 0)
		return infer_refuse(x, rule, "the operand has an axis %s already", name);
	return OK;
}

const char *
type_flaw(Arena *a, const Type *t)
{
	int64_t elems = 1;
	int     i, j;

	if ((unsigned)t->dtype >= DT_COUNT)
		return "unknown dtype";
	if (t->rank < 0 || t->rank > MAX_RANK)
		return arena_printf(a, "rank %d, at most %d is possible", t->rank, MAX_RANK);
	for (i = 0; i < t->rank; i++) {
		if (!t->axis[i].name || t->axis[i].size < 1)
			return arena_printf(a, "axis %d has no name or a size below 1", i);
		for (j = 0; j < i; j++)
			if (t->axis[j].name == t->axis[i].name)
				return arena_printf(a, "axis %s stands twice", t->axis[i].name);
		if (t->axis[i].size > max_elems / elems)
			return "more than 2^48 elements";
		elems *= t->axis[i].size;
	}
	return NULL;
}

/* The union of the operands' axes in order of first appearance. */
static Status
join_operands(Infer *x)
{
	int i, k;

	for (i = 0; i < x->nin; i++)
		for (k = 0; k < x->in[i].rank; k++)
			TRY(infer_join(x, x->in[i].axis[k]));
	return OK;
}

static Status
infer_cast(Infer *x)
{
	Dtype from = x->in[0].dtype, to;

	if (!x->given)
		return infer_refuse(x, "any_c6", "a cast needs the type it casts to");
	to = x->given->dtype;
	if (to == DT_bool || (dtype_float(from) && !dtype_float(to)) ||
	    (from == DT_i32 && to == DT_u32) || (from == DT_u32 && to == DT_i32))
		return infer_refuse(x, "c1", "no cast from %s to %s", dtype_name[from],
		                    dtype_name[to]);
	*x->out = x->in[0];
	x->out->dtype = to;
	return OK;
}

static Status
infer_compare(Infer *x)
{
	Dtype a = x->in[0].dtype, b = x->in[1].dtype;

	if (a != b || (a == DT_bool && x->op != OP_eq))
		return infer_refuse(x, "c1", "cannot compare %s and %s", dtype_name[a],
		                    dtype_name[b]);
	x->out->dtype = DT_bool;
	return join_operands(x);
}

static Status
infer_elementwise(Infer *x)
{
	bool logic = x->op == OP_and || x->op == OP_or || x->op == OP_not;
	int  i;

	for (i = 0; i < x->nin; i++) {
		Dtype d = x->in[i].dtype;
		if (logic ? d != DT_bool : !dtype_float(d) || d != x->in[0].dtype)
			return infer_refuse(x, "c1", "operand %d is %s, must be %s", i,
			                    dtype_name[d],
			                    logic ? "bool"
			                    : i   ? "a float, the same for all operands"
			                          : "a float (f32 or bf16)");
	}
	if (x->op == OP_smooth_l1 && !(x->attr->num > 0))
		return infer_refuse(x, "c2", "beta must be above 0");
	x->out->dtype = x->in[0].dtype;
	return join_operands(x);
}

static Status
infer_select(Infer *x)
{
	if (x->in[0].dtype != DT_bool)
		return infer_refuse(x, "c1", "the condition is %s, must be bool",
		                    dtype_name[x->in[0].dtype]);
	if (x->in[1].dtype != x->in[2].dtype)
		return infer_refuse(x, "c2", "the branches are %s and %s",
		                    dtype_name[x->in[1].dtype], dtype_name[x->in[2].dtype]);
	x->out->dtype = x->in[1].dtype;
	return join_operands(x);
}

/* sum, rmax: the axes go; standardise, softmax: they stay. */
static Status
infer_over(Infer *x)
{
	bool keeps = x->op == OP_standardise || x->op == OP_softmax;
	int  i, k;

	if (x->in[0].dtype != DT_f32)
		return infer_refuse(x, "c1", "the operand is %s, must be f32",
		                    dtype_name[x->in[0].dtype]);
	TRY(infer_distinct(x));
	if (x->attr->naxes == 0)
		return infer_refuse(x, "c2", "there must be at least one axis");
	for (i = 0; i < x->attr->naxes; i++)
		TRY(infer_has(x, &x->in[0], x->attr->axes[i], "c2"));
	if (x->op == OP_standardise && !(x->attr->num >= 0))
		return infer_refuse(x, "c3", "eps must not be below 0");
	x->out->dtype = DT_f32;
	for (i = 0; i < x->in[0].rank; i++) {
		for (k = 0; k < x->attr->naxes && x->attr->axes[k].name != x->in[0].axis[i].name;
		     k++)
			;
		if (keeps || k == x->attr->naxes)
			TRY(infer_join(x, x->in[0].axis[i]));
	}
	return OK;
}

static Status
infer_sum_squares(Infer *x)
{
	int i;

	for (i = 0; i < x->nin; i++)
		if (x->in[i].dtype != DT_f32)
			return infer_refuse(x, "c1", "operand %d is %s, must be f32", i,
			                    dtype_name[x->in[i].dtype]);
	x->out->dtype = DT_f32;
	return OK;
}

static Status
infer_contract(Infer *x)
{
	Type joined = {0};
	int  i, k;

	if (x->op == OP_gemm && (x->nin < 2 || x->nin > 3))
		return infer_refuse(x, "any_c1", "gemm takes 2 or 3 operands, not %d", x->nin);
	if (!dtype_float(x->in[0].dtype) || x->in[0].dtype != x->in[1].dtype)
		return infer_refuse(x, "c1",
		                    "operands are %s and %s, must be both f32 or both bf16",
		                    dtype_name[x->in[0].dtype], dtype_name[x->in[1].dtype]);
	TRY(infer_distinct(x));
	for (i = 0; i < x->attr->naxes; i++) {
		TRY(infer_has(x, &x->in[0], x->attr->axes[i], "c2"));
		TRY(infer_has(x, &x->in[1], x->attr->axes[i], "c2"));
	}
	for (k = 0; k < 2; k++)
		for (i = 0; i < x->in[k].rank; i++) {
			Axis axis = x->in[k].axis[i];
			joined.rank = x->attr->naxes;
			memcpy(joined.axis, x->attr->axes, sizeof joined.axis);
			if (type_find(&joined, axis.name) < 0)
				TRY(infer_join(x, axis));
		}
	x->out->dtype = x->given && x->given->dtype == DT_bf16 ? DT_bf16 : DT_f32;
	if (x->nin == 2)
		return OK;
	if (x->in[2].dtype != DT_f32)
		return infer_refuse(x, "c3", "the bias is %s, must be f32",
		                    dtype_name[x->in[2].dtype]);
	for (i = 0; i < x->in[2].rank; i++)
		TRY(infer_has(x, x->out, x->in[2].axis[i], "c4"));
	return OK;
}

static Status
infer_rule(Infer *x)
{
	switch (x->op) {
	case OP_input:
	case OP_host:
	case OP_param:
	case OP_const:
	case OP_table:
	case OP_uniform:
	case OP_assign:
		return infer_leaf(x);
	case OP_add:
	case OP_sub:
	case OP_mul:
	case OP_div:
	case OP_min:
	case OP_max:
	case OP_neg:
	case OP_abs:
	case OP_sign:
	case OP_exp:
	case OP_log:
	case OP_sqrt:
	case OP_rsqrt:
	case OP_erf:
	case OP_tanh:
	case OP_and:
	case OP_or:
	case OP_not:
	case OP_gelu:
	case OP_smooth_l1:
		return infer_elementwise(x);
	case OP_lt:
	case OP_le:
	case OP_eq:
		return infer_compare(x);
	case OP_select:
		return infer_select(x);
	case OP_cast:
		return infer_cast(x);
	case OP_sum:
	case OP_rmax:
	case OP_standardise:
	case OP_softmax:
		return infer_over(x);
	case OP_sum_squares:
		return infer_sum_squares(x);
	case OP_contract:
	case OP_gemm:
		return infer_contract(x);
	case OP_rename:
	case OP_split:
	case OP_merge:
	case OP_slice:
	case OP_pad:
	case OP_concat:
	case OP_broadcast:
	case OP_reorder:
		return infer_view(x);
	case OP_pick:
	case OP_scatter_add:
		return infer_index(x);
	case OP_places:
	case OP_ranks:
		return infer_order(x);
	case OP_attend:
	case OP_attend_grad:
		return infer_attend(x);
	case OP_result: /* its operand type is the element: infer_node has looked it up */
		*x->out = x->in[0];
		return OK;
	case OP_COUNT:
		break;
	}
	return infer_refuse(x, "any_c1", "there is no op %d", (int)x->op);
}

/* any_c3: a given type is the inferred one, its axes in any order; then that order holds. */
static Status
settle(Infer *x)
{
	const char *flaw = type_flaw(x->a, x->out);
	Text        want = {0}, have = {0};
	bool        same;
	int         i, at;

	if (flaw)
		return infer_refuse(x, "any_c5", "the result is too large: %s", flaw);
	if (!x->given)
		return OK;
	same = x->given->dtype == x->out->dtype && x->given->rank == x->out->rank;
	for (i = 0; same && i < x->out->rank; i++) {
		at = type_find(x->given, x->out->axis[i].name);
		same = at >= 0 && x->given->axis[at].size == x->out->axis[i].size;
	}
	if (same) {
		*x->out = *x->given;
		return OK;
	}
	type_print(&want, x->out);
	type_print(&have, x->given);
	infer_refuse(x, "any_c3", "%s gives %s, not %s", op_info[x->op].name, want.at, have.at);
	text_free(&want);
	text_free(&have);
	return FAIL;
}

Status
infer(Arena *a, Op op, const Type *in, int nin, const Attr *attr, const Type *given, Type *out,
      const char **why)
{
	static const Attr none;
	Type              result = {0};
	const char       *flaw;
	Infer             x = {a, op, in, nin, attr ? attr : &none, given, &result, why};

	*why = NULL;
	if ((unsigned)op >= OP_COUNT)
		return infer_rule(&x);
	if (op_info[op].nin >= 0 ? nin != op_info[op].nin : nin < 1)
		return infer_refuse(&x, "any_c1", "%s takes %d operands, not %d", op_info[op].name,
		                    op_info[op].nin < 0 ? 1 : op_info[op].nin, nin);
	if (given && (flaw = type_flaw(a, given)))
		return infer_refuse(&x, "any_c2", "malformed type: %s", flaw);
	TRY(infer_rule(&x));
	TRY(settle(&x));
	*out = result;
	return OK;
}

/* Elements of attend_grad(q, k, v, [r, [sample, step, seed]], dout): dq dk dv dr. */
Type
infer_result(const Graph *g, Val tuple, int index)
{
	const Node *n = &g->node[tuple];
	Type        t;

	if (n->op != OP_attend_grad || index < 0 || index > 3)
		BUG("%%%d (%s) has no result %d", tuple, op_info[n->op].name, index);
	if (index == 0)
		return n->type;
	t = g->node[n->in[index]].type;
	t.dtype = index == 3 ? DT_f32 : n->type.dtype;
	return t;
}

Status
infer_node(Arena *a, const Graph *g, Op op, const Val *in, int nin, const Attr *attr,
           const Type *given, Type *out, const char **why)
{
	Type              small[8], *type = nin <= 8 ? small : arena_new_array(a, Type, nin);
	static const Attr none;
	Infer             x = {a, op, type, nin, attr ? attr : &none, given, out, why};
	const Node       *n;
	int               i;

	for (i = 0; i < nin; i++) {
		if (in[i] < 0 || in[i] >= g->n)
			return infer_refuse(&x, "any_c8", "operand %d is no value", i);
		n = &g->node[in[i]];
		if (n->op == OP_assign || (n->op == OP_attend_grad && op != OP_result))
			return infer_refuse(&x, "any_c8",
			                    "operand %d is %s, which cannot be used here", i,
			                    op_info[n->op].name);
		type[i] = n->type;
	}
	if (op == OP_result && nin == 1) {
		n = &g->node[in[0]];
		if (n->op != OP_attend_grad)
			return infer_refuse(&x, "c1", "the operand is %s, which is no tuple",
			                    op_info[n->op].name);
		if (attr->index < 0 || attr->index > 3 ||
		    (attr->index == 3 && attend_has_bias(&n->attr, n->nin, 1) != 1))
			return infer_refuse(&x, "c2", "the tuple has no element %d", attr->index);
		type[0] = infer_result(g, in[0], attr->index);
	}
	return infer(a, op, type, nin, attr, given, out, why);
}
