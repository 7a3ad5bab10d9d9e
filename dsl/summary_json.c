/* summary_json: what summary.c says to people, for tools: one JSON object. Has the facts and not
 * the wording; decides nothing. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

static void
key(Text *t, const char *before, const char *name)
{
	text_printf(t, "%s", before);
	text_json(t, name);
	text_printf(t, ": ");
}

static void
put_text(Text *t, const char *before, const char *name, const char *s)
{
	key(t, before, name);
	if (s)
		text_json(t, s);
	else
		text_printf(t, "null");
}

static void
put_int(Text *t, const char *before, const char *name, int64_t x)
{
	key(t, before, name);
	text_printf(t, "%lld", (long long)x);
}

/* JSON has no word for what is not finite. */
static void
put_number(Text *t, const char *before, const char *name, double x)
{
	char num[32];
	if (name)
		key(t, before, name);
	else
		text_printf(t, "%s", before);
	text_printf(t, "%s", isfinite(x) ? text_double(num, x) : "null");
}

static void
put_truth(Text *t, const char *before, const char *name, bool x)
{
	key(t, before, name);
	text_printf(t, "%s", x ? "true" : "false");
}

/* Entries of a list or object stand on lines of their own, with this between them. */
static const char *
entry(int i)
{
	return i ? ",\n    " : "\n    ";
}

static void
put_axes(Cx *cx, Text *t)
{
	key(t, "", "axes");
	text_printf(t, "[");
	for (int i = 0; i < cx->dims.n; i++) {
		const Dim *d = cx->dims.at[i];
		text_printf(t, "%s{", entry(i));
		put_text(t, "", "name", d->axis);
		put_int(t, ", ", "size", d->size);
		put_text(t, ", ", "text", dim_text(cx->arena, d));
		put_truth(t, ", ", "set", d->set);
		text_printf(t, "}");
	}
	text_printf(t, "\n  ]");
}

static void
put_parameters(Cx *cx, Text *t)
{
	int64_t total = 0;
	key(t, ",\n  ", "parameters");
	text_printf(t, "[");
	for (int i = 0; i < cx->params.n; i++) {
		const Param *p = &cx->params.at[i];
		Type         type = dims_type(&p->axes, DT_f32);
		text_printf(t, "%s{", entry(i));
		put_text(t, "", "name", p->path);
		key(t, ", ", "axes");
		for (int k = 0; k < type.rank; k++) {
			text_printf(t, k ? ", " : "[");
			text_json(t, type.axis[k].name);
		}
		key(t, type.rank ? "], " : "[], ", "shape");
		for (int k = 0; k < type.rank; k++)
			text_printf(t, "%s%lld", k ? ", " : "[", (long long)type.axis[k].size);
		put_int(t, type.rank ? "], " : "[], ", "elements", type_elems(&type));
		put_text(t, ", ", "group", p->group);
		put_truth(t, ", ", "averaged", p->averaged);
		put_text(t, ", ", "file", p->loc.file);
		put_int(t, ", ", "line", p->loc.line);
		text_printf(t, "}");
		total += type_elems(&type);
	}
	text_printf(t, "\n  ]");
	put_int(t, ",\n  ", "parameter_elements", total);
	key(t, ",\n  ", "average");
	if (cx->average) {
		put_text(t, "{", "name", cx->average->name);
		put_text(t, ", ", "of", cx->average->of->name);
		text_printf(t, "}");
	} else {
		text_printf(t, "null");
	}
}

static void
put_optimiser(Cx *cx, Text *t)
{
	const Graph    *g = cx->spec->train;
	const Training *tr = &g->training;
	int             n = 0;
	key(t, ",\n  ", "adamw");
	put_number(t, "{", "beta1", tr->beta1);
	put_number(t, ", ", "beta2", tr->beta2);
	put_number(t, ", ", "eps", tr->eps);
	put_number(t, ", ", "clip", tr->clip > 0 ? tr->clip : NAN);
	key(t, "},\n  ", "groups");
	text_printf(t, "[");
	for (int i = 0; i < cx->groups.n; i++) {
		const Group *group = &cx->groups.at[i];
		text_printf(t, "%s{", entry(i));
		put_text(t, "", "name", group->name);
		put_int(t, ", ", "tensors", group->tensors);
		put_int(t, ", ", "elements", group->elems);
		put_text(t, ", ", "weight_decay", group->decay_text);
		put_text(t, ", ", "lr", group->lr_text);
		text_printf(t, "}");
	}
	key(t, "\n  ],\n  ", "schedules");
	text_printf(t, "{");
	for (int i = 0; i < g->nout; i++) {
		const Node *o = &g->node[g->out[i].val];
		if (strcmp(g->out[i].name, "lr") && strcmp(g->out[i].name, "ema_decay"))
			continue;
		if (o->op == OP_host)
			put_text(t, entry(n++), g->out[i].name, o->attr.name);
		else
			put_number(t, entry(n++), g->out[i].name, o->attr.num);
	}
	text_printf(t, "\n  }");
}

