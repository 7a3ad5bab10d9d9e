/* k006_attend_ready: 9.849e+05 flops, 3.94e+06 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

#ifndef D2V_ATTEND
#define D2V_ATTEND
/* ---- attention ---- */
#define D2V_TILE __device__ __forceinline__
#define LOWEST __int_as_float((int)0xff800000)

/* Dropout draws by the number of the element, again in the backward pass. A draw is
 * dropped when (bits >> 8) / 2^24 < rate, that is when bits < limit. */
struct D2vDraw { uint32_t seed, step, id, limit; uint64_t site; };
D2V_TILE uint32_t d2v_limit(float rate)
{
	const float    x = rate * 16777216.0f;
	const uint32_t whole = (uint32_t)x;
	return (whole + ((float)whole < x)) << 8;
}
D2V_TILE bool d2v_is_dropped(const D2vDraw &d, uint32_t element)
{
	uint32_t out[4];
	d2v_philox(d.seed, d.site, d.step, d.id, element >> 2, out);
	return ((element & 2) ? (element & 1) ? out[3] : out[2] : (element & 1) ? out[1] : out[0]) < d.limit;
}
#endif
#ifndef D2V_TILES
#define D2V_TILES
/* ---- attention: tiles of bf16 in shared memory, fragments of 16 x 8 sums in registers ----
 * Of a 16 x 8 tile of sums a lane has four: rows lane / 4 (sums 0, 1) and lane / 4 + 8
 * (2, 3), columns lane % 4 * 2 and the next one. Two such tiles side by side, rounded to
 * bf16, are the left factor of a product over those 16 columns. */
/* 2^x to about 2 ulp; only where bf16 follows. */
D2V_TILE float d2v_exp2(float x)
{
#ifdef D2V_EMULATE
	return exp2f(x);
#else
	float y;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
#endif
}
D2V_TILE float d2v_row_max(float x)
{
	x = fmaxf(x, d2v_shuffle_xor(x, 1));
	return fmaxf(x, d2v_shuffle_xor(x, 2));
}
D2V_TILE float d2v_row_sum(float x)
{
	x += d2v_shuffle_xor(x, 1);
	return x + d2v_shuffle_xor(x, 2);
}

/* Shared rows of CHUNKS chunks of 16 bytes. The same chunk of eight neighbouring rows lies in
 * eight different groups of banks: chunks change places within their row, or, where rows are
 * 2 (or 6) groups apart, a chunk is left free behind every eighth row. */
template <int CHUNKS> D2V_TILE unsigned char *d2v_chunk(unsigned char *rows, uint32_t row, uint32_t chunk)
{
	if (CHUNKS % 4 == 2)
		return rows + 16 * (row * CHUNKS + (row + 4) / 8 + chunk);
	constexpr uint32_t SPREAD = CHUNKS % 8 == 0 ? 8 : CHUNKS % 4 == 0 ? 4 : 1;
	return rows + 16 * (row * CHUNKS + (chunk ^ row / (8 / SPREAD) % SPREAD));
}

/* `rows` rows of E numbers, a stride apart, to shared rows; zeros up to 8 WIDTH columns and
 * PADDED rows. WIDE: the source allows 16-byte accesses; they land at d2v_copy_wait. */
template <int CHUNKS, int WIDTH, int E, int PADDED, int BLOCK, bool WIDE>
D2V_TILE void d2v_fetch(unsigned char *to, const uint16_t *from, int64_t stride, int rows)
{
	for (int i = threadIdx.x; i < PADDED * WIDTH; i += BLOCK) {
		const int       row = i / WIDTH, chunk = i % WIDTH;
		unsigned char  *at = d2v_chunk<CHUNKS>(to, row, chunk);
		const uint16_t *source = from + row * stride + chunk * 8;
		if (WIDE && row < rows && chunk < E / 8) {
			d2v_copy_async16(at, source);
			continue;
		}
		uint32_t word[4] = {0, 0, 0, 0};
		if (!WIDE)
			for (int j = 0; j < 8; j++)
				if (row < rows && chunk * 8 + j < E)
					word[j / 2] |= (uint32_t)source[j] << j % 2 * 16;
		*(uint4 *)at = make_uint4(word[0], word[1], word[2], word[3]);
	}
}

/* Rows that will be fetched come from memory to the L2 cache. */
template <int E, int BLOCK> D2V_TILE void d2v_announce(const uint16_t *from, int64_t stride, int rows)
{
#ifndef D2V_EMULATE
	for (int row = threadIdx.x; row < rows; row += BLOCK)
#pragma unroll
		for (int e = 0; e < E; e += 64)
			asm volatile("prefetch.global.L2 [%0];" : : "l"(from + row * stride + e));
#endif
}

D2V_TILE void d2v_mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
	const uint32_t b[2] = {b0, b1};
	d2v_mma_bf16(c, a, b);
}
/* The left factor at rows `row`.., columns 16 k..; TURNED: it is stored the other way round. */
template <int CHUNKS, bool TURNED>
D2V_TILE void d2v_left(uint32_t (&a)[4], unsigned char *rows, int row, int k)
{
	const int lane = threadIdx.x % 32;
	if (TURNED)
		d2v_ldmatrix_x4_trans(a, d2v_chunk<CHUNKS>(rows, 16 * k + lane / 16 * 8 + lane % 8, row / 8 + lane / 8 % 2));
	else
		d2v_ldmatrix_x4(a, d2v_chunk<CHUNKS>(rows, row + lane % 16, 2 * k + lane / 16));
}
/* sum[m][n] += over k < 16 STEPS of left[16 m + .., k] right[k, 8 n + ..], for M x N tiles
 * from row `row` of left and chunk `chunk` of right on. */
