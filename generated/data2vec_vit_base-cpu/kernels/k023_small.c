/* k023_small: 256 flops, 648 bytes a launch
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k023_small(void *const *p, const Num *n)
{
	const uint32_t *restrict p0 = p[0]; /* u32[B:128] */
	const uint32_t *restrict p1 = p[1]; /* u32[] */
	const uint32_t *restrict p2 = p[2]; /* u32[] */
	uint8_t *restrict p3 = p[3]; /* bool[B:128], written */
	const uint64_t arg0 = n[0].u;
	const float arg1 = (float)n[1].f;
	const uint32_t s0 = p1[0];
	const uint32_t s1 = p2[0];
	{
#pragma omp simd
		for (int64_t i0 = 0; i0 < 128; i0++) {
			const float v0 = d2v_uniform(s1, arg0, s0, p0[i0], (uint32_t)(0));
			const uint8_t v1 = arg1 <= v0;
			p3[i0] = v1;
		}
	}
}
