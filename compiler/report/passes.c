/* The graph after each pass: a table of what changed, and, for the stepper, every stage's text with
 * the lines' pairing, all deflated into one piece of base64 that the browser unpacks. */
#include "compiler/report/report_private.h"

#include <string.h>
#include <zlib.h>

/* bytes of base64; graphs beyond that are left out, the first never */
enum { PACKED_MOST = 3 << 20 };

static void
runs_json(const char *key, const bool *at, int n, Text *out)
{
	bool some = false;

	text_printf(out, ",\"%s\":[", key);
	for (int i = 0, end; i < n; i = end) {
		for (end = i; end < n && at[end] == at[i]; end++)
			;
		if (at[i]) {
			text_printf(out, "%s%d,%d", some ? "," : "", i, end - i);
			some = true;
		}
	}
	text_printf(out, "]");
}

/* {"graph", "pass", "does", "bytes": of its text, "nodes" .., "from": [old line or -1, how many,
 * ..], "changed": [line, how many, ..], "moved"} */
static void
stage_json(const Stage *s, const StageChange *c, Text *out)
{
	text_printf(out, "{\"graph\":");
	text_json(out, s->graph);
	text_printf(out, ",\"pass\":");
	text_json(out, s->pass);
	text_printf(out, ",\"does\":");
	text_json(out, s->does);
	text_printf(out,
	            ",\"bytes\":%zu,\"nodes\":%d,\"added\":%d,\"removed\":%d,\"edited\":%d,"
	            "\"shifted\":%d,\"from\":[",
	            s->n, c->nodes, c->added, c->removed, c->nchanged, c->nmoved);
	for (int i = 0, end; i < c->nnew; i = end) {
		for (end = i + 1;
		     end < c->nnew && c->from[end] == (c->from[i] < 0 ? -1 : c->from[i] + end - i);
		     end++)
			;
		text_printf(out, "%s%d,%d", i ? "," : "", c->from[i], end - i);
	}
	text_printf(out, "]");
	runs_json("changed", c->changed, c->nnew, out);
	runs_json("moved", c->moved, c->nnew, out);
	text_printf(out, "}");
}

static void
base64(const unsigned char *in, size_t n, Text *out)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t x = (uint32_t)in[i] << 16 | (i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0) |
		             (i + 2 < n ? in[i + 2] : 0);
		char s[4] = {digit[x >> 18], digit[x >> 12 & 63],
		             i + 1 < n ? digit[x >> 6 & 63] : '=', i + 2 < n ? digit[x & 63] : '='};

		text_append(out, s, 4);
	}
}

/* [stages] NEWLINE texts, deflated. */
static void
pack(Arena *a, const ReportInput *in, StageChange *const *c, int n, Text *out)
{
	Text           all = {0};
	uLongf         bytes;
	unsigned char *packed;

	text_printf(&all, "[");
	for (int i = 0; i < n; i++) {
		text_printf(&all, "%s", i ? "," : "");
		stage_json(&in->stage[i], c[i], &all);
	}
	text_printf(&all, "]\n");
	for (int i = 0; i < n; i++)
		text_append(&all, in->stage[i].text, in->stage[i].n);
	bytes = compressBound(all.n);
	packed = arena_alloc(a, bytes);
	if (compress2(packed, &bytes, (const unsigned char *)all.at, all.n, 6) != Z_OK)
		BUG("deflate of %zu bytes", all.n);
	text_free(&all);
	base64(packed, bytes, out);
}

static bool
new_graph(const ReportInput *in, int i)
{
	return i == 0 || strcmp(in->stage[i].graph, in->stage[i - 1].graph) != 0;
}

/* As many graphs as fit, whole. */
static int
pack_some(Arena *a, const ReportInput *in, StageChange *const *c, Text *out)
{
	int n = in->nstage;

	for (;;) {
		Text t = {0};

		pack(a, in, c, n, &t);
		int fewer = n - 1;
		while (fewer > 0 && !new_graph(in, fewer))
			fewer--;
		if (t.n <= PACKED_MOST || fewer == 0) {
			text_append(out, t.at, t.n);
			text_free(&t);
			return n;
		}
		text_free(&t);
		n = fewer;
	}
}

