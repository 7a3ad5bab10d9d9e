/* k044_columns: 2.831e+08 flops, 2.125e+08 bytes a launch
 * 15360 rows of 768 elements, sums of columns: 96 threads a row, 660 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, N_m:120, D:768]
 *   p1  f32[B:128, N_m:120, D:768]
 *   p2  f32[B:128, N_m:120]
 *   p3  f32[B:128, N_m:120]
 *   p4  f32[B:128, N_m:120]
 *   p5  f32[B:128, N_m:120, D:768]
 *   p6  bf16[B:128, N_m:120, D:768]
 *   p7  f32[D:768]
 *   p8  f32[B:128, N_m:120, D:768]  written
 *   p9  bool[B:128]
 *   p10  f32[D:768]
 *   p11  bf16[B:128, N_m:120, D:768]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(96, 5)
k044_columns(const uint16_t *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const uint16_t *__restrict__ p6, const float *__restrict__ p7, float *__restrict__ p8, const uint8_t *__restrict__ p9, const float *__restrict__ p10, uint16_t *__restrict__ p11, float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 6);
	float c5[2][4] = {};
	float c8[2][4] = {};
	float c23[2][4] = {};
	float c24[2][4] = {};
	const int lane = threadIdx.x;
	const int first = 15360 * blockIdx.x / 660, end = 15360 * (blockIdx.x + 1) / 660;
	for (int row = first; row < end; row++) {
		const int i0 = row / 120;
		const int i1 = row % 120;
		const float s0 = p2[120 * i0 + i1];
		const float s1 = p3[120 * i0 + i1];
		const float s2 = p4[120 * i0 + i1];
		const uint8_t s3 = p9[i0];
		float a0[2][4];
		float a2[2][4];
		float a3[2][4];
		float a6[2][4];
		float t9 = 0;
		float t12 = 0;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e2 = 4 * (96 * k + lane);
			uint16_t x0[4];
			d2v_load(x0, p0 + 92160 * i0 + 768 * i1 + e2);
			float x1[4];
			d2v_load(x1, p1 + 92160 * i0 + 768 * i1 + e2);
			float x2[4];
			d2v_load(x2, p5 + 92160 * i0 + 768 * i1 + e2);
			uint16_t x3[4];
			d2v_load(x3, p6 + 92160 * i0 + 768 * i1 + e2);
			float x4[4];
			d2v_load(x4, p7 + e2);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = d2v_load_bf16(x0[j]);
				a0[k][j] = v0;
				const float v1 = x1[j] - s0;
				const float v2 = v1 * s1;
				a2[k][j] = v2;
				const float v3 = s2 * x2[j];
				a3[k][j] = v3;
				const float v4 = d2v_load_bf16(x3[j]);
				c5[k][j] += v4;
				const float v6 = v4 * x4[j];
				a6[k][j] = v6;
				const float v7 = v4 * v2;
				c8[k][j] += v7;
				t9 += v6;
				const float v11 = v6 * v2;
				t12 += v11;
			}
		}
		t9 = d2v_warp_sum(t9);
		if (lane % 32 == 0)
			part[0 + lane / 32] = t9;
		t12 = d2v_warp_sum(t12);
		if (lane % 32 == 0)
			part[3 + lane / 32] = t12;
		d2v_barrier();
		const float r9 = d2v_total<3>(part + 0);
		const float r12 = d2v_total<3>(part + 3);
		const float v10 = r9 * 0.00130208337f;
		const float v13 = r12 * 0.00130208337f;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e2 = 4 * (96 * k + lane);
			float y18[4];
			float x5[4];
			d2v_load(x5, p10 + e2);
			uint16_t y25[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v14 = a2[k][j] * v13;
				const float v15 = a6[k][j] - v10;
				const float v16 = v15 - v14;
				const float v17 = s1 * v16;
				const float v18 = a3[k][j] + v17;
				y18[j] = v18;
				const float v19 = v18 * 1.33333337f;
				const float v20 = s3 ? v19 : 0.0f;
				const float v21 = v20 * a0[k][j];
				const float v22 = v20 * x5[j];
				c23[k][j] += v21;
				c24[k][j] += v22;
				const uint16_t v25 = d2v_to_bf16((float)v22);
				y25[j] = v25;
			}
			d2v_store(p8 + 92160 * i0 + 768 * i1 + e2, y18);
			d2v_store(p11 + 92160 * i0 + 768 * i1 + e2, y25);
		}
		d2v_barrier();
	}
	float *const out = scratch + 3072ll * blockIdx.x;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 0 + e2, c5[k]);
	}
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 768 + e2, c8[k]);
	}
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 1536 + e2, c23[k]);
	}
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 2304 + e2, c24[k]);
	}
}
