/* scope: names and what they stand for. Top-level names may be used before they are declared and
 * are evaluated when first needed; a name is declared once; `override` and --set replace the
 * right-hand side of a `dim` or `let` and nothing else. Unknown names get "did you mean". */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

Binding *
binding_push(Arena *a, Binding **list, BindKind kind, const char *name, Loc loc)
{
	Binding *b = arena_new_one(a, Binding);
	b->kind = kind;
	b->name = name;
	b->loc = loc;
	b->next = *list;
	*list = b;
	return b;
}

static Global *
global_find(Cx *cx, const char *name)
{
	for (Global *g = cx->globals; g; g = g->next)
		if (g->decl->name == name)
			return g;
	return NULL;
}

const Global *
scope_global(Cx *cx, const char *name)
{
	return global_find(cx, name);
}

static Status
globals_collect(Cx *cx)
{
	Status   s = OK;
	Global **tail = &cx->globals;
	for (const Decl *d = cx->decls; d; d = d->next) {
		if (d->kind != DECL_dim && d->kind != DECL_let && d->kind != DECL_module &&
		    d->kind != DECL_fn && d->kind != DECL_model)
			continue;
		Global *old = global_find(cx, d->name);
		if (old) {
			s = diag_error(d->loc, "duplicate", "`%s` is declared twice", d->name);
			diag_note(old->decl->loc, "here it is already");
			diag_hint("to replace the value of a `dim` or `let` of an included file: "
			          "`override %s = ..;`",
			          d->name);
			continue;
		}
		Global *g = arena_new_one(cx->arena, Global);
		g->decl = d;
		g->value = d->value;
		*tail = g;
		tail = &g->next;
		if (d->kind == DECL_dim) {
			Dim *dim = arena_new_one(cx->arena, Dim);
			dim->name = dim->axis = d->name;
			dim->loc = d->loc;
			dim->like_name = d->of;
			g->dim = dim;
			vec_push(cx->arena, &cx->dims, dim);
		}
	}
	return s;
}

/* `what`: who replaces it, for messages. */
static Status
global_replace(Cx *cx, const char *name, Loc loc, const Expr *value, bool forced)
{
	Global *g = global_find(cx, name);
	if (g && (g->decl->kind == DECL_dim || g->decl->kind == DECL_let)) {
		if (g->forced && !forced)
			return OK;
		g->value = value;
		g->forced = forced;
		if (g->dim) {
			g->dim->like_name = NULL;
			g->dim->set = forced;
		}
		return OK;
	}
	const char *list[256];
	int         n = 0;
	for (Global *x = cx->globals; x && n < COUNT(list); x = x->next)
		if (x->decl->kind == DECL_dim || x->decl->kind == DECL_let)
			list[n++] = x->decl->name;
	if (g)
		diag_error(
			loc, "unknown-override",
			"`%s` is not declared by `dim` or `let`, so its value cannot be replaced",
			name);
	else
		diag_error(loc, "unknown-override", "the spec declares no `%s`", name);
	const char *near = text_nearest(name, list, n);
	if (near)
		diag_hint("did you mean `%s`?", near);
	else
		diag_hint("only names declared by `dim` or `let` can be set");
	return FAIL;
}

/* The file that includes wins over the files it includes. */
static Status
overrides(Cx *cx)
{
	Status s = OK;
	for (const Decl *d = cx->decls; d; d = d->next) {
		bool beaten = d->kind != DECL_override;
		for (const Decl *o = cx->decls; o && !beaten; o = o->next) {
			if (o == d || o->kind != DECL_override || o->name != d->name)
				continue;
			beaten = o->depth < d->depth;
			if (o->depth != d->depth || o->loc.line > d->loc.line ||
			    (o->loc.line == d->loc.line && o->loc.col > d->loc.col))
				continue;
			s = diag_error(d->loc, "duplicate", "`%s` is overridden twice", d->name);
			diag_note(o->loc, "here it is already");
		}
		if (!beaten && global_replace(cx, d->name, d->loc, d->value, false) != OK)
			s = FAIL;
	}
	return s;
}

