/* The ledger as a page for people: memory, its peak and what makes it, a timeline, time by role, kind, kernel and line. */
#include "compiler/ledger/ledger_private.h"

#include <stdlib.h>
#include <string.h>

enum { TOP = 12, WIDE = 64, TALL = 8, LINE_TEXT = 60 };

const char *
size_text(char out[24], double bytes)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	int                      u = 0;

	while (bytes >= 1023.95 && u + 1 < COUNT(unit)) {
		bytes /= 1024;
		u++;
	}
	snprintf(out, 24, u ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
	return out;
}

/* 12.3 G, for work */
static const char *
count_text(char out[24], double x)
{
	static const char *const unit[] = {"", " k", " M", " G", " T", " P"};
	int                      u = 0;

	while (x >= 999.95 && u + 1 < COUNT(unit)) {
		x /= 1000;
		u++;
	}
	snprintf(out, 24, u ? "%.1f%s" : "%.0f%s", x, unit[u]);
	return out;
}

static const char *
time_text(char out[24], double seconds)
{
	if (seconds >= 1)
		snprintf(out, 24, "%.2f s", seconds);
	else if (seconds >= 1e-3)
		snprintf(out, 24, "%.2f ms", 1e3 * seconds);
	else
		snprintf(out, 24, "%.2f us", 1e6 * seconds);
	return out;
}

