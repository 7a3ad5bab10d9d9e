/* k058_finish: 1.014e+06 flops, 4.061e+06 bytes a launch
 * Adds up 1536 sums of each of 660 blocks, in order.
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(1024)
k058_finish(float *__restrict__ p0, float *__restrict__ p1, const float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 1056);
	const int lane = threadIdx.x % 32, group = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
	float sum = 0;
	if (column < 1536) {
#pragma unroll 8
		for (int block = group; block < 660; block += 32) {
			const float x = scratch[1536ll * block + column];
			sum += x;
		}
	}
	part[33 * group + lane] = sum;
	d2v_barrier();
	if (group > 0 || column >= 1536)
		return;
	for (int i = 1; i < 32; i++)
		sum += part[33 * i + lane];
	if (column < 768) {
		const int at = column - 0;
		const int i1 = at;
		p0[i1] = sum;
	}
	else if (column < 1536) {
		const int at = column - 768;
		const int i1 = at;
		p1[i1] = sum;
	}
}
