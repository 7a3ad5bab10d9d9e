/* call: functions and the statements in them. A call binds its arguments to the declared shapes,
 * works out what `..` stands for, and evaluates the body there and then; functions leave no trace
 * in the graph but the names of their draw sites. A function that calls itself would never end and
 * is refused. */
#include "dsl/dsl_private.h"
#include <string.h>

static Status
type_axes(Frame *f, const TypeExpr *type, Axes *out)
{
	if (type->kind && strcmp(type->kind, "mask") != 0) {
		diag_error(type->loc, "unknown-type", "there is no type `%s`", type->kind);
		diag_hint("a shape alone means numbers, `mask[..]` a set");
		return FAIL;
	}
	return scope_axes(f, type->axes, "shape", out);
}

/* Numbers where numbers are declared, masks where masks are. */
static Status
check_kind(Frame *f, const TypeExpr *type, const char *what, const Value *v, Loc loc)
{
	const Value *x = v->kind == V_list && v->n ? &v->item[0] : v;
	bool         mask = x->kind == V_tensor && f->cx->g->node[x->val].type.dtype == DT_bool;
	if (type->kind && v->kind == V_none)
		return OK;
	if (mask == (type->kind != NULL) || (x->kind != V_tensor && !type->kind))
		return OK;
	diag_error(loc, "mask-or-number",
	           type->kind ? "%s is declared a mask, and this is %s"
	                      : "%s is declared as numbers, and this is %s",
	           what, value_text(f->cx, v));
	diag_note(type->loc, "the declaration");
	return FAIL;
}

Value
value_as_declared(Frame *f, const TypeExpr *type, const char *what, Value v, Loc loc)
{
	Axes want;
	if (v.kind == V_error || type_axes(f, type, &want) != OK)
		return value_error();
	if (v.kind == V_none && type->kind)
		return v;
	if (check_kind(f, type, what, &v, loc) != OK ||
	    check_declared(f->cx, what, loc, type->loc, &want, &v) != OK)
		return value_error();
	return v;
}

Value
declared(Frame *f, const TypeExpr *type, const Expr *value, const char *what)
{
	Axes        want;
	const Axes *outer = f->want;
	if (!type)
		return lower(f, value);
	if (type_axes(f, type, &want) != OK)
		return value_error();
	f->want = &want;
	Value v = lower(f, value);
	f->want = outer;
	return value_as_declared(f, type, what, v, value->loc);
}

/* scan z[l in L] = f(z[l - 1]) from x: z[-1] is x. */
static Status
scan(Frame *f, const Decl *d)
{
	Cx   *cx = f->cx;
	Dim  *over = scope_dim(f, d->over->text, d->over->loc);
	Value first = over ? lower(f, d->from) : value_error(),
	      list = {.kind = V_list, .axis = over, .hi = 1, .loc = d->loc};
	if (first.kind == V_error)
		return FAIL;
	Val start = lower_tensor(f, first, d->from->loc);
	if (start == NO_VAL)
		return FAIL;
	if (over->size > 4096)
		return diag_error(d->over->loc, "bad-range", "%lld copies would be written out",
		                  (long long)over->size);
	Axes shape = dims_of(cx, start);
	list.item = arena_new_array(cx->arena, Value, over->size + 1);
	list.item[0] = value_tensor(start, d->from->loc);
	list.item++;
	Binding *outer = f->locals;
	for (int64_t l = 0; l < over->size; l++) {
		f->locals = outer;
		binding_push(cx->arena, &f->locals, BIND_value, d->name, d->loc)->value = list;
		binding_push(cx->arena, &f->locals, BIND_value, d->index->text, d->index->loc)
			->value = value_number((double)l, d->index->loc);
		Value v = lower(f, d->value);
		if (v.kind == V_error)
			return FAIL;
		TRY(check_declared(cx,
		                   arena_printf(cx->arena,
		                                "`%s` starts as the value after `from`, which",
		                                d->name),
		                   d->value->loc, d->from->loc, &shape, &v));
		list.item[l] = v;
		list.n++;
	}
	f->locals = outer;
	list.hi = 0;
	binding_push(cx->arena, &f->locals, BIND_value, d->name, d->loc)->value = list;
	return OK;
}

static Status
check_fresh(Frame *f, const Decl *d)
{
	for (Binding *b = f->locals; b; b = b->next) {
		if (b->name != d->name)
			continue;
		diag_error(d->loc, "duplicate", "`%s` is declared twice", d->name);
		diag_note(b->loc, "here it is already");
		return FAIL;
	}
	return OK;
}

Status
statement(Frame *f, const Decl *d)
{
	TRY(check_fresh(f, d));
	if (d->kind == DECL_scan) {
		Binding *outer = f->locals;
		if (scan(f, d) == OK)
			return OK;
		f->locals = outer;
		binding_push(f->cx->arena, &f->locals, BIND_value, d->name, d->loc)->value =
			value_error();
		return FAIL;
	}
	Value v = declared(f, d->type, d->value, arena_printf(f->cx->arena, "`%s`", d->name));
	binding_push(f->cx->arena, &f->locals, BIND_value, d->name, d->loc)->value = v;
	return v.kind == V_error ? FAIL : OK;
}

