/* k017_rows: 1.927e+07 flops, 1.156e+08 bytes a launch
 * Elementwise over 128 x 150528, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:196, D:768]
 *   p1  bf16[B:128, N:196, D:768]  written
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(256)
k017_rows(const float *__restrict__ p0, uint16_t *__restrict__ p1)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 18816;
	const int lane = thread % 18816;
	const int i0 = row;
	const int e1 = 8 * lane;
	float x0[8];
	d2v_load(x0, p0 + 151296 * i0 + e1);
	uint16_t y0[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const uint16_t v0 = d2v_to_bf16((float)x0[j]);
		y0[j] = v0;
	}
	d2v_store(p1 + 150528 * i0 + e1, y0);
}
