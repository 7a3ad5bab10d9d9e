/* arith: numbers with numbers, tensors with tensors, sums and means. Numbers keep their units and
 * are worked out while compiling; tensors become nodes once check.c has allowed their axes. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

static Value
number_arithmetic(Frame *f, const Expr *e, Value a, Value b)
{
	char  n1[32], n2[32];
	Value v = value_number(0, e->loc);
	if (a.unit != b.unit && e->op >= BIN_lt && e->op <= BIN_sub)
		REFUSE(e->mark, "units-differ", "`%s` joins %s and %s", bin_text[e->op],
		       value_text(f->cx, &a), value_text(f->cx, &b));
	v.unit = a.unit ? a.unit : b.unit;
	switch (e->op) {
	case BIN_add:
		v.num = a.num + b.num;
		return v;
	case BIN_sub:
		v.num = a.num - b.num;
		return v;
	case BIN_mul:
		if (a.unit && b.unit)
			REFUSE(e->mark, "units-differ", "a product of two numbers with units");
		v.num = a.num * b.num;
		return v;
	case BIN_div:
		if (b.unit)
			REFUSE(e->mark, "units-differ", "division by a number with a unit");
		if (b.num == 0)
			REFUSE(e->mark, "division-by-zero", "`%s` is 0",
			       expr_text(f->cx->arena, e->r));
		if (f->cx->exact && fmod(a.num, b.num) != 0) {
			diag_error(e->mark, "not-divisible",
			           "`%s` = %s / %s is not a whole number, so it is no size",
			           expr_text(f->cx->arena, e), text_double(n1, a.num),
			           text_double(n2, b.num));
			return value_error();
		}
		v.num = a.num / b.num;
		return v;
	default:
		break;
	}
	v.kind = V_truth;
	v.unit = NULL;
	switch (e->op) {
	case BIN_lt:
		v.num = a.num < b.num;
		break;
	case BIN_le:
		v.num = a.num <= b.num;
		break;
	case BIN_gt:
		v.num = a.num > b.num;
		break;
	case BIN_ge:
		v.num = a.num >= b.num;
		break;
	case BIN_eq:
		v.num = a.num == b.num;
		break;
	case BIN_ne:
		v.num = a.num != b.num;
		break;
	default:
		REFUSE(e->mark, "not-a-truth", "`%s` joins conditions, and these are numbers",
		       bin_text[e->op]);
	}
	return v;
}

/* The union of axes must fit a type. */
Status
check_rank(Cx *cx, Val a, Val b, Loc loc)
{
	Axes x = dims_of(cx, a), y = dims_of(cx, b);
	int  n = x.n;
	for (int i = 0; i < y.n; i++)
		n += !dims_has(&x, y.at[i]);
	if (n > MAX_RANK)
		return diag_error(loc, "too-many-axes",
		                  "the product has %d axes; more than %d are not supported", n,
		                  MAX_RANK);
	for (int i = 0; i < y.n; i++)
		dims_add(&x, y.at[i]);
	return check_elements(cx, &x, loc);
}

static Value
tensor_arithmetic(Frame *f, const Expr *e, Value a, Value b)
{
	Cx    *cx = f->cx;
	Graph *g = cx->g;
	if (e->op == BIN_and || e->op == BIN_or) {
		Val x = lower_tensor(f, a, e->l->loc), y = lower_tensor(f, b, e->r->loc);
		if (x == NO_VAL || y == NO_VAL)
			return value_error();
		if (g->node[x].type.dtype != DT_bool || g->node[y].type.dtype != DT_bool)
			REFUSE(e->mark, "not-a-mask", "`%s` joins %s and %s; both must be masks",
			       bin_text[e->op], value_text(cx, &a), value_text(cx, &b));
		if (check_join(cx, bin_text[e->op], e->mark, x, y) != OK)
			return value_error();
		return value_tensor(build_bin(g, e->op == BIN_and ? OP_and : OP_or, x, y, e->loc),
		                    e->loc);
	}
	Val x = lower_f32(f, a, e->l->loc), y = lower_f32(f, b, e->r->loc), r;
	if (x == NO_VAL || y == NO_VAL ||
	    (e->op == BIN_mul ? check_rank(cx, x, y, e->mark)
	                      : check_join(cx, bin_text[e->op], e->mark, x, y)) != OK)
		return value_error();
	Val in[2] = {x, y};
	switch (e->op) {
	case BIN_add:
		r = lower_like(cx, OP_add, in, 2, e->loc);
		break;
	case BIN_sub:
		r = lower_like(cx, OP_sub, in, 2, e->loc);
		break;
	case BIN_mul:
		r = lower_like(cx, OP_mul, in, 2, e->loc);
		break;
	case BIN_div:
		r = lower_like(cx, OP_div, in, 2, e->loc);
		break;
	case BIN_lt:
		r = build_bin(g, OP_lt, x, y, e->loc);
		break;
	case BIN_le:
		r = build_bin(g, OP_le, x, y, e->loc);
		break;
	case BIN_gt:
		r = build_bin(g, OP_lt, y, x, e->loc);
		break;
	case BIN_ge:
		r = build_bin(g, OP_le, y, x, e->loc);
		break;
	case BIN_eq:
		r = build_bin(g, OP_eq, x, y, e->loc);
		break;
	default:
		r = build_un(g, OP_not, build_bin(g, OP_eq, x, y, e->loc), e->loc);
		break;
	}
	return value_tensor(r, e->loc);
}

