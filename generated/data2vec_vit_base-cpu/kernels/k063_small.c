/* k063_small: 2 flops, 8 bytes a launch
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k063_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[] */
	float *restrict p1 = p[1]; /* f32[], written */
	const float arg0 = (float)n[0].f;
	const float s0 = p0[0];
	{
		const float v0 = s0 * arg0;
		const float v1 = 1.0f - v0;
		p1[0] = v1;
	}
}
