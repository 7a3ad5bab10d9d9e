/* k050_small: 1 flops, 12 bytes a launch
 *   models/fashion.d2v:35  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k050_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[] */
	const float *restrict p1 = p[1]; /* f32[] */
	float *restrict p2 = p[2]; /* f32[], written */
	const float s0 = p0[0];
	const float s1 = p1[0];
	{
		const float v0 = s0 / s1;
		p2[0] = v0;
	}
}
