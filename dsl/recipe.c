/* recipe: the sections `data` and `run`: what the runtime must know that is not arithmetic.
 * Settings are looked up in closed lists; one that is unknown, given twice or missing is an error,
 * because a setting that is silently ignored is a run that is silently different. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

enum { MOST_RANKS = 1 << 20 };

const Decl *
section(Cx *cx, DeclKind kind, const char *word, bool required)
{
	const Decl *found = NULL;
	for (const Decl *d = cx->decls; d; d = d->next) {
		if (d->kind != kind)
			continue;
		if (found) {
			diag_error(d->loc, "duplicate", "a second section `%s`", word);
			diag_note(found->loc, "the first");
			return NULL;
		}
		found = d;
	}
	if (!found && required) {
		diag_error((Loc){cx->path, 1, 1, 0}, "missing-section",
		           "the spec has no section `%s`", word);
	}
	return found;
}

const Decl *
setting(const Decl *body, const char *name)
{
	for (const Decl *d = body; d; d = d->next)
		if (d->kind == DECL_setting && !strcmp(d->name, name))
			return d;
	return NULL;
}

Status
settings_known(const Decl *body, const char *where, const char *const *known, int n)
{
	for (const Decl *d = body; d; d = d->next) {
		bool ok = false;
		if (d->kind != DECL_setting)
			continue;
		for (int i = 0; i < n; i++)
			ok |= !strcmp(known[i], d->name);
		if (!ok) {
			diag_error(d->loc, "unknown-setting", "%s has no setting `%s`", where,
			           d->name);
			const char *near = text_nearest(d->name, known, n);
			if (near)
				diag_hint("did you mean `%s`?", near);
			return FAIL;
		}
		for (const Decl *o = body; o != d; o = o->next) {
			if (o->kind == DECL_setting && o->name == d->name) {
				diag_error(d->loc, "duplicate", "`%s` is set twice", d->name);
				diag_note(o->loc, "here it is already");
				return FAIL;
			}
		}
		if (d->value->next && strcmp(d->name, "augment") != 0)
			return diag_error(d->value->next->loc, "setting-value",
			                  "`%s` takes one value", d->name);
	}
	return OK;
}

/* A setting whose value must be a call of `form`; NULL value when absent and not required. */
static Status
form_setting(Cx *cx, const Decl *section_decl, const char *name, const char *form, bool required,
             Value *out)
{
	Frame       f = {.cx = cx};
	const Decl *s = setting(section_decl->body, name);
	*out = (Value){.kind = V_none};
	if (!s && !required)
		return OK;
	if (!s) {
		diag_error(section_decl->loc, "missing-setting", "`%s` is not set", name);
		diag_hint("`%s = %s(..);`", name, form);
		return FAIL;
	}
	*out = lower(&f, s->value);
	if (out->kind == V_error)
		return FAIL;
	if (out->kind != V_form || strcmp(out->text, form) != 0)
		return diag_error(s->value->loc, "setting-value",
		                  "`%s` must be `%s(..)`, and this is %s", name, form,
		                  value_text(cx, out));
	return OK;
}

/* ---- data ----------------------------------------------------------------------------------- */

static Status
transform(Cx *cx, DataSpec *data, const Value *v)
{
	Transform *t = &data->transform[data->ntransform];
	t->name = v->text;
	if (!strcmp(v->text, "color_jitter")) {
		t->narg = 3;
	} else if (!strcmp(v->text, "flip")) {
		t->narg = 1;
	} else if (!strcmp(v->text, "resized_crop")) {
		if (v->item[0].num != (double)data->height || v->item[1].num != (double)data->width)
			return diag_error(v->loc, "crop-size",
			                  "the crop is %g x %g, and the objective takes images of "
			                  "%lld x %lld",
			                  v->item[0].num, v->item[1].num, (long long)data->height,
			                  (long long)data->width);
		if (!(v->item[2].num > 0 && v->item[2].hi <= 1 && v->item[2].num <= v->item[2].hi))
			return diag_error(v->item[2].loc, "bad-range",
			                  "the scale is a range of area fractions within 0 .. 1");
		if (strcmp(v->item[3].text, "bicubic") != 0 &&
		    strcmp(v->item[3].text, "bilinear") != 0)
			return diag_error(v->item[3].loc, "setting-value",
			                  "`filter` is `bicubic` or `bilinear`");
		t->narg = 2;
		t->arg[0] = v->item[2].num;
		t->arg[1] = v->item[2].hi;
		t->filter = v->item[3].text;
		data->ntransform++;
		return OK;
	} else {
		return diag_error(v->loc, "setting-value", "`%s` is no augmentation", v->text);
	}
	for (int i = 0; i < t->narg; i++)
		t->arg[i] = v->item[i].num;
	data->ntransform++;
	(void)cx;
	return OK;
}

