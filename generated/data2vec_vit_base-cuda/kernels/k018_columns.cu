/* k018_columns: 9.833e+08 flops, 6.553e+08 bytes a launch
 * 25088 rows of 768 elements, sums of columns: 192 threads a row, 396 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:196, D:768]
 *   p1  f32[B:128, N:196, D:768]
 *   p2  f32[B:128, N:196, D:768]
 *   p3  f32[B:128, N:196, D:768]
 *   p4  f32[B:128, N:196, D:768]
 *   p5  f32[B:128, N:196, D:768]
 *   p6  bf16[B:128, N:196, D:768]
 *   p7  f32[B:128, N:196, D:768]  written
 *   p8  f32[B:128, N:196]  written
 *   p9  f32[B:128, N:196]  written
 *   p10  f32[B:128, N:196, D:768]  written
 *   p11  bool[B:128, N:196]
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:91  let e : [B, N, D] = student.predict(image, m) as [B, N, D] - y;
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(192, 3)
k018_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const uint16_t *__restrict__ p6, float *__restrict__ p7, float *__restrict__ p8, float *__restrict__ p9, float *__restrict__ p10, const uint8_t *__restrict__ p11, float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 84);
	float c78 = 0;
	const int lane = threadIdx.x;
	const int first = 25088 * blockIdx.x / 396, end = 25088 * (blockIdx.x + 1) / 396;
	for (int row = first; row < end; row++) {
		const int i0 = row / 196;
		const int i1 = row % 196;
		const uint8_t s0 = p11[196 * i0 + i1];
		float x0[4];
		float x1[4];
		float x2[4];
		float x3[4];
		float x4[4];
		float x5[4];
		{
			const int e2 = 4 * lane;
			d2v_load(x0, p0 + 151296 * i0 + 768 * i1 + e2);
			d2v_load(x1, p1 + 151296 * i0 + 768 * i1 + e2);
			d2v_load(x2, p2 + 151296 * i0 + 768 * i1 + e2);
			d2v_load(x3, p3 + 151296 * i0 + 768 * i1 + e2);
			d2v_load(x4, p4 + 151296 * i0 + 768 * i1 + e2);
			d2v_load(x5, p5 + 151296 * i0 + 768 * i1 + e2);
		}
		float a2[4];
		float a11[4];
		float a21[4];
		float a31[4];
		float a41[4];
		float a51[4];
		float a59[4];
		float a62[4];
		float a69[4];
		float t0 = 0;
		float t9 = 0;
		float t19 = 0;
		float t29 = 0;
		float t39 = 0;
		float t49 = 0;
		{
			const int e2 = 4 * lane;
			uint16_t x6[4];
			d2v_load(x6, p6 + 150528 * i0 + 768 * i1 + e2);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				t0 += x0[j];
				t9 += x1[j];
				t19 += x2[j];
				t29 += x3[j];
				t39 += x4[j];
				t49 += x5[j];
				const float v69 = d2v_load_bf16(x6[j]);
				a69[j] = v69;
			}
		}
		t0 = d2v_warp_sum(t0);
		if (lane % 32 == 0)
			part[0 + lane / 32] = t0;
		t9 = d2v_warp_sum(t9);
		if (lane % 32 == 0)
			part[6 + lane / 32] = t9;
		t19 = d2v_warp_sum(t19);
		if (lane % 32 == 0)
			part[12 + lane / 32] = t19;
		t29 = d2v_warp_sum(t29);
		if (lane % 32 == 0)
			part[18 + lane / 32] = t29;
		t39 = d2v_warp_sum(t39);
		if (lane % 32 == 0)
			part[24 + lane / 32] = t39;
		t49 = d2v_warp_sum(t49);
		if (lane % 32 == 0)
			part[30 + lane / 32] = t49;
		d2v_barrier();
		const float r0 = d2v_total<6>(part + 0);
		const float r9 = d2v_total<6>(part + 6);
		const float r19 = d2v_total<6>(part + 12);
		const float r29 = d2v_total<6>(part + 18);
		const float r39 = d2v_total<6>(part + 24);
		const float r49 = d2v_total<6>(part + 30);
		const float v1 = r0 * 0.00130208337f;
		const float v10 = r9 * 0.00130208337f;
		const float v20 = r19 * 0.00130208337f;
		const float v30 = r29 * 0.00130208337f;
		const float v40 = r39 * 0.00130208337f;
		const float v50 = r49 * 0.00130208337f;
		float t4 = 0;
		float t13 = 0;
		float t23 = 0;
		float t33 = 0;
		float t43 = 0;
		float t53 = 0;
		{
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v2 = x0[j] - v1;
				a2[j] = v2;
				const float v3 = v2 * v2;
				t4 += v3;
				const float v11 = x1[j] - v10;
				a11[j] = v11;
				const float v12 = v11 * v11;
				t13 += v12;
				const float v21 = x2[j] - v20;
				a21[j] = v21;
				const float v22 = v21 * v21;
				t23 += v22;
				const float v31 = x3[j] - v30;
				a31[j] = v31;
				const float v32 = v31 * v31;
				t33 += v32;
				const float v41 = x4[j] - v40;
				a41[j] = v41;
				const float v42 = v41 * v41;
				t43 += v42;
				const float v51 = x5[j] - v50;
				a51[j] = v51;
				const float v52 = v51 * v51;
				t53 += v52;
			}
		}
		t4 = d2v_warp_sum(t4);
		if (lane % 32 == 0)
			part[36 + lane / 32] = t4;
		t13 = d2v_warp_sum(t13);
		if (lane % 32 == 0)
			part[42 + lane / 32] = t13;
		t23 = d2v_warp_sum(t23);
		if (lane % 32 == 0)
			part[48 + lane / 32] = t23;
		t33 = d2v_warp_sum(t33);
		if (lane % 32 == 0)
			part[54 + lane / 32] = t33;
		t43 = d2v_warp_sum(t43);
		if (lane % 32 == 0)
			part[60 + lane / 32] = t43;
		t53 = d2v_warp_sum(t53);
		if (lane % 32 == 0)
			part[66 + lane / 32] = t53;
		d2v_barrier();
		const float r4 = d2v_total<6>(part + 36);
		const float r13 = d2v_total<6>(part + 42);
		const float r23 = d2v_total<6>(part + 48);
		const float r33 = d2v_total<6>(part + 54);
		const float r43 = d2v_total<6>(part + 60);
		const float r53 = d2v_total<6>(part + 66);
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
		float t60 = 0;
		{
			const int e2 = 4 * lane;
			float y58[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v8 = a2[j] * v7;
				const float v17 = a11[j] * v16;
				const float v18 = v8 + v17;
				const float v27 = a21[j] * v26;
				const float v28 = v18 + v27;
				const float v37 = a31[j] * v36;
				const float v38 = v28 + v37;
				const float v47 = a41[j] * v46;
				const float v48 = v38 + v47;
				const float v57 = a51[j] * v56;
				const float v58 = v48 + v57;
				y58[j] = v58;
				const float v59 = v58 * 0.166666672f;
				a59[j] = v59;
				t60 += v59;
			}
			d2v_store(p7 + 150528 * i0 + 768 * i1 + e2, y58);
		}
		t60 = d2v_warp_sum(t60);
		if (lane % 32 == 0)
			part[72 + lane / 32] = t60;
		d2v_barrier();
		const float r60 = d2v_total<6>(part + 72);
		const float v61 = r60 * 0.00130208337f;
		if (lane == 0)
			p8[196 * i0 + i1] = v61;
		float t64 = 0;
		{
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v62 = a59[j] - v61;
				a62[j] = v62;
				const float v63 = v62 * v62;
				t64 += v63;
			}
		}
		t64 = d2v_warp_sum(t64);
		if (lane % 32 == 0)
			part[78 + lane / 32] = t64;
		d2v_barrier();
		const float r64 = d2v_total<6>(part + 78);
		const float v65 = r64 * 0.00130208337f;
		const float v66 = v65 + 9.99999975e-06f;
		const float v67 = d2v_rsqrt(v66);
		if (lane == 0)
			p9[196 * i0 + i1] = v67;
		{
			const int e2 = 4 * lane;
			float y70[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v68 = a62[j] * v67;
				const float v70 = a69[j] - v68;
				y70[j] = v70;
				const float v71 = d2v_abs(v70);
				const uint8_t v72 = v71 < 2.0f;
				const float v73 = v70 * v70;
				const float v74 = v73 * 0.25f;
				const float v75 = v71 - 1.0f;
				const float v76 = v72 ? v74 : v75;
				const float v77 = s0 ? v76 : 0.0f;
				c78 += v77;
			}
			d2v_store(p10 + 150528 * i0 + 768 * i1 + e2, y70);
		}
	}
	D2V_SHARED(float, sums, 6);
	float *const out = scratch + 1ll * blockIdx.x;
	c78 = d2v_warp_sum(c78);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = c78;
	d2v_barrier();
	if (threadIdx.x == 0)
		out[0 + 0] = d2v_total<6>(sums);
	d2v_barrier();
}
