/* k003_flat: 8 flops, 32 bytes a launch
 * Elementwise, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[H_E:8]  written
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k003_flat(float *__restrict__ p0, long long count)
{
	const int64_t e0 = 4 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = 0.0f;
		y0[j] = v0;
	}
	d2v_store_some(p0 + e0, y0, count - e0);
}
