/* k013_columns: 1760 flops, 1356 bytes a launch
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:91  let e : [B, N, D] = student.predict(image, m) as [B, N, D] - y;
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k013_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:2, N:4, D:8] */
	const float *restrict p1 = p[1]; /* f32[B:2, N:4, D:8] */
	float *restrict p2 = p[2]; /* f32[B:2, N:4, D:8], written */
	float *restrict p3 = p[3]; /* f32[B:2, N:4], written */
	float *restrict p4 = p[4]; /* f32[B:2, N:4], written */
	const float *restrict p5 = p[5]; /* f32[B:2, N:4, D:8] */
	float *restrict p6 = p[6]; /* f32[B:2, N:4, D:8], written */
	const uint8_t *restrict p7 = p[7]; /* bool[B:2, N:4] */
	float *restrict p8 = p[8]; /* f32[], written */
	float part37[8][1] __attribute__((aligned(64)));
	for (int chunk = 0; chunk < 8; chunk++) {
	float c37 = 0;
	for (int64_t row = 8L * chunk / 8; row < 8L * (chunk + 1) / 8; row++) {
		const int64_t i0 = row / 4;
		const int64_t i1 = row % 4;
		float r0 = 0;
		float a2[8] __attribute__((aligned(64)));
		float r4 = 0;
		float r9 = 0;
		float a11[8] __attribute__((aligned(64)));
		float r13 = 0;
		float a19[8] __attribute__((aligned(64)));
		float r20 = 0;
		float a22[8] __attribute__((aligned(64)));
		float r24 = 0;
		const uint8_t s0 = p7[4 * i0 + i1];
		float t0[8] D2V_ALIGNED;
		float t9[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			t0[i2] = p0[40 * i0 + 8 * i1 + i2];
			t9[i2] = p1[40 * i0 + 8 * i1 + i2];
		}
		r0 += d2v_sum_of(t0, 8);
		r9 += d2v_sum_of(t9, 8);
		const float v1 = r0 * 0.125f;
		const float v10 = r9 * 0.125f;
		float t4[8] D2V_ALIGNED;
		float t13[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v2 = p0[40 * i0 + 8 * i1 + i2] - v1;
			a2[i2] = v2;
			const float v3 = v2 * v2;
			t4[i2] = v3;
			const float v11 = p1[40 * i0 + 8 * i1 + i2] - v10;
			a11[i2] = v11;
			const float v12 = v11 * v11;
			t13[i2] = v12;
		}
		r4 += d2v_sum_of(t4, 8);
		r13 += d2v_sum_of(t13, 8);
		const float v5 = r4 * 0.125f;
		const float v6 = v5 + 9.99999975e-06f;
		const float v7 = d2v_rsqrt(v6);
		const float v14 = r13 * 0.125f;
		const float v15 = v14 + 9.99999975e-06f;
		const float v16 = d2v_rsqrt(v15);
		float t20[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v8 = a2[i2] * v7;
			const float v17 = a11[i2] * v16;
			const float v18 = v8 + v17;
			const float v19 = v18 * 0.5f;
			a19[i2] = v19;
			t20[i2] = v19;
			p2[32 * i0 + 8 * i1 + i2] = v18;
		}
		r20 += d2v_sum_of(t20, 8);
		const float v21 = r20 * 0.125f;
		p3[4 * i0 + i1] = v21;
		float t24[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v22 = a19[i2] - v21;
			a22[i2] = v22;
			const float v23 = v22 * v22;
			t24[i2] = v23;
		}
		r24 += d2v_sum_of(t24, 8);
		const float v25 = r24 * 0.125f;
		const float v26 = v25 + 9.99999975e-06f;
		const float v27 = d2v_rsqrt(v26);
		p4[4 * i0 + i1] = v27;
		float t37[8] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 8; i2++) {
			const float v28 = a22[i2] * v27;
			const float v29 = p5[32 * i0 + 8 * i1 + i2] - v28;
			const float v30 = d2v_abs(v29);
			const uint8_t v31 = v30 < 2.0f;
			const float v32 = v29 * v29;
			const float v33 = v32 * 0.25f;
			const float v34 = v30 - 1.0f;
			const float v35 = v31 ? v33 : v34;
			const float v36 = s0 ? v35 : 0.0f;
			t37[i2] = v36;
			p6[32 * i0 + 8 * i1 + i2] = v29;
		}
		c37 += d2v_sum_of(t37, 8);
	}
	part37[chunk][0] = c37;
	}
	float sum37 = part37[0][0];
	for (int chunk = 1; chunk < 8; chunk++)
		sum37 += part37[chunk][0];
	p8[0] = sum37;
}
