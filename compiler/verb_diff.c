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

/* PATH, or PATH:NAME=VALUE,NAME=VALUE. A colon before no `=` belongs to the path. */
static Status
read_side(Arena *a, const Options *o, const char *word, Side *out)
{
	Options    *own = arena_new_one(a, Options);
	char       *copy = arena_strdup(a, word), *colon = strrchr(copy, ':');
	const char *target = o->target;
	Subject     p;

	*own = *o;
	if (colon && strchr(colon, '=')) {
		*colon = 0;
		for (char *at = colon + 1, *next; at; at = next) {
			char *eq = strchr(at, '=');

			if ((next = strchr(at, ',')))
				*next++ = 0;
			eq = strchr(at, '=');
			if (!eq || eq == at || own->nset == MAX_SET)
				return user_error("diff-side", "after the colon of `%s` stands NAME=VALUE,NAME=VALUE", word);
			*eq = 0;
			if (strcmp(at, "target") == 0)
				target = eq + 1;
			else if (strcmp(at, "recompute") == 0)
				own->recompute = eq + 1;
			else
				own->set[own->nset++] = (Override){at, eq + 1};
		}
	}
	if (target && !target_find(target))
		return user_error("diff-side", "target is cpu or cuda, not `%s`", target);
	TRY(program_of(a, own, copy, target, &p));
	*out = (Side){.title = word, .compiled = p.spec != NULL, .program = p.program, .text = p.text};
	return OK;
}

Status
do_diff(Arena *a, const Options *o)
{
	Side         x, y;
	ProgramDiff *d;
	Text         t = {0};

	if (o->nfile != 2)
		return user_error("diff-sides", "diff compares two specs or folders, not %d", o->nfile);
	TRY(read_side(a, o, o->files[0], &x));
	TRY(read_side(a, o, o->files[1], &y));
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
