/* The record of a run: RUN/log.jsonl, one JSON object a line, and the same scalars as TensorBoard
 * events in RUN/events.out.tfevents.d2v.
 *
 * A line is `{"step":..,"epoch" and every value by
 * name..,"samples_per_second":..,"seconds":..,"time":..}`; step counts the steps done, so the first
 * line is step 1; seconds counts from the start of the run, without the pauses between resumes.
 * JSON has no word for numbers that are not finite: "NaN", "Infinity", "-Infinity". Each line is
 * one write: what a killed process logged is there, and a line is never torn by us. On resume,
 * lines past the resumed step (and a last line cut short) are dropped, the event file is made again
 * from the lines kept, and both go on as if nothing had happened. Refuses to resume over a damaged
 * line in the middle. */
#include "runtime/files_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct Log {
	Arena *a;
	char  *line_path, *event_path;
	int    line_fd, event_fd;
	Text   line, record; /* reused by every step */
	double before;       /* seconds of the run before this process */
	double start;        /* monotonic clock at log_open */
	Status status;       /* FAIL once a write failed and was reported */
};

/* Written by log_step itself; a watch of the spec with such a name is logged as `watch.NAME`. */
static const char *const own_keys[] = {"step", "samples_per_second", "seconds", "time"};

static double
clock_now(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void
json_number(Text *out, double x)
{
	char s[40];
	if (!isfinite(x)) {
		text_printf(out, "%s",
		            isnan(x) ? "\"NaN\""
		            : x > 0  ? "\"Infinity\""
		                     : "\"-Infinity\"");
		return;
	}
	/* Most values come from the device as f32: as many digits as give those bits back, not
	 * those of a double. */
	bool single = (double)(float)x == x;
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(s, sizeof s, "%.*g", digits, x);
		if (single ? strtof(s, NULL) == (float)x : strtod(s, NULL) == x)
			break;
	}
	text_printf(out, "%s", s);
}

/* ---- resuming ------------------------------------------------------------------------------- */

typedef struct {
	Text   lines, records;
	double seconds; /* of the last line kept */
} Kept;

static double
number_of(const json_t *v)
{
	const char *s = json_string_value(v);
	if (!s)
		return json_number_value(v);
	return !strcmp(s, "NaN")         ? NAN
	       : !strcmp(s, "Infinity")  ? INFINITY
	       : !strcmp(s, "-Infinity") ? -INFINITY
	                                 : 0;
}

static void
keep_record(const json_t *o, Kept *k)
{
	Arena       *a = arena_new();
	const char **names = arena_new_array(a, const char *, json_object_size(o) + 1);
	double      *values = arena_new_array(a, double, json_object_size(o) + 1);
	int          n = 0;
	double       wall = json_number_value(json_object_get(o, "time"));
	const char  *key;
	json_t      *v;
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		if (!strcmp(key, "step") || !strcmp(key, "seconds") || !strcmp(key, "time"))
			continue;
		names[n] = key;
		values[n++] = number_of(v);
	}
	if (!k->records.n)
		events_header(&k->records, wall);
	events_scalars(&k->records, wall, json_integer_value(json_object_get(o, "step")), names,
	               values, n);
	arena_free(a);
}

static Status
keep_lines(const char *path, char *text, size_t n, int64_t resume_step, Kept *k)
{
	int line = 1;
	for (char *at = text, *end; at < text + n; at = end + 1, line++) {
		end = memchr(at, '\n', (size_t)(text + n - at));
		if (!end)
			return OK; /* cut short when the process died: its step is repeated */
		json_error_t e;
		json_t      *o = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, &e);
		json_t      *step = json_object_get(o, "step");
		if (!json_is_integer(step)) {
			json_decref(o);
			return user_error("log", "%s:%d: not a line of a log%s%s", path, line,
			                  o ? ": it has no step" : ": ", o ? "" : e.text);
		}
		if (json_integer_value(step) <= resume_step) {
			text_append(&k->lines, at, (size_t)(end - at) + 1);
			keep_record(o, k);
			k->seconds = json_number_value(json_object_get(o, "seconds"));
		}
		json_decref(o);
	}
	return OK;
}

static Status
rewrite(Log *l, int64_t resume_step)
{
	char  *text;
	size_t n;
	Kept   k = {0};
	TRY(file_read(l->line_path, &text, &n));
	Status s = keep_lines(l->line_path, text, n, resume_step, &k);
	free(text);
	if (s == OK && !k.records.n)
		events_header(&k.records, clock_now(CLOCK_REALTIME));
	if (s == OK)
		s = file_write_atomic(l->line_path, k.lines.n ? k.lines.at : "", k.lines.n);
	if (s == OK)
		s = file_write_atomic(l->event_path, k.records.at, k.records.n);
	l->before = k.seconds;
	text_free(&k.lines);
	text_free(&k.records);
	return s;
}

