/* k000_rows: 6144 flops, 4.915e+04 bytes a launch
 * Elementwise over 384 x 16, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, C:3, Gy:2, Py:16, Gx:2, Px:16]
 *   p1  f32[B:2, N:4, C:3, Py:16, Px:16]  written
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k000_rows(const float *__restrict__ p0, float *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 4;
	const int lane = thread % 4;
	const int i0 = row / 192;
	const int i1 = row / 48 % 4;
	const int i2 = row / 16 % 3;
	const int i3 = row % 16;
	const int e4 = 4 * lane;
	float x0[4];
	d2v_load(x0, p0 + 3072 * i0 + 1024 * i2 + 32 * i3 + e4 + 512 * (((i1) / 2)) + 16 * (((i1) % 2)));
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j];
		y0[j] = v0;
	}
	d2v_store(p1 + 3072 * i0 + 768 * i1 + 256 * i2 + 16 * i3 + e4, y0);
}
