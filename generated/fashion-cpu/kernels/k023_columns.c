/* k023_columns: 6.554e+05 flops, 1.313e+06 bytes a launch
 *   models/fashion.d2v:62  minimise mean(B, N, D where m) smooth_l1(p - top, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k023_columns(void *const *p, const Num *n)
{
	const int32_t *restrict p0 = p[0]; /* i32[B:64, N_m:8] */
	const float *restrict p1 = p[1]; /* f32[B:64, N:16, D:128] */
	float *restrict p2 = p[2]; /* f32[B:64, N_m:8, D:128], written */
	const float *restrict p3 = p[3]; /* f32[B:64, N_m:8, D:128] */
	float *restrict p4 = p[4]; /* f32[B:64, N_m:8, D:128], written */
	const uint8_t *restrict p5 = p[5]; /* bool[B:64, N_m:8] */
	float *restrict p6 = p[6]; /* f32[], written */
	float part9[32][1] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float c9 = 0;
	for (int64_t row = 65536L * chunk / 32; row < 65536L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row / 1024;
		const int64_t i1 = row / 128 % 8;
		const int64_t i2 = row % 128;
		const float s0 = (p0[8 * i0 + i1] >= 0 ? p1[2048 * i0 + i2 + 128 * (p0[8 * i0 + i1])] : 0.0f);
		const float s1 = p3[1024 * i0 + 128 * i1 + i2];
		const uint8_t s2 = p5[8 * i0 + i1];
		const float v0 = s0;
		const float v1 = s1 - v0;
		const float v2 = d2v_abs(v1);
		const uint8_t v3 = v2 < 2.0f;
		const float v4 = v1 * v1;
		const float v5 = v4 * 0.25f;
		const float v6 = v2 - 1.0f;
		const float v7 = v3 ? v5 : v6;
		const float v8 = s2 ? v7 : 0.0f;
		c9 += v8;
		p2[1024 * i0 + 128 * i1 + i2] = v0;
		p4[1024 * i0 + 128 * i1 + i2] = v1;
	}
	part9[chunk][0] = c9;
	}
	float sum9 = part9[0][0];
	for (int chunk = 1; chunk < 32; chunk++)
		sum9 += part9[chunk][0];
	p6[0] = sum9;
}
