/* k000_flat: 1.927e+07 flops, 1.156e+08 bytes a launch
 *   models/vit_base.d2v:86  objective masked_regression(image : [B, C, Y, X]) {
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k000_flat(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, C:3, Y:224, X:224] */
	uint16_t *restrict p1 = p[1]; /* bf16[B:128, C:3, Y:224, X:224], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const uint16_t v0 = d2v_to_bf16((float)p0[i0]);
			p1[i0] = v0;
		}
}
