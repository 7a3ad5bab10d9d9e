/* k019_columns: 1.311e+06 flops, 1.052e+06 bytes a launch
 *   models/fashion.d2v:60  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over N, eps = 1e-5);
 *   models/fashion.d2v:63  watch target_std = mean(D) std(top over (B, N) where m);
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k019_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:16, D:128] */
	const float *restrict p1 = p[1]; /* f32[D:128] */
	const uint8_t *restrict p2 = p[2]; /* bool[B:128, N:16] */
	float *restrict p3 = p[3]; /* f32[D:128], written */
	float part4[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c4 = part4[chunk];
	for (int64_t i = 0; i < 128; i++)
		c4[i] = 0;
	for (int64_t row = 2048L * chunk / 32; row < 2048L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		const uint8_t s0 = p2[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = p0[128 * i0 + i1] * 0.25f;
			const float v1 = v0 - p1[i1];
			const float v2 = v1 * v1;
			const float v3 = s0 ? v2 : 0.0f;
			c4[i1] += v3;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum4 = part4[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum4 += part4[chunk][i1];
		p3[i1] = sum4;
	}
}
