/* k015_rows: 6.574e+05 flops, 1.351e+06 bytes a launch
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k015_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:128] */
	const float *restrict p1 = p[1]; /* f32[B:64, N_m:8, D:128] */
	const int32_t *restrict p2 = p[2]; /* i32[B:64, N_m:8] */
	const float *restrict p3 = p[3]; /* f32[B:64, T:17, D:128] */
	float *restrict p4 = p[4]; /* f32[B:64, N_m:8, D:128], written */
	float *restrict p5 = p[5]; /* f32[B:64, N_m:8], written */
	float *restrict p6 = p[6]; /* f32[B:64, N_m:8], written */
	const float *restrict p7 = p[7]; /* f32[D:128] */
	const float *restrict p8 = p[8]; /* f32[D:128] */
	float *restrict p9 = p[9]; /* f32[B:64, N_m:8, D:128], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 512; row++) {
		const int64_t i0 = row / 8;
		const int64_t i1 = row % 8;
		float a2[128] __attribute__((aligned(64)));
		float r3 = 0;
		float a5[128] __attribute__((aligned(64)));
		float r7 = 0;
		float t3[128] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 128; i2++) {
			const float v0 = p0[i2] * p1[1024 * i0 + 128 * i1 + i2];
			const float v1 = (p2[8 * i0 + i1] >= 0 ? p3[2176 * i0 + i2 + 128 * (p2[8 * i0 + i1])] : 0.0f);
			const float v2 = v1 + v0;
			a2[i2] = v2;
			t3[i2] = v2;
			p4[1024 * i0 + 128 * i1 + i2] = v2;
		}
		r3 += d2v_sum_of(t3, 128);
		const float v4 = r3 * 0.0078125f;
		p5[8 * i0 + i1] = v4;
		float t7[128] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 128; i2++) {
			const float v5 = a2[i2] - v4;
			a5[i2] = v5;
			const float v6 = v5 * v5;
			t7[i2] = v6;
		}
		r7 += d2v_sum_of(t7, 128);
		const float v8 = r7 * 0.0078125f;
		const float v9 = v8 + 9.99999997e-07f;
		const float v10 = d2v_rsqrt(v9);
		p6[8 * i0 + i1] = v10;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 128; i2++) {
			const float v11 = a5[i2] * v10;
			const float v12 = v11 * p7[i2];
			const float v13 = v12 + p8[i2];
			p9[1024 * i0 + 128 * i1 + i2] = v13;
		}
	}
}
