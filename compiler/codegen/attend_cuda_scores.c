/* attend_cuda_scores: the first part of the bf16 gradient, until drop(P) and dS lie in shared
 * memory. See attend_cuda_grad.c. */
#include "compiler/codegen/attend_cuda_private.h"

#include <inttypes.h>

/* Half a row's scores or dP: x[j] += rows of `left` times the keys' rows of `right`. */
static void
half_product(Text *out, const AttendCut *c, const char *x, const char *left, const char *right)
{
	text_printf(
		out,
		"#pragma unroll 1\n"
		"\t\t\t\t\tfor (int i = 0; i < WIDTH / 16; i++) {\n"
		"\t\t\t\t\t\tuint32_t a[4], b[4];\n"
		"\t\t\t\t\t\td2v_left<PITCH, false>(a, %s, tile * 16, i);\n"
		"#pragma unroll\n"
		"\t\t\t\t\t\tfor (int j = 0; j + 1 < HALF / 8; j += 2) {\n"
		"\t\t\t\t\t\t\td2v_ldmatrix_x4(b, d2v_chunk<WIDTH / 8>(%s, half * HALF + 8 * j + lane / 16 * 8 + lane %% 8, 2 * i + lane / 8 %% 2));\n"
		"\t\t\t\t\t\t\td2v_mma(%s[j], a, b[0], b[1]);\n"
		"\t\t\t\t\t\t\td2v_mma(%s[j + 1], a, b[2], b[3]);\n"
		"\t\t\t\t\t\t}\n",
		left, right, x, x);
	if (c->keys / 16 % 2)
		text_printf(
			out,
			"\t\t\t\t\t\tuint32_t last[2]; /* an odd number of tiles */\n"
			"\t\t\t\t\t\td2v_ldmatrix_x2(last, d2v_chunk<WIDTH / 8>(%s, half * HALF + HALF - 8 + lane %% 8, 2 * i + lane / 8 %% 2));\n"
			"\t\t\t\t\t\td2v_mma(%s[HALF / 8 - 1], a, last[0], last[1]);\n",
			right, x);
	attend_put(out, "\t\t\t\t\t}\n");
}

/* x: e^(score - top) of half a row (tops are logarithms to base 2), negative where dropped; y: dP.
 * `whole`: top is known. */
void
attend_cuda_half(Text *out, const AttendKernel *k, const AttendCut *c, bool whole)
{
	const char *at = c->chunks > 1 ? "chunk * KEYS + half * HALF" : "half * HALF";
	bool        rest = c->rounds * c->warps / 2 * TILE > c->rows;
	attend_put(
		out,
		rest ? "\t\t\t\tconst int slot = round * (WARPS / 2) + warp / 2, tile = "
		       "slot < TILES ? slot : TILES - 1;\n"
		       "\t\t\t\tconst bool live = slot < TILES; /* or the last tile once more, for nobody */\n"
		     : "\t\t\t\tconst int tile = round * (WARPS / 2) + warp / 2;\n"
		       "\t\t\t\tconst bool live = true;\n");
	attend_put(out, "\t\t\t\tfloat x[HALF / 8][4], y[HALF / 8][4] = {};\n"
	                "\t\t\t\t{\n"
	                "\t\t\t\t\tfloat top[2] = {-1e30f, -1e30f}");
	attend_put(out, whole ? ";\n" : ", sum[2] = {0, 0};\n");
	if (k->dropout)
		attend_cuda_draw(out, k, c, "half", "\t\t\t\t\t");
	attend_cuda_bias(out, k, c, "HALF / 8", at, "\t\t\t\t\t");
	half_product(out, c, "x", "chance", "left_k");
	if (whole)
		attend_put(out, "\t\t\t\t\ttop[0] = whole[3 * (tile * 16 + lane / 4)], top[1] = "
		                "whole[3 * (tile * 16 + lane / 4 + 8)];\n");
	else
		attend_put(
			out,
			"#pragma unroll\n"
			"\t\t\t\t\tfor (int j = 0; j < HALF / 8; j++)\n"
			"#pragma unroll\n"
			"\t\t\t\t\t\tfor (int h = 0; h < 4; h++)\n"
			"\t\t\t\t\t\t\ttop[h / 2] = fmaxf(top[h / 2], x[j][h] * TO_LOG2);\n"
			"\t\t\t\t\ttop[0] = d2v_row_max(top[0]), top[1] = d2v_row_max(top[1]);\n");
	attend_put(out, "#pragma unroll\n"
	                "\t\t\t\t\tfor (int j = 0; j < HALF / 8; j++)\n"
	                "#pragma unroll\n"
	                "\t\t\t\t\t\tfor (int h = 0; h < 4; h++) {\n"
	                "\t\t\t\t\t\t\tx[j][h] = d2v_exp2(x[j][h] * TO_LOG2 - top[h / 2]);\n");
	if (!whole)
		attend_put(out, "\t\t\t\t\t\t\tsum[h / 2] += x[j][h];\n");
	if (k->dropout)
		attend_put(out, "\t\t\t\t\t\t\tx[j][h] = word[h / 2] >> (2 * j + h % 2) & 1 "
		                "? -x[j][h] : x[j][h];\n");
	attend_put(out, "\t\t\t\t\t\t}\n");
	if (!whole)
		attend_put(
			out,
			"#pragma unroll\n"
			"\t\t\t\t\tfor (int m = 0; m < 2; m++) {\n"
			"\t\t\t\t\t\tfloat *const to = part + 3 * (half * ROWS + tile * 16 + lane / 4 + 8 * m);\n"
			"\t\t\t\t\t\tsum[m] = d2v_row_sum(sum[m]);\n"
			"\t\t\t\t\t\tif (live && column == 0)\n"
			"\t\t\t\t\t\t\tto[0] = top[m], to[1] = sum[m];\n"
			"\t\t\t\t\t}\n");
	attend_put(out, "\t\t\t\t}\n"
	                "\t\t\t\tif (round == 0) {\n"
	                "\t\t\t\t\td2v_copy_wait<0>();\n"
	                "\t\t\t\t\td2v_barrier(); /* v and dout are there */\n"
	                "\t\t\t\t}\n"
	                "\t\t\t\t{\n");
	half_product(out, c, "y", "slope", "left_v");
	if (k->dropout)
		attend_put(out, "#pragma unroll\n"
		                "\t\t\t\t\tfor (int j = 0; j < HALF / 8; j++)\n"
		                "#pragma unroll\n"
		                "\t\t\t\t\t\tfor (int h = 0; h < 4; h++)\n"
		                "\t\t\t\t\t\t\ty[j][h] = x[j][h] < 0 ? 0 : y[j][h] * kept;\n");
	attend_put(out, "\t\t\t\t}\n");
}

