/* k036_columns: 8.258e+07 flops, 4.733e+07 bytes a launch
 * 15360 rows of 768 elements, sums of columns: 96 threads a row, 660 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N_m:120, D:768]
 *   p1  f32[B:128, N_m:120]
 *   p2  f32[B:128, N_m:120]
 *   p3  f32[D:768]
 *   p4  bool[B:128, N_m:120]
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(96, 5)
k036_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const uint8_t *__restrict__ p4, float *__restrict__ scratch)
{
	float c6[2][4] = {};
	const int lane = threadIdx.x;
	const int first = 15360 * blockIdx.x / 660, end = 15360 * (blockIdx.x + 1) / 660;
#pragma unroll 4
	for (int row = first; row < end; row++) {
		const int i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		const uint8_t s2 = p4[i0];
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e1 = 4 * (96 * k + lane);
			float x0[4];
			d2v_load(x0, p0 + 768 * i0 + e1);
			float x1[4];
			d2v_load(x1, p3 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] * 0.166666672f;
				const float v1 = v0 - s0;
				const float v2 = v1 * s1;
				const float v3 = v2 - x1[j];
				const float v4 = v3 * v3;
				const float v5 = s2 ? v4 : 0.0f;
				c6[k][j] += v5;
			}
		}
	}
	float *const out = scratch + 768ll * blockIdx.x;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e1 = 4 * (96 * k + lane);
		d2v_store(out + 0 + e1, c6[k]);
	}
}
