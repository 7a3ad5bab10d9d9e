/* optimise: the section `optimise`: groups, the update of every parameter, and the list of all
 * variables. First matching group wins; what no group takes follows the section's own settings.
 * Parameters that the average never uses get no average: they are listed, not kept. */
#include "dsl/dsl_private.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* `*` any text, `?` any one character; brackets mean themselves, because paths have them. */
static bool
glob(const char *pattern, const char *s)
{
	for (; *pattern; pattern++, s++) {
		if (*pattern == '*') {
			for (;; s++) {
				if (glob(pattern + 1, s))
					return true;
				if (!*s)
					return false;
			}
		}
		if (!*s || (*pattern != '?' && *pattern != *s))
			return false;
	}
	return !*s;
}

/* A group's condition on one parameter: -1 after a message. */
static int
matches(Frame *f, const Expr *e, const Model *m, const Param *p)
{
	if (e->kind == EX_binary && (e->op == BIN_and || e->op == BIN_or)) {
		int a = matches(f, e->l, m, p), b = matches(f, e->r, m, p);
		return a < 0 || b < 0 ? -1 : e->op == BIN_and ? a && b : a || b;
	}
	if (e->kind == EX_not) {
		int a = matches(f, e->l, m, p);
		return a < 0 ? a : !a;
	}
	if (e->kind == EX_tagged && !strcmp(e->name, "name"))
		return glob(e->text, arena_printf(f->cx->arena, "%s.%s", m->name, p->path));
	Value v = lower(f, e);
	if (v.kind == V_truth)
		return v.num != 0;
	if (v.kind != V_error) {
		diag_error(e->loc, "group-condition",
		           "a group selects by `rank` and `name \"..\"`, and this is %s",
		           value_text(f->cx, &v));
		diag_hint("`where (rank < 2 and not name \"*.hole\")`");
	}
	return -1;
}

static Status
group_values(Cx *cx, const Decl *body, const Group *base, Group *g)
{
	Frame       f = {.cx = cx};
	const Decl *lr = setting(body, "lr"), *decay = setting(body, "weight_decay");
	*g = (Group){.lr = base ? base->lr : cx->lr, .decay = base ? base->decay : NO_VAL};
	if (base) {
		g->lr_text = base->lr_text;
		g->decay_text = base->decay_text;
		g->decays = base->decays;
	}
	if (lr) {
		g->lr_text = expr_text(cx->arena, lr->value);
		if (base)
			g->lr = schedule_value(cx, lower(&f, lr->value), "lr", lr->value->loc);
		if (g->lr == NO_VAL)
			return FAIL;
	}
	if (decay) {
		Value v = lower(&f, decay->value);
		g->decay = schedule_value(cx, v, "weight_decay", decay->value->loc);
		char num[32]; /* a name says less than what it stands for */
		g->decay_text = v.kind == V_number
		                        ? arena_strdup(cx->arena, text_double(num, v.num))
		                        : expr_text(cx->arena, decay->value);
		g->decays = v.kind != V_number || v.num != 0;
		if (g->decay == NO_VAL)
			return FAIL;
	}
	return OK;
}

static Status
groups(Cx *cx, const Decl *opt)
{
	static const char *const own[] = {"lr", "weight_decay", "clip"}, *const inner[] = {
										 "lr",
										 "weight_decay"};
	Group base, g;
	TRY(settings_known(opt->body, "`optimise`", own, COUNT(own)));
	TRY(group_values(cx, opt->body, NULL, &base));
	base.name = "default";
	if (base.decay == NO_VAL) {
		diag_error(opt->loc, "missing-setting", "`weight_decay` is not set");
		diag_hint("`weight_decay = 0;` for none");
		return FAIL;
	}
	for (const Decl *d = opt->body; d; d = d->next) {
		if (d->kind != DECL_group)
			continue;
		for (int i = 0; i < cx->groups.n; i++)
			if (cx->groups.at[i].name == d->name)
				return diag_error(d->loc, "duplicate", "a second group `%s`",
				                  d->name);
		TRY(settings_known(d->body, "a group", inner, COUNT(inner)));
		TRY(group_values(cx, d->body, &base, &g));
		g.name = d->name;
		g.decl = d;
		vec_push(cx->arena, &cx->groups, g);
	}
	vec_push(cx->arena, &cx->groups, base);
	return OK;
}

