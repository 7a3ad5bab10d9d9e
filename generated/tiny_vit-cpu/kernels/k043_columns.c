/* k043_columns: 1300 flops, 2096 bytes a launch
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:18  let key : [.., H, U, E] = sum(D) x as [.., U, D] * k;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k043_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, T:5, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, T:5] */
	const float *restrict p2 = p[2]; /* f32[B:2, T:5] */
	const float *restrict p3 = p[3]; /* f32[B:2, T:5, D:8] */
	const float *restrict p4 = p[4]; /* f32[B:2, T:5, D:8] */
	const float *restrict p5 = p[5]; /* f32[B:2, T:5, D:8] */
	const float *restrict p6 = p[6]; /* f32[D:8] */
	const float *restrict p7 = p[7]; /* f32[B:2, T:5, D:8] */
	float *restrict p8 = p[8]; /* f32[B:2, T:5, D:8], written */
	float *restrict p9 = p[9]; /* f32[D:8], written */
	float *restrict p10 = p[10]; /* f32[D:8], written */
	float part4[8][8] __attribute__((aligned(64)));
	float part7[8][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 8; chunk++) {
	float *restrict c4 = part4[chunk];
	for (int64_t i = 0; i < 8; i++)
		c4[i] = 0;
	float *restrict c7 = part7[chunk];
	for (int64_t i = 0; i < 8; i++)
		c7[i] = 0;
	for (int64_t row = 10L * chunk / 8; row < 10L * (chunk + 1) / 8; row++) {
		const int64_t i0 = row;
		float a1[8] __attribute__((aligned(64)));
		float a5[8] __attribute__((aligned(64)));
		float r8 = 0;
		float r11 = 0;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		float t8[8] D2V_ALIGNED;
		float t11[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v0 = p0[8 * i0 + i1] - s0;
			const float v1 = v0 * s1;
			a1[i1] = v1;
			const float v2 = p3[8 * i0 + i1] + p4[8 * i0 + i1];
			const float v3 = v2 + p5[8 * i0 + i1];
			c4[i1] += v3;
			const float v5 = v3 * p6[i1];
			a5[i1] = v5;
			const float v6 = v3 * v1;
			c7[i1] += v6;
			t8[i1] = v5;
			const float v10 = v5 * v1;
			t11[i1] = v10;
		}
		r8 += d2v_sum_of(t8, 8);
		r11 += d2v_sum_of(t11, 8);
		const float v9 = r8 * 0.125f;
		const float v12 = r11 * 0.125f;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v13 = a1[i1] * v12;
			const float v14 = a5[i1] - v9;
			const float v15 = v14 - v13;
			const float v16 = s1 * v15;
			const float v17 = p7[8 * i0 + i1] + v16;
			p8[8 * i0 + i1] = v17;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum4 = part4[0][i1];
		for (int chunk = 1; chunk < 8; chunk++)
			sum4 += part4[chunk][i1];
		p9[i1] = sum4;
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum7 = part7[0][i1];
		for (int chunk = 1; chunk < 8; chunk++)
			sum7 += part7[chunk][i1];
		p10[i1] = sum7;
	}
}
