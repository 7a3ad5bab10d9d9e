/* Memory over the step: what is held for good, by owner, and on top of it the activations that live
 * while each step runs, by the spec line that made them. The picture stands without the script,
 * which adds a read-out of any step. */
#include "compiler/report/report_private.h"

#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 1000,
	HEIGHT = 290,
	LEFT = 74,
	RIGHT = 10,
	TOP = 34,
	BOTTOM = 36,
	MAKERS = 6,
	TICKS = 5
};

typedef struct {
	const char *name, *says; /* HTML */
	const char *colour;      /* class */
	int64_t     peak;
	int64_t    *at; /* per step; NULL: the same all the time, `peak` */
} Band;
typedef Vec(Band) Bands;

static const char *const owner_colour[OWNERS] = {"p0", "p1", "p2", "p3", "p4",
                                                 "p4", "p4", "",   "p4", "p4"};

static bool
lives(const Ledger *l, int v, int step)
{
	return l->value[v].owner == OWNER_activations && l->value[v].made >= 0 &&
	       l->value[v].first <= step && l->value[v].last >= step;
}

static int64_t *
live_of_line(Arena *a, const Ledger *l, Loc loc)
{
	int64_t *at = arena_new_array(a, int64_t, l->entry->nstep + 1), sum = 0;

	for (int v = 1; v <= l->nvalue; v++) {
		const LedgerValue *x = &l->value[v];
		Loc                made;

		if (x->owner != OWNER_activations || x->made < 0)
			continue;
		made = l->entry->step[x->made].loc;
		if (made.file == loc.file && made.line == loc.line) {
			at[x->first] += x->bytes;
			at[x->last + 1] -= x->bytes;
		}
	}
	for (int i = 0; i < l->entry->nstep; i++)
		at[i] = sum += at[i];
	return at;
}

static int
most_at_peak(const void *a, const void *b)
{
	const LedgerRow *const *x = a, *const *y = b;

	if ((*x)->at_peak != (*y)->at_peak)
		return (*x)->at_peak > (*y)->at_peak ? -1 : 1;
	return strcmp((*x)->name, (*y)->name);
}

static const LedgerRow **
by_peak(Arena *a, const Ledger *l)
{
	const LedgerRow **r = arena_new_array(a, const LedgerRow *, l->lines.n + 1);

	for (int i = 0; i < l->lines.n; i++)
		r[i] = &l->lines.at[i];
	qsort(r, (size_t)l->lines.n, sizeof *r, most_at_peak);
	return r;
}

/* From below: owners that stay, then the lines that hold most at the peak, then all other lines. */
static Bands
bands(Arena *a, const ReportInput *in)
{
	const Ledger     *l = in->ledger;
	const LedgerRow **r = by_peak(a, l);
	Bands             b = {0};
	int64_t          *rest = arena_new_array(a, int64_t, l->entry->nstep + 1), small = 0;

	for (int o = 0; o < OWNERS; o++) {
		if (o == OWNER_activations || !l->owner[o])
			continue;
		if (o <= OWNER_gradients)
			vec_push(a, &b,
			         (Band){owner_name[o], "", owner_colour[o], l->owner[o], NULL});
		else
			small += l->owner[o];
	}
	if (small)
		vec_push(a, &b, (Band){"inputs, scalars, tables, padding", "", "p4", small, NULL});
	memcpy(rest, l->live, sizeof *rest * (size_t)l->entry->nstep);
	for (int k = 0; k < MAKERS && k < l->lines.n && r[k]->at_peak; k++) {
		int64_t *at = live_of_line(a, l, r[k]->loc);

		for (int i = 0; i < l->entry->nstep; i++)
			rest[i] -= at[i];
		vec_push(a, &b,
		         (Band){line_link(a, in, r[k]->loc), line_says(a, in, r[k]->loc),
		                arena_printf(a, "m%d", k), r[k]->at_peak, at});
	}
	if (l->peak >= 0)
		vec_push(a, &b,
		         (Band){"activations of other lines", "", "m6", rest[l->peak], rest});
	return b;
}

/* ---- the picture ---------------------------------------------------------------------------- */

