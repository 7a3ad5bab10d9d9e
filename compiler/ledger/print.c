/* The ledger as a page for people: memory, its peak and what makes it, a timeline, time by role,
 * kind, kernel and line. */
#include "compiler/ledger/ledger_private.h"

#include <stdlib.h>
#include <string.h>

enum { TOP = 12, WIDE = 64, TALL = 8, COLUMNS = 100 };

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
const char *
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

const char *
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

/* "h200"; of a processor "cpu, 2 cores". */
static const char *
device_text(const Ledger *l)
{
	const Rates *known = rates_find(l->rates.device);

	if (!known || !known->per_core)
		return l->rates.device;
	return intern_printf("%s, %d core%s", l->rates.device, l->cores, l->cores == 1 ? "" : "s");
}

/* ---- head: one line for each thing that most people want to know ---------------------------- */

static void
put_head(const Ledger *l, Text *t)
{
	const Program  *p = l->program;
	const ProgStep *s = l->peak < 0 ? NULL : &l->entry->step[l->peak];
	char            x[24];

	text_printf(t, "%s, %s on %s, batch %lld\n\n", p->recipe.spec_name, l->entry->name,
	            p->target, (long long)p->recipe.data.batch);
	text_printf(t, "  memory  %10s  on the device; workspace of its libraries comes on top\n",
	            size_text(x, (double)l->total));
	if (s) {
		text_printf(t, "  peak    %10s  of activations alive in step %d of %d, %s",
		            size_text(x, (double)l->peak_bytes), l->peak + 1, l->entry->nstep,
		            role_name[l->step[l->peak].role]);
		text_printf(t, s->loc.file ? ", %s\n" : "\n", step_line(s->loc));
	}
	text_printf(t, "  time    %10s  at least, at the rates of %s\n", time_text(x, l->seconds),
	            device_text(l));
	text_printf(t, "  work    %10s  operations in %d steps", count_text(x, l->flops),
	            l->entry->nstep);
	text_printf(t, "; %s moved\n", size_text(x, l->bytes));
}

/* ---- memory --------------------------------------------------------------------------------- */

static void
put_owner(const Ledger *l, int o, Text *t)
{
	const Program *p = l->program;
	char           s[24];
	bool           first = true;

	text_printf(t, "%-14s %16lld %12s %5.1f%%  ", owner_name[o], (long long)l->owner[o],
	            size_text(s, (double)l->owner[o]),
	            share((double)l->owner[o], (double)l->total));
	for (int i = 0; i < p->nslab; i++)
		if (l->slab_owner[i][o]) {
			text_printf(t, "%s%s", first ? "" : " ", p->slab[i].name);
			first = false;
		}
	text_printf(t, "\n");
}

/* Most bytes first. */
static void
put_memory(const Ledger *l, Text *t)
{
	bool done[OWNERS] = {false};
	char s[24];

	text_printf(t, "\n%-14s %16s %12s %6s  %s\n", "memory", "bytes", "", "share", "slabs");
	for (int n = 0; n < OWNERS; n++) {
		int most = -1;

		for (int o = 0; o < OWNERS; o++)
			if (!done[o] && l->owner[o] && (most < 0 || l->owner[o] > l->owner[most]))
				most = o;
		if (most < 0)
			break;
		done[most] = true;
		put_owner(l, most, t);
	}
	text_printf(t, "%-14s %16lld %12s %5.1f%%\n", "sum", (long long)l->total,
	            size_text(s, (double)l->total), 100.0);
}

