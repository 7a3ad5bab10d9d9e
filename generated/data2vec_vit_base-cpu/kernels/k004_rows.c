/* k004_rows: 1.744e+08 flops, 1.933e+08 bytes a launch
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k004_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:196, D:768] */
	const float *restrict p1 = p[1]; /* f32[D:768] */
	float *restrict p2 = p[2]; /* f32[B:128, T:197, D:768], written */
	const float *restrict p3 = p[3]; /* f32[D:768] */
	const float *restrict p4 = p[4]; /* f32[D:768] */
	uint16_t *restrict p5 = p[5]; /* bf16[B:128, T:197, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 25216; row++) {
		const int64_t i0 = row / 197;
		const int64_t i1 = row % 197;
		float a0[768] __attribute__((aligned(64)));
		float r1 = 0;
		float a3[768] __attribute__((aligned(64)));
		float r5 = 0;
		float t1[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v0 = (i1 < 1 ? p1[i2] : p0[150528 * i0 + 768 * i1 + i2 - 768]);
			a0[i2] = v0;
			t1[i2] = v0;
			p2[151296 * i0 + 768 * i1 + i2] = v0;
		}
		r1 += d2v_sum_of(t1, 768);
		const float v2 = r1 * 0.00130208337f;
		float t5[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v3 = a0[i2] - v2;
			a3[i2] = v3;
			const float v4 = v3 * v3;
			t5[i2] = v4;
		}
		r5 += d2v_sum_of(t5, 768);
		const float v6 = r5 * 0.00130208337f;
		const float v7 = v6 + 9.99999997e-07f;
		const float v8 = d2v_rsqrt(v7);
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v9 = a3[i2] * v8;
			const float v10 = v9 * p3[i2];
			const float v11 = v10 + p4[i2];
			const uint16_t v12 = d2v_to_bf16((float)v11);
			p5[151296 * i0 + 768 * i1 + i2] = v12;
		}
	}
}
