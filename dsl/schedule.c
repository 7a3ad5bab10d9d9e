/* schedule: numbers that change with the step -> host expressions (the language of runtime.h,
 * expr.c). A schedule is segments one after the other; step s counts from 0, spe is steps per
 * epoch, steps the length of the run.
 *
 *   constant(v, over)        v
 *   warmup(n, from, to)      from + (to - from) * k / (n - 1): the last step of the segment has `to`
 *   linear(from, to, over)   from + (to - from) * k / n: the first step after the segment would have `to`
 *   cosine(from, to, over)   to + (from - to) / 2 * (1 + cos(pi * k / n))
 *
 * with k the step within the segment and n its length. `from` is where the segment before ended;
 * without `over` a segment lasts to the end of the run. After the last segment its `to` holds. */
#include "dsl/dsl_private.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* A length in steps as an expression. */
static const char *
length_text(Arena *a, const Value *v)
{
	char num[32];
	text_double(num, v->num);
	if (!strcmp(v->unit, "steps"))
		return arena_printf(a, v->num == floor(v->num) ? "%s" : "floor(%s)", num);
	return arena_printf(a, v->num == floor(v->num) ? "%s * spe" : "floor(%s * spe)", num);
}

typedef struct {
	const char  *name;
	const Value *over; /* or NULL: to the end */
	double       from, to;
	bool         has_from;
} Segment;

static Segment
segment(const Value *form)
{
	Segment      s = {.name = form->text};
	const Value *v = form->item;
	if (!strcmp(s.name, "constant")) {
		s.from = s.to = v[0].num;
		s.has_from = true;
		s.over = v[1].kind == V_none ? NULL : &v[1];
	} else if (!strcmp(s.name, "warmup")) {
		s.over = &v[0];
		s.from = v[1].num;
		s.to = v[2].num;
		s.has_from = true;
	} else {
		s.has_from = v[0].kind != V_none;
		s.from = v[0].num;
		s.to = v[1].num;
		s.over = v[2].kind == V_none ? NULL : &v[2];
	}
	return s;
}

/* The value within a segment; `start` is the step it begins at as an expression, "" for 0. */
static void
segment_print(Text *t, Arena *a, const Segment *s, const char *start)
{
	char        from[32], to[32], diff[32];
	const char *k = *start ? arena_printf(a, "(step - %s)", start) : "step";
	const char *n = s->over  ? length_text(a, s->over)
	                : *start ? arena_printf(a, "steps - %s", start)
	                         : "steps";
	text_double(from, s->from);
	text_double(to, s->to);
	if (s->from == s->to) {
		text_printf(t, "%s", to);
	} else if (!strcmp(s->name, "warmup")) {
		text_double(diff, s->to - s->from);
		text_printf(t, s->from != 0 ? "%s + " : "", from);
		text_printf(t, "%s * %s / max(%s - 1, 1)", diff, k, n);
	} else if (!strcmp(s->name, "linear")) {
		text_double(diff, s->to - s->from);
		text_printf(t, "%s + %s * min(%s / max(%s, 1), 1)", from, diff, k, n);
	} else {
		text_double(diff, (s->from - s->to) / 2);
		text_printf(t, "%s + %s * (1 + cos(pi * min(%s / max(%s, 1), 1)))", to, diff, k, n);
	}
}

static Status
lint_end(Cx *cx, const Value *v, const char *what)
{
	const Decl *run = NULL, *length;
	for (const Decl *d = cx->decls; d; d = d->next)
		if (d->kind == DECL_run)
			run = d;
	length = run ? setting(run->body, "length") : NULL;
	if (!length || !segment(&v->item[v->n - 1]).over)
		return OK;
	Frame  f = {.cx = cx};
	Value  l = lower(&f, length->value);
	double total = 0;
	for (int i = 0; i < v->n; i++) {
		Segment s = segment(&v->item[i]);
		if (l.kind != V_number || !l.unit || strcmp(s.over->unit, l.unit) != 0)
			return OK; /* epochs against steps: only the data says */
		total += s.over->num;
	}
	if (total < l.num)
		diag_warning(v->loc, "schedule-ends",
		             "the schedule of `%s` ends after %g %s, and the run lasts %g", what,
		             total, l.unit, l.num);
	return OK;
}