Status
scope_globals(Cx *cx, const Override *set, int nset)
{
	Status s = globals_collect(cx);
	for (int i = 0; i < nset; i++) {
		/* The value is an expression like any other; its place is shown as the command
		 * line's. */
		Source      src;
		const char *file = intern_printf("--set %s=%s", set[i].name, set[i].value);
		const char *text = intern(set[i].value);
		const char *name = intern(set[i].name);
		cx->any_set = true;
		if (source_parse(cx->arena, file, text, true, &src) != OK ||
		    global_replace(cx, name, (Loc){file, 1, 1, 0}, src.expr, true) != OK)
			s = FAIL;
	}
	if (overrides(cx) != OK)
		s = FAIL;
	for (Global *g = cx->globals; g; g = g->next)
		if (g->dim)
			g->dim->eq = g->value;
	return s;
}

/* ---- dims ----------------------------------------------------------------------------------- */

/* T = 1 + N: the terms in order, when every one is a number or an axis. */
static bool
dim_parts(Frame *f, Dim *d, const Expr *e)
{
	if (e->kind == EX_binary && e->op == BIN_add && !e->parens)
		return dim_parts(f, d, e->l) && dim_parts(f, d, e->r);
	if (d->npart == COUNT(d->part))
		return false;
	if (e->kind == EX_number && !e->unit) {
		d->part[d->npart++] = (DimPart){NULL, (int64_t)e->num};
		return true;
	}
	Binding b = e->kind == EX_name ? scope_find(f, e->name) : (Binding){0};
	if (b.kind != BIND_dim)
		return false;
	d->part[d->npart++] = (DimPart){b.dim, b.dim->size};
	return true;
}

static bool
dim_factors(Frame *f, Dim *d, const Expr *e)
{
	if (e->kind == EX_binary && e->op == BIN_mul)
		return dim_factors(f, d, e->l) && dim_factors(f, d, e->r);
	if (e->kind != EX_name || d->nfactor == COUNT(d->factor))
		return false;
	Binding b = scope_find(f, e->name);
	if (b.kind != BIND_dim)
		return false;
	d->factor[d->nfactor++] = b.dim;
	return true;
}

static Status
dim_equation(Cx *cx, Frame *f, Dim *d)
{
	Graph *graph = cx->g;
	cx->g = NULL;
	cx->exact++;
	Value v = lower_number(f, d->eq, "a size");
	cx->exact--;
	cx->g = graph;
	if (v.kind == V_error)
		return FAIL;
	if (v.num < 1 || v.num != floor(v.num) || v.num > INT32_MAX) {
		char num[32];
		return diag_error(d->eq->loc, "bad-size",
		                  "the size of %s would be %s; a size is a whole number from 1%s",
		                  d->name, text_double(num, v.num),
		                  v.num > INT32_MAX ? " to 2147483647" : "");
	}
	d->size = (int64_t)v.num;
	if (d->eq->kind == EX_binary && d->eq->op == BIN_add && !dim_parts(f, d, d->eq))
		d->npart = 0;
	if (d->eq->kind == EX_binary && d->eq->op == BIN_mul && !dim_factors(f, d, d->eq))
		d->nfactor = 0;
	return OK;
}

/* Size and structure of a dim, once. NULL after a message (the first time only). */
static Dim *
dim_resolve(Cx *cx, Dim *d)
{
	Frame f = {.cx = cx, .in = d->in};
	if (d->state == DIM_done)
		return d;
	if (d->state == DIM_busy)
		diag_error(d->loc, "dim-cycle", "the size of %s depends on itself", d->name);
	if (d->state != DIM_new) {
		d->state = DIM_bad;
		return NULL;
	}
	d->state = DIM_busy;
	if (d->like_name) {
		d->like = scope_dim(&f, d->like_name->text, d->like_name->loc);
		if (d->like)
			d->size = d->like->size;
		d->state = d->like ? DIM_done : DIM_bad;
	} else {
		d->state =
			dim_equation(cx, &f, d) == OK && d->state != DIM_bad ? DIM_done : DIM_bad;
	}
	return d->state == DIM_done ? d : NULL;
}