Value
lower_binary(Frame *f, const Expr *e)
{
	Value a = lower(f, e->l), b = lower(f, e->r);
	if (a.kind == V_error || b.kind == V_error)
		return value_error();
	if (a.kind == V_number && b.kind == V_number)
		return number_arithmetic(f, e, a, b);
	if (a.kind == V_truth && b.kind == V_truth && (e->op == BIN_and || e->op == BIN_or)) {
		a.num = e->op == BIN_and ? a.num && b.num : a.num || b.num;
		return a;
	}
	if (a.kind == V_init && b.kind == V_number && !b.unit &&
	    (e->op == BIN_mul || e->op == BIN_div)) {
		if (e->op == BIN_div && b.num == 0)
			REFUSE(e->mark, "division-by-zero", "`%s` is 0",
			       expr_text(f->cx->arena, e->r));
		a.init.scale = e->op == BIN_mul ? a.init.scale * b.num : a.init.scale / b.num;
		return a;
	}
	if (b.kind == V_init && a.kind == V_number && !a.unit && e->op == BIN_mul) {
		b.init.scale *= a.num;
		return b;
	}
	bool ok_a = a.kind == V_tensor || a.kind == V_list || a.kind == V_number,
	     ok_b = b.kind == V_tensor || b.kind == V_list || b.kind == V_number;
	if (!ok_a || !ok_b)
		REFUSE(ok_a ? e->r->loc : e->l->loc, "not-a-tensor", "`%s` cannot take %s",
		       bin_text[e->op], value_text(f->cx, ok_a ? &b : &a));
	return tensor_arithmetic(f, e, a, b);
}

/* ---- reductions ----------------------------------------------------------------------------- */

/* sum(over) of the product l * r: axes of one side only are summed there first, common ones
 * contract. */
static Value
product_sum(Frame *f, const Expr *e, const Axes *over, Loc loc)
{
	Cx         *cx = f->cx;
	Graph      *g = cx->g;
	const Expr *p = e->l;
	Value       a = lower(f, p->l), b = lower(f, p->r);
	Axis        only_a[MAX_RANK], only_b[MAX_RANK], both[MAX_RANK];
	int         na = 0, nb = 0, n = 0;
	if (a.kind == V_error || b.kind == V_error)
		return value_error();
	Val x = lower_f32(f, a, p->l->loc), y = lower_f32(f, b, p->r->loc);
	if (x == NO_VAL || y == NO_VAL || check_rank(cx, x, y, p->mark) != OK)
		return value_error();
	Axes xa = dims_of(cx, x), ya = dims_of(cx, y);
	for (int i = 0; i < over->n; i++) {
		Dim *d = over->at[i];
		bool in_x = dims_has(&xa, d), in_y = dims_has(&ya, d);
		if (in_x && in_y)
			both[n++] = dim_axis(d);
		else if (in_x)
			only_a[na++] = dim_axis(d);
		else if (in_y)
			only_b[nb++] = dim_axis(d);
		else {
			diag_error(e->mark, "no-such-axis",
			           "`sum` over %s, and neither %s nor %s has the axis %s", d->axis,
			           dims_text(cx->arena, &xa), dims_text(cx->arena, &ya), d->axis);
			note_dim(cx, d);
			return value_error();
		}
	}
	x = build_reduce(g, OP_sum, x, only_a, na, p->l->loc);
	y = build_reduce(g, OP_sum, y, only_b, nb, p->r->loc);
	return value_tensor(
		n ? build_contract(g, x, y, both, n, loc) : build_bin(g, OP_mul, x, y, loc), loc);
}

/* Sum or mean over axes of the elements that the mask selects (NO_VAL: all). A mean divides by the
 * true count: the mask counts along those of its axes that go, every other axis that goes counts in
 * full. */
