/* What the files attend_cuda*.c have in common. */
#ifndef D2V_ATTEND_CUDA_PRIVATE_H
#define D2V_ATTEND_CUDA_PRIVATE_H

#include "compiler/codegen/attend_private.h"

enum {
	LANES = 32,
	CHUNK = 8, /* bf16 of a 16-byte access */
	TILE = 16  /* rows of a product on the tensor cores */
};

/* How one kernel is cut up. Rows are queries. bf16: keys and rows are what lies in shared memory
 * at a time; f32 operands: see attend_cuda_fma.c. */
typedef struct {
	int64_t heads, images;
	int64_t width;        /* E rounded up */
	int64_t keys, chunks; /* keys of a chunk, chunks of a head */
	int64_t rows, blocks; /* queries of a block, blocks of a head */
	int64_t warps,
		rounds; /* of a CTA; tiles of a block that a warp (gradient: pair of warps) takes */
	int64_t shares; /* gradient: CTAs that share out a head's images */
	int64_t shared; /* bytes */
	bool    two;    /* should registers be few enough for two CTAs at a time? */
	bool    sums_q,
		sums_k; /* gradient: is dq (dk and dv) summed in scratch between chunks (blocks)? */
	int64_t partial,
		sums; /* floats of scratch of one CTA: its part of dr; sums of dq, dk, dv */
} AttendCut;

/* Text in front of the first kernel of a file: both kinds | bf16 operands. */
extern const char attend_cuda_common[], attend_cuda_tiles[];

int64_t attend_up(int64_t n, int64_t step);
void    attend_put(Text *out, const char *text);
/* Bytes of `rows` shared rows of bf16, as d2v_chunk places them. */
int64_t attend_shared(int64_t rows, int64_t columns);
int64_t attend_heads(const AttendKernel *k);
int64_t attend_images(const AttendKernel *k);
/* May rows of this operand be touched 16 bytes (`elems` elements) at a time? */
bool attend_wide(const AttendKernel *k, const AttendOperand *a, int64_t elems);
/* Of a block; a multiprocessor has 1 KiB more, and each block takes 1 KiB more than it asks for. */
int64_t attend_shared_most(const AttendKernel *k);
/* Shares so that looping CTAs fill the device about once. */
int64_t attend_shares(const AttendKernel *k, int64_t shared, int64_t threads);

/* `extern "C" __global__ .. NAME(..)` and the opening brace. */
void attend_cuda_open(Text *out, const AttendKernel *k, const AttendCut *c, const char *name);
/* int head and (unless NULL) image, where they are needed. */
void attend_cuda_task(Text *out, const AttendKernel *k, const char *head, const char *image);
/* Given these: places along the outer axes; these and the offsets of the operands; and what dropout
 * needs, where it draws. */
void attend_cuda_axes(Text *out, const AttendKernel *k, const char *tabs);
void attend_cuda_offset(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name,
                        const char *tabs);
void attend_cuda_offsets(Text *out, const AttendKernel *k, const char *tabs);
void attend_cuda_key(Text *out, const AttendKernel *k, const char *tabs);
/* "name + nameo + (first) * stride, stride" of an operand. */
void attend_cuda_rows(Text *out, const AttendOperand *a, const char *name, const char *first);

/* A shared-memory copy of bf16 rows. */
void attend_cuda_fetch(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name,
                       const char *to, const char *pitch, const char *first, const char *rows,
                       const char *padded, const char *tabs);
/* Do the products run on the tensor cores? When all factors are bf16 (and a bias can be divided by
 * the scale). */
bool attend_cuda_tensor(const AttendKernel *k);
/* What a launch before it leaves in scratch for an attention (attend_cuda_ready.c), in floats: r in
 * the order of lanes; behind it the bits of dropped elements, `columns` of a chunk's keys (one of
 * its `parts`) in two words of each lane. */
typedef struct {
	int64_t tiles; /* of all queries of a head */
	int64_t parts, columns;
	int64_t bias, draws;
} AttendReady;
AttendReady attend_ready(const AttendKernel *k, const AttendCut *c);
/* x, `tiles` tiles of sums of keys from `at` on, begins with r / scale, and -inf behind the last
 * key: loads that all run at once. */
void attend_cuda_bias(Text *out, const AttendKernel *k, const AttendCut *c, const char *tiles,
                      const char *at, const char *tabs);
/* The bits of the dropped elements of a part of the keys, in `word`. */
void attend_cuda_draw(Text *out, const AttendKernel *k, const AttendCut *c, const char *part,
                      const char *tabs);

/* The first part of a gradient, piece by piece: e^score and dP of half a row (`whole`: the row's
 * statistics are known); the statistics of this half; those of both, into whole rows'; drop(P) and
 * dS. */
void attend_cuda_half(Text *out, const AttendKernel *k, const AttendCut *c, bool whole);
void attend_cuda_part(Text *out, const AttendKernel *k);
void attend_cuda_merge(Text *out);
void attend_cuda_slope(Text *out, const AttendKernel *k, const AttendCut *c);

void attend_cuda_forward(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch);
void attend_cuda_grad(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch);
void attend_cuda_fma(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch);
/* The functions in front of the first kernel on tiles. */
void attend_cuda_texts(Text *out, const AttendKernel *k);
/* How kernels are cut: the launches before and behind ask too. attend_cut: either direction. */
AttendCut attend_cut(const AttendKernel *k);
AttendCut attend_cut_forward(const AttendKernel *k);
AttendCut attend_cut_grad(const AttendKernel *k);
AttendCut attend_cut_fma(const AttendKernel *k);

#endif
