/* k037_columns: 1.393e+05 flops, 5.576e+05 bytes a launch
 *   models/lib/vit.d2v:19  let value : [.., H, U, E] = sum(D) x as [.., U, D] * v + vb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k037_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, U:17, H:4, E:32] */
	float *restrict p1 = p[1]; /* f32[H:4, E:32], written */
	float part0[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c0 = part0[chunk];
	for (int64_t i = 0; i < 128; i++)
		c0[i] = 0;
	for (int64_t row = 1088L * chunk / 32; row < 1088L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			c0[i1] += p0[384 * i0 + i1];
		}
	}
	}
	for (int64_t i1 = 0; i1 < 128; i1++) {
		float sum0 = part0[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum0 += part0[chunk][i1];
		p1[i1] = sum0;
	}
}
