/* k012_rows: 64 flops, 512 bytes a launch
 * Elementwise over 2 x 32, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N:4, D:8]
 *   p1  f32[B:2, N:4, D:8]  written
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(32)
k012_rows(const float *__restrict__ p0, float *__restrict__ p1)
{
	const int thread = threadIdx.x;
	if (thread >= 16)
		return;
	const int row = thread / 8;
	const int lane = thread % 8;
	const int i0 = row;
	const int e1 = 4 * lane;
	float x0[4];
	d2v_load(x0, p0 + 40 * i0 + e1);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j];
		y0[j] = v0;
	}
	d2v_store(p1 + 32 * i0 + e1, y0);
}
