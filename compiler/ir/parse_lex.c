/* parse_lex: the text of a graph as tokens. Never reads past the end and never recurses, whatever
 * the bytes; what is no token at all becomes TOK_bad and is refused by whoever reads it. */
#include "compiler/ir/parse_private.h"

#include <stdlib.h>
#include <string.h>

static bool
letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
in_name(char c)
{
	return letter(c) || digit(c) || c == '.' || c == '$' || c == '\'';
}

/* Skip blanks and comments. One on the line of the last token is remembered: it may be the place
 * `# file:line:col` of the statement that ended there. */
static void
skip(Parse *p)
{
	for (;;) {
		if (*p->at == '\n') {
			p->line++;
			p->start_of_line = ++p->at;
		} else if (*p->at == ' ' || *p->at == '\t' || *p->at == '\r') {
			p->at++;
		} else if (*p->at == '#') {
			const char *start = ++p->at;
			while (*p->at && *p->at != '\n')
				p->at++;
			if (p->line == p->last_line) {
				p->comment = start;
				p->comment_end = p->at;
			}
		} else {
			return;
		}
	}
}

static int
hex(char c)
{
	return digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "..." with \" \\ \xHH; the text must not contain a NUL or a line's end. */
static void
lex_string(Parse *p)
{
	char *to = arena_alloc(p->scratch, strcspn(p->at + 1, "\n") + 1), *start = to;

	p->tok.kind = TOK_bad;
	for (p->at++; *p->at != '"'; p->at++) {
		if (!*p->at || *p->at == '\n')
			return;
		*to = *p->at;
		if (*p->at == '\\') {
			p->at++;
			if (*p->at == 'x' && hex(p->at[1]) >= 0 && hex(p->at[2]) >= 0) {
				*to = (char)(16 * hex(p->at[1]) + hex(p->at[2]));
				p->at += 2;
			} else if (*p->at == '"' || *p->at == '\\') {
				*to = *p->at;
			} else {
				return;
			}
		}
		if (!*to++)
			return;
	}
	p->at++;
	p->tok.kind = TOK_string;
	p->tok.name = intern_n(start, (size_t)(to - start));
}

static void
lex_name(Parse *p, TokenKind kind)
{
	const char *start = p->at;

	while (in_name(*p->at))
		p->at++;
	p->tok.kind = p->at > start ? kind : TOK_bad;
	p->tok.name = intern_n(start, (size_t)(p->at - start));
}

/* An integer or a real number. `-` alone is punctuation. */
static void
lex_number(Parse *p)
{
	char   copy[64];
	size_t n = 0;
	bool   whole = true;
	char  *end;

	while (digit(p->at[n]) || p->at[n] == '.' || p->at[n] == 'e' ||
	       (n == 0 && p->at[n] == '-') ||
	       (n > 0 && p->at[n - 1] == 'e' && (p->at[n] == '-' || p->at[n] == '+'))) {
		whole &= digit(p->at[n]) || p->at[n] == '-';
		n++;
	}
	p->tok.kind = TOK_bad;
	if (n < sizeof copy) {
		memcpy(copy, p->at, n);
		copy[n] = '\0';
		p->tok.real = strtod(copy, &end);
		if (*end == '\0') {
			p->tok.kind = TOK_real;
			if (whole && n <= 18) { /* 18 digits always fit */
				p->tok.kind = TOK_int;
				p->tok.whole = strtoll(copy, NULL, 10);
			}
		}
	}
	p->at += n;
}

void
parse_next(Parse *p)
{
	p->last_line = p->line;
	p->comment = NULL;
	skip(p);
	p->tok = (Token){.kind = TOK_end, .line = p->line, .start = p->at};
	p->tok.col = p->at - p->start_of_line < 1000000 ? (int)(p->at - p->start_of_line) + 1 : 1;
	if (!*p->at)
		return;
	if (*p->at == '"') {
		lex_string(p);
	} else if (*p->at == '%' || *p->at == '@') {
		TokenKind kind = *p->at++ == '%' ? TOK_value : TOK_at;
		if (kind == TOK_value)
			lex_name(p, kind); /* may consist of digits: %0 */
		else
			p->tok.kind = kind;
	} else if (letter(*p->at)) {
		lex_name(p, TOK_name);
	} else if (digit(*p->at) || (*p->at == '-' && digit(p->at[1]))) {
		lex_number(p);
	} else if (strncmp(p->at, "-inf", 4) == 0) {
		p->at++;
		lex_name(p, TOK_real);
		p->tok.real = -strtod("inf", NULL);
	} else if (strchr("{}[](),:=+-", *p->at)) {
		p->tok.kind = TOK_punct;
		p->tok.punct = *p->at++;
	} else {
		p->tok.kind = TOK_bad;
		p->at++;
	}
	p->tok.end_col =
		p->at - p->start_of_line < 1000000 ? (int)(p->at - p->start_of_line) + 1 : 0;
}

Loc
parse_loc(const Parse *p)
{
	return (Loc){p->file, p->tok.line, p->tok.col,
	             p->tok.end_col > p->tok.col ? p->tok.end_col : 0};
}

/* The comment right behind the token before this one, when it is a place. */
Loc
parse_comment_loc(const Parse *p)
{
	const char *s = p->comment, *e = p->comment_end, *digits;
	long        number[2];
	int         i;

	if (!s)
		return (Loc){0};
	while (s < e && (*s == ' ' || *s == '\t'))
		s++;
	while (e > s && (e[-1] == ' ' || e[-1] == '\t' || e[-1] == '\r'))
		e--;
	for (i = 1; i >= 0; i--) {
		for (digits = e; digits > s && digit(digits[-1]); digits--)
			;
		if (digits == e || e - digits > 9 || digits == s || digits[-1] != ':')
			return (Loc){0};
		number[i] = strtol(digits, NULL, 10);
		e = digits - 1;
	}
	if (e == s || number[0] == 0)
		return (Loc){0};
	return (Loc){intern_n(s, (size_t)(e - s)), (int)number[0], (int)number[1], 0};
}
