/* builtin_make: what the built-in functions make of their arguments, which builtin.c has bound and
 * checked by kind: nodes, or a description that the section they stand in reads. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

/* ---- functions of tensors ------------------------------------------------------------------- */

Value
make_un(Frame *f, const Builtin *b, Call *c)
{
	if (c->v[0].kind == V_number && b->number)
		return value_number(b->number(c->v[0].num), c->loc_all);
	Val x = lower_f32(f, c->v[0], c->loc[0]);
	return x == NO_VAL ? value_error()
	                   : value_tensor(build_un(f->cx->g, b->op, x, c->loc_all), c->loc_all);
}

Value
make_extreme(Frame *f, const Builtin *b, Call *c)
{
	if (c->v[0].kind == V_number && c->v[1].kind == V_number)
		return value_number(b->op == OP_min ? fmin(c->v[0].num, c->v[1].num)
		                                    : fmax(c->v[0].num, c->v[1].num),
		                    c->loc_all);
	Val x = lower_f32(f, c->v[0], c->loc[0]), y = lower_f32(f, c->v[1], c->loc[1]);
	if (x == NO_VAL || y == NO_VAL || check_join(f->cx, b->name, c->loc_all, x, y) != OK)
		return value_error();
	return value_tensor(build_bin(f->cx->g, b->op, x, y, c->loc_all), c->loc_all);
}

/* gelu, smooth_l1, softmax, standardise */
Value
make_composite(Frame *f, const Builtin *b, Call *c)
{
	Val  x = lower_f32(f, c->v[0], c->loc[0]);
	Attr attr = {0};
	if (x == NO_VAL || (b->over && check_over(f->cx, &c->over, x, c->over_loc, b->name) != OK))
		return value_error();
	if (b->formal[1].name)
		attr.num = c->v[1].num;
	if (b->op == OP_smooth_l1 && attr.num <= 0)
		REFUSE(c->loc[1], "bad-number",
		       "`beta` must be above 0; the limit beta = 0 is `abs`");
	if (b->op == OP_standardise && attr.num < 0)
		REFUSE(c->loc[1], "bad-number", "`eps` is negative");
	attr.naxes = c->over.n;
	for (int i = 0; i < c->over.n; i++)
		attr.axes[i] = dim_axis(c->over.at[i]);
	return value_tensor(build(f->cx->g, b->op, &x, 1, &attr, NULL, c->loc_all), c->loc_all);
}

/* std(y over (B, N) where m): the root of the biased variance of the elements that m selects. */
Value
make_std(Frame *f, const Builtin *b, Call *c)
{
	Graph *g = f->cx->g;
	Val    x = lower_f32(f, c->v[0], c->loc[0]), m = NO_VAL;
	if (x == NO_VAL || check_over(f->cx, &c->over, x, c->over_loc, b->name) != OK)
		return value_error();
	if (c->where) {
		Value w = lower(f, c->where);
		if (w.kind == V_error)
			return w;
		m = w.kind == V_tensor ? w.val : NO_VAL;
		if (m == NO_VAL || g->node[m].type.dtype != DT_bool)
			REFUSE(c->where->loc, "not-a-mask", "`where` takes a mask, and this is %s",
			       value_text(f->cx, &w));
	}
	Value mean = reduce_where(f, value_tensor(x, c->loc_all), &c->over, m, true, c->loc_all);
	if (mean.kind == V_error)
		return mean;
	Val   d = build_bin(g, OP_sub, x, mean.val, c->loc_all);
	Value var =
		reduce_where(f, value_tensor(build_bin(g, OP_mul, d, d, c->loc_all), c->loc_all),
	                     &c->over, m, true, c->loc_all);
	return var.kind == V_error
	               ? var
	               : value_tensor(build_un(g, OP_sqrt, var.val, c->loc_all), c->loc_all);
}

