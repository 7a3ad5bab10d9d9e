/* k028_rows: 1.534e+08 flops, 1.417e+08 bytes a launch
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k028_rows(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, N_m:120, D:768] */
	const float *restrict p1 = p[1]; /* f32[D:768] */
	const uint8_t *restrict p2 = p[2]; /* bool[B:128] */
	const float *restrict p3 = p[3]; /* f32[B:128, N_m:120, D:768] */
	float *restrict p4 = p[4]; /* f32[B:128, N_m:120, D:768], written */
	float *restrict p5 = p[5]; /* f32[B:128, N_m:120], written */
	float *restrict p6 = p[6]; /* f32[B:128, N_m:120], written */
	const float *restrict p7 = p[7]; /* f32[D:768] */
	const float *restrict p8 = p[8]; /* f32[D:768] */
	uint16_t *restrict p9 = p[9]; /* bf16[B:128, N_m:120, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 15360; row++) {
		const int64_t i0 = row / 120;
		const int64_t i1 = row % 120;
		float a4[768] __attribute__((aligned(64)));
		float r5 = 0;
		float a7[768] __attribute__((aligned(64)));
		float r9 = 0;
		const uint8_t s0 = p2[i0];
		float t5[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v0 = d2v_load_bf16(p0[92160 * i0 + 768 * i1 + i2]);
			const float v1 = p1[i2] * v0;
			const float v2 = s0 ? v1 : 0.0f;
			const float v3 = v2 * 1.33333337f;
			const float v4 = p3[92160 * i0 + 768 * i1 + i2] + v3;
			a4[i2] = v4;
			t5[i2] = v4;
			p4[92160 * i0 + 768 * i1 + i2] = v4;
		}
		r5 += d2v_sum_of(t5, 768);
		const float v6 = r5 * 0.00130208337f;
		p5[120 * i0 + i1] = v6;
		float t9[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v7 = a4[i2] - v6;
			a7[i2] = v7;
			const float v8 = v7 * v7;
			t9[i2] = v8;
		}
		r9 += d2v_sum_of(t9, 768);
		const float v10 = r9 * 0.00130208337f;
		const float v11 = v10 + 9.99999997e-07f;
		const float v12 = d2v_rsqrt(v11);
		p6[120 * i0 + i1] = v12;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v13 = a7[i2] * v12;
			const float v14 = v13 * p7[i2];
			const float v15 = v14 + p8[i2];
			const uint16_t v16 = d2v_to_bf16((float)v15);
			p9[92160 * i0 + 768 * i1 + i2] = v16;
		}
	}
}
