/* model: modules become instances, once per model: parameters get their paths, axes and initial
 * values, in the order in which they are declared and used. Averages share the instances of the
 * model they follow. Also the `names` tables, which must name every parameter exactly once. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static Instance *instance(Cx *cx, Frame *user, const Decl *use, const char *path);

Model *
model_find(Cx *cx, const char *name)
{
	for (int i = 0; i < cx->models.n; i++)
		if (cx->models.at[i]->name == name)
			return cx->models.at[i];
	return NULL;
}

/* A module that standardises in one of its functions: its parameters are those of a norm. */
static bool
calls_standardise(const Expr *e)
{
	if (!e)
		return false;
	if (e->kind == EX_call && e->l->kind == EX_name && !strcmp(e->l->name, "standardise"))
		return true;
	for (const Argument *x = e->args; x; x = x->next)
		if (calls_standardise(x->value))
			return true;
	return calls_standardise(e->l) || calls_standardise(e->r);
}

static bool
is_norm(const Decl *module)
{
	for (const Decl *d = module->body; d; d = d->next) {
		if (d->kind == DECL_use)
			return false;
		for (const Decl *s = d->kind == DECL_fn ? d->body : NULL; s; s = s->next)
			if (calls_standardise(s->value))
				return true;
		if (d->kind == DECL_fn && calls_standardise(d->value))
			return true;
	}
	return false;
}

static Status
fresh(Instance *in, const Decl *d)
{
	for (Binding *b = in->names; b; b = b->next) {
		if (b->name != d->name)
			continue;
		diag_error(d->loc, "duplicate", "`%s` is declared twice", d->name);
		diag_note(b->loc, "here it is already");
		return FAIL;
	}
	return OK;
}

static Status
param_init(Frame *f, const Decl *d, Init *out)
{
	if (!d->value) {
		diag_error(d->loc, "missing-init", "parameter `%s` has no initial value", d->name);
		diag_hint("`= 0` sets it, `~ trunc_normal(std = 0.02, cut = 1)` draws it");
		return FAIL;
	}
	Value v = lower(f, d->value);
	if (v.kind == V_error)
		return FAIL;
	if (d->draws != (v.kind == V_init) || (!d->draws && (v.kind != V_number || v.unit))) {
		diag_error(d->value->loc, "init-kind",
		           d->draws ? "`~` draws from a distribution, and this is %s"
		                    : "`=` sets a number, and this is %s",
		           value_text(f->cx, &v));
		diag_hint(d->draws ? "`= %s` sets it" : "`~ %s` draws it",
		          expr_text(f->cx->arena, d->value));
		return FAIL;
	}
	*out = d->draws ? v.init : (Init){.kind = INIT_const, .value = v.num};
	return OK;
}

static Status
add_param(Frame *f, Instance *in, const Decl *d)
{
	Cx   *cx = f->cx;
	Param p = {.decl = d, .loc = d->loc};
	TRY(scope_axes(f, d->type->axes, "shape", &p.axes));
	p.norm = cx->norm_module && p.axes.n < 2; /* a matrix beside the norm is no part of it */
	TRY(param_init(f, d, &p.init));
	p.path = intern_printf("%s%s%s", in->path, *in->path ? "." : "", d->name);
	Binding *b = binding_push(cx->arena, &in->names, BIND_param, d->name, d->loc);
	b->param = cx->params.n;
	b->owner = in;
	vec_push(cx->arena, &cx->params, p);
	return OK;
}

/* use block[l in L] : Block[..](l, ..): one instance per l, each with its own numbers. */
static Status
add_use(Frame *f, Instance *in, const Decl *d)
{
	Cx         *cx = f->cx;
	const char *dot = *in->path ? "." : "";
	Binding     b = {.kind = d->index ? BIND_instances : BIND_instance, .n = 1};
	if (d->index) {
		b.dim = scope_dim(f, d->over->text, d->over->loc);
		if (!b.dim)
			return FAIL;
		if (b.dim->size > 4096)
			return diag_error(d->over->loc, "bad-range",
			                  "%lld copies would be written out",
			                  (long long)b.dim->size);
		b.n = (int)b.dim->size;
	}
	b.inst = arena_new_array(cx->arena, Instance *, b.n);
	Binding *outer = f->locals;
	for (int l = 0; l < b.n; l++) {
		f->locals = outer;
		if (d->index)
			binding_push(cx->arena, &f->locals, BIND_value, d->index->text,
			             d->index->loc)
				->value = value_number(l, d->index->loc);
		const char *path = d->index ? intern_printf("%s%s%s[%d]", in->path, dot, d->name, l)
		                            : intern_printf("%s%s%s", in->path, dot, d->name);
		b.inst[l] = instance(cx, f, d, path);
		if (!b.inst[l])
			return FAIL;
	}
	f->locals = outer;
	Binding *to = binding_push(cx->arena, &in->names, b.kind, d->name, d->loc),
		*next = to->next;
	b.name = d->name;
	b.loc = d->loc;
	b.next = next;
	*to = b;
	return OK;
}

