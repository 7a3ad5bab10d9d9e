/* k012_rows: 64 flops, 512 bytes a launch
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k012_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N:4, D:8] */
	float *restrict p1 = p[1]; /* f32[B:2, N:4, D:8], written */
	for (int64_t row = 0; row < 2; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 32; i1++) {
			const float v0 = p0[40 * i0 + i1];
			p1[32 * i0 + i1] = v0;
		}
	}
}
