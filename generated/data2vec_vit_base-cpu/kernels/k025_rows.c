/* k025_rows: 2.359e+07 flops, 1.011e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k025_rows(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[B:128, N_m:120] */
	const float *restrict p1 = p[1]; /* f32[B:128, T:197, H:12, E:64] */
	uint16_t *restrict p2 = p[2]; /* bf16[B:128, H:12, N_m:120, E:64], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 184320; row++) {
		const int64_t i0 = row / 1440;
		const int64_t i1 = row / 120 % 12;
		const int64_t i2 = row % 120;
#pragma omp simd
		for (int64_t i3 = 0; i3 < 64; i3++) {
			const float v0 = (p0[120 * i0 + i2] >= 0 ? p1[151296 * i0 + 64 * i1 + i3 + 768 * (p0[120 * i0 + i2])] : 0.0f);
			const uint16_t v1 = d2v_to_bf16((float)v0);
			p2[92160 * i0 + 7680 * i1 + 64 * i2 + i3] = v1;
		}
	}
}
