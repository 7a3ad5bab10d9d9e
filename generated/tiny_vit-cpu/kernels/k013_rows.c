/* k013_rows: 680 flops, 1072 bytes a launch
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k013_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N:4, D:8] */
	const float *restrict p1 = p[1]; /* f32[D:8] */
	float *restrict p2 = p[2]; /* f32[B:2, T:5, D:8], written */
	float *restrict p3 = p[3]; /* f32[B:2, T:5], written */
	float *restrict p4 = p[4]; /* f32[B:2, T:5], written */
	const float *restrict p5 = p[5]; /* f32[D:8] */
	const float *restrict p6 = p[6]; /* f32[D:8] */
	float *restrict p7 = p[7]; /* f32[B:2, T:5, D:8], written */
	for (int64_t row = 0; row < 10; row++) {
		const int64_t i0 = row / 5;
		const int64_t i1 = row % 5;
		float a0[8] __attribute__((aligned(64)));
		float r1 = 0;
		float a3[8] __attribute__((aligned(64)));
		float r5 = 0;
		float t1[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v0 = (i1 < 1 ? p1[i2] : p0[32 * i0 + 8 * i1 + i2 - 8]);
			a0[i2] = v0;
			t1[i2] = v0;
			p2[40 * i0 + 8 * i1 + i2] = v0;
		}
		r1 += d2v_sum_of(t1, 8);
		const float v2 = r1 * 0.125f;
		p3[5 * i0 + i1] = v2;
		float t5[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v3 = a0[i2] - v2;
			a3[i2] = v3;
			const float v4 = v3 * v3;
			t5[i2] = v4;
		}
		r5 += d2v_sum_of(t5, 8);
		const float v6 = r5 * 0.125f;
		const float v7 = v6 + 9.99999997e-07f;
		const float v8 = d2v_rsqrt(v7);
		p4[5 * i0 + i1] = v8;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v9 = a3[i2] * v8;
			const float v10 = v9 * p5[i2];
			const float v11 = v10 + p6[i2];
			p7[40 * i0 + 8 * i1 + i2] = v11;
		}
	}
}
