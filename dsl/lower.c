/* lower: formulas -> nodes. One walk does both: it asks check.c whether the axes allow what is
 * written and then builds it, so a module's body is checked with the axes it is used with. A wrong
 * formula is the error value, which everything above passes on in silence. Numbers stay numbers as
 * long as they can; values along an axis written `[l in L]` stay lists. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

Value
value_tensor(Val v, Loc loc)
{
	return (Value){.kind = V_tensor, .val = v, .loc = loc};
}

/* Which operand comes first says nothing about a good order of axes; the largest one does, so that
 * `gain * x` reads [B, T, D] and not [D, B, T] in every dump. */
Val
lower_like(Cx *cx, Op op, const Val *in, int nin, Loc loc)
{
	int  most = op == OP_select ? 1 : 0;
	Axes order;
	for (int i = 0; i < nin; i++)
		if (cx->g->node[in[i]].type.rank > cx->g->node[in[most]].type.rank)
			most = i;
	order = dims_of(cx, in[most]);
	for (int i = 0; i < nin; i++) {
		Axes more = dims_of(cx, in[i]);
		for (int k = 0; k < more.n; k++)
			dims_add(&order, more.at[k]);
	}
	Type type = dims_type(&order, cx->g->node[in[nin - 1]].type.dtype);
	return build(cx->g, op, in, nin, NULL, &type, loc);
}

Val
param_leaf(Cx *cx, const Model *m, int param, Loc loc)
{
	const Param *p = &cx->params.at[param];
	int          slot = 0;
	for (int i = 0; i < cx->models.n; i++)
		if (cx->models.at[i] == m)
			slot = i * cx->params.n + param;
	if (cx->leaf[slot] == NO_VAL) {
		Type        type = dims_type(&p->axes, DT_f32);
		const char *name = m->of ? intern_printf("%s.%s", m->name, p->path) : p->path;
		cx->leaf[slot] = build_leaf(cx->g, OP_param, name, &type, loc);
	}
	return cx->leaf[slot];
}

Val
random_operand(Cx *cx, int which, Loc loc)
{
	Val *slot = which == 0 ? &cx->sample : which == 1 ? &cx->step : &cx->seed;
	if (*slot == NO_VAL) {
		Axes per_sample = {1, {cx->batch}}, scalar = {0};
		Type type = dims_type(which == 0 ? &per_sample : &scalar, DT_u32);
		*slot = build_leaf(cx->g, which == 0 ? OP_input : OP_host,
		                   which == 0   ? "sample"
		                   : which == 1 ? "step"
		                                : "seed",
		                   &type, loc);
	}
	return *slot;
}

/* ---- values as nodes ------------------------------------------------------------------------ */

/* A list used as a whole: its elements side by side along its axis. */
static Val
list_tensor(Frame *f, Value v, Loc loc)
{
	Val  *in = arena_new_array(f->cx->arena, Val, v.n);
	Axis *part = arena_new_array(f->cx->arena, Axis, v.n);
	for (int i = 0; i < v.n; i++) {
		in[i] = lower_f32(f, v.item[i], loc);
		if (in[i] == NO_VAL)
			return NO_VAL;
	}
	return build_concat(f->cx->g, in, part, v.n, dim_axis(v.axis), loc);
}

Val
lower_tensor(Frame *f, Value v, Loc loc)
{
	if (v.kind == V_error)
		return NO_VAL;
	if (!f->cx->g) {
		diag_error(loc, "no-tensors-here", "only numbers can stand here");
		return NO_VAL;
	}
	switch (v.kind) {
	case V_tensor:
		return v.val;
	case V_list:
		return list_tensor(f, v, loc);
	case V_number:
		if (!v.unit)
			return build_const(f->cx->g, v.num, loc);
		break;
	default:
		break;
	}
	diag_error(loc, "not-a-tensor", "a tensor is needed here, and this is %s",
	           value_text(f->cx, &v));
	return NO_VAL;
}

Val
lower_f32(Frame *f, Value v, Loc loc)
{
	Val t = lower_tensor(f, v, loc);
	if (t == NO_VAL)
		return t;
	if (f->cx->g->node[t].type.dtype == DT_i32) {
		diag_error(loc, "not-a-tensor",
		           "a table of indices is no number; only `pick` takes it");
		return NO_VAL;
	}
	return build_cast(f->cx->g, t, DT_f32, loc);
}

Value
lower_number(Frame *f, const Expr *e, const char *what)
{
	Value v = lower(f, e);
	if (v.kind == V_error || (v.kind == V_number && !v.unit))
		return v;
	REFUSE(e->loc, "not-a-number", "%s must be a plain number, and this is %s", what,
	       value_text(f->cx, &v));
}

/* ---- the walk ------------------------------------------------------------------------------- */

