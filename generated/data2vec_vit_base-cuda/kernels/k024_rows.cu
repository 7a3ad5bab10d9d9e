/* k024_rows: 1.534e+08 flops, 1.417e+08 bytes a launch
 * 15360 rows of 768 elements: a warp a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, N_m:120, D:768]
 *   p1  f32[D:768]
 *   p2  bool[B:128]
 *   p3  f32[B:128, N_m:120, D:768]
 *   p4  f32[B:128, N_m:120, D:768]  written
 *   p5  f32[B:128, N_m:120]  written
 *   p6  f32[B:128, N_m:120]  written
 *   p7  f32[D:768]
 *   p8  f32[D:768]
 *   p9  bf16[B:128, N_m:120, D:768]  written
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(128)
k024_rows(const uint16_t *__restrict__ p0, const float *__restrict__ p1, const uint8_t *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4, float *__restrict__ p5, float *__restrict__ p6, const float *__restrict__ p7, const float *__restrict__ p8, uint16_t *__restrict__ p9)
{
	const int lane = threadIdx.x % 32;
	const int row = blockIdx.x * 4 + threadIdx.x / 32;
	const int i0 = row / 120;
	const int i1 = row % 120;
	const uint8_t s0 = p2[i0];
	float a4[6][4];
	float a7[6][4];
	float t5 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e2 = 4 * (32 * k + lane);
		uint16_t x0[4];
		d2v_load(x0, p0 + 92160 * i0 + 768 * i1 + e2);
		float x1[4];
		d2v_load(x1, p1 + e2);
		float x2[4];
		d2v_load(x2, p3 + 92160 * i0 + 768 * i1 + e2);
		float y4[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = d2v_load_bf16(x0[j]);
			const float v1 = x1[j] * v0;
			const float v2 = s0 ? v1 : 0.0f;
			const float v3 = v2 * 1.33333337f;
			const float v4 = x2[j] + v3;
			a4[k][j] = v4;
			y4[j] = v4;
			t5 += v4;
		}
		d2v_store(p4 + 92160 * i0 + 768 * i1 + e2, y4);
	}
	const float r5 = d2v_warp_sum(t5);
	const float v6 = r5 * 0.00130208337f;
	if (lane == 0)
		p5[120 * i0 + i1] = v6;
	float t9 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v7 = a4[k][j] - v6;
			a7[k][j] = v7;
			const float v8 = v7 * v7;
			t9 += v8;
		}
	}
	const float r9 = d2v_warp_sum(t9);
	const float v10 = r9 * 0.00130208337f;
	const float v11 = v10 + 9.99999997e-07f;
	const float v12 = d2v_rsqrt(v11);
	if (lane == 0)
		p6[120 * i0 + i1] = v12;
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e2 = 4 * (32 * k + lane);
		float x3[4];
		d2v_load(x3, p7 + e2);
		float x4[4];
		d2v_load(x4, p8 + e2);
		uint16_t y16[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v13 = a7[k][j] * v12;
			const float v14 = v13 * x3[j];
			const float v15 = v14 + x4[j];
			const uint16_t v16 = d2v_to_bf16((float)v15);
			y16[j] = v16;
		}
		d2v_store(p9 + 92160 * i0 + 768 * i1 + e2, y16);
	}
}
