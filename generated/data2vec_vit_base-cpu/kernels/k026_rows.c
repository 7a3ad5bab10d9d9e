/* k026_rows: 1.18e+07 flops, 4.719e+07 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k026_rows(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, H:12, N_m:120, E:64] */
	uint16_t *restrict p1 = p[1]; /* bf16[B:128, N_m:120, H:12, E:64], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 184320; row++) {
		const int64_t i0 = row / 1440;
		const int64_t i1 = row / 12 % 120;
		const int64_t i2 = row % 12;
#pragma omp simd
		for (int64_t i3 = 0; i3 < 64; i3++) {
			const uint16_t v0 = p0[92160 * i0 + 64 * i1 + 7680 * i2 + i3];
			p1[92160 * i0 + 768 * i1 + 64 * i2 + i3] = v0;
		}
	}
}
