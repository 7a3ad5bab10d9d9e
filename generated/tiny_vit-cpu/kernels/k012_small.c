/* k012_small: 64 flops, 552 bytes a launch
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k012_small(void *const *p, const Num *n)
{
	const uint8_t *restrict p0 = p[0]; /* bool[B:2, N:4] */
	const float *restrict p1 = p[1]; /* f32[D:8] */
	const float *restrict p2 = p[2]; /* f32[B:2, N:4, D:8] */
	float *restrict p3 = p[3]; /* f32[B:2, N:4, D:8], written */
	{
		for (int64_t i0 = 0; i0 < 8; i0++) {
#pragma omp simd
			for (int64_t i1 = 0; i1 < 8; i1++) {
				const float v0 = p0[i0] ? p1[i1] : p2[8 * i0 + i1];
				p3[8 * i0 + i1] = v0;
			}
		}
	}
}
