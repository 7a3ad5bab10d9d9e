/* k017_rows: 1.416e+08 flops, 2.191e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k017_rows(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, N_m:120, D:768] */
	const float *restrict p1 = p[1]; /* f32[D:768] */
	const int32_t *restrict p2 = p[2]; /* i32[B:128, N_m:120] */
	const float *restrict p3 = p[3]; /* f32[B:128, T:197, D:768] */
	float *restrict p4 = p[4]; /* f32[B:128, N_m:120, D:768], written */
	float *restrict p5 = p[5]; /* f32[B:128, N_m:120, D:768], written */
	const float *restrict p6 = p[6]; /* f32[D:768] */
	const float *restrict p7 = p[7]; /* f32[D:768] */
	uint16_t *restrict p8 = p[8]; /* bf16[B:128, N_m:120, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 15360; row++) {
		const int64_t i0 = row / 120;
		const int64_t i1 = row % 120;
		float a3[768] __attribute__((aligned(64)));
		float r4 = 0;
		float a6[768] __attribute__((aligned(64)));
		float r8 = 0;
		float t4[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v0 = d2v_load_bf16(p0[92160 * i0 + 768 * i1 + i2]);
			const float v1 = p1[i2] * v0;
			const float v2 = (p2[120 * i0 + i1] >= 0 ? p3[151296 * i0 + i2 + 768 * (p2[120 * i0 + i1])] : 0.0f);
			const float v3 = v2 + v1;
			a3[i2] = v3;
			t4[i2] = v3;
			p4[92160 * i0 + 768 * i1 + i2] = v2;
			p5[92160 * i0 + 768 * i1 + i2] = v3;
		}
		r4 += d2v_sum_of(t4, 768);
		const float v5 = r4 * 0.00130208337f;
		float t8[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v6 = a3[i2] - v5;
			a6[i2] = v6;
			const float v7 = v6 * v6;
			t8[i2] = v7;
		}
		r8 += d2v_sum_of(t8, 768);
		const float v9 = r8 * 0.00130208337f;
		const float v10 = v9 + 9.99999997e-07f;
		const float v11 = d2v_rsqrt(v10);
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v12 = a6[i2] * v11;
			const float v13 = v12 * p6[i2];
			const float v14 = v13 + p7[i2];
			const uint16_t v15 = d2v_to_bf16((float)v14);
			p8[92160 * i0 + 768 * i1 + i2] = v15;
		}
	}
}
