/* k022_rows: 1.927e+07 flops, 1.156e+08 bytes a launch
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k022_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:196, D:768] */
	uint16_t *restrict p1 = p[1]; /* bf16[B:128, N:196, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 128; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 150528; i1++) {
			const uint16_t v0 = d2v_to_bf16((float)p0[151296 * i0 + i1]);
			p1[150528 * i0 + i1] = v0;
		}
	}
}
