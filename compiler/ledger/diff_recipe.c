/* What the spec says that is not arithmetic, and its variables, compared by name. */
#include "compiler/ledger/diff_private.h"

#include <string.h>

static const char *
number(Arena *a, double x)
{
	char s[32];

	return arena_strdup(a, text_double(s, x));
}

static const char *
numbers(Arena *a, const double *x, int n)
{
	const char *out = "";

	for (int i = 0; i < n; i++)
		out = arena_printf(a, "%s%s%s", out, i ? " " : "", number(a, x[i]));
	return out;
}

/* ---- variables ------------------------------------------------------------------------------ */

static const char *
type_text(Arena *a, const Type *type)
{
	Text        t = {0};
	const char *s;

	type_print(&t, type);
	s = arena_strdup(a, t.at);
	text_free(&t);
	return s;
}

static const char *
init_text(Arena *a, const Init *i)
{
	switch (i->kind) {
	case INIT_const:
		return arena_printf(a, "const %s", number(a, i->value));
	case INIT_normal:
		return arena_printf(a, "normal std=%s", number(a, i->std));
	case INIT_trunc_normal:
		return arena_printf(a, "trunc_normal std=%s cut=%s scale=%s", number(a, i->std),
		                    number(a, i->cut), number(a, i->scale));
	case INIT_copy:
		return arena_printf(a, "copy %s", i->of);
	}
	return "";
}

static const char *
variable_text(Arena *a, const Variable *v)
{
	return arena_printf(a, "%s %s", type_text(a, &v->type), init_text(a, &v->init));
}

static const Variable *
variable_called(const Recipe *r, const char *name)
{
	for (int i = 0; i < r->nvar; i++)
		if (strcmp(r->var[i].name, name) == 0)
			return &r->var[i];
	return NULL;
}

bool
compare_variables(Compare *c)
{
	static const char *const topic[] = {[VAR_param] = "parameters",
	                                    [VAR_average] = "averages",
	                                    [VAR_moment1] = "moments",
	                                    [VAR_moment2] = "moments"};
	const Recipe            *x = &c->side[0].program->recipe, *y = &c->side[1].program->recipe;
	int                      before = c->change.n, group;

	for (int i = 0; i < x->nvar; i++) {
		const Variable *v = &x->var[i], *w = variable_called(y, v->name);

		compare(c, topic[v->kind], v->name, variable_text(c->a, v),
		        w ? variable_text(c->a, w) : NULL);
	}
	for (int i = 0; i < y->nvar; i++)
		if (!variable_called(x, y->var[i].name))
			compare(c, topic[y->var[i].kind], y->var[i].name, NULL,
			        variable_text(c->a, &y->var[i]));
	group = c->change.n; /* a group is only a name: what it means stands in the update */
	for (int i = 0; i < x->nvar; i++) {
		const Variable *v = &x->var[i], *w = variable_called(y, v->name);

		if (w && v->group && w->group)
			compare(c, "groups", v->name, v->group, w->group);
	}
	return group == before;
}

/* ---- recipe --------------------------------------------------------------------------------- */

static const char *
transforms_text(Arena *a, const DataSpec *d)
{
	const char *out = d->ntransform ? "" : "none";

	for (int i = 0; i < d->ntransform; i++)
		out = arena_printf(a, "%s%s%s(%s%s%s)", out, i ? ", " : "", d->transform[i].name,
		                   numbers(a, d->transform[i].arg, d->transform[i].narg),
		                   d->transform[i].filter ? " " : "",
		                   d->transform[i].filter ? d->transform[i].filter : "");
	return out;
}

static const char *
draw_text(Arena *a, const DrawSpec *d)
{
	return arena_printf(
		a, "%s on stream %s: %lld x %lld, at most %lld, area %lld .. %lld, aspect %s .. %s",
		d->generator, d->site, (long long)d->gy, (long long)d->gx, (long long)d->at_most,
		(long long)d->area_lo, (long long)d->area_hi, number(a, d->aspect_lo),
		number(a, d->aspect_hi));
}

static const DrawSpec *
draw_called(const Recipe *r, const char *input)
{
	for (int i = 0; i < r->ndraw; i++)
		if (strcmp(r->draw[i].input, input) == 0)
			return &r->draw[i];
	return NULL;
}

