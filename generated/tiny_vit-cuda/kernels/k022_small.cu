/* k022_small: 288 flops, 408 bytes a launch
 * Elementwise over 6 x 8, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N_m:3, D:8]
 *   p1  f32[B:2, N_m:3]
 *   p2  f32[B:2, N_m:3, D:8]  written
 *   models/vit_base.d2v:92  minimise mean(B, N, D where m) smooth_l1(e, beta = 2);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(32)
k022_small(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	const int thread = threadIdx.x;
	if (thread >= 12)
		return;
	const int row = thread / 2;
	const int lane = thread % 2;
	const int i0 = row;
	const float s0 = p1[i0];
	const int e1 = 4 * lane;
	float x0[4];
	d2v_load(x0, p0 + 8 * i0 + e1);
	float y5[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = d2v_abs(x0[j]);
		const uint8_t v1 = v0 < 2.0f;
		const float v2 = d2v_sign(x0[j]);
		const float v3 = x0[j] * 0.5f;
		const float v4 = v1 ? v3 : v2;
		const float v5 = s0 * v4;
		y5[j] = v5;
	}
	d2v_store(p2 + 8 * i0 + e1, y5);
}
