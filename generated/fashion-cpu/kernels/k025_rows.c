/* k025_rows: 3.932e+05 flops, 5.263e+05 bytes a launch
 *   models/fashion.d2v:62  minimise mean(B, N, D where m) smooth_l1(p - top, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k025_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, N_m:8, D:128] */
	const float *restrict p1 = p[1]; /* f32[B:64, N_m:8] */
	float *restrict p2 = p[2]; /* f32[B:64, N_m:8, D:128], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 512; row++) {
		const int64_t i0 = row;
		const float s0 = p1[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 128; i1++) {
			const float v0 = d2v_abs(p0[128 * i0 + i1]);
			const uint8_t v1 = v0 < 2.0f;
			const float v2 = d2v_sign(p0[128 * i0 + i1]);
			const float v3 = p0[128 * i0 + i1] * 0.5f;
			const float v4 = v1 ? v3 : v2;
			const float v5 = s0 * v4;
			p2[128 * i0 + i1] = v5;
		}
	}
}
