/* k034_columns: 6.846e+08 flops, 5.46e+08 bytes a launch
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:91  let e : [B, N, D] = student.predict(image, m) as [B, N, D] - y;
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k034_columns(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, N_m:120, D:768] */
	const float *restrict p1 = p[1]; /* f32[D:768] */
	const float *restrict p2 = p[2]; /* f32[B:128, N_m:120, D:768] */
	const int32_t *restrict p3 = p[3]; /* i32[B:128, N_m:120] */
	const float *restrict p4 = p[4]; /* f32[B:128, T:197, D:768] */
	const float *restrict p5 = p[5]; /* f32[B:128, T:197, D:768] */
	const float *restrict p6 = p[6]; /* f32[B:128, T:197, D:768] */
	const float *restrict p7 = p[7]; /* f32[B:128, T:197, D:768] */
	const float *restrict p8 = p[8]; /* f32[B:128, N_m:120, D:768] */
	const uint16_t *restrict p9 = p[9]; /* bf16[B:128, N_m:120, D:768] */
	float *restrict p10 = p[10]; /* f32[B:128, N_m:120, D:768], written */
	float *restrict p11 = p[11]; /* f32[B:128, N_m:120], written */
	float *restrict p12 = p[12]; /* f32[B:128, N_m:120], written */
	float *restrict p13 = p[13]; /* f32[B:128, N_m:120, D:768], written */
	const uint8_t *restrict p14 = p[14]; /* bool[B:128, N_m:120] */
	float *restrict p15 = p[15]; /* f32[], written */
	float part85[32][1] __attribute__((aligned(64)));
