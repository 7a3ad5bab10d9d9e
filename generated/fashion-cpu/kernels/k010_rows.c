/* k010_rows: 1.311e+05 flops, 1.05e+06 bytes a launch
 *   models/fashion.d2v:36  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k010_rows(void *const *p, const Num *n)
{
	const uint8_t *restrict p0 = p[0]; /* bool[B:64, N:16] */
	const float *restrict p1 = p[1]; /* f32[D:128] */
	const float *restrict p2 = p[2]; /* f32[B:64, N:16, D:128] */
	float *restrict p3 = p[3]; /* f32[B:64, N:16, D:128], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 1024; row++) {
		const int64_t i0 = row;
		const uint8_t s0 = p0[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = s0 ? p1[i1] : p2[128 * i0 + i1];
			p3[128 * i0 + i1] = v0;
		}
	}
}
