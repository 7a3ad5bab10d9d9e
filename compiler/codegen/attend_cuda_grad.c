/* attend_cuda_grad: the gradient of bf16 operands. See attend_cuda.c for what is shared and what
 * is refused.
 *
 * Nothing of the forward pass is kept. A CTA has a head and a share of its images; for each image,
 * with P the softmax again,
 *     dP = drop(dout v^T),  D = sum over U of dP P,  dS = P (dP - D),
 *     dq = scale dS k,  dk = scale dS^T q,  dv = drop(P)^T dout,  dr = sum of dS over images.
 * First part: pairs of warps take 16 queries each, one warp half of the keys, the other the other
 * half, with scores and dP in registers. They meet once, over (top, sum of e, sum of e dP) of their
 * rows, and write drop(P) and dS as bf16 to shared memory, over the queries and dout that lay
 * there. Second part: dq, dv and dk are three products of 32 x WIDTH / 2 pieces; while one runs,
 * dout and q come again as right factors, over v and k.
 *
 * Up to 208 keys and as many queries as fit lie in shared memory at a time. More keys: a first pass
 * over the chunks finds the rows' (top, sum, sum e dP). dq is then summed over chunks, and dk and
 * dv over blocks of queries, in scratch: f32, in the order in which lanes hold them, always by the
 * lane that will add again.
 *
 * dr: a CTA's lanes add their dS to their own place in scratch, image after image; the finish
 * launch adds the shares in order. No atomics, one order, the same bits. */
#include "compiler/codegen/attend_cuda_private.h"

#include <inttypes.h>

enum { MOST_KEYS = 208, MOST_PAIRS = 7 };

/* Shared bytes of drop(P), or of dS; of an operand that is a right factor. */
static int64_t
factor_bytes(const AttendCut *c)
{
	return attend_shared(c->rows, c->keys > c->width ? c->keys : c->width);
}

static int64_t
right_bytes(const AttendCut *c)
{
	return attend_shared(c->keys > c->rows ? c->keys : c->rows, c->width);
}

/* Shared bytes in all: drop(P) and dS, the two operands that are right factors, partial statistics
 * (and whole ones, when there are several chunks). */
static int64_t
shared_bytes(const AttendCut *c)
{
	return 2 * (factor_bytes(c) + right_bytes(c)) + c->rows * 4 * (c->chunks > 1 ? 9 : 6);
}

AttendCut
attend_cut_grad(const AttendKernel *k)
{
	AttendCut c = {.heads = attend_heads(k),
	               .images = attend_images(k),
	               .width = attend_up(k->e, 2 * TILE)};
	int64_t   tiles = attend_up(k->t, TILE) / TILE, pairs;
	c.chunks = attend_up(k->u, MOST_KEYS) / MOST_KEYS;
	do { /* keys that fit beside one tile of queries */
		c.keys = attend_up((k->u + c.chunks - 1) / c.chunks, TILE);
		c.chunks = (k->u + c.keys - 1) / c.keys;
		for (c.blocks = 1;; c.blocks++) {
			c.rows = (tiles + c.blocks - 1) / c.blocks * TILE;
			if (c.rows <= 2 * MOST_PAIRS * TILE &&
			    (shared_bytes(&c) <= attend_shared_most(k) || c.rows == TILE))
				break;
		}
	} while (shared_bytes(&c) > attend_shared_most(k) && c.keys > TILE && c.chunks++);
	tiles = c.rows / TILE;
	c.rounds = attend_up(tiles, MOST_PAIRS) / MOST_PAIRS;
	pairs = (tiles + c.rounds - 1) / c.rounds;
	c.warps = 2 * pairs;
	c.shared = shared_bytes(&c);
	c.sums_q = c.chunks > 1;
	c.sums_k = c.blocks > 1;
	c.partial = k->has_bias ? c.blocks * c.rows * c.chunks * c.keys : 0;
	c.sums = (c.sums_q ? attend_up(c.rows, 2 * TILE) * c.width : 0) +
	         (c.sums_k ? 2 * c.chunks * attend_up(c.keys, 2 * TILE) * c.width : 0);
	c.shares = c.partial + c.sums > 0 ? attend_shares(k, c.shared, c.warps * LANES) : c.images;
	return c;
}

