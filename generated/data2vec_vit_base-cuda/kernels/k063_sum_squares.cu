/* k063_sum_squares: 1.725e+08 flops, 3.45e+08 bytes a launch
 * Squares of all gradients: 528 blocks add up as many parts of equal extent, 4 neighbours a thread.
 *   models/vit_base.d2v:27  param patch : [D, C, Py, Px] ~ weight;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(512)
k063_sum_squares(const float *__restrict__ p0, float *__restrict__ scratch, long long count)
{
	D2V_SHARED(float, part, 16);
	const int64_t span = ((count + 527) / 528 + 3) / 4 * 4, start = span * blockIdx.x;
	const int64_t end = start + span < count ? start + span : count;
	float sum[4] = {};
#pragma unroll 4
	for (int64_t i = start + 4 * threadIdx.x; i < end; i += 2048) {
		float x[4];
		d2v_load_some(x, p0 + i, end - i);
#pragma unroll
		for (int j = 0; j < 4; j++)
			sum[j] += x[j] * x[j];
	}
	const float all = d2v_warp_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = all;
	d2v_barrier();
	if (threadIdx.x == 0)
		scratch[blockIdx.x] = d2v_total<16>(part);
}
