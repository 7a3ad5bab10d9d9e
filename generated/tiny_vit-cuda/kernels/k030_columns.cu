/* k030_columns: 924 flops, 1288 bytes a launch
 * 6 rows of 8 elements, sums of columns: a warp a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N_m:3, D:8]
 *   p1  f32[B:2, N_m:3]
 *   p2  f32[B:2, N_m:3]
 *   p3  f32[B:2, N_m:3]
 *   p4  f32[B:2, N_m:3, D:8]
 *   p5  f32[B:2, N_m:3, D:8]
 *   p6  f32[D:8]
 *   p7  f32[B:2, N_m:3, D:8]  written
 *   p8  f32[B:2, N_m:3, D:8]
 *   p9  f32[D:8]
 *   p10  f32[B:2, N_m:3, D:8]  written
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k030_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, float *__restrict__ p7, const float *__restrict__ p8, const float *__restrict__ p9, float *__restrict__ p10, float *__restrict__ p11, float *__restrict__ p12, float *__restrict__ p13, float *__restrict__ p14)
{
	float c3[4] = {};
	float c6[4] = {};
	float c19[4] = {};
	float c20[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 0, end = 6;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		const float s2 = p3[i0];
		float x4[4];
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			d2v_load(x4, p8 + 8 * i0 + e1);
		}
		float a1[4];
		float a2[4];
		float a4[4];
		float t7 = 0;
		float t10 = 0;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 8 * i0 + e1);
			float x1[4];
			d2v_load(x1, p4 + 8 * i0 + e1);
			float x2[4];
			d2v_load(x2, p5 + 8 * i0 + e1);
			float x3[4];
			d2v_load(x3, p6 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] - s0;
				const float v1 = v0 * s1;
				a1[j] = v1;
				const float v2 = s2 * x1[j];
				a2[j] = v2;
				c3[j] += x2[j];
				const float v4 = x2[j] * x3[j];
				a4[j] = v4;
				const float v5 = x2[j] * v1;
				c6[j] += v5;
				t7 += v4;
				const float v9 = v4 * v1;
				t10 += v9;
			}
		}
		const float r7 = d2v_warp_sum(t7);
		const float r10 = d2v_warp_sum(t10);
		const float v8 = r7 * 0.125f;
		const float v11 = r10 * 0.125f;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float y16[4];
			float x5[4];
			d2v_load(x5, p9 + e1);
			float y18[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v12 = a1[j] * v11;
				const float v13 = a4[j] - v8;
				const float v14 = v13 - v12;
				const float v15 = s1 * v14;
				const float v16 = a2[j] + v15;
				y16[j] = v16;
				const float v17 = v16 * x4[j];
				const float v18 = v16 * x5[j];
				y18[j] = v18;
				c19[j] += v17;
				c20[j] += v18;
			}
			d2v_store(p7 + 8 * i0 + e1, y16);
			d2v_store(p10 + 8 * i0 + e1, y18);
		}
	}
	D2V_SHARED(float, sums, 64);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c3[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i1 = at;
		p11[i1] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c6[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i1 = at;
		p12[i1] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c19[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i1 = at;
		p13[i1] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c20[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i1 = at;
		p14[i1] = sum;
	}
	d2v_barrier();
}
