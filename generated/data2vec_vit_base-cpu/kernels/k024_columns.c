/* k024_columns: 9.833e+08 flops, 6.553e+08 bytes a launch
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:91  let e : [B, N, D] = student.predict(image, m) as [B, N, D] - y;
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* f9129bde1cfb6eecdc69ba0deb6b4a2b */

void
k024_columns(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:128, N:196, D:768] */
	const float *restrict p1 = p[1]; /* f32[B:128, N:196, D:768] */
	const float *restrict p2 = p[2]; /* f32[B:128, N:196, D:768] */
	const float *restrict p3 = p[3]; /* f32[B:128, N:196, D:768] */
	const float *restrict p4 = p[4]; /* f32[B:128, N:196, D:768] */
	const float *restrict p5 = p[5]; /* f32[B:128, N:196, D:768] */
	const uint16_t *restrict p6 = p[6]; /* bf16[B:128, N:196, D:768] */
	float *restrict p7 = p[7]; /* f32[B:128, N:196, D:768], written */
	float *restrict p8 = p[8]; /* f32[B:128, N:196], written */
	float *restrict p9 = p[9]; /* f32[B:128, N:196], written */
	float *restrict p10 = p[10]; /* f32[B:128, N:196, D:768], written */
	const uint8_t *restrict p11 = p[11]; /* bool[B:128, N:196] */
	float *restrict p12 = p[12]; /* f32[], written */
	float part78[32][1] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float c78 = 0;
	for (int64_t row = 25088L * chunk / 32; row < 25088L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row / 196;
		const int64_t i1 = row % 196;
		float r0 = 0;
		float a2[768] __attribute__((aligned(64)));
		float r4 = 0;
		float r9 = 0;
		float a11[768] __attribute__((aligned(64)));
		float r13 = 0;
		float r19 = 0;
		float a21[768] __attribute__((aligned(64)));
		float r23 = 0;
		float r29 = 0;
		float a31[768] __attribute__((aligned(64)));
		float r33 = 0;
		float r39 = 0;
		float a41[768] __attribute__((aligned(64)));
		float r43 = 0;
		float r49 = 0;
		float a51[768] __attribute__((aligned(64)));
		float r53 = 0;
		float a59[768] __attribute__((aligned(64)));
		float r60 = 0;
		float a62[768] __attribute__((aligned(64)));
		float r64 = 0;
		float a69[768] __attribute__((aligned(64)));
		const uint8_t s0 = p11[196 * i0 + i1];
		float t0[768] D2V_ALIGNED;
		float t9[768] D2V_ALIGNED;
		float t19[768] D2V_ALIGNED;
		float t29[768] D2V_ALIGNED;
		float t39[768] D2V_ALIGNED;
		float t49[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			t0[i2] = p0[151296 * i0 + 768 * i1 + i2];
			t9[i2] = p1[151296 * i0 + 768 * i1 + i2];
			t19[i2] = p2[151296 * i0 + 768 * i1 + i2];
			t29[i2] = p3[151296 * i0 + 768 * i1 + i2];
			t39[i2] = p4[151296 * i0 + 768 * i1 + i2];
			t49[i2] = p5[151296 * i0 + 768 * i1 + i2];
			const float v69 = d2v_load_bf16(p6[150528 * i0 + 768 * i1 + i2]);
			a69[i2] = v69;
		}
		r0 += d2v_sum_of(t0, 768);
		r9 += d2v_sum_of(t9, 768);
		r19 += d2v_sum_of(t19, 768);
		r29 += d2v_sum_of(t29, 768);
		r39 += d2v_sum_of(t39, 768);
		r49 += d2v_sum_of(t49, 768);
		const float v1 = r0 * 0.00130208337f;
		const float v10 = r9 * 0.00130208337f;
		const float v20 = r19 * 0.00130208337f;
		const float v30 = r29 * 0.00130208337f;
		const float v40 = r39 * 0.00130208337f;
		const float v50 = r49 * 0.00130208337f;
		float t4[768] D2V_ALIGNED;
		float t13[768] D2V_ALIGNED;
		float t23[768] D2V_ALIGNED;
		float t33[768] D2V_ALIGNED;
		float t43[768] D2V_ALIGNED;
		float t53[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v2 = p0[151296 * i0 + 768 * i1 + i2] - v1;
			a2[i2] = v2;
			const float v3 = v2 * v2;
			t4[i2] = v3;
			const float v11 = p1[151296 * i0 + 768 * i1 + i2] - v10;
			a11[i2] = v11;
			const float v12 = v11 * v11;
			t13[i2] = v12;
			const float v21 = p2[151296 * i0 + 768 * i1 + i2] - v20;
			a21[i2] = v21;
			const float v22 = v21 * v21;
			t23[i2] = v22;
			const float v31 = p3[151296 * i0 + 768 * i1 + i2] - v30;
			a31[i2] = v31;
			const float v32 = v31 * v31;
			t33[i2] = v32;
			const float v41 = p4[151296 * i0 + 768 * i1 + i2] - v40;
			a41[i2] = v41;
			const float v42 = v41 * v41;
			t43[i2] = v42;
			const float v51 = p5[151296 * i0 + 768 * i1 + i2] - v50;
			a51[i2] = v51;
			const float v52 = v51 * v51;
			t53[i2] = v52;
		}
		r4 += d2v_sum_of(t4, 768);
		r13 += d2v_sum_of(t13, 768);
		r23 += d2v_sum_of(t23, 768);
		r33 += d2v_sum_of(t33, 768);
		r43 += d2v_sum_of(t43, 768);
		r53 += d2v_sum_of(t53, 768);
		const float v5 = r4 * 0.00130208337f;
		const float v6 = v5 + 9.99999975e-06f;
		const float v7 = d2v_rsqrt(v6);
		const float v14 = r13 * 0.00130208337f;
		const float v15 = v14 + 9.99999975e-06f;
		const float v16 = d2v_rsqrt(v15);
		const float v24 = r23 * 0.00130208337f;
		const float v25 = v24 + 9.99999975e-06f;
		const float v26 = d2v_rsqrt(v25);
		const float v34 = r33 * 0.00130208337f;
		const float v35 = v34 + 9.99999975e-06f;
		const float v36 = d2v_rsqrt(v35);
		const float v44 = r43 * 0.00130208337f;
		const float v45 = v44 + 9.99999975e-06f;
		const float v46 = d2v_rsqrt(v45);
		const float v54 = r53 * 0.00130208337f;
		const float v55 = v54 + 9.99999975e-06f;
		const float v56 = d2v_rsqrt(v55);
		float t60[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v8 = a2[i2] * v7;
			const float v17 = a11[i2] * v16;
			const float v18 = v8 + v17;
			const float v27 = a21[i2] * v26;
			const float v28 = v18 + v27;
			const float v37 = a31[i2] * v36;
			const float v38 = v28 + v37;
			const float v47 = a41[i2] * v46;
			const float v48 = v38 + v47;
			const float v57 = a51[i2] * v56;
			const float v58 = v48 + v57;
			const float v59 = v58 * 0.166666672f;
			a59[i2] = v59;
			t60[i2] = v59;
			p7[150528 * i0 + 768 * i1 + i2] = v58;
		}
		r60 += d2v_sum_of(t60, 768);
		const float v61 = r60 * 0.00130208337f;
		p8[196 * i0 + i1] = v61;
		float t64[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v62 = a59[i2] - v61;
			a62[i2] = v62;
			const float v63 = v62 * v62;
			t64[i2] = v63;
		}
		r64 += d2v_sum_of(t64, 768);
		const float v65 = r64 * 0.00130208337f;
		const float v66 = v65 + 9.99999975e-06f;
		const float v67 = d2v_rsqrt(v66);
		p9[196 * i0 + i1] = v67;
		float t78[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v68 = a62[i2] * v67;
			const float v70 = a69[i2] - v68;
			const float v71 = d2v_abs(v70);
			const uint8_t v72 = v71 < 2.0f;
			const float v73 = v70 * v70;
			const float v74 = v73 * 0.25f;
			const float v75 = v71 - 1.0f;
			const float v76 = v72 ? v74 : v75;
			const float v77 = s0 ? v76 : 0.0f;
			t78[i2] = v77;
			p10[150528 * i0 + 768 * i1 + i2] = v70;
		}
		c78 += d2v_sum_of(t78, 768);
	}
	part78[chunk][0] = c78;
	}
	float sum78 = part78[0][0];
	for (int chunk = 1; chunk < 32; chunk++)
		sum78 += part78[chunk][0];
	p12[0] = sum78;
}
