/* codegen: planned graphs + recipe -> Program and kernel source. Includes base, ir, program. */
#ifndef D2V_CODEGEN_H
#define D2V_CODEGEN_H

#include "compiler/ir/ir.h"
#include "compiler/program/program.h"

/* ---- codegen.c ------------------------------------------------------------------------------ */

/* A compiled spec: the program and the text of each file under kernels/. */
typedef struct {
	Program *program;
	int      nfile;
	struct {
		const char *name;
		const char *text;
	} * file;
} Compiled;
/* What kernels are written for: "cpu" (C, one function a kernel) or "cuda" (CUDA for NVRTC, see
 * prelude.cuh). */
typedef struct {
	const char              *name, *suffix;          /* "cpu", of kernel files: ".c" */
	const char              *prelude_name, *prelude; /* the file all kernels include */
	const char              *arch; /* cuda: "sm_90", what the program needs; "": any */
	TargetInfo               info; /* for the passes: Graph.target */
	const struct TargetCode *code;
} Target;
extern const Target target_cpu, target_cuda;
const Target       *target_find(const char *name); /* NULL when unknown */
/* graph[0] is planned "train", the others planned forward passes that share its variables
 * (Graph.variables_from). */
Status codegen(Arena *a, const Recipe *recipe, Graph *const *graph, int ngraph,
               const Target *target, Compiled **out);
/* FOLDER/program.d2p and FOLDER/kernels, each file complete or absent. */
Status codegen_write(const Compiled *c, const char *folder);

/* ---- emit_cuda.c ---------------------------------------------------------------------------- */

/* Numbers by which fused CUDA kernels are cut up: guesses for Hopper until measured there. Tests
 * set others, to reach every form with small graphs. */
typedef struct {
	int     block;       /* threads, where rows do not decide */
	int     row_warps;   /* warps of a block that take a row each */
	int     live_most;   /* registers of a thread for values of a row */
	int     column_most; /* neighbours a thread adds up columns of */
	int64_t shared_most; /* bytes of arrays of a block; more lie in scratch */
	int     far_grid;    /* blocks that share out rows then */
	/* threads of a launch that adds up columns: more blocks leave more sums to add */
	int column_threads;
	int column_rows; /* rows a team walks at least */
	/* elements up to which one block adds up all, without a second launch */
	int64_t one_block;
	int     row_blocks; /* blocks below which rows are shared by more warps */
} CudaTuning;
extern CudaTuning cuda_tuning;

/* ---- arch.c --------------------------------------------------------------------------------- */
/* Multiprocessors; bytes of shared memory of a block; queries and keys for which attention fits
 * there in f32. */
typedef struct {
	int     processors;
	int64_t shared_most, attend_tokens;
} Gpu;
Gpu gpu_of(const char *arch); /* "sm_80"; the nearest older one that is known; "" and NULL: sm_90 */

/* ---- attend_cpu.c: C text of one attend or attend_grad kernel ------------------------------- */

/* An operand: rank-4 view with element strides; the head-width axis E always has stride 1.
 * outer[i] is the stride of outer axis i (0 when the operand lacks it). */
/* narrow: its place is not 16-byte aligned */
typedef struct {
	Dtype   dtype;
	int64_t token, outer[ATTEND_OUTER];
	bool    narrow;
} AttendOperand;
typedef struct {
	bool    grad;
	int64_t t, u, e;             /* queries, keys, head width */
	int     nouter;              /* axes other than T, U, E; those in r first */
	int64_t outer[ATTEND_OUTER]; /* sizes */
	/* the first nbias outer axes are in r (and in dr); the others are summed over in dr */
	int  nbias;
	bool has_bias; /* r: f32, contiguous [outer[0..nbias), t, u] */
	/* which outer axis carries the sample ids (dropout), -1: none */
	int sample_axis;
	/* dropout element index = sum outer_i * draw_stride[i] + ti * draw_t + ui * draw_u */
	int64_t       draw_stride[ATTEND_OUTER];
	int64_t       draw_t, draw_u;
	bool          dropout;
	double        scale;
	AttendOperand q, k, v, out; /* grad: out is d out */
	AttendOperand dq, dk, dv;   /* grad only */
	/* cuda: multiprocessors that a gradient's looping blocks should fill; 0: of sm_90 */
	int processors;
	/* cuda: bytes of shared memory that a block may have; 0: of sm_90 */
	int64_t shared_most;
} AttendKernel;
/* Append `void NAME(void *const *p, const Num *n)` to out, with a head comment for people.
 * p: q k v [r] [sample u32[], step u32[1], seed u32[1]] then forward: out; grad: dout dq dk dv
 * [dr]. n: with dropout: n[0].f rate, n[1].u site hash. dr is overwritten (not accumulated) and
 * summed over the other outer axes in a fixed order: same bits for any number of threads. Nothing
 * larger than one head's scores is held; scratch is on the stack, under 4 MiB. */
void attend_emit_cpu(Text *out, const AttendKernel *k, const char *name);

/* ---- attend_cuda.c: CUDA text of the same kernels ------------------------------------------- */

/* scratch: bytes that the launch writes before it reads them, passed as `float *scratch` behind the
 * other pointers when not 0. shared: bytes of dynamic shared memory. */
typedef struct {
	int     block;
	int64_t shared, grid, scratch;
} AttendLaunch;
/* What there are kernels for: T and U from 1 to these tokens (less where a block has less shared
 * memory: Gpu), E from 1 to this width, whatever is a multiple of what. */
enum { ATTEND_CUDA_TOKENS = 1025, ATTEND_CUDA_WIDTH = 128 };
/* The launch that must come first, if any (false: none): what it leaves in scratch (launch->scratch:
 * bytes) the attention reads. NAME([const float *r,] [sample, step, seed,] float *ready[, float
 * rate, unsigned long long site]). Bf16 operands with r or dropout. */
bool
attend_emit_cuda_ready(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch);
/* Append `extern "C" __global__ void NAME(T *.., float rate, unsigned long long site)`, pointers as
 * above; after a launch that came first `const float *ready` in place of r and what dropout draws
 * by, and no site. A gradient with a bias leaves partial sums of dr in scratch and has no parameter
 * dr: */
void attend_emit_cuda(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch);
/* .. the launch that must follow, NAME(const float *scratch, float *dr), adds them up. False: none
 * is needed. */
bool
attend_emit_cuda_finish(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch);

/* The text every kernel file starts with: types, vector types, exp, erf, tanh, log, bf16
 * conversion, philox. */
extern const char prelude_cpu[], prelude_cuda[];

#endif
