/* RUN/report.html from RUN/log.jsonl, RUN/eval.json (when there) and the program. This file
 * gathers; the page is made by report_html.c. */
#include "runtime/files_private.h"

#include <stdlib.h>
#include <string.h>

/* The length in RUN/run.txt; 0 when there is none. */
static int64_t
run_steps(const char *path)
{
	static const char key[] = "\nsteps ";
	char             *text, *at;
	int64_t           steps = 0;
	if (!file_exists(path) || file_read(path, &text, NULL) != OK)
		return 0;
	if ((at = strstr(text, key)))
		steps = strtoll(at + sizeof key - 1, NULL, 10);
	free(text);
	return steps;
}

static Status
report_in(Arena *a, const char *run, const Program *p)
{
	Report r = {.p = p, .steps = run_steps(arena_printf(a, "%s/run.txt", run))};
	Text   html = {0};
	TRY(run_log_read(a, arena_printf(a, "%s/log.jsonl", run), &r.log));
	TRY(run_results_read(a, arena_printf(a, "%s/eval.json", run), &r.results));
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
