/* attend_cuda_ready: the launch in front of an attention of bf16 operands: it leaves in scratch
 * what the attention would otherwise wait for. See attend_cuda.c for what is shared and refused.
 *
 * r: a lane's sums begin with the bias of two queries' two keys. Where rows of r lie, they are 4
 * bytes here and there, and a warp's load touches eight lines; in the order of lanes, padded, times
 * 1 / scale, they are one 16-byte load without a gap, the same for every image.
 *
 * Dropout: ten rounds of multiplications for four elements, next to products that leave few threads
 * to hide them. Here a thread draws a part of a row, with as many threads as there is room for; what
 * stays of a draw is a bit, in the order of lanes. The backward pass has them drawn again. */
#include "compiler/codegen/attend_cuda_private.h"

#include <inttypes.h>

enum { BLOCK = 256, MOST_COLUMNS = 112 };

AttendReady
attend_ready(const AttendKernel *k, const AttendCut *c)
{
	AttendReady r = {.tiles = c->blocks * (c->rows / TILE)};
	int64_t     cells = c->heads * c->chunks * r.tiles;
	r.parts = k->grad || c->keys > MOST_COLUMNS ? 2 : 1;
	r.columns = c->keys / r.parts;
	r.bias = k->has_bias ? cells * TILE * c->keys : 0;
	r.draws = k->dropout ? cells * c->images * r.parts * LANES * 2 : 0;
	return r;
}

/* ---- what reads it -------------------------------------------------------------------------- */

/* The cell of this tile: tiles within chunks within heads (within images). */
static void
cell_text(Text *out, const AttendKernel *k, const AttendCut *c, bool images)
{
	const char *head = k->has_bias || c->heads > 1 ? "head" : "0",
		   *chunk = c->chunks > 1 ? "chunk" : "0";
	if (images)
		text_printf(out, "(((int64_t)%s * HEADS + %s) * CHUNKS + %s) * ALL",
		            c->images > 1 ? "image" : "0", head, chunk);
	else
		text_printf(out, "((int64_t)%s * CHUNKS + %s) * ALL", head, chunk);
	attend_put(out, " + first_row / 16 + tile");
}

void
attend_cuda_bias(Text *out, const AttendKernel *k, const AttendCut *c, const char *tiles,
                 const char *at, const char *tabs)
{
	if (k->has_bias) {
		text_printf(out, "%sconst float4 *const bias = (const float4 *)ready + (", tabs);
		cell_text(out, k, c, false);
		text_printf(out,
		            ") * (KEYS * 4) + %s * 4 + lane;\n"
		            "#pragma unroll\n"
		            "%sfor (int j = 0; j < %s; j++) {\n"
		            "%s\tconst float4 b = bias[32 * j];\n"
		            "%s\tx[j][0] = b.x, x[j][1] = b.y, x[j][2] = b.z, x[j][3] = b.w;\n"
		            "%s}\n",
		            k->grad ? "half * HALF" : "0", tabs, tiles, tabs, tabs, tabs);
		return;
	}
	text_printf(
		out,
		"#pragma unroll\n"
		"%sfor (int j = 0; j < %s; j++) {\n"
		"%s\tconst int left = U - (%s) - 8 * j - column; /* keys from this lane's first on */\n"
		"%s\tx[j][0] = x[j][2] = left > 0 ? 0 : LOWEST, x[j][1] = x[j][3] = left > 1 ? 0 : LOWEST;\n"
		"%s}\n",
		tabs, tiles, tabs, at, tabs, tabs);
}

void
attend_cuda_draw(Text *out, const AttendKernel *k, const AttendCut *c, const char *part,
                 const char *tabs)
{
	AttendReady r = attend_ready(k, c);
	text_printf(out, "%sconst uint2 drawn = ((const uint2 *)(ready + %" PRId64 "))[(", tabs,
	            r.bias);
	cell_text(out, k, c, true);
	text_printf(
		out,
		") * %" PRId64 " + %s * 32 + lane];\n"
		"%sconst uint32_t word[2] = {drawn.x, drawn.y}; /* bit 2 j + h of a query's: column 8 j + lane %% 4 * 2 + h */\n",
		r.parts * LANES, part, tabs);
}

/* ---- the launch ----------------------------------------------------------------------------- */

static void
open_text(Text *out, const AttendKernel *k, const AttendCut *c, const AttendReady *r,
          const char *name)
{
	text_printf(out, "/* For attention, in the order in which its lanes want it:%s%s.\n",
	            k->has_bias ? " r / scale, padded" : "",
	            !k->dropout   ? ""
	            : k->has_bias ? "; which elements dropout drops, a bit each"
	                          : " which elements dropout drops, a bit each");
	text_printf(out,
	            " * T %" PRId64 " queries, U %" PRId64 " keys; %" PRId64
	            " heads (outer axes of r) of %" PRId64 " images. %.4g MB in and out. */\n",
	            k->t, k->u, c->heads, c->images,
	            4e-6 * ((double)(r->bias + r->draws) +
	                    (k->has_bias ? (double)(c->heads * k->t * k->u) : 0)));
	text_printf(out, "extern \"C\" __global__ void __launch_bounds__(%d)\n%s(", BLOCK, name);
	if (k->has_bias)
		attend_put(out, "const float *r, ");
	if (k->dropout)
		attend_put(
			out,
			"const uint32_t *sample, const uint32_t *step, const uint32_t *seed,\n        ");
	text_printf(out, "float *ready%s)\n{\n",
	            k->dropout ? ", float rate, unsigned long long site" : "");
	text_printf(out,
	            "\tenum { T = %" PRId64 ", U = %" PRId64 ", HEADS = %" PRId64
	            ", IMAGES = %" PRId64 " };\n"
	            "\tenum { KEYS = %" PRId64 ", CHUNKS = %" PRId64 ", ALL = %" PRId64
	            " }; /* U cut up; tiles of 16 queries */\n",
	            k->t, k->u, c->heads, c->images, c->keys, c->chunks, r->tiles);
}

