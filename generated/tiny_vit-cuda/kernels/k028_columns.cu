/* k028_columns: 24 flops, 36 bytes a launch
 * 8 rows of 1 elements, sums of columns: a thread a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:8]
 *   p1  f32[]
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k028_columns(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	float c2 = 0;
	const float s1 = p1[0];
	const int first = 0, end = 8;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x; row < end; row += 256) {
		const int i0 = row;
		const float s0 = p0[i0];
		const float v0 = s0 / s1;
		const float v1 = d2v_sqrt(v0);
		c2 += v1;
	}
	D2V_SHARED(float, sums, 8);
	c2 = d2v_warp_sum(c2);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = c2;
	d2v_barrier();
	if (threadIdx.x == 0)
		p2[0] = d2v_total<8>(sums);
	d2v_barrier();
}
