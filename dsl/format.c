/* format: `d2v fmt`. Works on tokens, so comments and the author's line breaks stay: it settles
 * spaces, indentation (two per open brace, two more for a line that goes on), blank lines (one at
 * most) and aligns comments at the ends of neighbouring lines. It refuses text that does not parse,
 * and never changes a token. */
#include "dsl/dsl_private.h"
#include <string.h>

typedef struct {
	Text code, comment; /* one output line; code is indented */
	bool blank;         /* a blank line stands before it */
} Line;

typedef struct {
	Arena      *arena;
	const char *text;
	const Tok  *tok;
	int         n;
	Vec(Line) lines;
	int braces, parens;
} Format;

static bool
is(const Format *f, int i, const char *s)
{
	size_t n = strlen(s);
	return i >= 0 && i < f->n && f->tok[i].end - f->tok[i].begin == n &&
	       !memcmp(f->text + f->tok[i].begin, s, n);
}

static bool
is_operand(const Format *f, int i)
{
	if (i < 0)
		return false;
	return f->tok[i].kind == TOK_name || f->tok[i].kind == TOK_number ||
	       f->tok[i].kind == TOK_string || is(f, i, ")") || is(f, i, "]");
}

/* A `-` with nothing before it that could be subtracted from. */
static bool
is_sign(const Format *f, int i)
{
	return is(f, i, "-") && !is_operand(f, i - 1);
}

static bool
space_between(const Format *f, int i) /* before token i, on the same line as i - 1 */
{
	if (is(f, i, ";") || is(f, i, ",") || is(f, i, ")") || is(f, i, "]") || is(f, i, ".") ||
	    is(f, i - 1, "."))
		return false;
	if (is(f, i - 1, "(") || is(f, i - 1, "[") || is_sign(f, i - 1))
		return false;
	if (is(f, i, "("))
		return !(f->tok[i - 1].kind == TOK_name || is(f, i - 1, "]") ||
		         is(f, i - 1, "sum") || is(f, i - 1, "mean"));
	if (is(f, i, "["))
		return !(f->tok[i - 1].kind == TOK_name || is(f, i - 1, "]") || is(f, i - 1, ")"));
	return true;
}

/* How many lines deep the token that opens a line stands. */
static int
indent_of(const Format *f, int i)
{
	int  depth = f->braces - (is(f, i, "}") ? 1 : 0);
	bool goes_on = i > 0 && !is(f, i, "}");
	int  prev = i - 1;
	while (prev >= 0 && f->tok[prev].kind == TOK_comment)
		prev--;
	goes_on =
		goes_on && prev >= 0 && !is(f, prev, ";") && !is(f, prev, "{") && !is(f, prev, "}");
	if (f->tok[i].kind == TOK_comment)
		goes_on = goes_on && f->parens > 0;
	return 2 * (depth < 0 ? 0 : depth) + (goes_on ? 2 : 0);
}

static void
token(Format *f, int i)
{
	const Tok *t = &f->tok[i];
	size_t     n = t->end - t->begin;
	bool       opens_line = i == 0 || t->line != f->tok[i - 1].line;
	if (opens_line) {
		vec_push(f->arena, &f->lines,
		         (Line){.blank = i > 0 && t->line > f->tok[i - 1].line + 1});
		text_printf(&f->lines.at[f->lines.n - 1].code, "%*s", indent_of(f, i), "");
	}
	Line *line = &f->lines.at[f->lines.n - 1];
	if (t->kind == TOK_comment) {
		while (n &&
		       (f->text[t->begin + n - 1] == ' ' || f->text[t->begin + n - 1] == '\t' ||
		        f->text[t->begin + n - 1] == '\r'))
			n--;
		text_append(opens_line ? &line->code : &line->comment, f->text + t->begin, n);
		return;
	}
	if (!opens_line && space_between(f, i))
		text_append(&line->code, " ", 1);
	text_append(&line->code, f->text + t->begin, n);
	f->braces += is(f, i, "{") - is(f, i, "}");
	f->parens += is(f, i, "(") + is(f, i, "[") - is(f, i, ")") - is(f, i, "]");
}

/* Characters, not bytes: comments after a line of names and numbers are aligned by what is seen. */
static int
width(const Text *t)
{
	int w = 0;
	for (size_t i = 0; i < t->n; i++)
		w += ((unsigned char)t->at[i] & 0xC0) != 0x80;
	return w;
}

static void
write_lines(Format *f, Text *out)
{
	for (int i = 0; i < f->lines.n;) {
		int end = i, column = 0;
		while (end < f->lines.n && f->lines.at[end].comment.n &&
		       (end == i || !f->lines.at[end].blank)) {
			int w = width(&f->lines.at[end].code);
			column = w > column ? w : column;
			end++;
		}
		if (end == i)
			end++;
		for (; i < end; i++) {
			Line *l = &f->lines.at[i];
			text_printf(out, "%s%s", l->blank ? "\n" : "", l->code.at);
			if (l->comment.n)
				text_printf(out, "%*s%s", column - width(&l->code) + 2, "",
				            l->comment.at);
			text_printf(out, "\n");
			text_free(&l->code);
			text_free(&l->comment);
		}
	}
}

static bool
same_tokens(const char *a, const Tok *ta, int na, const char *b, const Tok *tb, int nb)
{
	if (na != nb)
		return false;
	for (int i = 0; i < na; i++) {
		size_t x = ta[i].end - ta[i].begin, y = tb[i].end - tb[i].begin;
		if (ta[i].kind != tb[i].kind ||
		    (ta[i].kind != TOK_comment &&
		     (x != y || memcmp(a + ta[i].begin, b + tb[i].begin, x) != 0)))
			return false;
	}
	return true;
}

Status
dsl_format(const char *file, const char *text, Text *out)
{
	Arena *a = arena_new();
	Source src;
	Format f = {.arena = a};
	Tok   *tok, *again;
	int    n;
	/* Messages quote the text until the process ends, so it is kept as long as names are. */
	Status s = source_parse(a, file, intern(text), false, &src);
	if (s == OK)
		s = source_tokens(a, file, text, &tok, &f.n);
	if (s == OK) {
		f.text = text;
		f.tok = tok;
		for (int i = 0; i < f.n; i++)
			token(&f, i);
		write_lines(&f, out);
		if (!out->at)
			text_append(out, "", 0);
		if (source_tokens(a, file, out->at ? out->at : "", &again, &n) != OK ||
		    !same_tokens(text, tok, f.n, out->at ? out->at : "", again, n))
			BUG("formatting %s changed its meaning", file);
	}
	arena_free(a);
	return s;
}
