/* k012_rows: 1.258e+06 flops, 2.238e+06 bytes a launch
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k012_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:128] */
	const float *restrict p1 = p[1]; /* f32[B:64, T:17, D:128] */
	const float *restrict p2 = p[2]; /* f32[B:64, T:17, D:128] */
	float *restrict p3 = p[3]; /* f32[B:64, T:17, D:128], written */
	float *restrict p4 = p[4]; /* f32[B:64, T:17], written */
	float *restrict p5 = p[5]; /* f32[B:64, T:17], written */
	const float *restrict p6 = p[6]; /* f32[D:128] */
	const float *restrict p7 = p[7]; /* f32[D:128] */
	float *restrict p8 = p[8]; /* f32[B:64, T:17, D:128], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 1088; row++) {
		const int64_t i0 = row;
		float a1[128] __attribute__((aligned(64)));
		float r2 = 0;
		float a4[128] __attribute__((aligned(64)));
		float r6 = 0;
		float t2[128] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = p0[i1] * p1[128 * i0 + i1];
			const float v1 = p2[128 * i0 + i1] + v0;
			a1[i1] = v1;
			t2[i1] = v1;
			p3[128 * i0 + i1] = v1;
		}
		r2 += d2v_sum_of(t2, 128);
		const float v3 = r2 * 0.0078125f;
		p4[i0] = v3;
		float t6[128] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v4 = a1[i1] - v3;
			a4[i1] = v4;
			const float v5 = v4 * v4;
			t6[i1] = v5;
		}
		r6 += d2v_sum_of(t6, 128);
		const float v7 = r6 * 0.0078125f;
		const float v8 = v7 + 9.99999997e-07f;
		const float v9 = d2v_rsqrt(v8);
		p5[i0] = v9;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v10 = a4[i1] * v9;
			const float v11 = v10 * p6[i1];
			const float v12 = v11 + p7[i1];
			p8[128 * i0 + i1] = v12;
		}
	}
}
