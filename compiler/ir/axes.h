/* axes.h: what the later passes and code generation share about nodes: sets of axes, the roles of
 * axes in a contraction, where a view's elements lie. Sections: axes.c views.c */
#ifndef D2V_AXES_H
#define D2V_AXES_H

#include "compiler/ir/ir.h"

/* ---- axes.c: sets of axes, and the four roles they play in a contraction -------------------- */
typedef struct {
	int  n;
	Axis at[2 * MAX_RANK];
} Axes;
bool    axes_has(const Axes *s, const char *name);
void    axes_add(Axes *s, Axis x);                 /* once */
bool    axes_subset(const Axes *a, const Axes *b); /* a in b */
bool    axes_equal(const Axes *a, const Axes *b);  /* as sets */
Axes    axes_of(const Type *t);
int64_t axes_elems(const Axes *s);

/* A contraction out = sum over k of a * b: z in both operands and in the result, m in a only, n in
 * b only, k summed; each in the order in which the operand lists them (z and k in a's order). */
typedef struct {
	Axes z, m, n, k;
} Roles;
Roles contract_roles(const Type *a, const Type *b, const Attr *attr);

enum {
	/* Node.kernel of a copy before pass fuse has numbered the kernels */
	KERNEL_WANTED = 1 << 30,
	/* Node.kernel of a concat that costs nothing: its operands are variables side by side, or
	   are written where they belong */
	KERNEL_IN_PLACE = -2,
};
/* rename split merge slice reorder: a way to look at the operand's memory; a reorder with a kernel
 * is a copy instead. */
bool node_is_alias(const Node *n);
Val  alias_root(const Graph *g, Val v); /* the value below all such views */
/* reads its operands at other coordinates: concat, pad, pick */
bool op_is_mapped(Op op);
/* Is this reduction finished only after the whole iteration space was walked (over the samples, or
 * to one number), rather than once per row? */
bool reduce_is_column(const Graph *g, const Node *n);

/* ---- views.c: where a view's elements lie in its root's memory ------------------------------ */
/* Strides (elements, one per axis of v) and offset of v in the memory of alias_root(v), given the
 * root's own strides (NULL: contiguous in the order of its type). False when a merge joins axes
 * that are not adjacent in memory. */
bool
view_strides(const Graph *g, Val v, const int64_t *root, int64_t stride[MAX_RANK], int64_t *offset);
void contiguous_strides(const Type *t, int64_t stride[MAX_RANK]);
/* One stride for several axes read as one, outermost first; false when they do not nest. n == 0:
 * stride 0. */
bool collapse(const Type *t, const int64_t *stride, const Axes *group, int64_t *out);
/* The axes of `group` in the order in which t's strides put them in memory, outermost first. */
Axes memory_order(const Type *t, const int64_t *stride, const Axes *group);

#endif
