/* k044_columns: 16 flops, 96 bytes a launch
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k044_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, D:8] */
	float *restrict p1 = p[1]; /* f32[D:8], written */
	float part0[2][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 2; chunk++) {
	float *restrict c0 = part0[chunk];
	for (int64_t i = 0; i < 8; i++)
		c0[i] = 0;
	for (int64_t row = 2L * chunk / 2; row < 2L * (chunk + 1) / 2; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			c0[i1] += p0[40 * i0 + i1];
		}
	}
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum0 = part0[0][i1];
		for (int chunk = 1; chunk < 2; chunk++)
			sum0 += part0[chunk][i1];
		p1[i1] = sum0;
	}
}
