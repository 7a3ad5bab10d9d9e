/* k054_columns: 5.243e+05 flops, 1.05e+06 bytes a launch
 * 1024 rows of 128 elements, sums of columns: a warp a row, 32 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bool[B:64, N:16]
 *   p1  f32[B:64, N:16, D:128]
 *   p2  f32[B:64, N:16, D:128]  written
 *   models/fashion.d2v:36  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/fashion.d2v:35  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 2)
k054_columns(const uint8_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ scratch)
{
	float c2[4] = {};
	float c3[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 1024 * blockIdx.x / 32, end = 1024 * (blockIdx.x + 1) / 32;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row / 16;
		const int i1 = row % 16;
		const uint8_t s0 = p0[16 * i0 + i1];
		{
			const int e2 = 4 * lane;
			float x0[4];
			d2v_load(x0, p1 + 2176 * i0 + 128 * i1 + e2);
			float y1[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = s0 ? x0[j] : 0.0f;
				const float v1 = s0 ? 0.0f : x0[j];
				y1[j] = v1;
				c2[j] += v0;
				c3[j] += v1;
			}
			d2v_store(p2 + 2048 * i0 + 128 * i1 + e2, y1);
		}
	}
	D2V_SHARED(float, sums, 1024);
	float *const out = scratch + 256ll * blockIdx.x;
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
		sums[128 * (threadIdx.x / 32) + at] = c3[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 128; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[128 * team + at];
		out[128 + at] = sum;
	}
	d2v_barrier();
}