static void
compare_data(Compare *c, const Recipe *x, const Recipe *y)
{
	const Recipe            *r[2] = {x, y};
	const char              *text[9][2];
	static const char *const name[9] = {"source", "batch",   "image", "augment",  "mean",
	                                    "std",    "shuffle", "into",  "remainder"};

	for (int i = 0; i < 2; i++) {
		const DataSpec *d = &r[i]->data;

		text[0][i] = d->source ? d->source : "none";
		text[1][i] = arena_printf(c->a, "%lld", (long long)d->batch);
		text[2][i] = arena_printf(c->a, "%lld x %lld x %lld", (long long)d->channels,
		                          (long long)d->height, (long long)d->width);
		text[3][i] = transforms_text(c->a, d);
		text[4][i] = numbers(c->a, d->mean, (int)d->channels);
		text[5][i] = numbers(c->a, d->std, (int)d->channels);
		text[6][i] = d->shuffle ? "yes" : "no";
		text[7][i] = d->input ? d->input : "none";
		text[8][i] = d->drop_remainder ? "drop" : "keep";
	}
	for (int k = 0; k < COUNT(name); k++)
		compare(c, "data", name[k], text[k][0], text[k][1]);
	for (int i = 0; i < x->ndraw; i++) {
		const DrawSpec *d = draw_called(y, x->draw[i].input);

		compare(c, "random streams", x->draw[i].input, draw_text(c->a, &x->draw[i]),
		        d ? draw_text(c->a, d) : NULL);
	}
	for (int i = 0; i < y->ndraw; i++)
		if (!draw_called(x, y->draw[i].input))
			compare(c, "random streams", y->draw[i].input, NULL,
			        draw_text(c->a, &y->draw[i]));
}

static const char *
length_text(Arena *a, const Recipe *r)
{
	return r->length_steps ? arena_printf(a, "%lld steps", (long long)r->length_steps)
	                       : arena_printf(a, "%s epochs", number(a, r->length_epochs));
}

static const char *
checkpoint_text(Arena *a, const Recipe *r)
{
	return arena_printf(a, "every %s, keep %d%s",
	                    r->checkpoint_steps
	                            ? arena_printf(a, "%lld steps", (long long)r->checkpoint_steps)
	                            : arena_printf(a, "%s epochs", number(a, r->checkpoint_epochs)),
	                    r->checkpoint_keep, r->checkpoint_on_signal ? ", on a signal" : "");
}

static void
compare_names(Compare *c, const Recipe *x, const Recipe *y)
{
	const Recipe *r[2] = {x, y};
	Counts        all = {0};

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < r[i]->nname; k++) {
			const NameMap *m = &r[i]->name[k];
			const char    *s = arena_printf(c->a, "%s %s =", m->table, m->foreign);

			for (int v = 0; v < m->nvar; v++)
				s = arena_printf(c->a, "%s %s", s, m->var[v]);
			count_add(c->a, &all, s, i);
		}
	compare_counts(c, "names", &all);
}

bool
compare_recipe(Compare *c)
{
	const Recipe *x = &c->side[0].program->recipe, *y = &c->side[1].program->recipe;
	int           before = c->change.n, after;

	compare_data(c, x, y);
	compare(c, "run", "length", length_text(c->a, x), length_text(c->a, y));
	compare(c, "run", "seed", arena_printf(c->a, "%llu", (unsigned long long)x->seed),
	        arena_printf(c->a, "%llu", (unsigned long long)y->seed));
	compare(c, "run", "ranks", arena_printf(c->a, "%d", x->ranks),
	        arena_printf(c->a, "%d", y->ranks));
	compare(c, "run", "stop", x->stop && *x->stop ? x->stop : NULL,
	        y->stop && *y->stop ? y->stop : NULL);
	/* the rest is about what is written down, not about numbers */
	after = c->recipe_end = c->change.n;
	compare(c, "run", "checkpoint", checkpoint_text(c->a, x), checkpoint_text(c->a, y));
	compare(c, "run", "spec", x->spec_name, y->spec_name);
	compare_names(c, x, y);
	return after == before;
}
