/* attend_cuda_fma: attention of f32 (or mixed) operands, forward and gradient: all products are
 * f32 multiply-adds, nothing is rounded on the way. Meant for precision f32 and for teachers that
 * stay in f32; see attend_cuda.c for what is shared and what is refused.
 *
 * A CTA of 8 warps takes a block of ROWS queries, whose scores with all keys lie in shared memory;
 * keys and values come in tiles of KEYS rows. In a product over E a lane has keys lane and lane +
 * 32 of a tile for each of its warp's queries; in a product over keys (or queries) it has columns
 * lane, lane + 32, .. of the result.
 *
 * Gradient: as in attend_cuda_grad.c a CTA has a head and a share of its images. dk and dv are
 * summed over blocks of queries in scratch, dr over images in scratch, every element by one lane.
 */
#include "compiler/codegen/attend_cuda_private.h"

#include <inttypes.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Woverlength-strings"

enum { WARPS = 8, TILE_KEYS = 64, MOST_ROWS = 32 };

static const char tiles[] =
	"#ifndef D2V_ROWS\n"
	"#define D2V_ROWS\n"
	"/* ---- attention in f32: rows in shared memory ---- */\n"
	"D2V_TILE float d2v_get(const float *at) { return *at; }\n"
	"D2V_TILE float d2v_get(const uint16_t *at) { return d2v_load_bf16(*at); }\n"
	"D2V_TILE void d2v_set(float *at, float x) { *at = x; }\n"
	"D2V_TILE void d2v_set(uint16_t *at, float x) { *at = d2v_to_bf16(x); }\n"
	"D2V_TILE float4 d2v_get4(const float *at) { return *(const float4 *)at; }\n"
	"D2V_TILE float4 d2v_get4(const uint16_t *at)\n"
	"{\n"
	"\tconst uint2 w = *(const uint2 *)at;\n"
	"\treturn make_float4(d2v_load_bf16((uint16_t)w.x), d2v_load_bf16((uint16_t)(w.x >> 16)),\n"
	"\t                   d2v_load_bf16((uint16_t)w.y), d2v_load_bf16((uint16_t)(w.y >> 16)));\n"
	"}\n"
	"/* `rows` rows of E numbers, a stride apart, as f32; zeros up to WIDTH columns and PADDED\n"
	" * rows. WIDE: the source allows four at once. */\n"
	"template <int PITCH, int WIDTH, int E, int PADDED, int BLOCK, bool WIDE, class Number>\n"
	"D2V_TILE void d2v_rows(float *to, const Number *from, int64_t stride, int rows)\n"
	"{\n"
	"\tfor (int i = threadIdx.x; i < PADDED * (WIDTH / 4); i += BLOCK) {\n"
	"\t\tconst int     row = i / (WIDTH / 4), e = i % (WIDTH / 4) * 4;\n"
	"\t\tconst Number *source = from + row * stride + e;\n"
	"\t\tfloat4        x = make_float4(0, 0, 0, 0);\n"
	"\t\tif (WIDE && row < rows && e < E)\n"
	"\t\t\tx = d2v_get4(source);\n"
	"\t\tif (!WIDE && row < rows) {\n"
	"\t\t\tx.x = e < E ? d2v_get(source) : 0;\n"
	"\t\t\tx.y = e + 1 < E ? d2v_get(source + 1) : 0;\n"
	"\t\t\tx.z = e + 2 < E ? d2v_get(source + 2) : 0;\n"
	"\t\t\tx.w = e + 3 < E ? d2v_get(source + 3) : 0;\n"
	"\t\t}\n"
	"\t\t*(float4 *)(to + row * PITCH + e) = x;\n"
	"\t}\n"
	"}\n"
	"/* sum[m][n] = row m of left times row lane + 32 n of right. */\n"
	"template <int M, int PITCH, int WIDTH>\n"
	"D2V_TILE void d2v_dots(float (&sum)[M][2], const float *left, const float *right)\n"
	"{\n"
	"\tconst int lane = threadIdx.x % 32;\n"
	"#pragma unroll\n"
	"\tfor (int m = 0; m < M; m++)\n"
	"\t\tsum[m][0] = sum[m][1] = 0;\n"
	"#pragma unroll 2\n"
	"\tfor (int e = 0; e < WIDTH; e += 4) {\n"
	"\t\tconst float4 b0 = *(const float4 *)(right + lane * PITCH + e);\n"
	"\t\tconst float4 b1 = *(const float4 *)(right + (lane + 32) * PITCH + e);\n"
	"#pragma unroll\n"
	"\t\tfor (int m = 0; m < M; m++) {\n"
	"\t\t\tconst float4 a = *(const float4 *)(left + m * PITCH + e);\n"
	"\t\t\tsum[m][0] += a.x * b0.x, sum[m][1] += a.x * b1.x;\n"
	"\t\t\tsum[m][0] += a.y * b0.y, sum[m][1] += a.y * b1.y;\n"
	"\t\t\tsum[m][0] += a.z * b0.z, sum[m][1] += a.z * b1.z;\n"
	"\t\t\tsum[m][0] += a.w * b0.w, sum[m][1] += a.w * b1.w;\n"
	"\t\t}\n"
	"\t}\n"
	"}\n"
	"/* sum[m][n] += over j < count of left[m, j] right[j, lane + 32 n]. */\n"
	"template <int M, int N, int LEFT_ROW, int LEFT_COLUMN, int PITCH, int E>\n"
	"D2V_TILE void d2v_mix(float (&sum)[M][N], const float *left, const float *right, int count)\n"
	"{\n"
	"\tconst int lane = threadIdx.x % 32;\n"
	"#pragma unroll 4\n"
	"\tfor (int j = 0; j < count; j++) {\n"
	"\t\tfloat b[N];\n"
	"#pragma unroll\n"
	"\t\tfor (int n = 0; n < N; n++)\n"
	"\t\t\tb[n] = lane + 32 * n < E ? right[j * PITCH + lane + 32 * n] : 0;\n"
	"#pragma unroll\n"
	"\t\tfor (int m = 0; m < M; m++)\n"
	"#pragma unroll\n"
	"\t\t\tfor (int n = 0; n < N; n++)\n"
	"\t\t\t\tsum[m][n] += left[m * LEFT_ROW + j * LEFT_COLUMN] * b[n];\n"
	"\t}\n"
	"}\n"
	"#endif\n";

