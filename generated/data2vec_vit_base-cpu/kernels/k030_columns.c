/* k030_columns: 5.018e+04 flops, 2.509e+04 bytes a launch
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k030_columns(void *const *p, const Num *n)
{
	const uint8_t *restrict p0 = p[0]; /* bool[B:128, N:196] */
	float *restrict p1 = p[1]; /* f32[], written */
	float part1[32][1] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float c1 = 0;
	for (int64_t row = 25088L * chunk / 32; row < 25088L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		const uint8_t s0 = p0[i0];
		const float v0 = (float)s0;
		c1 += v0;
	}
	part1[chunk][0] = c1;
	}
	float sum1 = part1[0][0];
	for (int chunk = 1; chunk < 32; chunk++)
		sum1 += part1[chunk][0];
	p1[0] = sum1;
}