static void
prologue_text(Text *out, const AttendKernel *k, const AttendCut *c)
{
	text_printf(
		out,
		"\tenum { WIDTH = %" PRId64 ", KEYS = %" PRId64 ", CHUNKS = %" PRId64
		", ROWS = %" PRId64 ", BLOCKS = %" PRId64 ", WARPS = %" PRId64 ", SHARES = %" PRId64
		" }; /* E, U, T cut up; images shared out */\n"
		"\tenum { TILES = ROWS / 16, HALF = KEYS / 2, PITCH = (KEYS > WIDTH ? KEYS : WIDTH) / 8 };\n",
		c->width, c->keys, c->chunks, c->rows, c->blocks, c->warps, c->shares);
	text_printf(out,
	            "\tD2V_DYNAMIC_SHARED(shared);\n"
	            "\tunsigned char *const chance = shared, *const slope = chance + %" PRId64
	            "; /* drop(P), dS; before: q, dout */\n"
	            "\tunsigned char *const left_k = slope + %" PRId64
	            ", *const left_v = left_k + %" PRId64 "; /* k, v; later: q, dout */\n"
	            "\tfloat *const part = (float *)(left_v + %" PRId64
	            "); /* by half and row: top, sum of e, sum of e dP */\n",
	            factor_bytes(c), factor_bytes(c), right_bytes(c), right_bytes(c));
	if (c->chunks > 1)
		attend_put(
			out,
			"\tfloat *const whole = part + 6 * ROWS; /* the same of whole rows */\n");
	attend_put(out, "\tconst int lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = "
	                "lane % 4 * 2, half = warp % 2;\n");
	attend_put(out, c->shares < c->images ? "\tconst int share = blockIdx.x / HEADS;\n"
	                : c->images > 1       ? "\tconst int image = blockIdx.x / HEADS;\n"
	                                      : "");
	attend_cuda_task(out, k, "blockIdx.x % HEADS", NULL);
	if (c->partial > 0)
		text_printf(
			out,
			"\tfloat4 *const own = (float4 *)scratch + (int64_t)blockIdx.x * %" PRId64
			"; /* dr of these images */\n",
			c->partial / 4);
	if (c->sums > 0)
		text_printf(out,
		            "\tfloat4 *const sums = (float4 *)scratch + %" PRId64
		            " + (int64_t)blockIdx.x * %" PRId64 ";\n",
		            c->partial / 4 * c->heads * c->shares, c->sums / 4);
}

/* ---- second part: products ------------------------------------------------------------------ */

typedef struct {
	const char          *name, *left, *right, *turned, *steps, *tiles, *first, *most, *factor;
	const AttendOperand *to;
	const char          *loop; /* the loop over which this one is summed, NULL: over none */
	const char          *last;
	int64_t              at; /* of its sums in scratch, in float4 */
	const char          *plus;
	int64_t              step;
	int64_t              ntile;
} Piece;

static void
piece_product(Text *out, const Piece *p, int tiles, const char *tabs)
{
	text_printf(
		out,
		"%sd2v_product<%d, WIDTH / 16, %s, PITCH, WIDTH / 8, %s>(sum, %s, pair * 32, %s, side * (WIDTH / 16));\n",
		tabs, tiles, p->steps, p->turned, p->left, p->right);
}

/* 32 rows by half the width at a time. */
static void
piece_text(Text *out, const AttendKernel *k, const Piece *p)
{
	const char *put = attend_wide(k, p->to, 2) ? "true" : "false";
	text_printf(out,
	            "#pragma unroll 1\n"
	            "\t\t\tfor (int task = warp; task < %" PRId64 "; task += WARPS) { /* %s */\n"
	            "\t\t\t\tconst int pair = task / 2, side = task %% 2;\n"
	            "\t\t\t\tfloat sum[2][WIDTH / 16][4] = {};\n",
	            attend_up(p->ntile, 2), p->name);
	if (p->ntile == 1) {
		piece_product(out, p, 1, "\t\t\t\t");
	} else if (p->ntile % 2 == 0) {
		piece_product(out, p, 2, "\t\t\t\t");
	} else {
		text_printf(out, "\t\t\t\tif (2 * pair + 1 < %s)\n", p->tiles);
		piece_product(out, p, 2, "\t\t\t\t\t");
		attend_put(out, "\t\t\t\telse\n");
		piece_product(out, p, 1, "\t\t\t\t\t");
	}
	attend_put(out, "#pragma unroll\n"
	                "\t\t\t\tfor (int m = 0; m < 2; m++)\n"
	                "#pragma unroll\n"
	                "\t\t\t\t\tfor (int n = 0; n < WIDTH / 16; n++) {\n"
	                "\t\t\t\t\t\tfloat(&s)[4] = sum[m][n];\n");
	if (p->loop) {
		text_printf(out, "\t\t\t\t\t\tfloat4 *const kept_sum = sums + %" PRId64, p->at);
		if (p->plus)
			text_printf(out, " + %s * %" PRId64, p->plus, p->step);
		text_printf(
			out,
			" + ((task * 2 + m) * (WIDTH / 16) + n) * 32 + lane;\n"
			"\t\t\t\t\t\tif (%s > 0) {\n"
			"\t\t\t\t\t\t\tconst float4 before = *kept_sum;\n"
			"\t\t\t\t\t\t\ts[0] += before.x, s[1] += before.y, s[2] += before.z, s[3] += before.w;\n"
			"\t\t\t\t\t\t}\n"
			"\t\t\t\t\t\tif (%s + 1 < %s) {\n"
			"\t\t\t\t\t\t\t*kept_sum = make_float4(s[0], s[1], s[2], s[3]);\n"
			"\t\t\t\t\t\t\tcontinue;\n"
			"\t\t\t\t\t\t}\n",
			p->loop, p->loop, p->last);
	}
	text_printf(
		out,
		"#pragma unroll\n"
		"\t\t\t\t\t\tfor (int h = 0; h < 2; h++) {\n"
		"\t\t\t\t\t\t\tconst int i = pair * 32 + 16 * m + 8 * h + lane / 4, e = (side * (WIDTH / 16) + n) * 8 + column;\n"
		"\t\t\t\t\t\t\tif (i < %s && %s + i < %s)\n"
		"\t\t\t\t\t\t\t\td2v_put<%s>(%s + %so + (int64_t)(%s + i) * %" PRId64
		" + e, E - e, s[2 * h]%s, s[2 * h + 1]%s);\n"
		"\t\t\t\t\t\t}\n"
		"\t\t\t\t\t}\n"
		"\t\t\t}\n",
		p->tiles[0] == 'T' ? "ROWS" : "KEYS", p->first, p->most, put, p->name, p->name,
		p->first, p->to->token, p->factor, p->factor);
}

