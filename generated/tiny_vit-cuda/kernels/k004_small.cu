/* k004_small: 24 flops, 192 bytes a launch
 * Elementwise over 1 x 24, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[H_E:8]
 *   p1  f32[H_E:8]
 *   p2  f32[H_E:8]
 *   p3  f32[H_E_x3:24]  written
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(32)
k004_small(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3)
{
	const int thread = threadIdx.x;
	if (thread >= 6)
		return;
	const int lane = thread;
	const int e0 = 4 * lane;
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int i0 = e0 + j;
		const float v0 = (i0 < 8 ? p2[i0] : (i0 < 16 ? p1[i0 - 8] : p0[i0 - 16]));
		y0[j] = v0;
	}
	d2v_store(p3 + e0, y0);
}
