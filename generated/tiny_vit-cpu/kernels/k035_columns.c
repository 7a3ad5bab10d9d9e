/* k035_columns: 80 flops, 352 bytes a launch
 *   models/lib/vit.d2v:19  let value : [.., H, U, E] = sum(D) x as [.., U, D] * v + vb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k035_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, U:5, H:2, E:4] */
	float *restrict p1 = p[1]; /* f32[H:2, E:4], written */
	float part0[8][8] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 8; chunk++) {
	float *restrict c0 = part0[chunk];
	for (int64_t i = 0; i < 8; i++)
		c0[i] = 0;
	for (int64_t row = 10L * chunk / 8; row < 10L * (chunk + 1) / 8; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			c0[i1] += p0[8 * i0 + i1];
		}
	}
	}
	for (int64_t i1 = 0; i1 < 8; i1++) {
		float sum0 = part0[0][i1];
		for (int chunk = 1; chunk < 8; chunk++)
			sum0 += part0[chunk][i1];
		p1[i1] = sum0;
	}
}
