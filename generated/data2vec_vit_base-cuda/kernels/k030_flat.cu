/* k030_flat: 2.509e+04 flops, 1.254e+05 bytes a launch
 * Elementwise, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bool[B:128, N:196]
 *   p1  f32[]
 *   p2  f32[B:128, N:196]  written
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(256)
k030_flat(const uint8_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, long long count)
{
	const int64_t e0 = 4 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	const float s0 = p1[0];
	uint8_t x0[4];
	d2v_load_some(x0, p0 + e0, count - e0);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j] ? s0 : 0.0f;
		y0[j] = v0;
	}
	d2v_store_some(p2 + e0, y0, count - e0);
}
