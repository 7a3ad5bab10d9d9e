/* attend_cuda_forward: the forward pass of bf16 operands. See attend_cuda.c for what is shared and
 * refused.
 *
 * A CTA is a block of queries of one head of one image. Keys and values come to shared memory
 * 16 bytes at a time; a warp takes 16 queries and holds their scores with all keys of a chunk in
 * registers: bias (the sums begin with it), softmax and dropout need no memory, and the scores,
 * rounded, become the left factor of the product with the values where they are. Up to MOST_KEYS
 * keys are one chunk and nothing is rescaled; more come in chunks of equal size, with a running
 * top and sum. */
#include "compiler/codegen/attend_cuda_private.h"

#include <inttypes.h>

enum { MOST_KEYS = 208, MOST_WARPS = 8 };

/* Queries of a block, given its keys: how many tiles they are. */
static int64_t
cut_rows(const AttendKernel *k, AttendCut *c)
{
	/* With several chunks a warp's sums stay in registers over all of them: one tile for each
	 * warp. */
	int64_t most = c->chunks > 1 ? MOST_WARPS : 2 * MOST_WARPS,
		all = attend_up(k->t, TILE) / TILE, tiles;

	for (c->blocks = (all + most - 1) / most;; c->blocks++) {
		tiles = (all + c->blocks - 1) / c->blocks;
		c->rows = tiles * TILE;
		c->shared = 2 * attend_shared(c->keys, c->width) + attend_shared(c->rows, c->width);
		if (c->shared <= attend_shared_most(k) || tiles == 1)
			return tiles;
	}
}

AttendCut
attend_cut_forward(const AttendKernel *k)
{
	AttendCut c = {.heads = attend_heads(k),
	               .images = attend_images(k),
	               .width = attend_up(k->e, TILE)};
	int64_t   tiles = 0;
	c.chunks = attend_up(k->u, MOST_KEYS) / MOST_KEYS;
	do { /* keys that fit beside one tile of queries */
		c.keys = attend_up((k->u + c.chunks - 1) / c.chunks, TILE);
		c.chunks = (k->u + c.keys - 1) / c.keys;
		tiles = cut_rows(k, &c);
	} while (c.shared > attend_shared_most(k) && c.keys > TILE && c.chunks++);
	c.rounds = attend_up(tiles, MOST_WARPS) / MOST_WARPS;
	c.warps = (tiles + c.rounds - 1) / c.rounds;
	c.two = c.chunks == 1 && 2 * (c.shared + 1024) <= attend_shared_most(k) + 1024;
	return c;
}

static void
scores_text(Text *out, const AttendKernel *k, const AttendCut *c)
{
	if (c->chunks == 1)
		attend_put(out, "\t\tconst int t = first_row + tile * 16 + lane / 4; /* this "
		                "lane's queries: t and t + 8 */\n");
	attend_put(out,
	           "\t\tfloat x[KEYS / 8][4]; /* scores / scale, beginning with the bias */\n");
	attend_cuda_bias(out, k, c, "KEYS / 8", c->chunks > 1 ? "chunk * KEYS" : "0", "\t\t");
	attend_put(
		out,
		"#pragma unroll 1\n"
		"\t\tfor (int i = 0; i < WIDTH / 16; i++) {\n"
		"\t\t\tuint32_t a[4], b[4];\n"
		"\t\t\td2v_left<WIDTH / 8, false>(a, queries, tile * 16, i);\n"
		"#pragma unroll\n"
		"\t\t\tfor (int j = 0; j < KEYS / 8; j += 2) {\n"
		"\t\t\t\td2v_ldmatrix_x4(b, d2v_chunk<WIDTH / 8>(keys, 8 * j + lane / 16 * 8 + lane % 8, 2 * i + lane / 8 % 2));\n"
		"\t\t\t\td2v_mma(x[j], a, b[0], b[1]);\n"
		"\t\t\t\td2v_mma(x[j + 1], a, b[2], b[3]);\n"
		"\t\t\t}\n"
		"\t\t}\n");
}

/* x becomes e^(x - top) and, rounded, the left factor p; with several chunks, what was summed
 * before shrinks. */