static double
share(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

/* ---- head ------------------------------------------------------------------------------------------------ */

static void
put_head(const Ledger *l, Text *t)
{
	const Program *p = l->program;
	const Rates   *r = &l->rates;
	char           w[24], b[24], s[24];

	text_printf(t, "%s for %s, %s: %d steps, %s operations, %s moved, at least %s\n", p->recipe.spec_name, p->target, l->entry->name,
	            l->entry->nstep, count_text(w, l->flops), size_text(b, l->bytes), time_text(s, l->seconds));
	text_printf(t, "rates of %s", r->device);
	if (rates_find(r->device) && rates_find(r->device)->per_core)
		text_printf(t, ", %d core%s", l->cores, l->cores == 1 ? "" : "s");
	text_printf(t, ": gemm %sFLOP/s f32", count_text(w, r->gemm_f32));
	text_printf(t, ", %sFLOP/s bf16", count_text(w, r->gemm_bf16));
	text_printf(t, "; attention %s, %s", count_text(w, r->attend_f32), count_text(b, r->attend_bf16));
	text_printf(t, "; other %s", count_text(w, r->other));
	text_printf(t, "; memory %sB/s\n(%s)\n", count_text(w, r->bandwidth), r->source);
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

static void
put_memory(const Ledger *l, Text *t)
{
	const Program *p = l->program;
	char           s[24];

	text_printf(t, "\n%-14s %16s %12s %6s  %s\n", "memory", "bytes", "", "share", "slabs");
	for (int o = 0; o < OWNERS; o++) {
		bool first = true;

		if (!l->owner[o])
			continue;
		text_printf(t, "%-14s %16lld %12s %5.1f%%  ", owner_name[o], (long long)l->owner[o], size_text(s, (double)l->owner[o]),
		            share((double)l->owner[o], (double)l->total));
		for (int i = 0; i < p->nslab; i++)
			if (l->slab_owner[i][o]) {
				text_printf(t, "%s%s", first ? "" : " ", p->slab[i].name);
				first = false;
			}
		text_printf(t, "\n");
	}
	text_printf(t, "%-14s %16lld %12s         what the device allocates; libraries' workspace comes on top\n", "total",
	            (long long)l->total, size_text(s, (double)l->total));
}

static int
by_peak(const void *a, const void *b)
{
	const LedgerRow *x = *(LedgerRow *const *)a, *y = *(LedgerRow *const *)b;

	if (x->at_peak != y->at_peak)
		return x->at_peak > y->at_peak ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The text of a spec line, cut short. */
static void
put_line_text(Loc loc, Text *t)
{
	int         len = 0;
	const char *line = loc.file ? diag_source_line(loc.file, loc.line, &len) : NULL;

	if (!line)
		return;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (len > LINE_TEXT)
		text_printf(t, "  %.*s..", LINE_TEXT - 2, line);
	else
		text_printf(t, "  %.*s", len, line);
}

static int
name_width(LedgerRow *const *row, int n)
{
	int w = 4;

	for (int i = 0; i < n && i < TOP; i++)
		if ((int)strlen(row[i]->name) > w)
			w = (int)strlen(row[i]->name);
	return w;
}

static void
put_peak(Arena *a, const Ledger *l, Text *t)
{
	LedgerRow     **row = arena_new_array(a, LedgerRow *, l->lines.n + 1);
	const ProgStep *s;
	char            x[24], y[24];
	int             n = 0, wide;

	if (l->peak < 0)
		return;
	s = &l->entry->step[l->peak];
	text_printf(t, "\npeak: %s of activations live (in %s) at step %d of %d, %s, %s", size_text(x, (double)l->peak_bytes),
	            size_text(y, (double)l->act_bytes), l->peak + 1, l->entry->nstep, l->step[l->peak].name, s->what);
	if (s->loc.file)
		text_printf(t, ", %s:%d", s->loc.file, s->loc.line);
	text_printf(t, "\n%12s %6s %6s  made by line\n", "alive then", "share", "values");
	for (int i = 0; i < l->lines.n; i++)
		if (l->lines.at[i].at_peak)
			row[n++] = &l->lines.at[i];
	qsort(row, (size_t)n, sizeof *row, by_peak);
	wide = name_width(row, n);
	for (int i = 0; i < n && i < TOP; i++) {
		text_printf(t, "%12s %5.1f%% %6d  %-*s", size_text(x, (double)row[i]->at_peak),
		            share((double)row[i]->at_peak, (double)l->peak_bytes), row[i]->values_at_peak, wide, row[i]->name);
		put_line_text(row[i]->loc, t);
		text_printf(t, "\n");
	}
	if (n > TOP)
		text_printf(t, "%12s %6s %6s  %d more lines\n", "", "", "", n - TOP);
}

/* ---- timeline ------------------------------------------------------------------------------------------------ */

static void
put_timeline(const Ledger *l, Text *t)
{
	static const char letter[ROLES] = {'F', 'B', 'T', 'U'};
	int64_t           most[WIDE] = {0};
	double            in[WIDE][ROLES] = {{0}}, at = 0;
	char              s[24];

	if (l->peak < 0 || l->peak_bytes == 0 || l->seconds <= 0)
		return;
	for (int i = 0; i < l->entry->nstep; i++) {
		double end = at + l->step[i].seconds;
		int    from = (int)(WIDE * at / l->seconds), to = (int)(WIDE * end / l->seconds);

		for (int c = from; c <= to && c < WIDE; c++) {
			double x0 = l->seconds * c / WIDE, x1 = l->seconds * (c + 1) / WIDE;

			if (l->live[i] > most[c])
				most[c] = l->live[i];
			in[c][l->step[i].role] += (end < x1 ? end : x1) - (at > x0 ? at : x0);
		}
		at = end;
	}
	text_printf(t, "\nactivations alive over the step's predicted time (T teacher, F forward, B backward, U update)\n");
	for (int y = TALL; y > 0; y--) {
		text_printf(t, "%12s |", y == TALL || y == TALL / 2 ? size_text(s, (double)l->peak_bytes * y / TALL) : "");
		for (int c = 0; c < WIDE; c++) {
			double high = (double)most[c] * TALL / (double)l->peak_bytes;

			text_printf(t, "%c", high >= y - 0.25 ? '#' : high >= y - 0.75 ? ':' : ' ');
		}
		while (t->n && t->at[t->n - 1] == ' ')
			t->at[--t->n] = 0;
		text_printf(t, "\n");
	}
	text_printf(t, "%12s +", "");
	for (int c = 0; c < WIDE; c++) {
		int r = 0;

		for (int k = 1; k < ROLES; k++)
			if (in[c][k] > in[c][r])
				r = k;
		text_printf(t, "%c", letter[r]);
	}
	text_printf(t, "\n");
}

/* ---- time ---------------------------------------------------------------------------------------------------- */

static void
put_rows(const Ledger *l, const char *title, const LedgerRows *rows, Text *t)
{
	char w[24], b[24], s[24];

	text_printf(t, "\n%12s %6s %6s %10s %11s  %s\n", "time", "share", "steps", "operations", "bytes", title);
	for (int i = 0; i < rows->n && i < TOP; i++) {
		const LedgerRow *r = &rows->at[i];

		text_printf(t, "%12s %5.1f%% %6d %10s %11s  %s\n", time_text(s, r->seconds), share(r->seconds, l->seconds), r->steps,
		            count_text(w, r->flops), size_text(b, r->bytes), r->name);
	}
	if (rows->n > TOP)
		text_printf(t, "%12s %6s %6s %10s %11s  %d more\n", "", "", "", "", "", rows->n - TOP);
}

static void
put_lines(Arena *a, const Ledger *l, Text *t)
{
	LedgerRow **row = arena_new_array(a, LedgerRow *, l->lines.n + 1);
	char        s[24];
	int         n = 0, wide;

	for (int i = 0; i < l->lines.n; i++)
		if (l->lines.at[i].steps)
			row[n++] = &l->lines.at[i];
	wide = name_width(row, n);
	text_printf(t, "\n%12s %6s  %6s %6s %6s %6s  spec line\n", "time", "share", "fwd", "bwd", "teach", "update");
	for (int i = 0; i < n && i < TOP; i++) {
		text_printf(t, "%12s %5.1f%% ", time_text(s, row[i]->seconds), share(row[i]->seconds, l->seconds));
		for (int r = 0; r < ROLES; r++)
			if (row[i]->role_seconds[r] > 0)
				text_printf(t, " %5.1f%%", share(row[i]->role_seconds[r], l->seconds));
			else
				text_printf(t, " %6s", "");
		text_printf(t, "  %-*s", wide, row[i]->name);
		put_line_text(row[i]->loc, t);
		text_printf(t, "\n");
	}
	if (n > TOP)
		text_printf(t, "%12s %6s  %6s %6s %6s %6s  %d more\n", "", "", "", "", "", "", n - TOP);
}

/* No line ends in blanks. */
static void
trim(Text *t, size_t from)
{
	size_t to = from;

	for (size_t i = from; i < t->n; i++) {
		if (t->at[i] == '\n')
			while (to > from && t->at[to - 1] == ' ')
				to--;
		t->at[to++] = t->at[i];
	}
	if (t->at)
		t->at[t->n = to] = 0;
}

void
ledger_text(const Ledger *l, Text *out)
{
	Arena *a = arena_new();
	size_t from = out->n;

	put_head(l, out);
	put_memory(l, out);
	put_peak(a, l, out);
	put_timeline(l, out);
	put_rows(l, "role", &l->roles, out);
	put_rows(l, "kind", &l->kinds, out);
	put_rows(l, "kernel", &l->kernels, out);
	put_lines(a, l, out);
	trim(out, from);
	arena_free(a);
}