static Status
augment(Cx *cx, const Decl *d, DataSpec *data)
{
	Frame       f = {.cx = cx};
	const Decl *s = setting(d->body, "augment");
	for (const Expr *e = s ? s->value : NULL; e; e = e->next) {
		Value v = lower(&f, e);
		if (v.kind == V_error)
			return FAIL;
		if (v.kind != V_form)
			return diag_error(e->loc, "setting-value",
			                  "`augment` lists color_jitter(..), flip(..), "
			                  "resized_crop(..), and this is %s",
			                  value_text(cx, &v));
		if (data->ntransform == COUNT(data->transform))
			return diag_error(e->loc, "setting-value", "more than %d transforms",
			                  COUNT(data->transform));
		TRY(transform(cx, data, &v));
	}
	return OK;
}

Status
recipe_data(Cx *cx, const Decl *objective)
{
	static const char *const known[] = {"train", "augment", "scale", "order"};
	const Decl              *d = section(cx, DECL_data, "data", true);
	DataSpec                *data = &cx->spec->recipe.data;
	const Decl              *p = objective->params;
	Frame                    f = {.cx = cx};
	Axes                     axes;
	Value                    v;
	if (!d)
		return FAIL;
	if (!p || p->next || p->type->kind)
		return diag_error(objective->loc, "objective-arguments",
		                  "an objective takes one argument: the images of a batch");
	TRY(scope_axes(&f, p->type->axes, "shape", &axes));
	if (axes.n != 4)
		return diag_error(
			p->type->loc, "objective-arguments",
			"images have four axes: samples, channels, rows, columns; this has %d",
			axes.n);
	data->input = p->name;
	data->batch = axes.at[0]->size;
	data->channels = axes.at[1]->size;
	data->height = axes.at[2]->size;
	data->width = axes.at[3]->size;
	if (data->channels > COUNT(data->mean))
		return diag_error(p->type->loc, "objective-arguments",
		                  "images have at most %d channels", COUNT(data->mean));
	TRY(settings_known(d->body, "data", known, COUNT(known)));
	TRY(form_setting(cx, d, "train", "images", true, &v));
	data->source = v.item[0].text;
	TRY(augment(cx, d, data));
	TRY(form_setting(cx, d, "scale", "mean_std", true, &v));
	for (int k = 0; k < 2; k++) {
		const Value *list = &v.item[k];
		if (list->n != (int)data->channels)
			return diag_error(list->loc, "channels", "%d numbers for %lld channels",
			                  list->n, (long long)data->channels);
		for (int i = 0; i < list->n; i++) {
			(k ? data->std : data->mean)[i] = list->item[i].num;
			if (k && !(list->item[i].num > 0))
				return diag_error(list->item[i].loc, "bad-number",
				                  "a standard deviation must be above 0");
		}
	}
	TRY(form_setting(cx, d, "order", "shuffle", true, &v));
	if (strcmp(v.item[0].text, "epoch") != 0 || strcmp(v.item[1].text, "drop") != 0)
		return diag_error(v.loc, "setting-value",
		                  "training takes `shuffle(each = epoch, remainder = drop)`");
	data->shuffle = data->drop_remainder = true;
	return OK;
}

/* ---- run ------------------------------------------------------------------------------------ */

static Status
whole(Cx *cx, const Decl *run, const char *name, double least, double *out)
{
	Frame       f = {.cx = cx};
	const Decl *s = setting(run->body, name);
	if (!s) {
		diag_error(run->loc, "missing-setting", "`%s` is not set", name);
		return FAIL;
	}
	Value v = lower_number(&f, s->value, arena_printf(cx->arena, "`%s`", name));
	if (v.kind == V_error)
		return FAIL;
	if (v.num != floor(v.num) || v.num < least || v.num > 4294967295.0)
		return diag_error(s->value->loc, "bad-number",
		                  "`%s` must be a whole number from %g", name, least);
	*out = v.num;
	return OK;
}

