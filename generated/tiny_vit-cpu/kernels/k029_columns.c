/* k029_columns: 24 flops, 40 bytes a launch
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k029_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:8] */
	const float *restrict p1 = p[1]; /* f32[] */
	float *restrict p2 = p[2]; /* f32[], written */
	const float s1 = p1[0];
	float part2[8][1] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 8; chunk++) {
	float c2 = 0;
	for (int64_t row = 8L * chunk / 8; row < 8L * (chunk + 1) / 8; row++) {
		const int64_t i0 = row;
		const float s0 = p0[i0];
		const float v0 = s0 / s1;
		const float v1 = d2v_sqrt(v0);
		c2 += v1;
	}
	part2[chunk][0] = c2;
	}
	float sum2 = part2[0][0];
	for (int chunk = 1; chunk < 8; chunk++)
		sum2 += part2[chunk][0];
	p2[0] = sum2;
}
