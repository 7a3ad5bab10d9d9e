/* k039_columns: 1460 flops, 2192 bytes a launch
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k039_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, T:5, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, T:5] */
	const float *restrict p2 = p[2]; /* f32[B:2, T:5] */
	const float *restrict p3 = p[3]; /* f32[B:2, T:5, D:8] */
	const float *restrict p4 = p[4]; /* f32[D:8] */
	const float *restrict p5 = p[5]; /* f32[B:2, T:5, D:8] */
	float *restrict p6 = p[6]; /* f32[B:2, T:5, D:8], written */
	const float *restrict p7 = p[7]; /* f32[B:2, T:5, D:8] */
	const float *restrict p8 = p[8]; /* f32[D:8] */
	float *restrict p9 = p[9]; /* f32[B:2, T:5, D:8], written */
	float *restrict p10 = p[10]; /* f32[D:8], written */
	float *restrict p11 = p[11]; /* f32[D:8], written */
	float *restrict p12 = p[12]; /* f32[D:8], written */
	float *restrict p13 = p[13]; /* f32[D:8], written */
	float part2[8][8] __attribute__((aligned(64)));
	float part5[8][8] __attribute__((aligned(64)));
	float part18[8][8] __attribute__((aligned(64)));
	float part19[8][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 8; chunk++) {
	float *restrict c2 = part2[chunk];
	for (int64_t i = 0; i < 8; i++)
		c2[i] = 0;
	float *restrict c5 = part5[chunk];
	for (int64_t i = 0; i < 8; i++)
		c5[i] = 0;
	float *restrict c18 = part18[chunk];
	for (int64_t i = 0; i < 8; i++)
		c18[i] = 0;
	float *restrict c19 = part19[chunk];
	for (int64_t i = 0; i < 8; i++)
		c19[i] = 0;
	for (int64_t row = 10L * chunk / 8; row < 10L * (chunk + 1) / 8; row++) {
		const int64_t i0 = row;
		float a1[8] __attribute__((aligned(64)));
		float a3[8] __attribute__((aligned(64)));
		float r6 = 0;
		float r9 = 0;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		float t6[8] D2V_ALIGNED;
		float t9[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v0 = p0[8 * i0 + i1] - s0;
			const float v1 = v0 * s1;
			a1[i1] = v1;
			c2[i1] += p3[8 * i0 + i1];
			const float v3 = p3[8 * i0 + i1] * p4[i1];
			a3[i1] = v3;
			const float v4 = p3[8 * i0 + i1] * v1;
			c5[i1] += v4;
			t6[i1] = v3;
			const float v8 = v3 * v1;
			t9[i1] = v8;
		}
		r6 += d2v_sum_of(t6, 8);
		r9 += d2v_sum_of(t9, 8);
		const float v7 = r6 * 0.125f;
		const float v10 = r9 * 0.125f;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v11 = a1[i1] * v10;
			const float v12 = a3[i1] - v7;
			const float v13 = v12 - v11;
			const float v14 = s1 * v13;
			const float v15 = p5[8 * i0 + i1] + v14;
			const float v16 = v15 * p7[8 * i0 + i1];
			const float v17 = v15 * p8[i1];
			c18[i1] += v16;
			c19[i1] += v17;
			p6[8 * i0 + i1] = v15;
			p9[8 * i0 + i1] = v17;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum2 = part2[0][i1];
		for (int chunk = 1; chunk < 8; chunk++)
			sum2 += part2[chunk][i1];
		p10[i1] = sum2;
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum5 = part5[0][i1];
		for (int chunk = 1; chunk < 8; chunk++)
			sum5 += part5[chunk][i1];
		p11[i1] = sum5;
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum18 = part18[0][i1];
		for (int chunk = 1; chunk < 8; chunk++)
			sum18 += part18[chunk][i1];
		p12[i1] = sum18;
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum19 = part19[0][i1];
		for (int chunk = 1; chunk < 8; chunk++)
			sum19 += part19[chunk][i1];
		p13[i1] = sum19;
	}
}
