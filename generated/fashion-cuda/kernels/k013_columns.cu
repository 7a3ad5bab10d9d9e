/* k013_columns: 8.913e+06 flops, 7.342e+06 bytes a launch
 * 16384 rows of 16 elements, sums of columns: a warp a row, 264 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:16, D:128]
 *   p1  f32[B:128, N:16, D:128]
 *   p2  f32[B:128, N:16, D:128]
 *   p3  f32[B:128, N:16, D:128]
 *   p4  f32[B:128, N:16, D:128]  written
 *   p5  f32[B:128, N:16, D:128]
 *   p6  f32[B:128, N:16, D:128]  written
 *   p7  bool[B:128, N:16]
 *   models/fashion.d2v:60  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over N, eps = 1e-5);
 *   models/fashion.d2v:62  minimise mean(B, N, D where m) smooth_l1(p - top, beta = 2);
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(256, 2)
k013_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4, const float *__restrict__ p5, float *__restrict__ p6, const uint8_t *__restrict__ p7, float *__restrict__ scratch)
{
	float c48 = 0;
	const int lane = threadIdx.x % 32;
	const int first = 16384 * blockIdx.x / 264, end = 16384 * (blockIdx.x + 1) / 264;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row / 128;
		const int i1 = row % 128;
		uint8_t x0[4];
		if (4 * lane < 16) {
			const int e2 = 4 * lane;
			d2v_load(x0, p7 + 16 * i0 + e2);
		}
		float a2[4];
		float a11[4];
		float a21[4];
		float a31[4];
		float t0 = 0;
		float t9 = 0;
		float t19 = 0;
		float t29 = 0;
		if (4 * lane < 16) {
			const int e2 = 4 * lane;
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const int i2 = e2 + j;
				t0 += p0[2176 * i0 + i1 + 128 * i2];
				t9 += p1[2176 * i0 + i1 + 128 * i2];
				t19 += p2[2176 * i0 + i1 + 128 * i2];
				t29 += p3[2176 * i0 + i1 + 128 * i2];
			}
		}
		const float r0 = d2v_warp_sum(t0);
		const float r9 = d2v_warp_sum(t9);
		const float r19 = d2v_warp_sum(t19);
		const float r29 = d2v_warp_sum(t29);
		const float v1 = r0 * 0.0625f;
		const float v10 = r9 * 0.0625f;
		const float v20 = r19 * 0.0625f;
		const float v30 = r29 * 0.0625f;
		float t4 = 0;
		float t13 = 0;
		float t23 = 0;
		float t33 = 0;
		if (4 * lane < 16) {
			const int e2 = 4 * lane;
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const int i2 = e2 + j;
				const float v2 = p0[2176 * i0 + i1 + 128 * i2] - v1;
				a2[j] = v2;
				const float v3 = v2 * v2;
				t4 += v3;
				const float v11 = p1[2176 * i0 + i1 + 128 * i2] - v10;
				a11[j] = v11;
				const float v12 = v11 * v11;
				t13 += v12;
				const float v21 = p2[2176 * i0 + i1 + 128 * i2] - v20;
				a21[j] = v21;
				const float v22 = v21 * v21;
				t23 += v22;
				const float v31 = p3[2176 * i0 + i1 + 128 * i2] - v30;
				a31[j] = v31;
				const float v32 = v31 * v31;
				t33 += v32;
			}
		}
		const float r4 = d2v_warp_sum(t4);
		const float r13 = d2v_warp_sum(t13);
		const float r23 = d2v_warp_sum(t23);
		const float r33 = d2v_warp_sum(t33);
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
		if (4 * lane < 16) {
			const int e2 = 4 * lane;
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const int i2 = e2 + j;
				const float v8 = a2[j] * v7;
				const float v17 = a11[j] * v16;
				const float v18 = v8 + v17;
				const float v27 = a21[j] * v26;
				const float v28 = v18 + v27;
				const float v37 = a31[j] * v36;
				const float v38 = v28 + v37;
				const float v39 = v38 * 0.25f;
				const float v40 = p5[2048 * i0 + i1 + 128 * i2] - v39;
				const float v41 = d2v_abs(v40);
				const uint8_t v42 = v41 < 2.0f;
				const float v43 = v40 * v40;
				const float v44 = v43 * 0.25f;
				const float v45 = v41 - 1.0f;
				const float v46 = v42 ? v44 : v45;
				const float v47 = x0[j] ? v46 : 0.0f;
				c48 += v47;
				p4[2048 * i0 + i1 + 128 * i2] = v38;
				p6[2048 * i0 + i1 + 128 * i2] = v40;
			}
		}
	}
	D2V_SHARED(float, sums, 8);
	float *const out = scratch + 1ll * blockIdx.x;
	c48 = d2v_warp_sum(c48);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = c48;
	d2v_barrier();
	if (threadIdx.x == 0)
		out[0 + 0] = d2v_total<8>(sums);
	d2v_barrier();
}
