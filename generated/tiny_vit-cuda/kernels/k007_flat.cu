/* k007_flat: 1600 flops, 2560 bytes a launch
 * Elementwise, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, T:5, F:32]
 *   p1  f32[B:2, T:5, F:32]  written
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k007_flat(const float *__restrict__ p0, float *__restrict__ p1, long long count)
{
	const int64_t e0 = 4 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	float x0[4];
	d2v_load_some(x0, p0 + e0, count - e0);
	float y4[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j] * 0.5f;
		const float v1 = x0[j] * 0.707106769f;
		const float v2 = d2v_erf(v1);
		const float v3 = v2 + 1.0f;
		const float v4 = v0 * v3;
		y4[j] = v4;
	}
	d2v_store_some(p1 + e0, y4, count - e0);
}
