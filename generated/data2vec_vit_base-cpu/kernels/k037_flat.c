/* k037_flat: 768 flops, 6148 bytes a launch
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k037_flat(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:768] */
	const float *restrict p1 = p[1]; /* f32[] */
	float *restrict p2 = p[2]; /* f32[D:768], written */
	const int64_t count = n[0].i;
	const float s0 = p1[0];
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = p0[i0] / s0;
			p2[i0] = v0;
		}
}
