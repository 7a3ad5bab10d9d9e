/* k050_scatter: 1156 flops, 5456 bytes a launch
 * out[row of the table] += a: a block for each of 52 rows and 4 of 4 others, through a table of 289.
 *   models/fashion.d2v:37  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k050_scatter(const float *__restrict__ p0, const int32_t *__restrict__ p1, float *__restrict__ p2)
{
	enum { OTHERS = 4, GROUP = 4, WARPS = 8 };
	D2V_SHARED(float, part, GROUP * WARPS);
	const int first = blockIdx.x % 1 * GROUP, row = blockIdx.x / 1;
	float sum[GROUP] = {};
	for (int e = threadIdx.x; e < 289; e += 256) {
		const int e1 = e / 1 % 17;
		const int e0 = e / 17 % 17;
		if (p1[0 + 17 * e0 + 1 * e1] != row)
			continue;
#pragma unroll
		for (int i = 0; i < GROUP; i++) {
			const int o0 = (first + i) / 1 % 4;
			if (first + i < OTHERS)
				sum[i] += p0[289 * o0 + 17 * e0 + 1 * e1];
		}
	}
#pragma unroll
	for (int i = 0; i < GROUP; i++) {
		sum[i] = d2v_warp_sum(sum[i]);
		if (threadIdx.x % 32 == 0)
			part[i * WARPS + threadIdx.x / 32] = sum[i];
	}
	d2v_barrier();
	const int other = first + (int)threadIdx.x;
	if (threadIdx.x >= GROUP || other >= OTHERS)
		return;
	const int o0 = other / 1 % 4;
	p2[4 * row + 1 * o0] = d2v_total<WARPS>(part + threadIdx.x * WARPS);
}
