/* RUN/profile.json, and what it says beside the prediction. Without the file the page says nothing
 * of measured times. */
#include "compiler/report/report_private.h"

#include <jansson.h>
#include <string.h>

enum { ROWS_MOST = 12 };

static Status
read_row(Arena *a, const char *path, const json_t *o, Measured *m)
{
	const char   *name = json_string_value(json_object_get(o, "name"));
	const json_t *ms = json_object_get(o, "ms"), *floor = json_object_get(o, "floor_ms");

	if (!json_is_object(o) || !json_is_number(ms))
		return user_error("profile", "%s: a row lacks a number `ms`", path);
	*m = (Measured){name ? arena_strdup(a, name) : "",
	                (int)json_integer_value(json_object_get(o, "calls")), json_number_value(ms),
	                json_is_number(floor) ? json_number_value(floor) : -1};
	return OK;
}

static Status
read_rows(Arena *a, const char *path, const json_t *root, MeasuredRun *r)
{
	for (int k = 0; k < 4; k++) {
		static const char *const key[] = {"kinds", "roles", "lines", "kernels"};
		const json_t            *rows = json_object_get(root, key[k]);

		if (!json_is_array(rows))
			return user_error("profile", "%s: it has no list `%s`", path, key[k]);
		for (size_t i = 0; i < json_array_size(rows); i++) {
			Measured m;

			TRY(read_row(a, path, json_array_get(rows, i), &m));
			switch (k) {
			case 0:
				vec_push(a, &r->kinds, m);
				break;
			case 1:
				vec_push(a, &r->roles, m);
				break;
			case 2:
				vec_push(a, &r->lines, m);
				break;
			default:
				vec_push(a, &r->kernels, m);
			}
		}
	}
	return read_row(a, path, json_object_get(root, "total"), &r->total);
}

Status
measured_read(Arena *a, const char *path, MeasuredRun **out)
{
	char        *text;
	size_t       n;
	json_error_t e;
	json_t      *root;
	Status       s;

	*out = NULL;
	if (!file_exists(path))
		return OK;
	TRY(file_read(path, &text, &n));
	root = json_loadb(text, n, 0, &e);
	if (!root)
		return user_error("profile", "%s:%d: not JSON: %s", path, e.line, e.text);
	*out = arena_new_one(a, MeasuredRun);
	(*out)->device =
		arena_strdup(a, json_is_string(json_object_get(root, "device"))
	                                ? json_string_value(json_object_get(root, "device"))
	                                : "?");
	(*out)->runs = json_integer_value(json_object_get(root, "steps"));
	s = read_rows(a, path, root, *out);
	json_decref(root);
	return s;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* A spec line or a kernel of the program leads to its place on the page. */
static const char *
row_name(Arena *a, const ReportInput *in, const char *name)
{
	const LedgerRows *lines = &in->ledger->lines;

	for (int i = 0; i < lines->n; i++)
		if (strcmp(lines->at[i].name, name) == 0 && lines->at[i].loc.file)
			return arena_printf(a, "%s%s", line_link(a, in, lines->at[i].loc),
			                    line_says(a, in, lines->at[i].loc));
	return kernel_link(a, in, name);
}

static const char *
ratio_text(Arena *a, double x)
{
	return arena_printf(a, "%.*f", x >= 100 ? 0 : x >= 10 ? 1 : 2, x);
}

static void
put_rows(Arena *a, const ReportInput *in, const char *title, const Measured *row, int n, Text *out)
{
	const Measured *total = &in->measured->total;
	double          most = n ? row[0].ms : 0;

	text_printf(out, "<tbody><tr><th colspan=5 scope=rowgroup>%s</tr>\n", title);
	for (int i = 0; i < n && i < ROWS_MOST; i++) {
		text_printf(out, "<tr><td>%s", row_name(a, in, row[i].name));
		text_printf(out, "<td class=n>%s<td class=n>%s<td class=n>%s",
		            say_seconds(a, row[i].ms / 1e3),
		            row[i].floor_ms >= 0 ? say_seconds(a, row[i].floor_ms / 1e3) : "",
		            row[i].floor_ms > 0 ? ratio_text(a, row[i].ms / row[i].floor_ms) : "");
		text_printf(out,
		            "<td class=\"bars wide\"><span class=duo title=\"%s of the measured "
		            "step\"><i class=mea style=\"width:%.1f%%\"></i>"
		            "<i class=flo style=\"width:%.1f%%\"></i></span></tr>\n",
		            say_share(a, row[i].ms, total->ms),
		            most > 0 ? 100 * row[i].ms / most : 0,
		            most > 0 && row[i].floor_ms > 0 ? 100 * row[i].floor_ms / most : 0);
	}
	if (n > ROWS_MOST)
		text_printf(out, "<tr><td colspan=5 class=unit>and %d more, with less time</tr>\n",
		            n - ROWS_MOST);
	text_printf(out, "</tbody>\n");
}

void
report_measured(Arena *a, const ReportInput *in, Text *out)
{
	const MeasuredRun *m = in->measured;

	if (!m)
		return;
	text_printf(out, "<section id=measured aria-labelledby=h-measured><h2 "
	                 "id=h-measured>Measured against predicted</h2>\n<p class=note>On device ");
	html_text(out, m->device);
	text_printf(out, ", mean of %lld steps: <b>%s</b> a step", (long long)m->runs,
	            say_seconds(a, m->total.ms / 1e3));
	if (m->total.floor_ms > 0)
		text_printf(out, ", where the floor is %s: %.2f times",
		            say_seconds(a, m->total.floor_ms / 1e3),
		            m->total.ms / m->total.floor_ms);
	text_printf(out,
	            ". The floor is the larger of work and bytes at what this device reached when "
	            "it was tried, "
	            "which may be other rates than those of the prediction above; a ratio of 1 "
	            "leaves nothing to gain. "
	            "Launches of a few microseconds cost more than their floor, and what is still "
	            "in a cache can cost less.</p>\n"
	            "<div class=scroll tabindex=0 role=region aria-label=\"measured and predicted "
	            "times\"><table><thead><tr><th scope=col><th class=n scope=col>"
	            "measured<th class=n scope=col>floor<th class=n scope=col>ratio<th "
	            "class=\"bars wide\" scope=col><span class=duo-key><i class=mea></i>measured "
	            "<i class=flo></i>floor</span></tr></thead>\n");
	put_rows(a, in, "by role", m->roles.at, m->roles.n, out);
	put_rows(a, in, "by kind of kernel", m->kinds.at, m->kinds.n, out);
	put_rows(a, in, "by spec line", m->lines.at, m->lines.n, out);
	put_rows(a, in, "by kernel", m->kernels.at, m->kernels.n, out);
	text_printf(out, "</table></div></section>\n");
}
