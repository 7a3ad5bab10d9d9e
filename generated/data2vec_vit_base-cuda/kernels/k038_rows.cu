/* k038_rows: 8.258e+07 flops, 1.18e+08 bytes a launch
 * Elementwise over 15360 x 768, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N_m:120, D:768]
 *   p1  f32[B:128, N_m:120]
 *   p2  f32[B:128, N_m:120, D:768]  written
 *   p3  bf16[B:128, N_m:120, D:768]  written
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k038_rows(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, uint16_t *__restrict__ p3)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 96;
	const int lane = thread % 96;
	const int i0 = row;
	const float s0 = p1[i0];
	const int e1 = 8 * lane;
	float x0[8];
	d2v_load(x0, p0 + 768 * i0 + e1);
	float y5[8];
	uint16_t y6[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const float v0 = d2v_abs(x0[j]);
		const uint8_t v1 = v0 < 2.0f;
		const float v2 = d2v_sign(x0[j]);
		const float v3 = x0[j] * 0.5f;
		const float v4 = v1 ? v3 : v2;
		const float v5 = s0 * v4;
		y5[j] = v5;
		const uint16_t v6 = d2v_to_bf16((float)v5);
		y6[j] = v6;
	}
	d2v_store(p2 + 768 * i0 + e1, y5);
	d2v_store(p3 + 768 * i0 + e1, y6);
}