const char *
schedule_expr(Cx *cx, Value v, const char *what, Loc loc)
{
	Text        t = {0};
	const char *start = "";
	double      last = 0;
	if (v.kind != V_schedule) {
		diag_error(loc, "not-a-schedule",
		           "`%s` must be a number or a schedule, and this is %s", what,
		           value_text(cx, &v));
		return NULL;
	}
	for (int i = 0; i < v.n; i++) {
		Segment s = segment(&v.item[i]);
		bool    final = i + 1 == v.n;
		if (!s.has_from && i == 0) {
			diag_error(v.item[i].loc, "schedule-from",
			           "`%s` comes first, so it must say `from = ..`", s.name);
			text_free(&t);
			return NULL;
		}
		if (!s.over && !final) {
			diag_error(v.item[i].loc, "schedule-over",
			           "`%s` lasts to the end of the run, so nothing can follow it",
			           s.name);
			diag_hint("give its length: `over = 10 epochs`");
			text_free(&t);
			return NULL;
		}
		s.from = s.has_from ? s.from : last;
		last = s.to;
		const char *end = s.over ? length_text(cx->arena, s.over) : NULL;
		if (end && *start)
			end = arena_printf(cx->arena, "%s + %s", start, end);
		bool holds = final && strcmp(s.name, "warmup") !=
		                              0; /* the others stay at `to` by themselves */
		if (!holds)
			text_printf(&t, "step < %s ? ", end);
		segment_print(&t, cx->arena, &s,
		              *start ? (strchr(start, '+') ? arena_printf(cx->arena, "(%s)", start)
		                                           : start)
		                     : "");
		if (!holds)
			text_printf(&t, " : ");
		if (final && !holds) {
			char num[32];
			text_printf(&t, "%s", text_double(num, s.to));
		}
		start = end;
	}
	lint_end(cx, &v, what);
	const char *out = intern(t.at);
	text_free(&t);
	return out;
}

/* A rate or decay is not negative, and an average's decay not above 1; never infinite. */
static Status
check_range(const Value *v, const char *what, Loc loc)
{
	double lo = v->num, hi = v->num, most = !strcmp(what, "decay") ? 1 : DBL_MAX;
	if (v->kind == V_schedule) {
		lo = DBL_MAX;
		hi = 0;
		for (int i = 0; i < v->n; i++) {
			Segment s = segment(&v->item[i]);
			lo = fmin(lo, s.has_from ? fmin(s.from, s.to) : s.to);
			hi = fmax(hi, s.has_from ? fmax(s.from, s.to) : s.to);
		}
	} else if (v->kind != V_number)
		return OK;
	if (lo < 0)
		return diag_error(loc, "bad-number", "`%s` is negative", what);
	if (hi > most)
		return diag_error(loc, "bad-number",
		                  most == 1 ? "the `%s` of an average lies in 0 .. 1"
		                            : "`%s` is too large to compute with",
		                  what);
	return OK;
}

Val
schedule_value(Cx *cx, Value v, const char *what, Loc loc)
{
	Type scalar = {.dtype = DT_f32};
	if (v.kind == V_error || check_range(&v, what, loc) != OK)
		return NO_VAL;
	if (v.kind == V_number && !v.unit)
		return build_const(cx->g, v.num, loc);
	if (v.kind == V_schedule && v.n == 1 && !strcmp(v.item[0].text, "constant") &&
	    v.item[0].item[1].kind == V_none)
		return build_const(cx->g, v.item[0].item[0].num, loc);
	const char *expr = schedule_expr(cx, v, what, loc);
	return expr ? build_leaf(cx->g, OP_host, expr, &scalar, loc) : NO_VAL;
}
