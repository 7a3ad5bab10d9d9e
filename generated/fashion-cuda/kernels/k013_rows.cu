/* k013_rows: 2.621e+05 flops, 2.097e+06 bytes a launch
 * Elementwise over 16384 x 16, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:16, D:128]
 *   p1  f32[D:128, B:128, N:16]  written
 *   models/fashion.d2v:44  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.cuh" // d1c0fbb2b02c115527223a6cf7ba8698

extern "C" __global__ void __launch_bounds__(256)
k013_rows(const float *__restrict__ p0, float *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 4;
	const int lane = thread % 4;
	const int i0 = row / 128;
	const int i1 = row % 128;
	const int e2 = 4 * lane;
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int i2 = e2 + j;
		const float v0 = p0[i0 + 2176 * i1 + 128 * i2];
		y0[j] = v0;
	}
	d2v_store(p1 + 2048 * i0 + 16 * i1 + e2, y0);
}
