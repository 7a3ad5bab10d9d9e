/* train: the sections `objective` and `feature` -> graphs. An objective's argument becomes the
 * batch input, a draw a mask input that the runtime fills, `minimise` the loss and `watch` an
 * output. A feature graph is the same forward pass in evaluation mode, once per model named. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

void
graph_begin(Cx *cx, const char *name)
{
	int n = cx->models.n * cx->params.n;
	cx->g = graph_new(cx->arena, name);
	cx->leaf = arena_new_array(cx->arena, Val, n + 1);
	for (int i = 0; i < n; i++)
		cx->leaf[i] = NO_VAL;
	cx->sample = cx->step = cx->seed = NO_VAL;
	cx->batch = NULL;
}

Status
bind_params(Frame *f, const Decl *params)
{
	for (const Decl *p = params; p; p = p->next) {
		Axes axes;
		if (p->type->kind)
			return diag_error(p->type->loc, "objective-arguments",
			                  "masks are drawn, not given: `draw %s : ..`", p->name);
		TRY(scope_axes(f, p->type->axes, "shape", &axes));
		if (axes.n == 0)
			return diag_error(p->type->loc, "objective-arguments",
			                  "`%s` has no axis to count samples by", p->name);
		Type type = dims_type(&axes, DT_f32);
		if (!f->cx->batch) {
			f->cx->batch = axes.at[0];
			f->cx->g->batch_axis = axes.at[0]->axis;
		}
		binding_push(f->cx->arena, &f->locals, BIND_value, p->name, p->loc)->value =
			value_tensor(build_leaf(f->cx->g, OP_input, p->name, &type, p->loc),
		                     p->loc);
	}
	return OK;
}

/* ---- draws ---------------------------------------------------------------------------------- */

/* Is there a block of `area` cells or more that is smaller than the grid in both directions, for
 * some aspect? Sides are rounded, so they may come out half a cell less than they are. */
static bool
block_fits(const DrawSpec *d, double area)
{
	double high = (double)d->gy - 0.5, wide = (double)d->gx - 0.5;
	return d->gy > 1 && d->gx > 1 && area / (wide * wide) <= d->aspect_hi &&
	       high * high / area >= d->aspect_lo && area <= high * wide;
}

static Status
block_mask(Cx *cx, const Decl *d, const Value *v, const Axes *axes, DrawSpec *out)
{
	double cells = v->item[0].num * v->item[1].num;
	*out = (DrawSpec){.input = d->name, .site = d->name, .generator = v->text};
	for (int i = 0; i < 3; i++)
		if (v->item[i].num != floor(v->item[i].num) || v->item[i].num < 1)
			return diag_error(v->item[i].loc, "bad-number",
			                  "a whole number from 1 is needed here");
	out->gy = (int64_t)v->item[0].num;
	out->gx = (int64_t)v->item[1].num;
	out->at_most = (int64_t)v->item[2].num;
	out->area_lo = (int64_t)ceil(v->item[3].num);
	out->area_hi = (int64_t)floor(v->item[3].hi);
	out->aspect_lo = v->item[4].num;
	out->aspect_hi = v->item[4].hi;
	if (axes->n != 2 || axes->at[0] != cx->batch || (double)axes->at[1]->size != cells) {
		diag_error(d->loc, "mask-shape",
		           "the mask is %s, and the grid has %g x %g = %g cells per sample",
		           dims_text(cx->arena, axes), v->item[0].num, v->item[1].num, cells);
		for (int i = 0; i < axes->n; i++)
			note_dim(cx, axes->at[i]);
		return FAIL;
	}
	if ((double)out->at_most > cells) {
		diag_error(v->item[2].loc, "mask-quota",
		           "at most %lld cells of a grid of %g x %g = %g", (long long)out->at_most,
		           v->item[0].num, v->item[1].num, cells);
		return FAIL;
	}
	if (out->area_lo < 1 || out->area_hi < out->area_lo)
		return diag_error(v->item[3].loc, "bad-range",
		                  "the area is a range of cells from 1");
	if (!(out->aspect_lo > 0 && out->aspect_hi >= out->aspect_lo))
		return diag_error(v->item[4].loc, "bad-range",
		                  "the aspect is a range of ratios above 0");
	int64_t smallest = out->area_lo < out->at_most ? out->area_lo : out->at_most;
	if (!block_fits(out, (double)smallest)) {
		diag_error(v->loc, "mask-never",
		           "no block of %lld or more cells is smaller than a grid of %g x %g in "
		           "both directions, so nothing would ever be masked",
		           (long long)smallest, v->item[0].num, v->item[1].num);
		return FAIL;
	}
	/* A block is at most (rows - 1) x (columns - 1), and late gaps are smaller than the
	 * smallest block. */
	if ((double)out->at_most > cells - (double)out->area_lo)
		diag_warning(v->item[2].loc, "mask-unreachable",
		             "blocks of %lld or more cells will hardly ever cover %lld of %g cells",
		             (long long)out->area_lo, (long long)out->at_most, cells);
	return OK;
}