/* The axes and numbers that a `use` gives, bound to the module's names for them. */
static Status
bind_use(Cx *cx, Frame *user, const Decl *use, const Decl *module, Instance *in)
{
	const Name *given = use->axes;
	int         want = 0, have = 0;
	for (const Name *n = module->axes; n; n = n->next)
		want++;
	for (const Name *n = given; n; n = n->next)
		have++;
	if (want != have) {
		diag_error(use->of->loc, "module-axes",
		           "module `%s` takes %d ax%cs, and %d %s given", module->name, want,
		           want == 1 ? 'i' : 'e', have, have == 1 ? "is" : "are");
		diag_note(module->loc, "it is declared here");
		return FAIL;
	}
	for (const Name *n = module->axes; n; n = n->next, given = given->next) {
		Dim *d = scope_dim(user, given->text, given->loc);
		if (!d)
			return FAIL;
		for (Binding *b = in->names; b; b = b->next)
			if (b->kind == BIND_dim && b->dim == d) {
				diag_error(given->loc, "axis-twice",
				           "%s is given twice to `%s`, as %s and as %s", d->axis,
				           module->name, b->name, n->text);
				return FAIL;
			}
		binding_push(cx->arena, &in->names, BIND_dim, n->text, n->loc)->dim = d;
	}
	const Name *nums[16];
	bool        set[16] = {false};
	int         n = 0, at = 0;
	for (const Name *x = module->nums; x; x = x->next) {
		if (n == COUNT(nums))
			return diag_error(x->loc, "arguments", "more than %d numbers", COUNT(nums));
		nums[n++] = x;
	}
	for (const Argument *x = use->args; x; x = x->next) {
		int i = x->name ? 0 : at++;
		while (x->name && i < n && nums[i]->text != x->name)
			i++;
		if (i >= n || set[i]) {
			diag_error(x->loc, "arguments",
			           i < n ? "`%s` is given twice"
			                 : "module `%s` takes no such number",
			           i < n ? nums[i]->text : module->name);
			diag_note(module->loc, "it is declared here");
			return FAIL;
		}
		Value v = lower_number(user, x->value,
		                       arena_printf(cx->arena, "`%s`", nums[i]->text));
		if (v.kind == V_error)
			return FAIL;
		set[i] = true;
		binding_push(cx->arena, &in->names, BIND_value, nums[i]->text, x->loc)->value = v;
	}
	for (int i = 0; i < n; i++) {
		if (set[i])
			continue;
		diag_error(use->of->loc, "arguments", "module `%s` needs the number `%s`",
		           module->name, nums[i]->text);
		diag_note(nums[i]->loc, "it is declared here");
		return FAIL;
	}
	return OK;
}

static Status
add_member(Frame *f, Instance *in, const Decl *d)
{
	Cx *cx = f->cx;
	TRY(fresh(in, d));
	switch (d->kind) {
	case DECL_param:
		return add_param(f, in, d);
	case DECL_use:
		return add_use(f, in, d);
	case DECL_fn: {
		Binding *b = binding_push(cx->arena, &in->names, BIND_fn, d->name, d->loc);
		b->fn = d;
		b->owner = in;
		return OK;
	}
	case DECL_dim: {
		Dim *dim = scope_local_dim(cx, in, d);
		if (!dim)
			return FAIL;
		binding_push(cx->arena, &in->names, BIND_dim, d->name, d->loc)->dim = dim;
		return OK;
	}
	case DECL_let: {
		Value v = lower(f, d->value);
		binding_push(cx->arena, &in->names, BIND_value, d->name, d->loc)->value = v;
		return v.kind == V_error ? FAIL : OK;
	}
	default:
		BUG("a module holds declaration %d", (int)d->kind);
	}
}

