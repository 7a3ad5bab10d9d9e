/* k027_rows: 1.652e+08 flops, 1.72e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k027_rows(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, N_m:120, D:768] */
	const float *restrict p1 = p[1]; /* f32[D:768] */
	const uint8_t *restrict p2 = p[2]; /* bool[B:128] */
	const int32_t *restrict p3 = p[3]; /* i32[B:128, N_m:120] */
	const float *restrict p4 = p[4]; /* f32[B:128, T:197, D:768] */
	float *restrict p5 = p[5]; /* f32[B:128, N_m:120, D:768], written */
	float *restrict p6 = p[6]; /* f32[B:128, N_m:120], written */
	float *restrict p7 = p[7]; /* f32[B:128, N_m:120], written */
	const float *restrict p8 = p[8]; /* f32[D:768] */
	const float *restrict p9 = p[9]; /* f32[D:768] */
	uint16_t *restrict p10 = p[10]; /* bf16[B:128, N_m:120, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 15360; row++) {
		const int64_t i0 = row / 120;
		const int64_t i1 = row % 120;
		float a5[768] __attribute__((aligned(64)));
		float r6 = 0;
		float a8[768] __attribute__((aligned(64)));
		float r10 = 0;
		const uint8_t s0 = p2[i0];
		float t6[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v0 = d2v_load_bf16(p0[92160 * i0 + 768 * i1 + i2]);
			const float v1 = p1[i2] * v0;
			const float v2 = s0 ? v1 : 0.0f;
			const float v3 = v2 * 1.33333337f;
			const float v4 = (p3[120 * i0 + i1] >= 0 ? p4[151296 * i0 + i2 + 768 * (p3[120 * i0 + i1])] : 0.0f);
			const float v5 = v4 + v3;
			a5[i2] = v5;
			t6[i2] = v5;
			p5[92160 * i0 + 768 * i1 + i2] = v5;
		}
		r6 += d2v_sum_of(t6, 768);
		const float v7 = r6 * 0.00130208337f;
		p6[120 * i0 + i1] = v7;
		float t10[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v8 = a5[i2] - v7;
			a8[i2] = v8;
			const float v9 = v8 * v8;
			t10[i2] = v9;
		}
		r10 += d2v_sum_of(t10, 768);
		const float v11 = r10 * 0.00130208337f;
		const float v12 = v11 + 9.99999997e-07f;
		const float v13 = d2v_rsqrt(v12);
		p7[120 * i0 + i1] = v13;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v14 = a8[i2] * v13;
			const float v15 = v14 * p8[i2];
			const float v16 = v15 + p9[i2];
			const uint16_t v17 = d2v_to_bf16((float)v16);
			p10[92160 * i0 + 768 * i1 + i2] = v17;
		}
	}
}
