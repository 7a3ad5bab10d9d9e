/* k003_rows: 4.657e+05 flops, 2.053e+06 bytes a launch
 *   models/vit_base.d2v:39  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k003_rows(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[T:197, U:197] */
	const float *restrict p1 = p[1]; /* f32[R:732, H:12] */
	float *restrict p2 = p[2]; /* f32[H:12, T:197, U:197], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 2364; row++) {
		const int64_t i0 = row / 197;
		const int64_t i1 = row % 197;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 197; i2++) {
			const float v0 = p1[i0 + 12 * (p0[197 * i1 + i2])];
			p2[38809 * i0 + 197 * i1 + i2] = v0;
		}
	}
}
