/* verify_private: what the files verify*.c share. */
#ifndef D2V_VERIFY_PRIVATE_H
#define D2V_VERIFY_PRIVATE_H

#include "compiler/program/program_private.h"

/* Pieces of memory that one argument may touch: what a machine can follow. */
enum { MOST_ROWS = 1 << 26, MOST_PLANES = 1 << 22 };

/* A stretch of memory with an owner: bytes lo .. hi - 1 of a slab. */
typedef struct {
	int         slab;
	int64_t     lo, hi;
	const char *kind; /* "variable", "table", .. */
	const char *name;
} Span;

typedef struct {
	const Program   *p;
	Arena           *arena;
	int              problems;
	const Variable **var;   /* sorted by name */
	Span            *fixed; /* variables and tables, by slab and place */
	int              nfixed;
	int64_t         *reach;      /* per slab: one behind the last byte that is used */
	bool            *table_used; /* per table: some entry reads it */
	Vec(Span) gap;               /* padding that somebody reads */
	Proof proof;
} Verify;

/* Report a broken rule of PROGRAM.md; slug `program-p<rule>`. */
void verify_bad(Verify *v, int rule, const char *fmt, ...) PRINTF(3, 4);
/* Is it legal (rule 3), and is it inside its slab and aligned (rule)? Reports; false when not. */
bool verify_type(Verify *v, const Type *t, const char *kind, const char *name);
bool verify_place(Verify *v, int rule, int slab, int64_t offset, int64_t bytes, int align,
                  const char *what);
const Variable *verify_find(const Verify *v, const char *name);
/* The variable or table that shares a byte with the span, or NULL. */
const Span *verify_hits(const Verify *v, const Span *s);
void        verify_sort(Span *s, int n);
/* A C identifier, for functions; a word that print.c can write without quotes. */
bool verify_is_name(const char *s);
bool verify_is_word(const char *s);

void        verify_reach(Verify *v, int slab, int64_t end); /* bytes before `end` are used */
const char *verify_step_name(Verify *v, const Entry *e, int i);

void verify_recipe(Verify *v);                /* P8 .. P11; verify_recipe.c */
void verify_entry(Verify *v, const Entry *e); /* P15 .. P25; verify_entry.c */
void
verify_arguments(Verify *v, const ProgStep *s, const char *what); /* P19, P26; verify_kernel.c */
void verify_kernels(Verify *v);                                   /* P27, P28 */
void verify_seal(Verify *v, const ProgStep *s, const char *what); /* P29 */
void verify_flow(Verify *v, const Entry *e); /* P30 .. P36 of one entry; verify_flow.c */

#endif
