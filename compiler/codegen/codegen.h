/* codegen: planned graphs + recipe -> Program and kernel source. Includes base, ir, program. */
#ifndef D2V_CODEGEN_H
#define D2V_CODEGEN_H

#include "compiler/ir/ir.h"
#include "compiler/program/program.h"

/* ---- codegen.c -------------------------------------------------------------------------------------- */

/* A compiled spec: the program and the text of each file under kernels/. */
typedef struct {
	Program *program;
	int      nfile;
	struct { const char *name; const char *text; } *file;
} Compiled;
/* graph[0] is planned "train", the others planned forward passes that share its variables (Graph.variables_from). */
Status codegen_cpu(Arena *a, const Recipe *recipe, Graph *const *graph, int ngraph, Compiled **out);
/* FOLDER/program.d2p and FOLDER/kernels, each file complete or absent. */
Status codegen_write(const Compiled *c, const char *folder);

/* ---- attend_cpu.c: C text of one attend or attend_grad kernel ----------------------------------------- */

/* An operand: rank-4 view with element strides; the head-width axis E always has stride 1.
 * outer[i] is the stride of outer axis i (0 when the operand lacks it). */
enum { ATTEND_OUTER = 4 };
typedef struct { Dtype dtype; int64_t token, outer[ATTEND_OUTER]; } AttendOperand;
typedef struct {
	bool    grad;
	int64_t t, u, e;                     /* queries, keys, head width */
	int     nouter;                      /* axes other than T, U, E; those in r first */
	int64_t outer[ATTEND_OUTER];         /* sizes */
	int     nbias;                       /* the first nbias outer axes are in r (and in dr); the others are summed over in dr */
	bool    has_bias;                    /* r: f32, contiguous [outer[0..nbias), t, u] */
	int     sample_axis;                 /* which outer axis carries the sample ids (dropout), -1: none */
	int64_t draw_stride[ATTEND_OUTER];   /* dropout element index = sum outer_i * draw_stride[i] + ti * draw_t + ui * draw_u */
	int64_t draw_t, draw_u;
	bool    dropout;
	double  scale;
	AttendOperand q, k, v, out;          /* grad: out is d out */
	AttendOperand dq, dk, dv;            /* grad only */
} AttendKernel;
/* Append `void NAME(void *const *p, const Num *n)` to out, with a head comment for people.
 * p: q k v [r] [sample u32[], step u32[1], seed u32[1]] then forward: out; grad: dout dq dk dv [dr].
 * n: with dropout: n[0].f rate, n[1].u site hash.
 * dr is overwritten (not accumulated) and summed over the other outer axes in a fixed order: same bits for any
 * number of threads. Nothing larger than one head's scores is held; scratch is on the stack, under 4 MiB. */
void attend_emit_cpu(Text *out, const AttendKernel *k, const char *name);

/* The C text every kernel file starts with: types, vector types, exp, erf, tanh, log, bf16 conversion, philox. */
extern const char prelude_cpu[];

#endif
