/* k011_rows: 1.118e+06 flops, 1.649e+06 bytes a launch
 * 1088 rows of 128 elements: a warp a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, N:16, D:128]
 *   p1  f32[D:128]
 *   p2  f32[B:64, T:17, D:128]  written
 *   p3  f32[B:64, T:17]  written
 *   p4  f32[B:64, T:17]  written
 *   p5  f32[D:128]
 *   p6  f32[D:128]
 *   p7  f32[B:64, T:17, D:128]  written
 *   models/fashion.d2v:36  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(128)
k011_rows(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ p3, float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, float *__restrict__ p7)
{
	const int lane = threadIdx.x % 32;
	const int row = blockIdx.x * 4 + threadIdx.x / 32;
	const int i0 = row / 17;
	const int i1 = row % 17;
	float a0[4];
	float a3[4];
	float t1 = 0;
	{
		const int e2 = 4 * lane;
		float x0[4] = {};
		if (i1 >= 1)
			d2v_load(x0, p0 + 2048 * i0 + 128 * i1 + e2 - 128);
		float x1[4] = {};
		if (i1 < 1)
			d2v_load(x1, p1 + e2);
		float y0[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = (i1 < 1 ? x1[j] : x0[j]);
			a0[j] = v0;
			y0[j] = v0;
			t1 += v0;
		}
		d2v_store(p2 + 2176 * i0 + 128 * i1 + e2, y0);
	}
	const float r1 = d2v_warp_sum(t1);
	const float v2 = r1 * 0.0078125f;
	if (lane == 0)
		p3[17 * i0 + i1] = v2;
	float t5 = 0;
	{
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v3 = a0[j] - v2;
			a3[j] = v3;
			const float v4 = v3 * v3;
			t5 += v4;
		}
	}
	const float r5 = d2v_warp_sum(t5);
	const float v6 = r5 * 0.0078125f;
	const float v7 = v6 + 9.99999997e-07f;
	const float v8 = d2v_rsqrt(v7);
	if (lane == 0)
		p4[17 * i0 + i1] = v8;
	{
		const int e2 = 4 * lane;
		float x2[4];
		d2v_load(x2, p5 + e2);
		float x3[4];
		d2v_load(x3, p6 + e2);
		float y11[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v9 = a3[j] * v8;
			const float v10 = v9 * x2[j];
			const float v11 = v10 + x3[j];
			y11[j] = v11;
		}
		d2v_store(p7 + 2176 * i0 + 128 * i1 + e2, y11);
	}
}
