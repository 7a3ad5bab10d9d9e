/* k030_columns: 2.621e+05 flops, 2.637e+05 bytes a launch
 *   models/fashion.d2v:63  watch target_std = mean(D) std(top over (B, N) where m);
 *   models/fashion.d2v:64  watch prediction_std = mean(D) std(p over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k030_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p1 = p[1]; /* f32[D:128] */
	const uint8_t *restrict p2 = p[2]; /* bool[B:64, N_m:8] */
	float *restrict p3 = p[3]; /* f32[D:128], written */
	float part3[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c3 = part3[chunk];
	for (int64_t i = 0; i < 128; i++)
		c3[i] = 0;
	for (int64_t row = 512L * chunk / 32; row < 512L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		const uint8_t s0 = p2[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = p0[128 * i0 + i1] - p1[i1];
			const float v1 = v0 * v0;
			const float v2 = s0 ? v1 : 0.0f;
			c3[i1] += v2;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum3 = part3[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum3 += part3[chunk][i1];
		p3[i1] = sum3;
	}
}
