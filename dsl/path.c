/* path: names, members, indices and calls in formulas. A path such as `block[3].attend.q` leads
 * through instances to a parameter, a function or a value; what it leads to decides what may be
 * done with it. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

static Binding
member(Frame *f, const Expr *e, Binding base)
{
	Instance *in = base.kind == BIND_model      ? base.model->root
	               : base.kind == BIND_instance ? base.inst[0]
	                                            : NULL;
	if (base.kind == BIND_nothing)
		return base;
	if (!in) {
		diag_error(e->mark, "no-member", "`%s` is no module, so it has no `%s`",
		           expr_text(f->cx->arena, e->l), e->name);
		return (Binding){0};
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
	return (Binding){0};
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
		Value i = lower_number(f, e->r, "an index");
		if (i.kind == V_error)
			return (Binding){0};
		if (b.kind != BIND_instances) {
			diag_error(e->loc, "not-a-list", "`%s` is not declared `[.. in ..]`",
			           expr_text(f->cx->arena, e->l));
			return (Binding){0};
		}
		if (i.num < 0 || i.num >= b.n || i.num != floor(i.num)) {
			diag_error(e->mark, "index-range",
			           "there are %d, counted from 0, and this index is %g", b.n,
			           i.num);
			note_dim(f->cx, b.dim);
			return (Binding){0};
		}
		b.inst = &b.inst[(int)i.num];
		b.kind = BIND_instance;
		return b;
	}
	diag_error(e->loc, "not-a-path", "a name such as `block[0].attend.q` is needed here");
	return (Binding){0};
}

Value
bound_value(Frame *f, const Expr *e, Binding b)
{
	switch (b.kind) {
	case BIND_value:
		return b.value;
	case BIND_dim:
		return b.dim ? value_number((double)b.dim->size, e->loc) : value_error();
	case BIND_param:
		if (!f->cx->g || !b.model)
			REFUSE(e->loc, "no-tensors-here", "the parameter `%s` cannot stand here",
			       b.name);
		return value_tensor(param_leaf(f->cx, b.model, b.param, e->loc), e->loc);
	case BIND_instance:
	case BIND_instances:
		REFUSE(e->loc, "not-a-value",
		       "`%s` is a module: call it, or name one of its parameters",
		       expr_text(f->cx->arena, e));
	case BIND_fn:
		REFUSE(e->loc, "not-a-value", "`%s` is a function: call it",
		       expr_text(f->cx->arena, e));
	case BIND_model:
		REFUSE(e->loc, "not-a-value", "`%s` is a model: call one of its functions",
		       expr_text(f->cx->arena, e));
	case BIND_nothing:
		break;
	}
	return value_error();
}

Value
lower_name(Frame *f, const Expr *e)
{
	Binding b = scope_find(f, e->name);
	if (b.kind != BIND_nothing) {
		b.model = b.kind == BIND_model ? b.model : f->model;
		return bound_value(f, e, b);
	}
	if (!strcmp(e->name, "none"))
		return (Value){.kind = V_none, .loc = e->loc};
	if (builtin_is_word(e->name))
		return (Value){.kind = V_word, .text = e->name, .loc = e->loc};
	scope_unknown(f, e->loc, "unknown-name", "name", e->name);
	return value_error();
}

Value
lower_index(Frame *f, const Expr *e)
{
	Value v = lower(f, e->l);
	if (v.kind == V_error)
		return v;
	Value i = lower_number(f, e->r, "an index");
	if (i.kind == V_error)
		return i;
	if (v.kind != V_list) {
		diag_error(e->loc, "not-a-list",
		           "only a list along an axis has elements by number, and this is %s",
		           value_text(f->cx, &v));
		diag_hint("parts of an axis are selected by name: `.. at N`");
		return value_error();
	}
	if (i.num != floor(i.num) || i.num < (v.hi ? -1 : 0) || i.num >= v.n) {
		diag_error(e->mark, "index-range", "`%s` is %g, and %s has elements %d to %d here",
		           expr_text(f->cx->arena, e->r), i.num, expr_text(f->cx->arena, e->l),
		           v.hi ? -1 : 0, v.n - 1);
		note_dim(f->cx, v.axis);
		return value_error();
	}
	return v.item[(int)i.num];
}

Value
lower_call(Frame *f, const Expr *e)
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
		REFUSE(c->loc, "not-callable", "module `%s` has no function `call`",
		       b.inst[0]->module->name);
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
