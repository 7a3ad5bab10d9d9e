/* k045_ranks: 2.509e+04 flops, 1.26e+05 bytes a launch
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

/* How many true elements of its row come before each true one; -1: not true */
void
k045_ranks(void *const *p, const Num *n)
{
	const uint8_t *restrict p0 = p[0];
	int32_t *restrict p1 = p[1];
	(void)n;
#pragma omp parallel for schedule(static) if (25088 >= 65536)
	for (int64_t o = 0; o < 128; o++) {
		const int64_t o0 = o / 1 % 128;
		int32_t count = 0;
		for (int64_t i = 0; i < 197; i++)
			p1[1 * i + 197 * o0] = -1;
		for (int64_t i = 0; i < 196 && count < 120; i++) {
			if (!p0[1 * i + 196 * o0])
				continue;
			p1[1 * (1 + i) + 197 * o0] = count++;
		}
	}
}
