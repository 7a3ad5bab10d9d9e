/* k001_rows: 1.927e+07 flops, 7.707e+07 bytes a launch
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k001_rows(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, C:3, Gy:14, Py:16, Gx:14, Px:16] */
	uint16_t *restrict p1 = p[1]; /* bf16[B:128, N:196, C:3, Py:16, Px:16], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 75264; row++) {
		const int64_t i0 = row / 588;
		const int64_t i1 = row / 3 % 196;
		const int64_t i2 = row % 3;
		for (int64_t i3 = 0; i3 < 16; i3++) {
#pragma omp simd
			for (int64_t i4 = 0; i4 < 16; i4++) {
				const uint16_t v0 = p0[150528 * i0 + 50176 * i2 + 224 * i3 + i4 + 3584 * (((i1) / 14)) + 16 * (((i1) % 14))];
				p1[150528 * i0 + 768 * i1 + 256 * i2 + 16 * i3 + i4] = v0;
			}
		}
	}
}
