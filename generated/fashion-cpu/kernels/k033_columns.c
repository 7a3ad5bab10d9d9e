/* k033_columns: 1.246e+06 flops, 1.582e+06 bytes a launch
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k033_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p1 = p[1]; /* f32[B:64, N_m:8] */
	const float *restrict p2 = p[2]; /* f32[B:64, N_m:8] */
	const float *restrict p3 = p[3]; /* f32[B:64, N_m:8] */
	const float *restrict p4 = p[4]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p5 = p[5]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p6 = p[6]; /* f32[D:128] */
	float *restrict p7 = p[7]; /* f32[B:64, N_m:8, D:128], written */
	const float *restrict p8 = p[8]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p9 = p[9]; /* f32[D:128] */
	float *restrict p10 = p[10]; /* f32[B:64, N_m:8, D:128], written */
	float *restrict p11 = p[11]; /* f32[D:128], written */
	float *restrict p12 = p[12]; /* f32[D:128], written */
	float *restrict p13 = p[13]; /* f32[D:128], written */
	float *restrict p14 = p[14]; /* f32[D:128], written */
	float part3[32][128] __attribute__((aligned(64)));
	float part6[32][128] __attribute__((aligned(64)));
	float part19[32][128] __attribute__((aligned(64)));
	float part20[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c3 = part3[chunk];
	for (int64_t i = 0; i < 128; i++)
		c3[i] = 0;
	float *restrict c6 = part6[chunk];
	for (int64_t i = 0; i < 128; i++)
		c6[i] = 0;
	float *restrict c19 = part19[chunk];
	for (int64_t i = 0; i < 128; i++)
		c19[i] = 0;
	float *restrict c20 = part20[chunk];
	for (int64_t i = 0; i < 128; i++)
		c20[i] = 0;
	for (int64_t row = 512L * chunk / 32; row < 512L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		float a1[128] __attribute__((aligned(64)));
		float a2[128] __attribute__((aligned(64)));
		float a4[128] __attribute__((aligned(64)));
		float r7 = 0;
		float r10 = 0;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		const float s2 = p3[i0];
		float t7[128] D2V_ALIGNED;
		float t10[128] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = p0[128 * i0 + i1] - s0;
			const float v1 = v0 * s1;
			a1[i1] = v1;
			const float v2 = s2 * p4[128 * i0 + i1];
			a2[i1] = v2;
			c3[i1] += p5[128 * i0 + i1];
			const float v4 = p5[128 * i0 + i1] * p6[i1];
			a4[i1] = v4;
			const float v5 = p5[128 * i0 + i1] * v1;
			c6[i1] += v5;
			t7[i1] = v4;
			const float v9 = v4 * v1;
			t10[i1] = v9;
		}
		r7 += d2v_sum_of(t7, 128);
		r10 += d2v_sum_of(t10, 128);
		const float v8 = r7 * 0.0078125f;
		const float v11 = r10 * 0.0078125f;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v12 = a1[i1] * v11;
			const float v13 = a4[i1] - v8;
			const float v14 = v13 - v12;
			const float v15 = s1 * v14;
			const float v16 = a2[i1] + v15;
			const float v17 = v16 * p8[128 * i0 + i1];
			const float v18 = v16 * p9[i1];
			c19[i1] += v17;
			c20[i1] += v18;
			p7[128 * i0 + i1] = v16;
			p10[128 * i0 + i1] = v18;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum3 = part3[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum3 += part3[chunk][i1];
		p11[i1] = sum3;
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum6 = part6[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum6 += part6[chunk][i1];
		p12[i1] = sum6;
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum19 = part19[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum19 += part19[chunk][i1];
		p13[i1] = sum19;
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum20 = part20[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum20 += part20[chunk][i1];
		p14[i1] = sum20;
	}
}
