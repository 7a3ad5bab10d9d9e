/* The page of a run: head, figures at a glance, results, curves, settings, parameters, memory. One
 * file that needs nothing else: styles, script and pictures are inside. The same log gives the same
 * bytes. */
#include "compiler/page/page.h"
#include "runtime/files_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 86,256,720 */
static const char *
thousands(Arena *a, int64_t x)
{
	char digits[24];
	Text t = {0};
	int  n = snprintf(digits, sizeof digits, "%" PRId64, x);
	for (int i = 0; i < n; i++)
		text_printf(&t, "%s%c", i && (n - i) % 3 == 0 && digits[i - 1] != '-' ? "," : "",
		            digits[i]);
	char *s = arena_strndup(a, t.at, t.n);
	text_free(&t);
	return s;
}

static const char *
bytes_text(Arena *a, double bytes)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	int                      k = 0;
	for (; bytes >= 1024 && k < COUNT(unit) - 1; k++)
		bytes /= 1024;
	return arena_printf(a, bytes < 10 && k ? "%.2f %s" : "%.0f %s", bytes, unit[k]);
}

static const char *
time_text(Arena *a, double s)
{
	if (s < 60)
		return arena_printf(a, "%.1f s", s);
	if (s < 3600)
		return arena_printf(a, "%d min %02d s", (int)s / 60, (int)s % 60);
	return arena_printf(a, "%" PRId64 " h %02d min", (int64_t)s / 3600,
	                    (int)((int64_t)s / 60 % 60));
}

/* The mean of the last fiftieth, ten values at least: one step says little. */
static double
recent(const Series *s)
{
	int    n = s->value.n, last = n / 50 > 10 ? n / 50 : n < 10 ? n : 10;
	double sum = 0;
	for (int i = n - last; i < n; i++)
		sum += s->value.at[i];
	return last ? sum / last : NAN;
}

static int
by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static double
median(Arena *a, const Series *s)
{
	if (!s->value.n)
		return NAN;
	double *v = arena_new_array(a, double, s->value.n);
	memcpy(v, s->value.at, sizeof *v * (size_t)s->value.n);
	qsort(v, (size_t)s->value.n, sizeof *v, by_value);
	return v[s->value.n / 2];
}

static int64_t
elements_of(const Recipe *r, VarKind kind)
{
	int64_t n = 0;
	for (int i = 0; i < r->nvar; i++)
		if (r->var[i].kind == kind)
			n += type_elems(&r->var[i].type);
	return n;
}

/* ---- figures at a glance -------------------------------------------------------------------- */

static void
tile(Text *out, const char *name, const char *value, const char *note)
{
	text_printf(out, "<div><dt>");
	html_text(out, name);
	text_printf(out, "</dt><dd>");
	html_text(out, value);
	if (*note)
		text_printf(out, " <small>");
	html_text(out, note);
	text_printf(out, "%s</dd></div>\n", *note ? "</small>" : "");
}

static const char *
rate_text(Arena *a, double x)
{
	return x < 1000 ? arena_printf(a, "%.3g", x) : thousands(a, llround(x));
}

static void
tiles(Arena *a, const Report *r, Text *out)
{
	const Recipe *c = &r->p->recipe;
	const Series *loss = run_log_series(&r->log, "loss"),
		     *rate = run_log_series(&r->log, "samples_per_second"),
		     *epoch = run_log_series(&r->log, "epoch");
	int64_t planned = 0;
	for (int i = 0; i < r->p->nslab; i++)
		planned += r->p->slab[i].bytes;
	text_printf(out, "<dl class=tiles>\n");
	const char *note =
		epoch && epoch->value.n
			? arena_printf(a, "epoch %g", epoch->value.at[epoch->value.n - 1])
			: "";
	tile(out, "Steps", thousands(a, r->log.last_step), note);
	if (loss && loss->value.n)
		tile(out, "Loss, recent mean", arena_printf(a, "%.4g", recent(loss)), "");
	if (rate && rate->value.n)
		tile(out, "Samples per second", rate_text(a, median(a, rate)), "median");
	tile(out, "Time", time_text(a, r->log.seconds), "");
	tile(out, "Parameters", thousands(a, elements_of(c, VAR_param)), "");
	tile(out, "Memory planned", bytes_text(a, (double)planned), "");
	text_printf(out, "</dl>\n");
}

