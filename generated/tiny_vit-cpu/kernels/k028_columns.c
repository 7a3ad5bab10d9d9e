/* k028_columns: 336 flops, 310 bytes a launch
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k028_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N_m:3, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, N_m:3] */
	const float *restrict p2 = p[2]; /* f32[B:2, N_m:3] */
	const float *restrict p3 = p[3]; /* f32[D:8] */
	const uint8_t *restrict p4 = p[4]; /* bool[B:2, N_m:3] */
	float *restrict p5 = p[5]; /* f32[D:8], written */
	float part6[4][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 4; chunk++) {
	float *restrict c6 = part6[chunk];
	for (int64_t i = 0; i < 8; i++)
		c6[i] = 0;
	for (int64_t row = 6L * chunk / 4; row < 6L * (chunk + 1) / 4; row++) {
		const int64_t i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		const uint8_t s2 = p4[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v0 = p0[8 * i0 + i1] * 0.5f;
			const float v1 = v0 - s0;
			const float v2 = v1 * s1;
			const float v3 = v2 - p3[i1];
			const float v4 = v3 * v3;
			const float v5 = s2 ? v4 : 0.0f;
			c6[i1] += v5;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum6 = part6[0][i1];
		for (int chunk = 1; chunk < 4; chunk++)
			sum6 += part6[chunk][i1];
		p5[i1] = sum6;
	}
}
