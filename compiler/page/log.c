/* The log of a run, RUN/log.jsonl, as series of numbers. Judges no value: what is not a number is
 * counted. */
#include "compiler/page/page.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static Series *
series_named(Arena *a, RunLog *r, const char *name)
{
	for (int i = 0; i < r->series.n; i++)
		if (!strcmp(r->series.at[i].name, name))
			return &r->series.at[i];
	vec_push(a, &r->series, (Series){.name = arena_strdup(a, name)});
	return &r->series.at[r->series.n - 1];
}

static void
add_value(Arena *a, RunLog *r, const char *name, int64_t step, const json_t *v)
{
	Series *s = series_named(a, r, name);
	if (json_is_number(v)) {
		vec_push(a, &s->step, (double)step);
		vec_push(a, &s->value, json_number_value(v));
	} else if (!s->bad++) {
		s->first_bad = step;
	}
}

static Status
add_line(Arena *a, RunLog *r, const char *path, int line, const char *text, size_t n)
{
	json_error_t e;
	json_t      *o = json_loadb(text, n, 0, &e);
	if (!json_is_object(o) || !json_is_integer(json_object_get(o, "step"))) {
		json_decref(o);
		return user_error("report", "%s:%d: not a line of a log", path, line);
	}
	int64_t     step = json_integer_value(json_object_get(o, "step"));
	const char *key;
	json_t     *v;
	json_object_foreach(o, key, v) if (strcmp(key, "step") && strcmp(key, "time") &&
	                                   strcmp(key, "seconds")) add_value(a, r, key, step, v);
	r->seconds = json_number_value(json_object_get(o, "seconds"));
	r->last_step = step;
	r->lines++;
	json_decref(o);
	return OK;
}

Status
run_log_read(Arena *a, const char *path, RunLog *r)
{
	char  *text;
	size_t n;
	if (!file_exists(path))
		return user_error("report",
		                  "there is no %s: a report is made from the log of a run", path);
	TRY(file_read(path, &text, &n));
	Status s = OK;
	int    line = 1;
	for (char *at = text, *end; s == OK && at < text + n; at = end + 1, line++) {
		end = memchr(at, '\n', (size_t)(text + n - at));
		if (!end)
			break;
		s = add_line(a, r, path, line, at, (size_t)(end - at));
	}
	free(text);
	return s;
}

const Series *
run_log_series(const RunLog *l, const char *name)
{
	for (int i = 0; i < l->series.n; i++)
		if (!strcmp(l->series.at[i].name, name))
			return &l->series.at[i];
	return NULL;
}
