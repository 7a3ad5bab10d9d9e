/* ir: the graph of one training step (or of one forward pass). Includes base only.
 *
 * A DAG of typed, static-shape nodes in one array, in an order in which operands come first. No
 * control flow, no aliasing; persistent variables are read by `param` and written by `assign`, and
 * all assignments happen at the end of the step, so every `param` gives the old value.
 *
 * Axes have names (base.h: Axis). There is no transpose and no positional broadcast: the order of
 * axes in a type means nothing until the layout pass makes it the order in memory.
 *
 * Nodes are born only through build() and its wrappers, which infer the type or BUG(): the front
 * end has told the user everything that can be wrong before it builds.
 *
 * A pass walks 0 .. n-1, appends new nodes, records graph_replace(old, new), and ends with
 * graph_commit, which redirects uses, drops what no output reaches, and renumbers in order.
 * A Val is stable until graph_commit.
 */
#ifndef D2V_IR_H
#define D2V_IR_H

#include "compiler/base/base.h"

typedef enum {
#define OP(name, inputs, class, text) OP_##name,
#include "compiler/ir/ops.def"
#undef OP
	OP_COUNT
} Op;

typedef enum {
	CLASS_LEAF,
	CLASS_ELEM,
	CLASS_REDUCE,
	CLASS_CONTRACT,
	CLASS_VIEW,
	CLASS_INDEX,
	CLASS_RANDOM,
	CLASS_STATE,
	CLASS_COMPOSITE,
	CLASS_DEVICE
} OpClass;

typedef struct {
	const char *name;
	int         nin; /* -1: variadic */
	OpClass class;
	const char *text;
} OpInfo;
extern const OpInfo op_info[OP_COUNT];
Op                  op_find(const char *name); /* OP_COUNT when unknown */

typedef int32_t Val; /* a node's index in Graph.node */
#define NO_VAL ((Val)-1)

/* What an op needs besides operands; ops.def says which fields an op reads. Unused fields are zero.
 */
typedef struct {
	int         naxes;
	Axis        axes[MAX_RANK];
	Axis        axis;
	int64_t     offset;
	double      num;   /* const value; eps; beta */
	double      scale; /* attend */
	double      rate;  /* attend: dropout probability, 0 = none */
	int         index; /* result */
	int         nargs; /* table */
	int64_t     args[4];
	const char *name; /* interned */
} Attr;

/* Where a value lives, from pass plan on. Strides in elements, one per axis of the type. */
typedef struct {
	/* index into Graph.slab, or -1: not in memory of its own (inside a kernel, or a view) */
	int     slab;
	int64_t offset; /* bytes from the slab's start */
	int64_t stride[MAX_RANK];
} Place;

typedef struct {
	Op   op;
	Type type; /* of result 0 for tuples */
	int  nin;
	Val *in; /* in the graph's arena */
	Attr attr;
	Loc  loc; /* line of the spec; gradients carry that of the forward node */
	/* from pass fuse on: nodes with the same number >= 0 are one kernel; -1: none (views,
	 * leaves) */
	int   kernel;
	Place place;
} Node;

typedef struct {
	const char *name;
	Val         val;
} Output; /* interned name: "loss", "target_std", "lr" ... */

/* What `optimise` and `average of` say, until pass update turns it into nodes. */
typedef struct {
	const char *param; /* variable name */
	const char *group; /* name of the parameter group, for tables and messages */
	/* rank-0 f32 values (host nodes or consts): rate, weight decay (const 0 = none) */
	Val         lr, decay;
	const char *average;       /* teacher's variable name, or NULL */
	Val         average_decay; /* rank-0 f32, when average */
	/* d loss / d param, its axes; set iff Training.differentiated */
	Val grad;
	Loc loc;
} Update;
typedef struct {
	bool present;
	/* pass autodiff ran: every Update.grad is set (and is a root of graph_commit) */
	bool   differentiated;
	Val    loss;
	double beta1, beta2, eps; /* AdamW */
	/* global norm; 0 = no clipping (the norm is still an output) */
	double  clip;
	int     nupdate;
	Update *update; /* one per student parameter, in declaration order */
} Training;

typedef struct {
	const char *name;
	int64_t     bytes;
} Slab;

/* What a pass did not do, for people: "attend: not fused", where, why. */
typedef struct {
	const char *what, *why;
	Loc         loc;
} Remark;

/* What the backward pass computes again instead of keeping it, from least to most. */
typedef enum { RECOMPUTE_none, RECOMPUTE_cheap, RECOMPUTE_blocks, RECOMPUTE_COUNT } Recompute;
extern const char *const recompute_name[RECOMPUTE_COUNT];

