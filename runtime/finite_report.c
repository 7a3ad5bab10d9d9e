/* What a person is told about the first bad value: the kernel and its lines of the spec, what it
 * read and wrote, where in the model that is, which samples do it, what can be done. */
#include "runtime/finite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* GROWN: no weight of a healthy model is as large */
enum { MOST_SHOWN = 8, MOST_LINES = 6, GROWN = 10000 };

typedef struct {
	Arena        *a;
	const Guard  *g;
	const Origin *origin;
	FILE         *to;
} Report;

/* ---- names ---------------------------------------------------------------------------------- */

static const char *
held_name(const Report *r, int value)
{
	const Exec *x = r->g->x;
	int         i = held_index(value);
	switch (held_kind(value)) {
	case HELD_variable:
		return x->p->recipe.var[i].name;
	case HELD_input:
		return arena_printf(r->a, "input %s", r->g->e->input[i].name);
	case HELD_scalar:
		return arena_printf(r->a, "number `%s`", r->g->e->scalar[i].expr);
	case HELD_table:
	case HELD_KINDS:
		break;
	}
	return "a table";
}

static const char *
step_name(const Report *r, int step)
{
	const ProgStep *s = &r->g->e->step[step];
	return s->kind == STEP_gemm ? "a product" : r->g->x->p->kernel[s->kernel].name;
}

static const char *
place_of(const Report *r, int step)
{
	Loc loc = r->g->e->step[step].loc;
	return loc.file ? arena_printf(r->a, "%s:%d", loc.file, loc.line) : "";
}

/* The step before `end` that wrote the value last, -1: none. */
static int
writer_of(const Report *r, int value, int end)
{
	Touches t = {0};
	for (int i = end - 1; i >= 0; i--) {
		touch_list(r->a, &r->g->e->step[i], &t);
		for (int k = 0; k < t.n; k++)
			if ((t.at[k].access & ACCESS_write) && t.at[k].written.value == value)
				return i;
	}
	return -1;
}

/* Without its folder: the whole path stands above, with the lines of the kernel. */
static const char *
short_place(const Report *r, int step)
{
	const char *place = place_of(r, step), *slash = strrchr(place, '/');
	return slash ? slash + 1 : place;
}

/* By its number, as program.d2p has it, when nothing else names it. */
static const char *
value_name(const Report *r, Named n, int nmore, int step)
{
	const Entry *e = r->g->e;
	const char  *more = nmore ? arena_printf(r->a, " and %d more", nmore) : "";
	if (n.value < 0)
		return arena_printf(r->a, "%s%s", held_name(r, n.value), more);
	for (int i = 0; i < e->noutput; i++)
		if (e->output[i].value == n.value)
			return arena_printf(r->a, "%s%s", e->output[i].name, more);
	int from = writer_of(r, n.value, step);
	if (from < 0)
		return arena_printf(r->a, "%%%d", n.value);
	return arena_printf(r->a, "%%%d of %s, %s%s", n.value, step_name(r, from),
	                    short_place(r, from), more);
}

/* ---- the kernel's lines of the spec: the comment that opens its text ------------------------ */

static void
print_lines(const Report *r, const ProgStep *s)
{
	char *text = NULL, *line;
	int   shown = 0;
	if (s->kind == STEP_launch) {
		const char *path = arena_printf(r->a, "%s/kernels/%s", r->g->x->folder,
		                                r->g->x->p->kernel[s->kernel].file);
		if (file_exists(path) && file_read(path, &text, NULL) != OK)
			text = NULL;
	}
	for (line = text; line && strncmp(line, " */", 3) != 0; line++) {
		char *end = strchr(line, '\n');
		if (end == NULL)
			break;
		if (strncmp(line, " *   ", 5) == 0 && shown++ < MOST_LINES)
			fprintf(r->to, "  %.*s\n", (int)(end - line - 5), line + 5);
		line = end;
	}
	if (shown == 0 && s->loc.file)
		fprintf(r->to, "  %s:%d\n", s->loc.file, s->loc.line);
	free(text);
}

/* ---- where in the model --------------------------------------------------------------------- */

/* Parameters that step i reads, up to MOST_SHOWN. */
static int
parameters_of(const Report *r, int i, const char *name[MOST_SHOWN])
{
	Touches t = {0};
	int     n = 0;
	touch_list(r->a, &r->g->e->step[i], &t);
	for (int k = 0; k < t.n; k++)
		for (int j = -1; j < t.at[k].nmore && n < MOST_SHOWN; j++) {
			int value = j < 0 ? t.at[k].read.value : t.at[k].more[j].value;
			if ((t.at[k].access & ACCESS_read) && value < 0 &&
			    held_kind(value) == HELD_variable)
				name[n++] = held_name(r, value);
		}
	return n;
}

