/* k002_rows: 680 flops, 992 bytes a launch
 * 10 rows of 8 elements: a thread a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N:4, D:8]
 *   p1  f32[D:8]
 *   p2  f32[B:2, T:5, D:8]  written
 *   p3  f32[D:8]
 *   p4  f32[D:8]
 *   p5  f32[B:2, T:5, D:8]  written
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k002_rows(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, float *__restrict__ p5)
{
	const int row = blockIdx.x * 256 + threadIdx.x;
	if (row >= 10)
		return;
	const int i0 = row / 5;
	const int i1 = row % 5;
	float a0[2][4];
	float a3[2][4];
	float t1 = 0;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * k;
		float x0[4] = {};
		if (i1 >= 1)
			d2v_load(x0, p0 + 32 * i0 + 8 * i1 + e2 - 8);
		float x1[4] = {};
		if (i1 < 1)
			d2v_load(x1, p1 + e2);
		float y0[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = (i1 < 1 ? x1[j] : x0[j]);
			a0[k][j] = v0;
			y0[j] = v0;
			t1 += v0;
		}
		d2v_store(p2 + 40 * i0 + 8 * i1 + e2, y0);
	}
	const float r1 = t1;
	const float v2 = r1 * 0.125f;
	float t5 = 0;
#pragma unroll
	for (int k = 0; k < 2; k++) {
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v3 = a0[k][j] - v2;
			a3[k][j] = v3;
			const float v4 = v3 * v3;
			t5 += v4;
		}
	}
	const float r5 = t5;
	const float v6 = r5 * 0.125f;
	const float v7 = v6 + 9.99999997e-07f;
	const float v8 = d2v_rsqrt(v7);
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * k;
		float x2[4];
		d2v_load(x2, p3 + e2);
		float x3[4];
		d2v_load(x3, p4 + e2);
		float y11[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v9 = a3[k][j] * v8;
			const float v10 = v9 * x2[j];
			const float v11 = v10 + x3[j];
			y11[j] = v11;
		}
		d2v_store(p5 + 40 * i0 + 8 * i1 + e2, y11);
	}
}
