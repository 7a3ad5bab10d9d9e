/* k049_flat: 3468 flops, 2.312e+04 bytes a launch
 * Elementwise, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[H:4, T:17, U:17]
 *   p1  f32[H:4, T:17, U:17]
 *   p2  f32[H:4, T:17, U:17]
 *   p3  f32[H:4, T:17, U:17]
 *   p4  f32[H:4, T:17, U:17]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k049_flat(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4, long long count)
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
	float x3[4];
	d2v_load_some(x3, p3 + e0, count - e0);
	float y2[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j] + x1[j];
		const float v1 = v0 + x2[j];
		const float v2 = v1 + x3[j];
		y2[j] = v2;
	}
	d2v_store_some(p4 + e0, y2, count - e0);
}