static void
right_text(Text *out, const AttendKernel *k, const AttendOperand *a, const char *name,
           const char *to)
{
	attend_cuda_fetch(out, k, a, name, to, "WIDTH / 8", "first_row", "T - first_row", "ROWS",
	                  "\t\t\t");
	attend_put(out, "\t\t\td2v_copy_commit();\n");
}

/* The next image's operands, while products run that wait for nothing. */
static void
announce_text(Text *out, const AttendKernel *k)
{
	const AttendOperand     *a[] = {&k->q, &k->k, &k->v, &k->out};
	static const char *const name[] = {"q", "k", "v", "dout"};
	attend_put(out, "\t\t\tif (const int next = image + SHARES; next < IMAGES) {\n"
	                "\t\t\t\tconst int image = next;\n");
	attend_cuda_axes(out, k, "\t\t\t\t");
	for (int i = 0; i < COUNT(a); i++) {
		attend_cuda_offset(out, k, a[i], name[i], "\t\t\t\t");
		attend_put(out, "\t\t\t\td2v_announce<E, WARPS * 32>(");
		attend_cuda_rows(out, a[i], name[i], NULL);
		attend_put(out, i == 0 || i == 3 ? ", T);\n" : ", U);\n");
	}
	attend_put(out, "\t\t\t}\n");
}

