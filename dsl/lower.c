/* lower: formulas -> nodes. One walk does both: it asks check.c whether the axes allow what is written and
 * then builds it, so a module's body is checked with the axes it is used with. A wrong formula is the error
 * value, which everything above passes on in silence. Numbers stay numbers as long as they can; values
 * along an axis written `[l in L]` stay lists.
 */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

Value
value_tensor(Val v, Loc loc)
{
	return (Value){ .kind = V_tensor, .val = v, .loc = loc };
}

/* Which operand comes first says nothing about a good order of axes; the largest one does, so that
 * `gain * x` reads [B, T, D] and not [D, B, T] in every dump. */
Val
build_like(Cx *cx, Op op, const Val *in, int nin, Loc loc)
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
		Axes per_sample = { 1, { cx->batch } }, scalar = { 0 };
		Type type = dims_type(which == 0 ? &per_sample : &scalar, DT_u32);
		*slot = build_leaf(cx->g, which == 0 ? OP_input : OP_host, which == 0 ? "sample" : which == 1 ? "step" : "seed", &type, loc);
	}
	return *slot;
}

/* ---- values as nodes --------------------------------------------------------------------------- */

/* A list used as a whole: its elements side by side along its axis. */
static Val
list_tensor(Frame *f, Value v, Loc loc)
{
	Val  *in = arena_new_array(f->cx->arena, Val, v.n);
	Axis *part = arena_new_array(f->cx->arena, Axis, v.n);
	for (int i = 0; i < v.n; i++) {
		in[i] = eval_f32(f, v.item[i], loc);
		if (in[i] == NO_VAL)
			return NO_VAL;
	}
	return build_concat(f->cx->g, in, part, v.n, dim_axis(v.axis), loc);
}

Val
eval_tensor(Frame *f, Value v, Loc loc)
{
	if (v.kind == V_error)
		return NO_VAL;
	if (!f->cx->g) {
		diag_error(loc, "no-tensors-here", "only numbers can stand here");
		return NO_VAL;
	}
	switch (v.kind) {
	case V_tensor: return v.val;
	case V_list: return list_tensor(f, v, loc);
	case V_number:
		if (!v.unit)
			return build_const(f->cx->g, v.num, loc);
		break;
	default: break;
	}
	diag_error(loc, "not-a-tensor", "a tensor is needed here, and this is %s", value_text(f->cx, &v));
	return NO_VAL;
}

Val
eval_f32(Frame *f, Value v, Loc loc)
{
	Val t = eval_tensor(f, v, loc);
	if (t == NO_VAL)
		return t;
	if (f->cx->g->node[t].type.dtype == DT_i32) {
		diag_error(loc, "not-a-tensor", "a table of indices is no number; only `pick` takes it");
		return NO_VAL;
	}
	return build_cast(f->cx->g, t, DT_f32, loc);
}

Value
eval_number(Frame *f, const Expr *e, const char *what)
{
	Value v = eval(f, e);
	if (v.kind == V_error || (v.kind == V_number && !v.unit))
		return v;
	REFUSE(e->loc, "not-a-number", "%s must be a plain number, and this is %s", what, value_text(f->cx, &v));
}

/* ---- arithmetic ---------------------------------------------------------------------------------- */

static Value
number_arithmetic(Frame *f, const Expr *e, Value a, Value b)
{
	char  n1[32], n2[32];
	Value v = value_number(0, e->loc);
	if (a.unit != b.unit && e->op >= BIN_lt && e->op <= BIN_sub)
		REFUSE(e->mark, "units-differ", "`%s` joins %s and %s", bin_text[e->op], value_text(f->cx, &a), value_text(f->cx, &b));
	v.unit = a.unit ? a.unit : b.unit;
	switch (e->op) {
	case BIN_add: v.num = a.num + b.num; return v;
	case BIN_sub: v.num = a.num - b.num; return v;
	case BIN_mul:
		if (a.unit && b.unit)
			REFUSE(e->mark, "units-differ", "a product of two numbers with units");
		v.num = a.num * b.num;
		return v;
	case BIN_div:
		if (b.unit)
			REFUSE(e->mark, "units-differ", "division by a number with a unit");
		if (b.num == 0)
			REFUSE(e->mark, "division-by-zero", "`%s` is 0", expr_text(f->cx->arena, e->r));
		if (f->cx->exact && fmod(a.num, b.num) != 0) {
			diag_error(e->mark, "not-divisible", "`%s` = %s / %s is not a whole number, so it is no size", expr_text(f->cx->arena, e),
			           text_double(n1, a.num), text_double(n2, b.num));
			return value_error();
		}
		v.num = a.num / b.num;
		return v;
	default: break;
	}
	v.kind = V_truth;
	v.unit = NULL;
	switch (e->op) {
	case BIN_lt: v.num = a.num < b.num; break;
	case BIN_le: v.num = a.num <= b.num; break;
	case BIN_gt: v.num = a.num > b.num; break;
	case BIN_ge: v.num = a.num >= b.num; break;
	case BIN_eq: v.num = a.num == b.num; break;
	case BIN_ne: v.num = a.num != b.num; break;
	default: REFUSE(e->mark, "not-a-truth", "`%s` joins conditions, and these are numbers", bin_text[e->op]);
	}
	return v;
}

