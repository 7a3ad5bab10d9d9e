/* k080_rows: 2.312e+08 flops, 1.85e+09 bytes a launch
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k080_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[L.10-12:2, B:128, N:196, D:768] */
	const float *restrict p1 = p[1]; /* f32[L.0-10:10, B:128, N:196, D:768] */
	float *restrict p2 = p[2]; /* f32[L:12, B:128, N:196, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 12; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 19267584; i1++) {
			const float v0 = (i0 < 10 ? p1[19267584 * i0 + i1] : p0[19267584 * i0 + i1 - 192675840]);
			p2[19267584 * i0 + i1] = v0;
		}
	}
}
