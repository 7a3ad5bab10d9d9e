/* k010_rows: 504 flops, 1208 bytes a launch
 * 6 rows of 8 elements: a thread a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:8]
 *   p1  f32[B:2, N_m:3, D:8]
 *   p2  i32[B:2, N_m:3]
 *   p3  f32[B:2, T:5, D:8]
 *   p4  f32[B:2, N_m:3, D:8]  written
 *   p5  f32[B:2, N_m:3, D:8]  written
 *   p6  f32[D:8]
 *   p7  f32[D:8]
 *   p8  f32[B:2, N_m:3, D:8]  written
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k010_rows(const float *__restrict__ p0, const float *__restrict__ p1, const int32_t *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4, float *__restrict__ p5, const float *__restrict__ p6, const float *__restrict__ p7, float *__restrict__ p8)
{
	const int row = blockIdx.x * 256 + threadIdx.x;
	if (row >= 6)
		return;
	const int i0 = row / 3;
	const int i1 = row % 3;
	float a2[2][4];
	float a5[2][4];
	float t3 = 0;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * k;
		float x0[4];
		d2v_load(x0, p0 + e2);
		float x1[4];
		d2v_load(x1, p1 + 24 * i0 + 8 * i1 + e2);
		float x2[4] = {};
		if (p2[3 * i0 + i1] >= 0)
			d2v_load(x2, p3 + 40 * i0 + e2 + 8 * (p2[3 * i0 + i1]));
		float y1[4];
		float y2[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v0 = x0[j] * x1[j];
			const float v1 = (p2[3 * i0 + i1] >= 0 ? x2[j] : 0.0f);
			y1[j] = v1;
			const float v2 = v1 + v0;
			a2[k][j] = v2;
			y2[j] = v2;
			t3 += v2;
		}
		d2v_store(p4 + 24 * i0 + 8 * i1 + e2, y1);
		d2v_store(p5 + 24 * i0 + 8 * i1 + e2, y2);
	}
	const float r3 = t3;
	const float v4 = r3 * 0.125f;
	float t7 = 0;
#pragma unroll
	for (int k = 0; k < 2; k++) {
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v5 = a2[k][j] - v4;
			a5[k][j] = v5;
			const float v6 = v5 * v5;
			t7 += v6;
		}
	}
	const float r7 = t7;
	const float v8 = r7 * 0.125f;
	const float v9 = v8 + 9.99999997e-07f;
	const float v10 = d2v_rsqrt(v9);
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * k;
		float x3[4];
		d2v_load(x3, p6 + e2);
		float x4[4];
		d2v_load(x4, p7 + e2);
		float y13[4];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float v11 = a5[k][j] * v10;
			const float v12 = v11 * x3[j];
			const float v13 = v12 + x4[j];
			y13[j] = v13;
		}
		d2v_store(p8 + 24 * i0 + 8 * i1 + e2, y13);
	}
}
