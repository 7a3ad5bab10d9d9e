/* k046_columns: 5.243e+05 flops, 1.051e+06 bytes a launch
 *   models/fashion.d2v:36  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/fashion.d2v:35  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k046_columns(void *const *p, const Num *n)
{
	const uint8_t *restrict p0 = p[0]; /* bool[B:64, N:16] */
	const float *restrict p1 = p[1]; /* f32[B:64, N:16, D:128] */
	float *restrict p2 = p[2]; /* f32[B:64, N:16, D:128], written */
	float *restrict p3 = p[3]; /* f32[D:128], written */
	float *restrict p4 = p[4]; /* f32[D:128], written */
	float part2[32][128] __attribute__((aligned(64)));
	float part3[32][128] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c2 = part2[chunk];
	for (int64_t i = 0; i < 128; i++)
		c2[i] = 0;
	float *restrict c3 = part3[chunk];
	for (int64_t i = 0; i < 128; i++)
		c3[i] = 0;
	for (int64_t row = 1024L * chunk / 32; row < 1024L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row / 16;
		const int64_t i1 = row % 16;
		const uint8_t s0 = p0[16 * i0 + i1];
#pragma omp simd
		for (int64_t i2 = 0; i2 < 128; i2++) {
			const float v0 = s0 ? p1[2176 * i0 + 128 * i1 + i2] : 0.0f;
			const float v1 = s0 ? 0.0f : p1[2176 * i0 + 128 * i1 + i2];
			c2[i2] += v0;
			c3[i2] += v1;
			p2[2048 * i0 + 128 * i1 + i2] = v1;
		}
	}
	}
	for (int64_t i2 = 0; i2 < 128; i2++) {
		float sum2 = part2[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum2 += part2[chunk][i2];
		p3[i2] = sum2;
	}
	for (int64_t i2 = 0; i2 < 128; i2++) {
		float sum3 = part3[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum3 += part3[chunk][i2];
		p4[i2] = sum3;
	}
}
