/* k001_small: 50 flops, 396 bytes a launch
 *   models/vit_base.d2v:39  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k001_small(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[T:5, U:5] */
	const float *restrict p1 = p[1]; /* f32[R:12, H:2] */
	float *restrict p2 = p[2]; /* f32[H:2, T:5, U:5], written */
	{
		for (int64_t i0 = 0; i0 < 2; i0++) {
			for (int64_t i1 = 0; i1 < 5; i1++) {
#pragma omp simd
				for (int64_t i2 = 0; i2 < 5; i2++) {
					const float v0 = p1[i0 + 2 * (p0[5 * i1 + i2])];
					p2[25 * i0 + 5 * i1 + i2] = v0;
				}
			}
		}
	}
}
