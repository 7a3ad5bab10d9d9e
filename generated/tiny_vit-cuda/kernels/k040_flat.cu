/* k040_flat: 100 flops, 800 bytes a launch
 * Elementwise, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[H:2, T:5, U:5]
 *   p1  f32[H:2, T:5, U:5]
 *   p2  f32[H:2, T:5, U:5]
 *   p3  f32[H:2, T:5, U:5]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k040_flat(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3, long long count)
{
	const int64_t e0 = 4 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	float x0[4];
	d2v_load_some(x0, p0 + e0, count - e0);
	float x1[4];
	d2v_load_some(x1, p1 + e0, count - e0);
	float x2[4];
	d2v_load_some(x2, p2 + e0, count - e0);
	float y1[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j] + x1[j];
		const float v1 = v0 + x2[j];
		y1[j] = v1;
	}
	d2v_store_some(p3 + e0, y1, count - e0);
}
