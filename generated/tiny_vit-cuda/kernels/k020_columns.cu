/* k020_columns: 1416 flops, 1238 bytes a launch
 * 6 rows of 8 elements, sums of columns: a warp a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:8]
 *   p1  f32[B:2, N_m:3, D:8]
 *   p2  f32[B:2, N_m:3, D:8]
 *   p3  f32[B:2, N_m:3, D:8]
 *   p4  f32[B:2, N_m:3, D:8]  written
 *   p5  f32[B:2, N_m:3]  written
 *   p6  f32[B:2, N_m:3]  written
 *   p7  f32[B:2, N_m:3, D:8]
 *   p8  f32[B:2, N_m:3, D:8]  written
 *   p9  bool[B:2, N_m:3]
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:91  let e : [B, N, D] = student.predict(image, m) as [B, N, D] - y;
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k020_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4, float *__restrict__ p5, float *__restrict__ p6, const float *__restrict__ p7, float *__restrict__ p8, const uint8_t *__restrict__ p9, float *__restrict__ p10)
{
	float c39 = 0;
	const int lane = threadIdx.x % 32;
	const int first = 0, end = 6;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		const uint8_t s0 = p9[i0];
		float x3[4];
		float x4[4];
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			d2v_load(x3, p3 + 8 * i0 + e1);
			d2v_load(x4, p7 + 8 * i0 + e1);
		}
		float a1[4];
		float a4[4];
		float a13[4];
		float a21[4];
		float a24[4];
		float t2 = 0;
		float t11 = 0;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + e1);
			float x1[4];
			d2v_load(x1, p1 + 8 * i0 + e1);
			float x2[4];
			d2v_load(x2, p2 + 8 * i0 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] * x1[j];
				const float v1 = x2[j] + v0;
				a1[j] = v1;
				t2 += x3[j];
				t11 += v1;
			}
		}
		const float r2 = d2v_warp_sum(t2);
		const float r11 = d2v_warp_sum(t11);
		const float v3 = r2 * 0.125f;
		const float v12 = r11 * 0.125f;
		float t6 = 0;
		float t15 = 0;
		if (4 * lane < 8) {
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v4 = x3[j] - v3;
				a4[j] = v4;
				const float v5 = v4 * v4;
				t6 += v5;
				const float v13 = a1[j] - v12;
				a13[j] = v13;
				const float v14 = v13 * v13;
				t15 += v14;
			}
		}
		const float r6 = d2v_warp_sum(t6);
		const float r15 = d2v_warp_sum(t15);
		const float v7 = r6 * 0.125f;
		const float v8 = v7 + 9.99999975e-06f;
		const float v9 = d2v_rsqrt(v8);
		const float v16 = r15 * 0.125f;
		const float v17 = v16 + 9.99999975e-06f;
		const float v18 = d2v_rsqrt(v17);
		float t22 = 0;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float y20[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v10 = a4[j] * v9;
				const float v19 = a13[j] * v18;
				const float v20 = v10 + v19;
				y20[j] = v20;
				const float v21 = v20 * 0.5f;
				a21[j] = v21;
				t22 += v21;
			}
			d2v_store(p4 + 8 * i0 + e1, y20);
		}
		const float r22 = d2v_warp_sum(t22);
		const float v23 = r22 * 0.125f;
		if (lane == 0)
			p5[i0] = v23;
		float t26 = 0;
		if (4 * lane < 8) {
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v24 = a21[j] - v23;
				a24[j] = v24;
				const float v25 = v24 * v24;
				t26 += v25;
			}
		}
		const float r26 = d2v_warp_sum(t26);
		const float v27 = r26 * 0.125f;
		const float v28 = v27 + 9.99999975e-06f;
		const float v29 = d2v_rsqrt(v28);
		if (lane == 0)
			p6[i0] = v29;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float y31[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v30 = a24[j] * v29;
				const float v31 = x4[j] - v30;
				y31[j] = v31;
				const float v32 = d2v_abs(v31);
				const uint8_t v33 = v32 < 2.0f;
				const float v34 = v31 * v31;
				const float v35 = v34 * 0.25f;
				const float v36 = v32 - 1.0f;
				const float v37 = v33 ? v35 : v36;
				const float v38 = s0 ? v37 : 0.0f;
				c39 += v38;
			}
			d2v_store(p8 + 8 * i0 + e1, y31);
		}
	}
	D2V_SHARED(float, sums, 8);
	c39 = d2v_warp_sum(c39);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = c39;
	d2v_barrier();
	if (threadIdx.x == 0)
		p10[0] = d2v_total<8>(sums);
	d2v_barrier();
}