static Value
call_body(Frame *f, const Decl *fn)
{
	const char *what = arena_printf(f->cx->arena, "the result of `%s`", fn->name);
	bool        bad = false; /* reported; reading on finds what else is wrong */
	if (fn->value)
		return declared(f, fn->type, fn->value, what);
	for (const Decl *d = fn->body; d; d = d->next) {
		if (d->kind == DECL_return) {
			if (d->next)
				REFUSE(d->next->loc, "after-return",
				       "nothing can stand after `return`");
			Value v = declared(f, fn->type, d->value, what);
			return bad ? value_error() : v;
		}
		bad |= statement(f, d) != OK;
	}
	REFUSE(fn->loc, "no-return", "function `%s` has no `return`", fn->name);
}

/* One argument against its declaration; the axes that `..` takes are the same for all arguments. */
static Status
bind_argument(Frame *nf, const Decl *p, Value v, Loc loc)
{
	Cx         *cx = nf->cx;
	const char *what = arena_printf(cx->arena, "argument `%s`", p->name);
	bool        open = false;
	for (const Name *n = p->type->axes; n; n = n->next)
		open |= n->text == NULL;
	if (open && !nf->has_rest && (v.kind == V_tensor || v.kind == V_number)) {
		Name named[MAX_RANK] = {{0}};
		int  n = 0;
		Axes have = v.kind == V_tensor ? dims_of(cx, v.val) : (Axes){0}, said;
		for (const Name *x = p->type->axes; x && n < MAX_RANK; x = x->next)
			if (x->text)
				named[n++] = *x;
		for (int i = 0; i < n; i++)
			named[i].next = i + 1 < n ? &named[i + 1] : NULL;
		TRY(scope_axes(nf, n ? named : NULL, "shape", &said));
		for (int i = 0; i < have.n; i++)
			if (!dims_has(&said, have.at[i]))
				dims_add(&nf->rest, have.at[i]);
		nf->has_rest = true;
	}
	v = value_as_declared(nf, p->type, what, v, loc);
	if (v.kind == V_error)
		return FAIL;
	binding_push(cx->arena, &nf->locals, BIND_value, p->name, p->loc)->value = v;
	return OK;
}

static Status
bind_arguments(Frame *f, Frame *nf, const Decl *fn, const Expr *call)
{
	int         n = 0, given = 0;
	const Axes *want = f->want;
	f->want = NULL;
	for (const Decl *p = fn->params; p; p = p->next)
		n++;
	for (const Argument *x = call->args; x; x = x->next)
		given++;
	if (n != given) {
		diag_error(call->loc, "arguments", "`%s` takes %d argument%s, and %d %s given",
		           fn->name, n, n == 1 ? "" : "s", given, given == 1 ? "is" : "are");
		diag_note(fn->loc, "it is declared here");
		return FAIL;
	}
	const Decl *p = fn->params;
	for (const Argument *x = call->args; x; x = x->next, p = p->next) {
		if (x->name && strcmp(x->name, p->name) != 0)
			return diag_error(x->loc, "unknown-argument",
			                  "the next argument of `%s` is `%s`", fn->name, p->name);
		if (x->over || x->where || x->along)
			return diag_error(x->loc, "arguments",
			                  "`%s` takes no `over`, `where` or `along`", fn->name);
		Value v = lower(f, x->value);
		if (v.kind == V_error)
			return FAIL;
		TRY(bind_argument(nf, p, v, x->value->loc));
	}
	f->want = want;
	return OK;
}

Value
call_fn(Frame *f, Model *m, Instance *in, const Decl *fn, const Expr *call)
{
	Cx   *cx = f->cx;
	Frame nf = {.cx = cx, .in = in, .model = m, .fn = fn->name};
	Site  self = {fn, in, m, cx->stack};
	for (const Site *s = cx->stack; s; s = s->up) {
		if (s->fn != fn || s->in != in)
			continue;
		diag_error(call->loc, "recursion", "`%s` calls itself, so it would never end",
		           fn->name);
		diag_note(fn->loc, "it is declared here");
		diag_hint("repeat with `scan z[l in L] = .. from ..`");
		return value_error();
	}
	if (!cx->g)
		REFUSE(call->loc, "no-tensors-here", "a function of tensors cannot be called here");
	/* A function outside of modules draws at sites named after its caller. */
	nf.path = in ? in->path
	          : f->path && f->fn
	                  ? arena_printf(cx->arena, "%s%s%s", f->path, *f->path ? "." : "", f->fn)
	                  : f->fn;
	if (bind_arguments(f, &nf, fn, call) != OK)
		return value_error();
	cx->stack = &self;
	Value v = call_body(&nf, fn);
	cx->stack = self.up;
	return v;
}