static Status
draw(Frame *f, const Decl *d)
{
	Cx     *cx = f->cx;
	Recipe *r = &cx->spec->recipe;
	Axes    axes;
	if (!d->type->kind || strcmp(d->type->kind, "mask") != 0) {
		diag_error(d->type->loc, "unknown-type", "what is drawn is a mask");
		diag_hint("`draw %s : mask[..] = block_mask(..);`", d->name);
		return FAIL;
	}
	TRY(scope_axes(f, d->type->axes, "shape", &axes));
	Value v = lower(f, d->value);
	if (v.kind == V_error)
		return FAIL;
	if (v.kind != V_form || strcmp(v.text, "block_mask") != 0)
		return diag_error(d->value->loc, "setting-value",
		                  "a mask is drawn by `block_mask(..)`, and this is %s",
		                  value_text(cx, &v));
	DrawSpec *more = arena_new_array(cx->arena, DrawSpec, r->ndraw + 1);
	if (r->ndraw)
		memcpy(more, r->draw, sizeof *more * (size_t)r->ndraw);
	r->draw = more;
	TRY(block_mask(cx, d, &v, &axes, &more[r->ndraw]));
	r->ndraw++;
	const DrawSpec *w = &more[r->ndraw - 1];
	Type            type = dims_type(&axes, DT_bool);
	binding_push(cx->arena, &f->locals, BIND_value, d->name, d->loc)->value = value_tensor(
		build_mask(cx->g, d->name, &type, axes.at[1]->axis, w->at_most, d->loc), d->loc);
	return OK;
}

/* ---- the objective -------------------------------------------------------------------------- */

static Status
scalar(Frame *f, const Decl *d, const char *what, Val *out)
{
	Value v = lower(f, d->value);
	if (v.kind == V_error)
		return FAIL;
	*out = lower_f32(f, v, d->value->loc);
	if (*out == NO_VAL)
		return FAIL;
	Axes axes = dims_of(f->cx, *out);
	if (axes.n == 0)
		return OK;
	diag_error(d->value->loc, "not-a-scalar", "%s must be a single number, and this is %s",
	           what, dims_text(f->cx->arena, &axes));
	diag_hint("`mean(%s) ..` takes the mean over all of it",
	          arena_strndup(f->cx->arena, dims_text(f->cx->arena, &axes) + 1,
	                        strlen(dims_text(f->cx->arena, &axes)) - 2));
	return FAIL;
}

static bool *
reached_from(const Graph *g, Arena *a, const Val *root, int n)
{
	bool *seen = arena_new_array(a, bool, g->n + 1);
	for (int i = 0; i < n; i++)
		seen[root[i]] = true;
	for (Val v = g->n - 1; v >= 0; v--)
		for (int i = 0; seen[v] && i < g->node[v].nin; i++)
			seen[g->node[v].in[i]] = true;
	return seen;
}

void
mark_used(Cx *cx)
{
	Graph *g = cx->g;
	Val   *root = arena_new_array(cx->arena, Val, g->nout + 1);
	for (int i = 0; i < g->nout; i++)
		root[i] = g->out[i].val;
	bool *seen = reached_from(g, cx->arena, root, g->nout);
	for (int m = 0; m < cx->models.n; m++) {
		for (int p = 0; p < cx->params.n; p++) {
			Val leaf = cx->leaf[m * cx->params.n + p];
			if (leaf != NO_VAL && seen[leaf] && cx->models.at[m]->of)
				cx->params.at[p].averaged = true;
		}
	}
}