static double
x_of(const Ledger *l, double step)
{
	return LEFT + step / l->entry->nstep * (WIDTH - LEFT - RIGHT);
}

static double
y_of(double bytes, double top)
{
	return HEIGHT - BOTTOM - bytes / top * (HEIGHT - TOP - BOTTOM);
}

/* Between two curves of steps; `from` is moved up to the upper one. */
static void
draw_band(const Ledger *l, const Band *b, int64_t *from, double top, Text *out)
{
	int n = l->entry->nstep;

	text_printf(out, "<path class=%s d=\"M%.1f,%.1f", b->colour, x_of(l, 0),
	            y_of((double)from[0], top));
	for (int i = 0; i < n; i++)
		if (i == n - 1 || from[i + 1] != from[i])
			text_printf(out, i < n - 1 ? "H%.1fV%.1f" : "H%.1f", x_of(l, i + 1),
			            y_of((double)from[i < n - 1 ? i + 1 : i], top));
	for (int i = 0; i < n; i++)
		from[i] += b->at ? b->at[i] : b->peak;
	text_printf(out, "V%.1f", y_of((double)from[n - 1], top));
	for (int i = n - 1; i >= 0; i--)
		if (i == 0 || from[i - 1] != from[i]) {
			text_printf(out, "H%.1f", x_of(l, i));
			if (i)
				text_printf(out, "V%.1f", y_of((double)from[i - 1], top));
		}
	text_printf(out, "Z\"/>\n");
}

static void
draw_roles(const Ledger *l, Text *out)
{
	int n = l->entry->nstep;

	for (int i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && l->step[end].role == l->step[i].role; end++)
			;
		text_printf(out,
		            "<rect class=r%d x=%.1f y=%d width=%.1f height=9><title>%s, steps %d "
		            "to %d</title></rect>\n",
		            l->step[i].role, x_of(l, i), HEIGHT - BOTTOM + 3,
		            x_of(l, end) - x_of(l, i), role_name[l->step[i].role], i + 1, end);
	}
}

static double
tick_bytes(double top)
{
	double step = 1;

	while (top / step > TICKS)
		step *= 2;
	return step;
}

/* Ticks are powers of two: whole numbers of their unit. */
static const char *
tick_text(Arena *a, double bytes)
{
	const char *s = say_bytes(a, bytes), *point = strchr(s, '.');

	return bytes == 0 ? "0"
	       : point    ? arena_printf(a, "%.*s%s", (int)(point - s), s, point + 2)
	                  : s;
}

static void
draw(Arena *a, const Ledger *l, const Bands *b, Text *out)
{
	double   top = 1.02 * (double)l->total, tick = tick_bytes(top);
	int      n = l->entry->nstep, every = 1;
	int64_t *from = arena_new_array(a, int64_t, n + 1);

	text_printf(out,
	            "<svg id=live viewBox=\"0 0 %d %d\" role=img aria-label=\"Bytes alive at each "
	            "of %d steps, by owner and line; most at step "
	            "%d\">\n",
	            WIDTH, HEIGHT, n, l->peak + 1);
	for (double y = 0; y <= top; y += tick)
		text_printf(out,
		            "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text class=ytick x=%d "
		            "y=%.1f>%s</text>\n",
		            LEFT, WIDTH - RIGHT, y_of(y, top), y_of(y, top), LEFT - 6, y_of(y, top),
		            tick_text(a, y));
	for (int i = 0; i < b->n; i++)
		draw_band(l, &b->at[i], from, top, out);
	text_printf(out,
	            "<line class=whole x1=%d x2=%d y1=%.1f y2=%.1f /><text class=top x=%d "
	            "y=%.1f>allocated: %s</text>\n",
	            LEFT, WIDTH - RIGHT, y_of((double)l->total, top), y_of((double)l->total, top),
	            LEFT + 4, y_of((double)l->total, top) - 10, say_bytes(a, (double)l->total));
	draw_roles(l, out);
	for (int k = 0; n / every > 9; k++)
		every = every * (k % 3 == 1 ? 5 : 4) / 2; /* 1 2 5 10 20 50 */
	for (int s = every; s <= n; s += every)
		text_printf(out, "<text class=xtick x=%.1f y=%d>%d</text>", x_of(l, s - 0.5),
		            HEIGHT - BOTTOM + 17, s);
	text_printf(out, "<text class=xtick x=%d y=%d>step</text>\n", LEFT + 14,
	            HEIGHT - BOTTOM + 17);
	if (l->peak >= 0) {
		double x = x_of(l, l->peak + 0.5);

		text_printf(out,
		            "<circle class=peak cx=%.1f cy=%.1f r=4 /><text class=top x=%.1f "
		            "y=%.1f text-anchor=middle>peak: step %d</text>\n",
		            x, y_of((double)(l->total - l->act_bytes + l->peak_bytes), top), x,
		            y_of((double)l->total, top) - 10, l->peak + 1);
	}
	text_printf(out, "<g id=cursor></g></svg>\n");
}

