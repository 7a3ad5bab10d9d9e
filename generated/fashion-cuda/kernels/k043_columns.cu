/* k043_columns: 2.648e+06 flops, 3.062e+06 bytes a launch
 * 1088 rows of 128 elements, sums of columns: a warp a row, 34 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, T:17, D:128]
 *   p1  f32[B:64, T:17]
 *   p2  f32[B:64, T:17]
 *   p3  i32[B:64, T:17]
 *   p4  f32[B:64, N_m:8, D:128]
 *   p5  f32[B:64, T:17, D:128]
 *   p6  f32[D:128]
 *   p7  f32[B:64, T:17, D:128]  written
 *   p8  f32[B:64, T:17, D:128]
 *   p9  f32[D:128]
 *   p10  f32[B:64, T:17, D:128]  written
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 2)
k043_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const int32_t *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, float *__restrict__ p7, const float *__restrict__ p8, const float *__restrict__ p9, float *__restrict__ p10, float *__restrict__ scratch)
{
	float c3[4] = {};
	float c6[4] = {};
	float c19[4] = {};
	float c20[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 1088 * blockIdx.x / 34, end = 1088 * (blockIdx.x + 1) / 34;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row / 17;
		const int i1 = row % 17;
		const float s0 = p1[17 * i0 + i1];
		const float s1 = p2[17 * i0 + i1];
		float x4[4];
		{
			const int e2 = 4 * lane;
			d2v_load(x4, p8 + 2176 * i0 + 128 * i1 + e2);
		}
		float a1[4];
		float a2[4];
		float a4[4];
		float t7 = 0;
		float t10 = 0;
		{
			const int e2 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 2176 * i0 + 128 * i1 + e2);
			float x1[4] = {};
			if (p3[17 * i0 + i1] >= 0)
				d2v_load(x1, p4 + 1024 * i0 + e2 + 128 * (p3[17 * i0 + i1]));
			float x2[4];
			d2v_load(x2, p5 + 2176 * i0 + 128 * i1 + e2);
			float x3[4];
			d2v_load(x3, p6 + e2);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] - s0;
				const float v1 = v0 * s1;
				a1[j] = v1;
				const float v2 = (p3[17 * i0 + i1] >= 0 ? x1[j] : 0.0f);
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
		const float v8 = r7 * 0.0078125f;
		const float v11 = r10 * 0.0078125f;
		{
			const int e2 = 4 * lane;
			float y16[4];
			float x5[4];
			d2v_load(x5, p9 + e2);
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
			d2v_store(p7 + 2176 * i0 + 128 * i1 + e2, y16);
			d2v_store(p10 + 2176 * i0 + 128 * i1 + e2, y18);
		}
	}
	D2V_SHARED(float, sums, 1024);
	float *const out = scratch + 512ll * blockIdx.x;
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c3[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 128; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[128 * team + at];
		out[0 + at] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c6[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 128; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[128 * team + at];
		out[128 + at] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c19[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 128; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[128 * team + at];
		out[256 + at] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c20[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 128; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[128 * team + at];
		out[384 + at] = sum;
	}
	d2v_barrier();
}
