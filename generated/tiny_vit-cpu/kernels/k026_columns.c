/* k026_columns: 240 flops, 278 bytes a launch
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k026_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N_m:3, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, N_m:3] */
	const float *restrict p2 = p[2]; /* f32[B:2, N_m:3] */
	const uint8_t *restrict p3 = p[3]; /* bool[B:2, N_m:3] */
	float *restrict p4 = p[4]; /* f32[D:8], written */
	float part4[4][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 4; chunk++) {
	float *restrict c4 = part4[chunk];
	for (int64_t i = 0; i < 8; i++)
		c4[i] = 0;
	for (int64_t row = 6L * chunk / 4; row < 6L * (chunk + 1) / 4; row++) {
		const int64_t i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		const uint8_t s2 = p3[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v0 = p0[8 * i0 + i1] * 0.5f;
			const float v1 = v0 - s0;
			const float v2 = v1 * s1;
			const float v3 = s2 ? v2 : 0.0f;
			c4[i1] += v3;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum4 = part4[0][i1];
		for (int chunk = 1; chunk < 4; chunk++)
			sum4 += part4[chunk][i1];
		p4[i1] = sum4;
	}
}
