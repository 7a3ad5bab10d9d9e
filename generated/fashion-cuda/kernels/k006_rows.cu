/* k006_rows: 1.258e+06 flops, 2.23e+06 bytes a launch
 * 1088 rows of 128 elements: a warp a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:128]
 *   p1  f32[B:64, T:17, D:128]
 *   p2  f32[B:64, T:17, D:128]
 *   p3  f32[B:64, T:17, D:128]  written
 *   p4  f32[D:128]
 *   p5  f32[D:128]
 *   p6  f32[B:64, T:17, D:128]  written
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(128)
k006_rows(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, float *__restrict__ p6)
{
	const int lane = threadIdx.x % 32;
	const int row = blockIdx.x * 4 + threadIdx.x / 32;
	const int i0 = row;
	float a1[4];
	float a4[4];
	float t2 = 0;
	{
		const int e1 = 4 * lane;
		float x0[4];
		d2v_load(x0, p0 + e1);
		float x1[4];
		d2v_load(x1, p1 + 128 * i0 + e1);
		float x2[4];
		d2v_load(x2, p2 + 128 * i0 + e1);
		float y1[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = x0[j] * x1[j];
			const float v1 = x2[j] + v0;
			a1[j] = v1;
			y1[j] = v1;
			t2 += v1;
		}
		d2v_store(p3 + 128 * i0 + e1, y1);
	}
	const float r2 = d2v_warp_sum(t2);
	const float v3 = r2 * 0.0078125f;
	float t6 = 0;
	{
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v4 = a1[j] - v3;
			a4[j] = v4;
			const float v5 = v4 * v4;
			t6 += v5;
		}
	}
	const float r6 = d2v_warp_sum(t6);
	const float v7 = r6 * 0.0078125f;
	const float v8 = v7 + 9.99999997e-07f;
	const float v9 = d2v_rsqrt(v8);
	{
		const int e1 = 4 * lane;
		float x3[4];
		d2v_load(x3, p4 + e1);
		float x4[4];
		d2v_load(x4, p5 + e1);
		float y12[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v10 = a4[j] * v9;
			const float v11 = v10 * x3[j];
			const float v12 = v11 + x4[j];
			y12[j] = v12;
		}
		d2v_store(p6 + 128 * i0 + e1, y12);
	}
}
