/* ir_private: what the files of this room share and nobody else needs. */
#ifndef D2V_IR_PRIVATE_H
#define D2V_IR_PRIVATE_H

#include "compiler/ir/ir.h"

/* ---- infer*.c: one question, "what type has this node?", and where the answer goes ---------- */
typedef struct {
	Arena       *a;
	Op           op;
	const Type  *in;
	int          nin;
	const Attr  *attr;
	const Type  *given;
	Type        *out;
	const char **why;
} Infer;

/* Refuse with rule OP_RULE of OPS.md, e.g. "c1"; a rule that starts with "any_" is printed as it
 * is. */
Status infer_refuse(Infer *x, const char *rule, const char *fmt, ...) PRINTF(3, 4);
/* append to the result, or check that it has that size there */
Status infer_join(Infer *x, Axis axis);
Status infer_distinct(Infer *x); /* any_c7 on attr.axes */
/* The axis (by name, with its size) stands in t; otherwise refuse with `rule`. */
Status infer_has(Infer *x, const Type *t, Axis axis, const char *rule);
Status infer_lacks(Infer *x, const Type *t, const char *name, const char *rule);
bool   dtype_float(Dtype d);

Status infer_leaf(Infer *x);
Status infer_view(Infer *x);
Status infer_index(Infer *x);
Status infer_order(Infer *x); /* places, ranks */
Status infer_attend(Infer *x);

/* As infer, for operands of a graph; knows the elements of tuples. */
Status infer_node(Arena *a, const Graph *g, Op op, const Val *in, int nin, const Attr *attr,
                  const Type *given, Type *out, const char **why);
/* any_c2: reason why a type is malformed, or NULL. */
const char *type_flaw(Arena *a, const Type *t);

/* The one axis of q that neither is E nor stands in k: index into q's axes, or -1. */
int attend_query_axis(const Type *q, const Type *k, const Attr *attr);
/* Does an attend (grad 0) or attend_grad (grad 1) with this many operands have the bias r? -1:
 * wrong number. */
int attend_has_bias(const Attr *attr, int nin, int grad);
/* Axes over which dropout elements are counted, outermost first; returns their number. */
int attend_draw_axes(const Type *q, const Type *k, const Type *sample, const Attr *attr,
                     Axis draw[MAX_RANK]);

/* ---- graph.c -------------------------------------------------------------------------------- */
Val graph_push(Graph *g, const Node *node);
/* The i-th value Training refers to, or NULL past the last. */
Val *training_value(Training *t, int i);
/* the i-th value has no meaning here (and may be anything) */
bool training_unused(const Training *t, int i);

/* Kernel numbers from here on are marks that passes set before kernels are numbered. */
enum { KERNEL_MARK = 1 << 30 };

/* ---- print.c, parse.c ----------------------------------------------------------------------- */
void text_name(Text *t, const char *s); /* in quotes when it is no word */
/* as type_print, with names as text_name writes them */
void text_type(Text *t, const Type *type);
bool name_plain(const char *s, size_t n); /* can be written without quotes */
bool place_contiguous(const Node *n);

/* ---- eval*.c -------------------------------------------------------------------------------- */
typedef struct {
	Arena       *a;
	const Graph *g;
	Tensor      *result;
	Tensor (*tuple)[4]; /* elements of attend_grad nodes */
	Status status;      /* FAIL: a value that was fed makes no sense */
} Eval;

/* Step over all elements of a box, keeping the linear offset into several tensors. */
enum { WALK_VIEWS = 4, WALK_RANK = 2 * MAX_RANK };
typedef struct {
	int         rank, nview;
	const char *name[WALK_RANK];
	int64_t     size[WALK_RANK], index[WALK_RANK];
	int64_t     stride[WALK_VIEWS][WALK_RANK], at[WALK_VIEWS];
	int64_t     left;
} Walk;
void walk_start(Walk *w, const Axis *axis, int rank);
void walk_axes(Walk *w, const Axis *axis, int n); /* more axes, inside the others */
/* add a tensor: stride of each axis by name, 0 when it lacks it */
int  walk_view(Walk *w, const Type *t);
void walk_next(Walk *w); /* valid while w->left > 0 */

int64_t type_stride(const Type *t, const char *axis);   /* row-major stride; 0 when absent */
bool    attr_lists(const Attr *attr, const char *axis); /* among attr.axes */
void    eval_leaf(Eval *e, const Node *n, Tensor out);  /* const, table, uniform, assign */
void    eval_elementwise(Eval *e, const Node *n, Tensor out);
void    eval_reduce(Eval *e, const Node *n, Tensor out);
void    eval_contract(Eval *e, const Node *n, Tensor out);
void    eval_view(Eval *e, const Node *n, Tensor out);
void    eval_index(Eval *e, const Node *n, Tensor out);
void    eval_order(Eval *e, const Node *n, Tensor out);
void    eval_composite(Eval *e, const Node *n, Tensor out);
void    eval_attend(Eval *e, Val v, Tensor out);

#endif