static void
put_data(const Recipe *r, Text *t)
{
	const DataSpec *d = &r->data;
	key(t, ",\n  ", "data");
	put_text(t, "{", "source", d->source);
	put_text(t, ", ", "input", d->input);
	put_int(t, ", ", "batch", d->batch);
	put_int(t, ", ", "channels", d->channels);
	put_int(t, ", ", "height", d->height);
	put_int(t, ", ", "width", d->width);
	key(t, "},\n  ", "transforms");
	text_printf(t, "[");
	for (int i = 0; i < d->ntransform; i++) {
		const Transform *x = &d->transform[i];
		text_printf(t, "%s{", entry(i));
		put_text(t, "", "name", x->name);
		key(t, ", ", "arguments");
		text_printf(t, "[");
		for (int k = 0; k < x->narg; k++)
			put_number(t, k ? ", " : "", NULL, x->arg[k]);
		put_text(t, "], ", "filter", x->filter);
		text_printf(t, "}");
	}
	key(t, d->ntransform ? "\n  ],\n  " : "],\n  ", "draws");
	text_printf(t, "[");
	for (int i = 0; i < r->ndraw; i++) {
		const DrawSpec *w = &r->draw[i];
		text_printf(t, "%s{", entry(i));
		put_text(t, "", "input", w->input);
		put_text(t, ", ", "generator", w->generator);
		put_int(t, ", ", "rows", w->gy);
		put_int(t, ", ", "columns", w->gx);
		put_int(t, ", ", "at_most", w->at_most);
		text_printf(t, "}");
	}
	text_printf(t, r->ndraw ? "\n  ]" : "]");
}

static void
put_run(const Spec *spec, Text *t)
{
	const Recipe *r = &spec->recipe;
	const Graph  *g = spec->train;
	key(t, ",\n  ", "run");
	if (r->length_epochs > 0)
		put_number(t, "{", "epochs", r->length_epochs);
	else
		put_int(t, "{", "steps", r->length_steps);
	put_int(t, ", ", "seed", (int64_t)r->seed);
	put_int(t, ", ", "ranks", r->ranks);
	put_int(t, ", ", "global_batch", r->data.batch * r->ranks);
	put_text(t, ", ", "matmul", dtype_name[g->matmul]);
	put_text(t, ", ", "matmul_average", dtype_name[g->matmul_average]);
	put_text(t, ", ", "stop", *r->stop ? r->stop : NULL);
	key(t, "},\n  ", "outputs");
	text_printf(t, "[");
	for (int i = 0; i < g->nout; i++) {
		text_printf(t, i ? ", " : "");
		text_json(t, g->out[i].name);
	}
	key(t, "],\n  ", "features");
	text_printf(t, "[");
	for (int i = 0; i < spec->nfeature; i++) {
		const Graph *f = spec->feature[i];
		Text         type = {0};
		type_print(&type, &f->node[f->out[0].val].type);
		put_text(t, i ? ", {" : "{", "name", f->name);
		put_text(t, ", ", "type", type.at);
		text_printf(t, "}");
		text_free(&type);
	}
	text_printf(t, "]");
}

/* Every name that --set takes. */
static void
put_settable(const Cx *cx, Text *t)
{
	int n = 0;
	key(t, ",\n  ", "settable");
	text_printf(t, "[");
	for (const Global *g = cx->globals; g; g = g->next) {
		if (g->decl->kind != DECL_dim && g->decl->kind != DECL_let)
			continue;
		text_printf(t, n++ ? ", " : "");
		text_json(t, g->decl->name);
	}
	text_printf(t, "]");
}

void
dsl_summary_json(const Spec *spec, Text *t)
{
	Cx *cx = spec->later->cx;
	put_text(t, "{", "spec", spec->recipe.spec_name);
	put_text(t, ",\n  ", "hash", spec->recipe.spec_hash);
	text_printf(t, ",\n  ");
	put_axes(cx, t);
	put_parameters(cx, t);
	put_optimiser(cx, t);
	put_data(&spec->recipe, t);
	put_run(spec, t);
	put_settable(cx, t);
	text_printf(t, "}");
}