/* A period or length: epochs or steps. */
static Status
period(Cx *cx, const char *what, const Value *v, Loc loc, double *epochs, int64_t *steps)
{
	if (v->kind != V_number || !v->unit ||
	    (strcmp(v->unit, "epochs") != 0 && strcmp(v->unit, "steps") != 0))
		return diag_error(loc, "setting-value",
		                  "`%s` is a number of epochs or steps, and this is %s", what,
		                  value_text(cx, v));
	if (!(v->num > 0))
		return diag_error(loc, "bad-number", "`%s` must be above 0", what);
	if (!strcmp(v->unit, "epochs"))
		*epochs = v->num;
	else if (v->num == floor(v->num))
		*steps = (int64_t)v->num;
	else
		return diag_error(loc, "bad-number", "`%s` must be a whole number of steps", what);
	return OK;
}

/* A condition over outputs in the runtime's spelling. */
static Status
condition(Cx *cx, const Expr *e, Text *t)
{
	static const char *const spelled[] = {
		"||", "&&", "<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/"};
	Graph *g = cx->spec->train;
	switch (e->kind) {
	case EX_name: {
		const char *list[64];
		int         n = 0;
		for (int i = 0; i < g->nout && n < COUNT(list) - 1; i++)
			list[n++] = g->out[i].name;
		list[n++] = intern("grad_norm"); /* pass update makes it */
		for (int i = 0; i < n; i++) {
			if (list[i] == e->name) {
				text_printf(t, "%s", e->name);
				return OK;
			}
		}
		Frame   f = {.cx = cx};
		Binding b = scope_find(&f, e->name);
		char    num[32];
		if (b.kind == BIND_value && b.value.kind == V_number && !b.value.unit) {
			text_printf(t, "%s", text_double(num, b.value.num));
			return OK;
		}
		diag_error(e->loc, "unknown-output", "the step has no output `%s`", e->name);
		const char *near = text_nearest(e->name, list, n);
		if (near)
			diag_hint("did you mean `%s`?", near);
		else
			diag_hint("outputs are loss, lr, ema_decay, grad_norm and every `watch`");
		return FAIL;
	}
	case EX_number:
		expr_print(t, e);
		return OK;
	case EX_neg:
	case EX_not:
		text_printf(t, e->kind == EX_neg ? "-" : "!");
		text_printf(t, e->l->kind == EX_call ? "" : "(");
		TRY(condition(cx, e->l, t));
		text_printf(t, e->l->kind == EX_call ? "" : ")");
		return OK;
	case EX_binary:
		text_printf(t, e->parens ? "(" : "");
		TRY(condition(cx, e->l, t));
		text_printf(t, " %s ", spelled[e->op]);
		TRY(condition(cx, e->r, t));
		text_printf(t, e->parens ? ")" : "");
		return OK;
	case EX_call:
		if (e->l->kind == EX_name &&
		    (!strcmp(e->l->name, "finite") || !strcmp(e->l->name, "abs")) && e->args &&
		    !e->args->next && !e->args->name) {
			text_printf(t, "%s(", e->l->name);
			TRY(condition(cx, e->args->value, t));
			text_printf(t, ")");
			return OK;
		}
		break;
	default:
		break;
	}
	return diag_error(e->loc, "condition",
	                  "a condition is made of outputs, numbers, comparisons, and, or, not, "
	                  "finite(..) and abs(..)");
}