AttendCut
attend_cut_fma(const AttendKernel *k)
{
	AttendCut c = {.heads = attend_heads(k),
	               .images = attend_images(k),
	               .width = attend_up(k->e, 8),
	               .warps = WARPS,
	               .keys = TILE_KEYS};
	int64_t   pitch = c.width + 4, scores = attend_up(k->u, 8), each = k->grad ? 2 : 1;
	for (c.rows = MOST_ROWS;; c.rows /= 2) {
		c.shared = 4 * (each * c.rows * (pitch + scores) + TILE_KEYS * pitch);
		if (c.rows == WARPS || (c.shared <= attend_shared_most(k) && c.rows / 2 < k->t))
			break;
	}
	c.blocks = (k->t + c.rows - 1) / c.rows;
	if (!k->grad)
		return c;
	c.partial = k->has_bias ? k->t * k->u : 0;
	c.sums_k = c.blocks > 1;
	c.sums = c.sums_k ? 2 * k->u * k->e : 0;
	c.shares = c.partial + c.sums > 0 ? attend_shares(k, c.shared, WARPS * LANES) : c.images;
	return c;
}

static void
fetch(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name, const char *to,
      const char *first, const char *rows, const char *padded, const char *tabs)
{
	text_printf(out, "%sd2v_rows<PITCH, WIDTH, E, %s, WARPS * 32, %s>(%s, ", tabs, padded,
	            attend_wide(k, a, 4) ? "true" : "false", to);
	attend_cuda_rows(out, a, name, first);
	text_printf(out, ", %s);\n", rows);
}

