/* k015_rows: 1.744e+08 flops, 1.935e+08 bytes a launch
 * 25216 rows of 768 elements: a warp a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:196, D:768]
 *   p1  f32[D:768]
 *   p2  f32[B:128, T:197, D:768]  written
 *   p3  f32[B:128, T:197]  written
 *   p4  f32[B:128, T:197]  written
 *   p5  f32[D:768]
 *   p6  f32[D:768]
 *   p7  bf16[B:128, T:197, D:768]  written
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(128)
k015_rows(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ p3, float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, uint16_t *__restrict__ p7)
{
	const int lane = threadIdx.x % 32;
	const int row = blockIdx.x * 4 + threadIdx.x / 32;
	const int i0 = row / 197;
	const int i1 = row % 197;
	float a0[6][4];
	float a3[6][4];
	float t1 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e2 = 4 * (32 * k + lane);
		float x0[4] = {};
		if (i1 >= 1)
			d2v_load(x0, p0 + 150528 * i0 + 768 * i1 + e2 - 768);
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
		d2v_store(p2 + 151296 * i0 + 768 * i1 + e2, y0);
	}
	const float r1 = d2v_warp_sum(t1);
	const float v2 = r1 * 0.00130208337f;
	if (lane == 0)
		p3[197 * i0 + i1] = v2;
	float t5 = 0;
#pragma unroll
	for (int k = 0; k < 6; k++) {
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v3 = a0[k][j] - v2;
			a3[k][j] = v3;
			const float v4 = v3 * v3;
			t5 += v4;
		}
	}
	const float r5 = d2v_warp_sum(t5);
	const float v6 = r5 * 0.00130208337f;
	const float v7 = v6 + 9.99999997e-07f;
	const float v8 = d2v_rsqrt(v7);
	if (lane == 0)
		p4[197 * i0 + i1] = v8;
#pragma unroll
	for (int k = 0; k < 6; k++) {
		const int e2 = 4 * (32 * k + lane);
		float x2[4];
		d2v_load(x2, p5 + e2);
		float x3[4];
		d2v_load(x3, p6 + e2);
		uint16_t y12[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v9 = a3[k][j] * v8;
			const float v10 = v9 * x2[j];
			const float v11 = v10 + x3[j];
			const uint16_t v12 = d2v_to_bf16((float)v11);
			y12[j] = v12;
		}
		d2v_store(p7 + 151296 * i0 + 768 * i1 + e2, y12);
	}
}
