/* k007_flat: 1600 flops, 2560 bytes a launch
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k007_flat(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, T:5, F:32] */
	float *restrict p1 = p[1]; /* f32[B:2, T:5, F:32], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = p0[i0] * 0.5f;
			const float v1 = p0[i0] * 0.707106769f;
			const float v2 = d2v_erf(v1);
			const float v3 = v2 + 1.0f;
			const float v4 = v0 * v3;
			p1[i0] = v4;
		}
}
