/* k014_places: 2.509e+04 flops, 8.653e+04 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

/* Where the true elements of each row lie, in order; -1 behind the last */
void
k014_places(void *const *p, const Num *n)
{
	const uint8_t *restrict p0 = p[0];
	int32_t *restrict p1 = p[1];
	(void)n;
#pragma omp parallel for schedule(static) if (25088 >= 65536)
	for (int64_t o = 0; o < 128; o++) {
		const int64_t o0 = o / 1 % 128;
		int32_t count = 0;
		for (int64_t i = 0; i < 120; i++)
			p1[1 * i + 120 * o0] = -1;
		for (int64_t i = 0; i < 196 && count < 120; i++) {
			if (!p0[1 * i + 196 * o0])
				continue;
			p1[1 * count++ + 120 * o0] = (int32_t)(1 + i);
		}
	}
}
