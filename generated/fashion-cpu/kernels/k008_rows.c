/* k008_rows: 2.785e+05 flops, 1.672e+06 bytes a launch
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k008_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:128] */
	const float *restrict p1 = p[1]; /* f32[B:64, T:17, D:128] */
	const float *restrict p2 = p[2]; /* f32[B:64, T:17, D:128] */
	float *restrict p3 = p[3]; /* f32[B:64, T:17, D:128], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 1088; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = p0[i1] * p1[128 * i0 + i1];
			const float v1 = p2[128 * i0 + i1] + v0;
			p3[128 * i0 + i1] = v1;
		}
	}
}