/* ---- settings ------------------------------------------------------------------------------- */

static void
row(Text *out, const char *name, const char *value)
{
	text_printf(out, "<tr><th>");
	html_text(out, name);
	text_printf(out, "<td>");
	html_text(out, value);
	text_printf(out, "</tr>\n");
}

static const char *
augment_text(Arena *a, const DataSpec *d)
{
	Text t = {0};
	for (int i = 0; i < d->ntransform; i++) {
		const Transform *f = &d->transform[i];
		text_printf(&t, "%s%s(", i ? ", " : "", f->name);
		for (int k = 0; k < f->narg; k++)
			text_printf(&t, "%s%g", k ? ", " : "", f->arg[k]);
		text_printf(&t, "%s%s)", f->filter ? ", " : "", f->filter ? f->filter : "");
	}
	char *s = arena_strndup(a, t.n ? t.at : "none", t.n ? t.n : 4);
	text_free(&t);
	return s;
}

static const char *
checkpoint_text(Arena *a, const Recipe *c)
{
	const char *every = c->checkpoint_steps > 0 ? arena_printf(a, "every %" PRId64 " steps",
	                                                           c->checkpoint_steps)
	                    : c->checkpoint_epochs > 0
	                            ? arena_printf(a, "every %g epochs", c->checkpoint_epochs)
	                            : "at the end";
	return arena_printf(
		a, "%s%s%s", every,
		c->checkpoint_keep > 0 ? arena_printf(a, ", %d kept", c->checkpoint_keep) : "",
		c->checkpoint_on_signal ? ", on a signal" : "");
}

/* What the spec says, and the run's own where that is something else or counted otherwise. */
static const char *
length_text(Arena *a, const Report *r)
{
	const Recipe *c = &r->p->recipe;
	const char   *spec = c->length_epochs > 0
	                             ? arena_printf(a, "%g epochs", c->length_epochs)
	                             : arena_printf(a, "%s steps", thousands(a, c->length_steps));
	const char   *own = arena_printf(a, "%s steps", thousands(a, r->steps));
	if (r->steps <= 0 || r->steps == c->length_steps)
		return spec;
	return c->length_epochs > 0 ? arena_printf(a, "%s; this run %s", spec, own)
	                            : arena_printf(a, "%s (the spec says %s)", own, spec);
}

static void
settings(Arena *a, const Report *r, Text *out)
{
	const Recipe   *c = &r->p->recipe;
	const DataSpec *d = &c->data;
	text_printf(out, "<div><h2>Settings</h2>\n<div class=table><table><tbody>\n");
	row(out, "Length", length_text(a, r));
	row(out, "Batch", arena_printf(a, "%" PRId64 " samples", d->batch));
	row(out, "Input",
	    arena_printf(a, "%s from %s: %" PRId64 " × %" PRId64 " × %" PRId64,
	                 d->input ? d->input : "?", d->source ? d->source : "?", d->channels,
	                 d->height, d->width));
	row(out, "Augmentation", augment_text(a, d));
	for (int i = 0; i < c->ndraw; i++)
		row(out, "Mask",
		    arena_printf(a, "%s: %s on %" PRId64 " × %" PRId64 ", at most %" PRId64,
		                 c->draw[i].input, c->draw[i].generator, c->draw[i].gy,
		                 c->draw[i].gx, c->draw[i].at_most));
	row(out, "Seed", arena_printf(a, "%" PRIu64, c->seed));
	row(out, "Checkpoints", checkpoint_text(a, c));
	if (c->stop && *c->stop)
		row(out, "Stops when", c->stop);
	row(out, "Device", r->p->target);
	if (r->p->needs && *r->p->needs)
		row(out, "Processor needs", r->p->needs);
	text_printf(out, "</tbody></table></div></div>\n");
}

