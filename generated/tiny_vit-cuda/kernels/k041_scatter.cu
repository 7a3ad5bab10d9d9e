/* k041_scatter: 50 flops, 296 bytes a launch
 * out[row of the table] += a: a block for each of 12 rows and 2 others, through a table of 25.
 *   models/vit_base.d2v:39  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(256)
k041_scatter(const float *__restrict__ p0, const int32_t *__restrict__ p1, float *__restrict__ p2)
{
	D2V_SHARED(float, part, 8);
	const int other = blockIdx.x % 2, row = blockIdx.x / 2;
	const int o0 = other / 1 % 2;
	float sum = 0;
	for (int e = threadIdx.x; e < 25; e += 256) {
		const int e1 = e / 1 % 5;
		const int e0 = e / 5 % 5;
		if (p1[0 + 5 * e0 + 1 * e1] == row)
			sum += p0[25 * o0 + 5 * e0 + 1 * e1];
	}
	sum = d2v_warp_sum(sum);
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = sum;
	d2v_barrier();
	if (threadIdx.x == 0)
		p2[2 * row + 1 * o0] = d2v_total<8>(part);
}
