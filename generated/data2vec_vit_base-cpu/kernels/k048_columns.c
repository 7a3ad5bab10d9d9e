/* k048_columns: 3.873e+07 flops, 3.873e+07 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:19  let value : [.., H, U, E] = sum(D) x as [.., U, D] * v + vb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k048_columns(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, U:197, H:12, E:64] */
	float *restrict p1 = p[1]; /* f32[H:12, E:64], written */
	float part1[32][768] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c1 = part1[chunk];
	for (int64_t i = 0; i < 768; i++)
		c1[i] = 0;
	for (int64_t row = 25216L * chunk / 32; row < 25216L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v0 = d2v_load_bf16(p0[2304 * i0 + i1]);
			c1[i1] += v0;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 768; i1++) {
		float sum1 = part1[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum1 += part1[chunk][i1];
		p1[i1] = sum1;
	}
}
