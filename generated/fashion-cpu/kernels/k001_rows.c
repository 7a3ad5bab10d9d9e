/* k001_rows: 1156 flops, 6612 bytes a launch
 *   models/fashion.d2v:37  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k001_rows(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[T:17, U:17] */
	const float *restrict p1 = p[1]; /* f32[R:52, H:4] */
	float *restrict p2 = p[2]; /* f32[H:4, T:17, U:17], written */
	for (int64_t row = 0; row < 4; row++) {
		const int64_t i0 = row;
		for (int64_t i1 = 0; i1 < 17; i1++) {
#pragma omp simd
			for (int64_t i2 = 0; i2 < 17; i2++) {
				const float v0 = p1[i0 + 4 * (p0[17 * i1 + i2])];
				p2[289 * i0 + 17 * i1 + i2] = v0;
			}
		}
	}
}
