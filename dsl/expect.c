/* expect: claims about the compiled program, checked at every compile; and dsl_compile, the whole
 * front end as one list of calls. A claim that fails is an error, unless names were set on the
 * command line: then the spec as written is not what is compiled, and the claim is reported as a
 * warning. */
#include "dsl/dsl_private.h"
#include <string.h>

static bool
mentions(const Expr *e, const char *name)
{
	if (!e)
		return false;
	if (e->kind == EX_name && !strcmp(e->name, name))
		return true;
	for (const Argument *x = e->args; x; x = x->next)
		if (mentions(x->value, name))
			return true;
	return mentions(e->l, name) || mentions(e->r, name);
}

static int64_t
parameters(Cx *cx)
{
	int64_t n = 0;
	for (int i = 0; i < cx->params.n; i++) {
		Type t = dims_type(&cx->params.at[i].axes, DT_f32);
		n += type_elems(&t);
	}
	return n;
}

/* Like a formula of numbers, with three more names: parameters(model), global_batch,
 * memory_per_rank. */
static Value
claim(Frame *f, const Expr *e, const PlanFacts *facts)
{
	Cx *cx = f->cx;
	if (e->kind == EX_call && e->l->kind == EX_name && !strcmp(e->l->name, "parameters")) {
		const Expr *m = e->args && !e->args->next && !e->args->name ? e->args->value : NULL;
		if (!m || m->kind != EX_name || !model_find(cx, m->name))
			REFUSE(e->loc, "unknown-model", "`parameters` takes the name of a model");
		return value_number((double)parameters(cx), e->loc);
	}
	if (e->kind == EX_binary) {
		Expr copy = *e;
		Expr l = {.kind = EX_number, .loc = e->l->loc, .mark = e->l->mark},
		     r = {.kind = EX_number, .loc = e->r->loc, .mark = e->r->mark};
		Value a = claim(f, e->l, facts), b = claim(f, e->r, facts);
		if (a.kind == V_error || b.kind == V_error)
			return value_error();
		if (a.kind == V_truth && b.kind == V_truth &&
		    (e->op == BIN_and || e->op == BIN_or)) {
			a.num = e->op == BIN_and ? a.num && b.num : a.num || b.num;
			return a;
		}
		if (a.kind != V_number || b.kind != V_number)
			REFUSE(e->loc, "not-a-number", "a claim compares numbers");
		l.num = a.num;
		r.num = b.num;
		copy.l = &l;
		copy.r = &r;
		return lower(f, &copy);
	}
	if (e->kind == EX_name && !strcmp(e->name, "global_batch"))
		return value_number((double)cx->spec->recipe.data.batch * cx->spec->recipe.ranks,
		                    e->loc);
	if (e->kind == EX_name && !strcmp(e->name, "memory_per_rank"))
		return value_number(facts->memory_per_rank, e->loc);
	return lower(f, e);
}

Status
expect_check(Cx *cx, const PlanFacts *facts)
{
	Frame  f = {.cx = cx};
	Status s = OK;
	cx->g = NULL;
	for (const Decl *d = cx->decls; d; d = d->next) {
		if (d->kind != DECL_expect ||
		    mentions(d->value, "memory_per_rank") != (facts != NULL))
			continue;
		Value v = claim(&f, d->value, facts);
		if (v.kind == V_error) {
			s = FAIL;
			continue;
		}
		if (v.kind != V_truth) {
			s = diag_error(d->loc, "not-a-truth",
			               "`expect` needs a comparison, and this is %s",
			               value_text(cx, &v));
			continue;
		}
		if (v.num)
			continue;
		char        num[32];
		Value       l = d->value->kind == EX_binary ? claim(&f, d->value->l, facts) : v;
		const char *what = expr_text(cx->arena, d->value);
		const char *left = d->value->kind == EX_binary
		                           ? arena_printf(cx->arena, ": `%s` is %s",
		                                          expr_text(cx->arena, d->value->l),
		                                          text_double(num, l.num))
		                           : "";
		if (cx->any_set)
			diag_warning(d->loc, "expect",
			             "not so with the names set on the command line: `%s`%s", what,
			             left);
		else
			s = diag_error(d->loc, "expect", "not so: `%s`%s", what, left);
	}
	return s;
}

Status
dsl_expect(const Spec *spec, const PlanFacts *facts)
{
	return expect_check(spec->later->cx, facts);
}

/* ---- the front end -------------------------------------------------------------------------- */

static Status
find_average(Cx *cx)
{
	for (int i = 0; i < cx->models.n; i++) {
		Model *m = cx->models.at[i];
		if (m->of && cx->average)
			return diag_error(m->decl->loc, "two-averages",
			                  "a spec has one average; `%s` is there already",
			                  cx->average->name);
		if (m->of)
			cx->average = m;
	}
	return OK;
}

static Status
check_all_names(Cx *cx)
{
	Status s = OK;
	Frame  f = {.cx = cx};
	for (Global *g = cx->globals; g; g = g->next)
		if ((g->dim && !scope_dim(&f, g->decl->name, g->decl->loc)) ||
		    (g->decl->kind == DECL_let &&
		     scope_find(&f, g->decl->name).value.kind == V_error))
			s = FAIL;
	return s;
}

static Status
spec_name(Cx *cx)
{
	const Decl *d = section(cx, DECL_spec, "spec", true);
	if (!d)
		return FAIL;
	cx->spec->recipe.spec_name = d->name;
	return OK;
}

Status
dsl_compile(Arena *a, const char *path, const Override *set, int nset, Spec **out)
{
	Cx    *cx = arena_new_one(a, Cx);
	Text   all = {0};
	char   hash[33];
	Status s;
	cx->arena = a;
	cx->path = intern(path);
	cx->spec = arena_new_one(a, Spec);
	cx->lr = cx->ema = NO_VAL;
	s = import_spec(a, path, &cx->decls, &all);
	for (int i = 0; i < nset; i++)
		text_printf(&all, "--set %s=%s\n", set[i].name, set[i].value);
	hash_hex(all.at ? all.at : "", all.n, hash);
	text_free(&all);
	TRY(s);
	cx->spec->recipe.spec_hash = intern(hash);
	TRY(spec_name(cx));
	TRY(scope_globals(cx, set, nset));
	TRY(check_all_names(cx));
	TRY(model_all(cx));
	TRY(find_average(cx));
	TRY(model_names(cx));
	s = train_build(cx);
	const Decl *objective = s == OK ? section(cx, DECL_objective, "objective", true) : NULL;
	if (objective && recipe_data(cx, objective) != OK)
		s = FAIL;
	TRY(s);
	TRY(feature_build(cx));
	if (optimise_build(cx) != OK)
		s = FAIL;
	if (recipe_run(cx) != OK)
		s = FAIL;
	TRY(s);
	TRY(expect_check(cx, NULL));
	cx->spec->later = arena_new_one(a, SpecLater);
	cx->spec->later->cx = cx;
	summary_write(cx);
	*out = cx->spec;
	return OK;
}
