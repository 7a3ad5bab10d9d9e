/* d2v check and d2v fmt: what can be said about the text of a spec. Neither runs a pass nor writes
 * a program. */
#include "compiler/d2v_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

const OptionRow check_options[] = {
	SET,
	CHOICE("--format", format, "text|json",
               "json: one object with ok, diagnostics and summary (default: text)"),
	FLAG("--quiet", quiet, "no summary, no table"),
	FLAG("--passes", check_passes,
             "shrink the sizes, then run the step before and after each pass: do all keep its "
             "meaning?"),
	CHOICE("--target", target, "cpu|cuda",
               "with --passes: the device that passes are run for (default: cpu)"),
	RECOMPUTE,
	END,
};

const OptionRow fmt_options[] = {
	FLAG("-w", write, "rewrite the files in place"),
	FLAG("--check", check, "only tell; exit code 1 when a file would change"),
	END,
};

/* One object on standard output, whatever happens: {"ok": .., "diagnostics": [..], "summary":
 * {..}}. A note or help belongs to the error or warning before it; the summary is null when there
 * are errors. */
static Status
check_json(Arena *a, const Options *o)
{
	char  *said = NULL;
	size_t n = 0;
	Spec  *spec;
	Text   t = {0};
	FILE  *f = open_memstream(&said, &n);
	Status s;

	if (!f)
		return world_error("out-of-memory", "there is no memory for messages");
	diag_format(DIAG_JSON);
	diag_sink(f);
	s = dsl_compile(a, o->file, o->set, o->nset, &spec);
	diag_sink(NULL);
	fclose(f);
	text_printf(&t, "{\"ok\": %s,\n\"diagnostics\": [", s == OK ? "true" : "false");
	/* a message a line */
	for (char *line = said, *end; (end = strchr(line, '\n')); line = end + 1)
		text_printf(&t, "%s\n  %.*s", line == said ? "" : ",", (int)(end - line), line);
	text_printf(&t, "%s],\n\"summary\": ", n ? "\n" : "");
	if (s == OK && !o->quiet)
		dsl_summary_json(spec, &t);
	else
		text_printf(&t, "null");
	text_printf(&t, "}\n");
	fwrite(t.at, 1, t.n, stdout);
	text_free(&t);
	free(said);
	return s;
}

Status
do_check(Arena *a, const Options *o)
{
	Spec *spec;

	if (o->check_passes)
		return check_passes(a, o);
	if (o->format && strcmp(o->format, "json") == 0)
		return check_json(a, o);
	TRY(dsl_compile(a, o->file, o->set, o->nset, &spec));
	if (!o->quiet)
		fwrite(spec->summary.at, 1, spec->summary.n, stdout);
	return OK;
}

static Status
format_file(const Options *o, const char *path)
{
	char  *text;
	size_t n;
	Text   t = {0};
	Status s = OK;
	bool   same;
	char   full[PATH_MAX]; /* a link stays one: what it leads to is written */

	TRY(file_read(path, &text, &n));
	diag_source(intern(path), text);
	TRY(dsl_format(path, text, &t));
	same = t.n == n && memcmp(t.at, text, n) == 0;
	if (o->write && !same)
		s = file_write_atomic(realpath(path, full) ? full : path, t.at, t.n);
	else if (o->check && !same)
		s = user_error("format", "%s is not formatted; `d2v fmt -w %s` does it", path,
		               path);
	else if (!o->write && !o->check)
		fwrite(t.at, 1, t.n, stdout);
	text_free(&t);
	return s;
}

Status
do_fmt(Arena *a, const Options *o)
{
	Status s = OK;

	(void)a;
	for (int i = 0; i < o->nfile; i++)
		if (format_file(o, o->files[i]) != OK)
			s = FAIL;
	return s;
}