Dim *
scope_axis(Cx *cx, const char *axis)
{
	for (int i = 0; i < cx->dims.n; i++)
		if (cx->dims.at[i]->axis == axis)
			return cx->dims.at[i];
	BUG("axis %s has no dim", axis);
}

Dim *
scope_dim(Frame *f, const char *name, Loc loc)
{
	Binding b = scope_find(f, name);
	if (b.kind == BIND_dim)
		return b.dim; /* NULL: reported */
	if (b.kind != BIND_nothing)
		diag_error(loc, "not-an-axis", "`%s` is not an axis: it is not declared by `dim`",
		           name);
	else
		scope_unknown(f, loc, "unknown-axis", "axis", name);
	return NULL;
}

/* `dim U like T;` inside a module: two modules that say the same of the same T mean the same
 * axis. */
Dim *
scope_local_dim(Cx *cx, Instance *in, const Decl *decl)
{
	Dim probe = {.name = decl->name,
	             .axis = decl->name,
	             .loc = decl->loc,
	             .eq = decl->value,
	             .like_name = decl->of,
	             .in = in};
	if (!dim_resolve(cx, &probe))
		return NULL;
	bool taken = false;
	for (int i = 0; i < cx->dims.n; i++) {
		Dim *d = cx->dims.at[i];
		if (d->name != probe.name || (!d->in && d->state == DIM_new && !dim_resolve(cx, d)))
			continue;
		bool same = d->like == probe.like && d->size == probe.size &&
		            d->nfactor == probe.nfactor && d->npart == probe.npart &&
		            !memcmp(d->factor, probe.factor, sizeof d->factor);
		for (int k = 0; same && k < d->npart; k++)
			same = d->part[k].dim == probe.part[k].dim &&
			       d->part[k].size == probe.part[k].size;
		if (same)
			return d;
		taken = true;
	}
	Dim *d = arena_new_one(cx->arena, Dim);
	*d = probe;
	for (int k = 2; taken; k++) {
		d->axis = intern_printf("%s_%d", d->name, k);
		taken = false;
		for (int i = 0; i < cx->dims.n; i++)
			taken |= cx->dims.at[i]->axis == d->axis;
	}
	vec_push(cx->arena, &cx->dims, d);
	return d;
}

/* ---- names ---------------------------------------------------------------------------------- */

static Value
let_value(Cx *cx, Global *g)
{
	if (g->state == DIM_done)
		return g->cached;
	if (g->state == DIM_busy)
		diag_error(g->decl->loc, "let-cycle", "the value of %s depends on itself",
		           g->decl->name);
	if (g->state != DIM_new)
		return value_error();
	g->state = DIM_busy;
	Frame  f = {.cx = cx};
	int    exact = cx->exact;
	Graph *graph = cx->g;
	cx->exact = 0;
	cx->g = NULL; /* a constant belongs to no graph */
	Value v = lower(&f, g->value);
	if (g->forced && g->decl->value != g->value && v.kind != V_error) {
		Value was = lower(&f, g->decl->value);
		bool  rate = (was.kind == V_schedule || was.kind == V_number) &&
		            (v.kind == V_schedule || v.kind == V_number);
		if (was.kind != V_error &&
		    ((was.kind != v.kind && !rate) || (!was.unit != !v.unit))) {
			diag_error(g->value->loc, "override-kind", "`%s` is %s, and this is %s",
			           g->decl->name, value_text(cx, &was), value_text(cx, &v));
			diag_note(g->decl->loc, "it is declared here");
			v = value_error();
		}
	}
	cx->exact = exact;
	cx->g = graph;
	g->cached = v;
	g->state = v.kind == V_error ? DIM_bad : DIM_done;
	return v;
}

