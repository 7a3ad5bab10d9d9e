/* k023_rows: 1.652e+08 flops, 1.72e+08 bytes a launch
 * 15360 rows of 768 elements: a warp a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, N_m:120, D:768]
 *   p1  f32[D:768]
 *   p2  bool[B:128]
 *   p3  i32[B:128, N_m:120]
 *   p4  f32[B:128, T:197, D:768]
 *   p5  f32[B:128, N_m:120, D:768]  written
 *   p6  f32[B:128, N_m:120]  written
 *   p7  f32[B:128, N_m:120]  written
 *   p8  f32[D:768]
 *   p9  f32[D:768]
 *   p10  bf16[B:128, N_m:120, D:768]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(128)
k023_rows(const uint16_t *__restrict__ p0, const float *__restrict__ p1, const uint8_t *__restrict__ p2, const int32_t *__restrict__ p3, const float *__restrict__ p4, float *__restrict__ p5, float *__restrict__ p6, float *__restrict__ p7, const float *__restrict__ p8, const float *__restrict__ p9, uint16_t *__restrict__ p10)
{
	const int lane = threadIdx.x % 32;
	const int row = blockIdx.x * 4 + threadIdx.x / 32;
	const int i0 = row / 120;
	const int i1 = row % 120;
	const uint8_t s0 = p2[i0];
	float a5[6][4];
	float a8[6][4];
	float t6 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e2 = 4 * (32 * k + lane);
		uint16_t x0[4];
		d2v_load(x0, p0 + 92160 * i0 + 768 * i1 + e2);
		float x1[4];
		d2v_load(x1, p1 + e2);
		float x2[4] = {};
		if (p3[120 * i0 + i1] >= 0)
			d2v_load(x2, p4 + 151296 * i0 + e2 + 768 * (p3[120 * i0 + i1]));
		float y5[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = d2v_load_bf16(x0[j]);
			const float v1 = x1[j] * v0;
			const float v2 = s0 ? v1 : 0.0f;
			const float v3 = v2 * 1.33333337f;
			const float v4 = (p3[120 * i0 + i1] >= 0 ? x2[j] : 0.0f);
			const float v5 = v4 + v3;
			a5[k][j] = v5;
			y5[j] = v5;
			t6 += v5;
		}
		d2v_store(p5 + 92160 * i0 + 768 * i1 + e2, y5);
	}
	const float r6 = d2v_warp_sum(t6);
	const float v7 = r6 * 0.00130208337f;
	if (lane == 0)
		p6[120 * i0 + i1] = v7;
	float t10 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v8 = a5[k][j] - v7;
			a8[k][j] = v8;
			const float v9 = v8 * v8;
			t10 += v9;
		}
	}
	const float r10 = d2v_warp_sum(t10);
	const float v11 = r10 * 0.00130208337f;
	const float v12 = v11 + 9.99999997e-07f;
	const float v13 = d2v_rsqrt(v12);
	if (lane == 0)
		p7[120 * i0 + i1] = v13;
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e2 = 4 * (32 * k + lane);
		float x3[4];
		d2v_load(x3, p8 + e2);
		float x4[4];
		d2v_load(x4, p9 + e2);
		uint16_t y17[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v14 = a8[k][j] * v13;
			const float v15 = v14 * x3[j];
			const float v16 = v15 + x4[j];
			const uint16_t v17 = d2v_to_bf16((float)v16);
			y17[j] = v17;
		}
		d2v_store(p10 + 92160 * i0 + 768 * i1 + e2, y17);
	}
}
