/* program: the contract between compiler and runtime, and all they share. Plain text: program.d2p
 * beside kernels/NAME.c, in one folder. Includes base only.
 *
 * A Program has persistent variables, slabs of memory planned to the byte, and entries: "train" is
 * the whole training step; "student.features" and "teacher.features" are forward passes used by
 * evaluation. An entry is a list of steps run in order; a step allocates nothing and chooses
 * nothing. Recipe is what the spec says that is not arithmetic: data, draws, run length,
 * checkpoints.
 *
 * print, parse and verify are one trio: program_parse(program_print(p)) gives p again, byte for
 * byte.
 */
#ifndef D2V_PROGRAM_H
#define D2V_PROGRAM_H

#include "compiler/base/base.h"

/* ---- Recipe: from dsl/lower.c through the compiler untouched -------------------------------- */

/* The lowering lists variables in this order: all params, all averages (only those the teacher
 * uses), all moment1, all moment2. */
typedef enum { VAR_param, VAR_average, VAR_moment1, VAR_moment2 } VarKind;
typedef enum { INIT_const, INIT_normal, INIT_trunc_normal, INIT_copy } InitKind;

/* How a variable starts. trunc_normal: N(0, std^2) cut to +-cut standard deviations by inverse CDF,
 * then times scale; drawn from stream_open(seed, variable name, 0, 0), one stream_uniform per
 * element in written order. */
typedef struct {
	InitKind    kind;
	double      value, std, cut, scale;
	const char *of; /* INIT_copy: variable copied (teacher start = copy) */
} Init;

/* A persistent tensor. `type` has the written axis order: that of checkpoints and of memory. */
typedef struct {
	const char *name; /* "block[3].attend.q"; averages "teacher.block[3].attend.q"; moments
	                     "moment1.<param>", "moment2.<param>" */
	VarKind     kind;
	Type        type;
	Init        init;
	/* average, moments: the parameter they belong to; NULL for params */
	const char *of;
	const char *group; /* parameter group; NULL otherwise */
	Loc         loc;
	int         slab; /* filled by codegen */
	int64_t     offset;
} Variable;

/* One line of a `names` table: published name and the variables it stacks (outermost axis), usually
 * one. shape: the published shape when it differs (e.g. cls_token 1,1,768), ndim 0 = as the
 * variable. */
typedef struct {
	const char  *table;   /* "beit" */
	const char  *foreign; /* "blocks.3.attn.qkv.weight" */
	int          nvar;
	const char **var;
} NameMap;

/* One transform of `augment`, in order: "color_jitter" b c s | "flip" p | "resized_crop" scale_lo
 * scale_hi (ratio 3/4..4/3) */
typedef struct {
	const char *name;
	int         narg;
	double      arg[6];
	const char *filter; /* "bicubic" | "bilinear", resized_crop only */
} Transform;

typedef struct {
	const char *source; /* name bound by --data NAME=PATH, e.g. "train" */
	const char *input;  /* graph input it fills: "image" */
	int64_t     batch, channels, height, width;
	int         ntransform;
	Transform   transform[8];
	double      mean[4], std[4]; /* per channel, on values in [0, 1] */
	bool        shuffle;         /* each epoch, Philox keyed by (seed, epoch) */
	bool        drop_remainder;  /* must be true for training */
} DataSpec;

/* A host-side draw: `draw m : mask[B, N] = block_mask(..)` fills the bool input `input` for each
 * sample, from stream_open(seed, site, sample, epoch). */
typedef struct {
	const char *input, *site, *generator; /* generator "block_mask" */
	int64_t     gy, gx, at_most, area_lo, area_hi;
	double      aspect_lo, aspect_hi;
} DrawSpec;

