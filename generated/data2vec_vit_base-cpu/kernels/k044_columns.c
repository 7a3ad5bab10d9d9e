/* k044_columns: 2.831e+08 flops, 2.125e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k044_columns(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, N_m:120, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, N_m:120, D:768] */
	const float *restrict p2 = p[2]; /* f32[B:128, N_m:120] */
	const float *restrict p3 = p[3]; /* f32[B:128, N_m:120] */
	const float *restrict p4 = p[4]; /* f32[B:128, N_m:120] */
	const float *restrict p5 = p[5]; /* f32[B:128, N_m:120, D:768] */
	const uint16_t *restrict p6 = p[6]; /* bf16[B:128, N_m:120, D:768] */
	const float *restrict p7 = p[7]; /* f32[D:768] */
	float *restrict p8 = p[8]; /* f32[B:128, N_m:120, D:768], written */
	const uint8_t *restrict p9 = p[9]; /* bool[B:128] */
	const float *restrict p10 = p[10]; /* f32[D:768] */
	uint16_t *restrict p11 = p[11]; /* bf16[B:128, N_m:120, D:768], written */
	float *restrict p12 = p[12]; /* f32[D:768], written */
	float *restrict p13 = p[13]; /* f32[D:768], written */
	float *restrict p14 = p[14]; /* f32[D:768], written */
	float *restrict p15 = p[15]; /* f32[D:768], written */
	float part5[32][768] __attribute__((aligned(64)));
	float part8[32][768] __attribute__((aligned(64)));
	float part23[32][768] __attribute__((aligned(64)));
	float part24[32][768] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float *restrict c5 = part5[chunk];
	for (int64_t i = 0; i < 768; i++)
		c5[i] = 0;
	float *restrict c8 = part8[chunk];
	for (int64_t i = 0; i < 768; i++)
		c8[i] = 0;
	float *restrict c23 = part23[chunk];
	for (int64_t i = 0; i < 768; i++)
		c23[i] = 0;
	float *restrict c24 = part24[chunk];
	for (int64_t i = 0; i < 768; i++)
		c24[i] = 0;
	for (int64_t row = 15360L * chunk / 32; row < 15360L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row / 120;
		const int64_t i1 = row % 120;
		float a0[768] __attribute__((aligned(64)));
		float a2[768] __attribute__((aligned(64)));
		float a3[768] __attribute__((aligned(64)));
		float a6[768] __attribute__((aligned(64)));
		float r9 = 0;
		float r12 = 0;
		const float s0 = p2[120 * i0 + i1];
		const float s1 = p3[120 * i0 + i1];
		const float s2 = p4[120 * i0 + i1];
		const uint8_t s3 = p9[i0];
		float t9[768] D2V_ALIGNED;
		float t12[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v0 = d2v_load_bf16(p0[92160 * i0 + 768 * i1 + i2]);
			a0[i2] = v0;
			const float v1 = p1[92160 * i0 + 768 * i1 + i2] - s0;
			const float v2 = v1 * s1;
			a2[i2] = v2;
			const float v3 = s2 * p5[92160 * i0 + 768 * i1 + i2];
			a3[i2] = v3;
			const float v4 = d2v_load_bf16(p6[92160 * i0 + 768 * i1 + i2]);
			c5[i2] += v4;
			const float v6 = v4 * p7[i2];
			a6[i2] = v6;
			const float v7 = v4 * v2;
			c8[i2] += v7;
			t9[i2] = v6;
			const float v11 = v6 * v2;
			t12[i2] = v11;
		}
		r9 += d2v_sum_of(t9, 768);
		r12 += d2v_sum_of(t12, 768);
		const float v10 = r9 * 0.00130208337f;
		const float v13 = r12 * 0.00130208337f;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v14 = a2[i2] * v13;
			const float v15 = a6[i2] - v10;
			const float v16 = v15 - v14;
			const float v17 = s1 * v16;
			const float v18 = a3[i2] + v17;
			const float v19 = v18 * 1.33333337f;
			const float v20 = s3 ? v19 : 0.0f;
			const float v21 = v20 * a0[i2];
			const float v22 = v20 * p10[i2];
			c23[i2] += v21;
			c24[i2] += v22;
			const uint16_t v25 = d2v_to_bf16((float)v22);
			p8[92160 * i0 + 768 * i1 + i2] = v18;
			p11[92160 * i0 + 768 * i1 + i2] = v25;
		}
	}
	}
	for (int64_t i2 = 0; i2 < 768; i2++) {
		float sum5 = part5[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum5 += part5[chunk][i2];
		p12[i2] = sum5;
	}
	for (int64_t i2 = 0; i2 < 768; i2++) {
		float sum8 = part8[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum8 += part8[chunk][i2];
		p13[i2] = sum8;
	}
	for (int64_t i2 = 0; i2 < 768; i2++) {
		float sum23 = part23[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum23 += part23[chunk][i2];
		p14[i2] = sum23;
	}
	for (int64_t i2 = 0; i2 < 768; i2++) {
		float sum24 = part24[0][i2];
		for (int chunk = 1; chunk < 32; chunk++)
			sum24 += part24[chunk][i2];
		p15[i2] = sum24;
	}
}
