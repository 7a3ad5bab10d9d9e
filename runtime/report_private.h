/* What report_html.c and report_chart.c share. */
#ifndef D2V_RUNTIME_REPORT_PRIVATE_H
#define D2V_RUNTIME_REPORT_PRIVATE_H

#include "runtime/files_private.h"

/* report_chart.c: a <figure> with up to four series over the same steps. */
enum { CHART_SERIES = 4 };
typedef enum { SCALE_by_range, SCALE_linear } Scale; /* by_range: logarithmic where values span decades */
typedef struct {
	const char *title, *unit;
	Scale       scale;
} Chart;
void report_chart(Arena *a, Text *out, const Chart *chart, const Series *const *series, int n);

/* report_html.c: s with the characters HTML would act on replaced. */
void html_text(Text *out, const char *s);

/* report_style.c: the <style> and the <script>. */
extern const char report_style[], report_script[];

#endif