/* ---- tables and numbers --------------------------------------------------------------------- */

static void
put_legend(Arena *a, const Bands *b, Text *out)
{
	text_printf(out, "<ul class=legend aria-label=\"colours\">");
	for (int i = b->n - 1; i >= 0; i--)
		text_printf(out, "<li><i class=%s></i>%s <b>%s</b>%s", b->at[i].colour,
		            b->at[i].name, say_bytes(a, (double)b->at[i].peak), b->at[i].says);
	text_printf(out, "</ul>\n");
}

static void
put_role_legend(const Ledger *l, Text *out)
{
	text_printf(out, "<ul class=\"legend row\" aria-label=\"colours of the strip\">");
	for (int k = 0; k < ROLES; k++)
		for (int i = 0; i < l->roles.n; i++)
			if (strcmp(l->roles.at[i].name, role_name[k]) == 0)
				text_printf(out, "<li><i class=\"r%d thin\"></i>%s", k,
				            role_name[k]);
	text_printf(out, "</ul>\n");
}

static void
put_peak(Arena *a, const ReportInput *in, Text *out)
{
	const Ledger     *l = in->ledger;
	const LedgerRow **r = by_peak(a, l);

	text_printf(out,
	            "<div class=readout><label for=at>Step</label><input type=range id=at min=1 "
	            "max=%d value=%d aria-describedby=now>"
	            "<button type=button id=to-peak>peak</button></div>\n",
	            l->entry->nstep, l->peak + 1);
	text_printf(out,
	            "<p id=now>Step %d of %d, where most lives: %s, %s, %s, %s moved, %s of "
	            "activations alive. For %s%s</p>\n<div class=scroll tabindex=0 role=region "
	            "aria-label=\"what "
	            "lives at this step\"><table class=alive><thead><tr><th class=n "
	            "scope=col>bytes<th class=n scope=col>share<th class=n scope=col>"
	            "values<th scope=col>made by</tr></thead><tbody id=alive>",
	            l->peak + 1, l->entry->nstep, kernel_link(a, in, l->step[l->peak].name),
	            role_name[l->step[l->peak].role], say_seconds(a, l->step[l->peak].seconds),
	            say_bytes(a, l->entry->step[l->peak].bytes),
	            say_bytes(a, (double)l->peak_bytes),
	            line_link(a, in, l->entry->step[l->peak].loc),
	            line_says(a, in, l->entry->step[l->peak].loc));
	for (int i = 0; i < l->lines.n && r[i]->at_peak; i++)
		text_printf(out, "<tr><td class=n>%s<td class=n>%s<td class=n>%d<td>%s%s</tr>\n",
		            say_bytes(a, (double)r[i]->at_peak),
		            say_share(a, (double)r[i]->at_peak, (double)l->peak_bytes),
		            r[i]->values_at_peak, line_link(a, in, r[i]->loc),
		            line_says(a, in, r[i]->loc));
	text_printf(out, "</tbody></table></div>\n");
}

