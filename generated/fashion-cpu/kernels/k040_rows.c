/* k040_rows: 1.004e+05 flops, 8.028e+05 bytes a launch
 *   models/fashion.d2v:35  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* 7cb5e3de7d41eeda1fceac21fa051904 */

void
k040_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, C:1, Gy:4, Py:7, Gx:4, Px:7] */
	float *restrict p1 = p[1]; /* f32[C:1, Py:7, Px:7, B:128, N:16], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 49; row++) {
		const int64_t i0 = row / 7;
		const int64_t i1 = row % 7;
		for (int64_t i2 = 0; i2 < 128; i2++) {
#pragma omp simd
			for (int64_t i3 = 0; i3 < 16; i3++) {
				const float v0 = p0[28 * i0 + i1 + 784 * i2 + 196 * (((i3) / 4)) + 7 * (((i3) % 4))];
				p1[14336 * i0 + 2048 * i1 + 16 * i2 + i3] = v0;
			}
		}
	}
}
