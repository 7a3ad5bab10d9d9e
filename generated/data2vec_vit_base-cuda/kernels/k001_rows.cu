/* k001_rows: 1.927e+07 flops, 7.707e+07 bytes a launch
 * Elementwise over 1204224 x 16, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, C:3, Gy:14, Py:16, Gx:14, Px:16]
 *   p1  bf16[B:128, N:196, C:3, Py:16, Px:16]  written
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k001_rows(const uint16_t *__restrict__ p0, uint16_t *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 2;
	const int lane = thread % 2;
	const int i0 = row / 9408;
	const int i1 = row / 48 % 196;
	const int i2 = row / 16 % 3;
	const int i3 = row % 16;
	const int e4 = 8 * lane;
	uint16_t x0[8];
	d2v_load(x0, p0 + 150528 * i0 + 50176 * i2 + 224 * i3 + e4 + 3584 * (((i1) / 14)) + 16 * (((i1) % 14)));
	uint16_t y0[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const uint16_t v0 = x0[j];
		y0[j] = v0;
	}
	d2v_store(p1 + 150528 * i0 + 768 * i1 + 256 * i2 + 16 * i3 + e4, y0);
}