/* ---- what the program is -------------------------------------------------------------------- */

static void
bar_row(Text *out, const char *name, const char *value, double share)
{
	text_printf(out, "<tr><td>");
	html_text(out, name);
	text_printf(out, "<td class=n>");
	html_text(out, value);
	text_printf(out, "<td class=bars><span class=bar style=\"width:%.1f%%\"></span></tr>\n",
	            100 * share);
}

/* Parameters by the first part of their names, `[3]` shown as `[..]`. */
static void
parameters(Arena *a, const Report *r, Text *out)
{
	typedef struct {
		const char *name;
		int64_t     n;
	} Part;
	Vec(Part) part = {0};
	const Recipe *c = &r->p->recipe;
	int64_t       all = elements_of(c, VAR_param);
	for (int i = 0; i < c->nvar; i++) {
		if (c->var[i].kind != VAR_param)
			continue;
		size_t      n = strcspn(c->var[i].name, ".[");
		const char *name = arena_printf(a, "%.*s%s", (int)n, c->var[i].name,
		                                c->var[i].name[n] == '[' ? "[..]" : "");
		int         k = 0;
		while (k < part.n && strcmp(part.at[k].name, name))
			k++;
		if (k == part.n)
			vec_push(a, &part, (Part){name, 0});
		part.at[k].n += type_elems(&c->var[i].type);
	}
	text_printf(out, "<div><h2>Parameters</h2>\n<div class=table><table><tbody>\n");
	for (int k = 0; k < part.n; k++)
		bar_row(out, part.at[k].name, thousands(a, part.at[k].n),
		        all ? (double)part.at[k].n / (double)all : 0);
	text_printf(out, "</tbody></table></div></div>\n");
}

static void
memory(Arena *a, const Report *r, Text *out)
{
	int64_t all = 0;
	for (int i = 0; i < r->p->nslab; i++)
		all += r->p->slab[i].bytes;
	text_printf(out, "<div><h2>Memory</h2>\n<div class=table><table><tbody>\n");
	for (int i = 0; i < r->p->nslab; i++)
		bar_row(out, r->p->slab[i].name, bytes_text(a, (double)r->p->slab[i].bytes),
		        all ? (double)r->p->slab[i].bytes / (double)all : 0);
	text_printf(out, "</tbody></table></div>\n");
	const Entry *e = program_entry(r->p, "train");
	if (e) {
		int    gemms = 0;
		double flops = 0;
		for (int i = 0; i < e->nstep; i++) {
			gemms += e->step[i].kind == STEP_gemm;
			flops += e->step[i].flops;
		}
		text_printf(out,
		            "<p class=note>One training step: %d launches, of which %d matrix "
		            "products; %.4g GFLOP.</p>\n",
		            e->nstep, gemms, flops / 1e9);
	}
	text_printf(out, "</div>\n");
}

void
report_html(Arena *a, const Report *r, Text *out)
{
	const Recipe *c = &r->p->recipe;
	text_printf(out,
	            "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
	            "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>");
	html_text(out, c->spec_name);
	text_printf(out, "</title>\n<style>\n%s</style></head>\n<body><main>\n<h1>", report_style);
	html_text(out, c->spec_name);
	text_printf(out, "</h1>\n<p class=hash>spec ");
	html_text(out, c->spec_hash);
	if (c->edited) {
		text_printf(out, " · edited: ");
		html_text(out, c->edited);
	}
	text_printf(out, "</p>\n");
	tiles(a, r, out);
	report_results(out, &r->results);
	report_charts(a, out, &r->log);
	text_printf(out, "<div class=tables>\n");
	settings(a, r, out);
	parameters(a, r, out);
	memory(a, r, out);
	text_printf(out, "</div>\n</main>\n<script>\n%s</script>\n</body></html>\n", report_script);
}
