/* k028_columns: 1.311e+05 flops, 2.632e+05 bytes a launch
 *   models/fashion.d2v:63  watch target_std = mean(D) std(top over (B, N) where m);
 *   models/fashion.d2v:64  watch prediction_std = mean(D) std(p over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k028_columns(void *const *p, const Num *n)
{
	const uint8_t *restrict p0 = p[0]; /* bool[B:64, N_m:8] */
	const float *restrict p1 = p[1]; /* f32[B:64, N_m:8, D:128] */
	float *restrict p2 = p[2]; /* f32[D:128], written */
	float part1[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c1 = part1[chunk];
	for (int64_t i = 0; i < 128; i++)
		c1[i] = 0;
	for (int64_t row = 512L * chunk / 32; row < 512L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		const uint8_t s0 = p0[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = s0 ? p1[128 * i0 + i1] : 0.0f;
			c1[i1] += v0;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum1 = part1[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum1 += part1[chunk][i1];
		p2[i1] = sum1;
	}
}
