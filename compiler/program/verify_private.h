/* verify_private: what verify.c and verify_entry.c share. */
#ifndef D2V_VERIFY_PRIVATE_H
#define D2V_VERIFY_PRIVATE_H

#include "compiler/program/program_private.h"

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

void verify_recipe(Verify *v);                /* P8 .. P11; verify_recipe.c */
void verify_entry(Verify *v, const Entry *e); /* P15 .. P25; verify_entry.c */

#endif
