/* k038_columns: 1460 flops, 2064 bytes a launch
 * 10 rows of 8 elements, sums of columns: a warp a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, T:5, D:8]
 *   p1  f32[B:2, T:5]
 *   p2  f32[B:2, T:5]
 *   p3  f32[B:2, T:5, D:8]
 *   p4  f32[D:8]
 *   p5  f32[B:2, T:5, D:8]
 *   p6  f32[B:2, T:5, D:8]  written
 *   p7  f32[B:2, T:5, D:8]
 *   p8  f32[D:8]
 *   p9  f32[B:2, T:5, D:8]  written
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k038_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, float *__restrict__ p6, const float *__restrict__ p7, const float *__restrict__ p8, float *__restrict__ p9, float *__restrict__ p10, float *__restrict__ p11, float *__restrict__ p12, float *__restrict__ p13)
{
	float c2[4] = {};
	float c5[4] = {};
	float c18[4] = {};
	float c19[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 0, end = 10;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		float x3[4];
		float x4[4];
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			d2v_load(x3, p5 + 8 * i0 + e1);
			d2v_load(x4, p7 + 8 * i0 + e1);
		}
		float a1[4];
		float a3[4];
		float t6 = 0;
		float t9 = 0;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 8 * i0 + e1);
			float x1[4];
			d2v_load(x1, p3 + 8 * i0 + e1);
			float x2[4];
			d2v_load(x2, p4 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] - s0;
				const float v1 = v0 * s1;
				a1[j] = v1;
				c2[j] += x1[j];
				const float v3 = x1[j] * x2[j];
				a3[j] = v3;
				const float v4 = x1[j] * v1;
				c5[j] += v4;
				t6 += v3;
				const float v8 = v3 * v1;
				t9 += v8;
			}
		}
		const float r6 = d2v_warp_sum(t6);
		const float r9 = d2v_warp_sum(t9);
		const float v7 = r6 * 0.125f;
		const float v10 = r9 * 0.125f;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float y15[4];
			float x5[4];
			d2v_load(x5, p8 + e1);
			float y17[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v11 = a1[j] * v10;
				const float v12 = a3[j] - v7;
				const float v13 = v12 - v11;
				const float v14 = s1 * v13;
				const float v15 = x3[j] + v14;
				y15[j] = v15;
				const float v16 = v15 * x4[j];
				const float v17 = v15 * x5[j];
				y17[j] = v17;
				c18[j] += v16;
				c19[j] += v17;
			}
			d2v_store(p6 + 8 * i0 + e1, y15);
			d2v_store(p9 + 8 * i0 + e1, y17);
		}
	}
	D2V_SHARED(float, sums, 64);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c2[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i1 = at;
		p10[i1] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c5[j];
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
			sums[8 * (threadIdx.x / 32) + at] = c18[j];
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
}
