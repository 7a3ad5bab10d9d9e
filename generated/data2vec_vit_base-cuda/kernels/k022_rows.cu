/* k022_rows: 1.18e+07 flops, 4.719e+07 bytes a launch
 * Elementwise over 184320 x 64, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, H:12, N_m:120, E:64]
 *   p1  bf16[B:128, N_m:120, H:12, E:64]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k022_rows(const uint16_t *__restrict__ p0, uint16_t *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 8;
	const int lane = thread % 8;
	const int i0 = row / 1440;
	const int i1 = row / 12 % 120;
	const int i2 = row % 12;
	const int e3 = 8 * lane;
	uint16_t x0[8];
	d2v_load(x0, p0 + 92160 * i0 + 64 * i1 + 7680 * i2 + e3);
	uint16_t y0[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const uint16_t v0 = x0[j];
		y0[j] = v0;
	}
	d2v_store(p1 + 92160 * i0 + 768 * i1 + 64 * i2 + e3, y0);
}
