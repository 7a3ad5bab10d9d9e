/* k040_columns: 9.47e+06 flops, 8.915e+06 bytes a launch
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k040_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, T:17, F:512] */
	const float *restrict p1 = p[1]; /* f32[B:64, T:17, F:512] */
	float *restrict p2 = p[2]; /* f32[B:64, T:17, F:512], written */
	float *restrict p3 = p[3]; /* f32[B:64, T:17, F:512], written */
	float *restrict p4 = p[4]; /* f32[F:512], written */
	float part11[32][512] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c11 = part11[chunk];
	for (int64_t i = 0; i < 512; i++)
		c11[i] = 0;
	for (int64_t row = 1088L * chunk / 32; row < 1088L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 512; i1++) {
			const float v0 = p0[512 * i0 + i1] * 0.707106769f;
			const float v1 = d2v_erf(v0);
			const float v2 = v1 + 1.0f;
			const float v3 = v2 * 0.5f;
			const float v4 = p0[512 * i0 + i1] * p0[512 * i0 + i1];
			const float v5 = v4 * (-0.5f);
			const float v6 = d2v_exp(v5);
			const float v7 = p0[512 * i0 + i1] * 0.398942292f;
			const float v8 = v7 * v6;
			const float v9 = v3 + v8;
			const float v10 = p1[512 * i0 + i1] * v9;
			c11[i1] += v10;
			const float v12 = p0[512 * i0 + i1] * 0.5f;
			const float v13 = p0[512 * i0 + i1] * 0.707106769f;
			const float v14 = d2v_erf(v13);
			const float v15 = v14 + 1.0f;
			const float v16 = v12 * v15;
			p2[512 * i0 + i1] = v10;
			p3[512 * i0 + i1] = v16;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 512; i1++) {
		float sum11 = part11[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum11 += part11[chunk][i1];
		p4[i1] = sum11;
	}
}
