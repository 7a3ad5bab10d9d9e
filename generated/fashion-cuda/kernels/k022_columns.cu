/* k022_columns: 6.554e+05 flops, 1.313e+06 bytes a launch
 * 65536 rows of 1 elements, sums of columns: a thread a row, 64 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[B:64, N_m:8]
 *   p1  f32[B:64, N:16, D:128]
 *   p2  f32[B:64, N_m:8, D:128]  written
 *   p3  f32[B:64, N_m:8, D:128]
 *   p4  f32[B:64, N_m:8, D:128]  written
 *   p5  bool[B:64, N_m:8]
 *   models/fashion.d2v:62  minimise mean(B, N, D where m) smooth_l1(p - top, beta = 2);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 2)
k022_columns(const int32_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4, const uint8_t *__restrict__ p5, float *__restrict__ scratch)
{
	float c9 = 0;
	const int first = 65536 * blockIdx.x / 64, end = 65536 * (blockIdx.x + 1) / 64;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x; row < end; row += 256) {
		const int i0 = row / 1024;
		const int i1 = row / 128 % 8;
		const int i2 = row % 128;
		const float s0 = (p0[8 * i0 + i1] >= 0 ? p1[2048 * i0 + i2 + 128 * (p0[8 * i0 + i1])] : 0.0f);
		const float s1 = p3[1024 * i0 + 128 * i1 + i2];
		const uint8_t s2 = p5[8 * i0 + i1];
		const float v0 = s0;
		const float v1 = s1 - v0;
		const float v2 = d2v_abs(v1);
		const uint8_t v3 = v2 < 2.0f;
		const float v4 = v1 * v1;
		const float v5 = v4 * 0.25f;
		const float v6 = v2 - 1.0f;
		const float v7 = v3 ? v5 : v6;
		const float v8 = s2 ? v7 : 0.0f;
		c9 += v8;
		p2[1024 * i0 + 128 * i1 + i2] = v0;
		p4[1024 * i0 + 128 * i1 + i2] = v1;
	}
	D2V_SHARED(float, sums, 8);
	float *const out = scratch + 1ll * blockIdx.x;
	c9 = d2v_warp_sum(c9);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = c9;
	d2v_barrier();
	if (threadIdx.x == 0)
		out[0 + 0] = d2v_total<8>(sums);
	d2v_barrier();
}
