/* k012_rows: 2.621e+05 flops, 2.097e+06 bytes a launch
 *   models/fashion.d2v:44  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k012_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:16, D:128] */
	float *restrict p1 = p[1]; /* f32[B:128, N:16, D:128], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 128; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 2048; i1++) {
			const float v0 = p0[2176 * i0 + i1];
			p1[2048 * i0 + i1] = v0;
		}
	}
}
