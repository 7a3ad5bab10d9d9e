/* k014_rows: 3.854e+07 flops, 1.156e+08 bytes a launch
 * Elementwise over 25088 x 768, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, N:196, D:768]
 *   p1  bool[B:128, N:196]
 *   p2  f32[D:768]
 *   p3  f32[B:128, N:196, D:768]  written
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k014_rows(const uint16_t *__restrict__ p0, const uint8_t *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 192;
	const int lane = thread % 192;
	const int i0 = row;
	const uint8_t s0 = p1[i0];
	const int e1 = 4 * lane;
	uint16_t x0[4];
	d2v_load(x0, p0 + 768 * i0 + e1);
	float x1[4];
	d2v_load(x1, p2 + e1);
	float y1[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = d2v_load_bf16(x0[j]);
		const float v1 = s0 ? x1[j] : v0;
		y1[j] = v1;
	}
	d2v_store(p3 + 768 * i0 + e1, y1);
}
