/* program_private: what print.c, parse.c and verify.c share: spellings, limits, the scanner. */
#ifndef D2V_PROGRAM_PRIVATE_H
#define D2V_PROGRAM_PRIVATE_H

#include "compiler/program/program.h"

enum {
	PROGRAM_VERSION = 2,
	VARIABLE_PAD =
		/* bytes: what is left of the last so many behind a variable is its own, zeros */
	128,
	MOST_SLABS = 256,
	MOST_BATCH = 1 << 24, /* so that batch x channels x height x width fits in 64 bits */
};

/* No machine has more; sums and products of a few such numbers stay far from overflow. */
#define MOST_BYTES ((int64_t)1 << 46)

/* Spellings, in the order of the enums; print.c. */
extern const char *const var_kind_name[4];
extern const char *const init_kind_name[4];
extern const char *const arg_kind_name[4];
extern const char *const access_name[4];          /* in out update */
extern const char        held_letter[HELD_KINDS]; /* v t s i */

/* ---- scan.c: lines and tokens of a program's text ------------------------------------------- */

typedef enum {
	TOK_END,    /* of the line, a comment or the text */
	TOK_WORD,   /* a run of anything but blanks, quotes and `= ( ) [ ] , :` */
	TOK_STRING, /* "..", escapes resolved */
	TOK_PUNCT,  /* one of `= ( ) [ ] , :` */
	TOK_BAD,    /* a string without an end, a control character; reported */
} TokKind;

typedef struct {
	TokKind     kind;
	const char *at;  /* into the text; strings: into the arena */
	int         n;   /* bytes of at */
	int         col; /* from 1 */
	int         end_col;
} Token;

typedef struct {
	Arena      *arena;
	const char *file; /* interned */
	const char *line; /* start of the current line; NULL after the last */
	int         number, len;
	bool        indented; /* the line belongs to the section before it */
	int         at;       /* next byte of the line */
	Token       tok;
	int         errors;
	bool        failed; /* this line was reported; its rest is not read */
} Scan;

Scan scan_open(Arena *a, const char *file, const char *text);
bool scan_line(Scan *s); /* the next line that is not empty and no comment; false after the last */
void scan_next(Scan *s); /* the next token of the line, into s->tok */
Loc  scan_loc(const Scan *s);
Status scan_error(Scan *s, const char *slug, const char *fmt, ...)
	PRINTF(3, 4);                /* at s->tok, once a line */
Loc scan_comment_loc(const Scan *s); /* `# file:line:col` at the end of the line; none: zero */

/* Each reads one thing at s->tok and goes to the next token, or reports what it wanted and FAILs.
 */
bool   scan_is(const Scan *s, const char *text); /* word or punctuation; reads nothing */
bool   scan_take(Scan *s, const char *text);     /* goes on when it is */
Status scan_want(Scan *s, const char *text) MUST_USE;
Status scan_word(Scan *s, const char *what, const char **out) MUST_USE;
Status scan_string(Scan *s, const char *what, const char **out) MUST_USE;
Status scan_int(Scan *s, const char *what, int64_t lo, int64_t hi, int64_t *out) MUST_USE;
Status scan_u64(Scan *s, const char *what, uint64_t *out) MUST_USE;
Status scan_double(Scan *s, const char *what, double *out) MUST_USE;
Status scan_choice(Scan *s, const char *what, const char *const *names, int n, int *out) MUST_USE;
Status scan_end(Scan *s) MUST_USE; /* nothing may follow on this line */

#endif
