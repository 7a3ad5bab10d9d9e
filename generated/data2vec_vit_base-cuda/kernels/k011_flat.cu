/* k011_flat: 1.937e+07 flops, 1.162e+08 bytes a launch
 * Elementwise, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, T:197, H:12, E:64]
 *   p1  f32[B:128, T:197, H:12, E:64]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k011_flat(const uint16_t *__restrict__ p0, float *__restrict__ p1, long long count)
{
	const int64_t e0 = 4 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	uint16_t x0[4];
	d2v_load_some(x0, p0 + e0, count - e0);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = d2v_load_bf16(x0[j]);
		y0[j] = v0;
	}
	d2v_store_some(p1 + e0, y0, count - e0);
}