typedef struct {
	const char *spec_name; /* "data2vec_vit_base" */
	/* 32 hex digits over the text of all spec files and overrides, and of what `edited` is
	 * about */
	const char *spec_hash;
	const char *edited; /* "train after gemm": a graph that was read in place of the spec's;
	                       NULL: there is none */
	int         nvar;
	Variable   *var; /* see VarKind */
	int         nname;
	NameMap    *name;
	DataSpec    data;
	int         ndraw;
	DrawSpec   *draw;
	double      length_epochs; /* one of the two is > 0 */
	int64_t     length_steps;
	uint64_t    seed;
	/* the spec's; the batch that it means is data.batch on each of them */
	int         ranks;
	int64_t     checkpoint_steps; /* every so many steps, or */
	double      checkpoint_epochs;
	int         checkpoint_keep;
	bool        checkpoint_on_signal;
	const char *stop; /* expression over outputs, "" = never; `!finite(loss) || target_std <
	                     0.01` */
	/* features: name of the first axis of the feature output, NULL when there is none */
	const char *layer_axis;
} Recipe;

/* ---- Program -------------------------------------------------------------------------------- */

typedef struct {
	const char *name;
	int64_t     bytes;
} ProgSlab;

/* A host scalar: before each step the runtime evaluates `expr` (doubles; variables step, spe,
 * steps, seed; + - * / ^, comparisons, ?:, min max cos sqrt exp log floor, pi), rounds once to
 * dtype, and writes it. */
typedef struct {
	const char *expr;
	Dtype       dtype;
	int         slab;
	int64_t     offset;
} Scalar;

/* A batch tensor the runtime fills (`image`, `m`, `sample`), contiguous in the order of type. */
typedef struct {
	const char *name;
	Type        type;
	int         slab;
	int64_t     offset;
} Input;

/* Something the step computes that people want: loss, grad_norm, watches (f32, usually rank 0),
 * "feature". */
typedef struct {
	const char *name;
	Type        type;
	int         slab;
	int64_t     offset;
	int         value;
	int64_t     at;
} OutputSpec;

/* A constant table written once at start-up. */
typedef struct {
	int            slab;
	int64_t        offset;
	int64_t        count;
	const int32_t *data;
} Table;

typedef enum { ARG_pointer, ARG_f32, ARG_i64, ARG_u64 } ArgKind;
/* update: read, then written */
typedef enum { ACCESS_read = 1, ACCESS_write = 2, ACCESS_update = 3 } Access;

/* The bytes behind a pointer that a step touches: `rows` runs of `bytes`, `pitch` bytes apart (rows
 * 1: pitch 0). Views with more than two levels of stride are given as one run from their first byte
 * to their last. */
typedef struct {
	int64_t bytes, rows, pitch;
} Extent;

/* A value is what steps leave in memory under one number, 1 or more, unlike all others of the
 * entry: what one step writes, or the parts of one array that several steps write. What is there
 * before an entry begins has numbers below 0: value_held. 0 is no value. `at`: bytes from the
 * value's first byte to the place that is named; below 0 when the value begins behind it. */
typedef struct {
	int     value;
	int64_t at;
} Named;
/* index: as in Recipe, Program, Entry */
typedef enum { HELD_variable, HELD_table, HELD_scalar, HELD_input, HELD_KINDS } Held;
static inline int
value_held(Held kind, int index)
{
	return -(1 + (int)kind + HELD_KINDS * index);
}
static inline Held
held_kind(int value)
{
	return (Held)((-1 - value) % HELD_KINDS);
}
static inline int
held_index(int value)
{
	return (-1 - value) / HELD_KINDS;
}

typedef struct {
	ArgKind kind;
	int     slab;
	int64_t offset;
	Access  access;
	Extent  extent;
	int     value; /* read, or written */
	int64_t at;    /* of value */
	/* ACCESS_update: the value read, when `value` is the one written */
	int     before;
	int64_t before_at;
	/* further values read, by address: a launch may walk several arrays that lie side by side
	 */
	int    nmore;
	Named *more;
	/* between the values read lie bytes that no step ever writes: zeros */
	bool     padded;
	double   f;
	int64_t  i;
	uint64_t u;
} Arg;

