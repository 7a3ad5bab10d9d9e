/* check: the rules about axes, and the messages when one is broken. A rule looks at types only;
 * what it allows, lower.c builds. Messages name axes with their sizes and equations and never guess
 * which of two sides was meant. */
#include "dsl/dsl_private.h"
#include <string.h>

void
dims_add(Axes *a, Dim *d)
{
	if (dims_has(a, d))
		return;
	if (a->n == MAX_RANK)
		BUG("more than %d axes", MAX_RANK);
	a->at[a->n++] = d;
}

bool
dims_has(const Axes *a, const Dim *d)
{
	for (int i = 0; i < a->n; i++)
		if (a->at[i] == d)
			return true;
	return false;
}

bool
dims_same(const Axes *a, const Axes *b)
{
	for (int i = 0; i < a->n; i++)
		if (!dims_has(b, a->at[i]))
			return false;
	return a->n == b->n;
}

Axes
dims_of(Cx *cx, Val v)
{
	const Type *t = &cx->g->node[v].type;
	Axes        x = {0};
	for (int i = 0; i < t->rank; i++)
		dims_add(&x, scope_axis(cx, t->axis[i].name));
	return x;
}

Axis
dim_axis(const Dim *d)
{
	return (Axis){d->axis, d->size};
}

Type
dims_type(const Axes *x, Dtype dtype)
{
	Type t = {.dtype = dtype, .rank = x->n};
	for (int i = 0; i < x->n; i++)
		t.axis[i] = dim_axis(x->at[i]);
	return t;
}

const char *
dims_text(Arena *a, const Axes *x)
{
	Text t = {0};
	text_printf(&t, "[");
	for (int i = 0; i < x->n; i++)
		text_printf(&t, "%s%s", x->at[i]->axis, i + 1 < x->n ? ", " : "");
	text_printf(&t, "]");
	const char *s = arena_strdup(a, t.at);
	text_free(&t);
	return s;
}

const char *
dim_text(Arena *a, const Dim *d)
{
	if (d->like)
		return arena_printf(a, "%s like %s = %lld", d->axis, d->like->axis,
		                    (long long)d->size);
	if (d->eq && d->eq->kind != EX_number)
		return arena_printf(a, "%s = %s = %lld", d->axis, expr_text(a, d->eq),
		                    (long long)d->size);
	return arena_printf(a, "%s = %lld", d->axis, (long long)d->size);
}

void
note_dim(Cx *cx, const Dim *d)
{
	diag_note(d->loc, "%s", dim_text(cx->arena, d));
}

const char *
value_text(Cx *cx, const Value *v)
{
	switch (v->kind) {
	case V_number:
		return v->unit ? arena_printf(cx->arena, "a number of %s", v->unit) : "a number";
	case V_truth:
		return "a truth value";
	case V_word:
		return arena_printf(cx->arena, "the word `%s`", v->text);
	case V_string:
		return "a text";
	case V_none:
		return "`none`";
	case V_tensor: {
		Axes x = dims_of(cx, v->val);
		return arena_printf(cx->arena, "%s%s",
		                    cx->g->node[v->val].type.dtype == DT_bool ? "mask" : "",
		                    dims_text(cx->arena, &x));
	}
	case V_list:
		return arena_printf(cx->arena, "a list along %s", v->axis->axis);
	case V_range:
		return "a range";
	case V_items:
		return "a list in brackets";
	case V_init:
		return "an initial distribution";
	case V_form:
		return arena_printf(cx->arena, "what `%s` describes", v->text);
	case V_schedule:
		return "a schedule";
	case V_table:
		return arena_printf(cx->arena, "the table `%s`, whose axes have no names yet",
		                    v->text);
	case V_error:
		break;
	}
	return "nothing";
}

static bool
subset(const Axes *a, const Axes *b)
{
	for (int i = 0; i < a->n; i++)
		if (!dims_has(b, a->at[i]))
			return false;
	return true;
}

/* `+` and its like: one side's axes must all be on the other side. Otherwise [B, T] + [B, N] would
 * quietly be a table of all sums. `*` has no such rule, because products are what sums are made
 * of. */
