/* k042_scatter: 50 flops, 296 bytes a launch
 *   models/vit_base.d2v:39  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

/* out[row of the table] += a, in the order of the table */
void
k042_scatter(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0];
	const int32_t *restrict p1 = p[1];
	float *restrict p2 = p[2];
#pragma omp parallel for schedule(static)
	for (int64_t o = 0; o < 2; o++) {
		const int64_t o1 = o / 1 % 2;
		for (int64_t r = 0; r < 12; r++)
			p2[2 * r + 1 * o1] = 0;
		for (int64_t e = 0; e < 25; e++) {
			const int64_t e1 = e / 1 % 5;
			const int64_t e0 = e / 5 % 5;
			p2[2 * p1[1 * e1 + 5 * e0] + 1 * o1] += p0[0 + 25 * o1 + 1 * e1 + 5 * e0];
		}
	}
}
