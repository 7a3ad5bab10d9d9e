/* k010_rows: 504 flops, 1208 bytes a launch
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k010_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, N_m:3, D:8] */
	const int32_t *restrict p2 = p[2]; /* i32[B:2, N_m:3] */
	const float *restrict p3 = p[3]; /* f32[B:2, T:5, D:8] */
	float *restrict p4 = p[4]; /* f32[B:2, N_m:3, D:8], written */
	float *restrict p5 = p[5]; /* f32[B:2, N_m:3, D:8], written */
	const float *restrict p6 = p[6]; /* f32[D:8] */
	const float *restrict p7 = p[7]; /* f32[D:8] */
	float *restrict p8 = p[8]; /* f32[B:2, N_m:3, D:8], written */
	for (int64_t row = 0; row < 6; row++) {
		const int64_t i0 = row / 3;
		const int64_t i1 = row % 3;
		float a2[8] __attribute__((aligned(64)));
		float r3 = 0;
		float a5[8] __attribute__((aligned(64)));
		float r7 = 0;
		float t3[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v0 = p0[i2] * p1[24 * i0 + 8 * i1 + i2];
			const float v1 = (p2[3 * i0 + i1] >= 0 ? p3[40 * i0 + i2 + 8 * (p2[3 * i0 + i1])] : 0.0f);
			const float v2 = v1 + v0;
			a2[i2] = v2;
			t3[i2] = v2;
			p4[24 * i0 + 8 * i1 + i2] = v1;
			p5[24 * i0 + 8 * i1 + i2] = v2;
		}
		r3 += d2v_sum_of(t3, 8);
		const float v4 = r3 * 0.125f;
		float t7[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v5 = a2[i2] - v4;
			a5[i2] = v5;
			const float v6 = v5 * v5;
			t7[i2] = v6;
		}
		r7 += d2v_sum_of(t7, 8);
		const float v8 = r7 * 0.125f;
		const float v9 = v8 + 9.99999997e-07f;
		const float v10 = d2v_rsqrt(v9);
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v11 = a5[i2] * v10;
			const float v12 = v11 * p6[i2];
			const float v13 = v12 + p7[i2];
			p8[24 * i0 + 8 * i1 + i2] = v13;
		}
	}
}
