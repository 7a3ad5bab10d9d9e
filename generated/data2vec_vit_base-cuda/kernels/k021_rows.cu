/* k021_rows: 2.359e+07 flops, 1.011e+08 bytes a launch
 * Elementwise over 184320 x 64, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[B:128, N_m:120]
 *   p1  f32[B:128, T:197, H:12, E:64]
 *   p2  bf16[B:128, H:12, N_m:120, E:64]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k021_rows(const int32_t *__restrict__ p0, const float *__restrict__ p1, uint16_t *__restrict__ p2)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 8;
	const int lane = thread % 8;
	const int i0 = row / 1440;
	const int i1 = row / 120 % 12;
	const int i2 = row % 120;
	const int e3 = 8 * lane;
	float x0[8] = {};
	if (p0[120 * i0 + i2] >= 0)
		d2v_load(x0, p1 + 151296 * i0 + 64 * i1 + e3 + 768 * (p0[120 * i0 + i2]));
	uint16_t y1[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const float v0 = (p0[120 * i0 + i2] >= 0 ? x0[j] : 0.0f);
		const uint16_t v1 = d2v_to_bf16((float)v0);
		y1[j] = v1;
	}
	d2v_store(p2 + 92160 * i0 + 7680 * i1 + 64 * i2 + e3, y1);
}
