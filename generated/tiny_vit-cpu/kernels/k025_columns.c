/* k025_columns: 1460 flops, 1808 bytes a launch
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k025_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, T:5, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, T:5] */
	const float *restrict p2 = p[2]; /* f32[B:2, T:5] */
	const float *restrict p3 = p[3]; /* f32[B:2, N:4, D:8] */
	const float *restrict p4 = p[4]; /* f32[D:8] */
	float *restrict p5 = p[5]; /* f32[B:2, T:5, D:8], written */
	const float *restrict p6 = p[6]; /* f32[B:2, T:5, D:8] */
	const float *restrict p7 = p[7]; /* f32[D:8] */
	float *restrict p8 = p[8]; /* f32[B:2, T:5, D:8], written */
	float *restrict p9 = p[9]; /* f32[D:8], written */
	float *restrict p10 = p[10]; /* f32[D:8], written */
	float *restrict p11 = p[11]; /* f32[D:8], written */
	float *restrict p12 = p[12]; /* f32[D:8], written */
	float part3[8][8] __attribute__((aligned(64)));
	float part6[8][8] __attribute__((aligned(64)));
	float part18[8][8] __attribute__((aligned(64)));
	float part19[8][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 8; chunk++) {
	float *restrict c3 = part3[chunk];
	for (int64_t i = 0; i < 8; i++)
		c3[i] = 0;
	float *restrict c6 = part6[chunk];
	for (int64_t i = 0; i < 8; i++)
		c6[i] = 0;
	float *restrict c18 = part18[chunk];
	for (int64_t i = 0; i < 8; i++)
		c18[i] = 0;
	float *restrict c19 = part19[chunk];
	for (int64_t i = 0; i < 8; i++)
		c19[i] = 0;
	for (int64_t row = 10L * chunk / 8; row < 10L * (chunk + 1) / 8; row++) {
		const int64_t i0 = row / 5;
		const int64_t i1 = row % 5;
		float a1[8] __attribute__((aligned(64)));
		float a4[8] __attribute__((aligned(64)));
		float r7 = 0;
		float r10 = 0;
		const float s0 = p1[5 * i0 + i1];
		const float s1 = p2[5 * i0 + i1];
		float t7[8] D2V_ALIGNED;
		float t10[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v0 = p0[40 * i0 + 8 * i1 + i2] - s0;
			const float v1 = v0 * s1;
			a1[i2] = v1;
			const float v2 = (i1 >= 1 ? p3[32 * i0 + 8 * i1 + i2 - 8] : 0.0f);
			c3[i2] += v2;
			const float v4 = v2 * p4[i2];
			a4[i2] = v4;
			const float v5 = v2 * v1;
			c6[i2] += v5;
			t7[i2] = v4;
			const float v9 = v4 * v1;
			t10[i2] = v9;
		}
		r7 += d2v_sum_of(t7, 8);
		r10 += d2v_sum_of(t10, 8);
		const float v8 = r7 * 0.125f;
		const float v11 = r10 * 0.125f;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v12 = a1[i2] * v11;
			const float v13 = a4[i2] - v8;
			const float v14 = v13 - v12;
			const float v15 = s1 * v14;
			const float v16 = v15 * p6[40 * i0 + 8 * i1 + i2];
			const float v17 = v15 * p7[i2];
			c18[i2] += v16;
			c19[i2] += v17;
			p5[40 * i0 + 8 * i1 + i2] = v14;
			p8[40 * i0 + 8 * i1 + i2] = v17;
		}
	}
	}
	for (int64_t i2 = 0; i2 < 8; i2++) {
		float sum3 = part3[0][i2];
		for (int chunk = 1; chunk < 8; chunk++)
			sum3 += part3[chunk][i2];
		p9[i2] = sum3;
	}
	for (int64_t i2 = 0; i2 < 8; i2++) {
		float sum6 = part6[0][i2];
		for (int chunk = 1; chunk < 8; chunk++)
			sum6 += part6[chunk][i2];
		p10[i2] = sum6;
	}
	for (int64_t i2 = 0; i2 < 8; i2++) {
		float sum18 = part18[0][i2];
		for (int chunk = 1; chunk < 8; chunk++)
			sum18 += part18[chunk][i2];
		p11[i2] = sum18;
	}
	for (int64_t i2 = 0; i2 < 8; i2++) {
		float sum19 = part19[0][i2];
		for (int chunk = 1; chunk < 8; chunk++)
			sum19 += part19[chunk][i2];
		p12[i2] = sum19;
	}
}
