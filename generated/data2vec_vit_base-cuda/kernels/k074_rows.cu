/* k074_rows: 3.854e+07 flops, 3.083e+08 bytes a launch
 * Elementwise over 256 x 150528, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:196, D:768]
 *   p1  f32[B:128, N:196, D:768]
 *   p2  f32[L.10-12:2, B:128, N:196, D:768]  written
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k074_rows(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 37632;
	const int lane = thread % 37632;
	const int i0 = row / 128;
	const int i1 = row % 128;
	const int e2 = 4 * lane;
	float x0[4] = {};
	if (i0 >= 1)
		d2v_load(x0, p0 + 151296 * i1 + e2);
	float x1[4] = {};
	if (i0 < 1)
		d2v_load(x1, p1 + 151296 * i1 + e2);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = (i0 < 1 ? x1[j] : x0[j]);
		y0[j] = v0;
	}
	d2v_store(p2 + 19267584 * i0 + 150528 * i1 + e2, y0);
}
