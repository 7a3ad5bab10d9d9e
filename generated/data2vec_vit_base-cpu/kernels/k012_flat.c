/* k012_flat: 5.422e+08 flops, 3.099e+08 bytes a launch
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k012_flat(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, T:197, F:3072] */
	uint16_t *restrict p1 = p[1]; /* bf16[B:128, T:197, F:3072], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = d2v_load_bf16(p0[i0]);
			const float v1 = v0 * 0.5f;
			const float v2 = v0 * 0.707106769f;
			const float v3 = d2v_erf(v2);
			const float v4 = v3 + 1.0f;
			const float v5 = v1 * v4;
			const uint16_t v6 = d2v_to_bf16((float)v5);
			p1[i0] = v6;
		}
}
