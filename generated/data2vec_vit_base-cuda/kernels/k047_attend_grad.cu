/* k047_attend_grad: 3.815e+10 flops, 2.834e+08 bytes a launch
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
/* Attention, gradient: out = sum over U of drop(softmax over U of (scale * sum over E of q k + r)) v.
 * T 197 queries, U 197 keys, E 64 wide; 12 heads (outer axes of r) of 128 images; size@stride:
 * q bf16[12@64, 128@453888, T@2304, E]  k bf16[12@64, 128@453888, U@2304, E]  v bf16[12@64, 128@453888, U@2304, E]
 * dout bf16[12@64, 128@151296, T@768, E]  dq bf16[12@64, 128@453888, T@2304, E]  dk bf16[12@64, 128@453888, U@2304, E]  dv bf16[12@64, 128@453888, U@2304, E]
 * Products: bf16 factors (probabilities and dS rounded too), sums in f32.
 * 3.815e+04 MFLOP in products, 274.8 MB in and out; r and partial sums of dr from L2 for every image: 715.3 MB. */
extern "C" __global__ void __launch_bounds__(448, 1)
k047_attend_grad(const uint16_t *q, const uint16_t *k, const uint16_t *v, const float *ready, const uint16_t *dout, uint16_t *dq, uint16_t *dk, uint16_t *dv, float *scratch, float rate)
{
	enum { T = 197, U = 197, E = 64, HEADS = 12, IMAGES = 128 };
	const float SCALE = 0.125;
	enum { ALL = 13 }; /* tiles of 16 queries of a head */
	const float TO_LOG2 = 0.1803368777036667; /* scale / ln 2: e^score = 2^(TO_LOG2 q k + ..) */
	enum { WIDTH = 64, KEYS = 208, CHUNKS = 1, ROWS = 208, BLOCKS = 1, WARPS = 14, SHARES = 11 }; /* E, U, T cut up; images shared out */
	enum { TILES = ROWS / 16, HALF = KEYS / 2, PITCH = (KEYS > WIDTH ? KEYS : WIDTH) / 8 };
	D2V_DYNAMIC_SHARED(shared);
	unsigned char *const chance = shared, *const slope = chance + 86944; /* drop(P), dS; before: q, dout */
	unsigned char *const left_k = slope + 86944, *const left_v = left_k + 26624; /* k, v; later: q, dout */
	float *const part = (float *)(left_v + 26624); /* by half and row: top, sum of e, sum of e dP */
	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = lane % 4 * 2, half = warp % 2;
	const int share = blockIdx.x / HEADS;
	const int head = blockIdx.x % HEADS;
	float4 *const own = (float4 *)scratch + (int64_t)blockIdx.x * 10816; /* dr of these images */
	const float kept = 1 / (1 - rate);
#pragma unroll 1
	for (int image = share; image < IMAGES; image += SHARES) {
		const int o1 = image / 1 % 128;
		const int o0 = head / 1 % 12;
		const int qo = o0 * 64 + o1 * 453888;
		const int ko = o0 * 64 + o1 * 453888;
		const int vo = o0 * 64 + o1 * 453888;
		const int douto = o0 * 64 + o1 * 151296;
		const int dqo = o0 * 64 + o1 * 453888;
		const int dko = o0 * 64 + o1 * 453888;
		const int dvo = o0 * 64 + o1 * 453888;
		{
		const int first_row = 0;
		{
			d2v_barrier();
			d2v_fetch<PITCH, WIDTH / 8, E, ROWS, WARPS * 32, true>(chance, q + qo + (int64_t)(first_row) * 2304, 2304, T - first_row);
			d2v_fetch<WIDTH / 8, WIDTH / 8, E, KEYS, WARPS * 32, true>(left_k, k + ko, 2304, U);
			d2v_copy_commit();
			d2v_fetch<PITCH, WIDTH / 8, E, ROWS, WARPS * 32, true>(slope, dout + douto + (int64_t)(first_row) * 768, 768, T - first_row);
			d2v_fetch<WIDTH / 8, WIDTH / 8, E, KEYS, WARPS * 32, true>(left_v, v + vo, 2304, U);
			d2v_copy_commit();
			d2v_copy_wait<1>();
			d2v_barrier(); /* q and k are there */
#pragma unroll 1
			for (int round = 0; round < 2; round++) {
				const int slot = round * (WARPS / 2) + warp / 2, tile = slot < TILES ? slot : TILES - 1;
				const bool live = slot < TILES; /* or the last tile once more, for nobody */
				float x[HALF / 8][4], y[HALF / 8][4] = {};
				{
					float top[2] = {-1e30f, -1e30f}, sum[2] = {0, 0};
					const uint2 drawn = ((const uint2 *)(ready + 519168))[((((int64_t)image * HEADS + head) * CHUNKS + 0) * ALL + first_row / 16 + tile) * 64 + half * 32 + lane];
					const uint32_t word[2] = {drawn.x, drawn.y}; /* bit 2 j + h of a query's: column 8 j + lane % 4 * 2 + h */
					const float4 *const bias = (const float4 *)ready + (((int64_t)head * CHUNKS + 0) * ALL + first_row / 16 + tile) * (KEYS * 4) + half * HALF * 4 + lane;
#pragma unroll
					for (int j = 0; j < HALF / 8; j++) {
						const float4 b = bias[32 * j];
						x[j][0] = b.x, x[j][1] = b.y, x[j][2] = b.z, x[j][3] = b.w;
					}
#pragma unroll 1
					for (int i = 0; i < WIDTH / 16; i++) {
						uint32_t a[4], b[4];
						d2v_left<PITCH, false>(a, chance, tile * 16, i);
#pragma unroll
						for (int j = 0; j + 1 < HALF / 8; j += 2) {
							d2v_ldmatrix_x4(b, d2v_chunk<WIDTH / 8>(left_k, half * HALF + 8 * j + lane / 16 * 8 + lane % 8, 2 * i + lane / 8 % 2));
							d2v_mma(x[j], a, b[0], b[1]);
							d2v_mma(x[j + 1], a, b[2], b[3]);
						}
						uint32_t last[2]; /* an odd number of tiles */
						d2v_ldmatrix_x2(last, d2v_chunk<WIDTH / 8>(left_k, half * HALF + HALF - 8 + lane % 8, 2 * i + lane / 8 % 2));
						d2v_mma(x[HALF / 8 - 1], a, last[0], last[1]);
					}
#pragma unroll
					for (int j = 0; j < HALF / 8; j++)
#pragma unroll
						for (int h = 0; h < 4; h++)
							top[h / 2] = fmaxf(top[h / 2], x[j][h] * TO_LOG2);
					top[0] = d2v_row_max(top[0]), top[1] = d2v_row_max(top[1]);
#pragma unroll
					for (int j = 0; j < HALF / 8; j++)
#pragma unroll
						for (int h = 0; h < 4; h++) {
							x[j][h] = d2v_exp2(x[j][h] * TO_LOG2 - top[h / 2]);
							sum[h / 2] += x[j][h];
							x[j][h] = word[h / 2] >> (2 * j + h % 2) & 1 ? -x[j][h] : x[j][h];
						}
#pragma unroll
					for (int m = 0; m < 2; m++) {
						float *const to = part + 3 * (half * ROWS + tile * 16 + lane / 4 + 8 * m);
						sum[m] = d2v_row_sum(sum[m]);
						if (live && column == 0)
							to[0] = top[m], to[1] = sum[m];
					}
				}
				if (round == 0) {
					d2v_copy_wait<0>();
					d2v_barrier(); /* v and dout are there */
				}
				{
#pragma unroll 1
					for (int i = 0; i < WIDTH / 16; i++) {
						uint32_t a[4], b[4];
						d2v_left<PITCH, false>(a, slope, tile * 16, i);
#pragma unroll
						for (int j = 0; j + 1 < HALF / 8; j += 2) {
							d2v_ldmatrix_x4(b, d2v_chunk<WIDTH / 8>(left_v, half * HALF + 8 * j + lane / 16 * 8 + lane % 8, 2 * i + lane / 8 % 2));
							d2v_mma(y[j], a, b[0], b[1]);
							d2v_mma(y[j + 1], a, b[2], b[3]);
						}
						uint32_t last[2]; /* an odd number of tiles */
						d2v_ldmatrix_x2(last, d2v_chunk<WIDTH / 8>(left_v, half * HALF + HALF - 8 + lane % 8, 2 * i + lane / 8 % 2));
						d2v_mma(y[HALF / 8 - 1], a, last[0], last[1]);
					}
#pragma unroll
					for (int j = 0; j < HALF / 8; j++)
#pragma unroll
						for (int h = 0; h < 4; h++)
							y[j][h] = x[j][h] < 0 ? 0 : y[j][h] * kept;
				}
				{
					float dot[2] = {0, 0};
#pragma unroll
					for (int j = 0; j < HALF / 8; j++)
#pragma unroll
						for (int h = 0; h < 4; h++)
							dot[h / 2] += x[j][h] * y[j][h]; /* y is 0 where x is negative */
#pragma unroll
					for (int m = 0; m < 2; m++) {
						dot[m] = d2v_row_sum(dot[m]);
						if (live && column == 0)
							part[3 * (half * ROWS + tile * 16 + lane / 4 + 8 * m) + 2] = dot[m];
					}
				}
				d2v_barrier(); /* nobody reads q and dout of these rows any more; both halves of the rows are in part */
				if (live) {
#pragma unroll
					for (int m = 0; m < 2; m++) {
						const int i = tile * 16 + lane / 4 + 8 * m;
						const float *const mine = part + 3 * (half * ROWS + i), *const other = part + 3 * ((1 - half) * ROWS + i);
						const float high = fmaxf(mine[0], other[0]);
						const float f = d2v_exp2(mine[0] - high), g = d2v_exp2(other[0] - high);
						const float inverse = d2v_inverse(mine[1] * f + other[1] * g), factor = f * inverse;
						const float mean = (mine[2] * f + other[2] * g) * inverse;
#pragma unroll
						for (int j = 0; j < HALF / 8; j++) {
#pragma unroll
							for (int h = 2 * m; h < 2 * m + 2; h++) {
								x[j][h] *= factor;
								y[j][h] = d2v_abs(x[j][h]) * (y[j][h] - mean);
								x[j][h] = x[j][h] < 0 ? 0 : x[j][h] * kept;
							}
							const int at = half * (HALF / 8) + j;
							*(uint32_t *)(d2v_chunk<PITCH>(chance, i, at) + 2 * column) = d2v_pack_bf16(x[j][2 * m], x[j][2 * m + 1]);
							*(uint32_t *)(d2v_chunk<PITCH>(slope, i, at) + 2 * column) = d2v_pack_bf16(y[j][2 * m], y[j][2 * m + 1]);
						}
					}
#pragma unroll
					for (int j = 0; j < HALF / 8; j++) {
						float4 *const to = own + ((tile) * 2 + half) * (HALF / 8 * 32) + j * 32 + lane;
						float4 dr = make_float4(y[j][0], y[j][1], y[j][2], y[j][3]);
						if (image > share) {
							const float4 before = *to;
							dr = make_float4(before.x + dr.x, before.y + dr.y, before.z + dr.z, before.w + dr.w);
						}
						*to = dr;
					}
				}
			}
			d2v_barrier(); /* drop(P) and dS are there; v is needed no more */
			d2v_fetch<WIDTH / 8, WIDTH / 8, E, ROWS, WARPS * 32, true>(left_v, dout + douto + (int64_t)(first_row) * 768, 768, T - first_row);
			d2v_copy_commit();
			if (const int next = image + SHARES; next < IMAGES) {
				const int image = next;
				const int o1 = image / 1 % 128;
				const int o0 = head / 1 % 12;
				const int qo = o0 * 64 + o1 * 453888;
				d2v_announce<E, WARPS * 32>(q + qo, 2304, T);
				const int ko = o0 * 64 + o1 * 453888;
				d2v_announce<E, WARPS * 32>(k + ko, 2304, U);
				const int vo = o0 * 64 + o1 * 453888;
				d2v_announce<E, WARPS * 32>(v + vo, 2304, U);
				const int douto = o0 * 64 + o1 * 151296;
				d2v_announce<E, WARPS * 32>(dout + douto, 768, T);
			}
#pragma unroll 1
			for (int task = warp; task < 14; task += WARPS) { /* dq */
				const int pair = task / 2, side = task % 2;
				float sum[2][WIDTH / 16][4] = {};
				if (2 * pair + 1 < TILES)
					d2v_product<2, WIDTH / 16, KEYS / 16, PITCH, WIDTH / 8, false>(sum, slope, pair * 32, left_k, side * (WIDTH / 16));
				else
					d2v_product<1, WIDTH / 16, KEYS / 16, PITCH, WIDTH / 8, false>(sum, slope, pair * 32, left_k, side * (WIDTH / 16));
#pragma unroll
				for (int m = 0; m < 2; m++)
#pragma unroll
					for (int n = 0; n < WIDTH / 16; n++) {
						float(&s)[4] = sum[m][n];
#pragma unroll
						for (int h = 0; h < 2; h++) {
							const int i = pair * 32 + 16 * m + 8 * h + lane / 4, e = (side * (WIDTH / 16) + n) * 8 + column;
							if (i < ROWS && first_row + i < T)
								d2v_put<true>(dq + dqo + (int64_t)(first_row + i) * 2304 + e, E - e, s[2 * h] * SCALE, s[2 * h + 1] * SCALE);
						}
					}
			}
			d2v_copy_wait<0>();
			d2v_barrier(); /* dout is there; k is needed no more */
			d2v_fetch<WIDTH / 8, WIDTH / 8, E, ROWS, WARPS * 32, true>(left_k, q + qo + (int64_t)(first_row) * 2304, 2304, T - first_row);
			d2v_copy_commit();
#pragma unroll 1
			for (int task = warp; task < 14; task += WARPS) { /* dv */
				const int pair = task / 2, side = task % 2;
				float sum[2][WIDTH / 16][4] = {};
				if (2 * pair + 1 < KEYS / 16)
					d2v_product<2, WIDTH / 16, ROWS / 16, PITCH, WIDTH / 8, true>(sum, chance, pair * 32, left_v, side * (WIDTH / 16));
				else
					d2v_product<1, WIDTH / 16, ROWS / 16, PITCH, WIDTH / 8, true>(sum, chance, pair * 32, left_v, side * (WIDTH / 16));
#pragma unroll
				for (int m = 0; m < 2; m++)
#pragma unroll
					for (int n = 0; n < WIDTH / 16; n++) {
						float(&s)[4] = sum[m][n];
#pragma unroll
						for (int h = 0; h < 2; h++) {
							const int i = pair * 32 + 16 * m + 8 * h + lane / 4, e = (side * (WIDTH / 16) + n) * 8 + column;
							if (i < KEYS && 0 + i < U)
								d2v_put<true>(dv + dvo + (int64_t)(0 + i) * 2304 + e, E - e, s[2 * h], s[2 * h + 1]);
						}
					}
			}
			d2v_copy_wait<0>();
			d2v_barrier(); /* q is there */
#pragma unroll 1
			for (int task = warp; task < 14; task += WARPS) { /* dk */
				const int pair = task / 2, side = task % 2;
				float sum[2][WIDTH / 16][4] = {};
				if (2 * pair + 1 < KEYS / 16)
					d2v_product<2, WIDTH / 16, ROWS / 16, PITCH, WIDTH / 8, true>(sum, slope, pair * 32, left_k, side * (WIDTH / 16));
				else
					d2v_product<1, WIDTH / 16, ROWS / 16, PITCH, WIDTH / 8, true>(sum, slope, pair * 32, left_k, side * (WIDTH / 16));
#pragma unroll
				for (int m = 0; m < 2; m++)
#pragma unroll
					for (int n = 0; n < WIDTH / 16; n++) {
						float(&s)[4] = sum[m][n];
#pragma unroll
						for (int h = 0; h < 2; h++) {
							const int i = pair * 32 + 16 * m + 8 * h + lane / 4, e = (side * (WIDTH / 16) + n) * 8 + column;
							if (i < KEYS && 0 + i < U)
								d2v_put<true>(dk + dko + (int64_t)(0 + i) * 2304 + e, E - e, s[2 * h] * SCALE, s[2 * h + 1] * SCALE);
						}
					}
			}
		}
		}
	}
}
