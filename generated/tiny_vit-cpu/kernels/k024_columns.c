/* k024_columns: 48 flops, 224 bytes a launch
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k024_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N_m:3, V:8] */
	float *restrict p1 = p[1]; /* f32[V:8], written */
	float part0[4][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 4; chunk++) {
	float *restrict c0 = part0[chunk];
	for (int64_t i = 0; i < 8; i++)
		c0[i] = 0;
	for (int64_t row = 6L * chunk / 4; row < 6L * (chunk + 1) / 4; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			c0[i1] += p0[8 * i0 + i1];
		}
	}
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum0 = part0[0][i1];
		for (int chunk = 1; chunk < 4; chunk++)
			sum0 += part0[chunk][i1];
		p1[i1] = sum0;
	}
}
