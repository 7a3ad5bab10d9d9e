/* Shared by emit_cuda*.c: a fused kernel while it becomes CUDA text. */
#ifndef D2V_EMIT_CUDA_H
#define D2V_EMIT_CUDA_H

#include "compiler/codegen/emit.h"

/* Who walks the rows (outer loops) and the elements of a row (inner loops):
 *   PACKED   no reductions. Every thread takes `width` neighbours of the last loop; rows follow each other without a gap.
 *   ROWS     `lanes` threads share a row: one, a warp, or the whole block; `teams` rows of a block at a time.
 *   COLUMNS  as ROWS, but a block walks a stretch of rows and adds up columns on the way. */
typedef enum { PACKED, ROWS, COLUMNS } Walk;

/* How the elements of a nest are dealt out: lane l takes elements width (lanes k + l) .. + width -
 * 1, k = 0 .. steps - 1. */
typedef struct {
	unsigned mask; /* the inner loops it walks */
	int      last; /* the innermost of them, -1: none */
	int64_t  size;
	int      width, steps;
	bool     whole;  /* steps * lanes * width == size */
	int wide, plain; /* accesses of `width` neighbours at once; others that vary along `last` */
} Deal;

/* Neighbours read at once into registers: x0, x1 .. */
typedef struct {
	const char *from, *guard; /* address; condition under which it may be read, or NULL */
	Dtype       dtype;
	unsigned    mask;
	int         pointer, first, last; /* phases between which it is used */
	bool        by_row;               /* differs from row to row */
	bool        early;                /* read before the first phase, and kept */
	int         stamp;                /* nest in which it was last emitted */
} Wide;

typedef struct {
	Emit        e; /* first: hooks get this */
	Walk        walk;
	const char *index; /* type of positions: "int" or "int64_t" */
	int         lanes, teams, block;
	int         depth; /* tabs in front of what is done for a row */
	int64_t     grid;
	bool        dry; /* only to see what there is */
	int         inside,
		/* accesses whose neighbours lie along the last inner, the last outer loop */
		outside;
	Vec(Deal) deal;
	Deal *now; /* of the nest that is being written */
	int   phase, stamp;
	Vec(Wide) wide;
	Text body, loads, members, stores;
	/* of members: stores of one element, which come after all that read what was there */
	Text     ends;
	int      meetings; /* phases of a row at which the whole block meets */
	int      slots;    /* row reductions that pass through shared memory so far */
	bool     staged;   /* values pass through arrays that the block shares */
	int64_t  room;     /* bytes of them */
	bool     far;      /* they do not fit shared memory and lie in scratch */
	Text     arrays;   /* their declarations */
	int64_t  total;    /* COLUMNS: sums of a block, over all reductions */
	int64_t *start;    /* .. per node: the first */
} Cuda;

/* threads, at least, of a launch that adds up columns, on one of 132 processors */
enum { CUDA_SHARE = 480 };
int cuda_column_share(int block); /* blocks of it on one */

/* ---- emit_cuda_shape.c ---------------------------------------------------------------------- */
Walk cuda_choose_loops(Region *r); /* which loops are inner, and so the walk */
void cuda_choose_geometry(
	Cuda *c); /* lanes, teams, block, grid; steps of each deal; what is read early */
const Deal *cuda_largest(const Cuda *c);
bool        cuda_reduces_rows(const Cuda *c);
int64_t     cuda_up(int64_t n, int64_t by);

/* ---- emit_cuda_deal.c ----------------------------------------------------------------------- */
Deal       *cuda_deal(Cuda *c, unsigned mask);
const char *cuda_load(Region *r, int pointer, const Coord *at); /* Region.on_load */
void        cuda_emit_wide(Cuda *c, int i, Text *t, int depth); /* read c->wide.at[i] */
/* Are `width` elements from here on, along loop l, one aligned piece? */
bool cuda_is_piece(const Region *r, const Pointer *p, const Coord *at, int l, int width);
void cuda_count_access(Cuda *c, const Coord *at);
/* name, or name[k], name[j], name[k][j] of a register array with an element for each step and
 * neighbour */
const char *cuda_register(const Cuda *c, const Deal *d, const char *name);
const char *cuda_dimensions(const Cuda *c, const Deal *d);
/* The first of the neighbours that a thread takes: its variable, the text of a position with it,
 * its linear index. */
const char *cuda_first_name(const Cuda *c, const Deal *d);
const char *cuda_first_text(const Cuda *c, const Deal *d, const Coord *at);
const char *cuda_first_index(const Cuda *c, const Deal *d);
/* Around `inside`: `for k` over the steps, and the variables of the loops for this lane's first
 * element of each. */
void cuda_around(const Cuda *c, const Deal *d, const Text *inside, Text *t);
void cuda_append_lines(Text *t, const Text *from, int depth); /* indented */
bool cuda_mentions(const Text *t, const char *name);          /* as a whole word */

/* ---- emit_cuda_nest.c ----------------------------------------------------------------------- */
void        cuda_nests(Cuda *c);                       /* all phases of a row into c->body */
const char *cuda_element(Emit *e, char letter, int p); /* Emit.element */
bool        cuda_is_staged(const Cuda *c,
                           /* does this reduction leave some of its nest's loops, not all or none? */
                           int i);
const char *cuda_start_value(const Node *n);

/* ---- emit_cuda_columns.c -------------------------------------------------------------------- */
void cuda_column_start(Cuda *c, Text *t); /* accumulators */
void cuda_column_end(
	Cuda *c,
	Text *t); /* a block's sums: to scratch, or where they belong when there is one block */
void cuda_finish(Cuda *c, Builder *b, Drafts *out); /* the second launch */

#endif
