/* k021_columns: 1416 flops, 1242 bytes a launch
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:91  let e : [B, N, D] = student.predict(image, m) as [B, N, D] - y;
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k021_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, N_m:3, D:8] */
	const float *restrict p2 = p[2]; /* f32[B:2, N_m:3, D:8] */
	const float *restrict p3 = p[3]; /* f32[B:2, N_m:3, D:8] */
	float *restrict p4 = p[4]; /* f32[B:2, N_m:3, D:8], written */
	float *restrict p5 = p[5]; /* f32[B:2, N_m:3], written */
	float *restrict p6 = p[6]; /* f32[B:2, N_m:3], written */
	const float *restrict p7 = p[7]; /* f32[B:2, N_m:3, D:8] */
	float *restrict p8 = p[8]; /* f32[B:2, N_m:3, D:8], written */
	const uint8_t *restrict p9 = p[9]; /* bool[B:2, N_m:3] */
	float *restrict p10 = p[10]; /* f32[], written */
	float part39[4][1] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 4; chunk++) {
	float c39 = 0;
	for (int64_t row = 6L * chunk / 4; row < 6L * (chunk + 1) / 4; row++) {
		const int64_t i0 = row;
		float a1[8] __attribute__((aligned(64)));
		float r2 = 0;
		float a4[8] __attribute__((aligned(64)));
		float r6 = 0;
		float r11 = 0;
		float a13[8] __attribute__((aligned(64)));
		float r15 = 0;
		float a21[8] __attribute__((aligned(64)));
		float r22 = 0;
		float a24[8] __attribute__((aligned(64)));
		float r26 = 0;
		const uint8_t s0 = p9[i0];
		float t2[8] D2V_ALIGNED;
		float t11[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v0 = p0[i1] * p1[8 * i0 + i1];
			const float v1 = p2[8 * i0 + i1] + v0;
			a1[i1] = v1;
			t2[i1] = p3[8 * i0 + i1];
			t11[i1] = v1;
		}
		r2 += d2v_sum_of(t2, 8);
		r11 += d2v_sum_of(t11, 8);
		const float v3 = r2 * 0.125f;
		const float v12 = r11 * 0.125f;
		float t6[8] D2V_ALIGNED;
		float t15[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v4 = p3[8 * i0 + i1] - v3;
			a4[i1] = v4;
			const float v5 = v4 * v4;
			t6[i1] = v5;
			const float v13 = a1[i1] - v12;
			a13[i1] = v13;
			const float v14 = v13 * v13;
			t15[i1] = v14;
		}
		r6 += d2v_sum_of(t6, 8);
		r15 += d2v_sum_of(t15, 8);
		const float v7 = r6 * 0.125f;
		const float v8 = v7 + 9.99999975e-06f;
		const float v9 = d2v_rsqrt(v8);
		const float v16 = r15 * 0.125f;
		const float v17 = v16 + 9.99999975e-06f;
		const float v18 = d2v_rsqrt(v17);
		float t22[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v10 = a4[i1] * v9;
			const float v19 = a13[i1] * v18;
			const float v20 = v10 + v19;
			const float v21 = v20 * 0.5f;
			a21[i1] = v21;
			t22[i1] = v21;
			p4[8 * i0 + i1] = v20;
		}
		r22 += d2v_sum_of(t22, 8);
		const float v23 = r22 * 0.125f;
		p5[i0] = v23;
		float t26[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v24 = a21[i1] - v23;
			a24[i1] = v24;
			const float v25 = v24 * v24;
			t26[i1] = v25;
		}
		r26 += d2v_sum_of(t26, 8);
		const float v27 = r26 * 0.125f;
		const float v28 = v27 + 9.99999975e-06f;
		const float v29 = d2v_rsqrt(v28);
		p6[i0] = v29;
		float t39[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 8; i1++) {
			const float v30 = a24[i1] * v29;
			const float v31 = p7[8 * i0 + i1] - v30;
			const float v32 = d2v_abs(v31);
			const uint8_t v33 = v32 < 2.0f;
			const float v34 = v31 * v31;
			const float v35 = v34 * 0.25f;
			const float v36 = v32 - 1.0f;
			const float v37 = v33 ? v35 : v36;
			const float v38 = s0 ? v37 : 0.0f;
			t39[i1] = v38;
			p8[8 * i0 + i1] = v31;
		}
		c39 += d2v_sum_of(t39, 8);
	}
	part39[chunk][0] = c39;
	}
	float sum39 = part39[0][0];
	for (int chunk = 1; chunk < 4; chunk++)
		sum39 += part39[chunk][0];
	p10[0] = sum39;
}