/* The union of axes must fit a type. */
static Status
check_rank(Cx *cx, Val a, Val b, Loc loc)
{
	Axes x = dims_of(cx, a), y = dims_of(cx, b);
	int  n = x.n;
	for (int i = 0; i < y.n; i++)
		n += !dims_has(&x, y.at[i]);
	return n <= MAX_RANK ? OK : diag_error(loc, "too-many-axes", "the product has %d axes; more than %d are not supported", n, MAX_RANK);
}

static Value
tensor_arithmetic(Frame *f, const Expr *e, Value a, Value b)
{
	Cx    *cx = f->cx;
	Graph *g = cx->g;
	if (e->op == BIN_and || e->op == BIN_or) {
		Val x = eval_tensor(f, a, e->l->loc), y = eval_tensor(f, b, e->r->loc);
		if (x == NO_VAL || y == NO_VAL)
			return value_error();
		if (g->node[x].type.dtype != DT_bool || g->node[y].type.dtype != DT_bool)
			REFUSE(e->mark, "not-a-mask", "`%s` joins %s and %s; both must be masks", bin_text[e->op], value_text(cx, &a), value_text(cx, &b));
		if (check_join(cx, bin_text[e->op], e->mark, x, y) != OK)
			return value_error();
		return value_tensor(build_bin(g, e->op == BIN_and ? OP_and : OP_or, x, y, e->loc), e->loc);
	}
	Val x = eval_f32(f, a, e->l->loc), y = eval_f32(f, b, e->r->loc), r;
	if (x == NO_VAL || y == NO_VAL || (e->op == BIN_mul ? check_rank(cx, x, y, e->mark) : check_join(cx, bin_text[e->op], e->mark, x, y)) != OK)
		return value_error();
	Val in[2] = { x, y };
	switch (e->op) {
	case BIN_add: r = build_like(cx, OP_add, in, 2, e->loc); break;
	case BIN_sub: r = build_like(cx, OP_sub, in, 2, e->loc); break;
	case BIN_mul: r = build_like(cx, OP_mul, in, 2, e->loc); break;
	case BIN_div: r = build_like(cx, OP_div, in, 2, e->loc); break;
	case BIN_lt: r = build_bin(g, OP_lt, x, y, e->loc); break;
	case BIN_le: r = build_bin(g, OP_le, x, y, e->loc); break;
	case BIN_gt: r = build_bin(g, OP_lt, y, x, e->loc); break;
	case BIN_ge: r = build_bin(g, OP_le, y, x, e->loc); break;
	case BIN_eq: r = build_bin(g, OP_eq, x, y, e->loc); break;
	default: r = build_un(g, OP_not, build_bin(g, OP_eq, x, y, e->loc), e->loc); break;
	}
	return value_tensor(r, e->loc);
}

