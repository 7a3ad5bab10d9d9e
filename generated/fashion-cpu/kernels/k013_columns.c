/* k013_columns: 8.913e+06 flops, 7.342e+06 bytes a launch
 *   models/fashion.d2v:60  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over N, eps = 1e-5);
 *   models/fashion.d2v:62  minimise mean(B, N, D where m) smooth_l1(p - top, beta = 2);
 */
#include "prelude.h" /* 7cb5e3de7d41eeda1fceac21fa051904 */

void
k013_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:16, D:128] */
	const float *restrict p1 = p[1]; /* f32[B:128, N:16, D:128] */
	const float *restrict p2 = p[2]; /* f32[B:128, N:16, D:128] */
	const float *restrict p3 = p[3]; /* f32[B:128, N:16, D:128] */
	float *restrict p4 = p[4]; /* f32[B:128, N:16, D:128], written */
	const float *restrict p5 = p[5]; /* f32[B:128, N:16, D:128] */
	float *restrict p6 = p[6]; /* f32[B:128, N:16, D:128], written */
	const uint8_t *restrict p7 = p[7]; /* bool[B:128, N:16] */
	float *restrict p8 = p[8]; /* f32[], written */
	float part48[32][1] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float c48 = 0;
	for (int64_t row = 16384L * chunk / 32; row < 16384L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row / 128;
		const int64_t i1 = row % 128;
		float r0 = 0;
		float a2[16] __attribute__((aligned(64)));
		float r4 = 0;
		float r9 = 0;
		float a11[16] __attribute__((aligned(64)));
		float r13 = 0;
		float r19 = 0;
		float a21[16] __attribute__((aligned(64)));
		float r23 = 0;
		float r29 = 0;
		float a31[16] __attribute__((aligned(64)));
		float r33 = 0;
		float t0 = 0;
		float t9 = 0;
		float t19 = 0;
		float t29 = 0;
#pragma omp simd reduction(+ : t0, t9, t19, t29)
		for (int64_t i2 = 0; i2 < 16; i2++) {
			t0 += p0[2176 * i0 + i1 + 128 * i2];
			t9 += p1[2176 * i0 + i1 + 128 * i2];
			t19 += p2[2176 * i0 + i1 + 128 * i2];
			t29 += p3[2176 * i0 + i1 + 128 * i2];
		}
		r0 += t0;
		r9 += t9;
		r19 += t19;
		r29 += t29;
		const float v1 = r0 * 0.0625f;
		const float v10 = r9 * 0.0625f;
		const float v20 = r19 * 0.0625f;
		const float v30 = r29 * 0.0625f;
		float t4 = 0;
		float t13 = 0;
		float t23 = 0;
		float t33 = 0;
#pragma omp simd reduction(+ : t4, t13, t23, t33)
		for (int64_t i2 = 0; i2 < 16; i2++) {
			const float v2 = p0[2176 * i0 + i1 + 128 * i2] - v1;
			a2[i2] = v2;
			const float v3 = v2 * v2;
			t4 += v3;
			const float v11 = p1[2176 * i0 + i1 + 128 * i2] - v10;
			a11[i2] = v11;
			const float v12 = v11 * v11;
			t13 += v12;
			const float v21 = p2[2176 * i0 + i1 + 128 * i2] - v20;
			a21[i2] = v21;
			const float v22 = v21 * v21;
			t23 += v22;
			const float v31 = p3[2176 * i0 + i1 + 128 * i2] - v30;
			a31[i2] = v31;
			const float v32 = v31 * v31;
			t33 += v32;
		}
		r4 += t4;
		r13 += t13;
		r23 += t23;
		r33 += t33;
		const float v5 = r4 * 0.0625f;
		const float v6 = v5 + 9.99999975e-06f;
		const float v7 = d2v_rsqrt(v6);
		const float v14 = r13 * 0.0625f;
		const float v15 = v14 + 9.99999975e-06f;
		const float v16 = d2v_rsqrt(v15);
		const float v24 = r23 * 0.0625f;
		const float v25 = v24 + 9.99999975e-06f;
		const float v26 = d2v_rsqrt(v25);
		const float v34 = r33 * 0.0625f;
		const float v35 = v34 + 9.99999975e-06f;
		const float v36 = d2v_rsqrt(v35);
		float t48 = 0;
#pragma omp simd reduction(+ : t48)
		for (int64_t i2 = 0; i2 < 16; i2++) {
			const float v8 = a2[i2] * v7;
			const float v17 = a11[i2] * v16;
			const float v18 = v8 + v17;
			const float v27 = a21[i2] * v26;
			const float v28 = v18 + v27;
			const float v37 = a31[i2] * v36;
			const float v38 = v28 + v37;
			const float v39 = v38 * 0.25f;
			const float v40 = p5[2048 * i0 + i1 + 128 * i2] - v39;
			const float v41 = d2v_abs(v40);
			const uint8_t v42 = v41 < 2.0f;
			const float v43 = v40 * v40;
			const float v44 = v43 * 0.25f;
			const float v45 = v41 - 1.0f;
			const float v46 = v42 ? v44 : v45;
			const float v47 = p7[16 * i0 + i2] ? v46 : 0.0f;
			t48 += v47;
			p4[2048 * i0 + i1 + 128 * i2] = v38;
			p6[2048 * i0 + i1 + 128 * i2] = v40;
		}
		c48 += t48;
	}
	part48[chunk][0] = c48;
	}
	float sum48 = part48[0][0];
	for (int chunk = 1; chunk < 32; chunk++)
		sum48 += part48[chunk][0];
	p8[0] = sum48;
}
