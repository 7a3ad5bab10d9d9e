/* k039_rows: 6144 flops, 4.915e+04 bytes a launch
 * Elementwise over 1536 x 4, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, C:3, Gy:2, Py:16, Gx:2, Px:16]
 *   p1  f32[C:3, Py:16, Px:16, B:2, N:4]  written
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.cuh" // d1c0fbb2b02c115527223a6cf7ba8698

extern "C" __global__ void __launch_bounds__(256)
k039_rows(const float *__restrict__ p0, float *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread;
	const int i0 = row / 512;
	const int i1 = row / 32 % 16;
	const int i2 = row / 2 % 16;
	const int i3 = row % 2;
	const int e4 = 4 * 0;
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int i4 = e4 + j;
		const float v0 = p0[1024 * i0 + 32 * i1 + i2 + 3072 * i3 + 512 * (((i4) / 2)) + 16 * (((i4) % 2))];
		y0[j] = v0;
	}
	d2v_store(p1 + 2048 * i0 + 128 * i1 + 8 * i2 + 4 * i3 + e4, y0);
}