static Instance *
instance(Cx *cx, Frame *user, const Decl *use, const char *path)
{
	const Decl *module;
	Instance   *in = arena_new_one(cx->arena, Instance);
	Frame       f = {.cx = cx, .in = in};
	bool        norm = cx->norm_module, ok = true;
	if (scope_module(cx, use->of, &module) != OK)
		return NULL;
	for (int i = 0; i < cx->ninstancing; i++) {
		if (cx->instancing[i] != module)
			continue;
		diag_error(use->of->loc, "recursion",
		           "module `%s` uses itself, so it would never end", module->name);
		diag_note(module->loc, "it is declared here");
		return NULL;
	}
	if (cx->ninstancing == COUNT(cx->instancing)) {
		diag_error(use->of->loc, "too-deep", "modules are nested more than %d deep",
		           COUNT(cx->instancing));
		return NULL;
	}
	in->module = module;
	in->path = path;
	cx->instancing[cx->ninstancing++] = module;
	ok = bind_use(cx, user, use, module, in) == OK;
	/* Functions may be called before they are declared; everything else is read in order. */
	for (const Decl *d = ok ? module->body : NULL; d; d = d->next) {
		cx->norm_module = is_norm(module);
		if (add_member(&f, in, d) == OK)
			continue;
		ok = false; /* reported; reading on finds what else is wrong */
		binding_push(cx->arena, &in->names, BIND_value, d->name, d->loc)->value =
			value_error();
	}
	cx->norm_module = norm;
	cx->ninstancing--;
	return ok ? in : NULL;
}

/* ---- models --------------------------------------------------------------------------------- */

static Status
average_settings(Cx *cx, Model *m, const Decl *d)
{
	static const char *const known[] = {"decay", "start", "mode"};
	Frame                    f = {.cx = cx};
	TRY(settings_known(d->body, "an average", known, COUNT(known)));
	for (int i = 0; i < COUNT(known); i++) {
		const Decl *s = setting(d->body, known[i]);
		if (!s) {
			diag_error(d->loc, "missing-setting",
			           "the average `%s` does not say its `%s`", d->name, known[i]);
			diag_hint("`{ decay = 0.9998; start = copy; mode = eval; }`");
			return FAIL;
		}
		Value v = lower(&f, s->value);
		if (v.kind == V_error)
			return FAIL;
		if (i == 0)
			m->decay = v;
		else if (v.kind != V_word || strcmp(v.text, i == 1 ? "copy" : "eval") != 0)
			return diag_error(s->value->loc, "setting-value", "`%s` can only be `%s`",
			                  known[i], i == 1 ? "copy" : "eval");
	}
	m->eval = true;
	return OK;
}

static Status
model_one(Cx *cx, const Decl *d)
{
	Model *m = arena_new_one(cx->arena, Model);
	m->name = d->name;
	m->decl = d;
	if (d->average) {
		m->of = model_find(cx, d->of->text);
		if (!m->of) {
			diag_error(d->of->loc, "unknown-model",
			           "there is no model `%s` before this one", d->of->text);
			return FAIL;
		}
		if (m->of->of)
			return diag_error(d->of->loc, "average-of-average",
			                  "`%s` is an average itself", d->of->text);
		m->root = m->of->root;
		TRY(average_settings(cx, m, d));
	} else {
		Frame f = {.cx = cx};
		for (int i = 0; i < cx->models.n; i++)
			if (!cx->models.at[i]->of)
				return diag_error(d->loc, "two-models",
				                  "a spec has one model that is trained; `%s` is "
				                  "there already",
				                  cx->models.at[i]->name);
		m->root = instance(cx, &f, d, intern(""));
		if (!m->root)
			return FAIL;
	}
	vec_push(cx->arena, &cx->models, m);
	return OK;
}

