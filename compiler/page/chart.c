/* One chart of the report: inline SVG with axes and curves, and the points again as JSON for the
 * read-out under the pointer. Long series are drawn as the mean of each bucket over a band from its
 * least to its greatest value, so that no spike is lost. Draws finite values only; what was not
 * finite is said in words. */
#include "compiler/page/page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
	WIDTH = 560,
	HEIGHT = 250,
	LEFT = 80,
	RIGHT = 24,
	TOP = 12,
	BOTTOM = 46,
	POINTS_MAX = 300,
	TICKS = 5
};

/* A series as drawn. */
typedef struct {
	int     n;
	double *step, *mean, *least, *most;
	bool    band;
} Curve;

typedef struct {
	double x0, x1, y0, y1; /* y0, y1 in log10 when log */
	bool   log;
} Frame;

static Curve
curve_of(Arena *a, const Series *s)
{
	int   n = s->value.n;
	Curve c = {.n = n > POINTS_MAX ? POINTS_MAX : n, .band = n > POINTS_MAX};
	c.step = arena_new_array(a, double, c.n + 1);
	c.mean = arena_new_array(a, double, c.n + 1);
	c.least = arena_new_array(a, double, c.n + 1);
	c.most = arena_new_array(a, double, c.n + 1);
	for (int i = 0; i < c.n; i++) {
		int first = (int)((int64_t)i * n / c.n), end = (int)((int64_t)(i + 1) * n / c.n);
		c.least[i] = c.most[i] = s->value.at[first];
		for (int j = first; j < end; j++) {
			c.mean[i] += s->value.at[j] / (end - first);
			c.least[i] = fmin(c.least[i], s->value.at[j]);
			c.most[i] = fmax(c.most[i], s->value.at[j]);
		}
		c.step[i] = s->step.at[end - 1]; /* the curve then reaches the last step */
	}
	return c;
}

/* The largest of 1, 2, 5 times a power of ten that gives at least `ticks` intervals. */
static double
nice_step(double span, int ticks)
{
	double raw = span / ticks, power = pow(10, floor(log10(raw)));
	double lead = raw / power;
	return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}

static Frame
frame_of(const Curve *c, int n, Scale scale)
{
	Frame  f = {INFINITY, -INFINITY, INFINITY, -INFINITY, false};
	double top = -INFINITY, bottom = INFINITY;
	for (int k = 0; k < n; k++)
		for (int i = 0; i < c[k].n; i++) {
			f.x0 = fmin(f.x0, c[k].step[i]);
			f.x1 = fmax(f.x1, c[k].step[i]);
			bottom = fmin(bottom, c[k].least[i]);
			top = fmax(top, c[k].most[i]);
		}
	/* Where values span decades, a linear axis would show the largest only. */
	f.log = scale == SCALE_by_range && bottom > 0 && top / bottom > 300;
	if (f.log) {
		bottom = floor(log10(bottom));
		top = ceil(log10(top));
	} else {
		double pad = top > bottom ? 0.04 * (top - bottom) : top != 0 ? 0.1 * fabs(top) : 1;
		/* From zero where that costs little of the height: a curve's size is then its
		 * height. */
		bottom = bottom >= 0 && bottom < 0.35 * top ? 0 : bottom - pad;
		top += pad;
	}
	f.y0 = bottom;
	f.y1 = top;
	if (f.x0 > 0 && f.x0 < 0.05 * f.x1)
		f.x0 = 0;
	if (f.x1 <= f.x0)
		f.x1 = f.x0 + 1;
	return f;
}

static double
place_x(const Frame *f, double x)
{
	return LEFT + (x - f->x0) / (f->x1 - f->x0) * (WIDTH - LEFT - RIGHT);
}

static double
place_y(const Frame *f, double y)
{
	double v = f->log ? log10(y) : y;
	return HEIGHT - BOTTOM - (v - f->y0) / (f->y1 - f->y0) * (HEIGHT - TOP - BOTTOM);
}

/* As few digits as tell one tick from the next; thousands and more in powers of ten where that is
 * shorter. */
static void
tick_label(Text *out, double x, double step)
{
	double size = fmax(fabs(x), step);
	if (x == 0)
		text_printf(out, "0");
	else if (step < 1e-4)
		text_printf(out, "%.1e", x);
	else if (size >= 1e5)
		text_printf(out, "%.3g", x);
	else {
		int digits = (int)ceil(-log10(step) - 1e-9);
		text_printf(out, "%.*f", digits > 0 ? digits : 0, x);
	}
}

static void
step_label(Text *out, double x)
{
	if (x >= 1e6)
		text_printf(out, "%gM", x / 1e6);
	else if (x >= 1e4)
		text_printf(out, "%gk", x / 1e3);
	else
		text_printf(out, "%g", x);
}

static void
draw_y_tick(Text *out, const Frame *f, double value, double step)
{
	double y = place_y(f, value);
	text_printf(out,
	            "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text class=ytick x=%d y=%.1f>",
	            LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y);
	if (f->log)
		text_printf(out, "%.0e", value);
	else
		tick_label(out, value, step);
	text_printf(out, "</text>");
}

