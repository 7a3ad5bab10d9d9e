/* k065_rows: 192 flops, 1536 bytes a launch
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k065_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N:4, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, N:4, D:8] */
	const float *restrict p2 = p[2]; /* f32[B:2, N:4, D:8] */
	float *restrict p3 = p[3]; /* f32[L:3, B:2, N:4, D:8], written */
	for (int64_t row = 0; row < 6; row++) {
		const int64_t i0 = row / 2;
		const int64_t i1 = row % 2;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 32; i2++) {
			const float v0 = (i0 < 1 ? p2[40 * i1 + i2] : (i0 < 2 ? p1[40 * i1 + i2] : p0[40 * i1 + i2]));
			p3[64 * i0 + 32 * i1 + i2] = v0;
		}
	}
}
