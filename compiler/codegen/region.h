/* Shared by the files of codegen only: a generated kernel before it is text. */
#ifndef D2V_REGION_H
#define D2V_REGION_H

#include "compiler/codegen/codegen.h"
#include "compiler/ir/axes.h"

enum { MAX_LOOPS = 12 };

/* A position as a function of the loop variables: c0 + sum coef[i] * (variable of axis i) + opaque.
 * opaque holds what is not linear ("(i1 / 14)", table look-ups) as text, NULL when there is nothing. */
typedef struct {
	int64_t     c0, coef[MAX_LOOPS];
	const char *opaque;
	unsigned    touches;               /* axes that occur in opaque: bit mask */
} Coord;

typedef struct {
	int64_t     size;
	bool        inner;
	const char *var;                   /* "i0" .. */
} Loop;

/* A piece of memory the kernel touches. Same place, same pointer. */
typedef struct {
	int     slab;
	int64_t offset;
	Type    type;
	bool    read, write;
} Pointer;

/* A number the text leaves open, written @i@: kernels that differ only in such numbers are one. */
typedef struct { ArgKind kind; double f; int64_t i; uint64_t u; } Number;

typedef struct {
	const Graph *g;
	Arena       *a;
	int          kernel, n;
	Val         *node;                 /* the kernel's values, in order */
	int         *local;                /* per graph value: position in node, or -1 */
	int          nspace;               /* axes walked: outer ones first, each part in memory order */
	Axis         space[MAX_LOOPS];
	bool         inner[MAX_LOOPS];
	int          group[MAX_LOOPS];     /* per axis: the loop that walks it */
	int64_t      within[MAX_LOOPS];    /* per axis: steps of its loop for one step of it (1: the innermost of its loop) */
	bool         rigid[MAX_LOOPS];     /* occurs in something not linear: not to be merged with a neighbour */
	int          ndropped;             /* axes of size 1: no loop */
	const char  *dropped[MAX_LOOPS];
	Vec(Coord)   seen;                 /* positions of all loads and stores so far */
	int          nloop;
	Loop         loop[MAX_LOOPS];      /* outer loops first */
	int          nouter;
	bool         flat;                 /* one loop over contiguous data, no reduction: its length is an argument */
	bool         columns;              /* has column reductions */
	Vec(Pointer) pointer;
	Vec(Number)  number;
} Region;

/* ---- coord.c ---- */
Coord       coord_axis(const Region *r, const char *axis);
Coord       coord_scale(const Region *r, Coord c, int64_t by);
Coord       coord_add(const Region *r, Coord x, Coord y);
unsigned    coord_loops(const Region *r, const Coord *c); /* loops it depends on: bit mask */
const char *coord_text(const Region *r, const Coord *c);

/* ---- read.c: how a value outside the kernel is read at given coordinates (one per axis of its type) ---- */
const char *read_value(Region *r, Val v, const Coord *at, unsigned *loops); /* C expression; *loops: on what it depends */
int         region_pointer(Region *r, const Node *n, bool write);
int         region_number(Region *r, Number x);
Coord       place_coord(const Region *r, const Node *n, const Coord *at);   /* position in elements from the node's place */
void        identity_coords(const Region *r, const Type *t, Coord *at);

/* ---- region.c ---- */
void region_build(Region *r, Arena *a, const Graph *g, int kernel);

/* ---- emit.c ---- */
void region_emit(Region *r, Text *out);

/* ---- steps.c: launches and gemms of one graph; kernels of equal text are kept once ---- */
typedef struct {
	const char *body;                  /* text with @N@ for the name, @NUMBERS@ for declarations and @i@ for open numbers */
	const char *kind;                  /* "rows", "flat", "columns", "attend" .. : becomes part of the name */
	int         first_number;          /* numbers before it are always arguments (a flat kernel's count, attend's rate and site) */
	int         nnumber;
	Number     *number;                /* of the first use */
	bool       *varies;                /* per number: differs among uses, so it is an argument */
	Vec(Loc)    loc;
	double      flops, bytes;          /* of one launch */
} Source;

typedef struct {
	ProgStep step;                     /* STEP_launch: kernel = index of the source; arguments are made at the end */
	int      npointer;
	Pointer *pointer;
	Number  *number;
} Draft;
typedef Vec(Draft) Drafts;

typedef struct {
	Arena      *a;
	Vec(Source) source;
} Builder;

void steps_build(Builder *b, const Graph *g, Drafts *out);
/* ---- single.c: kernels that are one node: attend, sum_squares, scatter_add; and gemms ---- */
bool single_build(Builder *b, const Graph *g, Val v, Draft *d); /* false when v is an ordinary member of a region */
int  source_add(Builder *b, const char *kind, const char *body, const Number *number, int nnumber, int first_number, double flops, double bytes);
void source_spec_line(Builder *b, int source, Loc loc);

#endif