static Value
lower_literal(const Expr *e)
{
	static const struct {
		const char *unit;
		double      factor;
	} unit[] = {
		{"epochs", 0}, {"steps", 0},       {"samples", 0},
		{"hours", 0},  {"MiB", 1048576.0}, {"GiB", 1073741824.0},
	};
	Value       v = value_number(e->num, e->loc);
	const char *list[COUNT(unit)];
	if (!e->unit)
		return v;
	for (int i = 0; i < COUNT(unit); i++) {
		list[i] = unit[i].unit;
		if (strcmp(unit[i].unit, e->unit) != 0)
			continue;
		if (unit[i].factor > 0)
			v.num *= unit[i].factor;
		else
			v.unit = e->unit;
		return v;
	}
	diag_error(e->mark, "unknown-unit", "`%s` is no unit", e->unit);
	const char *near = text_nearest(e->unit, list, COUNT(unit));
	if (near)
		diag_hint("did you mean `%s`?", near);
	else
		diag_hint("units are: epochs steps samples hours MiB GiB");
	return value_error();
}

static Value
lower_items(Frame *f, const Expr *e)
{
	Value v = {.kind = V_items, .loc = e->loc};
	for (const Expr *x = e->items; x; x = x->next)
		v.n++;
	v.item = arena_new_array(f->cx->arena, Value, v.n + 1);
	int n = 0;
	for (const Expr *x = e->items; x; x = x->next) {
		v.item[n] = lower(f, x);
		if (v.item[n++].kind == V_error)
			return value_error();
	}
	return v;
}

static Value
lower_then(Frame *f, const Expr *e)
{
	Value a = lower(f, e->l), b = lower(f, e->r), v = {.kind = V_schedule, .loc = e->loc};
	if (a.kind == V_error || b.kind == V_error)
		return value_error();
	if (a.kind != V_schedule || b.kind != V_schedule)
		REFUSE(a.kind != V_schedule ? e->l->loc : e->r->loc, "not-a-schedule",
		       "`then` joins warmup, linear, cosine and constant, and this is %s",
		       value_text(f->cx, a.kind != V_schedule ? &a : &b));
	v.n = a.n + b.n;
	v.item = arena_new_array(f->cx->arena, Value, v.n);
	memcpy(v.item, a.item, sizeof *v.item * (size_t)a.n);
	memcpy(v.item + a.n, b.item, sizeof *v.item * (size_t)b.n);
	return v;
}

static Value
lower_sign(Frame *f, const Expr *e)
{
	Value v = lower(f, e->l);
	if (v.kind == V_error)
		return v;
	if (v.kind == (e->kind == EX_neg ? V_number : V_truth)) {
		v.num = e->kind == EX_neg ? -v.num : !v.num;
		return v;
	}
	Val x = e->kind == EX_neg ? lower_f32(f, v, e->l->loc) : lower_tensor(f, v, e->l->loc);
	if (x == NO_VAL)
		return value_error();
	if (e->kind == EX_not && f->cx->g->node[x].type.dtype != DT_bool)
		REFUSE(e->loc, "not-a-mask", "`not` takes a mask or a condition, and this is %s",
		       value_text(f->cx, &v));
	return value_tensor(build_un(f->cx->g, e->kind == EX_neg ? OP_neg : OP_not, x, e->loc),
	                    e->loc);
}

static Value
lower_range(Frame *f, const Expr *e)
{
	Value a = lower_number(f, e->l, "the start of a range"),
	      b = lower_number(f, e->r, "the end of a range");
	if (a.kind == V_error || b.kind == V_error)
		return value_error();
	return (Value){.kind = V_range, .num = a.num, .hi = b.num, .loc = e->loc};
}

Value
lower(Frame *f, const Expr *e)
{
	Value v;
	switch (e->kind) {
	case EX_number:
		return lower_literal(e);
	case EX_string:
		return (Value){.kind = V_string, .text = e->text, .loc = e->loc};
	case EX_name:
		return lower_name(f, e);
	case EX_tagged:
		REFUSE(e->loc, "not-a-value", "`%s \"%s\"` means nothing here", e->name, e->text);
	case EX_items:
		return lower_items(f, e);
	case EX_neg:
	case EX_not:
		return lower_sign(f, e);
	case EX_binary:
		return lower_binary(f, e);
	case EX_call:
		return lower_call(f, e);
	case EX_member:
		return bound_value(f, e, resolve(f, e));
	case EX_index:
		return lower_index(f, e);
	case EX_as:
	case EX_at:
		v = lower(f, e->l);
		if (v.kind == V_error)
			return v;
		if (!f->cx->g)
			REFUSE(e->loc, "no-tensors-here", "only numbers can stand here");
		return e->kind == EX_as ? check_as(f, e, v) : check_at(f, e, v);
	case EX_reduce:
		return lower_reduce(f, e);
	case EX_fold:
		return lower_fold(f, e);
	case EX_range:
		return lower_range(f, e);
	case EX_then:
		return lower_then(f, e);
	}
	return value_error();
}
