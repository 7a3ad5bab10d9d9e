/* k027_finish: 2048 flops, 8704 bytes a launch
 * Adds up 128 sums of each of 16 blocks, in order.
 *   models/fashion.d2v:44  return sum(D) last(z[L - 1]) at N * head + headb;
 *   models/fashion.d2v:63  watch target_std = mean(D) std(top over (B, N) where m);
 *   models/fashion.d2v:64  watch prediction_std = mean(D) std(p over (B, N) where m);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(1024)
k027_finish(float *__restrict__ p0, const float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 1056);
	const int lane = threadIdx.x % 32, group = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
	float sum = 0;
	if (column < 128) {
#pragma unroll 8
		for (int block = group; block < 16; block += 32) {
			const float x = scratch[128ll * block + column];
			sum += x;
		}
	}
	part[33 * group + lane] = sum;
	d2v_barrier();
	if (group > 0 || column >= 128)
		return;
	for (int i = 1; i < 32; i++)
		sum += part[33 * i + lane];
	if (column < 128) {
		const int at = column - 0;
		const int i1 = at;
		p0[i1] = sum;
	}
}
