/* k009_small: 48 flops, 536 bytes a launch
 * Elementwise over 6 x 8, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[B:2, N_m:3]
 *   p1  f32[B:2, T:5, H:2, E:4]
 *   p2  f32[B:2, N_m:3, H:2, E:4]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(32)
k009_small(const int32_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	const int thread = threadIdx.x;
	if (thread >= 12)
		return;
	const int row = thread / 2;
	const int lane = thread % 2;
	const int i0 = row / 3;
	const int i1 = row % 3;
	const int e2 = 4 * lane;
	float x0[4] = {};
	if (p0[3 * i0 + i1] >= 0)
		d2v_load(x0, p1 + 40 * i0 + e2 + 8 * (p0[3 * i0 + i1]));
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = (p0[3 * i0 + i1] >= 0 ? x0[j] : 0.0f);
		y0[j] = v0;
	}
	d2v_store(p2 + 24 * i0 + 8 * i1 + e2, y0);
}