template <int M, int N, int STEPS, int LEFT, int RIGHT, bool TURNED>
D2V_TILE void d2v_product(float (&sum)[2][N][4], unsigned char *left, int row, unsigned char *right, int chunk)
{
	const int lane = threadIdx.x % 32;
#pragma unroll 2
	for (int k = 0; k < STEPS; k++) {
		uint32_t a[2][4], b[4];
#pragma unroll
		for (int m = 0; m < M; m++)
			d2v_left<LEFT, TURNED>(a[m], left, row + 16 * m, k);
#pragma unroll
		for (int n = 0; n < N; n += 2) {
			d2v_ldmatrix_x4_trans(b, d2v_chunk<RIGHT>(right, 16 * k + lane % 16, chunk + n + lane / 16));
#pragma unroll
			for (int m = 0; m < M; m++) {
				d2v_mma(sum[m][n], a[m], b[0], b[1]);
				d2v_mma(sum[m][n + 1], a[m], b[2], b[3]);
			}
		}
	}
}

/* Two neighbours, of which `left` exist; LOWEST for others. WIDE: 8 bytes at once. */
template <bool WIDE> D2V_TILE float2 d2v_pair(const float *at, int left)
{
	if (WIDE)
		return left > 0 ? *(const float2 *)at : make_float2(LOWEST, LOWEST);
	return make_float2(left > 0 ? at[0] : LOWEST, left > 1 ? at[1] : LOWEST);
}
template <bool WIDE> D2V_TILE void d2v_put(float *at, int left, float x, float y)
{
	if (WIDE && left > 0)
		*(float2 *)at = make_float2(x, y);
	if (!WIDE && left > 0)
		at[0] = x;
	if (!WIDE && left > 1)
		at[1] = y;
}
template <bool WIDE> D2V_TILE void d2v_put(uint16_t *at, int left, float x, float y)
{
	if (WIDE && left > 0)
		*(uint32_t *)at = d2v_pack_bf16(x, y);
	if (!WIDE && left > 0)
		at[0] = d2v_to_bf16(x);
	if (!WIDE && left > 1)
		at[1] = d2v_to_bf16(y);
}

/* ---- dropout ---- */
/* The dropped ones of `left` (at most 112) elements from `first` on, `apart` from each other
 * (FLAT: neighbours): bit 2 j + h of bits[i] is column 8 j + 2 i + h. */
template <bool FLAT>
D2V_TILE void d2v_draw_row(uint32_t (&bits)[4], const D2vDraw &d, uint32_t first, uint32_t apart, int left)
{
	if (!FLAT) {
		for (int j = 0; j < left; j++) {
			const uint32_t bit = (uint32_t)d2v_is_dropped(d, first + (uint32_t)j * apart) << (j / 8 * 2 + j % 2);
#pragma unroll
			for (int i = 0; i < 4; i++)
				bits[i] |= j % 8 / 2 == i ? bit : 0;
		}
		return;
	}
	const int skip = first & 3, groups = (skip + left + 3) / 4; /* four of a draw */
	uint32_t before = 0;
#pragma unroll 1
	for (int word = 0; 8 * word < groups + 8; word++) {
		uint32_t now = 0;
#pragma unroll 2
		for (int i = 0; i < 8; i++) {
			if (8 * word + i >= groups)
				break;
			uint32_t out[4];
			d2v_philox(d.seed, d.site, d.step, d.id, (first >> 2) + 8 * word + i, out);
			const uint32_t four = (out[0] < d.limit) | (out[1] < d.limit) << 1 | (out[2] < d.limit) << 2 | (out[3] < d.limit) << 3;
			now |= four << 4 * i;
		}
		if (word > 0) { /* 32 columns from 32 (word - 1) on; a multiplication moves four pairs together */
			const int      rest = left - 32 * (word - 1);
			const uint32_t whole = (uint32_t)(((uint64_t)now << 32 | before) >> skip) & (rest < 32 ? rest > 0 ? (1u << rest) - 1 : 0 : 0xffffffffu);
#pragma unroll
			for (int i = 0; i < 4; i++)
				bits[i] |= ((whole >> 2 * i & 0x03030303u) * 0x01041040u >> 24) << 8 * (word - 1);
		}
		before = now;
	}
}
#endif
/* For attention, in the order in which its lanes want it: r / scale, padded.
 * T 197 queries, U 197 keys; 12 heads (outer axes of r) of 128 images. 3.94 MB in and out. */
extern "C" __global__ void __launch_bounds__(256)
k006_attend_ready(const float *r, float *ready)
{
	enum { T = 197, U = 197, HEADS = 12, IMAGES = 128 };
	enum { KEYS = 208, CHUNKS = 1, ALL = 13 }; /* U cut up; tiles of 16 queries */
	const float UNSCALE = 8;
	if (blockIdx.x < 507) { /* a float4 for two queries' two keys */
		const int64_t at = (int64_t)blockIdx.x * 256 + threadIdx.x, cell = at / (KEYS * 4);
		if (cell >= (int64_t)HEADS * CHUNKS * ALL)
			return;
		const int lane = at % 32, j = at / 32 % (KEYS / 8), tile = cell % ALL;
		const int t = tile * 16 + lane / 4, u = (int)(cell / ALL % CHUNKS) * KEYS + 8 * j + lane % 4 * 2;
		const int64_t first = cell / (ALL * CHUNKS) * T; /* of the head */
		const float2 b0 = d2v_pair<false>(r + (first + (t < T ? t : T - 1)) * U + u, U - u);
		const float2 b1 = d2v_pair<false>(r + (first + (t + 8 < T ? t + 8 : T - 1)) * U + u, U - u);
		((float4 *)ready)[at] = make_float4(b0.x * UNSCALE, b0.y * UNSCALE, b1.x * UNSCALE, b1.y * UNSCALE);
	}
}
