/* k013_rows: 2.621e+05 flops, 2.097e+06 bytes a launch
 *   models/fashion.d2v:44  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.h" /* 7cb5e3de7d41eeda1fceac21fa051904 */

void
k013_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:16, D:128] */
	float *restrict p1 = p[1]; /* f32[D:128, B:128, N:16], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 128; row++) {
		const int64_t i0 = row;
		for (int64_t i1 = 0; i1 < 128; i1++) {
#pragma omp simd
			for (int64_t i2 = 0; i2 < 16; i2++) {
				const float v0 = p0[i0 + 2176 * i1 + 128 * i2];
				p1[2048 * i0 + 16 * i1 + i2] = v0;
			}
		}
	}
}
