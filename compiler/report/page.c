/* The page put together: head, links over the parts, figures at a glance, and the parts in order.
 * One file that fetches nothing. */
#include "compiler/report/report_private.h"

#include <string.h>

static void
tile(Text *out, const char *name, const char *value, const char *note)
{
	text_printf(out, "<div><dt>%s</dt><dd>", name);
	html_text(out, value);
	text_printf(out, " <small>");
	html_text(out, note);
	text_printf(out, "</small></dd></div>\n");
}

static int64_t
parameters(const Recipe *r)
{
	int64_t n = 0;

	for (int i = 0; i < r->nvar; i++)
		if (r->var[i].kind == VAR_param)
			n += type_elems(&r->var[i].type);
	return n;
}

static void
tiles(Arena *a, const ReportInput *in, Text *out)
{
	const Ledger *l = in->ledger;
	const char   *cores = l->cores > 1
	                              ? arena_printf(a, "%s, %d cores", l->rates.device, l->cores)
	                              : l->rates.device;

	text_printf(out, "<dl class=tiles>\n");
	tile(out, "Step, predicted", say_seconds(a, l->seconds),
	     arena_printf(a, "at least, on %s", cores));
	if (in->measured)
		tile(out, "Step, measured", say_seconds(a, in->measured->total.ms / 1e3),
		     arena_printf(a, "on %s", in->measured->device));
	tile(out, "Work", say_count(a, l->flops), "operations a step");
	tile(out, "Traffic", say_bytes(a, l->bytes), "a step");
	tile(out, "Memory", say_bytes(a, (double)l->total), "allocated");
	if (l->peak >= 0)
		tile(out, "Activations", say_bytes(a, (double)l->peak_bytes),
		     arena_printf(a, "at the peak, step %d", l->peak + 1));
	tile(out, "Launches", arena_printf(a, "%d", l->entry->nstep),
	     arena_printf(a, "of %d kernels", l->kernels.n));
	tile(out, "Parameters", say_count(a, (double)parameters(&l->program->recipe)), "trained");
	text_printf(out, "</dl>\n");
	text_printf(out, "<p class=note>Predicted with the rates of %s", l->rates.device);
	if (*l->rates.source) {
		text_printf(out, ": ");
		html_text(out, l->rates.source);
	}
	text_printf(out, ".</p>\n");
}

static void
head(const ReportInput *in, Text *out)
{
	const Recipe *r = &in->ledger->program->recipe;

	text_printf(out, "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n<meta "
	                 "name=viewport content=\"width=device-width,initial-scale=1\">\n<title>");
	html_text(out, r->spec_name);
	text_printf(out, " - d2v report</title>\n<style>\n%s%s</style></head>\n<body>\n",
	            report_style, page_css);
	text_printf(out,
	            "<a class=skip href=#content>Skip to the content</a>\n<header><nav "
	            "aria-label=\"parts of this page\">%s%s%s<a href=#spec>Spec</a>"
	            "<a href=#memory>Memory</a><a href=#passes>Passes</a><a "
	            "href=#kernels>Kernels</a></nav><button type=button id=theme "
	            "hidden>dark</button></header>\n",
	            in->results && in->results->row.n ? "<a href=#results>Results</a>" : "",
	            in->log ? "<a href=#curves>Curves</a>" : "",
	            in->measured ? "<a href=#measured>Measured</a>" : "");
	text_printf(out, "<main id=content tabindex=-1>\n<h1>");
	html_text(out, r->spec_name);
	text_printf(out, "</h1>\n<p class=hash>");
	html_text(out, in->title);
	if (*in->settings) {
		text_printf(out, " ");
		html_text(out, in->settings);
	}
	text_printf(out, " · entry ");
	html_text(out, in->ledger->entry->name);
	text_printf(out, " for ");
	html_text(out, in->ledger->program->target);
	text_printf(out, " · spec ");
	html_text(out, r->spec_hash);
	if (r->edited) {
		text_printf(out, " · edited: ");
		html_text(out, r->edited);
	}
	text_printf(out, "</p>\n");
}

Status
report_page(Arena *a, const ReportInput *in, Text *out)
{
	head(in, out);
	tiles(a, in, out);
	if (in->results && in->results->row.n) {
		text_printf(out, "<section id=results aria-label=results>\n");
		report_results(out, in->results);
		text_printf(out, "</section>\n");
	}
	if (in->log) {
		text_printf(out, "<section id=curves aria-label=curves>\n");
		report_charts(a, out, in->log);
		text_printf(out, "</section>\n");
	}
	report_measured(a, in, out);
	report_lines(a, in, out);
	report_memory(a, in, out);
	report_passes(a, in, out);
	report_kernels(a, in, out);
	text_printf(out, "</main>\n<script>\n%s%s</script>\n</body></html>\n", report_script,
	            page_js);
	return OK;
}