#pragma omp parallel for schedule(static)
	for (int chunk = 0; chunk < 32; chunk++) {
	float c85 = 0;
	for (int64_t row = 15360L * chunk / 32; row < 15360L * (chunk + 1) / 32; row++) {
		const int64_t i0 = row / 120;
		const int64_t i1 = row % 120;
		float a2[768] __attribute__((aligned(64)));
		float a3[768] __attribute__((aligned(64)));
		float a4[768] __attribute__((aligned(64)));
		float r5 = 0;
		float a7[768] __attribute__((aligned(64)));
		float r9 = 0;
		float r14 = 0;
		float a16[768] __attribute__((aligned(64)));
		float r18 = 0;
		float a24[768] __attribute__((aligned(64)));
		float r25 = 0;
		float a27[768] __attribute__((aligned(64)));
		float r29 = 0;
		float a35[768] __attribute__((aligned(64)));
		float r36 = 0;
		float a38[768] __attribute__((aligned(64)));
		float r40 = 0;
		float r46 = 0;
		float a48[768] __attribute__((aligned(64)));
		float r50 = 0;
		float r56 = 0;
		float a58[768] __attribute__((aligned(64)));
		float r60 = 0;
		float a66[768] __attribute__((aligned(64)));
		float r67 = 0;
		float a69[768] __attribute__((aligned(64)));
		float r71 = 0;
		float a76[768] __attribute__((aligned(64)));
		const uint8_t s0 = p14[120 * i0 + i1];
		float t5[768] D2V_ALIGNED;
		float t14[768] D2V_ALIGNED;
		float t25[768] D2V_ALIGNED;
		float t36[768] D2V_ALIGNED;
		float t46[768] D2V_ALIGNED;
		float t56[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v0 = d2v_load_bf16(p0[92160 * i0 + 768 * i1 + i2]);
			const float v1 = p1[i2] * v0;
			const float v2 = p2[92160 * i0 + 768 * i1 + i2] + v1;
			a2[i2] = v2;
			const float v3 = (p3[120 * i0 + i1] >= 0 ? p4[151296 * i0 + i2 + 768 * (p3[120 * i0 + i1])] : 0.0f);
			a3[i2] = v3;
			const float v4 = (p3[120 * i0 + i1] >= 0 ? p5[151296 * i0 + i2 + 768 * (p3[120 * i0 + i1])] : 0.0f);
			a4[i2] = v4;
			t5[i2] = v3;
			t14[i2] = v4;
			const float v24 = (p3[120 * i0 + i1] >= 0 ? p6[151296 * i0 + i2 + 768 * (p3[120 * i0 + i1])] : 0.0f);
			a24[i2] = v24;
			t25[i2] = v24;
			const float v35 = (p3[120 * i0 + i1] >= 0 ? p7[151296 * i0 + i2 + 768 * (p3[120 * i0 + i1])] : 0.0f);
			a35[i2] = v35;
			t36[i2] = v35;
			t46[i2] = p8[92160 * i0 + 768 * i1 + i2];
			t56[i2] = v2;
			const float v76 = d2v_load_bf16(p9[92160 * i0 + 768 * i1 + i2]);
			a76[i2] = v76;
		}
		r5 += d2v_sum_of(t5, 768);
		r14 += d2v_sum_of(t14, 768);
		r25 += d2v_sum_of(t25, 768);
		r36 += d2v_sum_of(t36, 768);
		r46 += d2v_sum_of(t46, 768);
		r56 += d2v_sum_of(t56, 768);
		const float v6 = r5 * 0.00130208337f;
		const float v15 = r14 * 0.00130208337f;
		const float v26 = r25 * 0.00130208337f;
		const float v37 = r36 * 0.00130208337f;
		const float v47 = r46 * 0.00130208337f;
		const float v57 = r56 * 0.00130208337f;
		float t9[768] D2V_ALIGNED;
		float t18[768] D2V_ALIGNED;
		float t29[768] D2V_ALIGNED;
		float t40[768] D2V_ALIGNED;
		float t50[768] D2V_ALIGNED;
		float t60[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v7 = a3[i2] - v6;
			a7[i2] = v7;
			const float v8 = v7 * v7;
			t9[i2] = v8;
			const float v16 = a4[i2] - v15;
			a16[i2] = v16;
			const float v17 = v16 * v16;
			t18[i2] = v17;
			const float v27 = a24[i2] - v26;
			a27[i2] = v27;
			const float v28 = v27 * v27;
			t29[i2] = v28;
			const float v38 = a35[i2] - v37;
			a38[i2] = v38;
			const float v39 = v38 * v38;
			t40[i2] = v39;
			const float v48 = p8[92160 * i0 + 768 * i1 + i2] - v47;
			a48[i2] = v48;
			const float v49 = v48 * v48;
			t50[i2] = v49;
			const float v58 = a2[i2] - v57;
			a58[i2] = v58;
			const float v59 = v58 * v58;
			t60[i2] = v59;
		}
		r9 += d2v_sum_of(t9, 768);
		r18 += d2v_sum_of(t18, 768);
		r29 += d2v_sum_of(t29, 768);
		r40 += d2v_sum_of(t40, 768);
		r50 += d2v_sum_of(t50, 768);
		r60 += d2v_sum_of(t60, 768);
		const float v10 = r9 * 0.00130208337f;
		const float v11 = v10 + 9.99999975e-06f;
		const float v12 = d2v_rsqrt(v11);
		const float v19 = r18 * 0.00130208337f;
		const float v20 = v19 + 9.99999975e-06f;
		const float v21 = d2v_rsqrt(v20);
		const float v30 = r29 * 0.00130208337f;
		const float v31 = v30 + 9.99999975e-06f;
		const float v32 = d2v_rsqrt(v31);
		const float v41 = r40 * 0.00130208337f;
		const float v42 = v41 + 9.99999975e-06f;
		const float v43 = d2v_rsqrt(v42);
		const float v51 = r50 * 0.00130208337f;
		const float v52 = v51 + 9.99999975e-06f;
		const float v53 = d2v_rsqrt(v52);
		const float v61 = r60 * 0.00130208337f;
		const float v62 = v61 + 9.99999975e-06f;
		const float v63 = d2v_rsqrt(v62);
		float t67[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v13 = a7[i2] * v12;
			const float v22 = a16[i2] * v21;
			const float v23 = v13 + v22;
			const float v33 = a27[i2] * v32;
			const float v34 = v23 + v33;
			const float v44 = a38[i2] * v43;
			const float v45 = v34 + v44;
			const float v54 = a48[i2] * v53;
			const float v55 = v45 + v54;
			const float v64 = a58[i2] * v63;
			const float v65 = v55 + v64;
			const float v66 = v65 * 0.166666672f;
			a66[i2] = v66;
			t67[i2] = v66;
			p10[92160 * i0 + 768 * i1 + i2] = v65;
		}
		r67 += d2v_sum_of(t67, 768);
		const float v68 = r67 * 0.00130208337f;
		p11[120 * i0 + i1] = v68;
		float t71[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v69 = a66[i2] - v68;
			a69[i2] = v69;
			const float v70 = v69 * v69;
			t71[i2] = v70;
		}
		r71 += d2v_sum_of(t71, 768);
		const float v72 = r71 * 0.00130208337f;
		const float v73 = v72 + 9.99999975e-06f;
		const float v74 = d2v_rsqrt(v73);
		p12[120 * i0 + i1] = v74;
		float t85[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i2 = 0; i2 < 768; i2++) {
			const float v75 = a69[i2] * v74;
			const float v77 = a76[i2] - v75;
			const float v78 = d2v_abs(v77);
			const uint8_t v79 = v78 < 2.0f;
			const float v80 = v77 * v77;
			const float v81 = v80 * 0.25f;
			const float v82 = v78 - 1.0f;
			const float v83 = v79 ? v81 : v82;
			const float v84 = s0 ? v83 : 0.0f;
			t85[i2] = v84;
			p13[92160 * i0 + 768 * i1 + i2] = v77;
		}
		c85 += d2v_sum_of(t85, 768);
	}
	part85[chunk][0] = c85;
	}
	float sum85 = part85[0][0];
	for (int chunk = 1; chunk < 32; chunk++)
		sum85 += part85[chunk][0];
	p15[0] = sum85;
}
