/* k009_small: 48 flops, 536 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k009_small(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[B:2, N_m:3] */
	const float *restrict p1 = p[1]; /* f32[B:2, T:5, H:2, E:4] */
	float *restrict p2 = p[2]; /* f32[B:2, N_m:3, H:2, E:4], written */
	{
		for (int64_t i0 = 0; i0 < 2; i0++) {
			for (int64_t i1 = 0; i1 < 3; i1++) {
#pragma omp simd
				for (int64_t i2 = 0; i2 < 8; i2++) {
					const float v0 = (p0[3 * i0 + i1] >= 0 ? p1[40 * i0 + i2 + 8 * (p0[3 * i0 + i1])] : 0.0f);
					p2[24 * i0 + 8 * i1 + i2] = v0;
				}
			}
		}
	}
}
