/* scan: lines and tokens of a program's text, for parse.c. Accepts any bytes without crashing; what
 * is not text of a program is reported with file, line and column, at most once a line. */
#include "compiler/program/program_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

Scan
scan_open(Arena *a, const char *file, const char *text)
{
	/* An empty line number 0 in front, so that scan_line has something to step over. */
	return (Scan){.arena = a, .file = intern(file), .line = text, .number = 0, .len = -1};
}

/* Bytes of the line without its end: lines of more than 2^28 bytes are cut there, and then refused.
 */
static int
line_length(const char *p)
{
	enum { LONGEST = 1 << 28 };
	size_t n = strcspn(p, "\n");
	return n < LONGEST ? (int)n : LONGEST;
}

bool
scan_line(Scan *s)
{
	while (s->line) {
		if (s->number == 0) {
			s->number = 1; /* the first line: `line` already is its start */
		} else {
			if (s->line[s->len] != '\n') {
				s->line = NULL;
				return false;
			}
			s->line += s->len + 1;
			s->number++;
		}
		s->len = line_length(s->line);
		s->indented = s->line[0] == ' ' || s->line[0] == '\t';
		s->at = 0;
		s->failed = false;
		scan_next(s);
		if (s->tok.kind != TOK_END)
			return true;
	}
	return false;
}

Loc
scan_loc(const Scan *s)
{
	return (Loc){s->file, s->number, s->tok.col, s->tok.end_col};
}

Status
scan_error(Scan *s, const char *slug, const char *fmt, ...)
{
	if (s->failed)
		return FAIL;
	s->failed = true;
	s->errors++;
	Text    message = {0};
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(&message, fmt, ap);
	va_end(ap);
	diag_error(scan_loc(s), slug, "%s", message.at);
	text_free(&message);
	return FAIL;
}

/* ---- tokens --------------------------------------------------------------------------------- */

static bool
is_punct(char c)
{
	return c != '\0' && strchr("=()[],:", c) != NULL;
}

