/* k052_columns: 4.455e+08 flops, 3.488e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k052_columns(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, T:197, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, T:197, D:768] */
	const float *restrict p2 = p[2]; /* f32[B:128, T:197] */
	const float *restrict p3 = p[3]; /* f32[B:128, T:197] */
	const uint16_t *restrict p4 = p[4]; /* bf16[B:128, T:197, D:768] */
	const float *restrict p5 = p[5]; /* f32[D:768] */
	const float *restrict p6 = p[6]; /* f32[B:128, T:197, D:768] */
	float *restrict p7 = p[7]; /* f32[B:128, T:197, D:768], written */
	const uint8_t *restrict p8 = p[8]; /* bool[B:128] */
	const float *restrict p9 = p[9]; /* f32[D:768] */
	uint16_t *restrict p10 = p[10]; /* bf16[B:128, T:197, D:768], written */
	float *restrict p11 = p[11]; /* f32[D:768], written */
	float *restrict p12 = p[12]; /* f32[D:768], written */
	float *restrict p13 = p[13]; /* f32[D:768], written */
	float *restrict p14 = p[14]; /* f32[D:768], written */
	const float arg2 = (float)n[0].f;
	float part4[32][768] __attribute__((aligned(64)));
	float part7[32][768] __attribute__((aligned(64)));
	float part22[32][768] __attribute__((aligned(64)));
	float part23[32][768] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c4 = part4[chunk];
	for (int64_t i = 0; i < 768; i++)
		c4[i] = 0;
	float *restrict c7 = part7[chunk];
	for (int64_t i = 0; i < 768; i++)
		c7[i] = 0;
	float *restrict c22 = part22[chunk];
	for (int64_t i = 0; i < 768; i++)
		c22[i] = 0;
	float *restrict c23 = part23[chunk];
	for (int64_t i = 0; i < 768; i++)
		c23[i] = 0;
	for (int64_t row = 25216L * chunk / 32; row < 25216L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row / 197;
		const int64_t i1 = row % 197;
		float a0[768] __attribute__((aligned(64)));
		float a2[768] __attribute__((aligned(64)));
		float a5[768] __attribute__((aligned(64)));
		float r8 = 0;
		float r11 = 0;
		const float s0 = p2[197 * i0 + i1];
		const float s1 = p3[197 * i0 + i1];
		const uint8_t s2 = p8[i0];
		float t8[768] D2V_ALIGNED;
		float t11[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v0 = d2v_load_bf16(p0[151296 * i0 + 768 * i1 + i2]);
			a0[i2] = v0;
			const float v1 = p1[151296 * i0 + 768 * i1 + i2] - s0;
			const float v2 = v1 * s1;
			a2[i2] = v2;
			const float v3 = d2v_load_bf16(p4[151296 * i0 + 768 * i1 + i2]);
			c4[i2] += v3;
			const float v5 = v3 * p5[i2];
			a5[i2] = v5;
			const float v6 = v3 * v2;
			c7[i2] += v6;
			t8[i2] = v5;
			const float v10 = v5 * v2;
			t11[i2] = v10;
		}
		r8 += d2v_sum_of(t8, 768);
		r11 += d2v_sum_of(t11, 768);
		const float v9 = r8 * 0.00130208337f;
		const float v12 = r11 * 0.00130208337f;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v13 = a2[i2] * v12;
			const float v14 = a5[i2] - v9;
			const float v15 = v14 - v13;
			const float v16 = s1 * v15;
			const float v17 = p6[151296 * i0 + 768 * i1 + i2] + v16;
			const float v18 = v17 * arg2;
			const float v19 = s2 ? v18 : 0.0f;
			const float v20 = v19 * a0[i2];
			const float v21 = v19 * p9[i2];
			c22[i2] += v20;
			c23[i2] += v21;
			const uint16_t v24 = d2v_to_bf16((float)v21);
			p7[151296 * i0 + 768 * i1 + i2] = v17;
			p10[151296 * i0 + 768 * i1 + i2] = v24;
		}
	}
	}
	for (int64_t i2 = 0; i2 < 768; i2++) {
		float sum4 = part4[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum4 += part4[chunk][i2];
		p11[i2] = sum4;
	}
	for (int64_t i2 = 0; i2 < 768; i2++) {
		float sum7 = part7[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum7 += part7[chunk][i2];
		p12[i2] = sum7;
	}
	for (int64_t i2 = 0; i2 < 768; i2++) {
		float sum22 = part22[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum22 += part22[chunk][i2];
		p13[i2] = sum22;
	}
	for (int64_t i2 = 0; i2 < 768; i2++) {
		float sum23 = part23[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum23 += part23[chunk][i2];
		p14[i2] = sum23;
	}
}
