/* Which charts a run gets, and in which order. Draws none itself. */
#include "compiler/page/page.h"

#include <string.h>

static const struct {
	Chart       chart;
	const char *name[CHART_SERIES];
} planned_charts[] = {
	{{"Loss", "training, per step", SCALE_by_range}, {"loss"}},
	{{"Gradient norm", "before clipping", SCALE_by_range}, {"grad_norm"}},
	{{"Learning rate", "", SCALE_linear}, {"lr"}},
	{{"EMA decay of the teacher", "", SCALE_linear}, {"ema_decay"}},
	{{"Spread of targets and predictions", "standard deviation", SCALE_by_range},
         {"target_std", "prediction_std", "pred_std"}},
	{{"Throughput", "samples per second", SCALE_linear}, {"samples_per_second"}},
};

void
report_charts(Arena *a, Text *out, const RunLog *r)
{
	bool *drawn = arena_new_array(a, bool, r->series.n + 1);
	text_printf(out,
	            "<h2>Curves</h2>\n<p class=note>Long runs: the line is the mean of "
	            "neighbouring steps, the band "
	            "reaches from their least to their greatest value.</p>\n<div class=charts>\n");
	for (int i = 0; i < COUNT(planned_charts); i++) {
		const Series *s[CHART_SERIES];
		int           n = 0;
		for (int k = 0; k < CHART_SERIES && planned_charts[i].name[k]; k++)
			if ((s[n] = run_log_series(r, planned_charts[i].name[k])) != NULL)
				drawn[s[n++] - r->series.at] = true;
		if (n)
			report_chart(a, out, &planned_charts[i].chart, s, n);
	}
	/* What else the spec watches, each on its own. */
	for (int i = 0; i < r->series.n; i++) {
		const Series *s = &r->series.at[i];
		if (!drawn[i] && strcmp(s->name, "epoch"))
			report_chart(a, out, &(Chart){s->name, "", SCALE_by_range}, &s, 1);
	}
	text_printf(out, "</div>\n");
}
