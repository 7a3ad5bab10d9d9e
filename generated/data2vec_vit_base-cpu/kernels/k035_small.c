/* k035_small: 2 flops, 12 bytes a launch
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k035_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[] */
	const float *restrict p1 = p[1]; /* f32[] */
	float *restrict p2 = p[2]; /* f32[], written */
	const float s0 = p0[0];
	const float s1 = p1[0];
	{
		const float v0 = s0 * 768.0f;
		const float v1 = s1 / v0;
		p2[0] = v1;
	}
}
