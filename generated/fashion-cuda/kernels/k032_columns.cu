/* k032_columns: 2.621e+05 flops, 2.632e+05 bytes a launch
 * 512 rows of 128 elements, sums of columns: a warp a row, 16 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, N_m:8, D:128]
 *   p1  f32[D:128]
 *   p2  bool[B:64, N_m:8]
 *   models/fashion.d2v:63  watch target_std = mean(D) std(top over (B, N) where m);
 *   models/fashion.d2v:64  watch prediction_std = mean(D) std(p over (B, N) where m);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 2)
k032_columns(const float *__restrict__ p0, const float *__restrict__ p1, const uint8_t *__restrict__ p2, float *__restrict__ scratch)
{
	float c3[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 512 * blockIdx.x / 16, end = 512 * (blockIdx.x + 1) / 16;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		const uint8_t s0 = p2[i0];
		{
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 128 * i0 + e1);
			float x1[4];
			d2v_load(x1, p1 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] - x1[j];
				const float v1 = v0 * v0;
				const float v2 = s0 ? v1 : 0.0f;
				c3[j] += v2;
			}
		}
	}
	D2V_SHARED(float, sums, 1024);
	float *const out = scratch + 128ll * blockIdx.x;
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c3[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 128; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[128 * team + at];
		out[0 + at] = sum;
	}
	d2v_barrier();
}