static void
put_table(const ReportInput *in, StageChange *const *c, Text *out)
{
	text_printf(out, "<details class=card><summary>What each pass did</summary><div "
	                 "class=scroll tabindex=0 role=region aria-label=\"what each pass did\">"
	                 "<table><thead><tr><th scope=col>pass<th class=n scope=col>nodes<th "
	                 "class=n scope=col>added<th class=n scope=col>removed"
	                 "<th class=n scope=col>changed<th class=n scope=col>moved<th "
	                 "scope=col>what it is for</tr></thead>");
	for (int i = 0; i < in->nstage; i++) {
		if (new_graph(in, i)) {
			text_printf(out, "%s<tbody><tr><th colspan=7 scope=rowgroup>",
			            i ? "</tbody>" : "");
			html_text(out, in->stage[i].graph);
			text_printf(out, "</tr>\n");
		}
		text_printf(out, "<tr><td><code>");
		html_text(out, in->stage[i].pass);
		text_printf(out, "</code><td class=n>%d", c[i]->nodes);
		if (new_graph(in, i))
			text_printf(out, "<td class=n><td class=n><td class=n><td class=n><td>");
		else
			text_printf(out,
			            "<td class=n>%d<td class=n>%d<td class=n>%d<td class=n>%d<td>",
			            c[i]->added, c[i]->removed, c[i]->nchanged, c[i]->nmoved);
		html_text(out, in->stage[i].does);
		text_printf(out, "</tr>\n");
	}
	text_printf(out, "</tbody></table></div></details>\n");
}

void
report_passes(Arena *a, const ReportInput *in, Text *out)
{
	StageChange **c = arena_new_array(a, StageChange *, in->nstage + 1);
	int           n;

	if (!in->nstage) {
		text_printf(out, "<section id=passes aria-labelledby=h-passes><h2 id=h-passes>The "
		                 "graph after each pass</h2>\n<p class=note>A compiled program "
		                 "no longer holds its graphs: <code>d2v report ... --spec "
		                 "SPEC.d2v</code> shows them.</p></section>\n");
		return;
	}
	for (int i = 0; i < in->nstage; i++)
		c[i] = stage_change(a, new_graph(in, i) ? NULL : &in->stage[i - 1], &in->stage[i]);
	text_printf(out,
	            "<section id=passes aria-labelledby=h-passes><h2 id=h-passes>The graph after "
	            "each pass</h2>\n<div class=\"card stepper\" id=stepper "
	            "hidden>\n<div class=controls><label>Graph <select id=graph></select></label>"
	            "<span class=pair><button type=button id=prev aria-label=\"previous "
	            "pass\">←</button><label>Pass <select id=pass></select></label>"
	            "<button type=button id=next aria-label=\"next pass\">→</button></span>"
	            "<label>Show <select id=mode><option value=changes>what changed<option "
	            "value=all>the whole graph</select></label>"
	            "<label>Find <input type=search id=find placeholder=\"softmax, vit.d2v:36, "
	            "kernel 5\"></label></div>\n"
	            "<p id=did></p><p id=counts class=note role=status></p><div id=graphtext "
	            "class=graphtext tabindex=0 role=region aria-label=\"graph after "
	            "the pass\"></div></div>\n<p class=note id=no-stepper>Stepping through the "
	            "passes needs JavaScript and a browser that can unpack "
	            "deflated text; <code>d2v compile --dump-dir FOLDER</code> writes the same as "
	            "files.</p>\n");
	put_table(in, c, out);
	text_printf(out, "<script type=\"text/plain\" id=stages>");
	n = pack_some(a, in, c, out);
	text_printf(out, "</script>\n");
	if (n < in->nstage) {
		text_printf(out, "<p class=note>To keep this page small, the graphs from <code>");
		html_text(out, in->stage[n].graph);
		text_printf(out, "</code> on are only in the table.</p>\n");
	}
	text_printf(out, "</section>\n");
}
