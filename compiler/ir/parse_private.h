/* parse_private: the text form of graphs: what parse.c (statements), parse_attr.c, parse_read.c and
 * parse_lex.c share. */
#ifndef D2V_IR_PARSE_PRIVATE_H
#define D2V_IR_PARSE_PRIVATE_H

#include "compiler/ir/ir_private.h"

typedef enum {
	TOK_end,
	TOK_bad,
	TOK_name,   /* add D block.x */
	TOK_string, /* "image" */
	TOK_value,  /* %12 */
	TOK_at,     /* @ */
	TOK_int,
	TOK_real,
	TOK_punct, /* one of { } [ ] ( ) , : = + - */
} TokenKind;

typedef struct {
	TokenKind   kind;
	int         line, col, end_col;
	const char *start; /* in the text */
	const char *name;  /* interned: name, string, value */
	int64_t     whole;
	double      real; /* int and real */
	char        punct;
} Token;

typedef struct {
	Arena      *scratch;
	Graph      *g;
	const char *file, *at, *start_of_line;
	int         line, last_line;
	const char *comment, *comment_end; /* behind the token before tok, on its line; or NULL */
	Token       tok;
	struct {
		const char *name;
		Val         val;
	} * value; /* open addressing by name pointer */
	int nvalue, value_cap;
} Parse;

/* Largest size of an axis, offset or stride that text can state. */
static const int64_t max_size = (int64_t)1 << 48;

/* ---- parse_lex.c ---------------------------------------------------------------------------- */
void parse_next(Parse *p);
Loc  parse_loc(const Parse *p); /* where the current token stands */
/* the place named right behind the previous token, or none */
Loc parse_comment_loc(const Parse *p);

/* ---- parse_read.c: FAIL = reported; accept: step over it if it is there --------------------- */
/* reports what was read where `what` must stand */
Status parse_expected(Parse *p, const char *what);
bool   parse_is_punct(const Parse *p, char c);
bool   parse_accept_punct(Parse *p, char c);
Status parse_expect_punct(Parse *p, char c);
bool   parse_is_word(const Parse *p, const char *word);
bool   parse_accept_word(Parse *p, const char *word);
Status parse_expect_word(Parse *p, const char *word);
Status parse_read_name(Parse *p, const char *what, const char **out); /* a word or a string */
Status parse_read_string(Parse *p, const char *what, const char **out);
Status parse_read_int(Parse *p, const char *what, int64_t lo, int64_t hi, int64_t *out);
Status parse_read_real(Parse *p, const char *what, double *out);
Status parse_define_value(Parse *p, const char *name, Val val, Loc loc);
Status parse_read_value(Parse *p, Val *out);
Status parse_read_axis(Parse *p, Axis *out);
Status parse_read_type(Parse *p, Type *out);

/* ---- parse_attr.c --------------------------------------------------------------------------- */
Status parse_read_attr(Parse *p, Node *n);

#endif
