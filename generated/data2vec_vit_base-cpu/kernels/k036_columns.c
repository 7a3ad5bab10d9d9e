/* k036_columns: 5.898e+07 flops, 4.733e+07 bytes a launch
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k036_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N_m:120, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, N_m:120] */
	const float *restrict p2 = p[2]; /* f32[B:128, N_m:120] */
	const uint8_t *restrict p3 = p[3]; /* bool[B:128, N_m:120] */
	float *restrict p4 = p[4]; /* f32[D:768], written */
	float part4[32][768] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c4 = part4[chunk];
	for (int64_t i = 0; i < 768; i++)
		c4[i] = 0;
	for (int64_t row = 120L * chunk / 32; row < 120L * (chunk + 1) / 32; row++) {
		const int64_t first = row % 120 * 128;
		for (int64_t i1 = 0; i1 < 768; i1++) {
			float t4[128] D2V_ALIGNED;
#pragma omp simd
			for (int64_t lane = 0; lane < 128; lane++) {
				const int64_t i0 = first + lane;
				const float v0 = p0[i1 + 768 * i0] * 0.166666672f;
				const float v1 = v0 - p1[i0];
				const float v2 = v1 * p2[i0];
				const float v3 = p3[i0] ? v2 : 0.0f;
				t4[lane] = v3;
			}
			c4[i1] += d2v_sum_of(t4, 128);
		}
	}
	}
	for (int64_t i1 = 0; i1 < 768; i1++) {
		float sum4 = part4[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum4 += part4[chunk][i1];
		p4[i1] = sum4;
	}
}
