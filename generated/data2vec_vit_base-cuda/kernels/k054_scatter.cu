/* k054_scatter: 4.657e+05 flops, 1.898e+06 bytes a launch
 * out[row of the table] += a: a block for each of 732 rows and 12 others, through a table of 38809.
 *   models/vit_base.d2v:39  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(256)
k054_scatter(const float *__restrict__ p0, const int32_t *__restrict__ p1, float *__restrict__ p2)
{
	D2V_SHARED(float, part, 8);
	const int other = blockIdx.x % 12, row = blockIdx.x / 12;
	const int o0 = other / 1 % 12;
	float sum = 0;
	for (int e = threadIdx.x; e < 38809; e += 256) {
		const int e1 = e / 1 % 197;
		const int e0 = e / 197 % 197;
		if (p1[0 + 197 * e0 + 1 * e1] == row)
			sum += p0[38809 * o0 + 197 * e0 + 1 * e1];
	}
	sum = d2v_warp_sum(sum);
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = sum;
	d2v_barrier();
	if (threadIdx.x == 0)
		p2[12 * row + 1 * o0] = d2v_total<8>(part);
}