/* The loss must depend on what is trained; parameters it does not depend on are reported. */
static Status
check_loss(Cx *cx, Loc loc)
{
	bool *seen = reached_from(cx->g, cx->arena, &cx->g->training.loss, 1), any = false;
	for (int m = 0; m < cx->models.n; m++) {
		for (int p = 0; p < cx->params.n; p++) {
			Val leaf = cx->leaf[m * cx->params.n + p];
			if (cx->models.at[m]->of || leaf == NO_VAL || !seen[leaf])
				continue;
			cx->params.at[p].reached = any = true;
		}
	}
	if (!any) {
		diag_error(loc, "loss-without-student",
		           "what is minimised does not depend on the model that is trained");
		for (int m = 0; m < cx->models.n; m++)
			if (cx->models.at[m]->of)
				diag_hint("an average such as `%s` is never differentiated",
				          cx->models.at[m]->name);
		return FAIL;
	}
	for (int p = 0; p < cx->params.n; p++)
		if (!cx->params.at[p].reached)
			diag_warning(
				cx->params.at[p].loc, "no-gradient",
				"the parameter `%s` has no part in the loss: it has no gradient",
				cx->params.at[p].path);
	return OK;
}

static Status
train_outputs(Cx *cx, const Decl *optimise)
{
	const Decl *lr = setting(optimise->body, "lr");
	Frame       f = {.cx = cx};
	if (!lr) {
		diag_error(optimise->loc, "missing-setting", "`lr` is not set");
		diag_hint("`lr = warmup(10 epochs, from = 0, to = 2e-3) then cosine(to = 1e-5);`");
		return FAIL;
	}
	cx->lr = schedule_value(cx, lower(&f, lr->value), "lr", lr->value->loc);
	if (cx->lr == NO_VAL)
		return FAIL;
	graph_output(cx->g, "lr", cx->lr);
	if (cx->average) {
		cx->ema = schedule_value(cx, cx->average->decay, "decay", cx->average->decl->loc);
		if (cx->ema == NO_VAL)
			return FAIL;
		graph_output(cx->g, "ema_decay", cx->ema);
	}
	return OK;
}

typedef struct {
	Output      watch[32];
	int         nwatch;
	const Decl *minimise;
} Wanted;

static Status
watch(Frame *f, const Decl *d, Wanted *w)
{
	static const char *const taken[] = {"loss", "lr", "ema_decay", "grad_norm", "epoch"};
	Val                      v;
	TRY(scalar(f, d, "what is watched", &v));
	if (w->nwatch == COUNT(w->watch))
		return diag_error(d->loc, "too-many", "more than %d watches", COUNT(w->watch));
	for (int i = 0; i < w->nwatch; i++)
		if (w->watch[i].name == d->name)
			return diag_error(d->loc, "duplicate", "`%s` is watched twice", d->name);
	for (int i = 0; i < COUNT(taken); i++)
		if (!strcmp(d->name, taken[i]))
			return diag_error(d->loc, "duplicate",
			                  "`%s` is in the log of every step already", d->name);
	w->watch[w->nwatch++] = (Output){d->name, v};
	return OK;
}

static Status
objective_statement(Frame *f, const Decl *d, Wanted *w)
{
	switch (d->kind) {
	case DECL_draw:
		if (draw(f, d) == OK)
			return OK;
		binding_push(f->cx->arena, &f->locals, BIND_value, d->name, d->loc)->value =
			value_error();
		return FAIL;
	case DECL_minimise:
		if (w->minimise) {
			diag_error(d->loc, "duplicate", "a second `minimise`");
			diag_note(w->minimise->loc, "the first");
			return FAIL;
		}
		w->minimise = d;
		return scalar(f, d, "what is minimised", &f->cx->g->training.loss);
	case DECL_watch:
		return watch(f, d, w);
	default:
		return statement(f, d);
	}
}