static void
prologue_text(Text *out, const AttendKernel *k, const AttendCut *c)
{
	text_printf(
		out,
		"\tenum { WIDTH = %" PRId64 ", PITCH = WIDTH + 4, KEYS = %" PRId64
		", ROWS = %" PRId64 ", BLOCKS = %" PRId64 ", WARPS = %" PRId64 ", SCORES = %" PRId64
		" }; /* E, U, T cut up */\n"
		"\tenum { MINE = ROWS / WARPS, COLUMNS = (E + 31) / 32 }; /* a warp's queries, a lane's columns */\n"
		"\tD2V_DYNAMIC_SHARED(shared);\n"
		"\tfloat *const query = (float *)shared, *const tile = query + ROWS * PITCH, *const score = tile + KEYS * PITCH;\n",
		c->width, c->keys, c->rows, c->blocks, c->warps, attend_up(k->u, 8));
	if (k->grad)
		attend_put(out, "\tfloat *const slope = score + ROWS * SCORES, *const dsum = slope "
		                "+ ROWS * SCORES;\n");
	attend_put(out, "\tconst int lane = threadIdx.x % 32, warp = threadIdx.x / 32;\n");
}

/* score (or slope) = rows of left times the keys' rows. */
static void
dots_text(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name,
          const char *left, const char *to, bool scores)
{
	attend_put(out, "#pragma unroll 1\n"
	                "\tfor (int u = 0; u < U; u += KEYS) {\n"
	                "\t\td2v_barrier();\n");
	fetch(out, k, a, name, "tile", "u", "U - u", "KEYS", "\t\t");
	text_printf(out,
	            "\t\td2v_barrier();\n"
	            "\t\tfloat sum[MINE][2];\n"
	            "\t\td2v_dots<MINE, PITCH, WIDTH>(sum, %s + warp * MINE * PITCH, tile);\n"
	            "#pragma unroll\n"
	            "\t\tfor (int m = 0; m < MINE; m++)\n"
	            "#pragma unroll\n"
	            "\t\t\tfor (int n = 0; n < 2; n++) {\n"
	            "\t\t\t\tconst int at = u + lane + 32 * n;\n"
	            "\t\t\t\tif (at < U)\n"
	            "\t\t\t\t\t%s[(warp * MINE + m) * SCORES + at] = sum[m][n]%s",
	            left, to, scores ? " * SCALE" : "");
	if (scores && k->has_bias)
		attend_put(out, " + r[((int64_t)head * T + (first_row + warp * MINE + m < T ? "
		                "first_row + warp * MINE + m : T - 1)) * U + at]");
	attend_put(out, ";\n"
	                "\t\t\t}\n"
	                "\t}\n"
	                "\td2v_barrier();\n");
}

/* A warp's rows, one by one: opens the loop; score becomes e^(score - top). */
static void
softmax_text(Text *out, const AttendKernel *k)
{
	attend_put(out, "#pragma unroll 1\n"
	                "\tfor (int i = warp * MINE; i < (warp + 1) * MINE; i++) {\n"
	                "\t\tfloat *const x = score + i * SCORES, top = LOWEST, sum = 0;\n"
	                "\t\tfor (int u = lane; u < U; u += 32)\n"
	                "\t\t\ttop = fmaxf(top, x[u]);\n"
	                "\t\ttop = d2v_warp_max(top);\n"
	                "\t\tfor (int u = lane; u < SCORES; u += 32) {\n"
	                "\t\t\tx[u] = u < U ? d2v_exp(x[u] - top) : 0;\n"
	                "\t\t\tsum += x[u];\n"
	                "\t\t}\n"
	                "\t\tsum = d2v_warp_sum(sum);\n");
	if (k->dropout)
		text_printf(
			out,
			"\t\tconst uint32_t first = first_draw + (uint32_t)(first_row + i) * %" PRIu32
			"u;\n",
			(uint32_t)k->draw_t);
}

static void
dropped_text(Text *out, const AttendKernel *k)
{
	text_printf(out, "d2v_is_dropped(draw, first + (uint32_t)u * %" PRIu32 "u)",
	            (uint32_t)k->draw_u);
}

