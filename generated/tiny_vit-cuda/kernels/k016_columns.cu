/* k016_columns: 16 flops, 8 bytes a launch
 * 8 rows of 1 elements, sums of columns: a thread a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bool[B:2, N:4]
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k016_columns(const uint8_t *__restrict__ p0, float *__restrict__ p1)
{
	float c1 = 0;
	const int first = 0, end = 8;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x; row < end; row += 256) {
		const int i0 = row;
		const uint8_t s0 = p0[i0];
		const float v0 = (float)s0;
		c1 += v0;
	}
	D2V_SHARED(float, sums, 8);
	c1 = d2v_warp_sum(c1);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = c1;
	d2v_barrier();
	if (threadIdx.x == 0)
		p1[0] = d2v_total<8>(sums);
	d2v_barrier();
}
