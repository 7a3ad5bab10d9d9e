/* k051_columns: 1.704e+09 flops, 6.197e+08 bytes a launch
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k051_columns(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, T:197, F:3072] */
	const uint16_t *restrict p1 = p[1]; /* bf16[B:128, T:197, F:3072] */
	uint16_t *restrict p2 = p[2]; /* bf16[B:128, T:197, F:3072], written */
	uint16_t *restrict p3 = p[3]; /* bf16[B:128, T:197, F:3072], written */
	float *restrict p4 = p[4]; /* f32[F:3072], written */
	float part13[32][3072] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c13 = part13[chunk];
	for (int64_t i = 0; i < 3072; i++)
		c13[i] = 0;
	for (int64_t row = 25216L * chunk / 32; row < 25216L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 3072; i1++) {
			const float v0 = d2v_load_bf16(p0[3072 * i0 + i1]);
			const float v1 = v0 * 0.707106769f;
			const float v2 = d2v_erf(v1);
			const float v3 = v2 + 1.0f;
			const float v4 = v3 * 0.5f;
			const float v5 = v0 * v0;
			const float v6 = v5 * (-0.5f);
			const float v7 = d2v_exp(v6);
			const float v8 = v0 * 0.398942292f;
			const float v9 = v8 * v7;
			const float v10 = v4 + v9;
			const float v11 = d2v_load_bf16(p1[3072 * i0 + i1]);
			const float v12 = v11 * v10;
			c13[i1] += v12;
			const uint16_t v14 = d2v_to_bf16((float)v12);
			const float v15 = d2v_load_bf16(p0[3072 * i0 + i1]);
			const float v16 = v15 * 0.5f;
			const float v17 = v15 * 0.707106769f;
			const float v18 = d2v_erf(v17);
			const float v19 = v18 + 1.0f;
			const float v20 = v16 * v19;
			const uint16_t v21 = d2v_to_bf16((float)v20);
			p2[3072 * i0 + i1] = v14;
			p3[3072 * i0 + i1] = v21;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 3072; i1++) {
		float sum13 = part13[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum13 += part13[chunk][i1];
		p4[i1] = sum13;
	}
}
