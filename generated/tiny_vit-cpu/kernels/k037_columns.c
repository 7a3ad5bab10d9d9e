/* k037_columns: 1700 flops, 2744 bytes a launch
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:18  let key : [.., H, U, E] = sum(D) x as [.., U, D] * k;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k037_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, T:5, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, T:5] */
	const float *restrict p2 = p[2]; /* f32[B:2, T:5] */
	const int32_t *restrict p3 = p[3]; /* i32[B:2, T:5] */
	const float *restrict p4 = p[4]; /* f32[B:2, N_m:3, D:8] */
	const float *restrict p5 = p[5]; /* f32[B:2, T:5, D:8] */
	const float *restrict p6 = p[6]; /* f32[B:2, T:5, D:8] */
	const float *restrict p7 = p[7]; /* f32[B:2, T:5, D:8] */
	const float *restrict p8 = p[8]; /* f32[D:8] */
	float *restrict p9 = p[9]; /* f32[B:2, T:5, D:8], written */
	const float *restrict p10 = p[10]; /* f32[B:2, T:5, D:8] */
	const float *restrict p11 = p[11]; /* f32[D:8] */
	float *restrict p12 = p[12]; /* f32[B:2, T:5, D:8], written */
	float *restrict p13 = p[13]; /* f32[D:8], written */
	float *restrict p14 = p[14]; /* f32[D:8], written */
	float *restrict p15 = p[15]; /* f32[D:8], written */
	float *restrict p16 = p[16]; /* f32[D:8], written */
	float part5[8][8] __attribute__((aligned(64)));
	float part8[8][8] __attribute__((aligned(64)));
	float part21[8][8] __attribute__((aligned(64)));
	float part22[8][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 8; chunk++) {
	float *restrict c5 = part5[chunk];
	for (int64_t i = 0; i < 8; i++)
		c5[i] = 0;
	float *restrict c8 = part8[chunk];
	for (int64_t i = 0; i < 8; i++)
		c8[i] = 0;
	float *restrict c21 = part21[chunk];
	for (int64_t i = 0; i < 8; i++)
		c21[i] = 0;
	float *restrict c22 = part22[chunk];
	for (int64_t i = 0; i < 8; i++)
		c22[i] = 0;
	for (int64_t row = 10L * chunk / 8; row < 10L * (chunk + 1) / 8; row++) {
		const int64_t i0 = row / 5;
		const int64_t i1 = row % 5;
		float a1[8] __attribute__((aligned(64)));
		float a2[8] __attribute__((aligned(64)));
		float a6[8] __attribute__((aligned(64)));
		float r9 = 0;
		float r12 = 0;
		const float s0 = p1[5 * i0 + i1];
		const float s1 = p2[5 * i0 + i1];
		float t9[8] D2V_ALIGNED;
		float t12[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v0 = p0[40 * i0 + 8 * i1 + i2] - s0;
			const float v1 = v0 * s1;
			a1[i2] = v1;
			const float v2 = (p3[5 * i0 + i1] >= 0 ? p4[24 * i0 + i2 + 8 * (p3[5 * i0 + i1])] : 0.0f);
			a2[i2] = v2;
			const float v3 = p5[40 * i0 + 8 * i1 + i2] + p6[40 * i0 + 8 * i1 + i2];
			const float v4 = v3 + p7[40 * i0 + 8 * i1 + i2];
			c5[i2] += v4;
			const float v6 = v4 * p8[i2];
			a6[i2] = v6;
			const float v7 = v4 * v1;
			c8[i2] += v7;
			t9[i2] = v6;
			const float v11 = v6 * v1;
			t12[i2] = v11;
		}
		r9 += d2v_sum_of(t9, 8);
		r12 += d2v_sum_of(t12, 8);
		const float v10 = r9 * 0.125f;
		const float v13 = r12 * 0.125f;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v14 = a1[i2] * v13;
			const float v15 = a6[i2] - v10;
			const float v16 = v15 - v14;
			const float v17 = s1 * v16;
			const float v18 = a2[i2] + v17;
			const float v19 = v18 * p10[40 * i0 + 8 * i1 + i2];
			const float v20 = v18 * p11[i2];
			c21[i2] += v19;
			c22[i2] += v20;
			p9[40 * i0 + 8 * i1 + i2] = v18;
			p12[40 * i0 + 8 * i1 + i2] = v20;
		}
	}
	}
	for (int64_t i2 = 0; i2 < 8; i2++) {
		float sum5 = part5[0][i2];
		for (int chunk = 1; chunk < 8; chunk++)
			sum5 += part5[chunk][i2];
		p13[i2] = sum5;
	}
	for (int64_t i2 = 0; i2 < 8; i2++) {
		float sum8 = part8[0][i2];
		for (int chunk = 1; chunk < 8; chunk++)
			sum8 += part8[chunk][i2];
		p14[i2] = sum8;
	}
	for (int64_t i2 = 0; i2 < 8; i2++) {
		float sum21 = part21[0][i2];
		for (int chunk = 1; chunk < 8; chunk++)
			sum21 += part21[chunk][i2];
		p15[i2] = sum21;
	}
	for (int64_t i2 = 0; i2 < 8; i2++) {
		float sum22 = part22[0][i2];
		for (int chunk = 1; chunk < 8; chunk++)
			sum22 += part22[chunk][i2];
		p16[i2] = sum22;
	}
}
