/* k049_small: 1 flops, 8 bytes a launch
 *   models/fashion.d2v:25  param patch : [D, C, Py, Px] ~ weight;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k049_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[] */
	float *restrict p1 = p[1]; /* f32[], written */
	const float s0 = p0[0];
	{
		const float v0 = d2v_rsqrt(s0);
		p1[0] = v0;
	}
}
