/* k033_flat: 4.608e+04 flops, 1.382e+05 bytes a launch
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k033_flat(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[B:128, N_m:120] */
	uint8_t *restrict p1 = p[1]; /* bool[B:128, N_m:120], written */
	const float *restrict p2 = p[2]; /* f32[] */
	float *restrict p3 = p[3]; /* f32[B:128, N_m:120], written */
	const int64_t count = n[0].i;
	const float s0 = p2[0];
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = (float)p0[i0];
			const uint8_t v1 = 0.0f <= v0;
			const float v2 = v1 ? s0 : 0.0f;
			p1[i0] = v1;
			p3[i0] = v2;
		}
}