Status
recipe_run(Cx *cx)
{
	static const char *const known[] = {"length",    "seed",       "ranks",
	                                    "precision", "checkpoint", "stop"};
	const Decl              *run = section(cx, DECL_run, "run", true);
	Recipe                  *r = &cx->spec->recipe;
	Frame                    f = {.cx = cx};
	double                   x;
	Value                    v;
	if (!run)
		return FAIL;
	TRY(settings_known(run->body, "run", known, COUNT(known)));
	TRY(whole(cx, run, "seed", 0, &x));
	r->seed = (uint64_t)x;
	r->ranks = 1;
	const Decl *ranks = setting(run->body, "ranks");
	if (ranks) {
		TRY(whole(cx, run, "ranks", 1, &x));
		if (x > MOST_RANKS)
			return diag_error(ranks->value->loc, "bad-number", "`ranks` is at most %d",
			                  MOST_RANKS);
		r->ranks = (int)x;
	}
	const Decl *length = setting(run->body, "length");
	if (!length) {
		diag_error(run->loc, "missing-setting", "`length` is not set");
		diag_hint("`length = 800 epochs;`");
		return FAIL;
	}
	v = lower(&f, length->value);
	if (v.kind == V_error)
		return FAIL;
	TRY(period(cx, "length", &v, length->value->loc, &r->length_epochs, &r->length_steps));
	TRY(form_setting(cx, run, "checkpoint", "every", true, &v));
	TRY(period(cx, "period", &v.item[0], v.item[0].loc, &r->checkpoint_epochs,
	           &r->checkpoint_steps));
	if (v.item[1].num < 1 || v.item[1].num != floor(v.item[1].num))
		return diag_error(v.item[1].loc, "bad-number",
		                  "`keep` must be a whole number from 1");
	r->checkpoint_keep = (int)v.item[1].num;
	if (v.item[2].kind == V_word && strcmp(v.item[2].text, "yes") != 0 &&
	    strcmp(v.item[2].text, "no") != 0)
		return diag_error(v.item[2].loc, "setting-value", "`on_signal` is `yes` or `no`");
	r->checkpoint_on_signal = v.item[2].kind == V_word && !strcmp(v.item[2].text, "yes");
	r->stop = "";
	TRY(form_setting(cx, run, "stop", "when", false, &v));
	if (v.kind == V_form) {
		Text   t = {0};
		Status s = condition(cx, v.item[0].expr, &t);
		r->stop = s == OK ? intern(t.at) : "";
		text_free(&t);
		TRY(s);
	}
	return OK;
}

/* bf16 is never silently used for what people assume is f32: the list says what stays, and all of
 * it. */
Status
recipe_precision(Cx *cx, Dtype *matmul, Dtype *average)
{
	static const char *const must[] = {"params", "moments", "teacher", "norms", "loss"};
	static const char *const may[] = {"params", "moments", "teacher",
	                                  "norms",  "loss",    "targets"};
	const Decl              *run = section(cx, DECL_run, "run", true),
		   *s = run ? setting(run->body, "precision") : NULL;
	Frame f = {.cx = cx};
	*matmul = *average = DT_f32;
	if (!run)
		return FAIL;
	if (!s) {
		diag_error(run->loc, "missing-setting", "`precision` is not set");
		diag_hint("`precision = f32;` or `precision = bf16(keep_f32 = [params, moments, "
		          "teacher, norms, loss]);`");
		return FAIL;
	}
	Value v = lower(&f, s->value);
	if (v.kind == V_error)
		return FAIL;
	if (v.kind == V_word && !strcmp(v.text, "f32"))
		return OK;
	bool mixed = v.kind == V_form && !strcmp(v.text, "mixed");
	if (v.kind != V_form || (!mixed && strcmp(v.text, "bf16") != 0)) {
		diag_error(s->value->loc, "precision", "`precision` must say what stays in f32");
		diag_hint(
			"`f32`, `bf16(keep_f32 = [..])` or `mixed(f32 or bf16, keep_f32 = [..])`");
		return FAIL;
	}
	const Value *list = &v.item[mixed ? 1 : 0];
	if (mixed && strcmp(v.item[0].text, "f32") != 0 && strcmp(v.item[0].text, "bf16") != 0)
		return diag_error(v.item[0].loc, "precision",
		                  "`%s` is no type of matrix operands: f32 or bf16",
		                  v.item[0].text);
	bool targets = false;
	for (int i = 0; i < list->n; i++) {
		bool ok = false;
		for (int k = 0; k < COUNT(may); k++)
			ok |= !strcmp(may[k], list->item[i].text);
		targets |= !strcmp(list->item[i].text, "targets");
		if (ok)
			continue;
		diag_error(list->item[i].loc, "precision",
		           "`%s` is nothing whose type could be kept", list->item[i].text);
		diag_hint("params, moments, teacher, norms, loss; and targets: the teacher's whole "
		          "forward pass");
		return FAIL;
	}
	for (int k = 0; k < COUNT(must); k++) {
		bool found = false;
		for (int i = 0; i < list->n; i++)
			found |= !strcmp(must[k], list->item[i].text);
		if (found)
			continue;
		diag_error(list->loc, "precision-list",
		           "`keep_f32` does not list `%s`, and bf16 for it is not supported",
		           must[k]);
		diag_hint("`keep_f32 = [params, moments, teacher, norms, loss]`; add `targets` for "
		          "the teacher's forward pass");
		return FAIL;
	}
	if (mixed && !strcmp(v.item[0].text, "f32"))
		return OK;
	*matmul = DT_bf16;
	*average = targets ? DT_f32 : DT_bf16;
	return OK;
}
