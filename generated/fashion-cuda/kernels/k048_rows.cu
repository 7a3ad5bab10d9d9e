/* k048_rows: 1.004e+05 flops, 8.028e+05 bytes a launch
 * Elementwise over 6272 x 16, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, C:1, Gy:4, Py:7, Gx:4, Px:7]
 *   p1  f32[C:1, Py:7, Px:7, B:128, N:16]  written
 *   models/fashion.d2v:35  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.cuh" // d1c0fbb2b02c115527223a6cf7ba8698

extern "C" __global__ void __launch_bounds__(256)
k048_rows(const float *__restrict__ p0, float *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 4;
	const int lane = thread % 4;
	const int i0 = row / 896;
	const int i1 = row / 128 % 7;
	const int i2 = row % 128;
	const int e3 = 4 * lane;
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int i3 = e3 + j;
		const float v0 = p0[28 * i0 + i1 + 784 * i2 + 196 * (((i3) / 4)) + 7 * (((i3) % 4))];
		y0[j] = v0;
	}
	d2v_store(p1 + 14336 * i0 + 2048 * i1 + 16 * i2 + e3, y0);
}