static int
by_peak(const void *a, const void *b)
{
	const LedgerRow *x = *(LedgerRow *const *)a, *y = *(LedgerRow *const *)b;

	if (x->at_peak != y->at_peak)
		return x->at_peak > y->at_peak ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The text of a spec line, as much as fits on ours. */
static void
put_line_text(Loc loc, Text *t)
{
	int         len = 0, column = 0, room;
	const char *line = loc.file ? diag_source_line(loc.file, loc.line, &len) : NULL;

	while ((size_t)column < t->n && t->at[t->n - 1 - (size_t)column] != '\n')
		column++;
	room = COLUMNS - column - 2;
	if (!line || room < 8)
		return;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (len > room)
		text_printf(t, "  %.*s..", room - 2, line);
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
	LedgerRow **row = arena_new_array(a, LedgerRow *, l->lines.n + 1);
	char        x[24];
	int         n = 0, wide;

	if (l->peak < 0)
		return;
	text_printf(t, "\n%12s %6s %6s  made by spec line\n", "at the peak", "share", "values");
	for (int i = 0; i < l->lines.n; i++)
		if (l->lines.at[i].at_peak)
			row[n++] = &l->lines.at[i];
	qsort(row, (size_t)n, sizeof *row, by_peak);
	wide = name_width(row, n);
	for (int i = 0; i < n && i < TOP; i++) {
		text_printf(t, "%12s %5.1f%% %6d  %-*s", size_text(x, (double)row[i]->at_peak),
		            share((double)row[i]->at_peak, (double)l->peak_bytes),
		            row[i]->values_at_peak, wide, row[i]->name);
		put_line_text(row[i]->loc, t);
		text_printf(t, "\n");
	}
	if (n > TOP)
		text_printf(t, "%12s %6s %6s  %d more lines\n", "", "", "", n - TOP);
}

/* ---- timeline ------------------------------------------------------------------------------- */

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
	text_printf(t, "\nactivations alive over the step's predicted time (T teacher, F forward, "
	               "B backward, U update)\n");
	for (int y = TALL; y > 0; y--) {
		text_printf(t, "%12s |",
		            y == TALL || y == TALL / 2
		                    ? size_text(s, (double)l->peak_bytes * y / TALL)
		                    : "");
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

/* ---- time ----------------------------------------------------------------------------------- */

static void
put_rates(const Ledger *l, Text *t)
{
	const Rates *r = &l->rates;
	char         w[24];

	text_printf(t,
	            "\ntime at least: work or bytes, whichever takes longer, at the rates of %s:\n",
	            device_text(l));
	text_printf(t, "gemm %sFLOP/s", count_text(w, r->gemm_f32));
	text_printf(t, ", %s in bf16", count_text(w, r->gemm_bf16));
	text_printf(t, "; attention %s", count_text(w, r->attend_f32));
	text_printf(t, ", %s in bf16", count_text(w, r->attend_bf16));
	text_printf(t, "\nother %s", count_text(w, r->other));
	text_printf(t, "; memory %sB/s\n(%s)\n", count_text(w, r->bandwidth), r->source);
}

/* A kernel with its spec line, a gemm (which stands for several) without. */
static const char *
row_text(bool kernel, const LedgerRow *r)
{
	const char *slash = r->loc.file ? strrchr(r->loc.file, '/') : NULL;

	if (!kernel || !r->loc.file || strncmp(r->name, "gemm ", 5) == 0)
		return r->name;
	return intern_printf("%s, %s:%d", r->name, slash ? slash + 1 : r->loc.file, r->loc.line);
}

static void
put_rows(const Ledger *l, const char *title, const LedgerRows *rows, Text *t)
{
	char w[24], b[24], s[24];

	text_printf(t, "\n%12s %6s %6s %10s %11s  %s\n", "time", "share", "steps", "operations",
	            "bytes", title);
	for (int i = 0; i < rows->n && i < TOP; i++) {
		const LedgerRow *r = &rows->at[i];

		text_printf(t, "%12s %5.1f%% %6d %10s %11s  %s\n", time_text(s, r->seconds),
		            share(r->seconds, l->seconds), r->steps, count_text(w, r->flops),
		            size_text(b, r->bytes), row_text(rows == &l->kernels, r));
	}
	if (rows->n > TOP)
		text_printf(t, "%12s %6s %6s %10s %11s  %d more\n", "", "", "", "", "",
		            rows->n - TOP);
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
	text_printf(t, "\n%12s %6s  %6s %6s %6s %6s  spec line\n", "time", "share", "fwd", "bwd",
	            "teach", "update");
	for (int i = 0; i < n && i < TOP; i++) {
		text_printf(t, "%12s %5.1f%% ", time_text(s, row[i]->seconds),
		            share(row[i]->seconds, l->seconds));
		for (int r = 0; r < ROLES; r++)
			if (row[i]->role_seconds[r] > 0)
				text_printf(t, " %5.1f%%",
				            share(row[i]->role_seconds[r], l->seconds));
			else
				text_printf(t, " %6s", "");
		text_printf(t, "  %-*s", wide, row[i]->name);
		put_line_text(row[i]->loc, t);
		text_printf(t, "\n");
	}
	if (n > TOP)
		text_printf(t, "%12s %6s  %6s %6s %6s %6s  %d more\n", "", "", "", "", "", "",
		            n - TOP);
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
	put_rates(l, out);
	put_rows(l, "role", &l->roles, out);
	put_rows(l, "kind", &l->kinds, out);
	put_rows(l, "kernel", &l->kernels, out);
	put_lines(a, l, out);
	trim(out, from);
	arena_free(a);
}
