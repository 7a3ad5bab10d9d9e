/* k038_columns: 8.258e+07 flops, 4.733e+07 bytes a launch
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k038_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N_m:120, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, N_m:120] */
	const float *restrict p2 = p[2]; /* f32[B:128, N_m:120] */
	const float *restrict p3 = p[3]; /* f32[D:768] */
	const uint8_t *restrict p4 = p[4]; /* bool[B:128, N_m:120] */
	float *restrict p5 = p[5]; /* f32[D:768], written */
	float part6[32][768] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c6 = part6[chunk];
	for (int64_t i = 0; i < 768; i++)
		c6[i] = 0;
	for (int64_t row = 15360L * chunk / 32; row < 15360L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		const uint8_t s2 = p4[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v0 = p0[768 * i0 + i1] * 0.166666672f;
			const float v1 = v0 - s0;
			const float v2 = v1 * s1;
			const float v3 = v2 - p3[i1];
			const float v4 = v3 * v3;
			const float v5 = s2 ? v4 : 0.0f;
			c6[i1] += v5;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 768; i1++) {
		float sum6 = part6[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum6 += part6[chunk][i1];
		p5[i1] = sum6;
	}
}