static bool
is_word(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && c != '"' && !is_punct(c);
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* s->at stands behind the opening quote. */
static void
read_string(Scan *s)
{
	size_t cap = (size_t)strcspn(s->line + s->at, "\"\n") + 1;
	char  *out = arena_alloc(s->arena, cap), *to = out;
	while (s->at < s->len && s->line[s->at] != '"') {
		char c = s->line[s->at++];
		if (c == '\\') {
			const char *p = s->line + s->at;
			int         left = s->len - s->at;
			if (left >= 1 && (p[0] == '"' || p[0] == '\\')) {
				c = p[0];
				s->at += 1;
			} else if (left >= 3 && p[0] == 'x' && hex_digit(p[1]) >= 0 &&
			           hex_digit(p[2]) >= 0 && (p[1] != '0' || p[2] != '0')) {
				c = (char)(16 * hex_digit(p[1]) + hex_digit(p[2]));
				s->at += 3;
			} else {
				s->tok.kind = TOK_BAD;
			}
		}
		if ((size_t)(to - out) + 1 >= cap) {
			size_t n = (size_t)(to - out);
			out = arena_grow(s->arena, out, n, 2 * cap + 16);
			cap = 2 * cap + 16;
			to = out + n;
		}
		*to++ = c;
	}
	if (s->at == s->len)
		s->tok.kind = TOK_BAD;
	else
		s->at++;
	*to = '\0';
	s->tok.at = out;
	s->tok.n = (int)(to - out);
}

void
scan_next(Scan *s)
{
	while (s->at < s->len &&
	       (s->line[s->at] == ' ' || s->line[s->at] == '\t' || s->line[s->at] == '\r'))
		s->at++;
	int start = s->at;
	s->tok = (Token){.kind = TOK_END, .at = s->line + start, .col = start + 1};
	if (start < s->len && s->line[start] != '#') {
		char c = s->line[s->at];
		if (c == '"') {
			s->at++;
			s->tok.kind = TOK_STRING;
			read_string(s);
		} else if (is_punct(c)) {
			s->at++;
			s->tok.kind = TOK_PUNCT;
			s->tok.n = 1;
		} else if (is_word(c)) {
			while (s->at < s->len && is_word(s->line[s->at]))
				s->at++;
			s->tok.kind = TOK_WORD;
			s->tok.n = s->at - start;
		} else {
			s->at++;
			s->tok.kind = TOK_BAD;
		}
	}
	s->tok.end_col = s->at > start ? s->at + 1 : 0;
	if (s->tok.kind == TOK_BAD)
		scan_error(s, "program-syntax",
		           s->line[start] == '"' ? "this string has no end, or an unknown escape"
		                                 : "this character cannot stand here");
}

Loc
scan_comment_loc(const Scan *s)
{
	/* The current token is the end, so the comment, if any, starts at s->at. */
	if (s->at >= s->len || s->line[s->at] != '#')
		return (Loc){0};
	int from = s->at + 1, to = s->len;
	if (from < to && s->line[from] == ' ')
		from++;
	while (to > from && (s->line[to - 1] == '\r' || s->line[to - 1] == ' '))
		to--;
	int number[2]; /* line, column; read from the right, because a file name may hold colons */
	for (int i = 1; i >= 0; i--) {
		int64_t n = 0, unit = 1;
		int     digits = 0;
		while (to > from && s->line[to - 1] >= '0' && s->line[to - 1] <= '9' &&
		       digits < 9) {
			n += unit * (s->line[--to] - '0');
			unit *= 10;
			digits++;
		}
		if (digits == 0 || to == from || s->line[to - 1] != ':')
			return (Loc){0};
		to--;
		number[i] = (int)n;
	}
	if (to == from || number[0] == 0)
		return (Loc){0};
	return (Loc){.file = intern_n(s->line + from, (size_t)(to - from)),
	             .line = number[0],
	             .col = number[1]};
}

/* ---- wanting things ------------------------------------------------------------------------- */

static Status
wanted(Scan *s, const char *what)
{
	if (s->tok.kind == TOK_END)
		return scan_error(s, "program-syntax", "the line ends where %s should follow",
		                  what);
	if (s->tok.kind == TOK_STRING)
		return scan_error(s, "program-syntax", "a string stands where %s should stand",
		                  what);
	int n = s->tok.n < 40 ? s->tok.n : 40;
	return scan_error(s, "program-syntax", "`%.*s` stands where %s should stand", n, s->tok.at,
	                  what);
}

bool
scan_is(const Scan *s, const char *text)
{
	return (s->tok.kind == TOK_WORD || s->tok.kind == TOK_PUNCT) &&
	       strlen(text) == (size_t)s->tok.n && memcmp(text, s->tok.at, (size_t)s->tok.n) == 0;
}

bool
scan_take(Scan *s, const char *text)
{
	if (!scan_is(s, text))
		return false;
	scan_next(s);
	return true;
}

Status
scan_want(Scan *s, const char *text)
{
	char what[40];
	snprintf(what, sizeof what, "`%s`", text);
	return scan_take(s, text) ? OK : wanted(s, what);
}

Status
scan_word(Scan *s, const char *what, const char **out)
{
	if (s->tok.kind != TOK_WORD)
		return wanted(s, what);
	*out = intern_n(s->tok.at, (size_t)s->tok.n);
	scan_next(s);
	return OK;
}

Status
scan_string(Scan *s, const char *what, const char **out)
{
	if (s->tok.kind != TOK_STRING)
		return wanted(s, what);
	*out = intern_n(s->tok.at, (size_t)s->tok.n);
	scan_next(s);
	return OK;
}

/* The token as a NUL-terminated text for strtoll and strtod. */
static bool
number_text(const Scan *s, char out[64])
{
	if (s->tok.kind != TOK_WORD || s->tok.n > 63)
		return false;
	memcpy(out, s->tok.at, (size_t)s->tok.n);
	out[s->tok.n] = '\0';
	return out[0] != '+';
}

Status
scan_int(Scan *s, const char *what, int64_t lo, int64_t hi, int64_t *out)
{
	char text[64], *end = text;
	if (!number_text(s, text))
		return wanted(s, what);
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (end == text || *end != '\0')
		return wanted(s, what);
	if (errno != 0 || *out < lo || *out > hi)
		return scan_error(s, "program-range", "%s is %s, but must lie in %lld .. %lld",
		                  what, text, (long long)lo, (long long)hi);
	scan_next(s);
	return OK;
}

Status
scan_u64(Scan *s, const char *what, uint64_t *out)
{
	char text[64], *end = text;
	if (!number_text(s, text) || text[0] == '-')
		return wanted(s, what);
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (end == text || *end != '\0')
		return wanted(s, what);
	if (errno != 0)
		return scan_error(s, "program-range", "%s is %s, but must fit in 64 bits", what,
		                  text);
	scan_next(s);
	return OK;
}

Status
scan_double(Scan *s, const char *what, double *out)
{
	char text[64], *end = text;
	if (!number_text(s, text))
		return wanted(s, what);
	*out = strtod(text, &end);
	if (end == text || *end != '\0')
		return wanted(s, what);
	scan_next(s);
	return OK;
}

Status
scan_choice(Scan *s, const char *what, const char *const *names, int n, int *out)
{
	for (int i = 0; i < n; i++)
		if (scan_is(s, names[i])) {
			*out = i;
			scan_next(s);
			return OK;
		}
	Text all = {0};
	text_printf(&all, "%s (", what);
	for (int i = 0; i < n; i++)
		text_printf(&all, "%s%s", i ? " " : "", names[i]);
	text_printf(&all, ")");
	Status bad = wanted(s, all.at);
	text_free(&all);
	return bad;
}

Status
scan_end(Scan *s)
{
	return s->tok.kind == TOK_END ? OK : wanted(s, "the end of the line");
}