/* choose(m, a, b): a where m, else b. `none` is the empty mask. */
Value
make_choose(Frame *f, const Builtin *b, Call *c)
{
	Graph *g = f->cx->g;
	Val    x = lower_f32(f, c->v[1], c->loc[1]), y = lower_f32(f, c->v[2], c->loc[2]);
	(void)b;
	if (x == NO_VAL || y == NO_VAL || check_rank(f->cx, x, y, c->loc_all) != OK)
		return value_error();
	if (c->v[0].kind == V_none)
		return value_tensor(build_broadcast_to(g, y, &g->node[x].type, c->loc_all),
		                    c->loc_all);
	Val in[3] = {c->v[0].val, x, y};
	return value_tensor(lower_like(f->cx, OP_select, in, 3, c->loc_all), c->loc_all);
}

Value
make_concat(Frame *f, const Builtin *b, Call *c)
{
	(void)b;
	return check_concat(f, c->loc_all, c->along, c->v, c->loc, c->n);
}

Value
make_pick(Frame *f, const Builtin *b, Call *c)
{
	Cx *cx = f->cx;
	Val x = lower_f32(f, c->v[0], c->loc[0]);
	if (x == NO_VAL || check_over(cx, &c->over, x, c->over_loc, b->name) != OK)
		return value_error();
	if (c->over.n != 1)
		REFUSE(c->over_loc, "pick-axis", "`pick` replaces one axis, and %d are named",
		       c->over.n);
	if (c->v[1].kind == V_table) {
		diag_error(c->loc[1], "table-axes", "the axes of the table `%s` have no names yet",
		           c->v[1].text);
		diag_hint("name them in order: `%s(..) as [T, U]`", c->v[1].text);
		return value_error();
	}
	if (c->v[1].kind != V_tensor || cx->g->node[c->v[1].val].op != OP_table)
		REFUSE(c->loc[1], "not-a-table",
		       "`pick` takes a table of indices such as `grid_offsets(..) as [T, U]`");
	const Attr *t = &cx->g->node[c->v[1].val].attr;
	int         rank;
	int64_t     size[MAX_RANK], limit;
	if (table_type(t->name, t->args, t->nargs, &rank, size, &limit) != OK)
		BUG("table %s", t->name);
	if (limit > c->over.at[0]->size) {
		diag_error(c->loc_all, "table-range",
		           "the table `%s` picks among %lld rows, and %s has %lld", t->name,
		           (long long)limit, c->over.at[0]->axis, (long long)c->over.at[0]->size);
		note_dim(cx, c->over.at[0]);
		return value_error();
	}
	Val  in[2] = {x, c->v[1].val};
	Attr attr = {.axis = dim_axis(c->over.at[0])};
	return value_tensor(build(cx->g, OP_pick, in, 2, &attr, NULL, c->loc_all), c->loc_all);
}

Value
make_table(Frame *f, const Builtin *b, Call *c)
{
	Value   v = {.kind = V_table, .text = intern(b->name), .n = c->n, .loc = c->loc_all};
	int64_t args[4], size[MAX_RANK], limit;
	int     rank;
	v.item = arena_new_array(f->cx->arena, Value, c->n);
	for (int i = 0; i < c->n; i++) {
		v.item[i] = c->v[i];
		args[i] = (int64_t)c->v[i].num;
		if (c->v[i].num != floor(c->v[i].num))
			REFUSE(c->loc[i], "table-arguments", "`%s` takes whole numbers", b->name);
	}
	if (table_type(v.text, args, c->n, &rank, size, &limit) != OK)
		REFUSE(c->loc_all, "table-arguments", "there is no table `%s` with these arguments",
		       b->name);
	return v;
}

/* A uniform number per element of `like` (or per sample), from a site named after the path of the
 * call. */
static Val
draw_uniform(Frame *f, const char *name, int count, const Axes *elements, Loc loc)
{
	Cx         *cx = f->cx;
	const char *path = f->path ? f->path : "";
	Axes        all = {1, {cx->batch}};
	Attr        attr = {.naxes = elements->n};
	attr.name = count == 1 ? intern_printf("%s.%s%s%s.%s", f->model->name, path,
	                                       *path ? "." : "", f->fn, name)
	                       : intern_printf("%s.%s%s%s.%s_%d", f->model->name, path,
	                                       *path ? "." : "", f->fn, name, count);
	for (int i = 0; i < elements->n; i++) {
		attr.axes[i] = dim_axis(elements->at[i]);
		dims_add(&all, elements->at[i]);
	}
	Type type = dims_type(&all, DT_f32);
	Val  in[3];
	for (int i = 0; i < 3; i++)
		in[i] = random_operand(cx, i, loc);
	return build(cx->g, OP_uniform, in, 3, &attr, &type, loc);
}

