/* k079_rows: 3.854e+07 flops, 3.083e+08 bytes a launch
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k079_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:196, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, N:196, D:768] */
	float *restrict p2 = p[2]; /* f32[L.10-12:2, B:128, N:196, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 256; row++) {
		const int64_t i0 = row / 128;
		const int64_t i1 = row % 128;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 150528; i2++) {
			const float v0 = (i0 < 1 ? p1[151296 * i1 + i2] : p0[151296 * i1 + i2]);
			p2[19267584 * i0 + 150528 * i1 + i2] = v0;
		}
	}
}
