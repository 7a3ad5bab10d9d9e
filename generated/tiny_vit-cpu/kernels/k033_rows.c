/* k033_rows: 80 flops, 552 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k033_rows(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[B:2, T:5] */
	const float *restrict p1 = p[1]; /* f32[B:2, N_m:3, H:2, E:4] */
	float *restrict p2 = p[2]; /* f32[B:2, T:5, H:2, E:4], written */
	for (int64_t row = 0; row < 2; row++) {
		const int64_t i0 = row;
		for (int64_t i1 = 0; i1 < 5; i1++) {
#pragma omp simd
			for (int64_t i2 = 0; i2 < 8; i2++) {
				const float v0 = (p0[5 * i0 + i1] >= 0 ? p1[24 * i0 + i2 + 8 * (p0[5 * i0 + i1])] : 0.0f);
				p2[40 * i0 + 8 * i1 + i2] = v0;
			}
		}
	}
}
