/* k016_rows: 2.359e+07 flops, 1.011e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k016_rows(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[B:128, N_m:120] */
	const float *restrict p1 = p[1]; /* f32[B:128, T:197, H:12, E:64] */
	uint16_t *restrict p2 = p[2]; /* bf16[B:128, N_m:120, H:12, E:64], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 15360; row++) {
		const int64_t i0 = row / 120;
		const int64_t i1 = row % 120;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v0 = (p0[120 * i0 + i1] >= 0 ? p1[151296 * i0 + i2 + 768 * (p0[120 * i0 + i1])] : 0.0f);
			const uint16_t v1 = d2v_to_bf16((float)v0);
			p2[92160 * i0 + 768 * i1 + i2] = v1;
		}
	}
}
