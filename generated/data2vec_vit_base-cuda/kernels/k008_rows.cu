/* k008_rows: 2.131e+08 flops, 2.324e+08 bytes a launch
 * 25216 rows of 768 elements: a warp a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, T:197, D:768]
 *   p1  f32[D:768]
 *   p2  f32[B:128, T:197, D:768]
 *   p3  f32[B:128, T:197, D:768]  written
 *   p4  f32[D:768]
 *   p5  f32[D:768]
 *   p6  bf16[B:128, T:197, D:768]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(128)
k008_rows(const uint16_t *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, uint16_t *__restrict__ p6)
{
	const int lane = threadIdx.x % 32;
	const int row = blockIdx.x * 4 + threadIdx.x / 32;
	const int i0 = row;
	float a2[6][4];
	float a5[6][4];
	float t3 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e1 = 4 * (32 * k + lane);
		uint16_t x0[4];
		d2v_load(x0, p0 + 768 * i0 + e1);
		float x1[4];
		d2v_load(x1, p1 + e1);
		float x2[4];
		d2v_load(x2, p2 + 768 * i0 + e1);
		float y2[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = d2v_load_bf16(x0[j]);
			const float v1 = x1[j] * v0;
			const float v2 = x2[j] + v1;
			a2[k][j] = v2;
			y2[j] = v2;
			t3 += v2;
		}
		d2v_store(p3 + 768 * i0 + e1, y2);
	}
	const float r3 = d2v_warp_sum(t3);
	const float v4 = r3 * 0.00130208337f;
	float t7 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v5 = a2[k][j] - v4;
			a5[k][j] = v5;
			const float v6 = v5 * v5;
			t7 += v6;
		}
	}
	const float r7 = d2v_warp_sum(t7);
	const float v8 = r7 * 0.00130208337f;
	const float v9 = v8 + 9.99999997e-07f;
	const float v10 = d2v_rsqrt(v9);
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e1 = 4 * (32 * k + lane);
		float x3[4];
		d2v_load(x3, p4 + e1);
		float x4[4];
		d2v_load(x4, p5 + e1);
		uint16_t y14[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v11 = a5[k][j] * v10;
			const float v12 = v11 * x3[j];
			const float v13 = v12 + x4[j];
			const uint16_t v14 = d2v_to_bf16((float)v13);
			y14[j] = v14;
		}
		d2v_store(p6 + 768 * i0 + e1, y14);
	}
}