static Value
eval_binary(Frame *f, const Expr *e)
{
	Value a = eval(f, e->l), b = eval(f, e->r);
	if (a.kind == V_error || b.kind == V_error)
		return value_error();
	if (a.kind == V_number && b.kind == V_number)
		return number_arithmetic(f, e, a, b);
	if (a.kind == V_truth && b.kind == V_truth && (e->op == BIN_and || e->op == BIN_or)) {
		a.num = e->op == BIN_and ? a.num && b.num : a.num || b.num;
		return a;
	}
	if (a.kind == V_init && b.kind == V_number && !b.unit && (e->op == BIN_mul || e->op == BIN_div)) {
		if (e->op == BIN_div && b.num == 0)
			REFUSE(e->mark, "division-by-zero", "`%s` is 0", expr_text(f->cx->arena, e->r));
		a.init.scale = e->op == BIN_mul ? a.init.scale * b.num : a.init.scale / b.num;
		return a;
	}
	if (b.kind == V_init && a.kind == V_number && !a.unit && e->op == BIN_mul) {
		b.init.scale *= a.num;
		return b;
	}
	bool ok_a = a.kind == V_tensor || a.kind == V_list || a.kind == V_number, ok_b = b.kind == V_tensor || b.kind == V_list || b.kind == V_number;
	if (!ok_a || !ok_b)
		REFUSE(ok_a ? e->r->loc : e->l->loc, "not-a-tensor", "`%s` cannot take %s", bin_text[e->op], value_text(f->cx, ok_a ? &b : &a));
	return tensor_arithmetic(f, e, a, b);
}

/* ---- reductions ------------------------------------------------------------------------------------ */

/* sum(over) of the product l * r: axes of one side only are summed there first, common ones contract. */
static Value
product_sum(Frame *f, const Expr *e, const Axes *over, Loc loc)
{
	Cx    *cx = f->cx;
	Graph *g = cx->g;
	const Expr *p = e->l;
	Value  a = eval(f, p->l), b = eval(f, p->r);
	Axis   only_a[MAX_RANK], only_b[MAX_RANK], both[MAX_RANK];
	int    na = 0, nb = 0, n = 0;
	if (a.kind == V_error || b.kind == V_error)
		return value_error();
	Val x = eval_f32(f, a, p->l->loc), y = eval_f32(f, b, p->r->loc);
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
			diag_error(e->mark, "no-such-axis", "`sum` over %s, and neither %s nor %s has the axis %s", d->axis, dims_text(cx->arena, &xa),
			           dims_text(cx->arena, &ya), d->axis);
			note_dim(cx, d);
			return value_error();
		}
	}
	x = build_reduce(g, OP_sum, x, only_a, na, p->l->loc);
	y = build_reduce(g, OP_sum, y, only_b, nb, p->r->loc);
	return value_tensor(n ? build_contract(g, x, y, both, n, loc) : build_bin(g, OP_mul, x, y, loc), loc);
}

/* Sum or mean over axes of the elements that the mask selects (NO_VAL: all). A mean divides by the true
 * count: the mask counts along those of its axes that go, every other axis that goes counts in full. */
