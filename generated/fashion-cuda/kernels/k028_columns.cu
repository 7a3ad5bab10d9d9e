/* k028_columns: 1.115e+06 flops, 1.316e+06 bytes a launch
 * 512 rows of 128 elements, sums of columns: a warp a row, 16 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, N_m:8, D:128]
 *   p1  f32[B:64, N_m:8]
 *   p2  f32[B:64, N_m:8]
 *   p3  f32[B:64, N_m:8, D:128]
 *   p4  f32[D:128]
 *   p5  f32[B:64, N_m:8, D:128]  written
 *   p6  f32[B:64, N_m:8, D:128]
 *   p7  f32[D:128]
 *   p8  f32[B:64, N_m:8, D:128]  written
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 2)
k028_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, float *__restrict__ p5, const float *__restrict__ p6, const float *__restrict__ p7, float *__restrict__ p8, float *__restrict__ scratch)
{
	float c2[4] = {};
	float c5[4] = {};
	float c17[4] = {};
	float c18[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 512 * blockIdx.x / 16, end = 512 * (blockIdx.x + 1) / 16;
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		float x3[4];
		{
			const int e1 = 4 * lane;
			d2v_load(x3, p6 + 128 * i0 + e1);
		}
		float a1[4];
		float a3[4];
		float t6 = 0;
		float t9 = 0;
		{
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 128 * i0 + e1);
			float x1[4];
			d2v_load(x1, p3 + 128 * i0 + e1);
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
		const float v7 = r6 * 0.0078125f;
		const float v10 = r9 * 0.0078125f;
		{
			const int e1 = 4 * lane;
			float y13[4];
			float x4[4];
			d2v_load(x4, p7 + e1);
			float y16[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v11 = a1[j] * v10;
				const float v12 = a3[j] - v7;
				const float v13 = v12 - v11;
				y13[j] = v13;
				const float v14 = s1 * v13;
				const float v15 = v14 * x3[j];
				const float v16 = v14 * x4[j];
				y16[j] = v16;
				c17[j] += v15;
				c18[j] += v16;
			}
			d2v_store(p5 + 128 * i0 + e1, y13);
			d2v_store(p8 + 128 * i0 + e1, y16);
		}
	}
	D2V_SHARED(float, sums, 1024);
	float *const out = scratch + 512ll * blockIdx.x;
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c2[j];
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
		sums[128 * (threadIdx.x / 32) + at] = c5[j];
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
		sums[128 * (threadIdx.x / 32) + at] = c17[j];
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
		sums[128 * (threadIdx.x / 32) + at] = c18[j];
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
