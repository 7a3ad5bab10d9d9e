/* The command line of one verb, read by its table of options, and the help made of the same table.
 * Refuses what the verb does not know (with the nearest name it does), values missing or
 * superfluous, options given twice, and more or fewer files than the verb wants. Knows no verb
 * by name. */
#include "compiler/d2v_private.h"

#include <string.h>

enum { MAX_OPTION = 32 };

int
usage_error(const Verb *v, const char *fmt, ...)
{
	char    text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)user_error("usage", "%s", text);
	if (v)
		diag_hint("`d2v %s --help` shows what goes with it", v->name);
	else
		diag_hint("`d2v --help` shows the commands");
	return EXIT_USAGE;
}

static int
unknown_option(const Verb *v, const char *word)
{
	const char *names[MAX_OPTION], *near;
	const char *name = intern_n(word, strcspn(word, "="));
	int         n = 0;

	for (; v->option[n].name && n < MAX_OPTION; n++)
		names[n] = v->option[n].name;
	near = text_nearest(name, names, n);
	if (near)
		return usage_error(v, "unknown option `%s`; did you mean `%s`?", name, near);
	return usage_error(v, "unknown option `%s`", name);
}

static int
add_override(Arena *a, Options *o, const char *text)
{
	char *copy = arena_strdup(a, text), *eq = strchr(copy, '=');

	if (!eq || eq == copy)
		return usage_error(o->verb, "--set wants NAME=VALUE, not `%s`", text);
	if (o->nset == MAX_SET)
		return usage_error(o->verb, "too many --set, at `%s`", text);
	*eq = 0;
	o->set[o->nset++] = (Override){copy, eq + 1};
	return EXIT_OK;
}

/* Is `value` one of a|b|c? */
static bool
is_choice(const char *choices, const char *value)
{
	size_t n = strlen(value);

	for (const char *c = choices;; c++) {
		size_t len = strcspn(c, "|");

		if (len == n && memcmp(c, value, n) == 0)
			return true;
		if (!*(c += len))
			return false;
	}
}

/* Put one option where its row says. `word` is as it was typed, `value` what came with it. */
static int
take(Arena *a, Options *o, const OptionRow *row, char *word, const char *value)
{
	const char **text = (const char **)((char *)o + row->at);

	switch (row->kind) {
	case OPTION_choice:
		if (!is_choice(row->value, value))
			return usage_error(o->verb, "%s is %s, not `%s`", row->name, row->value,
			                   value);
		/* fall through */
	case OPTION_text:
		if (!*value)
			return usage_error(o->verb, "%s wants %s, and there is nothing behind `%s`",
			                   row->name, row->value, word);
		if (*text)
			return usage_error(o->verb, "%s is given twice", row->name);
		*text = value;
		break;
	case OPTION_flag:
	case OPTION_alone:
		*(bool *)((char *)o + row->at) = true;
		break;
	case OPTION_set:
		return add_override(a, o, value);
	case OPTION_run_text:
	case OPTION_run_flag:
		o->rest[o->nrest++] = word;
		if (value && !strchr(word, '='))
			o->rest[o->nrest++] = (char *)value;
		break;
	}
	return EXIT_OK;
}

static const OptionRow *
find(const Verb *v, const char *word)
{
	size_t n = strcspn(word, "=");

	for (int i = 0; v->option[i].name; i++)
		if (strlen(v->option[i].name) == n && memcmp(v->option[i].name, word, n) == 0)
			return &v->option[i];
	return NULL;
}

/* As many files as the verb wants? */
static int
count_files(const Options *o)
{
	const Verb *v = o->verb;
	int         least = !v->wants ? 0 : v->least ? v->least : 1;
	int         most = v->most ? v->most : least;

	if (o->nfile < least && o->nfile == 0)
		return usage_error(v, "%s wants %s, and there is none", v->name, v->wants);
	if (o->nfile < least)
		return usage_error(v, "%s wants %s, and there is only `%s`", v->name, v->wants,
		                   o->files[o->nfile - 1]);
	if (o->nfile > most)
		return usage_error(v, "%s wants %s, and there is %s`%s`", v->name,
		                   v->wants ? v->wants : "no file", most ? "also " : "",
		                   o->files[most]);
	return EXIT_OK;
}

int
options_parse(Arena *a, Options *o, int argc, char **argv)
{
	const Verb *v = o->verb;
	bool        alone = false;

	o->files = arena_new_array(a, char *, argc + 1);
	o->rest = arena_new_array(a, char *, argc + 1);
	for (int i = 0; i < argc; i++) {
		const OptionRow *row;
		char            *word = argv[i];
		const char      *eq = strchr(word, '='), *value = eq ? eq + 1 : NULL;
		int              code;

		if (word[0] != '-' || word[1] == 0) {
			o->files[o->nfile++] = word;
			continue;
		}
		if (!(row = find(v, word)))
			return unknown_option(v, word);
		if (row->kind == OPTION_flag || row->kind == OPTION_alone ||
		    row->kind == OPTION_run_flag) {
			if (value)
				return usage_error(v, "no value goes with %s, and there is `%s`",
				                   row->name, value);
		} else if (!value) {
			if (i + 1 == argc)
				return usage_error(v, "%s wants %s, and nothing comes after it",
				                   row->name, row->value ? row->value : "a value");
			value = argv[++i];
		}
		alone = alone || row->kind == OPTION_alone;
		if ((code = take(a, o, row, word, value)) != EXIT_OK)
			return code;
	}
	o->file = o->nfile ? o->files[0] : NULL;
	return alone && !o->file ? EXIT_OK : count_files(o);
}

void
options_help(const Verb *v)
{
	int width = 0, n;

	printf("usage: d2v %s %s%s\n\n%s\n", v->name, v->args,
	       v->option[0].name ? " [options]" : "", v->does);
	if (v->more)
		printf("\n%s", v->more);
	for (int i = 0; v->option[i].name; i++) {
		const OptionRow *row = &v->option[i];

		n = (int)(strlen(row->name) + (row->value ? 1 + strlen(row->value) : 0));
		if (row->does && n > width)
			width = n;
	}
	if (width)
		printf("\n");
	for (int i = 0; v->option[i].name; i++) {
		const OptionRow *row = &v->option[i];

		if (!row->does)
			continue;
		n = printf("  %s%s%s", row->name, row->value ? " " : "",
		           row->value ? row->value : "");
		printf("%*s%s\n", width + 4 - n, "", row->does);
	}
	printf("\nexample:\n%s", v->example);
}
