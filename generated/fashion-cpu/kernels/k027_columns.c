/* k027_columns: 1.115e+06 flops, 1.318e+06 bytes a launch
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k027_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p1 = p[1]; /* f32[B:64, N_m:8] */
	const float *restrict p2 = p[2]; /* f32[B:64, N_m:8] */
	const float *restrict p3 = p[3]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p4 = p[4]; /* f32[D:128] */
	float *restrict p5 = p[5]; /* f32[B:64, N_m:8, D:128], written */
	const float *restrict p6 = p[6]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p7 = p[7]; /* f32[D:128] */
	float *restrict p8 = p[8]; /* f32[B:64, N_m:8, D:128], written */
	float *restrict p9 = p[9]; /* f32[D:128], written */
	float *restrict p10 = p[10]; /* f32[D:128], written */
	float *restrict p11 = p[11]; /* f32[D:128], written */
	float *restrict p12 = p[12]; /* f32[D:128], written */
	float part2[32][128] __attribute__((aligned(64)));
	float part5[32][128] __attribute__((aligned(64)));
	float part17[32][128] __attribute__((aligned(64)));
	float part18[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c2 = part2[chunk];
	for (int64_t i = 0; i < 128; i++)
		c2[i] = 0;
	float *restrict c5 = part5[chunk];
	for (int64_t i = 0; i < 128; i++)
		c5[i] = 0;
	float *restrict c17 = part17[chunk];
	for (int64_t i = 0; i < 128; i++)
		c17[i] = 0;
	float *restrict c18 = part18[chunk];
	for (int64_t i = 0; i < 128; i++)
		c18[i] = 0;
	for (int64_t row = 512L * chunk / 32; row < 512L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		float a1[128] __attribute__((aligned(64)));
		float a3[128] __attribute__((aligned(64)));
		float r6 = 0;
		float r9 = 0;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		float t6[128] D2V_ALIGNED;
		float t9[128] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = p0[128 * i0 + i1] - s0;
			const float v1 = v0 * s1;
			a1[i1] = v1;
			c2[i1] += p3[128 * i0 + i1];
			const float v3 = p3[128 * i0 + i1] * p4[i1];
			a3[i1] = v3;
			const float v4 = p3[128 * i0 + i1] * v1;
			c5[i1] += v4;
			t6[i1] = v3;
			const float v8 = v3 * v1;
			t9[i1] = v8;
		}
		r6 += d2v_sum_of(t6, 128);
		r9 += d2v_sum_of(t9, 128);
		const float v7 = r6 * 0.0078125f;
		const float v10 = r9 * 0.0078125f;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v11 = a1[i1] * v10;
			const float v12 = a3[i1] - v7;
			const float v13 = v12 - v11;
			const float v14 = s1 * v13;
			const float v15 = v14 * p6[128 * i0 + i1];
			const float v16 = v14 * p7[i1];
			c17[i1] += v15;
			c18[i1] += v16;
			p5[128 * i0 + i1] = v13;
			p8[128 * i0 + i1] = v16;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum2 = part2[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum2 += part2[chunk][i1];
		p9[i1] = sum2;
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum5 = part5[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum5 += part5[chunk][i1];
		p10[i1] = sum5;
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum17 = part17[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum17 += part17[chunk][i1];
		p11[i1] = sum17;
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum18 = part18[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum18 += part18[chunk][i1];
		p12[i1] = sum18;
	}
}
