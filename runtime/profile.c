/* Measured time of each step of an entry, held against its floor: the larger of its work and its bytes at what the device
 * reaches (compiler/program/cost.h). Summed up by kind of kernel, role, spec line and kernel, as text and as JSON. Predicts
 * nothing beyond the floor; launches and waits are in the measured time only. Work that is still in a cache can be faster
 * than its floor, which counts its bytes at the rate of the memory.
 *
 * The members of the JSON object (RUN/profile.json of `train --profile` has these after form, spec, entry, device, batch and
 * steps; `bench --json` after its own):
 *   "rates"      {"device", "source", "gemm_f32", "gemm_bf16", "attend_f32", "attend_bf16", "other", "bandwidth"}, operations
 *                and bytes a second, 0 where no step needed it; null when the device's are unknown: then every floor_ms is null
 *   "total"      one row over everything
 *   "kinds" "roles" "lines" "kernels"   arrays of rows, slowest first; names such as "gemm", "backward",
 *                "models/lib/vit.d2v:36", "gemm f32NT 2176 x 128 x 512". Each adds up to the total
 *   "launches"   one row for every step of the entry, in order, with "kind", "role" and "line" (null: none) besides
 * A row: "name", "calls" (steps of the entry that it sums up), "ms" (measured, mean of a run of the entry), "floor_ms",
 *   "bound" ("work" or "memory": which makes up more of the floor), "flops", "bytes", "forward" "backward" "teacher" "update"
 *   (measured ms by role); rows of kernels have "what" (role of the first call) too. */
#include "runtime/profile.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	const char *name, *where; /* where: said behind the name, or NULL */
	int         calls;
	double      seconds, floor, by_work, flops,
		bytes; /* by_work: of the floor, where work is the larger */
	double   role[ROLES];
	StepRole first;
} Row;
typedef struct {
	Row *at;
	int  n;
} Rows;
typedef struct {
	StepCost *cost; /* per step; seconds mean nothing without rates */
	double   *seconds;
	Row       total;
	Rows      kinds, roles, lines, kernels;
} Sums;

Status
profile_rates(Arena *a, Exec *x, const Rates **out)
{
	Rates *r = arena_new_one(a, Rates);
	*out = NULL;
	if (x->device->rates == NULL)
		return OK;
	TRY(x->device->rates(x->dev, r));
	if (r->device)
		*out = r;
	return OK;
}

/* ---- sums ----------------------------------------------------------------------------------- */

static void
row_add(Row *r, const ProgStep *s, const StepCost *c, double seconds)
{
	if (r->calls++ == 0)
		r->first = c->role;
	r->seconds += seconds;
	r->floor += c->seconds;
	r->by_work += c->by_work ? c->seconds : 0;
	r->flops += s->flops;
	r->bytes += s->bytes;
	r->role[c->role] += seconds;
}

static Row *
row_of(Rows *rows, const char *name)
{
	for (int i = 0; i < rows->n; i++)
		if (strcmp(rows->at[i].name, name) == 0)
			return &rows->at[i];
	rows->at[rows->n] = (Row){.name = name};
	return &rows->at[rows->n++];
}

static int
slowest_first(const void *a, const void *b)
{
	const Row *x = a, *y = b;
	return x->seconds > y->seconds   ? -1
	       : x->seconds < y->seconds ? 1
	                                 : strcmp(x->name, y->name);
}

