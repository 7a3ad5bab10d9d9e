/* syntax: the message where a text stops being a spec. One per section: the parser skips to the
 * next one. Says what was found and what could stand there instead, in words where the list of
 * tokens would be long. */
#include "dsl/ast_private.h"
#include <string.h>

static const char *const section_words[] = {
	"spec",  "include",   "override", "dim",      "let",  "module", "fn",     "names",
	"model", "objective", "feature",  "optimise", "data", "run",    "expect",
};

static void
report_section(const Unexpected *u)
{
	Text words = {0};
	/* without its quotes */
	const char *word = intern_n(u->found + 1, strlen(u->found) - 2);
	const char *near = text_nearest(word, section_words, COUNT(section_words));
	diag_error(u->loc, "unknown-section", "%s opens no section of a spec", u->found);
	for (int i = 0; i < COUNT(section_words); i++)
		text_printf(&words, " %s", section_words[i]);
	if (near)
		diag_hint("did you mean `%s`?", near);
	else
		diag_hint("sections are:%s", words.at);
	text_free(&words);
}

/* The sets at the start and at the end of an expression are long; say what they mean. */
static void
what_can(const Unexpected *u, Text *t)
{
	int shown = 0;
	if (u->expression)
		text_printf(t, "%san expression", shown++ ? ", " : "");
	if (u->operator)
		text_printf(t, "%san operator", shown++ ? ", " : "");
	for (int i = 0; i < u->n && !u->section; i++) {
		const char *s = u->want[i];
		bool        closer = s[0] == '`' && strchr(";),]}{", s[1]);
		if (closer || !(u->expression || u->operator))
			text_printf(t, "%s%s", shown++ ? ", " : "", s);
	}
	if (u->section)
		text_printf(t, "a section such as `module` or `run`");
}

void
syntax_report(Source *src, const Unexpected *u)
{
	if (src->bad && src->skip)
		return;
	src->bad = true;
	src->skip = true;
	if (u->section && u->is_name) {
		report_section(u);
		return;
	}
	if (u->semicolon && (u->loc.line > src->last.line || u->at_end)) {
		Loc end = src->last;
		if (end.end_col) {
			end.col = end.end_col;
			end.end_col++;
		}
		diag_error(end, "missing-semicolon", "a `;` is missing here, before %s", u->found);
		return;
	}
	Text t = {0};
	what_can(u, &t);
	diag_error(u->loc, "syntax", "%s cannot stand here", u->found);
	if (u->expression && u->is_fold)
		diag_hint("a sum or mean binds looser than `*`: put it in parentheses");
	else if (t.n)
		diag_hint("what can: %s", t.at);
	text_free(&t);
}
