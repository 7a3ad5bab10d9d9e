/* k015_rows: 6.574e+05 flops, 1.351e+06 bytes a launch
 * 512 rows of 128 elements: a warp a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:128]
 *   p1  f32[B:64, N_m:8, D:128]
 *   p2  i32[B:64, N_m:8]
 *   p3  f32[B:64, T:17, D:128]
 *   p4  f32[B:64, N_m:8, D:128]  written
 *   p5  f32[B:64, N_m:8]  written
 *   p6  f32[B:64, N_m:8]  written
 *   p7  f32[D:128]
 *   p8  f32[D:128]
 *   p9  f32[B:64, N_m:8, D:128]  written
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(128)
k015_rows(const float *__restrict__ p0, const float *__restrict__ p1, const int32_t *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4, float *__restrict__ p5, float *__restrict__ p6, const float *__restrict__ p7, const float *__restrict__ p8, float *__restrict__ p9)
{
	const int lane = threadIdx.x % 32;
	const int row = blockIdx.x * 4 + threadIdx.x / 32;
	const int i0 = row / 8;
	const int i1 = row % 8;
	float a2[4];
	float a5[4];
	float t3 = 0;
	{
		const int e2 = 4 * lane;
		float x0[4];
		d2v_load(x0, p0 + e2);
		float x1[4];
		d2v_load(x1, p1 + 1024 * i0 + 128 * i1 + e2);
		float x2[4] = {};
		if (p2[8 * i0 + i1] >= 0)
			d2v_load(x2, p3 + 2176 * i0 + e2 + 128 * (p2[8 * i0 + i1]));
		float y2[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = x0[j] * x1[j];
			const float v1 = (p2[8 * i0 + i1] >= 0 ? x2[j] : 0.0f);
			const float v2 = v1 + v0;
			a2[j] = v2;
			y2[j] = v2;
			t3 += v2;
		}
		d2v_store(p4 + 1024 * i0 + 128 * i1 + e2, y2);
	}
	const float r3 = d2v_warp_sum(t3);
	const float v4 = r3 * 0.0078125f;
	if (lane == 0)
		p5[8 * i0 + i1] = v4;
	float t7 = 0;
	{
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v5 = a2[j] - v4;
			a5[j] = v5;
			const float v6 = v5 * v5;
			t7 += v6;
		}
	}
	const float r7 = d2v_warp_sum(t7);
	const float v8 = r7 * 0.0078125f;
	const float v9 = v8 + 9.99999997e-07f;
	const float v10 = d2v_rsqrt(v9);
	if (lane == 0)
		p6[8 * i0 + i1] = v10;
	{
		const int e2 = 4 * lane;
		float x3[4];
		d2v_load(x3, p7 + e2);
		float x4[4];
		d2v_load(x4, p8 + e2);
		float y13[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v11 = a5[j] * v10;
			const float v12 = v11 * x3[j];
			const float v13 = v12 + x4[j];
			y13[j] = v13;
		}
		d2v_store(p9 + 1024 * i0 + 128 * i1 + e2, y13);
	}
}