/* ---- the open log --------------------------------------------------------------------------- */

static void
write_whole(Log *l, const char *path, int fd, const Text *t)
{
	const char *at = t->at;
	size_t      n = t->n;
	while (n && l->status == OK) {
		ssize_t put = write(fd, at, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			l->status =
				world_error("log", "cannot write %s: %s", path, strerror(errno));
			return;
		}
		at += put;
		n -= (size_t)put;
	}
}

static Status
open_files(Log *l, bool resume)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (resume ? 0 : O_TRUNC);
	l->line_fd = open(l->line_path, flags, 0666);
	if (l->line_fd < 0)
		return world_error("log", "cannot open %s: %s", l->line_path, strerror(errno));
	l->event_fd = open(l->event_path, flags, 0666);
	if (l->event_fd < 0)
		return world_error("log", "cannot open %s: %s", l->event_path, strerror(errno));
	if (!resume) {
		events_header(&l->record, clock_now(CLOCK_REALTIME));
		write_whole(l, l->event_path, l->event_fd, &l->record);
	}
	return l->status;
}

Status
log_open(const char *run, const Recipe *r, bool resume, int64_t resume_step, Log **out)
{
	(void)r; /* the values arrive by name */
	TRY(file_make_dirs(run));
	Arena *a = arena_new();
	Log   *l = arena_new_one(a, Log);
	*l = (Log){.a = a, .line_fd = -1, .event_fd = -1, .status = OK};
	l->line_path = arena_printf(a, "%s/log.jsonl", run);
	l->event_path = arena_printf(a, "%s/events.out.tfevents.d2v", run);
	l->start = clock_now(CLOCK_MONOTONIC);
	bool   old = resume && file_exists(l->line_path);
	Status s = old ? rewrite(l, resume_step) : OK;
	if (s == OK)
		s = open_files(l, old);
	if (s != OK) {
		l->status = FAIL; /* reported: closing has nothing to add */
		if (log_close(l) == OK)
			BUG("a failed log closed well");
		return FAIL;
	}
	*out = l;
	return OK;
}

static const char *
logged_name(Arena *a, const char *name)
{
	for (int i = 0; i < COUNT(own_keys); i++)
		if (!strcmp(name, own_keys[i]))
			return arena_printf(a, "watch.%s", name);
	return name;
}

void
log_step(Log *l, int64_t step, const char *const *names, const double *values, int n,
         double samples_per_second)
{
	if (l->status != OK)
		return;
	Arena       *a = arena_new();
	const char **name = arena_new_array(a, const char *, n + 1);
	double      *value = arena_new_array(a, double, n + 1);
	double       wall = clock_now(CLOCK_REALTIME);
	l->line.n = l->record.n = 0;
	text_printf(&l->line, "{\"step\":%" PRId64, step);
	for (int i = 0; i < n; i++) {
		name[i] = logged_name(a, names[i]);
		value[i] = values[i];
		text_printf(&l->line, ",");
		json_quote(&l->line, name[i]);
		text_printf(&l->line, ":");
		json_number(&l->line, value[i]);
	}
	name[n] = "samples_per_second";
	value[n] = samples_per_second;
	text_printf(&l->line, ",\"samples_per_second\":");
	json_number(&l->line, (double)(float)samples_per_second);
	text_printf(&l->line, ",\"seconds\":%.3f,\"time\":%.3f}\n",
	            l->before + clock_now(CLOCK_MONOTONIC) - l->start, wall);
	write_whole(l, l->line_path, l->line_fd, &l->line);
	events_scalars(&l->record, wall, step, name, value, n + 1);
	write_whole(l, l->event_path, l->event_fd, &l->record);
	arena_free(a);
}

static void
close_file(Log *l, const char *path, int fd)
{
	if (fd < 0)
		return;
	bool bad = fsync(fd) != 0;
	bad = close(fd) != 0 || bad;
	if (bad && l->status == OK)
		l->status = world_error("log", "cannot finish %s: %s", path, strerror(errno));
}

Status
log_close(Log *l)
{
	if (!l)
		return OK;
	close_file(l, l->line_path, l->line_fd);
	close_file(l, l->event_path, l->event_fd);
	Status s = l->status;
	text_free(&l->line);
	text_free(&l->record);
	arena_free(l->a);
	return s;
}
