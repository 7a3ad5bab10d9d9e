/* k013_small: 64 flops, 512 bytes a launch
 * Elementwise over 16 x 4, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N:4, D:8]
 *   p1  f32[D:8, B:2, N:4]  written
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.cuh" // d1c0fbb2b02c115527223a6cf7ba8698

extern "C" __global__ void __launch_bounds__(32)
k013_small(const float *__restrict__ p0, float *__restrict__ p1)
{
	const int thread = threadIdx.x;
	if (thread >= 16)
		return;
	const int row = thread;
	const int i0 = row / 2;
	const int i1 = row % 2;
	const int e2 = 4 * 0;
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int i2 = e2 + j;
		const float v0 = p0[i0 + 40 * i1 + 8 * i2];
		y0[j] = v0;
	}
	d2v_store(p1 + 8 * i0 + 4 * i1 + e2, y0);
}
