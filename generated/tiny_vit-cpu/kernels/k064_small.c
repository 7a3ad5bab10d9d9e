/* k064_small: 160 flops, 992 bytes a launch
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k064_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, T:5, D:8] */
	const float *restrict p2 = p[2]; /* f32[B:2, T:5, D:8] */
	float *restrict p3 = p[3]; /* f32[B:2, T:5, D:8], written */
	{
		for (int64_t i0 = 0; i0 < 10; i0++) {
#pragma omp simd
			for (int64_t i1 = 0; i1 < 8; i1++) {
				const float v0 = p0[i1] * p1[8 * i0 + i1];
				const float v1 = p2[8 * i0 + i1] + v0;
				p3[8 * i0 + i1] = v1;
			}
		}
	}
}
