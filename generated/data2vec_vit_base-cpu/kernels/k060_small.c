/* k060_small: 4 flops, 12 bytes a launch
 *   models/vit_base.d2v:27  param patch : [D, C, Py, Px] ~ weight;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k060_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[] */
	float *restrict p1 = p[1]; /* f32[], written */
	float *restrict p2 = p[2]; /* f32[], written */
	const float s0 = p0[0];
	{
		const float v0 = d2v_sqrt(s0);
		const float v1 = v0 + 9.99999997e-07f;
		const float v2 = 3.0f / v1;
		const float v3 = d2v_min(1.0f, v2);
		p1[0] = v0;
		p2[0] = v3;
	}
}
