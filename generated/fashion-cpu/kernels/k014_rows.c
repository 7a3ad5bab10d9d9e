/* k014_rows: 6.554e+04 flops, 8.212e+05 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k014_rows(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[B:64, N_m:8] */
	const float *restrict p1 = p[1]; /* f32[B:64, T:17, H:4, E:32] */
	float *restrict p2 = p[2]; /* f32[B:64, N_m:8, H:4, E:32], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 512; row++) {
		const int64_t i0 = row / 8;
		const int64_t i1 = row % 8;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 128; i2++) {
			const float v0 = (p0[8 * i0 + i1] >= 0 ? p1[2176 * i0 + i2 + 128 * (p0[8 * i0 + i1])] : 0.0f);
			p2[1024 * i0 + 128 * i1 + i2] = v0;
		}
	}
}
