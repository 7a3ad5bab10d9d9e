/* k052_columns: 4.455e+08 flops, 3.488e+08 bytes a launch
 * 25216 rows of 768 elements, sums of columns: 96 threads a row, 660 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, T:197, D:768]
 *   p1  f32[B:128, T:197, D:768]
 *   p2  f32[B:128, T:197]
 *   p3  f32[B:128, T:197]
 *   p4  bf16[B:128, T:197, D:768]
 *   p5  f32[D:768]
 *   p6  f32[B:128, T:197, D:768]
 *   p7  f32[B:128, T:197, D:768]  written
 *   p8  bool[B:128]
 *   p9  f32[D:768]
 *   p10  bf16[B:128, T:197, D:768]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(96, 5)
k052_columns(const uint16_t *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const uint16_t *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, float *__restrict__ p7, const uint8_t *__restrict__ p8, const float *__restrict__ p9, uint16_t *__restrict__ p10, float *__restrict__ scratch, float arg2)
{
	D2V_SHARED(float, part, 6);
	float c4[2][4] = {};
	float c7[2][4] = {};
	float c22[2][4] = {};
	float c23[2][4] = {};
	const int lane = threadIdx.x;
	const int first = 25216 * blockIdx.x / 660, end = 25216 * (blockIdx.x + 1) / 660;
	for (int row = first; row < end; row++) {
		const int i0 = row / 197;
		const int i1 = row % 197;
		const float s0 = p2[197 * i0 + i1];
		const float s1 = p3[197 * i0 + i1];
		const uint8_t s2 = p8[i0];
		float x4[2][4];
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e2 = 4 * (96 * k + lane);
			d2v_load(x4[k], p6 + 151296 * i0 + 768 * i1 + e2);
		}
		float a0[2][4];
		float a2[2][4];
		float a5[2][4];
		float t8 = 0;
		float t11 = 0;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e2 = 4 * (96 * k + lane);
			uint16_t x0[4];
			d2v_load(x0, p0 + 151296 * i0 + 768 * i1 + e2);
			float x1[4];
			d2v_load(x1, p1 + 151296 * i0 + 768 * i1 + e2);
			uint16_t x2[4];
			d2v_load(x2, p4 + 151296 * i0 + 768 * i1 + e2);
			float x3[4];
			d2v_load(x3, p5 + e2);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = d2v_load_bf16(x0[j]);
				a0[k][j] = v0;
				const float v1 = x1[j] - s0;
				const float v2 = v1 * s1;
				a2[k][j] = v2;
				const float v3 = d2v_load_bf16(x2[j]);
				c4[k][j] += v3;
				const float v5 = v3 * x3[j];
				a5[k][j] = v5;
				const float v6 = v3 * v2;
				c7[k][j] += v6;
				t8 += v5;
				const float v10 = v5 * v2;
				t11 += v10;
			}
		}
		t8 = d2v_warp_sum(t8);
		if (lane % 32 == 0)
			part[0 + lane / 32] = t8;
		t11 = d2v_warp_sum(t11);
		if (lane % 32 == 0)
			part[3 + lane / 32] = t11;
		d2v_barrier();
		const float r8 = d2v_total<3>(part + 0);
		const float r11 = d2v_total<3>(part + 3);
		const float v9 = r8 * 0.00130208337f;
		const float v12 = r11 * 0.00130208337f;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e2 = 4 * (96 * k + lane);
			float y17[4];
			float x5[4];
			d2v_load(x5, p9 + e2);
			uint16_t y24[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v13 = a2[k][j] * v12;
				const float v14 = a5[k][j] - v9;
				const float v15 = v14 - v13;
				const float v16 = s1 * v15;
				const float v17 = x4[k][j] + v16;
				y17[j] = v17;
				const float v18 = v17 * arg2;
				const float v19 = s2 ? v18 : 0.0f;
				const float v20 = v19 * a0[k][j];
				const float v21 = v19 * x5[j];
				c22[k][j] += v20;
				c23[k][j] += v21;
				const uint16_t v24 = d2v_to_bf16((float)v21);
				y24[j] = v24;
			}
			d2v_store(p7 + 151296 * i0 + 768 * i1 + e2, y17);
			d2v_store(p10 + 151296 * i0 + 768 * i1 + e2, y24);
		}
		d2v_barrier();
	}
	float *const out = scratch + 3072ll * blockIdx.x;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 0 + e2, c4[k]);
	}
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 768 + e2, c7[k]);
	}
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 1536 + e2, c22[k]);
	}
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 2304 + e2, c23[k]);
	}
}