static void
products_text(Text *out, const AttendKernel *k, const AttendCut *c)
{
	int64_t q = c->sums_q ? attend_up(c->rows, 2 * TILE) * c->width / 4 : 0,
		kv = attend_up(c->keys, 2 * TILE) * c->width / 4;
	const char *chunk = c->chunks > 1 ? "chunk" : NULL, *block = c->blocks > 1 ? "block" : NULL,
		   *key = c->chunks > 1 ? "chunk * KEYS" : "0";
	Piece p[3] = {{.name = "dq",
	               .left = "slope",
	               .right = "left_k",
	               .turned = "false",
	               .steps = "KEYS / 16",
	               .tiles = "TILES",
	               .first = "first_row",
	               .most = "T",
	               .factor = " * SCALE",
	               .to = &k->dq,
	               .loop = chunk,
	               .last = "CHUNKS",
	               .ntile = c->rows / TILE},
	              {.name = "dv",
	               .left = "chance",
	               .right = "left_v",
	               .turned = "true",
	               .steps = "ROWS / 16",
	               .tiles = "KEYS / 16",
	               .first = key,
	               .most = "U",
	               .factor = "",
	               .to = &k->dv,
	               .loop = block,
	               .last = "BLOCKS",
	               .at = q,
	               .plus = chunk,
	               .step = kv,
	               .ntile = c->keys / TILE},
	              {.name = "dk",
	               .left = "slope",
	               .right = "left_k",
	               .turned = "true",
	               .steps = "ROWS / 16",
	               .tiles = "KEYS / 16",
	               .first = key,
	               .most = "U",
	               .factor = " * SCALE",
	               .to = &k->dk,
	               .loop = block,
	               .last = "BLOCKS",
	               .at = q + c->chunks * kv,
	               .plus = chunk,
	               .step = kv,
	               .ntile = c->keys / TILE}};
	attend_put(out,
	           "\t\t\td2v_barrier(); /* drop(P) and dS are there; v is needed no more */\n");
	right_text(out, k, &k->out, "dout", "left_v");
	if (c->shares < c->images && c->blocks == 1 && c->chunks == 1)
		announce_text(out, k);
	piece_text(out, k, &p[0]);
	attend_put(out, "\t\t\td2v_copy_wait<0>();\n\t\t\td2v_barrier(); /* dout is there; k is "
	                "needed no more */\n");
	right_text(out, k, &k->q, "q", "left_k");
	piece_text(out, k, &p[1]);
	attend_put(out, "\t\t\td2v_copy_wait<0>();\n\t\t\td2v_barrier(); /* q is there */\n");
	piece_text(out, k, &p[2]);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void
load_text(Text *out, const AttendKernel *k, const AttendCut *c)
{
	const char *first = c->chunks > 1 ? "chunk * KEYS" : NULL,
		   *left = c->chunks > 1 ? "U - chunk * KEYS" : "U", *tabs = "\t\t\t";
	attend_put(out, "\t\t\td2v_barrier();\n");
	attend_cuda_fetch(out, k, &k->q, "q", "chance", "PITCH", "first_row", "T - first_row",
	                  "ROWS", tabs);
	attend_cuda_fetch(out, k, &k->k, "k", "left_k", "WIDTH / 8", first, left, "KEYS", tabs);
	attend_put(out, "\t\t\td2v_copy_commit();\n");
	attend_cuda_fetch(out, k, &k->out, "dout", "slope", "PITCH", "first_row", "T - first_row",
	                  "ROWS", tabs);
	attend_cuda_fetch(out, k, &k->v, "v", "left_v", "WIDTH / 8", first, left, "KEYS", tabs);
	attend_put(out, "\t\t\td2v_copy_commit();\n"
	                "\t\t\td2v_copy_wait<1>();\n"
	                "\t\t\td2v_barrier(); /* q and k are there */\n");
}

static void
round_open(Text *out, const AttendCut *c)
{
	text_printf(out,
	            "#pragma unroll 1\n"
	            "\t\t\tfor (int round = 0; round < %" PRId64 "; round++) {\n",
	            c->rounds);
}

void
attend_cuda_grad(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch)
{
	AttendCut c = attend_cut_grad(k);
	attend_cuda_open(out, k, &c, name);
	prologue_text(out, k, &c);
	if (k->dropout)
		attend_put(out, "\tconst float kept = 1 / (1 - rate);\n");
	attend_put(out, c.shares < c.images
	                        ? "#pragma unroll 1\n"
	                          "\tfor (int image = share; image < IMAGES; image += SHARES) {\n"
	                        : "\t{\n");
	attend_cuda_offsets(out, k, "\t\t");
	text_printf(out, c.blocks > 1 ? "#pragma unroll 1\n\t\tfor (int block = 0; block < BLOCKS; "
	                                "block++) {\n\t\tconst int first_row = block * ROWS;\n"
	                              : "\t\t{\n\t\tconst int first_row = 0;\n");
	if (c.chunks > 1) {
		attend_put(
			out,
			"#pragma unroll 1\n"
			"\t\tfor (int chunk = 0; chunk < CHUNKS; chunk++) { /* statistics of whole rows */\n");
		load_text(out, k, &c);
		round_open(out, &c);
		attend_cuda_half(out, k, &c, false);
		attend_cuda_part(out, k);
		attend_cuda_merge(out);
		attend_put(out, "\t\t\t}\n\t\t}\n"
		                "#pragma unroll 1\n"
		                "\t\tfor (int chunk = 0; chunk < CHUNKS; chunk++) {\n");
	} else {
		attend_put(out, "\t\t{\n");
	}
	load_text(out, k, &c);
	round_open(out, &c);
	attend_cuda_half(out, k, &c, c.chunks > 1);
	if (c.chunks == 1)
		attend_cuda_part(out, k);
	attend_cuda_slope(out, k, &c);
	attend_put(out, "\t\t\t}\n");
	products_text(out, k, &c);
	attend_put(out, "\t\t}\n\t\t}\n\t}\n}\n");
	*launch = (AttendLaunch){.block = (int)(c.warps * LANES),
	                         .shared = c.shared,
	                         .grid = c.heads * c.shares,
	                         .scratch = 4 * c.heads * c.shares * (c.partial + c.sums)};
}