Status
check_join(Cx *cx, const char *op, Loc loc, Val a, Val b)
{
	Axes x = dims_of(cx, a), y = dims_of(cx, b);
	Dim *only_x = NULL, *only_y = NULL;
	if (subset(&x, &y) || subset(&y, &x))
		return OK;
	for (int i = 0; i < x.n && !only_x; i++)
		if (!dims_has(&y, x.at[i]))
			only_x = x.at[i];
	for (int i = 0; i < y.n && !only_y; i++)
		if (!dims_has(&x, y.at[i]))
			only_y = y.at[i];
	diag_error(loc, "axes-differ",
	           "`%s` joins %s and %s, and axes %s and %s are not the same axis", op,
	           dims_text(cx->arena, &x), dims_text(cx->arena, &y), only_x->axis, only_y->axis);
	note_dim(cx, only_x);
	note_dim(cx, only_y);
	const Dim *sum = NULL, *part = NULL;
	for (int k = 0; k < only_x->npart; k++)
		if (only_x->part[k].dim == only_y)
			sum = only_x, part = only_y;
	for (int k = 0; k < only_y->npart; k++)
		if (only_y->part[k].dim == only_x)
			sum = only_y, part = only_x;
	if (sum)
		diag_hint("%s is a part of %s: `.. at %s` selects it, `concat(.. along %s)` puts "
		          "the rest beside it",
		          part->axis, sum->axis, part->axis, sum->axis);
	else if (only_x->like == only_y || only_y->like == only_x)
		diag_hint("one is like the other, so `.. as [..]` renames it");
	else
		diag_hint("one side of `%s` may lack axes of the other, but not both", op);
	return FAIL;
}

/* What is summed, normalised or picked over must be there. */
Status
check_over(Cx *cx, const Axes *over, Val v, Loc loc, const char *what)
{
	Axes have = dims_of(cx, v);
	for (int i = 0; i < over->n; i++) {
		if (dims_has(&have, over->at[i]))
			continue;
		diag_error(loc, "no-such-axis", "%s over %s, and %s has no axis %s", what,
		           over->at[i]->axis, dims_text(cx->arena, &have), over->at[i]->axis);
		note_dim(cx, over->at[i]);
		return FAIL;
	}
	return OK;
}

/* A value against the shape it is declared with. */
Status
check_declared(Cx *cx, const char *what, Loc loc, Loc declared, const Axes *want, const Value *v)
{
	Axes have = {0};
	if (v->kind == V_list) {
		have = v->n ? dims_of(cx, v->item[0].val) : have;
		if (have.n < MAX_RANK) {
			memmove(have.at + 1, have.at, sizeof *have.at * (size_t)have.n);
			have.at[0] = v->axis;
			have.n++;
		}
	} else if (v->kind == V_tensor) {
		have = dims_of(cx, v->val);
	} else if (v->kind != V_number) {
		return diag_error(loc, "not-a-tensor", "%s is declared %s, and this is %s", what,
		                  dims_text(cx->arena, want), value_text(cx, v));
	}
	if (dims_same(&have, want))
		return OK;
	diag_error(loc, "shape-differs", "this is %s, but %s is declared %s",
	           dims_text(cx->arena, &have), what, dims_text(cx->arena, want));
	diag_note(declared, "the declaration");
	const Dim *more = NULL, *less = NULL;
	for (int i = 0; i < have.n; i++)
		if (!dims_has(want, have.at[i]))
			note_dim(cx, more = have.at[i]);
	for (int i = 0; i < want->n; i++)
		if (!dims_has(&have, want->at[i]))
			note_dim(cx, less = want->at[i]);
	if (more && less && (more->like == less || less->like == more))
		diag_hint("%s is like %s, so `.. as %s` renames it",
		          more->like == less ? more->axis : less->axis,
		          more->like == less ? less->axis : more->axis, dims_text(cx->arena, want));
	else if (more && !less)
		diag_hint("axis %s is left: was it to be summed, or given in the declaration?",
		          more->axis);
	return FAIL;
}
