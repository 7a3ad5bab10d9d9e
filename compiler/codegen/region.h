/* Shared by the files of codegen only: a generated kernel before it is text. */
#ifndef D2V_REGION_H
#define D2V_REGION_H

#include "compiler/codegen/codegen.h"
#include "compiler/ir/axes.h"

enum { MAX_LOOPS = 12, MAX_DROPPED = 64 };

/* A position as a function of the loop variables: c0 + sum coef[i] * (variable of axis i) + opaque.
 * opaque holds what is not linear ("(i1 / 14)", table look-ups) as text, NULL when there is
 * nothing; it is a multiple of unit. */
typedef struct {
	int64_t     c0, coef[MAX_LOOPS];
	const char *opaque;
	int64_t     unit;
	unsigned    touches; /* axes that occur in opaque: bit mask */
} Coord;

typedef struct {
	int64_t     size;
	bool        inner;
	const char *var; /* "i0" .. */
	/* inner, but so many at a time, by the variable `lane` (emit_cpu_loops.c); 0: all at once
	 */
	int64_t piece;
} Loop;

/* A piece of memory the kernel touches. Same place, same pointer. node_pointer and scratch_pointer
 * make them. */
typedef struct {
	int     slab;
	int64_t offset;
	Type    type;
	bool    read, write;
	Extent  extent;
	Val     to;    /* write: the value left there */
	Vec(Val) from; /* read: the values expected there */
} Pointer;

/* A number the text leaves open, written @i@: kernels that differ only in such numbers are one. */
typedef struct {
	ArgKind  kind;
	double   f;
	int64_t  i;
	uint64_t u;
} Number;

typedef struct Region {
	const Graph *g;
	Arena       *a;
	Arena       *own; /* of node and local: given back by region_close */
	int          kernel, n;
	Val         *node;  /* the kernel's values, in order */
	int         *local; /* per graph value: position in node, or -1 */
	/* axes walked: outer ones first, each part in memory order */
	int  nspace;
	Axis space[MAX_LOOPS];
	bool inner[MAX_LOOPS];
	int  group[MAX_LOOPS]; /* per axis: the loop that walks it */
	/* per axis: steps of its loop for one step of it (1: the innermost of its loop) */
	int64_t within[MAX_LOOPS];
	/* occurs in something not linear: not to be merged with a neighbour */
	bool        rigid[MAX_LOOPS];
	int         ndropped; /* axes of size 1: no loop */
	const char *dropped[MAX_DROPPED];
	Vec(Coord) seen; /* positions of all loads and stores */
	int  nloop;
	Loop loop[MAX_LOOPS]; /* outer loops first */
	int  nouter;
	/* one loop over contiguous data, no reduction: its length is an argument */
	bool flat;
	bool columns; /* has column reductions */
	Vec(Pointer) pointer;
	Vec(Number) number;
	int64_t farthest; /* the largest index into any place so far */
	/* A target that reads several elements at once: the text of a load (NULL: not this one,
	 * which is then written plainly). guard: the condition under which the element exists,
	 * NULL: always; guard_loops: the loops it depends on. */
	const char *(*on_load)(struct Region *r, int pointer, const Coord *c);
	void       *on_load_arg;
	const char *guard;
	unsigned    guard_loops;
} Region;

/* ---- coord.c -------------------------------------------------------------------------------- */
Coord       coord_axis(const Region *r, const char *axis);
Coord       coord_scale(const Region *r, Coord c, int64_t by);
Coord       coord_add(const Region *r, Coord x, Coord y);
unsigned    coord_loops(const Region *r, const Coord *c); /* loops it depends on: bit mask */
const char *coord_text(const Region *r, const Coord *c);

/* ---- read.c: how a value outside the kernel is read at given coordinates (one per axis of its
 * type) --- */
/* C expression; *loops: on what it depends */
const char *read_value(Region *r, Val v, const Coord *at, unsigned *loops);
int         region_pointer(Region *r, const Node *n, bool write);
int         region_number(Region *r, Number x);
/* position in elements from the node's place */
Coord place_coord(const Region *r, const Node *n, const Coord *at);
void  identity_coords(const Region *r, const Type *t, Coord *at);

/* ---- region.c ------------------------------------------------------------------------------- */
void region_build(Region *r, Arena *a, const Graph *g, int kernel);
void region_close(Region *r);

/* ---- steps.c: launches and gemms of one graph; kernels of equal text are kept once ---------- */
typedef struct {
	/* text with @N@ for the name, @NUMBERS@ for the declarations of numbers and @i@ for open
	 * numbers */
	const char *body;
	const char *kind; /* "rows", "flat", "columns", "attend" .. : becomes part of the name */
	/* lines for the head comment, of the first use; NULL: none */
	const char *about;
	/* numbers before it are always arguments (a flat kernel's count, attend's rate and site) */
	int     first_number;
	int     nnumber;
	Number *number; /* of the first use */
	/* per number: differs among uses, so it is an argument */
	bool *varies;
	Vec(Loc) loc;
	double  flops, bytes; /* of one launch */
	int     block;        /* see program.h Kernel */
	int64_t shared, grid, per_block;
} Source;

