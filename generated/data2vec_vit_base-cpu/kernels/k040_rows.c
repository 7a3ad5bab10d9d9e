/* k040_rows: 8.258e+07 flops, 1.18e+08 bytes a launch
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k040_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N_m:120, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, N_m:120] */
	float *restrict p2 = p[2]; /* f32[B:128, N_m:120, D:768], written */
	uint16_t *restrict p3 = p[3]; /* bf16[B:128, N_m:120, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 15360; row++) {
		const int64_t i0 = row;
		const float s0 = p1[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v0 = d2v_abs(p0[768 * i0 + i1]);
			const uint8_t v1 = v0 < 2.0f;
			const float v2 = d2v_sign(p0[768 * i0 + i1]);
			const float v3 = p0[768 * i0 + i1] * 0.5f;
			const float v4 = v1 ? v3 : v2;
			const float v5 = s0 * v4;
			const uint16_t v6 = d2v_to_bf16((float)v5);
			p2[768 * i0 + i1] = v5;
			p3[768 * i0 + i1] = v6;
		}
	}
}
