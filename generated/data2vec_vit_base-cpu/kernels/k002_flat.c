/* k002_flat: 5.898e+05 flops, 3.539e+06 bytes a launch
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k002_flat(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:768, C:3, Py:16, Px:16] */
	uint16_t *restrict p1 = p[1]; /* bf16[D:768, C:3, Py:16, Px:16], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const uint16_t v0 = d2v_to_bf16((float)p0[i0]);
			p1[i0] = v0;
		}
}
