/* k017_attend: 1.526e+10 flops, 1.672e+08 bytes a launch
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
/* Attention, forward: out = sum over U of drop(softmax over U of (scale * sum over E of q k + r)) v.
 * T 197 queries, U 197 keys, E 64 wide; 12 heads (outer axes of r) of 128 images; size@stride:
 * q bf16[12@64, 128@453888, T@2304, E]  k bf16[12@64, 128@453888, U@2304, E]  v bf16[12@64, 128@453888, U@2304, E]
 * out bf16[12@64, 128@151296, T@768, E]
 * Products: bf16 factors (probabilities rounded too), sums in f32.
 * 1.526e+04 MFLOP in products, 156.8 MB in and out; r from L2 for every image: 238.4 MB. */
extern "C" __global__ void __launch_bounds__(224, 2)
k017_attend(const uint16_t *q, const uint16_t *k, const uint16_t *v, const float *ready, uint16_t *out, float rate)
{
	enum { T = 197, U = 197, E = 64, HEADS = 12, IMAGES = 128 };
	enum { ALL = 13 }; /* tiles of 16 queries of a head */
	const float TO_LOG2 = 0.1803368777036667; /* scale / ln 2: e^score = 2^(TO_LOG2 q k + ..) */
	enum { WIDTH = 64, KEYS = 208, CHUNKS = 1, TILES = 13, WARPS = 7, BLOCKS = 1 }; /* E, U, T cut up */
	enum { PIECE = 4 }; /* tiles of out's columns at a time */
	enum { COLUMNS = 104 }; /* drawn together */
	D2V_DYNAMIC_SHARED(shared);
	unsigned char *const keys = shared, *const values = keys + 26624, *const queries = values + 26624;
	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = lane % 4 * 2;
	const int first_row = blockIdx.x % BLOCKS * (TILES * 16);
	const int head = blockIdx.x / BLOCKS % HEADS;
	const int image = blockIdx.x / (BLOCKS * HEADS);
	const int o1 = image / 1 % 128;
	const int o0 = head / 1 % 12;
	const int qo = o0 * 64 + o1 * 453888;
	const int ko = o0 * 64 + o1 * 453888;
	const int vo = o0 * 64 + o1 * 453888;
	const int outo = o0 * 64 + o1 * 151296;
	d2v_fetch<WIDTH / 8, WIDTH / 8, E, TILES * 16, WARPS * 32, true>(queries, q + qo + (int64_t)(first_row) * 2304, 2304, T - first_row);
	d2v_fetch<WIDTH / 8, WIDTH / 8, E, KEYS, WARPS * 32, true>(keys, k + ko, 2304, U);
	d2v_copy_commit();
	d2v_fetch<WIDTH / 8, WIDTH / 8, E, KEYS, WARPS * 32, true>(values, v + vo, 2304, U);
	d2v_copy_commit();
	d2v_copy_wait<1>();
	d2v_barrier(); /* queries and keys are there */
#pragma unroll 1
	for (int tile = warp; tile < TILES; tile += WARPS) {
		const int t = first_row + tile * 16 + lane / 4; /* this lane's queries: t and t + 8 */
		float x[KEYS / 8][4]; /* scores / scale, beginning with the bias */
		const float4 *const bias = (const float4 *)ready + (((int64_t)head * CHUNKS + 0) * ALL + first_row / 16 + tile) * (KEYS * 4) + 0 * 4 + lane;
#pragma unroll
		for (int j = 0; j < KEYS / 8; j++) {
			const float4 b = bias[32 * j];
			x[j][0] = b.x, x[j][1] = b.y, x[j][2] = b.z, x[j][3] = b.w;
		}
#pragma unroll 1
		for (int i = 0; i < WIDTH / 16; i++) {
			uint32_t a[4], b[4];
			d2v_left<WIDTH / 8, false>(a, queries, tile * 16, i);
#pragma unroll
			for (int j = 0; j < KEYS / 8; j += 2) {
				d2v_ldmatrix_x4(b, d2v_chunk<WIDTH / 8>(keys, 8 * j + lane / 16 * 8 + lane % 8, 2 * i + lane / 8 % 2));
				d2v_mma(x[j], a, b[0], b[1]);
				d2v_mma(x[j + 1], a, b[2], b[3]);
			}
		}
		float peak[2] = {-1e30f, -1e30f}, sum[2] = {0, 0};
#pragma unroll
		for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
			for (int h = 0; h < 4; h++) {
				x[j][h] *= TO_LOG2;
				peak[h / 2] = fmaxf(peak[h / 2], x[j][h]);
			}
		peak[0] = d2v_row_max(peak[0]), peak[1] = d2v_row_max(peak[1]);
#pragma unroll
		for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
			for (int h = 0; h < 4; h++) {
				x[j][h] = d2v_exp2(x[j][h] - peak[h / 2]);
				sum[h / 2] += x[j][h];
			}
		uint32_t p[KEYS / 16][4];
#pragma unroll
		for (int j = 0; j < KEYS / 16; j++)
#pragma unroll
			for (int h = 0; h < 4; h++)
				p[j][h] = d2v_pack_bf16(x[2 * j + h / 2][h % 2 * 2], x[2 * j + h / 2][h % 2 * 2 + 1]);
#pragma unroll
		for (int part = 0; part < KEYS / COLUMNS; part++) {
			const uint2 drawn = ((const uint2 *)(ready + 519168))[((((int64_t)image * HEADS + head) * CHUNKS + 0) * ALL + first_row / 16 + tile) * 64 + part * 32 + lane];
			const uint32_t word[2] = {drawn.x, drawn.y}; /* bit 2 j + h of a query's: column 8 j + lane % 4 * 2 + h */
#pragma unroll
			for (int j = 0; j < COLUMNS / 8; j++)
#pragma unroll
				for (int m = 0; m < 2; m++) {
					const uint32_t bits = word[m] >> 2 * j;
					uint32_t &pair = p[(part * (COLUMNS / 8) + j) / 2][(part * (COLUMNS / 8) + j) % 2 * 2 + m];
					pair &= (bits & 1 ? 0 : 0xffff) | (bits & 2 ? 0 : 0xffff0000);
				}
		}
		if (tile == warp) {
			d2v_copy_wait<0>();
			d2v_barrier(); /* and values */
		}
		const float kept = 1 / (1 - rate);
		const float inverse[2] = {kept * d2v_inverse(d2v_row_sum(sum[0])), kept * d2v_inverse(d2v_row_sum(sum[1]))};
#pragma unroll 1
		for (int side = 0; side < WIDTH / 8; side += PIECE) { /* by pieces: fewer registers */
		float o[PIECE][4] = {};
#pragma unroll
		for (int j = 0; j < KEYS / 16; j++)
#pragma unroll
			for (int e = 0; e < PIECE; e += 2) {
				uint32_t b[4];
				d2v_ldmatrix_x4_trans(b, d2v_chunk<WIDTH / 8>(values, 16 * j + lane % 16, side + e + lane / 16));
				d2v_mma(o[e], p[j], b[0], b[1]);
				d2v_mma(o[e + 1], p[j], b[2], b[3]);
			}
#pragma unroll
		for (int m = 0; m < 2; m++)
			if (t + 8 * m < T)
#pragma unroll
				for (int e = 0; e < PIECE; e++) {
					const int at = 8 * (side + e) + column;
					d2v_put<true>(out + outo + (int64_t)(t + 8 * m) * 768 + at, E - at, o[e][2 * m] * inverse[m], o[e][2 * m + 1] * inverse[m]);
				}
		}
	}
}
