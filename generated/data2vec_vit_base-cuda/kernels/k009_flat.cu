/* k009_flat: 5.422e+08 flops, 3.099e+08 bytes a launch
 * Elementwise, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, T:197, F:3072]
 *   p1  bf16[B:128, T:197, F:3072]  written
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k009_flat(const uint16_t *__restrict__ p0, uint16_t *__restrict__ p1, long long count)
{
	const int64_t e0 = 8 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	uint16_t x0[8];
	d2v_load_some(x0, p0 + e0, count - e0);
	uint16_t y6[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const float v0 = d2v_load_bf16(x0[j]);
		const float v1 = v0 * 0.5f;
		const float v2 = v0 * 0.707106769f;
		const float v3 = d2v_erf(v2);
		const float v4 = v3 + 1.0f;
		const float v5 = v1 * v4;
		const uint16_t v6 = d2v_to_bf16((float)v5);
		y6[j] = v6;
	}
	d2v_store_some(p1 + e0, y6, count - e0);
}
