/* k015_flat: 1.937e+07 flops, 1.162e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k015_flat(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, T:197, H:12, E:64] */
	float *restrict p1 = p[1]; /* f32[B:128, T:197, H:12, E:64], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = d2v_load_bf16(p0[i0]);
			p1[i0] = v0;
		}
}