/* Most time above the floor. */
static int
worst_first(const void *a, const void *b)
{
	const Row *x = a, *y = b;
	double     over = (x->seconds - x->floor) - (y->seconds - y->floor);
	return over > 0 ? -1 : over < 0 ? 1 : strcmp(x->name, y->name);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static Sums *
sums_of(Arena *a, const Profile *f)
{
	static const Rates any = {.gemm_f32 = 1,
	                          .gemm_bf16 = 1,
	                          .attend_f32 = 1,
	                          .attend_bf16 = 1,
	                          .other = 1,
	                          .bandwidth = 1};
	const Entry       *e = f->e;
	Sums              *s = arena_new_one(a, Sums);
	Rows              *all[] = {&s->kinds, &s->roles, &s->lines, &s->kernels};
	s->cost = entry_costs(a, f->p, e, f->rates ? f->rates : &any);
	s->seconds = arena_new_array(a, double, e->nstep + 1);
	s->total.name = "sum";
	for (int i = 0; i < COUNT(all); i++)
		all[i]->at = arena_new_array(a, Row, e->nstep + 1);
	for (int i = 0; i < e->nstep; i++) {
		StepCost *c = &s->cost[i];
		if (f->rates == NULL)
			c->seconds = 0;
		s->seconds[i] = f->seconds[i] / (double)(f->runs > 0 ? f->runs : 1);
		Row *kernel = row_of(&s->kernels, c->name);
		if (kernel->calls == 0 && e->step[i].kind == STEP_launch && e->step[i].loc.file)
			kernel->where = arena_printf(a, ", %s:%d", base_name(e->step[i].loc.file),
			                             e->step[i].loc.line);
		Row *row[] = {&s->total, row_of(&s->kinds, c->kind),
		              row_of(&s->roles, role_name[c->role]),
		              row_of(&s->lines, step_line(e->step[i].loc)), kernel};
		for (int k = 0; k < COUNT(row); k++)
			row_add(row[k], &e->step[i], c, s->seconds[i]);
	}
	for (int i = 0; i < COUNT(all); i++)
		qsort(all[i]->at, (size_t)all[i]->n, sizeof *all[i]->at, slowest_first);
	return s;
}

/* ---- text ----------------------------------------------------------------------------------- */

enum { WORST = 10 };

/* Milliseconds, or for the smallest models microseconds. */
static double
unit_of(double total, const char **name)
{
	*name = total < 2e-3 ? "us" : "ms";
	return total < 2e-3 ? 1e6 : 1e3;
}

static void
put_head(FILE *to, const char *name, double total)
{
	const char *unit;
	unit_of(total, &unit);
	fprintf(to, "\n%9s %6s %9s %6s %9s %5s %13s  %s\n", unit, "share", "floor", "times", "over",
	        "steps", "reached", name);
}

static const char *
work_text(char out[24], double rate)
{
	bool tera = rate >= 1e12;
	snprintf(out, 24, "%.1f %s", rate / (tera ? 1e12 : 1e9), tera ? "TFLOP/s" : "GFLOP/s");
	return out;
}

/* What was reached of that which bounds the row. */
static const char *
reached(char out[24], const Row *r)
{
	if (2 * r->by_work > r->floor)
		return work_text(out, r->flops / r->seconds);
	snprintf(out, 24, "%.1f GB/s   ", 1e-9 * r->bytes / r->seconds);
	return out;
}

static void
put_row(FILE *to, const Row *r, const Profile *f, double total)
{
	const char *name;
	char        rate[24];
	double      unit = unit_of(total, &name), times = r->floor > 0 ? r->seconds / r->floor : 0;
	fprintf(to, "%9.2f %5.1f%%", unit * r->seconds, total > 0 ? 100 * r->seconds / total : 0.0);
	if (f->rates && r->floor > 0 && r->seconds > 0)
		fprintf(to, " %9.2f %6.*f %9.2f %5d %13s", unit * r->floor, times < 100 ? 2 : 0,
		        times, unit * (r->seconds - r->floor), r->calls, reached(rate, r));
	else
		fprintf(to, " %9s %6s %9s %5d %13s", "-", "-", "-", r->calls, "-");
	fprintf(to, "  %s%s\n", r->name, r->where ? r->where : "");
}

static void
put_rows(FILE *to, Rows rows, const char *name, const Profile *f, double total)
{
	put_head(to, name, total);
	for (int i = 0; i < rows.n; i++)
		put_row(to, &rows.at[i], f, total);
}

/* The ten that lose most, and the others in one row; or all of them. */
static void
put_worst(FILE *to, Rows rows, const char *name, const Profile *f, double total)
{
	if (f->all || rows.n <= WORST) {
		put_rows(to, rows, name, f, total);
		return;
	}
	Row rest = {.name = arena_printf(f->a, "%d more", rows.n - WORST)};
	qsort(rows.at, (size_t)rows.n, sizeof *rows.at, worst_first);
	for (int i = WORST; i < rows.n; i++) {
		rest.calls += rows.at[i].calls;
		rest.seconds += rows.at[i].seconds;
		rest.floor += rows.at[i].floor;
		rest.by_work += rows.at[i].by_work;
		rest.flops += rows.at[i].flops;
		rest.bytes += rows.at[i].bytes;
	}
	rows.n = WORST;
	put_rows(to, rows, arena_printf(f->a, "%s (worst first)", name), f, total);
	put_row(to, &rest, f, total);
}

static void
put_rates(FILE *to, const Profile *f)
{
	const Rates *r = f->rates;
	char         x[24];
	if (r == NULL) {
		fprintf(to, "(no floors: what this device reaches is not known)\n");
		return;
	}
	fprintf(to, "\nA floor is work or bytes, whichever takes longer, at the best that the "
	            "device reaches:\n");
	fprintf(to, "gemm %s", work_text(x, r->gemm_f32));
	if (r->gemm_bf16 > 0)
		fprintf(to, ", in bf16 %s", work_text(x, r->gemm_bf16));
	fprintf(to, "; attention %s", work_text(x, r->attend_f32));
	if (r->attend_bf16 > r->attend_f32)
		fprintf(to, ", in bf16 %s", work_text(x, r->attend_bf16));
	fprintf(to, ";\nother work %s; memory %.0f GB/s\n(%s)\n", work_text(x, r->other),
	        1e-9 * r->bandwidth, r->source);
}

void
profile_text(FILE *to, const Profile *f)
{
	const Sums *s = sums_of(f->a, f);
	const char *name;
	double      total = s->total.seconds, unit = unit_of(total, &name);
	fprintf(to, "%s, %s on %s: kernels %.2f %s a step (mean of %lld)", f->p->recipe.spec_name,
	        f->e->name, f->device, unit * total, name, (long long)f->runs);
	if (f->rates && s->total.floor > 0)
		fprintf(to, ", %.2f times their floor", total / s->total.floor);
	fprintf(to, "\n");
	put_rates(to, f);
	put_rows(to, s->kinds, "kind of kernel", f, total);
	put_row(to, &s->total, f, total);
	put_rows(to, s->roles, "role", f, total);
	put_worst(to, s->lines, "spec line", f, total);
	put_worst(to, s->kernels, "kernel", f, total);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void
put_number(Text *t, const char *key, double x)
{
	char s[32];
	text_printf(t, ", \"%s\": %s", key, text_double(s, x));
}

/* Without its closing brace. */
static void
row_json(Text *t, const Row *r, const Profile *f)
{
	text_printf(t, "{\"name\": ");
	text_json(t, r->name);
	text_printf(t, ", \"calls\": %d", r->calls);
	put_number(t, "ms", 1e3 * r->seconds);
	if (f->rates) {
		put_number(t, "floor_ms", 1e3 * r->floor);
		text_printf(t, ", \"bound\": \"%s\"",
		            2 * r->by_work > r->floor ? "work" : "memory");
	} else {
		text_printf(t, ", \"floor_ms\": null, \"bound\": null");
	}
	put_number(t, "flops", r->flops);
	put_number(t, "bytes", r->bytes);
	for (int i = 0; i < ROLES; i++)
		put_number(t, role_name[i], 1e3 * r->role[i]);
}

static void
rows_json(Text *t, const char *key, const Rows *rows, const Profile *f)
{
	text_printf(t, ",\n\"%s\": [", key);
	for (int i = 0; i < rows->n; i++) {
		text_printf(t, "%s\n  ", i ? "," : "");
		row_json(t, &rows->at[i], f);
		text_printf(t, ", \"what\": \"%s\"}", role_name[rows->at[i].first]);
	}
	text_printf(t, "]");
}

static void
launches_json(Text *t, const Sums *s, const Profile *f)
{
	text_printf(t, ",\n\"launches\": [");
	for (int i = 0; i < f->e->nstep; i++) {
		const ProgStep *p = &f->e->step[i];
		Row             r = {.name = s->cost[i].name};
		row_add(&r, p, &s->cost[i], s->seconds[i]);
		text_printf(t, "%s\n  ", i ? "," : "");
		row_json(t, &r, f);
		text_printf(t, ", \"kind\": ");
		text_json(t, s->cost[i].kind);
		text_printf(t, ", \"role\": \"%s\", \"line\": ", role_name[s->cost[i].role]);
		if (p->loc.file)
			text_json(t, step_line(p->loc));
		else
			text_printf(t, "null");
		text_printf(t, "}");
	}
	text_printf(t, "]");
}

static void
rates_json(Text *t, const Rates *r)
{
	text_printf(t, "\"rates\": ");
	if (r == NULL) {
		text_printf(t, "null");
		return;
	}
	text_printf(t, "{\"device\": ");
	text_json(t, r->device);
	text_printf(t, ", \"source\": ");
	text_json(t, r->source);
	put_number(t, "gemm_f32", r->gemm_f32);
	put_number(t, "gemm_bf16", r->gemm_bf16);
	put_number(t, "attend_f32", r->attend_f32);
	put_number(t, "attend_bf16", r->attend_bf16);
	put_number(t, "other", r->other);
	put_number(t, "bandwidth", r->bandwidth);
	text_printf(t, "}");
}

void
profile_json(Text *t, const Profile *f)
{
	const Sums *s = sums_of(f->a, f);
	rates_json(t, f->rates);
	text_printf(t, ",\n\"total\": ");
	row_json(t, &s->total, f);
	text_printf(t, "}");
	rows_json(t, "kinds", &s->kinds, f);
	rows_json(t, "roles", &s->roles, f);
	rows_json(t, "lines", &s->lines, f);
	rows_json(t, "kernels", &s->kernels, f);
	launches_json(t, s, f);
}

static Status
write_all(const char *path, const Profile *f)
{
	Text t = {0};
	text_printf(&t, "{\"form\": 1, \"spec\": ");
	text_json(&t, f->p->recipe.spec_name);
	text_printf(&t, ", \"entry\": ");
	text_json(&t, f->e->name);
	text_printf(&t, ", \"device\": ");
	text_json(&t, f->device);
	text_printf(&t, ", \"batch\": %lld, \"steps\": %lld,\n", (long long)f->p->recipe.data.batch,
	            (long long)f->runs);
	profile_json(&t, f);
	text_printf(&t, "}\n");
	Status s = file_write_atomic(path, t.at, t.n);
	text_free(&t);
	return s;
}

Status
profile_run(Arena *a, Exec *x, const Entry *e, const double *seconds, int64_t runs, const char *run)
{
	Profile f = {.a = a,
	             .p = x->p,
	             .e = e,
	             .device = x->device->name,
	             .seconds = seconds,
	             .runs = runs};
	TRY(profile_rates(a, x, &f.rates));
	profile_text(stderr, &f);
	return write_all(arena_printf(a, "%s/profile.json", run), &f);
}
