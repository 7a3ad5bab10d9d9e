/* k006_flat: 768 flops, 3072 bytes a launch
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k006_flat(void *const *p, const Num *n)
{
	float *restrict p0 = p[0]; /* f32[H_E:768], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = 0.0f;
			p0[i0] = v0;
		}
}
