/* k041_columns: 1.18e+07 flops, 4.719e+07 bytes a launch
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k041_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N_m:120, V:768] */
	float *restrict p1 = p[1]; /* f32[V:768], written */
	float part0[32][768] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c0 = part0[chunk];
	for (int64_t i = 0; i < 768; i++)
		c0[i] = 0;
	for (int64_t row = 15360L * chunk / 32; row < 15360L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			c0[i1] += p0[768 * i0 + i1];
		}
	}
	}
	for (int64_t i1 = 0; i1 < 768; i1++) {
		float sum0 = part0[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum0 += part0[chunk][i1];
		p1[i1] = sum0;
	}
}
