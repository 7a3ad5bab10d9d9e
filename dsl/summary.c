/* summary: what `d2v check` prints: everything a reader of the spec may want to see worked out.
 * Nothing is decided here. */
#include "dsl/dsl_private.h"
#include <string.h>

static const char *
grouped(Arena *a, int64_t x)
{
	char *s = arena_printf(a, "%lld", (long long)x), *out = arena_alloc(a, 48);
	int   n = (int)strlen(s), k = 0;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			out[k++] = ' ';
		out[k++] = s[i];
	}
	return out;
}

static int64_t
elems(const Param *p)
{
	Type t = dims_type(&p->axes, DT_f32);
	return type_elems(&t);
}

/* "block[3].attend.q" -> "block[*]", "head" -> "head". */
static const char *
owner_of(Arena *a, const char *path)
{
	const char *dot = strchr(path, '.'), *bracket = strchr(path, '[');
	if (bracket && (!dot || bracket < dot))
		return arena_printf(a, "%.*s[*]", (int)(bracket - path), path);
	return dot ? arena_strndup(a, path, (size_t)(dot - path)) : path;
}

static void
write_params(Cx *cx, Text *t)
{
	int64_t total = 0;
	for (int i = 0; i < cx->params.n; i++)
		total += elems(&cx->params.at[i]);
	text_printf(t, "\nparameters  %s in %d tensors\n", grouped(cx->arena, total), cx->params.n);
	for (int i = 0; i < cx->params.n;) {
		const char *owner = owner_of(cx->arena, cx->params.at[i].path);
		int64_t     n = 0;
		int         first = i;
		while (i < cx->params.n &&
		       !strcmp(owner_of(cx->arena, cx->params.at[i].path), owner))
			n += elems(&cx->params.at[i++]);
		text_printf(t, "  %-12s %15s", owner, grouped(cx->arena, n));
		if (i - first == 1)
			text_printf(t, "  %s", dims_text(cx->arena, &cx->params.at[first].axes));
		else
			text_printf(t, "  %d tensors", i - first);
		text_printf(t, "\n");
	}
}

static void
write_pruned(Cx *cx, Text *t)
{
	int n = 0;
	if (!cx->average)
		return;
	for (int i = 0; i < cx->params.n; i++)
		n += !cx->params.at[i].averaged;
	text_printf(t, "\naverage     %s follows %s; start = copy, mode = eval\n",
	            cx->average->name, cx->average->of->name);
	if (!n)
		return;
	text_printf(t, "  never used, so not kept:");
	for (int i = 0; i < cx->params.n; i++)
		if (!cx->params.at[i].averaged)
			text_printf(t, " %s", cx->params.at[i].path);
	text_printf(t, "\n");
}

static const char *
host_text(Cx *cx, Val v)
{
	const Node *n = &cx->spec->train->node[v];
	char        num[32];
	return n->op == OP_host ? n->attr.name
	                        : arena_strdup(cx->arena, text_double(num, n->attr.num));
}

static void
write_optimise(Cx *cx, Text *t)
{
	const Training *tr = &cx->spec->train->training;
	char            b1[32], b2[32], eps[32], clip[32];
	text_printf(t, "\nadamw       beta1 %s, beta2 %s, eps %s, clip %s\n",
	            text_double(b1, tr->beta1), text_double(b2, tr->beta2),
	            text_double(eps, tr->eps), tr->clip > 0 ? text_double(clip, tr->clip) : "none");
	for (int i = 0; i < cx->groups.n; i++) {
		const Group *g = &cx->groups.at[i];
		text_printf(t, "  group %-10s %4d tensors %15s  weight_decay = %s", g->name,
		            g->tensors, grouped(cx->arena, g->elems), g->decay_text);
		text_printf(t, g->lr != cx->lr ? ", lr = %s\n" : "\n", g->lr_text);
	}
	for (int i = 0; i < cx->spec->train->nout; i++) {
		const Output *o = &cx->spec->train->out[i];
		if (!strcmp(o->name, "lr") || !strcmp(o->name, "ema_decay"))
			text_printf(t, "  %-9s = %s\n", o->name, host_text(cx, o->val));
	}
}

static void
write_data(Cx *cx, Text *t)
{
	const DataSpec *d = &cx->spec->recipe.data;
	text_printf(t, "\ndata        source \"%s\" -> %s: %lld x %lld x %lld x %lld\n", d->source,
	            d->input, (long long)d->batch, (long long)d->channels, (long long)d->height,
	            (long long)d->width);
	for (int i = 0; i < d->ntransform; i++) {
		text_printf(t, "  %s", d->transform[i].name);
		for (int k = 0; k < d->transform[i].narg; k++) {
			char num[32];
			text_printf(t, " %s", text_double(num, d->transform[i].arg[k]));
		}
		text_printf(t, d->transform[i].filter ? " %s\n" : "\n", d->transform[i].filter);
	}
	for (int i = 0; i < cx->spec->recipe.ndraw; i++) {
		const DrawSpec *w = &cx->spec->recipe.draw[i];
		text_printf(t, "  draw %s = %s on %lld x %lld, at most %lld cells\n", w->input,
		            w->generator, (long long)w->gy, (long long)w->gx,
		            (long long)w->at_most);
	}
}

static void
write_run(Cx *cx, Text *t)
{
	const Recipe *r = &cx->spec->recipe;
	const Graph  *g = cx->spec->train;
	char          num[32];
	if (r->length_epochs > 0)
		text_printf(t, "\nrun         %s epochs", text_double(num, r->length_epochs));
	else
		text_printf(t, "\nrun         %lld steps", (long long)r->length_steps);
	text_printf(t, ", seed %llu, %d rank%s, global batch %lld\n", (unsigned long long)r->seed,
	            r->ranks, r->ranks == 1 ? "" : "s", (long long)(r->data.batch * r->ranks));
	text_printf(t, "  matrix work in %s, the average's in %s\n", dtype_name[g->matmul],
	            dtype_name[g->matmul_average]);
	if (*r->stop)
		text_printf(t, "  stops when %s\n", r->stop);
	text_printf(t, "  outputs");
	for (int i = 0; i < g->nout; i++)
		text_printf(t, " %s", g->out[i].name);
	text_printf(t, "\n");
}

void
summary_write(Cx *cx)
{
	Text *t = &cx->spec->summary;
	text_printf(t, "spec        %s\n\naxes\n", cx->spec->recipe.spec_name);
	for (int i = 0; i < cx->dims.n; i++)
		text_printf(t, "  %s%s\n", dim_text(cx->arena, cx->dims.at[i]),
		            cx->dims.at[i]->set ? "  (set)" : "");
	write_params(cx, t);
	write_pruned(cx, t);
	write_optimise(cx, t);
	write_data(cx, t);
	write_run(cx, t);
	for (int i = 0; i < cx->spec->nfeature; i++) {
		text_printf(t, "  feature %s ", cx->spec->feature[i]->name);
		type_print(t, &cx->spec->feature[i]->node[cx->spec->feature[i]->out[0].val].type);
		text_printf(t, "\n");
	}
}