/* dropout(x, p): each element kept with probability 1 - p. drop_path(x, p): each sample's whole
 * x. */
Value
make_dropout(Frame *f, const Builtin *b, Call *c)
{
	Cx    *cx = f->cx;
	Graph *g = cx->g;
	double p = c->v[1].num;
	bool   path = b->name[4] == '_';
	int    count = path ? ++f->ndrop_path : ++f->ndropout;
	Axes   elements = {0};
	Val    x = lower_f32(f, c->v[0], c->loc[0]);
	char   num[32];
	if (x == NO_VAL)
		return value_error();
	if (!(p >= 0 && p < 1))
		REFUSE(c->loc[1], "bad-number",
		       "the rate of `%s` is %s; it must be at least 0 and below 1", b->name,
		       text_double(num, p));
	if (!f->model || !f->fn)
		REFUSE(c->loc_all, "draw-outside",
		       "`%s` draws random numbers, so it stands in a function of a module only",
		       b->name);
	if (p == 0 || cx->eval || f->model->eval)
		return value_tensor(x, c->loc_all);
	Axes have = dims_of(cx, x);
	if (!cx->batch || !dims_has(&have, cx->batch)) {
		diag_error(c->loc_all, "draw-no-sample",
		           "`%s` draws per sample, and %s has no sample axis", b->name,
		           dims_text(cx->arena, &have));
		return value_error();
	}
	/* The declared order of axes numbers the elements where there is one, so that rewriting a
	 * formula does not change the draw. */
	const Axes *order = f->want && dims_same(f->want, &have) ? f->want : &have;
	for (int i = 0; i < order->n && !path; i++)
		if (order->at[i] != cx->batch)
			dims_add(&elements, order->at[i]);
	Val u = draw_uniform(f, b->name, count, &elements, c->loc_all);
	Val keep = build_bin(g, OP_le, build_const(g, p, c->loc_all), u, c->loc_all);
	Val y = build_select(g, keep, x, build_const(g, 0, c->loc_all), c->loc_all);
	return value_tensor(
		build_bin(g, OP_mul, y, build_const(g, 1 / (1 - p), c->loc_all), c->loc_all),
		c->loc_all);
}

/* ---- functions that describe ---------------------------------------------------------------- */

Value
make_init(Frame *f, const Builtin *b, Call *c)
{
	Value v = {.kind = V_init, .loc = c->loc_all};
	(void)f;
	v.init.kind = b->formal[1].name ? INIT_trunc_normal : INIT_normal;
	v.init.std = c->v[0].num;
	v.init.cut = b->formal[1].name ? c->v[1].num : 0;
	v.init.scale = 1;
	if (v.init.std < 0 || (b->formal[1].name && v.init.cut <= 0))
		REFUSE(c->loc_all, "bad-number",
		       "`std` must not be negative and `cut` must be above 0");
	return v;
}

Value
make_form(Frame *f, const Builtin *b, Call *c)
{
	Value v = {.kind = V_form, .text = intern(b->name), .n = c->n, .loc = c->loc_all};
	v.item = arena_new_array(f->cx->arena, Value, MAX_FORMAL);
	for (int i = 0; i < c->n; i++) {
		v.item[i] = c->v[i];
		if (!c->given[i] && c->v[i].kind == V_number && isnan(c->v[i].num))
			v.item[i].kind = V_none; /* left out, without a default */
	}
	return v;
}

Value
make_segment(Frame *f, const Builtin *b, Call *c)
{
	Value v = {.kind = V_schedule, .n = 1, .loc = c->loc_all};
	v.item = arena_new_one(f->cx->arena, Value);
	v.item[0] = make_form(f, b, c);
	return v;
}
