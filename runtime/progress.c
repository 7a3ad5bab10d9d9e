/* How far the run is, for people, on standard error: on a terminal one line redrawn in place at
 * most ten times a second; elsewhere a plain line every few seconds and at every tenth of the way.
 * Never both, and never anything a program should read: that is log.jsonl. */
#include "runtime/runtime.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_MAX = 30, LINE_MAX_COLUMNS = 200, DEFAULT_COLUMNS = 80 };
static const double REDRAW = 0.1, PLAIN_FIRST = 5, PLAIN_LAST = 60; /* seconds */

static struct {
	bool   started, terminal, drawn;
	double start, last; /* monotonic seconds; last time something was shown */
	int    tenth;       /* of the way, last shown */
} shown;

static double
seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool
on_terminal(void)
{
	const char *term = getenv("TERM");
	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static int
columns(void)
{
	struct winsize w;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || w.ws_col < 20)
		return DEFAULT_COLUMNS;
	return w.ws_col < LINE_MAX_COLUMNS ? w.ws_col : LINE_MAX_COLUMNS;
}

/* 42s, 3m07s, 5h12m, 3d04h */
static void
duration(char out[16], double s)
{
	if (!isfinite(s) || s < 0 || s > 8.64e7)
		snprintf(out, 16, "?");
	else if (s < 60)
		snprintf(out, 16, "%ds", (int)s);
	else if (s < 3600)
		snprintf(out, 16, "%dm%02ds", (int)s / 60, (int)s % 60);
	else if (s < 86400)
		snprintf(out, 16, "%dh%02dm", (int)s / 3600, (int)s / 60 % 60);
	else
		snprintf(out, 16, "%dd%02dh", (int)(s / 86400), (int)(s / 3600) % 24);
}

static void
facts(Text *t, double loss, double rate, double left)
{
	char time[16];
	duration(time, left);
	text_printf(t, "loss %.4g", loss);
	if (isfinite(rate) && rate > 0)
		text_printf(t, "  %.*f samples/s", rate < 100 ? 1 : 0, rate);
	text_printf(t, "  %s left", time);
}

static void
draw(int64_t step, int64_t steps, double part, const Text *tail)
{
	Text t = {0};
	int  width = columns() - 1;
	text_printf(&t, "%" PRId64 "/%" PRId64 " ", step, steps);
	/* The bar takes what the words leave, and goes first when the terminal is narrow. */
	int bar = width - (int)t.n - (int)tail->n - 4;
	bar = bar > BAR_MAX ? BAR_MAX : bar;
	if (bar >= 5) {
		text_printf(&t, "[");
		for (int i = 0; i < bar; i++)
			text_printf(&t, "%s",
			            i < (int)(part * bar)    ? "="
			            : i == (int)(part * bar) ? ">"
			                                     : " ");
		text_printf(&t, "] ");
	}
	text_printf(&t, " %s", tail->at);
	fprintf(stderr, "\r%.*s\033[K", width, t.at);
	fflush(stderr);
	shown.drawn = true;
	text_free(&t);
}

void
progress(int64_t step, int64_t steps, double loss, double samples_per_second, double seconds_left)
{
	double now = seconds_now();
	double part = steps > 0 ? (double)step / (double)steps : 1;
	int    tenth = (int)(10 * part);
	if (!shown.started) {
		shown.started = true;
		shown.terminal = on_terminal();
		shown.start = now;
		shown.last = -1e9;
		shown.tenth = tenth;
	}
	bool due;
	if (shown.terminal) {
		due = now - shown.last >= REDRAW;
	} else {
		/* A run of days need not say it every five seconds. */
		double every = (now - shown.start) / 20;
		every = every < PLAIN_FIRST ? PLAIN_FIRST : every > PLAIN_LAST ? PLAIN_LAST : every;
		due = now - shown.last >= every || tenth != shown.tenth;
	}
	if (!due && step < steps)
		return;
	shown.last = now;
	shown.tenth = tenth;
	Text t = {0};
	facts(&t, loss, samples_per_second, seconds_left);
	if (shown.terminal)
		draw(step, steps, part < 0 ? 0 : part > 1 ? 1 : part, &t);
	else
		fprintf(stderr, "step %" PRId64 "/%" PRId64 "  %s\n", step, steps, t.at);
	text_free(&t);
}

void
progress_end(void)
{
	if (shown.drawn)
		fputc('\n', stderr);
	memset(&shown, 0, sizeof shown);
}
