/* What d2v eval found of a run, RUN/eval.json, and its table for a page. Judges no value. */
#include "compiler/page/page.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- eval.json: {.., "rows": [{"encoder", "metric", "value", "lo", "hi", "note"?}, ..]} ----- */

static double
number_or(const json_t *o, const char *key, double otherwise)
{
	const json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : otherwise;
}

static Status
add_result(Arena *a, RunResults *r, const char *path, const json_t *o)
{
	const char *encoder = json_string_value(json_object_get(o, "encoder"));
	const char *metric = json_string_value(json_object_get(o, "metric"));
	const char *note = json_string_value(json_object_get(o, "note"));
	if (!encoder || !metric || !json_is_number(json_object_get(o, "value")))
		return user_error("results", "%s: a row lacks `encoder`, `metric` or `value`",
		                  path);
	ResultRow row = {arena_strdup(a, encoder),
	                 arena_strdup(a, metric),
	                 note ? arena_strdup(a, note) : "",
	                 number_or(o, "value", 0),
	                 number_or(o, "lo", 1),
	                 number_or(o, "hi", 0)};
	vec_push(a, &r->row, row);
	return OK;
}

/* Under which conditions: the whole numbers beside the rows, in words. */
static const char *
result_note(Arena *a, const json_t *root)
{
	Text        t = {0};
	const char *key;
	json_t     *v;
	json_object_foreach((json_t *)(uintptr_t)root, key, v) if (json_is_integer(v)) text_printf(
		&t, "%s%s %" JSON_INTEGER_FORMAT, t.n ? ", " : "", key, json_integer_value(v));
	for (size_t i = 0; i < t.n; i++)
		if (t.at[i] == '_')
			t.at[i] = ' ';
	char *s = arena_strndup(a, t.n ? t.at : "", t.n);
	text_free(&t);
	return s;
}

Status
run_results_read(Arena *a, const char *path, RunResults *r)
{
	*r = (RunResults){.note = ""};
	if (!file_exists(path))
		return OK;
	char        *text;
	size_t       n;
	json_error_t e;
	TRY(file_read(path, &text, &n));
	json_t *root = json_loadb(text, n, 0, &e);
	free(text);
	const json_t *rows = json_object_get(root, "rows");
	Status        s = OK;
	if (!json_is_array(rows))
		s = root ? user_error("results", "%s: it has no list `rows`", path)
		         : user_error("results", "%s:%d: not JSON: %s", path, e.line, e.text);
	for (size_t i = 0; s == OK && i < json_array_size(rows); i++)
		s = add_result(a, r, path, json_array_get(rows, i));
	r->note = result_note(a, root);
	json_decref(root);
	return s;
}

/* ---- the table ------------------------------------------------------------------------------ */

void
report_results(Text *out, const RunResults *r)
{
	if (!r->row.n)
		return;
	text_printf(out, "<h2>Results</h2>\n<div "
	                 "class=table><table><thead><tr><th>Encoder<th>Measure<th class=n>Value"
	                 "<th class=n>95 %% interval<th class=wide></tr></thead><tbody>\n");
	for (int i = 0; i < r->row.n; i++) {
		const ResultRow *w = &r->row.at[i];
		bool             interval = w->lo <= w->hi;
		text_printf(out, "<tr><td>");
		html_text(out, w->encoder);
		text_printf(out, "<td>");
		html_text(out, w->metric);
		if (*w->note) {
			text_printf(out, " <span class=unit>");
			html_text(out, w->note);
			text_printf(out, "</span>");
		}
		/* Accuracies are fractions; anything else is shown as it is. */
		bool share =
			w->value >= 0 && w->value <= 1 && (!interval || (w->lo >= 0 && w->hi <= 1));
		text_printf(out, share ? "<td class=n><b>%.2f %%</b>" : "<td class=n><b>%.4g</b>",
		            share ? 100 * w->value : w->value);
		text_printf(out, "<td class=n>");
		if (interval)
			text_printf(out, share ? "%.2f – %.2f %%" : "%.4g – %.4g",
			            share ? 100 * w->lo : w->lo, share ? 100 * w->hi : w->hi);
		text_printf(out, "<td class=wide>");
		if (share)
			text_printf(out,
			            "<div class=interval><i "
			            "style=\"left:%.2f%%;width:%.2f%%\"></i></div>",
			            100 * (interval ? w->lo : w->value),
			            interval ? 100 * (w->hi - w->lo) : 0);
		text_printf(out, "</tr>\n");
	}
	text_printf(out, "</tbody></table></div>\n");
	if (*r->note) {
		text_printf(out, "<p class=note>");
		html_text(out, r->note);
		text_printf(out, "</p>\n");
	}
}
