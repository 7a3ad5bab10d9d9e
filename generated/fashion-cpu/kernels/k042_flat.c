/* k042_flat: 3468 flops, 2.312e+04 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k042_flat(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[H:4, T:17, U:17] */
	const float *restrict p1 = p[1]; /* f32[H:4, T:17, U:17] */
	const float *restrict p2 = p[2]; /* f32[H:4, T:17, U:17] */
	const float *restrict p3 = p[3]; /* f32[H:4, T:17, U:17] */
	float *restrict p4 = p[4]; /* f32[H:4, T:17, U:17], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = p0[i0] + p1[i0];
			const float v1 = v0 + p2[i0];
			const float v2 = v1 + p3[i0];
			p4[i0] = v2;
		}
}