Status
model_all(Cx *cx)
{
	for (const Decl *d = cx->decls; d; d = d->next)
		if (d->kind == DECL_model)
			TRY(model_one(cx, d));
	return OK;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* The module whose parameters the table names must be a model's. */
static Model *
names_model(Cx *cx, const Decl *d)
{
	for (int i = 0; i < cx->models.n; i++)
		if (!cx->models.at[i]->of && cx->models.at[i]->root->module->name == d->of->text)
			return cx->models.at[i];
	diag_error(d->of->loc, "unknown-model", "no model of this spec is a `%s`", d->of->text);
	return NULL;
}

/* "blocks.{l}.x": the braces' name, or NULL. */
static const char *
braces(const char *s, const char **open, const char **close)
{
	*open = strchr(s, '{');
	*close = *open ? strchr(*open, '}') : NULL;
	return *close ? intern_n(*open + 1, (size_t)(*close - *open - 1)) : NULL;
}

/* How many instances `block[l]` has, from the first use of l as an index in the entry. */
static int
index_count(Frame *f, const Expr *e, const char *name)
{
	int n = 0;
	if (!e)
		return 0;
	if (e->kind == EX_index && e->r->kind == EX_name && e->r->name == name) {
		Binding b = resolve(f, e->l);
		return b.kind == BIND_instances ? b.n : -1;
	}
	for (const Argument *x = e->args; x && !n; x = x->next)
		n = index_count(f, x->value, name);
	return n ? n : e->l ? index_count(f, e->l, name) : 0;
}

static Status
entry_vars(Frame *f, const Decl *d, const Expr *e, NameMap *map, int *owner)
{
	Cx         *cx = f->cx;
	const Expr *list[16];
	int         n = 0;
	if (e->kind == EX_call && e->l->kind == EX_name && !strcmp(e->l->name, "stack")) {
		for (const Argument *x = e->args; x && n < COUNT(list); x = x->next)
			list[n++] = x->value;
	} else {
		list[n++] = e;
	}
	map->var = arena_new_array(cx->arena, const char *, n);
	for (int i = 0; i < n; i++) {
		Binding b = resolve(f, list[i]);
		if (b.kind == BIND_nothing)
			return FAIL;
		if (b.kind != BIND_param)
			return diag_error(list[i]->loc, "not-a-parameter", "`%s` is no parameter",
			                  expr_text(cx->arena, list[i]));
		if (owner[b.param])
			return diag_error(list[i]->loc, "named-twice",
			                  "the parameter `%s` is named a second time by \"%s\"",
			                  cx->params.at[b.param].path, d->name);
		owner[b.param] = 1;
		map->var[map->nvar++] = cx->params.at[b.param].path;
	}
	return OK;
}

static Status
names_table(Cx *cx, const Decl *d)
{
	Model  *m = names_model(cx, d);
	Recipe *r = &cx->spec->recipe;
	if (!m)
		return FAIL;
	int *owner = arena_new_array(cx->arena, int, cx->params.n);
	Vec(NameMap) maps = {0};
	for (int i = 0; i < r->nname; i++)
		vec_push(cx->arena, &maps, r->name[i]);
	for (const Decl *e = d->body; e; e = e->next) {
		const char *open, *close, *index = braces(e->name, &open, &close);
		Frame       f = {.cx = cx, .in = m->root, .model = m};
		int         n = index ? index_count(&f, e->value, index) : 1;
		if (n <= 0)
			return diag_error(
				e->loc, "names-index",
				"`{%s}` needs an index on the right, such as `block[%s].x`", index,
				index);
		for (int l = 0; l < n; l++) {
			NameMap map = {.table = d->name, .foreign = e->name};
			f.locals = NULL;
			if (index) {
				binding_push(cx->arena, &f.locals, BIND_value, index, e->loc)
					->value = value_number(l, e->loc);
				map.foreign = intern_printf("%.*s%d%s", (int)(open - e->name),
				                            e->name, l, close + 1);
			}
			TRY(entry_vars(&f, e, e->value, &map, owner));
			vec_push(cx->arena, &maps, map);
		}
	}
	for (int i = 0; i < cx->params.n; i++) {
		if (owner[i])
			continue;
		diag_error(d->loc, "names-incomplete",
		           "the table `%s` does not name the parameter `%s`", d->name,
		           cx->params.at[i].path);
		diag_note(cx->params.at[i].loc, "it is declared here");
		return FAIL;
	}
	r->name = maps.at;
	r->nname = maps.n;
	return OK;
}

Status
model_names(Cx *cx)
{
	for (const Decl *d = cx->decls; d; d = d->next)
		if (d->kind == DECL_names)
			TRY(names_table(cx, d));
	return OK;
}