/* out (or dq) = the rows of left times the keys' (values') rows; `value` of sum[m][n]. */
static void
mix_text(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name,
         const char *left, const AttendOperand *to, const char *result, const char *value)
{
	attend_put(out, "\t{\n\tfloat sum[MINE][COLUMNS] = {};\n"
	                "#pragma unroll 1\n"
	                "\tfor (int u = 0; u < U; u += KEYS) {\n"
	                "\t\td2v_barrier();\n");
	fetch(out, k, a, name, "tile", "u", "U - u", "KEYS", "\t\t");
	text_printf(
		out,
		"\t\td2v_barrier();\n"
		"\t\td2v_mix<MINE, COLUMNS, SCORES, 1, PITCH, E>(sum, %s + warp * MINE * SCORES + u, tile, U - u < KEYS ? U - u : KEYS);\n"
		"\t}\n"
		"#pragma unroll\n"
		"\tfor (int m = 0; m < MINE; m++)\n"
		"#pragma unroll\n"
		"\t\tfor (int n = 0; n < COLUMNS; n++)\n"
		"\t\t\tif (first_row + warp * MINE + m < T && lane + 32 * n < E)\n"
		"\t\t\t\td2v_set(%s + %so + (int64_t)(first_row + warp * MINE + m) * %" PRId64
		" + lane + 32 * n, %s);\n"
		"\t}\n",
		left, result, result, to->token, value);
}

static void
forward_text(Text *out, const AttendKernel *k)
{
	attend_put(out, "\tfloat inverse[MINE] = {};\n");
	dots_text(out, k, &k->k, "k", "query", "score", true);
	softmax_text(out, k);
	if (k->dropout) {
		attend_put(out, "\t\tfor (int u = lane; u < U; u += 32)\n"
		                "\t\t\tif (");
		dropped_text(out, k);
		attend_put(out, ")\n"
		                "\t\t\t\tx[u] = 0;\n");
	}
	text_printf(out,
	            "#pragma unroll\n"
	            "\t\tfor (int m = 0; m < MINE; m++)\n"
	            "\t\t\tif (i == warp * MINE + m)\n"
	            "\t\t\t\tinverse[m] = %s / sum;\n"
	            "\t}\n",
	            k->dropout ? "1 / (1 - rate)" : "1");
	mix_text(out, k, &k->v, "v", "score", &k->out, "out", "sum[m][n] * inverse[m]");
}

/* dk or dv: keys' rows of left, over the queries of right, in pieces of 8 keys for each warp. */
static void
turned_text(Text *out, const AttendCut *c, const char *left, const char *right,
            const AttendOperand *to, const char *result, const char *value, const char *part)
{
	text_printf(out,
	            "#pragma unroll 1\n"
	            "\tfor (int u = warp * 8; u < U; u += WARPS * 8) { /* %s */\n"
	            "\t\tfloat sum[8][COLUMNS] = {};\n"
	            "\t\td2v_mix<8, COLUMNS, 1, SCORES, PITCH, E>(sum, %s + u, %s, ROWS);\n"
	            "#pragma unroll\n"
	            "\t\tfor (int m = 0; m < 8; m++)\n"
	            "#pragma unroll\n"
	            "\t\t\tfor (int n = 0; n < COLUMNS; n++) {\n"
	            "\t\t\t\tif (u + m >= U || lane + 32 * n >= E)\n"
	            "\t\t\t\t\tcontinue;\n",
	            result, left, right);
	if (c->sums_k)
		text_printf(
			out,
			"\t\t\t\tfloat *const kept_sum = sums%s + (u + m) * E + lane + 32 * n;\n"
			"\t\t\t\tif (block > 0)\n"
			"\t\t\t\t\tsum[m][n] += *kept_sum;\n"
			"\t\t\t\tif (block + 1 < BLOCKS) {\n"
			"\t\t\t\t\t*kept_sum = sum[m][n];\n"
			"\t\t\t\t\tcontinue;\n"
			"\t\t\t\t}\n",
			part);
	text_printf(out,
	            "\t\t\t\td2v_set(%s + %so + (int64_t)(u + m) * %" PRId64
	            " + lane + 32 * n, %s);\n"
	            "\t\t\t}\n"
	            "\t}\n",
	            result, result, to->token, value);
}