/* The nearest parameter on the way to step i, or on the way from it: steps are followed by the
 * values they hand on. */
static const char *
nearest(const Report *r, int i, bool back)
{
	const Entry *e = r->g->e;
	bool        *near = arena_new_array(r->a, bool, e->nstep + 1);
	const char  *name[MOST_SHOWN];
	Touches      t = {0}, u = {0};
	int          at = i;
	near[i] = true;
	for (int j = back ? i - 1 : i + 1; back ? j >= 0 : j < r->g->before; j += back ? -1 : 1) {
		bool joined = false;
		touch_list(r->a, &e->step[j], &t);
		for (at = i; at != j && !joined; at += back ? -1 : 1) {
			if (!near[at])
				continue;
			touch_list(r->a, &e->step[at], &u);
			const Touches *from = back ? &t : &u, *to = back ? &u : &t;
			for (int k = 0; k < from->n * to->n && !joined; k++) {
				const Touch *w = &from->at[k % from->n], *x = &to->at[k / from->n];
				joined = (w->access & ACCESS_write) && (x->access & ACCESS_read) &&
				         w->written.value == x->read.value;
			}
		}
		near[j] = joined;
		if (joined && parameters_of(r, j, name) > 0)
			return name[0];
	}
	return NULL;
}

static void
print_where(const Report *r, int step)
{
	const char *name[MOST_SHOWN];
	int         n = parameters_of(r, step, name);
	if (n > 0) {
		fprintf(r->to, "  at       %s", name[0]);
		for (int i = 1; i < n; i++)
			fprintf(r->to, ", %s", name[i]);
		fprintf(r->to, "\n");
		return;
	}
	const char *before = nearest(r, step, true), *after = nearest(r, step, false);
	if (before)
		fprintf(r->to, "  after    %s\n", before);
	if (after)
		fprintf(r->to, "  before   %s\n", after);
}

/* ---- operands ------------------------------------------------------------------------------- */

static void
print_range(const Report *r, const char *what, const char *name, Dtype type, const Range *x)
{
	fprintf(r->to, "  %-7s  %-44s %-4s ", what, name, dtype_name[type]);
	if (x->lo <= x->hi)
		fprintf(r->to, "%11.4g .. %-11.4g", x->lo, x->hi);
	else
		fprintf(r->to, "%26s", "");
	if (x->nan + x->inf == 0)
		fprintf(r->to, " all %lld finite\n", (long long)x->n);
	else
		fprintf(r->to, " of %lld: %lld NaN, %lld infinite\n", (long long)x->n,
		        (long long)x->nan, (long long)x->inf);
}

static Status
print_operands(const Report *r, int step, Access which, double *grown)
{
	const Exec     *x = r->g->x;
	const ProgStep *s = &r->g->e->step[step];
	Touches         t = {0};
	Dtype          *type;
	touch_list(r->a, s, &t);
	touch_types(r->a, x->p, s, &t, &type);
	for (int i = 0; i < t.n; i++) {
		const Touch *o = &t.at[i];
		Range        range;
		if (!(o->access & which))
			continue;
		TRY(range_of(x, o, type[i], &range));
		double most = fmax(fabs(range.lo), fabs(range.hi));
		if (o->read.value < 0 && held_kind(o->read.value) == HELD_variable && most > *grown)
			*grown = most;
		if (which == ACCESS_read)
			print_range(r, "read", value_name(r, o->read, o->nmore, step), type[i],
			            &range);
		else
			print_range(r, "wrote", value_name(r, o->written, 0, step), type[i],
			            &range);
	}
	return OK;
}

/* ---- samples -------------------------------------------------------------------------------- */

