/* k036_columns: 1700 flops, 2616 bytes a launch
 * 10 rows of 8 elements, sums of columns: a warp a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, T:5, D:8]
 *   p1  f32[B:2, T:5]
 *   p2  f32[B:2, T:5]
 *   p3  i32[B:2, T:5]
 *   p4  f32[B:2, N_m:3, D:8]
 *   p5  f32[B:2, T:5, D:8]
 *   p6  f32[B:2, T:5, D:8]
 *   p7  f32[B:2, T:5, D:8]
 *   p8  f32[D:8]
 *   p9  f32[B:2, T:5, D:8]  written
 *   p10  f32[B:2, T:5, D:8]
 *   p11  f32[D:8]
 *   p12  f32[B:2, T:5, D:8]  written
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:18  let key : [.., H, U, E] = sum(D) x as [.., U, D] * k;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k036_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const int32_t *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, const float *__restrict__ p7, const float *__restrict__ p8, float *__restrict__ p9, const float *__restrict__ p10, const float *__restrict__ p11, float *__restrict__ p12, float *__restrict__ p13, float *__restrict__ p14, float *__restrict__ p15, float *__restrict__ p16)
{
	float c5[4] = {};
	float c8[4] = {};
	float c21[4] = {};
	float c22[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 0, end = 10;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row / 5;
		const int i1 = row % 5;
		const float s0 = p1[5 * i0 + i1];
		const float s1 = p2[5 * i0 + i1];
		float x6[4];
		if (4 * lane < 8) {
			const int e2 = 4 * lane;
			d2v_load(x6, p10 + 40 * i0 + 8 * i1 + e2);
		}
		float a1[4];
		float a2[4];
		float a6[4];
		float t9 = 0;
		float t12 = 0;
		if (4 * lane < 8) {
			const int e2 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 40 * i0 + 8 * i1 + e2);
			float x1[4] = {};
			if (p3[5 * i0 + i1] >= 0)
				d2v_load(x1, p4 + 24 * i0 + e2 + 8 * (p3[5 * i0 + i1]));
			float x2[4];
			d2v_load(x2, p5 + 40 * i0 + 8 * i1 + e2);
			float x3[4];
			d2v_load(x3, p6 + 40 * i0 + 8 * i1 + e2);
			float x4[4];
			d2v_load(x4, p7 + 40 * i0 + 8 * i1 + e2);
			float x5[4];
			d2v_load(x5, p8 + e2);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] - s0;
				const float v1 = v0 * s1;
				a1[j] = v1;
				const float v2 = (p3[5 * i0 + i1] >= 0 ? x1[j] : 0.0f);
				a2[j] = v2;
				const float v3 = x2[j] + x3[j];
				const float v4 = v3 + x4[j];
				c5[j] += v4;
				const float v6 = v4 * x5[j];
				a6[j] = v6;
				const float v7 = v4 * v1;
				c8[j] += v7;
				t9 += v6;
				const float v11 = v6 * v1;
				t12 += v11;
			}
		}
		const float r9 = d2v_warp_sum(t9);
		const float r12 = d2v_warp_sum(t12);
		const float v10 = r9 * 0.125f;
		const float v13 = r12 * 0.125f;
		if (4 * lane < 8) {
			const int e2 = 4 * lane;
			float y18[4];
			float x7[4];
			d2v_load(x7, p11 + e2);
			float y20[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v14 = a1[j] * v13;
				const float v15 = a6[j] - v10;
				const float v16 = v15 - v14;
				const float v17 = s1 * v16;
				const float v18 = a2[j] + v17;
				y18[j] = v18;
				const float v19 = v18 * x6[j];
				const float v20 = v18 * x7[j];
				y20[j] = v20;
				c21[j] += v19;
				c22[j] += v20;
			}
			d2v_store(p9 + 40 * i0 + 8 * i1 + e2, y18);
			d2v_store(p12 + 40 * i0 + 8 * i1 + e2, y20);
		}
	}
	D2V_SHARED(float, sums, 64);
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
		const int i2 = at;
		p13[i2] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c8[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i2 = at;
		p14[i2] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c21[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i2 = at;
		p15[i2] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c22[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i2 = at;
		p16[i2] = sum;
	}
	d2v_barrier();
}
