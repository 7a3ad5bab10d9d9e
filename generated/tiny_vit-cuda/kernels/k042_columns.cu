/* k042_columns: 1300 flops, 2032 bytes a launch
 * 10 rows of 8 elements, sums of columns: a warp a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, T:5, D:8]
 *   p1  f32[B:2, T:5]
 *   p2  f32[B:2, T:5]
 *   p3  f32[B:2, T:5, D:8]
 *   p4  f32[B:2, T:5, D:8]
 *   p5  f32[B:2, T:5, D:8]
 *   p6  f32[D:8]
 *   p7  f32[B:2, T:5, D:8]
 *   p8  f32[B:2, T:5, D:8]  written
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:18  let key : [.., H, U, E] = sum(D) x as [.., U, D] * k;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k042_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, const float *__restrict__ p7, float *__restrict__ p8, float *__restrict__ p9, float *__restrict__ p10)
{
	float c4[4] = {};
	float c7[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 0, end = 10;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		float x5[4];
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			d2v_load(x5, p7 + 8 * i0 + e1);
		}
		float a1[4];
		float a5[4];
		float t8 = 0;
		float t11 = 0;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 8 * i0 + e1);
			float x1[4];
			d2v_load(x1, p3 + 8 * i0 + e1);
			float x2[4];
			d2v_load(x2, p4 + 8 * i0 + e1);
			float x3[4];
			d2v_load(x3, p5 + 8 * i0 + e1);
			float x4[4];
			d2v_load(x4, p6 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] - s0;
				const float v1 = v0 * s1;
				a1[j] = v1;
				const float v2 = x1[j] + x2[j];
				const float v3 = v2 + x3[j];
				c4[j] += v3;
				const float v5 = v3 * x4[j];
				a5[j] = v5;
				const float v6 = v3 * v1;
				c7[j] += v6;
				t8 += v5;
				const float v10 = v5 * v1;
				t11 += v10;
			}
		}
		const float r8 = d2v_warp_sum(t8);
		const float r11 = d2v_warp_sum(t11);
		const float v9 = r8 * 0.125f;
		const float v12 = r11 * 0.125f;
		if (4 * lane < 8) {
			const int e1 = 4 * lane;
			float y17[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v13 = a1[j] * v12;
				const float v14 = a5[j] - v9;
				const float v15 = v14 - v13;
				const float v16 = s1 * v15;
				const float v17 = x5[j] + v16;
				y17[j] = v17;
			}
			d2v_store(p8 + 8 * i0 + e1, y17);
		}
	}
	D2V_SHARED(float, sums, 64);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c4[j];
		}
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[8 * team + at];
		const int i1 = at;
		p9[i1] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		if (at < 8) {
			sums[8 * (threadIdx.x / 32) + at] = c7[j];
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
}
