/* Shared by the writers of fused kernels, one for each target: which nest computes what, and the
 * text of expressions. */
#ifndef D2V_EMIT_H
#define D2V_EMIT_H

#include "compiler/codegen/region.h"

/* A fused kernel while it becomes text. Values are grouped into loop nests: a nest ends where a
 * value is needed that is only known after a reduction. Names in the text: v3 the value of node 3
 * here, r3 the result of a reduction, a3 a value that waits for a later nest, s0 something read
 * once, i0 a loop's variable, p0 a pointer. */
typedef struct Emit {
	Region     *r;
	int        *phase; /* per node: number of reductions that must be finished before */
	unsigned   *nest;  /* per node: inner loops it is computed in */
	unsigned   *mask;  /* per node: inner loops its value varies over */
	bool       *kept;  /* per node: read from another nest */
	int         phases;
	Text        top, row; /* what is read once for all rows, once for each row */
	const char *top_tabs, *row_tabs;
	Vec(const char *) hoisted;
	/* How this target reads node p's value, kept from another nest ('a') or reduced to an array
	 * ('r'). */
	const char *(*element)(struct Emit *e, char letter, int p);
} Emit;

/* ---- expression.c --------------------------------------------------------------------------- */
void emit_begin(Emit *e, Region *r); /* phases and nests; the rest stays as the caller set it */
void emit_end(Emit *e);
bool is_reduce(const Node *n);
bool is_column(const Emit *e, int i); /* a reduction that is finished when all rows were walked */
const Node *node_at(const Emit *e, int i);
const char *c_type(Dtype d);
const char *index_text(const Region *r, unsigned mask); /* linear index of the loops in mask */
int64_t     mask_size(const Region *r, unsigned mask);
int64_t     rows_of(const Region *r);          /* product of the outer loops */
const char *operand(Emit *e, int user, Val v); /* the value of v as node `user` reads it */
const char *expression(Emit *e, int i);        /* of a node that is no reduction */
Coord       store_coord(Emit *e, int i, int *pointer);
const char *store_text(Emit *e, int i);
/* The nests of a phase: the next mask after `mask` in the order in which they are walked (small
 * ones first); false: none. Begin with mask = -1. */
bool next_nest(const Emit *e, int phase, int64_t *mask);
void indent(Text *t, int n);
/* `const TYPE i0 = row / 197;` .. for each loop that `which` names. */
void decode_loops(const Region *r, Text *t, unsigned which, const char *type, const char *from,
                  int tabs);

/* ---- single_cpu.c --------------------------------------------------------------------------- */
void single_attend_cpu(Builder *b, const AttendKernel *k, const Draft *d, Drafts *out);
void single_sum_squares_cpu(Builder *b, const Draft *d, Drafts *out);
void single_scatter_cpu(Builder *b, const ScatterKernel *k, const Draft *d, Drafts *out);
void single_order_cpu(Builder *b, const OrderKernel *k, const Draft *d, Drafts *out);

/* ---- single_cuda.c -------------------------------------------------------------------------- */
void single_attend_cuda(Builder *b, const AttendKernel *k, const Draft *d, Drafts *out);
void single_sum_squares_cuda(Builder *b, const Draft *d, Drafts *out);
void single_scatter_cuda(Builder *b, const ScatterKernel *k, const Draft *d, Drafts *out);
void single_order_cuda(Builder *b, const OrderKernel *k, const Draft *d, Drafts *out);

#endif
