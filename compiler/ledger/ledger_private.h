/* Shared by the files of the ledger only. */
#ifndef D2V_LEDGER_PRIVATE_H
#define D2V_LEDGER_PRIVATE_H

#include "compiler/ledger/ledger.h"

/* One place that a step reads, writes, or both. */
typedef struct {
	Access       access;
	int          slab;
	int64_t      offset;
	Extent       extent;
	int          value, before; /* as in Arg */
	int64_t      at, before_at;
	int          nmore;
	const Named *more;
} Touch;
/* touch.c: all places of a step, in the order of its arguments; a gemm's are a, b, bias, c. */
int touches_of(Arena *a, const ProgStep *s, Touch **out);
int values_of(const Entry *e); /* the largest number of a value that a step makes */

/* memory.c */
void ledger_memory(Arena *a, Ledger *l);

/* flow.c: what the bits of a program's results follow from, as hashes. A result's hash covers the
 * kernels, numbers and shapes it was computed with, and of what, back to variables, inputs, scalars
 * and tables; not where it lay or when it was made. */
/* loose: order of additions left out */
typedef struct {
	const char *name;
	uint64_t    strict, loose;
} Flow;
typedef struct {
	Flow *at;
	int   n;
} Flows;
/* Outputs "entry/name" and, of train, what each variable becomes, sorted by name. text: as
 * Side.text. */
Flows program_flow(Arena *a, const Program *p, const char *const *text);
/* Of a kernel's text, its name left out. */
uint64_t kernel_hash(const Program *p, int kernel, const char *text);

#endif
