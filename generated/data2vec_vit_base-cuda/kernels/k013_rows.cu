/* k013_rows: 1.416e+08 flops, 2.191e+08 bytes a launch
 * 15360 rows of 768 elements: a warp a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, N_m:120, D:768]
 *   p1  f32[D:768]
 *   p2  i32[B:128, N_m:120]
 *   p3  f32[B:128, T:197, D:768]
 *   p4  f32[B:128, N_m:120, D:768]  written
 *   p5  f32[B:128, N_m:120, D:768]  written
 *   p6  f32[D:768]
 *   p7  f32[D:768]
 *   p8  bf16[B:128, N_m:120, D:768]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(128)
k013_rows(const uint16_t *__restrict__ p0, const float *__restrict__ p1, const int32_t *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4, float *__restrict__ p5, const float *__restrict__ p6, const float *__restrict__ p7, uint16_t *__restrict__ p8)
{
	const int lane = threadIdx.x % 32;
	const int row = blockIdx.x * 4 + threadIdx.x / 32;
	const int i0 = row / 120;
	const int i1 = row % 120;
	float a3[6][4];
	float a6[6][4];
	float t4 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e2 = 4 * (32 * k + lane);
		uint16_t x0[4];
		d2v_load(x0, p0 + 92160 * i0 + 768 * i1 + e2);
		float x1[4];
		d2v_load(x1, p1 + e2);
		float x2[4] = {};
		if (p2[120 * i0 + i1] >= 0)
			d2v_load(x2, p3 + 151296 * i0 + e2 + 768 * (p2[120 * i0 + i1]));
		float y2[4];
		float y3[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = d2v_load_bf16(x0[j]);
			const float v1 = x1[j] * v0;
			const float v2 = (p2[120 * i0 + i1] >= 0 ? x2[j] : 0.0f);
			y2[j] = v2;
			const float v3 = v2 + v1;
			a3[k][j] = v3;
			y3[j] = v3;
			t4 += v3;
		}
		d2v_store(p4 + 92160 * i0 + 768 * i1 + e2, y2);
		d2v_store(p5 + 92160 * i0 + 768 * i1 + e2, y3);
	}
	const float r4 = d2v_warp_sum(t4);
	const float v5 = r4 * 0.00130208337f;
	float t8 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v6 = a3[k][j] - v5;
			a6[k][j] = v6;
			const float v7 = v6 * v6;
			t8 += v7;
		}
	}
	const float r8 = d2v_warp_sum(t8);
	const float v9 = r8 * 0.00130208337f;
	const float v10 = v9 + 9.99999997e-07f;
	const float v11 = d2v_rsqrt(v10);
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e2 = 4 * (32 * k + lane);
		float x3[4];
		d2v_load(x3, p6 + e2);
		float x4[4];
		d2v_load(x4, p7 + e2);
		uint16_t y15[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v12 = a6[k][j] * v11;
			const float v13 = v12 * x3[j];
			const float v14 = v13 + x4[j];
			const uint16_t v15 = d2v_to_bf16((float)v14);
			y15[j] = v15;
		}
		d2v_store(p8 + 92160 * i0 + 768 * i1 + e2, y15);
	}
}