/* score and slope become drop(P) and dS; dS is added to this CTA's part of dr. */
static void
slope_text(Text *out, const AttendKernel *k)
{
	softmax_text(out, k);
	attend_put(out, "\t\tfloat *const y = slope + i * SCORES, inverse = 1 / sum, dot = 0;\n"
	                "\t\tfor (int u = lane; u < U; u += 32) {\n"
	                "\t\t\tx[u] *= inverse;\n");
	if (k->dropout) {
		attend_put(out, "\t\t\ty[u] = ");
		dropped_text(out, k);
		attend_put(out, " ? 0 : y[u] * kept;\n");
	}
	attend_put(out, "\t\t\tdot += x[u] * y[u];\n"
	                "\t\t}\n"
	                "\t\tdot = d2v_warp_sum(dot);\n"
	                "\t\tfor (int u = lane; u < SCORES; u += 32) {\n"
	                "\t\t\ty[u] = u < U ? x[u] * (y[u] - dot) : 0;\n");
	if (k->has_bias)
		attend_put(out,
		           "\t\t\tif (u < U && first_row + i < T) {\n"
		           "\t\t\t\tfloat *const to = own + (int64_t)(first_row + i) * U + u;\n"
		           "\t\t\t\t*to = image == share ? y[u] : *to + y[u];\n"
		           "\t\t\t}\n");
	if (k->dropout) {
		attend_put(out, "\t\t\tx[u] = u >= U || ");
		dropped_text(out, k);
		attend_put(out, " ? 0 : x[u] * kept;\n");
	}
	attend_put(out, "\t\t}\n"
	                "\t}\n"
	                "\td2v_barrier();\n");
}

static void
gradient_text(Text *out, const AttendKernel *k, const AttendCut *c)
{
	if (c->partial > 0)
		text_printf(out,
		            "\tfloat *const own = scratch + (int64_t)blockIdx.x * %" PRId64
		            "; /* dr of these images */\n",
		            c->partial);
	if (c->sums > 0)
		text_printf(out,
		            "\tfloat *const sums = scratch + %" PRId64
		            " + (int64_t)blockIdx.x * %" PRId64 "; /* dv, dk */\n",
		            c->partial * c->heads * c->shares, c->sums);
	if (k->dropout)
		attend_put(out, "\tconst float kept = 1 / (1 - rate);\n");
	text_printf(out,
	            "#pragma unroll 1\n"
	            "\tfor (int image = share; image < IMAGES; image += %" PRId64 ") {\n",
	            c->shares);
	attend_cuda_offsets(out, k, "\t");
	attend_cuda_key(out, k, "\t");
	attend_put(out, "#pragma unroll 1\n"
	                "\tfor (int block = 0; block < BLOCKS; block++) {\n"
	                "\tconst int first_row = block * ROWS;\n"
	                "\td2v_barrier();\n");
	fetch(out, k, &k->q, "q", "query", "first_row", "T - first_row", "ROWS", "\t");
	fetch(out, k, &k->out, "dout", "dsum", "first_row", "T - first_row", "ROWS", "\t");
	dots_text(out, k, &k->k, "k", "query", "score", true);
	dots_text(out, k, &k->v, "v", "dsum", "slope", false);
	slope_text(out, k);
	mix_text(out, k, &k->k, "k", "slope", &k->dq, "dq", "sum[m][n] * SCALE");
	turned_text(out, c, "score", "dsum", &k->dv, "dv", "sum[m][n]", "");
	turned_text(out, c, "slope", "query", &k->dk, "dk", "sum[m][n] * SCALE", " + U * E");
	attend_put(out, "\t}\n\t}\n");
}

void
attend_cuda_fma(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch)
{
	AttendCut c = attend_cut_fma(k);
	if (strstr(out->at, "#define D2V_ROWS") == NULL)
		attend_put(out, tiles);
	attend_cuda_open(out, k, &c, name);
	prologue_text(out, k, &c);
	*launch = (AttendLaunch){.block = WARPS * LANES, .shared = c.shared};
	if (k->grad) {
		attend_put(out, "\tconst int share = blockIdx.x / HEADS;\n");
		attend_cuda_task(out, k, "blockIdx.x % HEADS", NULL);
		gradient_text(out, k, &c);
		launch->grid = c.heads * c.shares;
		launch->scratch = 4 * launch->grid * (c.partial + c.sums);
	} else {
		attend_put(out, "\tconst int first_row = blockIdx.x % BLOCKS * ROWS;\n");
		attend_cuda_task(out, k, "blockIdx.x / BLOCKS % HEADS",
		                 "blockIdx.x / (BLOCKS * HEADS)");
		attend_cuda_offsets(out, k, "\t");
		attend_cuda_key(out, k, "\t");
		fetch(out, k, &k->q, "q", "query", "first_row", "T - first_row", "ROWS", "\t");
		forward_text(out, k);
		launch->grid = c.heads * c.images * c.blocks;
	}
	attend_put(out, "}\n");
}
