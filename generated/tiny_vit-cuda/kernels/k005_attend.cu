/* k005_attend: 1600 flops, 1480 bytes a launch
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
#ifndef D2V_ROWS
#define D2V_ROWS
/* ---- attention in f32: rows in shared memory ---- */
D2V_TILE float d2v_get(const float *at) { return *at; }
D2V_TILE float d2v_get(const uint16_t *at) { return d2v_load_bf16(*at); }
D2V_TILE void d2v_set(float *at, float x) { *at = x; }
D2V_TILE void d2v_set(uint16_t *at, float x) { *at = d2v_to_bf16(x); }
D2V_TILE float4 d2v_get4(const float *at) { return *(const float4 *)at; }
D2V_TILE float4 d2v_get4(const uint16_t *at)
{
	const uint2 w = *(const uint2 *)at;
	return make_float4(d2v_load_bf16((uint16_t)w.x), d2v_load_bf16((uint16_t)(w.x >> 16)),
	                   d2v_load_bf16((uint16_t)w.y), d2v_load_bf16((uint16_t)(w.y >> 16)));
}
/* `rows` rows of E numbers, a stride apart, as f32; zeros up to WIDTH columns and PADDED
 * rows. WIDE: the source allows four at once. */
template <int PITCH, int WIDTH, int E, int PADDED, int BLOCK, bool WIDE, class Number>
D2V_TILE void d2v_rows(float *to, const Number *from, int64_t stride, int rows)
{
	for (int i = threadIdx.x; i < PADDED * (WIDTH / 4); i += BLOCK) {
		const int     row = i / (WIDTH / 4), e = i % (WIDTH / 4) * 4;
		const Number *source = from + row * stride + e;
		float4        x = make_float4(0, 0, 0, 0);
		if (WIDE && row < rows && e < E)
			x = d2v_get4(source);
		if (!WIDE && row < rows) {
			x.x = e < E ? d2v_get(source) : 0;
			x.y = e + 1 < E ? d2v_get(source + 1) : 0;
			x.z = e + 2 < E ? d2v_get(source + 2) : 0;
			x.w = e + 3 < E ? d2v_get(source + 3) : 0;
		}
		*(float4 *)(to + row * PITCH + e) = x;
	}
}
/* sum[m][n] = row m of left times row lane + 32 n of right. */
template <int M, int PITCH, int WIDTH>
D2V_TILE void d2v_dots(float (&sum)[M][2], const float *left, const float *right)
{
	const int lane = threadIdx.x % 32;
#pragma unroll
	for (int m = 0; m < M; m++)
		sum[m][0] = sum[m][1] = 0;
#pragma unroll 2
	for (int e = 0; e < WIDTH; e += 4) {
		const float4 b0 = *(const float4 *)(right + lane * PITCH + e);
		const float4 b1 = *(const float4 *)(right + (lane + 32) * PITCH + e);
#pragma unroll
		for (int m = 0; m < M; m++) {
			const float4 a = *(const float4 *)(left + m * PITCH + e);
			sum[m][0] += a.x * b0.x, sum[m][1] += a.x * b1.x;
			sum[m][0] += a.y * b0.y, sum[m][1] += a.y * b1.y;
			sum[m][0] += a.z * b0.z, sum[m][1] += a.z * b1.z;
			sum[m][0] += a.w * b0.w, sum[m][1] += a.w * b1.w;
		}
	}
}
/* sum[m][n] += over j < count of left[m, j] right[j, lane + 32 n]. */
template <int M, int N, int LEFT_ROW, int LEFT_COLUMN, int PITCH, int E>
D2V_TILE void d2v_mix(float (&sum)[M][N], const float *left, const float *right, int count)
{
	const int lane = threadIdx.x % 32;
#pragma unroll 4
	for (int j = 0; j < count; j++) {
		float b[N];
#pragma unroll
		for (int n = 0; n < N; n++)
			b[n] = lane + 32 * n < E ? right[j * PITCH + lane + 32 * n] : 0;
#pragma unroll
		for (int m = 0; m < M; m++)
#pragma unroll
			for (int n = 0; n < N; n++)
				sum[m][n] += left[m * LEFT_ROW + j * LEFT_COLUMN] * b[n];
	}
}
#endif
/* Attention, forward: out = sum over U of (softmax over U of (scale * sum over E of q k + r)) v.
 * T 5 queries, U 5 keys, E 4 wide; 2 heads (outer axes of r) of 2 images; size@stride:
 * q f32[2@4, 2@120, T@24, E]  k f32[2@4, 2@120, U@24, E]  v f32[2@4, 2@120, U@24, E]
 * out f32[2@4, 2@40, T@8, E]
 * Products: f32, no tensor cores.
 * 0.0016 MFLOP in products, 0.00148 MB in and out; r from L2 for every image: 0.0004 MB. */
