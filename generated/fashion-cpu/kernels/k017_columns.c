/* k017_columns: 7.864e+05 flops, 1.051e+06 bytes a launch
 *   models/fashion.d2v:60  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over N, eps = 1e-5);
 *   models/fashion.d2v:63  watch target_std = mean(D) std(top over (B, N) where m);
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k017_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:16, D:128] */
	const uint8_t *restrict p1 = p[1]; /* bool[B:128, N:16] */
	float *restrict p2 = p[2]; /* f32[D:128], written */
	float part2[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c2 = part2[chunk];
	for (int64_t i = 0; i < 128; i++)
		c2[i] = 0;
	for (int64_t row = 2048L * chunk / 32; row < 2048L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		const uint8_t s0 = p1[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = p0[128 * i0 + i1] * 0.25f;
			const float v1 = s0 ? v0 : 0.0f;
			c2[i1] += v1;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum2 = part2[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum2 += part2[chunk][i1];
		p2[i1] = sum2;
	}
}
