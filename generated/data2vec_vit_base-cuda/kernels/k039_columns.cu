/* k039_columns: 1.18e+07 flops, 4.719e+07 bytes a launch
 * 15360 rows of 768 elements, sums of columns: 96 threads a row, 660 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N_m:120, V:768]
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(96, 5)
k039_columns(const float *__restrict__ p0, float *__restrict__ scratch)
{
	float c0[2][4] = {};
	const int lane = threadIdx.x;
	const int first = 15360 * blockIdx.x / 660, end = 15360 * (blockIdx.x + 1) / 660;
#pragma unroll 4
	for (int row = first; row < end; row++) {
		const int i0 = row;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e1 = 4 * (96 * k + lane);
			float x0[4];
			d2v_load(x0, p0 + 768 * i0 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				c0[k][j] += x0[j];
			}
		}
	}
	float *const out = scratch + 768ll * blockIdx.x;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e1 = 4 * (96 * k + lane);
		d2v_store(out + 0 + e1, c0[k]);
	}
}