Binding
scope_find(Frame *f, const char *name)
{
	for (Binding *b = f->locals; b; b = b->next)
		if (b->name == name)
			return *b;
	for (Binding *b = f->in ? f->in->names : NULL; b; b = b->next)
		if (b->name == name)
			return *b;
	Global *g = global_find(f->cx, name);
	if (!g)
		return (Binding){.kind = BIND_nothing};
	Binding b = {.name = name, .loc = g->decl->loc};
	switch (g->decl->kind) {
	case DECL_dim:
		b.kind = BIND_dim;
		b.dim = dim_resolve(f->cx, g->dim);
		break;
	case DECL_let:
		b.kind = BIND_value;
		b.value = let_value(f->cx, g);
		break;
	case DECL_fn:
		b.kind = BIND_fn;
		b.fn = g->decl;
		break;
	case DECL_model:
		b.kind = BIND_model;
		b.model = model_find(f->cx, name);
		break;
	default:
		break;
	}
	return b;
}

Status
scope_unknown(Frame *f, Loc loc, const char *slug, const char *what, const char *name)
{
	const char *list[512];
	int         n = 0;
	bool        axis = what[0] == 'a';
	for (Binding *b = f->locals; b && n < COUNT(list) && !axis; b = b->next)
		list[n++] = b->name;
	for (Binding *b = f->in ? f->in->names : NULL; b && n < COUNT(list); b = b->next)
		if (!axis || b->kind == BIND_dim)
			list[n++] = b->name;
	for (Global *g = f->cx->globals; g && n < COUNT(list); g = g->next)
		if (!axis || g->decl->kind == DECL_dim)
			list[n++] = g->decl->name;
	if (what[0] == 'n')
		n += builtin_words(list + n, COUNT(list) - n);
	if (what[0] == 'f')
		n += builtin_names(list + n, COUNT(list) - n);
	diag_error(loc, slug, "there is no %s `%s` here", what, name);
	const char *near = text_nearest(name, list, n);
	if (near)
		diag_hint("did you mean `%s`?", near);
	return FAIL;
}

Status
scope_module(Cx *cx, const Name *name, const Decl **out)
{
	const char *list[256];
	int         n = 0;
	for (Global *g = cx->globals; g; g = g->next) {
		if (g->decl->kind != DECL_module)
			continue;
		if (g->decl->name == name->text) {
			*out = g->decl;
			return OK;
		}
		if (n < COUNT(list))
			list[n++] = g->decl->name;
	}
	diag_error(name->loc, "unknown-module", "there is no module `%s`", name->text);
	const char *near = text_nearest(name->text, list, n);
	if (near)
		diag_hint("did you mean `%s`?", near);
	return FAIL;
}

/* As many as a graph's types may have. */
Status
check_elements(Cx *cx, const Axes *x, Loc loc)
{
	double n = 1;
	for (int i = 0; i < x->n; i++)
		n *= (double)x->at[i]->size;
	if (n < 0x1p48)
		return OK;
	diag_error(loc, "too-large", "%s has %.3g elements; a tensor has fewer than 2^48",
	           dims_text(cx->arena, x), n);
	return FAIL;
}

/* A written shape as axes; `..` is what the enclosing function's arguments carried in. */
Status
scope_axes(Frame *f, const Name *names, const char *what, Axes *out)
{
	*out = (Axes){0};
	for (const Name *n = names; n; n = n->next) {
		if (!n->text) {
			if (!f->has_rest)
				return diag_error(n->loc, "no-rest",
				                  "`..` stands for the further axes of an "
				                  "argument, and no argument here has any");
			for (int i = 0; i < f->rest.n; i++) {
				if (out->n == MAX_RANK)
					return diag_error(n->loc, "too-many-axes",
					                  "more than %d axes", MAX_RANK);
				dims_add(out, f->rest.at[i]);
			}
			continue;
		}
		Dim *d = scope_dim(f, n->text, n->loc);
		if (!d)
			return FAIL;
		if (dims_has(out, d)) {
			diag_error(n->loc, "axis-twice", "%s twice in one %s", n->text, what);
			diag_hint("an axis may appear once; a second one of the same size is "
			          "declared with `dim %s2 like %s;`",
			          n->text, n->text);
			return FAIL;
		}
		if (out->n == MAX_RANK)
			return diag_error(n->loc, "too-many-axes", "more than %d axes", MAX_RANK);
		dims_add(out, d);
	}
	return check_elements(f->cx, out, names ? names->loc : (Loc){0});
}
