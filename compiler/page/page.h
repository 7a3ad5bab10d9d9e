/* page: what our HTML pages share - text made safe, curves of a run as pictures, the log they come
 * from, its results. Includes base only. `d2v report` and the RUN/report.html of d2v-run are both
 * made with it, so that they read and look alike. */
#ifndef D2V_PAGE_H
#define D2V_PAGE_H

#include "compiler/base/base.h"

/* ---- html.c --------------------------------------------------------------------------------- */

/* with the characters HTML would act on replaced */
void html_text(Text *out, const char *s);
void html_text_n(Text *out, const char *s, size_t n);

/* ---- log.c: RUN/log.jsonl ------------------------------------------------------------------- */

/* One logged value over the run. Values that are not finite are counted, not kept. */
typedef struct {
	const char *name;
	Vec(double) step, value;
	int64_t bad, first_bad; /* how many were not finite; step of the first */
} Series;

typedef struct {
	Vec(Series) series; /* in the order of first appearance */
	int64_t last_step, lines;
	double  seconds;
} RunLog;
/* A last line that is cut short (a run that is going on) is left out; a damaged one elsewhere is
 * refused with its number. */
Status        run_log_read(Arena *a, const char *path, RunLog *out);
const Series *run_log_series(const RunLog *l, const char *name); /* NULL: never logged */

/* ---- results.c: RUN/eval.json, as d2v eval writes it ---------------------------------------- */

typedef struct {
	const char *encoder, *metric, *note;
	double      value, lo, hi; /* lo > hi: no interval */
} ResultRow;
typedef struct {
	Vec(ResultRow) row;
	const char *note; /* under which conditions */
} RunResults;
Status run_results_read(Arena *a, const char *path, RunResults *out); /* no such file: no rows */
/* heading and table; no rows: nothing */
void report_results(Text *out, const RunResults *r);

/* ---- chart.c, charts.c ---------------------------------------------------------------------- */

/* A <figure> with up to four series over the same steps. */
enum { CHART_SERIES = 4 };
/* by_range: logarithmic where values span decades */
typedef enum { SCALE_by_range, SCALE_linear } Scale;
typedef struct {
	const char *title, *unit;
	Scale       scale;
} Chart;
void report_chart(Arena *a, Text *out, const Chart *chart, const Series *const *series, int n);
/* All of a run: a figure for what is always logged, then one for each other value. */
void report_charts(Arena *a, Text *out, const RunLog *l);

/* The <style> of both pages' charts, tables and tiles, and the script that reads values under the
 * pointer. */
extern const char report_style[], report_script[];

#endif