static void
put_owners(Arena *a, const Ledger *l, Text *out)
{
	text_printf(out, "<div class=\"scroll owners\" tabindex=0 role=region aria-label=\"bytes "
	                 "by owner\"><table><thead><tr><th scope=col>owner<th class=n scope=col>"
	                 "bytes<td class=n><th class=n scope=col>share<th class=\"bars "
	                 "wide\"></tr></thead><tbody>\n");
	for (int o = 0; o < OWNERS; o++)
		if (l->owner[o])
			text_printf(out,
			            "<tr><td>%s<td class=n>%lld<td class=n>%s<td class=n>%s<td "
			            "class=\"bars wide\"><span class=bar "
			            "style=\"width:%.1f%%\"></span></tr>\n",
			            owner_name[o], (long long)l->owner[o],
			            say_bytes(a, (double)l->owner[o]),
			            say_share(a, (double)l->owner[o], (double)l->total),
			            100.0 * (double)l->owner[o] / (double)l->total);
	text_printf(out,
	            "<tr class=sum><td>total<td class=n>%lld<td class=n>%s<td class=n><td "
	            "class=\"bars wide\"></tr></tbody></table></div>\n",
	            (long long)l->total, say_bytes(a, (double)l->total));
}

/* For the script: lines, kernels, steps [kernel, role, line, seconds, bytes, live], values [first,
 * last, bytes, line]. */
static void
put_data(Arena *a, const ReportInput *in, Text *out)
{
	const Ledger *l = in->ledger;
	const Entry  *e = l->entry;
	int          *line = arena_new_array(a, int, e->nstep + 1);
	char          s[32];

	text_printf(out, "<script type=\"application/json\" id=steps>{\"lines\":[");
	for (int k = 0; k < l->lines.n; k++) {
		text_printf(out, "%s", k ? "," : "");
		json_safe(out, arena_printf(a, "%s%s", line_link(a, in, l->lines.at[k].loc),
		                            line_says(a, in, l->lines.at[k].loc)));
	}
	text_printf(out, "],\n\"kernels\":[");
	for (int k = 0; k < l->kernels.n; k++) {
		text_printf(out, "%s", k ? "," : "");
		json_safe(out, l->kernels.at[k].name);
	}
	text_printf(out, "],\n\"place\":[%d,%d,%d,%d],\"peak\":%d,\"steps\":[", LEFT, WIDTH - RIGHT,
	            TOP, HEIGHT - BOTTOM, l->peak);
	for (int i = 0; i < e->nstep; i++) {
		for (int k = 0; k < l->lines.n; k++)
			if (l->lines.at[k].loc.file == e->step[i].loc.file &&
			    l->lines.at[k].loc.line == e->step[i].loc.line)
				line[i] = k;
		text_printf(out, "%s[%d,%d,%d,%s,", i ? ",\n" : "", kernel_row(l, l->step[i].name),
		            (int)l->step[i].role, line[i], text_double(s, l->step[i].seconds));
		text_printf(out, "%s,%lld]", text_double(s, e->step[i].bytes),
		            (long long)l->live[i]);
	}
	text_printf(out, "],\n\"values\":[");
	for (int v = 1, n = 0; v <= l->nvalue; v++)
		if (lives(l, v, l->value[v].first))
			text_printf(out, "%s[%d,%d,%lld,%d]", n++ ? ",\n" : "", l->value[v].first,
			            l->value[v].last, (long long)l->value[v].bytes,
			            line[l->value[v].made]);
	text_printf(out, "]}</script>\n");
}

void
report_memory(Arena *a, const ReportInput *in, Text *out)
{
	const Ledger *l = in->ledger;
	Bands         b;

	text_printf(out,
	            "<section id=memory aria-labelledby=h-memory><h2 id=h-memory>Memory</h2>\n<p "
	            "class=note>%s are allocated once. "
	            "What belongs to an owner stays; activations come and go as steps run, packed "
	            "into one piece by their lifetimes.</p>\n",
	            say_bytes(a, (double)l->total));
	if (l->entry->nstep && l->peak >= 0) {
		b = bands(a, in);
		text_printf(out, "<div class=card>");
		put_legend(a, &b, out);
		text_printf(out, "<div class=\"scroll picture\" tabindex=0 role=region "
		                 "aria-label=\"bytes alive, step by step\">");
		draw(a, l, &b, out);
		text_printf(out, "</div>");
		put_role_legend(l, out);
		put_peak(a, in, out);
		text_printf(out, "</div>\n");
		put_data(a, in, out);
	}
	put_owners(a, l, out);
	text_printf(out, "</section>\n");
}
