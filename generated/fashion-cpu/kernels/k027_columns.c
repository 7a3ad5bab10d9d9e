/* k027_columns: 5.018e+06 flops, 5.526e+06 bytes a launch
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/fashion.d2v:44  return sum(D) last(z[L - 1]) at N * head + headb;
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k027_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, T:17, D:128] */
	const float *restrict p1 = p[1]; /* f32[B:128, T:17] */
	const float *restrict p2 = p[2]; /* f32[B:128, T:17] */
	const float *restrict p3 = p[3]; /* f32[B:128, N:16, D:128] */
	const float *restrict p4 = p[4]; /* f32[D:128] */
	float *restrict p5 = p[5]; /* f32[B:128, T:17, D:128], written */
	const float *restrict p6 = p[6]; /* f32[B:128, T:17, D:128] */
	const float *restrict p7 = p[7]; /* f32[D:128] */
	float *restrict p8 = p[8]; /* f32[B:128, T:17, D:128], written */
	float *restrict p9 = p[9]; /* f32[D:128], written */
	float *restrict p10 = p[10]; /* f32[D:128], written */
	float *restrict p11 = p[11]; /* f32[D:128], written */
	float *restrict p12 = p[12]; /* f32[D:128], written */
	float part3[32][128] __attribute__((aligned(64)));
	float part6[32][128] __attribute__((aligned(64)));
	float part18[32][128] __attribute__((aligned(64)));
	float part19[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c3 = part3[chunk];
	for (int64_t i = 0; i < 128; i++)
		c3[i] = 0;
	float *restrict c6 = part6[chunk];
	for (int64_t i = 0; i < 128; i++)
		c6[i] = 0;
	float *restrict c18 = part18[chunk];
	for (int64_t i = 0; i < 128; i++)
		c18[i] = 0;
	float *restrict c19 = part19[chunk];
	for (int64_t i = 0; i < 128; i++)
		c19[i] = 0;
	for (int64_t row = 2176L * chunk / 32; row < 2176L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row / 17;
		const int64_t i1 = row % 17;
		float a1[128] __attribute__((aligned(64)));
		float a4[128] __attribute__((aligned(64)));
		float r7 = 0;
		float r10 = 0;
		const float s0 = p1[17 * i0 + i1];
		const float s1 = p2[17 * i0 + i1];
		float t7[128] D2V_ALIGNED;
		float t10[128] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 128; i2++) {
			const float v0 = p0[2176 * i0 + 128 * i1 + i2] - s0;
			const float v1 = v0 * s1;
			a1[i2] = v1;
			const float v2 = (i1 >= 1 ? p3[2048 * i0 + 128 * i1 + i2 - 128] : 0.0f);
			c3[i2] += v2;
			const float v4 = v2 * p4[i2];
			a4[i2] = v4;
			const float v5 = v2 * v1;
			c6[i2] += v5;
			t7[i2] = v4;
			const float v9 = v4 * v1;
			t10[i2] = v9;
		}
		r7 += d2v_sum_of(t7, 128);
		r10 += d2v_sum_of(t10, 128);
		const float v8 = r7 * 0.0078125f;
		const float v11 = r10 * 0.0078125f;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 128; i2++) {
			const float v12 = a1[i2] * v11;
			const float v13 = a4[i2] - v8;
			const float v14 = v13 - v12;
			const float v15 = s1 * v14;
			const float v16 = v15 * p6[2176 * i0 + 128 * i1 + i2];
			const float v17 = v15 * p7[i2];
			c18[i2] += v16;
			c19[i2] += v17;
			p5[2176 * i0 + 128 * i1 + i2] = v14;
			p8[2176 * i0 + 128 * i1 + i2] = v17;
		}
	}
	}
	for (int64_t i2 = 0; i2 < 128; i2++) {
		float sum3 = part3[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum3 += part3[chunk][i2];
		p9[i2] = sum3;
	}
	for (int64_t i2 = 0; i2 < 128; i2++) {
		float sum6 = part6[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum6 += part6[chunk][i2];
		p10[i2] = sum6;
	}
	for (int64_t i2 = 0; i2 < 128; i2++) {
		float sum18 = part18[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum18 += part18[chunk][i2];
		p11[i2] = sum18;
	}
	for (int64_t i2 = 0; i2 < 128; i2++) {
		float sum19 = part19[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum19 += part19[chunk][i2];
		p12[i2] = sum19;
	}
}