static void
bias_text(Text *out, const AttendKernel *k, int64_t blocks)
{
	const char *wide = k->u % 2 == 0 ? "true" : "false";
	char        scale[32];
	text_printf(
		out,
		"\tconst float UNSCALE = %s;\n"
		"\tif (blockIdx.x < %" PRId64 ") { /* a float4 for two queries' two keys */\n"
		"\t\tconst int64_t at = (int64_t)blockIdx.x * %d + threadIdx.x, cell = at / (KEYS * 4);\n"
		"\t\tif (cell >= (int64_t)HEADS * CHUNKS * ALL)\n"
		"\t\t\treturn;\n"
		"\t\tconst int lane = at %% 32, j = at / 32 %% (KEYS / 8), tile = cell %% ALL;\n"
		"\t\tconst int t = tile * 16 + lane / 4, u = (int)(cell / ALL %% CHUNKS) * KEYS + 8 * j + lane %% 4 * 2;\n"
		"\t\tconst int64_t first = cell / (ALL * CHUNKS) * T; /* of the head */\n"
		"\t\tconst float2 b0 = d2v_pair<%s>(r + (first + (t < T ? t : T - 1)) * U + u, U - u);\n"
		"\t\tconst float2 b1 = d2v_pair<%s>(r + (first + (t + 8 < T ? t + 8 : T - 1)) * U + u, U - u);\n"
		"\t\t((float4 *)ready)[at] = make_float4(b0.x * UNSCALE, b0.y * UNSCALE, b1.x * UNSCALE, b1.y * UNSCALE);\n"
		"%s"
		"\t}\n",
		text_double(scale, (double)(float)(1 / k->scale)), blocks, BLOCK, wide, wide,
		k->dropout ? "\t\treturn;\n" : "");
}

static void
draws_text(Text *out, const AttendKernel *k, const AttendCut *c, const AttendReady *r,
           int64_t blocks)
{
	text_printf(
		out,
		"\tenum { COLUMNS = %" PRId64 ", PARTS = %" PRId64
		" }; /* of a chunk, drawn by one thread */\n"
		"\tconst int64_t at = (int64_t)(blockIdx.x - %" PRId64
		") * %d + threadIdx.x, cell = at / (16 * PARTS);\n"
		"\tif (cell >= (int64_t)IMAGES * HEADS * CHUNKS * ALL)\n"
		"\t\treturn;\n"
		"\tconst int row = at %% 16, part = at / 16 %% PARTS, t = (int)(cell %% ALL) * 16 + row;\n"
		"\tconst int u = (int)(cell / ALL %% CHUNKS) * KEYS + part * COLUMNS, left = U - u;\n",
		r->columns, r->parts, blocks, BLOCK);
	attend_cuda_task(out, k, "(int)(cell / (ALL * CHUNKS) % HEADS)",
	                 "(int)(cell / (ALL * CHUNKS) / HEADS)");
	attend_cuda_axes(out, k, "\t");
	attend_cuda_key(out, k, "\t");
	text_printf(out,
	            "\tuint32_t bits[4] = {0, 0, 0, 0}; /* by lane of four */\n"
	            "\tif (t < T && left > 0)\n"
	            "\t\td2v_draw_row<%s>(bits, draw, first_draw + (uint32_t)t * %" PRIu32
	            "u + (uint32_t)u * %" PRIu32 "u, %" PRIu32
	            "u, left < COLUMNS ? left : COLUMNS);\n"
	            "\tuint32_t *const to = (uint32_t *)(ready + %" PRId64
	            ") + (at / 16 * 32 + row %% 8 * 4) * 2 + row / 8;\n"
	            "#pragma unroll\n"
	            "\tfor (int lane = 0; lane < 4; lane++)\n"
	            "\t\tto[2 * lane] = bits[lane];\n",
	            k->draw_u == 1 ? "true" : "false", (uint32_t)k->draw_t, (uint32_t)k->draw_u,
	            (uint32_t)k->draw_u, r->bias);
	(void)c;
}

bool
attend_emit_cuda_ready(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch)
{
	if (!attend_cuda_tensor(k) || !(k->has_bias || k->dropout))
		return false;
	AttendCut   c = attend_cut(k);
	AttendReady r = attend_ready(k, &c);
	int64_t     first = attend_up(r.bias / 4, BLOCK) / BLOCK,
		rest = attend_up(r.draws / 4, BLOCK) / BLOCK;
	attend_cuda_texts(out, k);
	open_text(out, k, &c, &r, name);
	if (k->has_bias)
		bias_text(out, k, first);
	if (k->dropout)
		draws_text(out, k, &c, &r, first);
	attend_put(out, "}\n");
	*launch = (AttendLaunch){
		.block = BLOCK, .grid = first + rest, .scratch = 4 * (r.bias + r.draws)};
	return true;
}
