/* k007_small: 2304 flops, 1.843e+04 bytes a launch
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k007_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[H_E:768] */
	const float *restrict p1 = p[1]; /* f32[H_E:768] */
	const float *restrict p2 = p[2]; /* f32[H_E:768] */
	float *restrict p3 = p[3]; /* f32[H_E_x3:2304], written */
	{
#pragma omp simd
		for (int64_t i0 = 0; i0 < 2304; i0++) {
			const float v0 = (i0 < 768 ? p2[i0] : (i0 < 1536 ? p1[i0 - 768] : p0[i0 - 1536]));
			p3[i0] = v0;
		}
	}
}
