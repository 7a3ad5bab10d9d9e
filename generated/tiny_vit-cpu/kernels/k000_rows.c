/* k000_rows: 6144 flops, 4.915e+04 bytes a launch
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k000_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, C:3, Gy:2, Py:16, Gx:2, Px:16] */
	float *restrict p1 = p[1]; /* f32[B:2, N:4, C:3, Py:16, Px:16], written */
	for (int64_t row = 0; row < 24; row++) {
		const int64_t i0 = row / 12;
		const int64_t i1 = row / 3 % 4;
		const int64_t i2 = row % 3;
		for (int64_t i3 = 0; i3 < 16; i3++) {
#pragma omp simd
			for (int64_t i4 = 0; i4 < 16; i4++) {
				const float v0 = p0[3072 * i0 + 1024 * i2 + 32 * i3 + i4 + 512 * (((i1) / 2)) + 16 * (((i1) % 2))];
				p1[3072 * i0 + 768 * i1 + 256 * i2 + 16 * i3 + i4] = v0;
			}
		}
	}
}
