/* Shared by the files of pass fuse only: fuse_copies.c fuse_facts.c fuse_kernel.c fuse.c
 * fuse_merge.c, in the order in which they work. */
#ifndef D2V_FUSE_PRIVATE_H
#define D2V_FUSE_PRIVATE_H

#include "compiler/pass/pass_private.h"

typedef Vec(int) Ints;

enum {
	/* elements of a kernel's inner axes: rows live in first-level cache or on a small stack */
	FUSE_MAX_ROW = 16384,
	FUSE_MAX_NODES = 400, /* a kernel that a person can still read */
};

typedef struct {
	/* inner: axes that some reduction needs inside; the rest of space may be outer */
	Axes space, inner;
	/* the loss follows from it; kernels before and after the loss are never merged: their
	 * values would live in between */
	bool forward;
	bool alone; /* gemm and the like: nothing joins */
	/* has a variable's new value; has a reduction inside its rows: never both, a row must not
	 * see new values */
	bool assigns, rows;
	bool dead; /* merged into another */
	int  merged_into;
	Ints member; /* values computed here */
	Ints succ;   /* kernels that read what this one stores */
} FuseKernel;

typedef struct {
	Graph *g;
	Axes  *span; /* per value: the space it is computed in */
	/* per value: the one large stored value it follows from; NO_VAL: none; itself: must be
	 * stored to be shared */
	Val  *root;
	Ints *user, *home; /* per value: nodes that use it; kernels that compute it */
	Ints *clone;       /* per value: new value for each home */
	bool *wanted;      /* an output */
	bool *forward;     /* the loss follows from it */
	/* per value: the values that will replace the variables it is memory of */
	Ints *overwritten;
	bool *assigned; /* per value: becomes a variable's new value */
	Vec(FuseKernel) kernel;
	Vec(Node) nodes;
	int *stack, *seen, stamp, stack_cap;
} Fuse;

void fuse_copies(Graph *g);
void fuse_facts(Fuse *f); /* fills all that is per value, but home and clone */

/* ---- fuse_kernel.c -------------------------------------------------------------------------- */
bool fuse_has(const Ints *s, int x);
void fuse_add(Fuse *f, Ints *s, int x); /* as a set */
int  fuse_kernel_new(Fuse *f, const Axes *space);
int  fuse_rep(const Fuse *f, int k); /* the kernel that k was merged into, in the end */
bool fuse_reaches(Fuse *f, int a, int b, bool skip_direct);
void fuse_add_edges(Fuse *f, int from, const Ints *to);
bool fuse_inner(const Graph *g, Val v, const Axes *span, Axes *inner);
bool fuse_fits(const Fuse *f, const FuseKernel *k, const Axes *inner);
bool fuse_accepts(Fuse *f, int k, Val v); /* may v be computed in k? */
void fuse_join(Fuse *f, int k, Val v);

void fuse_merge(Fuse *f);

#endif
