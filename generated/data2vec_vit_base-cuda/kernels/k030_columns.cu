/* k030_columns: 6.846e+08 flops, 5.46e+08 bytes a launch
 * 15360 rows of 768 elements, sums of columns: 192 threads a row, 396 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, N_m:120, D:768]
 *   p1  f32[D:768]
 *   p2  f32[B:128, N_m:120, D:768]
 *   p3  i32[B:128, N_m:120]
 *   p4  f32[B:128, T:197, D:768]
 *   p5  f32[B:128, T:197, D:768]
 *   p6  f32[B:128, T:197, D:768]
 *   p7  f32[B:128, T:197, D:768]
 *   p8  f32[B:128, N_m:120, D:768]
 *   p9  bf16[B:128, N_m:120, D:768]
 *   p10  f32[B:128, N_m:120, D:768]  written
 *   p11  f32[B:128, N_m:120]  written
 *   p12  f32[B:128, N_m:120]  written
 *   p13  f32[B:128, N_m:120, D:768]  written
 *   p14  bool[B:128, N_m:120]
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:91  let e : [B, N, D] = student.predict(image, m) as [B, N, D] - y;
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(192, 3)
k030_columns(const uint16_t *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const int32_t *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, const float *__restrict__ p7, const float *__restrict__ p8, const uint16_t *__restrict__ p9, float *__restrict__ p10, float *__restrict__ p11, float *__restrict__ p12, float *__restrict__ p13, const uint8_t *__restrict__ p14, float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 84);
	float c85 = 0;
	const int lane = threadIdx.x;
	const int first = 15360 * blockIdx.x / 396, end = 15360 * (blockIdx.x + 1) / 396;
	for (int row = first; row < end; row++) {
		const int i0 = row / 120;
		const int i1 = row % 120;
		const uint8_t s0 = p14[120 * i0 + i1];
		float x7[4];
		{
			const int e2 = 4 * lane;
			d2v_load(x7, p8 + 92160 * i0 + 768 * i1 + e2);
		}
		float a2[4];
		float a3[4];
		float a4[4];
		float a7[4];
		float a16[4];
		float a24[4];
		float a27[4];
		float a35[4];
		float a38[4];
		float a48[4];
		float a58[4];
		float a66[4];
		float a69[4];
		float a76[4];
		float t5 = 0;
		float t14 = 0;
		float t25 = 0;
		float t36 = 0;
		float t46 = 0;
		float t56 = 0;
		{
			const int e2 = 4 * lane;
			uint16_t x0[4];
			d2v_load(x0, p0 + 92160 * i0 + 768 * i1 + e2);
			float x1[4];
			d2v_load(x1, p1 + e2);
			float x2[4];
			d2v_load(x2, p2 + 92160 * i0 + 768 * i1 + e2);
			float x3[4] = {};
			if (p3[120 * i0 + i1] >= 0)
				d2v_load(x3, p4 + 151296 * i0 + e2 + 768 * (p3[120 * i0 + i1]));
			float x4[4] = {};
			if (p3[120 * i0 + i1] >= 0)
				d2v_load(x4, p5 + 151296 * i0 + e2 + 768 * (p3[120 * i0 + i1]));
			float x5[4] = {};
			if (p3[120 * i0 + i1] >= 0)
				d2v_load(x5, p6 + 151296 * i0 + e2 + 768 * (p3[120 * i0 + i1]));
			float x6[4] = {};
			if (p3[120 * i0 + i1] >= 0)
				d2v_load(x6, p7 + 151296 * i0 + e2 + 768 * (p3[120 * i0 + i1]));
			uint16_t x8[4];
			d2v_load(x8, p9 + 92160 * i0 + 768 * i1 + e2);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = d2v_load_bf16(x0[j]);
				const float v1 = x1[j] * v0;
				const float v2 = x2[j] + v1;
				a2[j] = v2;
				const float v3 = (p3[120 * i0 + i1] >= 0 ? x3[j] : 0.0f);
				a3[j] = v3;
				const float v4 = (p3[120 * i0 + i1] >= 0 ? x4[j] : 0.0f);
				a4[j] = v4;
				t5 += v3;
				t14 += v4;
				const float v24 = (p3[120 * i0 + i1] >= 0 ? x5[j] : 0.0f);
				a24[j] = v24;
				t25 += v24;
				const float v35 = (p3[120 * i0 + i1] >= 0 ? x6[j] : 0.0f);
				a35[j] = v35;
				t36 += v35;
				t46 += x7[j];
				t56 += v2;
				const float v76 = d2v_load_bf16(x8[j]);
				a76[j] = v76;
			}
		}
		t5 = d2v_warp_sum(t5);
		if (lane % 32 == 0)
			part[0 + lane / 32] = t5;
		t14 = d2v_warp_sum(t14);
		if (lane % 32 == 0)
			part[6 + lane / 32] = t14;
		t25 = d2v_warp_sum(t25);
		if (lane % 32 == 0)
			part[12 + lane / 32] = t25;
		t36 = d2v_warp_sum(t36);
		if (lane % 32 == 0)
			part[18 + lane / 32] = t36;
		t46 = d2v_warp_sum(t46);
		if (lane % 32 == 0)
			part[24 + lane / 32] = t46;
		t56 = d2v_warp_sum(t56);
		if (lane % 32 == 0)
			part[30 + lane / 32] = t56;
		d2v_barrier();
		const float r5 = d2v_total<6>(part + 0);
		const float r14 = d2v_total<6>(part + 6);
		const float r25 = d2v_total<6>(part + 12);
		const float r36 = d2v_total<6>(part + 18);
		const float r46 = d2v_total<6>(part + 24);
		const float r56 = d2v_total<6>(part + 30);
		const float v6 = r5 * 0.00130208337f;
		const float v15 = r14 * 0.00130208337f;
		const float v26 = r25 * 0.00130208337f;
		const float v37 = r36 * 0.00130208337f;
		const float v47 = r46 * 0.00130208337f;
		const float v57 = r56 * 0.00130208337f;
		float t9 = 0;
		float t18 = 0;
		float t29 = 0;
		float t40 = 0;
		float t50 = 0;
		float t60 = 0;
		{
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v7 = a3[j] - v6;
				a7[j] = v7;
				const float v8 = v7 * v7;
				t9 += v8;
				const float v16 = a4[j] - v15;
				a16[j] = v16;
				const float v17 = v16 * v16;
				t18 += v17;
				const float v27 = a24[j] - v26;
				a27[j] = v27;
				const float v28 = v27 * v27;
				t29 += v28;
				const float v38 = a35[j] - v37;
				a38[j] = v38;
				const float v39 = v38 * v38;
				t40 += v39;
				const float v48 = x7[j] - v47;
				a48[j] = v48;
				const float v49 = v48 * v48;
				t50 += v49;
				const float v58 = a2[j] - v57;
				a58[j] = v58;
				const float v59 = v58 * v58;
				t60 += v59;
			}
		}
		t9 = d2v_warp_sum(t9);
		if (lane % 32 == 0)
			part[36 + lane / 32] = t9;
		t18 = d2v_warp_sum(t18);
		if (lane % 32 == 0)
			part[42 + lane / 32] = t18;
		t29 = d2v_warp_sum(t29);
		if (lane % 32 == 0)
			part[48 + lane / 32] = t29;
		t40 = d2v_warp_sum(t40);
		if (lane % 32 == 0)
			part[54 + lane / 32] = t40;
		t50 = d2v_warp_sum(t50);
		if (lane % 32 == 0)
			part[60 + lane / 32] = t50;
		t60 = d2v_warp_sum(t60);
		if (lane % 32 == 0)
			part[66 + lane / 32] = t60;
		d2v_barrier();
		const float r9 = d2v_total<6>(part + 36);
		const float r18 = d2v_total<6>(part + 42);
		const float r29 = d2v_total<6>(part + 48);
		const float r40 = d2v_total<6>(part + 54);
		const float r50 = d2v_total<6>(part + 60);
		const float r60 = d2v_total<6>(part + 66);
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
		float t67 = 0;
		{
			const int e2 = 4 * lane;
			float y65[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v13 = a7[j] * v12;
				const float v22 = a16[j] * v21;
				const float v23 = v13 + v22;
				const float v33 = a27[j] * v32;
				const float v34 = v23 + v33;
				const float v44 = a38[j] * v43;
				const float v45 = v34 + v44;
				const float v54 = a48[j] * v53;
				const float v55 = v45 + v54;
				const float v64 = a58[j] * v63;
				const float v65 = v55 + v64;
				y65[j] = v65;
				const float v66 = v65 * 0.166666672f;
				a66[j] = v66;
				t67 += v66;
			}
			d2v_store(p10 + 92160 * i0 + 768 * i1 + e2, y65);
		}
		t67 = d2v_warp_sum(t67);
		if (lane % 32 == 0)
			part[72 + lane / 32] = t67;
		d2v_barrier();
		const float r67 = d2v_total<6>(part + 72);
		const float v68 = r67 * 0.00130208337f;
		if (lane == 0)
			p11[120 * i0 + i1] = v68;
		float t71 = 0;
		{
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v69 = a66[j] - v68;
				a69[j] = v69;
				const float v70 = v69 * v69;
				t71 += v70;
			}
		}
		t71 = d2v_warp_sum(t71);
		if (lane % 32 == 0)
			part[78 + lane / 32] = t71;
		d2v_barrier();
		const float r71 = d2v_total<6>(part + 78);
		const float v72 = r71 * 0.00130208337f;
		const float v73 = v72 + 9.99999975e-06f;
		const float v74 = d2v_rsqrt(v73);
		if (lane == 0)
			p12[120 * i0 + i1] = v74;
		{
			const int e2 = 4 * lane;
			float y77[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v75 = a69[j] * v74;
				const float v77 = a76[j] - v75;
				y77[j] = v77;
				const float v78 = d2v_abs(v77);
				const uint8_t v79 = v78 < 2.0f;
				const float v80 = v77 * v77;
				const float v81 = v80 * 0.25f;
				const float v82 = v78 - 1.0f;
				const float v83 = v79 ? v81 : v82;
				const float v84 = s0 ? v83 : 0.0f;
				c85 += v84;
			}
			d2v_store(p13 + 92160 * i0 + 768 * i1 + e2, y77);
		}
	}
	D2V_SHARED(float, sums, 6);
	float *const out = scratch + 1ll * blockIdx.x;
	c85 = d2v_warp_sum(c85);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = c85;
	d2v_barrier();
	if (threadIdx.x == 0)
		out[0 + 0] = d2v_total<6>(sums);
	d2v_barrier();
}
