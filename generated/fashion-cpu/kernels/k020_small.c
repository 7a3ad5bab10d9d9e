/* k020_small: 1 flops, 8 bytes a launch
 *   models/fashion.d2v:65  watch masked = mean(B, N) m;
 *   models/fashion.d2v:63  watch target_std = mean(D) std(top over (B, N) where m);
 *   models/fashion.d2v:64  watch prediction_std = mean(D) std(p over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k020_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[] */
	float *restrict p1 = p[1]; /* f32[], written */
	const float arg0 = (float)n[0].f;
	const float s0 = p0[0];
	{
		const float v0 = s0 * arg0;
		p1[0] = v0;
	}
}
