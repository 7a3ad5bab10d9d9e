/* k033_flat: 2.509e+04 flops, 1.254e+05 bytes a launch
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k033_flat(void *const *p, const Num *n)
{
	const uint8_t *restrict p0 = p[0]; /* bool[B:128, N:196] */
	const float *restrict p1 = p[1]; /* f32[] */
	float *restrict p2 = p[2]; /* f32[B:128, N:196], written */
	const int64_t count = n[0].i;
	const float s0 = p1[0];
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = p0[i0] ? s0 : 0.0f;
			p2[i0] = v0;
		}
}