/* What a device's kernels can do, as far as passes ask. 0: a processor's, which bounds bytes
 * instead (pass attend). */
typedef struct {
	/* unless the user says otherwise: where bandwidth is short and memory is not, none */
	Recompute recompute;
	/* most queries or keys, widest head, for attention as one kernel */
	int64_t attend_tokens, attend_width;
} TargetInfo;
enum { ATTEND_OUTER = 4 }; /* most axes besides queries, keys and width, on every target */

typedef struct Graph {
	Arena      *arena;
	const char *name; /* "train", "student.features" ... */
	Node       *node;
	int         n, cap;
	Output     *out; /* in declaration order */
	int         nout;
	Training    training;
	Slab       *slab; /* from pass plan on */
	int         nslab;
	int         nkernel;    /* from pass fuse on */
	const char *batch_axis; /* name of the sample axis (interned), or NULL */
	/* DT_f32 or DT_bf16: operand type of matrix work, from `precision` */
	Dtype matmul;
	/* the same for matrix work on an average's (teacher's) variables */
	Dtype      matmul_average;
	TargetInfo target;
	Recompute  recompute; /* what pass recompute does; cheap in a new graph */
	/* a planned graph whose variables this one shares (features follow train) and whose host,
	 * input and table slabs it extends; or NULL */
	struct Graph *variables_from;
	Vec(Remark) remark;
	Val *replaced; /* pass-private: pending graph_replace */
} Graph;

/* ---- graph.c -------------------------------------------------------------------------------- */
Graph *graph_new(Arena *a, const char *name);
Graph *graph_copy(Arena *a, const Graph *g);
void   graph_output(Graph *g, const char *name, Val v);
/* all uses (operands, outputs, training) of old become new at commit; chains are followed */
void graph_replace(Graph *g, Val old, Val new_val);
/* roots: outputs, assigns, training values */
void graph_commit(Graph *g);
/* kept once; texts in the graph's arena */
void graph_remark(Graph *g, const char *what, Loc loc, const char *why);
/* How many nodes and outputs use each value; arena array of g->n. */
int *graph_uses(const Graph *g, Arena *a);

/* ---- variables.c: nodes of variables by name ------------------------------------------------ */
typedef struct VariableTable VariableTable;
typedef struct {
	int                  nparam, nassign;
	Val                 *param, *assign; /* all of them, in the order of the graph */
	const VariableTable *table;
} Variables;
Variables graph_variables(const Graph *g, Arena *a); /* as the graph is now */
/* the first param of the (interned) name, or NO_VAL */
Val variable_param(const Variables *x, const char *name);
Val variable_assign(const Variables *x, const char *name);

/* ---- build.c: the only birthplace of nodes -------------------------------------------------- */
/* type: NULL = inferred (ops whose text says "type given" need it). Attr may be NULL. */
Val build(Graph *g, Op op, const Val *in, int nin, const Attr *attr, const Type *type, Loc loc);
Val build_const(Graph *g, double x, Loc loc); /* f32[] */
Val build_bool(Graph *g, int value, Loc loc); /* bool[] const */
/* input, host, param */
Val build_leaf(Graph *g, Op op, const char *name, const Type *type, Loc loc);
/* an input of bools, at most so many true in each row along the axis of that name */
Val
build_mask(Graph *g, const char *name, const Type *type, const char *along, int64_t most, Loc loc);
Val build_un(Graph *g, Op op, Val a, Loc loc);
Val build_bin(Graph *g, Op op, Val a, Val b, Loc loc);
Val build_select(Graph *g, Val c, Val a, Val b, Loc loc);
Val build_cast(Graph *g, Val a, Dtype to, Loc loc); /* a itself when already so */
/* a itself when n == 0 */
Val build_reduce(Graph *g, Op op, Val a, const Axis *over, int n, Loc loc);
/* sum * (1 / product of sizes) */
Val build_mean(Graph *g, Val a, const Axis *over, int n, Loc loc);
Val build_contract(Graph *g, Val a, Val b, const Axis *over, int n, Loc loc);
Val build_rename(Graph *g, Val a, Axis from, Axis to, Loc loc);
Val build_split(Graph *g, Val a, Axis from, const Axis *to, int n, Loc loc);
Val build_merge(Graph *g, Val a, const Axis *from, int n, Axis to, Loc loc);
/* part.name == NULL: one element, axis removed */
Val build_slice(Graph *g, Val a, Axis axis, int64_t offset, Axis part, Loc loc);
/* part.name == NULL: operand lacks the axis */
Val build_pad(Graph *g, Val a, Axis part, Axis axis, int64_t offset, Loc loc);
Val build_concat(Graph *g, const Val *in, const Axis *parts, int n, Axis along, Loc loc);
/* a itself when n == 0 */
Val build_broadcast(Graph *g, Val a, const Axis *over, int n, Loc loc);
/* the axes of `like` that a lacks */
Val build_broadcast_to(Graph *g, Val a, const Type *like, Loc loc);
/* a itself when so ordered */
Val build_reorder(Graph *g, Val a, const Type *order, Loc loc);
Val build_pick(Graph *g, Val a, Val index, Axis axis, Loc loc);
Val build_places(Graph *g, Val mask, Axis axis, int64_t offset, Axis to, Loc loc);
Val build_ranks(Graph *g, Val mask, Axis axis, int64_t offset, Axis whole, Axis places, Loc loc);
Val build_assign(Graph *g, const char *variable, Val a, Loc loc);

