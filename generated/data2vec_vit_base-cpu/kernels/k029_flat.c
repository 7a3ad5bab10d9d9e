/* k029_flat: 5.898e+05 flops, 3.539e+06 bytes a launch
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k029_flat(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[V:768, D:768] */
	uint16_t *restrict p1 = p[1]; /* bf16[V:768, D:768], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const uint16_t v0 = d2v_to_bf16((float)p0[i0]);
			p1[i0] = v0;
		}
}