static void
softmax_text(Text *out, const AttendKernel *k, const AttendCut *c)
{
	attend_put(out, c->chunks > 1 ? "\t\tfloat peak[2] = {top[0], top[1]};\n"
	                              : "\t\tfloat peak[2] = {-1e30f, -1e30f}, sum[2] = {0, 0};\n");
	attend_put(out, "#pragma unroll\n"
	                "\t\tfor (int j = 0; j < KEYS / 8; j++)\n"
	                "#pragma unroll\n"
	                "\t\t\tfor (int h = 0; h < 4; h++) {\n"
	                "\t\t\t\tx[j][h] *= TO_LOG2;\n"
	                "\t\t\t\tpeak[h / 2] = fmaxf(peak[h / 2], x[j][h]);\n"
	                "\t\t\t}\n"
	                "\t\tpeak[0] = d2v_row_max(peak[0]), peak[1] = d2v_row_max(peak[1]);\n");
	if (c->chunks > 1)
		attend_put(out, "#pragma unroll\n"
		                "\t\tfor (int m = 0; m < 2; m++) {\n"
		                "\t\t\tconst float shrink = d2v_exp2(top[m] - peak[m]);\n"
		                "\t\t\ttop[m] = peak[m];\n"
		                "\t\t\tsum[m] *= shrink;\n"
		                "#pragma unroll\n"
		                "\t\t\tfor (int e = 0; e < WIDTH / 8; e++) {\n"
		                "\t\t\t\to[e][2 * m] *= shrink;\n"
		                "\t\t\t\to[e][2 * m + 1] *= shrink;\n"
		                "\t\t\t}\n"
		                "\t\t}\n");
	attend_put(out, "#pragma unroll\n"
	                "\t\tfor (int j = 0; j < KEYS / 8; j++)\n"
	                "#pragma unroll\n"
	                "\t\t\tfor (int h = 0; h < 4; h++) {\n"
	                "\t\t\t\tx[j][h] = d2v_exp2(x[j][h] - peak[h / 2]);\n"
	                "\t\t\t\tsum[h / 2] += x[j][h];\n"
	                "\t\t\t}\n");
	attend_put(
		out,
		"\t\tuint32_t p[KEYS / 16][4];\n"
		"#pragma unroll\n"
		"\t\tfor (int j = 0; j < KEYS / 16; j++)\n"
		"#pragma unroll\n"
		"\t\t\tfor (int h = 0; h < 4; h++)\n"
		"\t\t\t\tp[j][h] = d2v_pack_bf16(x[2 * j + h / 2][h % 2 * 2], x[2 * j + h / 2][h % 2 * 2 + 1]);\n");
	if (k->dropout) {
		attend_put(out, "#pragma unroll\n"
		                "\t\tfor (int part = 0; part < KEYS / COLUMNS; part++) {\n");
		attend_cuda_draw(out, k, c, "part", "\t\t\t");
		attend_put(
			out,
			"#pragma unroll\n"
			"\t\t\tfor (int j = 0; j < COLUMNS / 8; j++)\n"
			"#pragma unroll\n"
			"\t\t\t\tfor (int m = 0; m < 2; m++) {\n"
			"\t\t\t\t\tconst uint32_t bits = word[m] >> 2 * j;\n"
			"\t\t\t\t\tuint32_t &pair = p[(part * (COLUMNS / 8) + j) / 2][(part * (COLUMNS / 8) + j) % 2 * 2 + m];\n"
			"\t\t\t\t\tpair &= (bits & 1 ? 0 : 0xffff) | (bits & 2 ? 0 : 0xffff0000);\n"
			"\t\t\t\t}\n"
			"\t\t}\n");
	}
}

/* o[e] += p times values' columns from chunk `first` on. */
static void
product_text(Text *out, const char *count, const char *first)
{
	text_printf(
		out,
		"#pragma unroll\n"
		"\t\tfor (int j = 0; j < KEYS / 16; j++)\n"
		"#pragma unroll\n"
		"\t\t\tfor (int e = 0; e < %s; e += 2) {\n"
		"\t\t\t\tuint32_t b[4];\n"
		"\t\t\t\td2v_ldmatrix_x4_trans(b, d2v_chunk<WIDTH / 8>(values, 16 * j + lane %% 16, %se + lane / 16));\n"
		"\t\t\t\td2v_mma(o[e], p[j], b[0], b[1]);\n"
		"\t\t\t\td2v_mma(o[e + 1], p[j], b[2], b[3]);\n"
		"\t\t\t}\n",
		count, first);
}

static void
inverse_text(Text *out, const AttendKernel *k)
{
	const char *kept = k->dropout ? "kept * " : "";
	if (k->dropout)
		attend_put(out, "\t\tconst float kept = 1 / (1 - rate);\n");
	text_printf(
		out,
		"\t\tconst float inverse[2] = {%sd2v_inverse(d2v_row_sum(sum[0])), %sd2v_inverse(d2v_row_sum(sum[1]))};\n",
		kept, kept);
}

static void
store_text(Text *out, const AttendKernel *k, const char *count, const char *first)
{
	text_printf(out,
	            "#pragma unroll\n"
	            "\t\tfor (int m = 0; m < 2; m++)\n"
	            "\t\t\tif (t + 8 * m < T)\n"
	            "#pragma unroll\n"
	            "\t\t\t\tfor (int e = 0; e < %s; e++) {\n"
	            "\t\t\t\t\tconst int at = 8 * (%se) + column;\n"
	            "\t\t\t\t\td2v_put<%s>(out + outo + (int64_t)(t + 8 * m) * %" PRId64
	            " + at, E - at, o[e][2 * m] * inverse[m], o[e][2 * m + 1] * inverse[m]);\n"
	            "\t\t\t\t}\n",
	            count, first, attend_wide(k, &k->out, 2) ? "true" : "false", k->out.token);
}

