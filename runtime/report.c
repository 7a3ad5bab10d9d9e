/* RUN/report.html from RUN/log.jsonl, RUN/eval.json (when there) and the program. This file
 * gathers; the page is made by report_html.c. */
#include "runtime/files_private.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- eval.json: {.., "rows": [{"encoder", "metric", "value", "lo", "hi", "note"?}, ..]} ---- */

static double
number_or(const json_t *o, const char *key, double otherwise)
{
	const json_t *v = json_object_get(o, key);
	return json_is_number(v) ? json_number_value(v) : otherwise;
}

static Status
add_result(Arena *a, Report *r, const char *path, const json_t *o)
{
	const char *encoder = json_string_value(json_object_get(o, "encoder"));
	const char *metric = json_string_value(json_object_get(o, "metric"));
	const char *note = json_string_value(json_object_get(o, "note"));
	if (!encoder || !metric || !json_is_number(json_object_get(o, "value")))
		return user_error("report", "%s: a row lacks `encoder`, `metric` or `value`", path);
	ResultRow row = {arena_strdup(a, encoder),
	                 arena_strdup(a, metric),
	                 note ? arena_strdup(a, note) : "",
	                 number_or(o, "value", 0),
	                 number_or(o, "lo", 1),
	                 number_or(o, "hi", 0)};
	vec_push(a, &r->result, row);
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

static Status
read_results(Arena *a, const char *path, Report *r)
{
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
		s = root ? user_error("report", "%s: it has no list `rows`", path)
		         : user_error("report", "%s:%d: not JSON: %s", path, e.line, e.text);
	for (size_t i = 0; s == OK && i < json_array_size(rows); i++)
		s = add_result(a, r, path, json_array_get(rows, i));
	r->result_note = result_note(a, root);
	json_decref(root);
	return s;
}

static Status
report_in(Arena *a, const char *run, const Program *p)
{
	Report r = {.p = p, .result_note = ""};
	Text   html = {0};
	TRY(run_log_read(a, arena_printf(a, "%s/log.jsonl", run), &r.log));
	TRY(read_results(a, arena_printf(a, "%s/eval.json", run), &r));
	report_html(a, &r, &html);
	Status s = file_write_atomic(arena_printf(a, "%s/report.html", run), html.at, html.n);
	text_free(&html);
	return s;
}

Status
report_write(const char *run, const Program *p)
{
	Arena *a = arena_new();
	Status s = report_in(a, run, p);
	arena_free(a);
	return s;
}
