/* k005_small: 2304 flops, 1.843e+04 bytes a launch
 * Elementwise over 1 x 2304, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[H_E:768]
 *   p1  f32[H_E:768]
 *   p2  f32[H_E:768]
 *   p3  f32[H_E_x3:2304]  written
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k005_small(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	if (thread >= 576)
		return;
	const int lane = thread;
	const int e0 = 4 * lane;
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int i0 = e0 + j;
		const float v0 = (i0 < 768 ? p2[i0] : (i0 < 1536 ? p1[i0 - 768] : p0[i0 - 1536]));
		y0[j] = v0;
	}
	d2v_store(p3 + e0, y0);
}
