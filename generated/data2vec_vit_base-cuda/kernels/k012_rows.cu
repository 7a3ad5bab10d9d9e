/* k012_rows: 2.359e+07 flops, 1.011e+08 bytes a launch
 * Elementwise over 15360 x 768, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[B:128, N_m:120]
 *   p1  f32[B:128, T:197, H:12, E:64]
 *   p2  bf16[B:128, N_m:120, H:12, E:64]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k012_rows(const int32_t *__restrict__ p0, const float *__restrict__ p1, uint16_t *__restrict__ p2)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 96;
	const int lane = thread % 96;
	const int i0 = row / 120;
	const int i1 = row % 120;
	const int e2 = 8 * lane;
	float x0[8] = {};
	if (p0[120 * i0 + i1] >= 0)
		d2v_load(x0, p1 + 151296 * i0 + e2 + 768 * (p0[120 * i0 + i1]));
	uint16_t y1[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const float v0 = (p0[120 * i0 + i1] >= 0 ? x0[j] : 0.0f);
		const uint16_t v1 = d2v_to_bf16((float)v0);
		y1[j] = v1;
	}
	d2v_store(p2 + 92160 * i0 + 768 * i1 + e2, y1);
}
