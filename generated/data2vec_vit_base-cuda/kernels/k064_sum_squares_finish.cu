/* k064_sum_squares_finish: 528 flops, 2116 bytes a launch
 * Adds up the blocks' sums of squares, in double.
 *   models/vit_base.d2v:27  param patch : [D, C, Py, Px] ~ weight;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(32)
k064_sum_squares_finish(const float *__restrict__ scratch, float *__restrict__ p1)
{
	D2V_SHARED(double, part, 32);
	double sum = 0;
	for (int i = threadIdx.x; i < 528; i += 32)
		sum += scratch[i];
	part[threadIdx.x] = sum;
	d2v_barrier();
	if (threadIdx.x > 0)
		return;
	for (int i = 1; i < 32; i++)
		sum += part[i];
	p1[0] = (float)sum;
}
