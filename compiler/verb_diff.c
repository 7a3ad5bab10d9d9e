/* d2v diff: two specs or two folders of programs, compared by what they compute. Runs neither. */
#include "compiler/d2v_private.h"
#include "compiler/ledger/ledger.h"

#include <string.h>

const OptionRow diff_options[] = {
	SET,
	CHOICE("--target", target, "cpu|cuda", "what to compile specs for (default: cpu)"),
	FLAG("--all", all, "print every change, not the first six of each kind"),
	CHOICE("--format", format, "text|json", "how to print (default: text)"),
	END,
};

/* One side as it was typed: a path, and what is set on this side only. */
typedef struct {
	const char *word, *path, *target;
	Options     o;
} Wanted;

/* NAME=VALUE of one side; target and recompute are no names of a spec. */
static int
setting(Wanted *w, char *text)
{
	char *eq = strchr(text, '=');

	if (!eq || eq == text || w->o.nset == MAX_SET)
		return usage_error(w->o.verb,
		                   "after the colon of `%s` stands NAME=VALUE,NAME=VALUE, not `%s`",
		                   w->word, text);
	*eq++ = 0;
	if (strcmp(text, "target") == 0) {
		w->target = eq;
		return target_find(eq)
		               ? EXIT_OK
		               : usage_error(w->o.verb, "target is cpu or cuda, not `%s`", eq);
	}
	if (strcmp(text, "recompute") == 0) {
		w->o.recompute = eq;
		for (int i = 0; i < RECOMPUTE_COUNT; i++)
			if (strcmp(eq, recompute_name[i]) == 0)
				return EXIT_OK;
		return usage_error(w->o.verb, "recompute is none, cheap or blocks, not `%s`", eq);
	}
	w->o.set[w->o.nset++] = (Override){text, eq};
	return EXIT_OK;
}

/* PATH, or PATH:NAME=VALUE,NAME=VALUE. A colon before no `=` belongs to the path. */
static int
side_parse(Arena *a, const Options *o, const char *word, Wanted *w)
{
	char *copy = arena_strdup(a, word), *colon = strrchr(copy, ':');
	int   code = EXIT_OK;

	*w = (Wanted){.word = word, .path = copy, .target = o->target, .o = *o};
	if (!colon || !strchr(colon, '='))
		return EXIT_OK;
	*colon = 0;
	for (char *at = colon + 1, *next; at && code == EXIT_OK; at = next) {
		if ((next = strchr(at, ',')))
			*next++ = 0;
		code = setting(w, at);
	}
	return code;
}

static Status
side_read(Arena *a, const Wanted *w, Side *out)
{
	Subject p;

	TRY(program_of(a, &w->o, w->path, w->target, &p));
	*out = (Side){
		.title = w->word, .compiled = p.spec != NULL, .program = p.program, .text = p.text};
	return OK;
}

Status
do_diff(Arena *a, const Options *o)
{
	Wanted      *w = arena_new_array(a, Wanted, 2);
	Side         x, y;
	ProgramDiff *d;
	Text         t = {0};

	for (int i = 0; i < 2; i++)
		if ((verb_exit_code = side_parse(a, o, o->files[i], &w[i])) != EXIT_OK)
			return OK;
	TRY(side_read(a, &w[0], &x));
	TRY(side_read(a, &w[1], &y));
	d = program_diff(a, x, y);
	d->all = o->all;
	if (o->format && strcmp(o->format, "json") == 0)
		diff_json(d, &t);
	else
		diff_text(d, &t);
	fwrite(t.at, 1, t.n, stdout);
	text_free(&t);
	verb_exit_code = d->numerics == NUMERICS_identical ? EXIT_OK : EXIT_DIFFERENT;
	return OK;
}
