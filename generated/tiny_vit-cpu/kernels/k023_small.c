/* k023_small: 288 flops, 408 bytes a launch
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k023_small(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N_m:3, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, N_m:3] */
	float *restrict p2 = p[2]; /* f32[B:2, N_m:3, D:8], written */
	{
		for (int64_t i0 = 0; i0 < 6; i0++) {
#pragma omp simd
			for (int64_t i1 = 0; i1 < 8; i1++) {
				const float v0 = d2v_abs(p0[8 * i0 + i1]);
				const uint8_t v1 = v0 < 2.0f;
				const float v2 = d2v_sign(p0[8 * i0 + i1]);
				const float v3 = p0[8 * i0 + i1] * 0.5f;
				const float v4 = v1 ? v3 : v2;
				const float v5 = p1[i0] * v4;
				p2[8 * i0 + i1] = v5;
			}
		}
	}
}
