/* k021_flat: 1536 flops, 4612 bytes a launch
 * Elementwise, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[B:64, N_m:8]
 *   p1  bool[B:64, N_m:8]  written
 *   p2  f32[]
 *   p3  f32[B:64, N_m:8]  written
 *   models/fashion.d2v:62  minimise mean(B, N, D where m) smooth_l1(p - top, beta = 2);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k021_flat(const int32_t *__restrict__ p0, uint8_t *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3, long long count)
{
	const int64_t e0 = 8 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	const float s0 = p2[0];
	int32_t x0[8];
	d2v_load_some(x0, p0 + e0, count - e0);
	uint8_t y1[8];
	float y2[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const float v0 = (float)x0[j];
		const uint8_t v1 = 0.0f <= v0;
		y1[j] = v1;
		const float v2 = v1 ? s0 : 0.0f;
		y2[j] = v2;
	}
	d2v_store_some(p1 + e0, y1, count - e0);
	d2v_store_some(p3 + e0, y2, count - e0);
}
