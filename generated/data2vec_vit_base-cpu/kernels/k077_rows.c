/* k077_rows: 1.927e+08 flops, 1.541e+09 bytes a launch
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k077_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:196, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, N:196, D:768] */
	const float *restrict p2 = p[2]; /* f32[B:128, N:196, D:768] */
	const float *restrict p3 = p[3]; /* f32[B:128, N:196, D:768] */
	const float *restrict p4 = p[4]; /* f32[B:128, N:196, D:768] */
	const float *restrict p5 = p[5]; /* f32[B:128, N:196, D:768] */
	const float *restrict p6 = p[6]; /* f32[B:128, N:196, D:768] */
	const float *restrict p7 = p[7]; /* f32[B:128, N:196, D:768] */
	const float *restrict p8 = p[8]; /* f32[B:128, N:196, D:768] */
	const float *restrict p9 = p[9]; /* f32[B:128, N:196, D:768] */
	float *restrict p10 = p[10]; /* f32[L.0-10:10, B:128, N:196, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 1280; row++) {
		const int64_t i0 = row / 128;
		const int64_t i1 = row % 128;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 150528; i2++) {
			const float v0 = (i0 < 1 ? p9[151296 * i1 + i2] : (i0 < 2 ? p8[151296 * i1 + i2] : (i0 < 3 ? p7[151296 * i1 + i2] : (i0 < 4 ? p6[151296 * i1 + i2] : (i0 < 5 ? p5[151296 * i1 + i2] : (i0 < 6 ? p4[151296 * i1 + i2] : (i0 < 7 ? p3[151296 * i1 + i2] : (i0 < 8 ? p2[151296 * i1 + i2] : (i0 < 9 ? p1[151296 * i1 + i2] : p0[151296 * i1 + i2])))))))));
			p10[19267584 * i0 + 150528 * i1 + i2] = v0;
		}
	}
}