/* ---- infer.c: the type of a node, or a reason why there is none ----------------------------- */
/* OK and *out, or FAIL and a sentence in *why (arena text, no full stop). Numbered rules in OPS.md.
 * `given`: the type the text or the caller states, or NULL. `index`: which result of a tuple. */
Status infer(Arena *a, Op op, const Type *in, int nin, const Attr *attr, const Type *given,
             Type *out, const char **why);
Type   infer_result(const Graph *g, Val tuple, int index); /* attend_grad's elements */

/* ---- table.c: constant index tables by generator name --------------------------------------- */
/* grid_offsets(Gy, Gx): BEiT's relative position index for a class token and Gy x Gx patches,
 * i32[T, U], T = 1 + Gy Gx (data2vec-vision.md 1.3).  iota(n): 0 .. n-1. */
/* limit: entries are in 0 .. limit-1; FAIL (silent) when unknown */
Status table_type(const char *generator, const int64_t *args, int nargs, int *rank,
                  int64_t size[MAX_RANK], int64_t *limit);
void   table_fill(const char *generator, const int64_t *args, int nargs, int32_t *out);

/* ---- print.c, parse.c, verify.c ------------------------------------------------------------- */
/* Canonical text: one node a line, values renumbered %0.., `# file:line:col` at the end of a line.
 */
void graph_print(const Graph *g, Text *out);
/* diagnostics on error */
Status graph_parse(Arena *a, const char *file, const char *text, Graph **out);
/* Everything OPS.md says of a legal graph; `after` names the pass. BUG()s on a violation when
 * fatal, else reports and FAILs. */
Status graph_verify(const Graph *g, const char *after, bool fatal);

/* ---- eval.c: the oracle; slow, obvious, double precision ------------------------------------ */
typedef struct {
	Type    type;
	double *at;
} Tensor; /* row-major in the order of type.axis */
/* Values for inputs, hosts and params by name. */
typedef struct {
	const char *name;
	Tensor      tensor;
} Feed;
Tensor tensor_new(Arena *a, const Type *type); /* zeros */
Tensor tensor_reorder(Arena *a, Tensor t, const Type *order);
/* Evaluate every node; result[v] for v in 0 .. n-1 (tuples: use eval_result). bf16 casts round.
 * FAIL + report when a feed is missing or an index that was fed points outside its axis. `uniform`
 * uses philox_uniform with the fed sample, step and seed. */
Status eval_graph(Arena *a, const Graph *g, const Feed *feed, int nfeed, Tensor *result);
/* The same, but `each` sees every value that a node computed before others read it, and may change
 * it: what would rounding do? */
typedef void EvalEach(const Node *n, Tensor t, void *arg);
Status       eval_graph_each(Arena *a, const Graph *g, const Feed *feed, int nfeed, Tensor *result,
                             EvalEach *each, void *arg);

/* ---- random_feed.c, feed.c: values for leaves, drawn and as text ---------------------------- */
/* A value for every input, host and param of g, by name: the same name gets the same value in
 * whatever graph it stands. Second moments are positive, masks mixed, indices in range, hosts
 * between 0.05 and 0.95. */
Feed *random_feed(Arena *a, const Graph *g, uint64_t seed, int *nfeed);
/* t, drawn for the input n: in each row of a mask that promises a bound, only the first so many
 * true elements stay. */
void feed_keep_promise(const Node *n, Tensor t);
/* Text such as `x : f32[B:2] = 1 2`, for leaves of g; diagnostics on error. */
Status
feed_parse(Arena *a, const Graph *g, const char *file, const char *text, Feed **out, int *nfeed);
/* The same text of one tensor. digits: significant ones, 0: all. Tensors of more than `most`
 * elements (0: none) are cut short, with their range and mean. */
void feed_print(Text *out, const char *name, const Tensor *x, int digits, int64_t most);

#endif