static Status
group_of(Cx *cx, const Model *m, Param *p, Group **out)
{
	Frame f = {.cx = cx};
	binding_push(cx->arena, &f.locals, BIND_value, intern("rank"), p->loc)->value =
		value_number(p->axes.n, p->loc);
	for (int i = 0; i < cx->groups.n; i++) {
		Group *g = &cx->groups.at[i];
		int    yes = g->decl ? matches(&f, g->decl->value, m, p) : 1;
		if (yes < 0)
			return FAIL;
		if (!yes)
			continue;
		Type t = dims_type(&p->axes, DT_f32);
		p->group = g->name;
		g->tensors++;
		g->elems += type_elems(&t);
		*out = g;
		return OK;
	}
	BUG("no default group");
}

static Status
algorithm(Cx *cx, const Decl *opt)
{
	Training   *t = &cx->g->training;
	Frame       f = {.cx = cx};
	const Decl *clip = setting(opt->body, "clip");
	Value       v = lower(&f, opt->value);
	if (v.kind == V_error)
		return FAIL;
	if (v.kind != V_form || strcmp(v.text, "adamw") != 0) {
		diag_error(opt->value->loc, "setting-value",
		           "`by` names the algorithm, `adamw(..)`, and this is %s",
		           value_text(cx, &v));
		return FAIL;
	}
	t->beta1 = v.item[0].num;
	t->beta2 = v.item[1].num;
	t->eps = v.item[2].num;
	if (!(t->beta1 >= 0 && t->beta1 < 1 && t->beta2 >= 0 && t->beta2 < 1 && t->eps > 0))
		return diag_error(opt->value->loc, "bad-number",
		                  "`beta1` and `beta2` lie in 0 .. 1 (1 excluded), `eps` above 0");
	if (!clip)
		return OK;
	v = lower(&f, clip->value);
	if (v.kind == V_error)
		return FAIL;
	if (v.kind != V_form || strcmp(v.text, "global_norm") != 0 || !(v.item[0].num > 0))
		return diag_error(clip->value->loc, "setting-value",
		                  "`clip` is `global_norm(limit)` with a limit above 0");
	t->clip = v.item[0].num;
	return OK;
}

static Status
after_updates(Cx *cx, const Decl *opt)
{
	const Decl *seen = NULL;
	for (const Decl *d = opt->body; d; d = d->next) {
		if (d->kind != DECL_after)
			continue;
		Model *m = model_find(cx, d->name);
		if (!m || !m->of)
			return diag_error(d->loc, "unknown-model",
			                  m ? "`%s` is no average" : "there is no model `%s`",
			                  d->name);
		if (seen)
			return diag_error(d->loc, "duplicate", "`%s` is updated twice", d->name);
		seen = d;
	}
	if (cx->average && !seen) {
		diag_error(opt->loc, "never-updated", "the average `%s` is never updated",
		           cx->average->name);
		diag_hint("`after update %s;`", cx->average->name);
		return FAIL;
	}
	return OK;
}

/* ---- variables ------------------------------------------------------------------------------ */

static void
variables(Cx *cx)
{
	Recipe *r = &cx->spec->recipe;
	int     n = cx->params.n;
	r->var = arena_new_array(cx->arena, Variable, 4 * n);
	for (int kind = VAR_param; kind <= VAR_moment2; kind++) {
		for (int i = 0; i < n; i++) {
			const Param *p = &cx->params.at[i];
			Variable     v = {.name = p->path,
			                  .kind = (VarKind)kind,
			                  .type = dims_type(&p->axes, DT_f32),
			                  .init = p->init,
			                  .loc = p->loc};
			if (kind == VAR_average && !p->averaged)
				continue;
			if (kind == VAR_param) {
				v.group = p->group;
			} else {
				v.of = p->path;
				v.name =
					kind == VAR_average
						? intern_printf("%s.%s", cx->average->name, p->path)
						: intern_printf("moment%d.%s",
				                                kind == VAR_moment1 ? 1 : 2,
				                                p->path);
				v.init = kind == VAR_average
				                 ? (Init){.kind = INIT_copy, .of = p->path}
				                 : (Init){.kind = INIT_const};
			}
			r->var[r->nvar++] = v;
		}
	}
}

