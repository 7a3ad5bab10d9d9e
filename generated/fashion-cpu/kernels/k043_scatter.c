/* k043_scatter: 1156 flops, 5456 bytes a launch
 *   models/fashion.d2v:37  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

/* out[row of the table] += a, in the order of the table */
void
k043_scatter(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0];
	const int32_t *restrict p1 = p[1];
	float *restrict p2 = p[2];
#pragma omp parallel for schedule(static)
	for (int64_t o = 0; o < 4; o++) {
		const int64_t o1 = o / 1 % 4;
		for (int64_t r = 0; r < 52; r++)
			p2[4 * r + 1 * o1] = 0;
		for (int64_t e = 0; e < 289; e++) {
			const int64_t e1 = e / 1 % 17;
			const int64_t e0 = e / 17 % 17;
			p2[4 * p1[1 * e1 + 17 * e0] + 1 * o1] += p0[0 + 289 * o1 + 1 * e1 + 17 * e0];
		}
	}
}
