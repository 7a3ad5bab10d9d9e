/* k013_columns: 1760 flops, 1352 bytes a launch
 * 8 rows of 8 elements, sums of columns: a warp a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N:4, D:8]
 *   p1  f32[B:2, N:4, D:8]
 *   p2  f32[B:2, N:4, D:8]  written
 *   p3  f32[B:2, N:4]  written
 *   p4  f32[B:2, N:4]  written
 *   p5  f32[B:2, N:4, D:8]
 *   p6  f32[B:2, N:4, D:8]  written
 *   p7  bool[B:2, N:4]
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:91  let e : [B, N, D] = student.predict(image, m) as [B, N, D] - y;
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(256)
k013_columns(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ p3, float *__restrict__ p4, const float *__restrict__ p5, float *__restrict__ p6, const uint8_t *__restrict__ p7, float *__restrict__ p8)
{
	float c37 = 0;
	const int lane = threadIdx.x % 32;
	const int first = 0, end = 8;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row / 4;
		const int i1 = row % 4;
		const uint8_t s0 = p7[4 * i0 + i1];
		float x0[4];
		float x1[4];
		float x2[4];
		if (4 * lane < 8) {
			const int e2 = 4 * lane;
			d2v_load(x0, p0 + 40 * i0 + 8 * i1 + e2);
			d2v_load(x1, p1 + 40 * i0 + 8 * i1 + e2);
			d2v_load(x2, p5 + 32 * i0 + 8 * i1 + e2);
		}
		float a2[4];
		float a11[4];
		float a19[4];
		float a22[4];
		float t0 = 0;
		float t9 = 0;
		if (4 * lane < 8) {
#pragma unroll
			for (int j = 0; j < 4; j++) {
				t0 += x0[j];
				t9 += x1[j];
			}
		}
		const float r0 = d2v_warp_sum(t0);
		const float r9 = d2v_warp_sum(t9);
		const float v1 = r0 * 0.125f;
		const float v10 = r9 * 0.125f;
		float t4 = 0;
		float t13 = 0;
		if (4 * lane < 8) {
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
			}
		}
		const float r4 = d2v_warp_sum(t4);
		const float r13 = d2v_warp_sum(t13);
		const float v5 = r4 * 0.125f;
		const float v6 = v5 + 9.99999975e-06f;
		const float v7 = d2v_rsqrt(v6);
		const float v14 = r13 * 0.125f;
		const float v15 = v14 + 9.99999975e-06f;
		const float v16 = d2v_rsqrt(v15);
		float t20 = 0;
		if (4 * lane < 8) {
			const int e2 = 4 * lane;
			float y18[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v8 = a2[j] * v7;
				const float v17 = a11[j] * v16;
				const float v18 = v8 + v17;
				y18[j] = v18;
				const float v19 = v18 * 0.5f;
				a19[j] = v19;
				t20 += v19;
			}
			d2v_store(p2 + 32 * i0 + 8 * i1 + e2, y18);
		}
		const float r20 = d2v_warp_sum(t20);
		const float v21 = r20 * 0.125f;
		if (lane == 0)
			p3[4 * i0 + i1] = v21;
		float t24 = 0;
		if (4 * lane < 8) {
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v22 = a19[j] - v21;
				a22[j] = v22;
				const float v23 = v22 * v22;
				t24 += v23;
			}
		}
		const float r24 = d2v_warp_sum(t24);
		const float v25 = r24 * 0.125f;
		const float v26 = v25 + 9.99999975e-06f;
		const float v27 = d2v_rsqrt(v26);
		if (lane == 0)
			p4[4 * i0 + i1] = v27;
		if (4 * lane < 8) {
			const int e2 = 4 * lane;
			float y29[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v28 = a22[j] * v27;
				const float v29 = x2[j] - v28;
				y29[j] = v29;
				const float v30 = d2v_abs(v29);
				const uint8_t v31 = v30 < 2.0f;
				const float v32 = v29 * v29;
				const float v33 = v32 * 0.25f;
				const float v34 = v30 - 1.0f;
				const float v35 = v31 ? v33 : v34;
				const float v36 = s0 ? v35 : 0.0f;
				c37 += v36;
			}
			d2v_store(p6 + 32 * i0 + 8 * i1 + e2, y29);
		}
	}
	D2V_SHARED(float, sums, 8);
	c37 = d2v_warp_sum(c37);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = c37;
	d2v_barrier();
	if (threadIdx.x == 0)
		p8[0] = d2v_total<8>(sums);
	d2v_barrier();
}
