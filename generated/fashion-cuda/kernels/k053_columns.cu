/* k053_columns: 8192 flops, 3.277e+04 bytes a launch
 * 64 rows of 128 elements, sums of columns: a warp a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, D:128]
 *   models/fashion.d2v:36  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k053_columns(const float *__restrict__ p0, float *__restrict__ p1)
{
	float c0[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 0, end = 64;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		{
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 2176 * i0 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				c0[j] += x0[j];
			}
		}
	}
	D2V_SHARED(float, sums, 1024);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c0[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 128; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[128 * team + at];
		const int i1 = at;
		p1[i1] = sum;
	}
	d2v_barrier();
}