/* One generated function, source in kernels/FILE.
 * cpu: `void NAME(void *const *p, const Num *n)`, Num a union { double f; int64_t i; uint64_t u; }:
 * p holds the step's ARG_pointer arguments in order, n the others in order; the last four fields
 * are 0. cuda: `extern "C" __global__ void NAME(T *p0, .., N n0, ..)`: the same, pointers first;
 * f32 is float, i64 long long, u64 unsigned long long. */
typedef struct {
	const char *name, *file;
	int         block;  /* threads of a block */
	int64_t     shared; /* bytes of dynamic shared memory */
	int64_t     grid;   /* blocks of a launch, or 0: */
	/* .. the launch's first i64 argument counts elements, a block does so many */
	int64_t per_block;
	/* of the elements behind its pointers, in order; 0: not said, and no value of it can be
	 * looked at */
	int    ntype;
	Dtype *type;
} Kernel;

typedef enum { STEP_launch, STEP_gemm, STEP_KINDS } StepKind;

/* C[z,m,n] = (beta ? C : 0) + sum_k A[z,m,k] B[z,k,n] (+ bias[n]), f32 accumulation. Strides in
 * elements; for A and B one of the two inner strides is 1; C has unit stride along n. */
typedef struct {
	int     slab;
	int64_t offset;
	Dtype   dtype;
	int64_t sz, s0, s1;
	int     value; /* as Arg.value; of c: written */
	int64_t at;
	int     nmore;
	Named  *more;
} GemmOperand;
typedef struct {
	int64_t     z, m, n, k;
	GemmOperand a, b, c;
	bool        accumulate;
	bool        has_bias;
	int         bias_slab;
	int64_t     bias_offset;
	int         bias_value;
	int64_t     bias_at;
	int         bias_nmore;
	Named      *bias_more;
	int         before; /* accumulate: the value that was in c */
	int64_t     before_at;
	/* B is a variable (or its bf16 copy): the device may keep a packed form made once a step */
	bool b_is_weight;
} Gemm;

typedef struct {
	StepKind kind;
	int      kernel; /* STEP_launch: index into Program.kernel */
	int      narg;
	Arg     *arg;
	Gemm     gemm; /* STEP_gemm */
	Loc      loc;  /* main line of the spec */
	/* forward | backward | update | teacher: for ledgers and profiles */
	const char *what;
	/* floor of work and of memory traffic, for predictions */
	double   flops, bytes;
	uint32_t seal; /* step_seal of what the compiler meant */
} ProgStep;

typedef struct {
	const char *name; /* "train", "student.features", "teacher.features" */
	int         nscalar, ninput, noutput, nstep;
	Scalar     *scalar;
	Input      *input;
	OutputSpec *output;
	ProgStep   *step;
} Entry;

typedef struct {
	Recipe      recipe;
	const char *target; /* "cpu" */
	int         nslab, nkernel, ntable, nentry;
	ProgSlab   *slab; /* shared by all entries; "params" .. persist, "act" is scratch */
	Kernel     *kernel;
	Table      *table;
	Entry      *entry;
	const char *needs; /* CPU features the kernels require, e.g. "avx512bf16"; "" = none */
} Program;

void program_print(const Program *p, Text *out);
/* diagnostics on error */
Status program_parse(Arena *a, const char *file, const char *text, Program **out);
/* reports what is wrong; see PROGRAM.md for the numbered rules */
Status program_verify(const Program *p);
/* The same, and what was looked at: accesses are single pointers or operands, bytes those that they
 * touch. */
typedef struct {
	int     steps, values;
	int64_t accesses;
	double  read, written;
} Proof;
Status program_prove(const Program *p, Proof *out);
/* program.d2p in `folder` read, verified, its kernel files looked for; *proof: a line for each
 * thing proved. */
Status program_verify_folder(Arena *a, const char *folder, Text *proof);
/* A hash of what a step means, which no rule can derive: its kernel, the order of its arguments
 * with their values, counts and shapes of access; of a gemm sizes, strides and operands. Not in it:
 * places, labels, costs, f32 and u64 numbers. */
uint32_t     step_seal(const Program *p, const ProgStep *s);
const Entry *program_entry(const Program *p, const char *name); /* NULL when absent */

#endif
