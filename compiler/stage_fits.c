/* Does the text of a graph fit a spec, that is: does it read and make what the spec's own graph
 * reads and makes at that stage? What is computed between is the business of whoever edited it.
 * Repairs nothing. */
#include "compiler/d2v_private.h"

#include <string.h>

static Status misfit(const Fit *f, Loc loc, const char *fmt, ...) PRINTF(3, 4);

static Status
misfit(const Fit *f, Loc loc, const char *fmt, ...)
{
	Text    t = {0};
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	diag_error(loc, "stage-fits", "%s does not fit the spec's graph @%s after %s: %s", f->file,
	           f->want->name, f->stage, t.at);
	diag_hint("`d2v compile SPEC --entry=%s --to=%s` prints a text that does", f->want->name,
	          f->stage);
	text_free(&t);
	return FAIL;
}

static bool
same_kind(const Type *a, const Type *b)
{
	if (a->dtype != b->dtype || a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++) {
		int k = type_find(b, a->axis[i].name);

		if (k < 0 || b->axis[k].size != a->axis[i].size)
			return false;
	}
	return true;
}

static const char *
type_text(const Type *t)
{
	Text        s = {0};
	const char *word;

	type_print(&s, t);
	word = intern(s.at);
	text_free(&s);
	return word;
}

static const Node *
find_named(const Graph *g, Op op, const char *name)
{
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == op && g->node[v].attr.name == name)
			return &g->node[v];
	return NULL;
}

static const char *
kind_of(Op op)
{
	return op == OP_input ? "input" : op == OP_param ? "variable" : "the new value of variable";
}

/* Every node of this op in the text is one that the spec has, of the same type. */
static Status
fit_named(const Fit *f, Op op)
{
	for (Val v = 0; v < f->have->n; v++) {
		const Node *n = &f->have->node[v], *there;

		if (n->op != op)
			continue;
		there = find_named(f->want, op, n->attr.name);
		if (!there)
			there = find_named(f->lowered, op, n->attr.name);
		if (!there)
			return misfit(f, n->loc, "%s \"%s\" is not the spec's", kind_of(op),
			              n->attr.name);
		if (!same_kind(&n->type, &there->type))
			return misfit(f, n->loc, "%s \"%s\" is %s, the spec's is %s", kind_of(op),
			              n->attr.name, type_text(&n->type), type_text(&there->type));
	}
	return OK;
}

static Status
fit_outputs(const Fit *f)
{
	const Graph *w = f->want, *h = f->have;

	for (Val v = 0; v < w->n; v++)
		if (w->node[v].op == OP_assign && !find_named(h, OP_assign, w->node[v].attr.name))
			return misfit(f, (Loc){0}, "it gives variable \"%s\" no new value",
			              w->node[v].attr.name);
	for (int i = 0; i < w->nout; i++) {
		const Type *t = &w->node[w->out[i].val].type, *u;
		int         k = 0;

		while (k < h->nout && h->out[k].name != w->out[i].name)
			k++;
		if (k == h->nout)
			return misfit(f, (Loc){0}, "it has no output %s", w->out[i].name);
		u = &h->node[h->out[k].val].type;
		if (!same_kind(t, u))
			return misfit(f, h->node[h->out[k].val].loc,
			              "output %s is %s, the spec's is %s", w->out[i].name,
			              type_text(u), type_text(t));
	}
	for (int k = 0; k < h->nout; k++) {
		int i = 0;

		while (i < w->nout && w->out[i].name != h->out[k].name)
			i++;
		if (i == w->nout)
			return misfit(f, h->node[h->out[k].val].loc, "output %s is not the spec's",
			              h->out[k].name);
	}
	return OK;
}

static Status
fit_training(const Fit *f)
{
	const Training *w = &f->want->training, *h = &f->have->training;

	if (w->present != h->present)
		return misfit(f, (Loc){0},
		              w->present ? "it has no training lines" : "it has training lines");
	for (int i = 0; i < w->nupdate; i++) {
		int k = 0;

		while (k < h->nupdate && h->update[k].param != w->update[i].param)
			k++;
		if (k == h->nupdate)
			return misfit(f, (Loc){0}, "it does not update \"%s\"", w->update[i].param);
		if (h->update[k].average != w->update[i].average)
			return misfit(f, h->update[k].loc,
			              "the update of \"%s\" has another average",
			              w->update[i].param);
	}
	if (w->nupdate != h->nupdate)
		return misfit(f, (Loc){0}, "it has %d updates, the spec's has %d", h->nupdate,
		              w->nupdate);
	return OK;
}

/* What pass plan decides for several graphs at once. */
static Status
fit_places(const Fit *f)
{
	const Graph *w = f->want, *h = f->have;

	if (w->nslab != h->nslab)
		return misfit(f, (Loc){0}, "it has %d slabs, the spec's has %d", h->nslab,
		              w->nslab);
	for (int s = 0; s < w->nslab; s++)
		if (w->slab[s].name != h->slab[s].name)
			return misfit(f, (Loc){0}, "slab %d is %s, the spec's is %s", s,
			              h->slab[s].name, w->slab[s].name);
	for (Val v = 0; w->nslab && v < h->n; v++) {
		const Node *n = &h->node[v],
			   *there =
				   n->op == OP_param ? find_named(w, OP_param, n->attr.name) : NULL;

		if (there &&
		    (n->place.slab != there->place.slab || n->place.offset != there->place.offset))
			return misfit(f, n->loc,
			              "variable \"%s\" does not lie where the spec's does",
			              n->attr.name);
	}
	return OK;
}

Status
stage_fits(const Fit *f)
{
	const Graph *w = f->want, *h = f->have;

	if (w->name != h->name)
		return misfit(f, (Loc){0}, "it is graph @%s", h->name);
	if (w->batch_axis != h->batch_axis)
		return misfit(f, (Loc){0}, "its batch axis is %s",
		              h->batch_axis ? h->batch_axis : "missing");
	if (w->target.attend_tokens != h->target.attend_tokens ||
	    w->target.attend_width != h->target.attend_width || w->recompute != h->recompute)
		return misfit(f, (Loc){0}, "it was made with another --target or --recompute");
	TRY(fit_named(f, OP_input));
	TRY(fit_named(f, OP_param));
	TRY(fit_named(f, OP_assign));
	TRY(fit_outputs(f));
	TRY(fit_training(f));
	return fit_places(f);
}
