/* k000_rows: 5.018e+04 flops, 4.014e+05 bytes a launch
 * Elementwise over 7168 x 7, 1 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, C:1, Gy:4, Py:7, Gx:4, Px:7]
 *   p1  f32[B:64, N:16, C:1, Py:7, Px:7]  written
 *   models/fashion.d2v:35  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k000_rows(const float *__restrict__ p0, float *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 7;
	const int lane = thread % 7;
	const int i0 = row / 112;
	const int i1 = row / 7 % 16;
	const int i2 = row % 7;
	const int i3 = lane;
	const float v0 = p0[784 * i0 + 28 * i2 + i3 + 196 * (((i1) / 4)) + 7 * (((i1) % 4))];
	p1[784 * i0 + 49 * i1 + 7 * i2 + i3] = v0;
}