Status
train_build(Cx *cx)
{
	const Decl *o = section(cx, DECL_objective, "objective", true),
		   *opt = section(cx, DECL_optimise, "optimise", true);
	Frame  f = {.cx = cx};
	Wanted w = {.nwatch = 0};
	Status s = OK;
	if (!o || !opt)
		return FAIL;
	graph_begin(cx, "train");
	cx->spec->train = cx->g;
	TRY(recipe_precision(cx, &cx->g->matmul, &cx->g->matmul_average));
	TRY(bind_params(&f, o->params));
	for (const Decl *d = o->body; d; d = d->next)
		if (objective_statement(&f, d, &w) != OK)
			s = FAIL;
	TRY(s);
	if (!w.minimise) {
		diag_error(o->loc, "no-minimise", "the objective does not say what to minimise");
		diag_hint("`minimise mean(..) ..;`");
		return FAIL;
	}
	TRY(check_loss(cx, w.minimise->value->loc));
	cx->g->training.present = true;
	graph_output(cx->g, "loss", cx->g->training.loss);
	TRY(train_outputs(cx, opt));
	for (int i = 0; i < w.nwatch; i++)
		graph_output(cx->g, w.watch[i].name, w.watch[i].val);
	mark_used(cx);
	return OK;
}

/* ---- features ------------------------------------------------------------------------------- */

static Status
feature_graph(Cx *cx, const Decl *d, Model *m, Graph **out)
{
	Frame f = {.cx = cx, .in = m->root, .model = m, .fn = "feature", .path = ""};
	Axes  want;
	graph_begin(cx, intern_printf("%s.features", m->name));
	/* Nothing is assigned here, so pass cast could not tell an average from what is trained:
	 * all work of this graph belongs to the one model, whose precision it gets. */
	cx->g->matmul_average = cx->spec->train->matmul_average;
	cx->g->matmul = m->of ? cx->g->matmul_average : cx->spec->train->matmul;
	TRY(bind_params(&f, d->params));
	Value v = declared(&f, d->type, d->value,
	                   arena_printf(cx->arena, "the feature `%s`", d->name));
	if (v.kind == V_error || scope_axes(&f, d->type->axes, "shape", &want) != OK)
		return FAIL;
	if (v.kind == V_list && want.at[0] != v.axis) {
		diag_error(d->type->loc, "feature-shape",
		           "the feature has one part per %s, so %s comes first", v.axis->axis,
		           v.axis->axis);
		return FAIL;
	}
	int lead = v.kind == V_list;
	if (want.n != lead + 3 || want.at[lead] != cx->batch)
		return diag_error(d->type->loc, "feature-shape",
		                  "a feature has the axes samples, tokens, width, after the layers "
		                  "if there are several");
	cx->spec->recipe.layer_axis = lead ? v.axis->axis : NULL;
	Val t = lower_f32(&f, v, d->value->loc);
	if (t == NO_VAL)
		return FAIL;
	Type order = dims_type(&want, DT_f32);
	graph_output(cx->g, "feature", build_reorder(cx->g, t, &order, d->value->loc));
	mark_used(cx);
	graph_commit(cx->g);
	*out = cx->g;
	return OK;
}

Status
feature_build(Cx *cx)
{
	const Decl *d = section(cx, DECL_feature, "feature", false);
	Spec       *s = cx->spec;
	int         n = 0;
	if (!d)
		return diag_errors() ? FAIL : OK;
	if (!d->params || d->params->next || strcmp(d->params->name, s->recipe.data.input) != 0) {
		diag_error(d->loc, "feature-arguments",
		           "a feature takes one argument, `%s`, like the objective",
		           s->recipe.data.input);
		return FAIL;
	}
	for (const Name *m = d->of; m; m = m->next)
		n++;
	s->feature = arena_new_array(cx->arena, Graph *, n);
	cx->eval = true;
	for (const Name *name = d->of; name; name = name->next) {
		Model *m = model_find(cx, name->text);
		if (!m)
			return diag_error(name->loc, "unknown-model", "there is no model `%s`",
			                  name->text);
		TRY(feature_graph(cx, d, m, &s->feature[s->nfeature]));
		s->nfeature++;
	}
	cx->eval = false;
	return OK;
}