static void
draw_axes(Text *out, const Frame *f)
{
	if (f->log) {
		double every = fmax(1, ceil((f->y1 - f->y0) / 6));
		for (double e = f->y0; e <= f->y1 + 1e-9; e += every)
			draw_y_tick(out, f, pow(10, e), 0);
	} else {
		double step = nice_step(f->y1 - f->y0, TICKS - 1);
		for (double k = ceil(f->y0 / step - 1e-9); k * step <= f->y1 + 1e-9 * step; k++)
			draw_y_tick(out, f, k == 0 ? 0 : k * step, step);
	}
	double step = fmax(1, nice_step(f->x1 - f->x0, TICKS - 1));
	for (double k = ceil(f->x0 / step); k * step <= f->x1; k++) {
		double x = place_x(f, k * step);
		text_printf(out,
		            "<line class=mark x1=%.1f x2=%.1f y1=%d y2=%d /><text class=xtick "
		            "x=%.1f y=%d>",
		            x, x, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 4, x, HEIGHT - BOTTOM + 7);
		step_label(out, k * step);
		text_printf(out, "</text>");
	}
	text_printf(out,
	            "<line class=axis x1=%d x2=%d y1=%d y2=%d /><text class=xname x=%d "
	            "y=%d>step</text>",
	            LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, HEIGHT - BOTTOM,
	            (WIDTH + LEFT - RIGHT) / 2, HEIGHT - 5);
}

static void
draw_curve(Text *out, const Frame *f, const Curve *c, int colour)
{
	if (c->band) {
		text_printf(out, "<path class=\"band c%d\" d=\"M", colour);
		for (int i = 0; i < c->n; i++)
			text_printf(out, "%.1f,%.1f ", place_x(f, c->step[i]),
			            place_y(f, c->most[i]));
		for (int i = c->n - 1; i >= 0; i--)
			text_printf(out, "%.1f,%.1f ", place_x(f, c->step[i]),
			            place_y(f, c->least[i]));
		text_printf(out, "Z\"/>");
	}
	if (c->n == 1)
		text_printf(out, "<circle class=\"dot c%d\" r=3 cx=%.1f cy=%.1f />", colour,
		            place_x(f, c->step[0]), place_y(f, c->mean[0]));
	text_printf(out, "<path class=\"line c%d\" d=\"M", colour);
	for (int i = 0; i < c->n; i++)
		text_printf(out, "%.1f,%.1f ", place_x(f, c->step[i]), place_y(f, c->mean[i]));
	text_printf(out, "\"/>");
}

static void
number_list(Text *out, const char *key, const double *at, int n)
{
	text_printf(out, ",\"%s\":[", key);
	for (int i = 0; i < n; i++)
		text_printf(out, "%s%.7g", i ? "," : "", at[i]);
	text_printf(out, "]");
}

/* What the read-out needs: the frame in the picture's units, and the points. */
static void
write_points(Text *out, const Frame *f, const Curve *c, int n)
{
	text_printf(out,
	            "<script "
	            "type=\"application/"
	            "json\">{\"x\":[%d,%d],\"y\":[%d,%d],\"s\":[%.17g,%.17g],\"v\":[%.9g,%.9g],"
	            "\"log\":%s,\"curves\":[",
	            LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, TOP, f->x0, f->x1, f->y0, f->y1,
	            f->log ? "true" : "false");
	for (int k = 0; k < n; k++) {
		text_printf(out, "%s{\"n\":%d,\"step\":[", k ? "," : "", c[k].n);
		for (int i = 0; i < c[k].n; i++)
			text_printf(out, "%s%.0f", i ? "," : "", c[k].step[i]);
		text_printf(out, "]");
		number_list(out, "value", c[k].mean, c[k].n);
		text_printf(out, "}");
	}
	text_printf(out, "]}</script>");
}

static void
write_bad(Text *out, const Series *s)
{
	if (!s->bad)
		return;
	text_printf(out, "<p class=bad>%" PRId64 " value%s of ", s->bad, s->bad == 1 ? "" : "s");
	html_text(out, s->name);
	text_printf(out, " %s not finite, first at step %" PRId64 "</p>",
	            s->bad == 1 ? "was" : "were", s->first_bad);
}

void
report_chart(Arena *a, Text *out, const Chart *chart, const Series *const *series, int n)
{
	Curve *c = arena_new_array(a, Curve, n + 1);
	int    points = 0;
	for (int k = 0; k < n; k++) {
		c[k] = curve_of(a, series[k]);
		points += c[k].n;
	}
	Frame f = points ? frame_of(c, n, chart->scale) : (Frame){0};
	text_printf(out, "<figure class=chart><figcaption><b>");
	html_text(out, chart->title);
	text_printf(out, "</b> <span class=unit>");
	html_text(out, chart->unit);
	text_printf(out, "%s%s</span><span class=keys>",
	            points && f.log && *chart->unit ? ", " : "",
	            points && f.log ? "log scale" : "");
	for (int k = 0; k < n; k++) {
		text_printf(out, "<span class=key><i class=c%d></i>", k);
		if (n > 1)
			html_text(out, series[k]->name);
		text_printf(out, " <b class=now></b></span>");
	}
	text_printf(out, "</span></figcaption>");
	if (points) {
		text_printf(out, "<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"", WIDTH,
		            HEIGHT);
		html_text(out, chart->title);
		text_printf(out, " by step\">");
		draw_axes(out, &f);
		for (int k = 0; k < n; k++)
			if (c[k].n)
				draw_curve(out, &f, &c[k], k);
		text_printf(out, "<g class=cross></g></svg>");
		write_points(out, &f, c, n);
	}
	for (int k = 0; k < n; k++)
		write_bad(out, series[k]);
	text_printf(out, "</figure>\n");
}
