/* k065_rows: 5.243e+05 flops, 4.194e+06 bytes a launch
 *   models/fashion.d2v:69  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k065_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, N:16, D:128] */
	const float *restrict p1 = p[1]; /* f32[B:64, N:16, D:128] */
	const float *restrict p2 = p[2]; /* f32[B:64, N:16, D:128] */
	const float *restrict p3 = p[3]; /* f32[B:64, N:16, D:128] */
	float *restrict p4 = p[4]; /* f32[L:4, B:64, N:16, D:128], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 256; row++) {
		const int64_t i0 = row / 64;
		const int64_t i1 = row % 64;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 2048; i2++) {
			const float v0 = (i0 < 1 ? p3[2176 * i1 + i2] : (i0 < 2 ? p2[2176 * i1 + i2] : (i0 < 3 ? p1[2176 * i1 + i2] : p0[2176 * i1 + i2])));
			p4[131072 * i0 + 2048 * i1 + i2] = v0;
		}
	}
}
