/* k012_rows: 2.621e+05 flops, 2.097e+06 bytes a launch
 * Elementwise over 128 x 2048, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:16, D:128]
 *   p1  f32[B:128, N:16, D:128]  written
 *   models/fashion.d2v:44  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(256)
k012_rows(const float *__restrict__ p0, float *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 512;
	const int lane = thread % 512;
	const int i0 = row;
	const int e1 = 4 * lane;
	float x0[4];
	d2v_load(x0, p0 + 2176 * i0 + e1);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j];
		y0[j] = v0;
	}
	d2v_store(p1 + 2048 * i0 + e1, y0);
}