static void
print_samples(const Report *r, const Blame *b, const uint32_t *ids, const Data *data)
{
	long long batch = (long long)r->g->x->p->recipe.data.batch;
	if (!b->able)
		return;
	if (b->all)
		fprintf(r->to,
		        "  samples  each of the %d that were tried does it alone: it is not the "
		        "data\n",
		        b->tried);
	else if (b->row.n == 0)
		fprintf(r->to, "  samples  none of the %lld alone does it, only several together\n",
		        batch);
	for (int i = 0; i < b->row.n && !b->all && i < MOST_SHOWN; i++) {
		fprintf(r->to, "  %-7s  %d of the batch", i == 0 ? "samples" : "", b->row.at[i]);
		if (ids)
			fprintf(r->to, ", id %u", ids[b->row.at[i]]);
		if (ids && data)
			fprintf(r->to, ", %s", data_sample_name(data, r->a, ids[b->row.at[i]]));
		fprintf(r->to, "\n");
	}
	if (b->row.n > MOST_SHOWN)
		fprintf(r->to, "           and %d more\n", b->row.n - MOST_SHOWN);
	if (b->more)
		fprintf(r->to, "           perhaps others: the search ended after %d trials\n",
		        b->tried);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static const char        advice_rate[] = "lower the learning rate, or lengthen its warm-up";
static const char *const advice_held[HELD_KINDS] = {
	[HELD_variable] =
		"the weights were bad before this step: look at the file they were read from",
	[HELD_input] = "the batch itself is bad: look at the file it was read from",
	[HELD_scalar] = "the schedule gives no finite number at this step: look at its formula",
	[HELD_table] = "",
};

static Status
report_held(const Report *r, const uint32_t *ids, const Data *data)
{
	int         value = r->origin->held;
	const char *name = held_name(r, value);
	Range       range;
	Dtype       type;
	Blame       blame = {0};
	TRY(held_range(r->g->x, r->g->e, value, &range, &type));
	fprintf(r->to, "first bad value: %s, before anything was computed\n", name);
	if (held_kind(value) == HELD_variable) {
		Loc loc = r->g->x->p->recipe.var[held_index(value)].loc;
		if (loc.file)
			fprintf(r->to, "  %s:%d\n", loc.file, loc.line);
	}
	print_range(r, "holds", name, type, &range);
	if (held_kind(value) == HELD_input)
		TRY(blame_input(r->a, r->g, held_index(value), &blame));
	print_samples(r, &blame, ids, data);
	fprintf(r->to, "hint: %s\n", advice_held[held_kind(value)]);
	return OK;
}

static Status
report_step(const Report *r, const uint32_t *ids, const Data *data)
{
	const Exec     *x = r->g->x;
	const ProgStep *s = &r->g->e->step[r->origin->step];
	int             at = r->origin->step;
	double          grown = 0; /* largest number in a variable that was read */
	Blame           blame;
	TRY(x->device->part(x->dev, r->g->e, 0, at));
	fprintf(r->to,
	        "first bad value: written by %s (%s), launch %d of %d of the step, though all it "
	        "read was finite\n",
	        step_name(r, at), s->what, at + 1, r->g->e->nstep);
	print_lines(r, s);
	print_where(r, at);
	TRY(print_operands(r, at, ACCESS_read, &grown));
	TRY(x->device->part(x->dev, r->g->e, at, at + 1));
	TRY(print_operands(r, at, ACCESS_write, &(double){0}));
	TRY(blame_samples(r->a, r->g, at, &blame));
	print_samples(r, &blame, ids, data);
	if (grown > GROWN)
		fprintf(r->to,
		        "hint: weights as large as %.3g: training had diverged before this step; "
		        "%s\n",
		        grown, advice_rate);
	else
		fprintf(r->to,
		        "hint: a number outgrew its type: look at the formula on that line (exp, "
		        "division, log, large "
		        "factors); compute in f32 where bf16 was asked for; %s\n",
		        advice_rate);
	return OK;
}

/* The ids of the batch, when the step itself uses them. */
static const uint32_t *
ids_of(Arena *a, const Guard *g)
{
	for (int i = 0; i < g->e->ninput; i++) {
		const Input *in = &g->e->input[i];
		uint32_t    *ids = arena_alloc(a, (size_t)type_bytes(&in->type));
		if (strcmp(in->name, "sample") == 0 && in->type.dtype == DT_u32 &&
		    g->x->device->get(g->x->dev, in->slab, in->offset, ids,
		                      type_bytes(&in->type)) == OK)
			return ids;
	}
	return NULL;
}

Status
finite_report(const Guard *g, const uint32_t *ids, const Data *data, FILE *to)
{
	Origin origin;
	Report r = {.a = arena_new(), .g = g, .origin = &origin, .to = to};
	Status s = OK;
	if (ids == NULL)
		ids = ids_of(r.a, g);
	if (g->x->device->part == NULL)
		fprintf(to,
		        "the device `%s` cannot run part of a step, so the first bad value was not "
		        "looked for\n",
		        g->x->device->name);
	else
		s = trace_origin(r.a, g, &origin);
	if (s == OK && g->x->device->part) {
		if (origin.untyped)
			fprintf(to,
			        "the program does not say the types of kernel %s, so the first bad "
			        "value was not "
			        "looked for: compile it again\n",
			        origin.untyped);
		else if (!origin.found)
			fprintf(to, "done again with every value looked at, nothing bad was seen "
			            "before the first "
			            "variable is written\n");
		else
			s = origin.held ? report_held(&r, ids, data) : report_step(&r, ids, data);
	}
	arena_free(r.a);
	return s;
}