/* The sum of e dP of this half to `part`, beside top and sum. */
void
attend_cuda_part(Text *out, const AttendKernel *k)
{
	text_printf(
		out,
		"\t\t\t\t{\n"
		"\t\t\t\t\tfloat dot[2] = {0, 0};\n"
		"#pragma unroll\n"
		"\t\t\t\t\tfor (int j = 0; j < HALF / 8; j++)\n"
		"#pragma unroll\n"
		"\t\t\t\t\t\tfor (int h = 0; h < 4; h++)\n"
		"\t\t\t\t\t\t\tdot[h / 2] += x[j][h] * y[j][h];%s\n"
		"#pragma unroll\n"
		"\t\t\t\t\tfor (int m = 0; m < 2; m++) {\n"
		"\t\t\t\t\t\tdot[m] = d2v_row_sum(dot[m]);\n"
		"\t\t\t\t\t\tif (live && column == 0)\n"
		"\t\t\t\t\t\t\tpart[3 * (half * ROWS + tile * 16 + lane / 4 + 8 * m) + 2] = dot[m];\n"
		"\t\t\t\t\t}\n"
		"\t\t\t\t}\n",
		k->dropout ? " /* y is 0 where x is negative */" : "");
}

/* Several chunks: both halves' parts go into `whole`, which begins with the first chunk. */
void
attend_cuda_merge(Text *out)
{
	attend_put(
		out,
		"\t\t\t\td2v_barrier(); /* both halves of the rows are in part */\n"
		"\t\t\t\tfor (int row = threadIdx.x; row < WARPS * 8; row += WARPS * 32) {\n"
		"\t\t\t\t\tconst int i = round * (WARPS * 8) + row;\n"
		"\t\t\t\t\tif (i < ROWS) {\n"
		"\t\t\t\t\t\tfloat *const to = whole + 3 * i;\n"
		"\t\t\t\t\t\tconst float *const p = part + 3 * i, *const q2 = p + 3 * ROWS;\n"
		"\t\t\t\t\t\tconst float before = chunk == 0 ? -1e30f : to[0], high = fmaxf(before, fmaxf(p[0], q2[0]));\n"
		"\t\t\t\t\t\tconst float f0 = d2v_exp2(p[0] - high), f1 = d2v_exp2(q2[0] - high);\n"
		"\t\t\t\t\t\tconst float f = d2v_exp2(before - high);\n"
		"\t\t\t\t\t\tto[1] = (chunk == 0 ? 0 : to[1] * f) + (p[1] * f0 + q2[1] * f1);\n"
		"\t\t\t\t\t\tto[2] = (chunk == 0 ? 0 : to[2] * f) + (p[2] * f0 + q2[2] * f1);\n"
		"\t\t\t\t\t\tto[0] = high;\n"
		"\t\t\t\t\t}\n"
		"\t\t\t\t}\n");
}