Value
reduce_where(Frame *f, Value v, const Axes *over, Val mask, bool mean, Loc loc)
{
	Cx    *cx = f->cx;
	Graph *g = cx->g;
	Val    x = eval_f32(f, v, loc);
	Axis   axes[MAX_RANK], counted[MAX_RANK];
	int    n = 0, nc = 0;
	double others = 1;
	if (x == NO_VAL)
		return value_error();
	if (mask != NO_VAL) {
		if (check_rank(cx, x, mask, loc) != OK)
			return value_error();
		Val in[3] = { mask, x, build_const(g, 0, loc) };
		x = build_like(cx, OP_select, in, 3, loc);
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
		return value_tensor(mean ? build_mean(g, x, axes, n, loc) : build_reduce(g, OP_sum, x, axes, n, loc), loc);
	Val total = build_reduce(g, OP_sum, x, axes, n, loc);
	if (!mean)
		return value_tensor(total, loc);
	Val count = build_reduce(g, OP_sum, build_cast(g, mask, DT_f32, loc), counted, nc, loc);
	if (others != 1)
		count = build_bin(g, OP_mul, count, build_const(g, others, loc), loc);
	return value_tensor(build_bin(g, OP_div, total, count, loc), loc);
}

static Value
eval_reduce(Frame *f, const Expr *e)
{
	Axes over;
	Val  mask = NO_VAL;
	if (!f->cx->g)
		REFUSE(e->loc, "no-tensors-here", "only numbers can stand here");
	if (scope_axes(f, e->axes, e->mean ? "`mean`" : "`sum`", &over) != OK)
		return value_error();
	if (e->where) {
		Value w = eval(f, e->where);
		if (w.kind == V_error)
			return w;
		if (w.kind != V_tensor || f->cx->g->node[w.val].type.dtype != DT_bool)
			REFUSE(e->where->loc, "not-a-mask", "`where` takes a mask, and this is %s", value_text(f->cx, &w));
		mask = w.val;
	} else if (!e->mean && e->l->kind == EX_binary && e->l->op == BIN_mul) {
		return product_sum(f, e, &over, e->loc);
	}
	Value v = eval(f, e->l);
	return v.kind == V_error ? v : reduce_where(f, v, &over, mask, e->mean, e->mark);
}

/* sum(l in a .. b) e: written out, one copy of e per value of l. */
static Value
eval_fold(Frame *f, const Expr *e)
{
	Value range = eval(f, e->l), total = { 0 };
	Binding *outer = f->locals;
	if (range.kind == V_error)
		return range;
	double lo = range.kind == V_range ? range.num : 0, hi = range.kind == V_range ? range.hi : range.num;
	if ((range.kind != V_range && range.kind != V_number) || range.unit || lo != floor(lo) || hi != floor(hi))
		REFUSE(e->l->loc, "bad-range", "a range of whole numbers such as `L - K .. L` or an axis is needed here");
	if (hi <= lo)
		REFUSE(e->l->loc, "bad-range", "the range %g .. %g is empty", lo, hi);
	if (hi - lo > 4096)
		REFUSE(e->l->loc, "bad-range", "%g copies would be written out; use an axis instead", hi - lo);
	for (double l = lo; l < hi; l++) {
		f->locals = outer;
		binding_push(f->cx->arena, &f->locals, BIND_value, e->name, e->mark)->value = value_number(l, e->mark);
		Value v = eval(f, e->r);
		if (v.kind == V_error) {
			f->locals = outer;
			return v;
		}
		if (l == lo) {
			total = v;
		} else if (v.kind == V_number && total.kind == V_number) {
			total.num += v.num;
		} else {
			Val x = eval_f32(f, total, e->loc), y = eval_f32(f, v, e->loc);
			if (x == NO_VAL || y == NO_VAL || check_join(f->cx, e->mean ? "mean" : "sum", e->loc, x, y) != OK)
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
	Val x = eval_f32(f, total, e->loc);
	return x == NO_VAL ? value_error() : value_tensor(build_bin(f->cx->g, OP_mul, x, build_const(f->cx->g, 1 / (hi - lo), e->loc), e->loc), e->loc);
}

/* ---- names, paths, indices ------------------------------------------------------------------------- */

static Binding
member(Frame *f, const Expr *e, Binding base)
{
	Instance *in = base.kind == BIND_model ? base.model->root : base.kind == BIND_instance ? base.inst[0] : NULL;
	if (base.kind == BIND_nothing)
		return base;
	if (!in) {
		diag_error(e->mark, "no-member", "`%s` is no module, so it has no `%s`", expr_text(f->cx->arena, e->l), e->name);
		return (Binding){ 0 };
	}
	const char *list[128];
	int         n = 0;
	for (Binding *b = in->names; b; b = b->next) {
		if (b->name == e->name) {
			Binding out = *b;
			out.model = base.model;
			return out;
		}
		if (n < COUNT(list) && b->kind >= BIND_param)
			list[n++] = b->name;
	}
	diag_error(e->mark, "no-member", "module `%s` has no `%s`", in->module->name, e->name);
	const char *near = text_nearest(e->name, list, n);
	if (near)
		diag_hint("did you mean `%s`?", near);
	return (Binding){ 0 };
}

Binding
resolve(Frame *f, const Expr *e)
{
	if (e->kind == EX_name) {
		Binding b = scope_find(f, e->name);
		if (b.kind == BIND_nothing)
			scope_unknown(f, e->loc, "unknown-name", "name", e->name);
		else if (b.kind != BIND_model)
			b.model = f->model;
		return b;
	}
	if (e->kind == EX_member)
		return member(f, e, resolve(f, e->l));
	if (e->kind == EX_index) {
		Binding b = resolve(f, e->l);
		if (b.kind == BIND_nothing)
			return b;
		Value i = eval_number(f, e->r, "an index");
		if (i.kind == V_error)
			return (Binding){ 0 };
		if (b.kind != BIND_instances) {
			diag_error(e->loc, "not-a-list", "`%s` is not declared `[.. in ..]`", expr_text(f->cx->arena, e->l));
			return (Binding){ 0 };
		}
		if (i.num < 0 || i.num >= b.n || i.num != floor(i.num)) {
			diag_error(e->mark, "index-range", "there are %d, counted from 0, and this index is %g", b.n, i.num);
			note_dim(f->cx, b.dim);
			return (Binding){ 0 };
		}
		b.inst = &b.inst[(int)i.num];
		b.kind = BIND_instance;
		return b;
	}
	diag_error(e->loc, "not-a-path", "a name such as `block[0].attend.q` is needed here");
	return (Binding){ 0 };
}

static Value
bound_value(Frame *f, const Expr *e, Binding b)
{
	switch (b.kind) {
	case BIND_value: return b.value;
	case BIND_dim: return b.dim ? value_number((double)b.dim->size, e->loc) : value_error();
	case BIND_param:
		if (!f->cx->g || !b.model)
			REFUSE(e->loc, "no-tensors-here", "the parameter `%s` cannot stand here", b.name);
		return value_tensor(param_leaf(f->cx, b.model, b.param, e->loc), e->loc);
	case BIND_instance:
	case BIND_instances: REFUSE(e->loc, "not-a-value", "`%s` is a module: call it, or name one of its parameters", expr_text(f->cx->arena, e));
	case BIND_fn: REFUSE(e->loc, "not-a-value", "`%s` is a function: call it", expr_text(f->cx->arena, e));
	case BIND_model: REFUSE(e->loc, "not-a-value", "`%s` is a model: call one of its functions", expr_text(f->cx->arena, e));
	case BIND_nothing: break;
	}
	return value_error();
}

static Value
eval_name(Frame *f, const Expr *e)
{
	Binding b = scope_find(f, e->name);
	if (b.kind != BIND_nothing) {
		b.model = b.kind == BIND_model ? b.model : f->model;
		return bound_value(f, e, b);
	}
	if (!strcmp(e->name, "none"))
		return (Value){ .kind = V_none, .loc = e->loc };
	if (builtin_is_word(e->name))
		return (Value){ .kind = V_word, .text = e->name, .loc = e->loc };
	scope_unknown(f, e->loc, "unknown-name", "name", e->name);
	return value_error();
}

static Value
eval_index(Frame *f, const Expr *e)
{
	Value v = eval(f, e->l);
	if (v.kind == V_error)
		return v;
	Value i = eval_number(f, e->r, "an index");
	if (i.kind == V_error)
		return i;
	if (v.kind != V_list) {
		diag_error(e->loc, "not-a-list", "only a list along an axis has elements by number, and this is %s", value_text(f->cx, &v));
		diag_hint("parts of an axis are selected by name: `.. at N`");
		return value_error();
	}
	if (i.num != floor(i.num) || i.num < (v.hi ? -1 : 0) || i.num >= v.n) {
		diag_error(e->mark, "index-range", "`%s` is %g, and %s has elements %d to %d here", expr_text(f->cx->arena, e->r), i.num,
		           expr_text(f->cx->arena, e->l), v.hi ? -1 : 0, v.n - 1);
		note_dim(f->cx, v.axis);
		return value_error();
	}
	return v.item[(int)i.num];
}

static Value
eval_call(Frame *f, const Expr *e)
{
	const Expr    *c = e->l;
	const Builtin *builtin = c->kind == EX_name ? builtin_find(c->name) : NULL;
	Binding        b = c->kind == EX_name ? scope_find(f, c->name) : resolve(f, c);
	if (c->kind == EX_name && b.kind != BIND_model)
		b.model = f->model;
	if (b.kind == BIND_instance) {
		for (Binding *x = b.inst[0]->names; x; x = x->next)
			if (x->kind == BIND_fn && !strcmp(x->name, "call"))
				return call_fn(f, b.model, b.inst[0], x->fn, e);
		REFUSE(c->loc, "not-callable", "module `%s` has no function `call`", b.inst[0]->module->name);
	}
	if (b.kind == BIND_fn)
		return call_fn(f, b.model, b.owner, b.fn, e);
	if (builtin)
		return builtin_call(f, builtin, e);
	if (b.kind != BIND_nothing)
		REFUSE(c->loc, "not-callable", "`%s` is no function", expr_text(f->cx->arena, c));
	if (c->kind == EX_name)
		scope_unknown(f, c->loc, "unknown-function", "function", c->name);
	return value_error();
}

/* ---- the walk ---------------------------------------------------------------------------------------- */

static Value
eval_literal(const Expr *e)
{
	static const struct { const char *unit; double factor; } unit[] = {
		{ "epochs", 0 }, { "steps", 0 }, { "samples", 0 }, { "hours", 0 }, { "MiB", 1048576.0 }, { "GiB", 1073741824.0 },
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
eval_items(Frame *f, const Expr *e)
{
	Value v = { .kind = V_items, .loc = e->loc };
	for (const Expr *x = e->items; x; x = x->next)
		v.n++;
	v.item = arena_new_array(f->cx->arena, Value, v.n + 1);
	int n = 0;
	for (const Expr *x = e->items; x; x = x->next) {
		v.item[n] = eval(f, x);
		if (v.item[n++].kind == V_error)
			return value_error();
	}
	return v;
}

static Value
eval_then(Frame *f, const Expr *e)
{
	Value a = eval(f, e->l), b = eval(f, e->r), v = { .kind = V_schedule, .loc = e->loc };
	if (a.kind == V_error || b.kind == V_error)
		return value_error();
	if (a.kind != V_schedule || b.kind != V_schedule)
		REFUSE(a.kind != V_schedule ? e->l->loc : e->r->loc, "not-a-schedule", "`then` joins warmup, linear, cosine and constant, and this is %s",
		       value_text(f->cx, a.kind != V_schedule ? &a : &b));
	v.n = a.n + b.n;
	v.item = arena_new_array(f->cx->arena, Value, v.n);
	memcpy(v.item, a.item, sizeof *v.item * (size_t)a.n);
	memcpy(v.item + a.n, b.item, sizeof *v.item * (size_t)b.n);
	return v;
}

static Value
eval_sign(Frame *f, const Expr *e)
{
	Value v = eval(f, e->l);
	if (v.kind == V_error)
		return v;
	if (v.kind == (e->kind == EX_neg ? V_number : V_truth)) {
		v.num = e->kind == EX_neg ? -v.num : !v.num;
		return v;
	}
	Val x = e->kind == EX_neg ? eval_f32(f, v, e->l->loc) : eval_tensor(f, v, e->l->loc);
	if (x == NO_VAL)
		return value_error();
	if (e->kind == EX_not && f->cx->g->node[x].type.dtype != DT_bool)
		REFUSE(e->loc, "not-a-mask", "`not` takes a mask or a condition, and this is %s", value_text(f->cx, &v));
	return value_tensor(build_un(f->cx->g, e->kind == EX_neg ? OP_neg : OP_not, x, e->loc), e->loc);
}

static Value
eval_range(Frame *f, const Expr *e)
{
	Value a = eval_number(f, e->l, "the start of a range"), b = eval_number(f, e->r, "the end of a range");
	if (a.kind == V_error || b.kind == V_error)
		return value_error();
	return (Value){ .kind = V_range, .num = a.num, .hi = b.num, .loc = e->loc };
}

Value
eval(Frame *f, const Expr *e)
{
	Value v;
	switch (e->kind) {
	case EX_number: return eval_literal(e);
	case EX_string: return (Value){ .kind = V_string, .text = e->text, .loc = e->loc };
	case EX_name: return eval_name(f, e);
	case EX_tagged: REFUSE(e->loc, "not-a-value", "`%s \"%s\"` means nothing here", e->name, e->text);
	case EX_items: return eval_items(f, e);
	case EX_neg:
	case EX_not: return eval_sign(f, e);
	case EX_binary: return eval_binary(f, e);
	case EX_call: return eval_call(f, e);
	case EX_member: return bound_value(f, e, resolve(f, e));
	case EX_index: return eval_index(f, e);
	case EX_as:
	case EX_at:
		v = eval(f, e->l);
		if (v.kind == V_error)
			return v;
		if (!f->cx->g)
			REFUSE(e->loc, "no-tensors-here", "only numbers can stand here");
		return e->kind == EX_as ? check_as(f, e, v) : check_at(f, e, v);
	case EX_reduce: return eval_reduce(f, e);
	case EX_fold: return eval_fold(f, e);
	case EX_range: return eval_range(f, e);
	case EX_then: return eval_then(f, e);
	}
	return value_error();
}