static void
forward_prologue(Text *out, const AttendKernel *k, const AttendCut *c)
{
	text_printf(out,
	            "\tenum { WIDTH = %" PRId64 ", KEYS = %" PRId64 ", CHUNKS = %" PRId64
	            ", TILES = %" PRId64 ", WARPS = %" PRId64 ", BLOCKS = %" PRId64
	            " }; /* E, U, T cut up */\n",
	            c->width, c->keys, c->chunks, c->rows / TILE, c->warps, c->blocks);
	if (c->chunks == 1)
		text_printf(out, "\tenum { PIECE = %d }; /* tiles of out's columns at a time */\n",
		            c->width % 32 == 0 ? 4 : 2);
	if (k->dropout)
		text_printf(out, "\tenum { COLUMNS = %" PRId64 " }; /* drawn together */\n",
		            attend_ready(k, c).columns);
	text_printf(out,
	            "\tD2V_DYNAMIC_SHARED(shared);\n"
	            "\tunsigned char *const keys = shared, *const values = keys + %" PRId64
	            ", *const queries = values + %" PRId64 ";\n",
	            attend_shared(c->keys, c->width), attend_shared(c->keys, c->width));
	attend_put(out, "\tconst int lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = "
	                "lane % 4 * 2;\n"
	                "\tconst int first_row = blockIdx.x % BLOCKS * (TILES * 16);\n");
	attend_cuda_task(out, k, "blockIdx.x / BLOCKS % HEADS", "blockIdx.x / (BLOCKS * HEADS)");
	attend_cuda_offsets(out, k, "\t");
}

void
attend_cuda_forward(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch)
{
	AttendCut   c = attend_cut_forward(k);
	bool        many = c.chunks > 1;
	const char *tabs = many ? "\t\t" : "\t", *first = many ? "chunk * KEYS" : NULL,
		   *left = many ? "U - chunk * KEYS" : "U";
	attend_cuda_open(out, k, &c, name);
	forward_prologue(out, k, &c);
	attend_cuda_fetch(out, k, &k->q, "q", "queries", "WIDTH / 8", "first_row", "T - first_row",
	                  "TILES * 16", "\t");
	if (many)
		attend_put(
			out,
			"\tconst int tile = warp;\n"
			"\tfloat top[2] = {-1e30f, -1e30f}, sum[2] = {0, 0}, o[WIDTH / 8][4] = {};\n"
			"#pragma unroll 1\n"
			"\tfor (int chunk = 0; chunk < CHUNKS; chunk++) {\n"
			"\t\td2v_barrier();\n");
	attend_cuda_fetch(out, k, &k->k, "k", "keys", "WIDTH / 8", first, left, "KEYS", tabs);
	text_printf(out, "%sd2v_copy_commit();\n", tabs);
	attend_cuda_fetch(out, k, &k->v, "v", "values", "WIDTH / 8", first, left, "KEYS", tabs);
	text_printf(
		out,
		"%sd2v_copy_commit();\n%sd2v_copy_wait<1>();\n%sd2v_barrier(); /* queries and keys are there */\n",
		tabs, tabs, tabs);
	if (!many)
		attend_put(out, "#pragma unroll 1\n"
		                "\tfor (int tile = warp; tile < TILES; tile += WARPS) {\n");
	scores_text(out, k, &c);
	softmax_text(out, k, &c);
	if (many) {
		attend_put(out, "\t\td2v_copy_wait<0>();\n\t\td2v_barrier(); /* and values */\n");
		product_text(out, "WIDTH / 8", "");
		attend_put(out, "\t}\n\tconst int t = first_row + tile * 16 + lane / 4;\n");
		inverse_text(out, k);
		store_text(out, k, "WIDTH / 8", "");
		attend_put(out, "}\n");
	} else {
		attend_put(
			out,
			"\t\tif (tile == warp) {\n\t\t\td2v_copy_wait<0>();\n\t\t\td2v_barrier(); /* and values */\n\t\t}\n");
		inverse_text(out, k);
		attend_put(
			out,
			"#pragma unroll 1\n"
			"\t\tfor (int side = 0; side < WIDTH / 8; side += PIECE) { /* by pieces: fewer registers */\n"
			"\t\tfloat o[PIECE][4] = {};\n");
		product_text(out, "PIECE", "side + ");
		store_text(out, k, "PIECE", "side + ");
		attend_put(out, "\t\t}\n\t}\n}\n");
	}
	*launch = (AttendLaunch){.block = (int)(c.warps * LANES),
	                         .shared = c.shared,
	                         .grid = c.heads * c.images * c.blocks};
}
