/* attend_cuda_finish: dr from the parts that the CTAs of a gradient left in scratch, added in
 * order. */
#include "compiler/codegen/attend_cuda_private.h"

#include <inttypes.h>

enum { FINISH = 256 };

/* bf16: parts lie as lanes hold them, a float4 for two queries' two keys. */
static void
finish_tiles(Text *out, const AttendKernel *k, const AttendCut *c)
{
	text_printf(
		out,
		"\tenum { HALF = %" PRId64 ", CHUNKS = %" PRId64 ", TILES = %" PRId64
		", PART = %" PRId64 " }; /* PART: float4 of a share */\n"
		"\tconst int64_t at = (int64_t)blockIdx.x * %d + threadIdx.x;\n"
		"\tif (at >= (int64_t)HEADS * PART)\n"
		"\t\treturn;\n"
		"\tconst int head = at / PART, i = at %% PART;\n"
		"\tconst int lane = i %% 32, j = i / 32 %% (HALF / 8), side = i / (HALF * 4) %% 2, tile = i / (HALF * 8) %% TILES;\n"
		"\tconst int chunk = i / (HALF * 8 * TILES) %% CHUNKS, block = i / (HALF * 8 * TILES * CHUNKS);\n"
		"\tconst int t = (block * TILES + tile) * 16 + lane / 4, u = (chunk * 2 + side) * HALF + 8 * j + lane %% 4 * 2;\n"
		"\tfloat4 sum = make_float4(0, 0, 0, 0);\n"
		"#pragma unroll 4\n"
		"\tfor (int share = 0; share < SHARES; share++) {\n"
		"\t\tconst float4 x = ((const float4 *)scratch)[(int64_t)(share * HEADS + head) * PART + i];\n"
		"\t\tsum = make_float4(sum.x + x.x, sum.y + x.y, sum.z + x.z, sum.w + x.w);\n"
		"\t}\n"
		"\tfloat *const to = dr + ((int64_t)head * T + t) * U + u;\n"
		"\tif (t < T)\n"
		"\t\td2v_put<U %% 2 == 0>(to, U - u, sum.x, sum.y);\n"
		"\tif (t + 8 < T)\n"
		"\t\td2v_put<U %% 2 == 0>(to + 8 * U, U - u, sum.z, sum.w);\n",
		c->keys / 2, c->chunks, c->rows / TILE, c->partial / 4, FINISH);
	(void)k;
}

bool
attend_emit_cuda_finish(Text *out, const AttendKernel *k, const char *name, AttendLaunch *launch)
{
	bool      half = attend_cuda_tensor(k);
	AttendCut c;
	int64_t   elems;
	if (!k->grad || !k->has_bias)
		return false;
	c = attend_cut(k);
	attend_cuda_texts(out, k);
	elems = c.heads * (half ? c.partial / 4 : k->t * k->u);
	text_printf(
		out,
		"/* dr f32[HEADS, T, U] from its partial sums over images, one of each CTA of the gradient, added in order.\n"
		" * %.4g MB in and out. */\n"
		"extern \"C\" __global__ void __launch_bounds__(%d)\n%s(const float *scratch, float *dr)\n{\n"
		"\tenum { T = %" PRId64 ", U = %" PRId64 ", HEADS = %" PRId64 ", SHARES = %" PRId64
		" };\n",
		4e-6 * (double)c.heads *
			((double)c.shares * (double)c.partial + (double)k->t * (double)k->u),
		FINISH, name, k->t, k->u, c.heads, c.shares);
	if (half)
		finish_tiles(out, k, &c);
	else
		text_printf(out,
		            "\tconst int64_t at = (int64_t)blockIdx.x * %d + threadIdx.x;\n"
		            "\tif (at >= (int64_t)HEADS * T * U)\n"
		            "\t\treturn;\n"
		            "\tfloat sum = 0;\n"
		            "#pragma unroll 4\n"
		            "\tfor (int64_t share = 0; share < SHARES; share++)\n"
		            "\t\tsum += scratch[share * HEADS * T * U + at];\n"
		            "\tdr[at] = sum;\n",
		            FINISH);
	attend_put(out, "}\n");
	*launch = (AttendLaunch){.block = FINISH, .grid = attend_up(elems, FINISH) / FINISH};
	return true;
}
