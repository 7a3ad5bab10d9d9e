/* k000_rows: 5.018e+04 flops, 4.014e+05 bytes a launch
 *   models/fashion.d2v:35  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k000_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, C:1, Gy:4, Py:7, Gx:4, Px:7] */
	float *restrict p1 = p[1]; /* f32[B:64, N:16, C:1, Py:7, Px:7], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 1024; row++) {
		const int64_t i0 = row / 16;
		const int64_t i1 = row % 16;
		for (int64_t i2 = 0; i2 < 7; i2++) {
#pragma omp simd
			for (int64_t i3 = 0; i3 < 7; i3++) {
				const float v0 = p0[784 * i0 + 28 * i2 + i3 + 196 * (((i1) / 4)) + 7 * (((i1) % 4))];
				p1[784 * i0 + 49 * i1 + 7 * i2 + i3] = v0;
			}
		}
	}
}