/* x and y become drop(P) and dS; P = |x| factor. */
void
attend_cuda_slope(Text *out, const AttendKernel *k, const AttendCut *c)
{
	attend_put(out, "\t\t\t\td2v_barrier(); /* nobody reads q and dout of these rows any more");
	attend_put(out, c->chunks > 1 ? " */\n" : "; both halves of the rows are in part */\n");
	attend_put(out, "\t\t\t\tif (live) {\n"
	                "#pragma unroll\n"
	                "\t\t\t\t\tfor (int m = 0; m < 2; m++) {\n"
	                "\t\t\t\t\t\tconst int i = tile * 16 + lane / 4 + 8 * m;\n");
	if (c->chunks > 1)
		attend_put(out, "\t\t\t\t\t\tconst float factor = d2v_inverse(whole[3 * i + 1]), "
		                "mean = whole[3 * i + 2] * factor;\n");
	else
		attend_put(
			out,
			"\t\t\t\t\t\tconst float *const mine = part + 3 * (half * ROWS + i), *const other = part + 3 * ((1 - half) * ROWS + i);\n"
			"\t\t\t\t\t\tconst float high = fmaxf(mine[0], other[0]);\n"
			"\t\t\t\t\t\tconst float f = d2v_exp2(mine[0] - high), g = d2v_exp2(other[0] - high);\n"
			"\t\t\t\t\t\tconst float inverse = d2v_inverse(mine[1] * f + other[1] * g), factor = f * inverse;\n"
			"\t\t\t\t\t\tconst float mean = (mine[2] * f + other[2] * g) * inverse;\n");
	attend_put(out, "#pragma unroll\n"
	                "\t\t\t\t\t\tfor (int j = 0; j < HALF / 8; j++) {\n"
	                "#pragma unroll\n"
	                "\t\t\t\t\t\t\tfor (int h = 2 * m; h < 2 * m + 2; h++) {\n"
	                "\t\t\t\t\t\t\t\tx[j][h] *= factor;\n");
	attend_put(out, k->dropout
	                        ? "\t\t\t\t\t\t\t\ty[j][h] = d2v_abs(x[j][h]) * (y[j][h] - mean);\n"
	                          "\t\t\t\t\t\t\t\tx[j][h] = x[j][h] < 0 ? 0 : x[j][h] * kept;\n"
	                        : "\t\t\t\t\t\t\t\ty[j][h] = x[j][h] * (y[j][h] - mean);\n");
	attend_put(
		out,
		"\t\t\t\t\t\t\t}\n"
		"\t\t\t\t\t\t\tconst int at = half * (HALF / 8) + j;\n"
		"\t\t\t\t\t\t\t*(uint32_t *)(d2v_chunk<PITCH>(chance, i, at) + 2 * column) = d2v_pack_bf16(x[j][2 * m], x[j][2 * m + 1]);\n"
		"\t\t\t\t\t\t\t*(uint32_t *)(d2v_chunk<PITCH>(slope, i, at) + 2 * column) = d2v_pack_bf16(y[j][2 * m], y[j][2 * m + 1]);\n"
		"\t\t\t\t\t\t}\n");
	if (k->has_bias) {
		attend_put(out, "\t\t\t\t\t}\n"
		                "#pragma unroll\n"
		                "\t\t\t\t\tfor (int j = 0; j < HALF / 8; j++) {\n"
		                "\t\t\t\t\t\tfloat4 *const to = own + ((");
		if (c->blocks > 1)
			attend_put(out, "block * (TILES * CHUNKS) + ");
		if (c->chunks > 1)
			attend_put(out, "chunk * TILES + ");
		attend_put(
			out,
			"tile) * 2 + half) * (HALF / 8 * 32) + j * 32 + lane;\n"
			"\t\t\t\t\t\tfloat4 dr = make_float4(y[j][0], y[j][1], y[j][2], y[j][3]);\n");
		if (c->shares < c->images)
			attend_put(
				out,
				"\t\t\t\t\t\tif (image > share) {\n"
				"\t\t\t\t\t\t\tconst float4 before = *to;\n"
				"\t\t\t\t\t\t\tdr = make_float4(before.x + dr.x, before.y + dr.y, before.z + dr.z, before.w + dr.w);\n"
				"\t\t\t\t\t\t}\n");
		attend_put(out, "\t\t\t\t\t\t*to = dr;\n");
	}
	attend_put(out, "\t\t\t\t\t}\n\t\t\t\t}\n");
}
