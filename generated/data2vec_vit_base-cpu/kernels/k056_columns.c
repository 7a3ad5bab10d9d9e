/* k056_columns: 2.905e+08 flops, 2.713e+08 bytes a launch
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k056_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, T:197, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, T:197] */
	const float *restrict p2 = p[2]; /* f32[B:128, T:197] */
	const uint16_t *restrict p3 = p[3]; /* bf16[B:128, T:197, D:768] */
	const float *restrict p4 = p[4]; /* f32[D:768] */
	const float *restrict p5 = p[5]; /* f32[B:128, T:197, D:768] */
	float *restrict p6 = p[6]; /* f32[B:128, T:197, D:768], written */
	float *restrict p7 = p[7]; /* f32[D:768], written */
	float *restrict p8 = p[8]; /* f32[D:768], written */
	float part3[32][768] __attribute__((aligned(64)));
	float part6[32][768] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c3 = part3[chunk];
	for (int64_t i = 0; i < 768; i++)
		c3[i] = 0;
	float *restrict c6 = part6[chunk];
	for (int64_t i = 0; i < 768; i++)
		c6[i] = 0;
	for (int64_t row = 25216L * chunk / 32; row < 25216L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row;
		float a1[768] __attribute__((aligned(64)));
		float a4[768] __attribute__((aligned(64)));
		float r7 = 0;
		float r10 = 0;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		float t7[768] D2V_ALIGNED;
		float t10[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v0 = p0[768 * i0 + i1] - s0;
			const float v1 = v0 * s1;
			a1[i1] = v1;
			const float v2 = d2v_load_bf16(p3[768 * i0 + i1]);
			c3[i1] += v2;
			const float v4 = v2 * p4[i1];
			a4[i1] = v4;
			const float v5 = v2 * v1;
			c6[i1] += v5;
			t7[i1] = v4;
			const float v9 = v4 * v1;
			t10[i1] = v9;
		}
		r7 += d2v_sum_of(t7, 768);
		r10 += d2v_sum_of(t10, 768);
		const float v8 = r7 * 0.00130208337f;
		const float v11 = r10 * 0.00130208337f;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v12 = a1[i1] * v11;
			const float v13 = a4[i1] - v8;
			const float v14 = v13 - v12;
			const float v15 = s1 * v14;
			const float v16 = p5[768 * i0 + i1] + v15;
			p6[768 * i0 + i1] = v16;
		}
	}
	}
	for (int64_t i1 = 0; i1 < 768; i1++) {
		float sum3 = part3[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum3 += part3[chunk][i1];
		p7[i1] = sum3;
	}
	for (int64_t i1 = 0; i1 < 768; i1++) {
		float sum6 = part6[0][i1];
		for (int chunk = 1; chunk < 32; chunk++)
			sum6 += part6[chunk][i1];
		p8[i1] = sum6;
	}
}
