/* d2v opt: passes on the text of a graph, and the table of passes. Reads nothing but that text;
 * knows no spec. */
#include "compiler/d2v_private.h"
#include "compiler/pass/pass.h"

#include <stdlib.h>
#include <string.h>

const OptionRow opt_options[] = {
	TEXT("--passes", passes, "A,B,..",
             "the passes to run, in this order (default: none, only check and print)"),
	DUMP,
	TEXT("--dump-dir", dump_dir, "FOLDER", "write the graph after each pass there"),
	VERIFY_EACH,
	ALONE("--list-passes", list_passes,
              "print each pass, what it does, expects and ensures, in the order of d2v compile"),
	END,
};

bool
is_off(const char *choice)
{
	return choice && strcmp(choice, "off") == 0;
}

/* ---- graphs as files ------------------------------------------------------------------------ */

Status
graph_read(Arena *a, const char *path, Graph **out)
{
	bool   stdin_ = strcmp(path, "-") == 0;
	char  *text;
	size_t n;

	TRY(file_read(stdin_ ? "/dev/stdin" : path, &text, &n));
	diag_source(intern(path), text);
	if (strlen(text) != n) {
		free(text);
		return user_error("ir-syntax", "%s holds a NUL byte: it is no graph", path);
	}
	TRY(graph_parse(a, path, text, out));
	return graph_verify(*out, "parse", false);
}

Status
text_write(const Text *t, const char *path)
{
	if (path)
		return file_write_atomic(path, t->at, t->n);
	return fwrite(t->at, 1, t->n, stdout) == t->n && fflush(stdout) == 0
	               ? OK
	               : world_error("stdout", "cannot write to stdout");
}

/* ---- the table of passes -------------------------------------------------------------------- */

enum { NAME_WIDTH = 10, DOES_WIDTH = 61, FACT_WIDTH = 11 }; /* with two blanks between: 99 */

/* The next line of *text: as many words as fit into `width`. Steps over them. */
static int
take_line(const char **text, int width, const char **line)
{
	int n = (int)strlen(*line = *text);

	if (n > width)
		for (n = width; n > 0 && (*line)[n] != ' '; n--)
			;
	*text += n;
	*text += strspn(*text, " ");
	return n;
}

/* The names of facts, a blank between. */
static const char *
fact_names(Arena *a, unsigned facts)
{
	const char *s = "";

	for (int f = 0; f < FACT_COUNT; f++)
		if (facts & 1u << f)
			s = arena_printf(a, "%s%s%s", s, *s ? " " : "", fact_table[f].name);
	return *s ? s : "-";
}

static void
list_passes(Arena *a)
{
	printf("%-*s  %-*s  %-*s  %s\n", NAME_WIDTH, "pass", DOES_WIDTH, "what it does", FACT_WIDTH,
	       "expects", "ensures");
	for (int p = 0; p < pass_count; p++) {
		const char *name = pass_table[p].name, *part[3];
		const char *rest[3] = {pass_table[p].does, fact_names(a, pass_table[p].expects),
		                       fact_names(a, pass_table[p].ensures)};
		const int   width[3] = {DOES_WIDTH, FACT_WIDTH, FACT_WIDTH};

		for (; *rest[0] || *rest[1] || *rest[2]; name = "") {
			int n[3], used;

			for (int c = 0; c < 3; c++)
				n[c] = take_line(&rest[c], width[c], &part[c]);
			used = n[2] ? 3 : n[1] ? 2 : 1; /* no blanks at the end of a line */
			printf("%-*s", NAME_WIDTH, name);
			for (int c = 0; c < used; c++)
				printf("  %.*s%*s", n[c], part[c],
				       c + 1 < used ? width[c] - n[c] : 0, "");
			printf("\n");
		}
	}
	printf("\n");
	for (int f = 0; f < FACT_COUNT; f++)
		printf("%-*s  %s\n", NAME_WIDTH, fact_table[f].name, fact_table[f].text);
}

Status
do_opt(Arena *a, const Options *o)
{
	PassSpan span = {.names = o->passes ? o->passes : "",
	                 .verify_ends = is_off(o->verify_each)};
	Graph   *g;
	Dumps    d;
	Text     t = {0};
	Status   status;

	if (o->list_passes) {
		list_passes(a);
		return OK;
	}
	TRY(dumps_open(&d, a, o));
	TRY(graph_read(a, o->file, &g));
	TRY(pass_run_span(g, &span, dumps_hook, &d));
	TRY(dumps_close(&d));
	put_remarks(&g, 1);
	if (o->dump)
		return OK;
	graph_print(g, &t);
	status = text_write(&t, NULL);
	text_free(&t);
	return status;
}
