/* k011_small: 64 flops, 552 bytes a launch
 * Elementwise over 8 x 8, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bool[B:2, N:4]
 *   p1  f32[D:8]
 *   p2  f32[B:2, N:4, D:8]
 *   p3  f32[B:2, N:4, D:8]  written
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(32)
k011_small(const uint8_t *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3)
{
	const int thread = threadIdx.x;
	if (thread >= 16)
		return;
	const int row = thread / 2;
	const int lane = thread % 2;
	const int i0 = row;
	const uint8_t s0 = p0[i0];
	const int e1 = 4 * lane;
	float x0[4];
	d2v_load(x0, p1 + e1);
	float x1[4];
	d2v_load(x1, p2 + 8 * i0 + e1);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = s0 ? x0[j] : x1[j];
		y0[j] = v0;
	}
	d2v_store(p3 + 8 * i0 + e1, y0);
}
