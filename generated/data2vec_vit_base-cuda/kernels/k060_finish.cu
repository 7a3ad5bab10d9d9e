/* k060_finish: 2.458e+04 flops, 1.014e+05 bytes a launch
 * Adds up 768 sums of each of 32 blocks, in order.
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(1024)
k060_finish(float *__restrict__ p0, const float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 1056);
	const int lane = threadIdx.x % 32, group = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
	float sum = 0;
	if (column < 768) {
#pragma unroll 8
		for (int block = group; block < 32; block += 32) {
			const float x = scratch[768ll * block + column];
			sum += x;
		}
	}
	part[33 * group + lane] = sum;
	d2v_barrier();
	if (group > 0 || column >= 768)
		return;
	for (int i = 1; i < 32; i++)
		sum += part[33 * i + lane];
	if (column < 768) {
		const int at = column - 0;
		const int i1 = at;
		p0[i1] = sum;
	}
}