extern "C" __global__ void __launch_bounds__(256, 1)
k005_attend(const float *q, const float *k, const float *v, const float *r, float *out)
{
	enum { T = 5, U = 5, E = 4, HEADS = 2, IMAGES = 2 };
	const float SCALE = 0.5;
	enum { WIDTH = 8, PITCH = WIDTH + 4, KEYS = 64, ROWS = 8, BLOCKS = 1, WARPS = 8, SCORES = 8 }; /* E, U, T cut up */
	enum { MINE = ROWS / WARPS, COLUMNS = (E + 31) / 32 }; /* a warp's queries, a lane's columns */
	D2V_DYNAMIC_SHARED(shared);
	float *const query = (float *)shared, *const tile = query + ROWS * PITCH, *const score = tile + KEYS * PITCH;
	const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	const int first_row = blockIdx.x % BLOCKS * ROWS;
	const int head = blockIdx.x / BLOCKS % HEADS;
	const int image = blockIdx.x / (BLOCKS * HEADS);
	const int o1 = image / 1 % 2;
	const int o0 = head / 1 % 2;
	const int qo = o0 * 4 + o1 * 120;
	const int ko = o0 * 4 + o1 * 120;
	const int vo = o0 * 4 + o1 * 120;
	const int outo = o0 * 4 + o1 * 40;
	d2v_rows<PITCH, WIDTH, E, ROWS, WARPS * 32, true>(query, q + qo + (int64_t)(first_row) * 24, 24, T - first_row);
	float inverse[MINE] = {};
#pragma unroll 1
	for (int u = 0; u < U; u += KEYS) {
		d2v_barrier();
		d2v_rows<PITCH, WIDTH, E, KEYS, WARPS * 32, true>(tile, k + ko + (int64_t)(u) * 24, 24, U - u);
		d2v_barrier();
		float sum[MINE][2];
		d2v_dots<MINE, PITCH, WIDTH>(sum, query + warp * MINE * PITCH, tile);
#pragma unroll
		for (int m = 0; m < MINE; m++)
#pragma unroll
			for (int n = 0; n < 2; n++) {
				const int at = u + lane + 32 * n;
				if (at < U)
					score[(warp * MINE + m) * SCORES + at] = sum[m][n] * SCALE + r[((int64_t)head * T + (first_row + warp * MINE + m < T ? first_row + warp * MINE + m : T - 1)) * U + at];
			}
	}
	d2v_barrier();
#pragma unroll 1
	for (int i = warp * MINE; i < (warp + 1) * MINE; i++) {
		float *const x = score + i * SCORES, top = LOWEST, sum = 0;
		for (int u = lane; u < U; u += 32)
			top = fmaxf(top, x[u]);
		top = d2v_warp_max(top);
		for (int u = lane; u < SCORES; u += 32) {
			x[u] = u < U ? d2v_exp(x[u] - top) : 0;
			sum += x[u];
		}
		sum = d2v_warp_sum(sum);
#pragma unroll
		for (int m = 0; m < MINE; m++)
			if (i == warp * MINE + m)
				inverse[m] = 1 / sum;
	}
	{
	float sum[MINE][COLUMNS] = {};
#pragma unroll 1
	for (int u = 0; u < U; u += KEYS) {
		d2v_barrier();
		d2v_rows<PITCH, WIDTH, E, KEYS, WARPS * 32, true>(tile, v + vo + (int64_t)(u) * 24, 24, U - u);
		d2v_barrier();
		d2v_mix<MINE, COLUMNS, SCORES, 1, PITCH, E>(sum, score + warp * MINE * SCORES + u, tile, U - u < KEYS ? U - u : KEYS);
	}
#pragma unroll
	for (int m = 0; m < MINE; m++)
#pragma unroll
		for (int n = 0; n < COLUMNS; n++)
			if (first_row + warp * MINE + m < T && lane + 32 * n < E)
				d2v_set(out + outo + (int64_t)(first_row + warp * MINE + m) * 8 + lane + 32 * n, sum[m][n] * inverse[m]);
	}
}