/* Variables, gradients and outputs stand side by side in checkpoints and in what `d2v step` writes.
 */
typedef struct {
	const char *name, *what;
	Loc         loc;
	int         order;
} Taken;

static int
by_name(const void *a, const void *b)
{
	const Taken *x = a, *y = b;
	int          c = strcmp(x->name, y->name);
	return c ? c : x->order - y->order;
}

static Status
names_apart(Cx *cx)
{
	static const char *const of[] = {"an average", "a first moment", "a second moment"};
	const Recipe            *r = &cx->spec->recipe;
	Vec(Taken) all = {0};
	for (int i = 0; i < r->nvar; i++) {
		const Variable *v = &r->var[i];
		const char *what = v->kind == VAR_param ? "a parameter" : of[v->kind - VAR_average];
		vec_push(cx->arena, &all, (Taken){v->name, what, v->loc, all.n});
		if (v->kind == VAR_param)
			vec_push(cx->arena, &all,
			         (Taken){intern_printf("grad.%s", v->name), "a gradient", v->loc,
			                 all.n});
	}
	for (int i = 0; i <= cx->g->nout; i++) {
		const char *name = i < cx->g->nout ? cx->g->out[i].name : "grad_norm";
		vec_push(cx->arena, &all, (Taken){name, "an output of every step", {0}, INT_MAX});
	}
	qsort(all.at, (size_t)all.n, sizeof *all.at, by_name);
	for (int i = 1; i < all.n; i++) {
		const Taken *a = &all.at[i - 1], *b = &all.at[i];
		if (strcmp(a->name, b->name))
			continue;
		diag_error(a->loc, "name-taken", "`%s` would be the name of %s and of %s", a->name,
		           a->what, b->what);
		if (b->loc.line && (b->loc.line != a->loc.line || b->loc.col != a->loc.col))
			diag_note(b->loc, "the second is that of this parameter");
		diag_hint("give the model, module or parameter another name");
		return FAIL;
	}
	return OK;
}

Status
optimise_build(Cx *cx)
{
	const Decl *opt = section(cx, DECL_optimise, "optimise", true);
	Model      *m = model_find(cx, opt->name);
	Training   *t = &cx->spec->train->training;
	cx->g = cx->spec->train;
	if (!m)
		return diag_error(opt->loc, "unknown-model", "there is no model `%s`", opt->name);
	if (m->of) {
		diag_error(opt->loc, "teacher-optimised",
		           "`%s` is an average of `%s`: it is never differentiated, so it cannot "
		           "be optimised",
		           m->name, m->of->name);
		diag_note(m->decl->loc, "it is declared here");
		diag_hint("`optimise %s by ..`, with `after update %s;`", m->of->name, m->name);
		return FAIL;
	}
	TRY(algorithm(cx, opt));
	TRY(after_updates(cx, opt));
	TRY(groups(cx, opt));
	t->nupdate = cx->params.n;
	t->update = arena_new_array(cx->arena, Update, cx->params.n);
	for (int i = 0; i < cx->params.n; i++) {
		Param *p = &cx->params.at[i];
		Group *g;
		TRY(group_of(cx, m, p, &g));
		if (p->norm && g->decays)
			diag_warning(p->loc, "decay-on-norm",
			             "`%s` belongs to a norm, and group `%s` gives it weight decay",
			             p->path, g->name);
		t->update[i] = (Update){.param = p->path,
		                        .group = g->name,
		                        .lr = g->lr,
		                        .decay = g->decay,
		                        .average = NULL,
		                        .average_decay = NO_VAL,
		                        .loc = p->loc};
		if (p->averaged) {
			t->update[i].average = intern_printf("%s.%s", cx->average->name, p->path);
			t->update[i].average_decay = cx->ema;
		}
	}
	for (int i = 0; i < cx->groups.n; i++)
		if (cx->groups.at[i].decl && !cx->groups.at[i].tensors)
			diag_warning(cx->groups.at[i].decl->loc, "empty-group",
			             "no parameter is in group `%s`", cx->groups.at[i].name);
	variables(cx);
	TRY(names_apart(cx));
	graph_commit(cx->g);
	return OK;
}
