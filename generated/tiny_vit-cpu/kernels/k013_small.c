/* k013_small: 64 flops, 512 bytes a launch
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.h" /* 7cb5e3de7d41eeda1fceac21fa051904 */

void
k013_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N:4, D:8] */
	float *restrict p1 = p[1]; /* f32[D:8, B:2, N:4], written */
	{
		for (int64_t i0 = 0; i0 < 8; i0++) {
			for (int64_t i1 = 0; i1 < 2; i1++) {
#pragma omp simd
				for (int64_t i2 = 0; i2 < 4; i2++) {
					const float v0 = p0[i0 + 40 * i1 + 8 * i2];
					p1[8 * i0 + 4 * i1 + i2] = v0;
				}
			}
		}
	}
}
