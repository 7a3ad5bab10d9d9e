/* The spec, line by line, and beside each line what it costs: time by role, bytes moved, bytes that
 * live at the peak, kernels. */
#include "compiler/report/report_private.h"

#include <math.h>
#include <string.h>

static const LedgerRow *
row_at(const Ledger *l, const char *file, int line)
{
	for (int i = 0; i < l->lines.n; i++)
		if (l->lines.at[i].loc.file == file && l->lines.at[i].loc.line == line)
			return &l->lines.at[i];
	return NULL;
}

static const Measured *
measured_line(const ReportInput *in, const char *name)
{
	for (int i = 0; in->measured && i < in->measured->lines.n; i++)
		if (strcmp(in->measured->lines.at[i].name, name) == 0)
			return &in->measured->lines.at[i];
	return NULL;
}

/* How often each kernel runs for a line, in the order of the kernels' table: most time first. */
static void
line_kernels(Arena *a, const ReportInput *in, const LedgerRow *r, Text *out)
{
	const Ledger *l = in->ledger;
	int          *runs = arena_new_array(a, int, l->kernels.n + 1), n = 0;

	for (int i = 0; i < l->entry->nstep; i++)
		if (l->entry->step[i].loc.file == r->loc.file &&
		    l->entry->step[i].loc.line == r->loc.line)
			n += runs[kernel_row(l, l->step[i].name)]++ == 0;
	if (!n)
		return;
	text_printf(out,
	            "<details><summary>%d<span class=vh> kernel%s of line %d</span></summary><ul>",
	            n, n == 1 ? "" : "s", r->loc.line);
	for (int k = 0; k < l->kernels.n; k++)
		if (runs[k])
			text_printf(out, "<li>%s%s", kernel_link(a, in, l->kernels.at[k].name),
			            runs[k] > 1 ? arena_printf(a, " × %d", runs[k]) : "");
	text_printf(out, "</ul></details>");
}

static void
put_costs(Arena *a, const ReportInput *in, const LedgerRow *r, Text *out)
{
	const Ledger   *l = in->ledger;
	const Measured *m = measured_line(in, r->name);

	text_printf(out, "<td class=\"n time\" data-h=\"time\">%s<span class=pc>%s</span>",
	            r->seconds > 0 ? say_seconds(a, r->seconds) : "",
	            r->seconds > 0 ? say_share(a, r->seconds, l->seconds) : "");
	if (in->measured)
		text_printf(out, "<td class=n data-h=measured>%s",
		            m ? say_seconds(a, m->ms / 1e3) : "");
	for (int k = 0; k < ROLES; k++)
		text_printf(out, "<td class=\"n role\" data-h=%s>%s", role_name[k],
		            r->role_seconds[k] > 0 ? say_seconds(a, r->role_seconds[k]) : "");
	text_printf(out, "<td class=n data-h=moved>%s", r->bytes > 0 ? say_bytes(a, r->bytes) : "");
	text_printf(out, "<td class=n data-h=\"at peak\">%s<td class=ks>",
	            r->at_peak ? say_bytes(a, (double)r->at_peak) : "");
	line_kernels(a, in, r, out);
}

static void
put_file(Arena *a, const ReportInput *in, int f, double most, Text *out)
{
	const Ledger   *l = in->ledger;
	const SpecText *s = &in->spec[f];
	int             columns = 6 + ROLES + (in->measured != NULL);
	bool            gap = false;

	text_printf(out, "<tbody><tr class=file><th colspan=%d scope=rowgroup>", columns);
	html_text(out, s->file);
	text_printf(out, "</tr></tbody><tbody>\n");
	for (int i = 0; i < s->nline; i++) {
		const LedgerRow *r = row_at(l, s->file, i + 1);

		if (!s->line[i] && !r) {
			gap = true;
			continue;
		}
		if (gap)
			text_printf(out, "<tr class=gap><td colspan=%d>…</tr>\n", columns);
		gap = false;
		/* a tenth of the most expensive line's time is still to be seen: the root, not the
		 * share */
		if (r && r->seconds > 0)
			text_printf(out, "<tr id=L%d-%d class=hot style=\"--h:%.2f\">", f, i + 1,
			            sqrt(r->seconds / most));
		else
			text_printf(out, "<tr id=L%d-%d>", f, i + 1);
		text_printf(out,
		            r ? "<td class=ln>%d<td class=src>"
		              : "<td class=ln>%d<td class=src colspan=%d>",
		            i + 1, columns - 1);
		if (s->line[i])
			html_text(out, s->line[i]);
		else
			text_printf(out, "<i>not quoted by a kernel</i>");
		if (r)
			put_costs(a, in, r, out);
		text_printf(out, "</tr>\n");
	}
	text_printf(out, "</tbody>\n");
}

void
report_lines(Arena *a, const ReportInput *in, Text *out)
{
	const Ledger *l = in->ledger;
	double        most = 0;

	for (int i = 0; i < l->lines.n; i++)
		most = fmax(most, l->lines.at[i].seconds);
	text_printf(out, "<section id=spec aria-labelledby=h-spec><h2 id=h-spec>The spec, and what "
	                 "each line costs</h2>\n<p class=note>"
	                 "Times are predicted: the least that the work and the bytes of a line's "
	                 "kernels take. The darker a line, the larger its "
	                 "share of the step. A kernel that computes several lines counts for its "
	                 "main line.</p>\n");
	if (in->spec_note) {
		text_printf(out, "<p class=warn>");
		html_text(out, in->spec_note);
		text_printf(out, "</p>\n");
	}
	text_printf(out,
	            "<table class=spec><thead><tr><th class=ln scope=col>line<th scope=col>spec<th "
	            "class=n scope=col>%s",
	            in->measured ? "predicted<th class=n scope=col>measured" : "time");
	for (int k = 0; k < ROLES; k++)
		text_printf(out, "<th class=\"n role\" scope=col>%s", role_name[k]);
	text_printf(out, "<th class=n scope=col>bytes moved<th class=n scope=col>alive at peak<th "
	                 "scope=col>kernels</tr></thead>\n");
	for (int f = 0; f < in->nspec; f++)
		put_file(a, in, f, most, out);
	text_printf(out, "</table></section>\n");
}