Value
reduce_where(Frame *f, Value v, const Axes *over, Val mask, bool mean, Loc loc)
{
	Cx    *cx = f->cx;
	Graph *g = cx->g;
	Val    x = lower_f32(f, v, loc);
	Axis   axes[MAX_RANK], counted[MAX_RANK];
	int    n = 0, nc = 0;
	double others = 1;
	if (x == NO_VAL)
		return value_error();
	if (mask != NO_VAL) {
		if (check_rank(cx, x, mask, loc) != OK)
			return value_error();
		Val in[3] = {mask, x, build_const(g, 0, loc)};
		x = lower_like(cx, OP_select, in, 3, loc);
	}
	if (check_over(cx, over, x, loc, mean ? "`mean`" : "`sum`") != OK)
		return value_error();
	for (int i = 0; i < over->n; i++) {
		axes[n++] = dim_axis(over->at[i]);
		if (mask != NO_VAL && type_find(&g->node[mask].type, over->at[i]->axis) >= 0)
			counted[nc++] = dim_axis(over->at[i]);
		else
			others *= (double)over->at[i]->size;
	}
	if (mask == NO_VAL)
		return value_tensor(mean ? build_mean(g, x, axes, n, loc)
		                         : build_reduce(g, OP_sum, x, axes, n, loc),
		                    loc);
	Val total = build_reduce(g, OP_sum, x, axes, n, loc);
	if (!mean)
		return value_tensor(total, loc);
	Val count = build_reduce(g, OP_sum, build_cast(g, mask, DT_f32, loc), counted, nc, loc);
	if (others != 1)
		count = build_bin(g, OP_mul, count, build_const(g, others, loc), loc);
	return value_tensor(build_bin(g, OP_div, total, count, loc), loc);
}

Value
lower_reduce(Frame *f, const Expr *e)
{
	Axes over;
	Val  mask = NO_VAL;
	if (!f->cx->g)
		REFUSE(e->loc, "no-tensors-here", "only numbers can stand here");
	if (scope_axes(f, e->axes, e->mean ? "`mean`" : "`sum`", &over) != OK)
		return value_error();
	if (e->where) {
		Value w = lower(f, e->where);
		if (w.kind == V_error)
			return w;
		if (w.kind != V_tensor || f->cx->g->node[w.val].type.dtype != DT_bool)
			REFUSE(e->where->loc, "not-a-mask", "`where` takes a mask, and this is %s",
			       value_text(f->cx, &w));
		mask = w.val;
	} else if (!e->mean && e->l->kind == EX_binary && e->l->op == BIN_mul) {
		return product_sum(f, e, &over, e->loc);
	}
	Value v = lower(f, e->l);
	return v.kind == V_error ? v : reduce_where(f, v, &over, mask, e->mean, e->mark);
}

/* sum(l in a .. b) e: written out, one copy of e per value of l. */
Value
lower_fold(Frame *f, const Expr *e)
{
	Value    range = lower(f, e->l), total = {0};
	Binding *outer = f->locals;
	if (range.kind == V_error)
		return range;
	double lo = range.kind == V_range ? range.num : 0,
	       hi = range.kind == V_range ? range.hi : range.num;
	if ((range.kind != V_range && range.kind != V_number) || range.unit || lo != floor(lo) ||
	    hi != floor(hi))
		REFUSE(e->l->loc, "bad-range",
		       "a range of whole numbers such as `L - K .. L` or an axis is needed here");
	if (hi <= lo)
		REFUSE(e->l->loc, "bad-range", "the range %g .. %g is empty", lo, hi);
	if (hi - lo > 4096)
		REFUSE(e->l->loc, "bad-range",
		       "%g copies would be written out; use an axis instead", hi - lo);
	for (double l = lo; l < hi; l++) {
		f->locals = outer;
		binding_push(f->cx->arena, &f->locals, BIND_value, e->name, e->mark)->value =
			value_number(l, e->mark);
		Value v = lower(f, e->r);
		if (v.kind == V_error) {
			f->locals = outer;
			return v;
		}
		if (l == lo) {
			total = v;
		} else if (v.kind == V_number && total.kind == V_number) {
			total.num += v.num;
		} else {
			Val x = lower_f32(f, total, e->loc), y = lower_f32(f, v, e->loc);
			if (x == NO_VAL || y == NO_VAL ||
			    check_join(f->cx, e->mean ? "mean" : "sum", e->loc, x, y) != OK)
				return value_error();
			total = value_tensor(build_bin(f->cx->g, OP_add, x, y, e->loc), e->loc);
		}
	}
	f->locals = outer;
	if (!e->mean)
		return total;
	if (total.kind == V_number) {
		total.num /= hi - lo;
		return total;
	}
	Val x = lower_f32(f, total, e->loc);
	return x == NO_VAL ? value_error()
	                   : value_tensor(build_bin(f->cx->g, OP_mul, x,
	                                            build_const(f->cx->g, 1 / (hi - lo), e->loc),
	                                            e->loc),
	                                  e->loc);
}