typedef struct {
	/* STEP_launch: kernel = index of the source; arguments are made at the end */
	ProgStep step;
	int      npointer;
	Pointer *pointer;
	Number  *number;
	/* STEP_gemm: the values of its operands; bias may be NO_VAL */
	Val a, b, c, bias;
} Draft;
typedef Vec(Draft) Drafts;

/* Which values are one, because they share an array: per value of the graph, then per scratch
 * value, a step towards the one that stands for all. */
typedef struct {
	Vec(Val) same;
} Classes;

typedef struct {
	Arena                   *a;
	const struct TargetCode *code;
	Gpu                      gpu; /* cuda: what kernels are cut up for */
	Vec(Source) source;
	/* what launches of one kernel pass on to the next lies there, from offset 0 */
	int     scratch_slab;
	int64_t scratch;       /* bytes of it */
	Val     scratch_value; /* what was written there last */
	Classes classes;       /* of the graph whose steps are being built */
} Builder;

void steps_build(Builder *b, const Graph *g, Drafts *out);
/* One launch of a kernel like `s`, which may be there already. d has pointers, and numbers for
 * s->nnumber. */
void launch_add(Builder *b, const Source *s, const Draft *d, Drafts *out);
void region_cost(const Region *r, double *flops, double *bytes);
void source_spec_line(Builder *b, int source, Loc loc);
/* Scratch for a kernel, as a pointer argument: so many floats behind the first `at`. Read: what was
 * written last. */
Pointer scratch_pointer(Builder *b, int64_t at, int64_t floats, bool write);

/* ---- values.c: the bytes that steps touch, and the names of the values in them (program.h: Named)
 * --- */
int64_t extent_span(Extent x); /* bytes from its first to its last */
Extent  node_extent(const Type *t, const int64_t *stride);
Extent  extent_union(Extent x, Extent y); /* of two reads at one place */
Pointer node_pointer(Arena *a, const Graph *g, Val v, bool write);
void    values_begin(Builder *b, const Graph *g);
void    values_join(Builder *b, Val x, Val y); /* from now on one value */
Val     values_scratch(Builder *b);            /* a value without a node */
void values_name(Arena *a, const Classes *c, const Graph *g, const Program *p, const Drafts *drafts,
                 const Val *output, Entry *e);

/* ---- single.c: kernels that are one node: attend, sum_squares, scatter_add, places, ranks; and
 * gemms ------- */
/* false when v is an ordinary member of a region */
bool single_build(Builder *b, const Graph *g, Val v, Drafts *out);

/* out[.., row, ..] = sum of a over the places where the table says row. A place's stride along the
 * axes that it lacks is 0. */
typedef struct {
	int     nother, ndraw;                   /* axes of out but the row; axes of the table */
	int64_t other[MAX_RANK], draw[MAX_RANK]; /* sizes */
	int     axis_of[MAX_RANK];               /* where the other axes stand in out */
	int64_t rows, out_row;                   /* size of the row axis, stride in out */
	/* strides */
	int64_t out_other[MAX_RANK], a_other[MAX_RANK], a_draw[MAX_RANK];
	int64_t table_other[MAX_RANK], table_draw[MAX_RANK];
	bool    sparse; /* the table may say -1: nowhere */
} ScatterKernel;

/* places and ranks (ops.def) of rows of a mask. */
typedef struct {
	bool    ranks;
	int     nouter; /* axes besides the one that is counted along */
	int64_t outer[MAX_RANK], mask_outer[MAX_RANK], out_outer[MAX_RANK]; /* sizes, strides */
	int64_t n, mask_step;                                               /* along a row */
	int64_t size, out_step; /* of the axis in its place */
	int64_t offset, most;
} OrderKernel;

/* How a target writes kernels: each function appends one launch, or several that work together. d:
 * pointers in the order of the operands, then results; numbers; flops and bytes. */
typedef struct TargetCode {
	void (*region)(Builder *b, Region *r, Drafts *out);
	void (*attend)(Builder *b, const AttendKernel *k, const Draft *d, Drafts *out);
	void (*sum_squares)(Builder *b, const Draft *d, Drafts *out);
	void (*scatter)(Builder *b, const ScatterKernel *k, const Draft *d, Drafts *out);
	void (*order)(Builder *b, const OrderKernel *k, const Draft *d, Drafts *out);
	void (*declare)(const Source *s, Text *t); /* @NUMBERS@ */
	/* after the head comment: includes the prelude */
	void (*head)(const char *hash, Text *t);
	const char *infinity, *nan; /* spellings */
	/* a launch costs more than its place in the order of the plan is worth */
	bool sorts;
} TargetCode;
/* codegen.c: which numbers become arguments, in order */
int                     argument_position(const Source *s, int number);
extern const TargetCode cpu_code, cuda_code;

#endif
