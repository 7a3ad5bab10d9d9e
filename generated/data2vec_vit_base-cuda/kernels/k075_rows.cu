/* k075_rows: 2.312e+08 flops, 1.85e+09 bytes a launch
 * Elementwise over 12 x 19267584, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[L.10-12:2, B:128, N:196, D:768]
 *   p1  f32[L.0-10:10, B:128, N:196, D:768]
 *   p2  f32[L:12, B:128, N:196, D:768]  written
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k075_rows(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 4816896;
	const int lane = thread % 4816896;
	const int i0 = row;
	const int e1 = 4 * lane;
	float x0[4] = {};
	if (i0 >= 10)
		d2v_load(x0, p0 + 19267584 * i0 + e1 - 192675840);
	float x1[4] = {};
	if (i0 < 10)
		d2v_load(x1, p1 + 19267584 * i0 + e1);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = (i0 < 10 ? x1[j] : x0[j]);
		y0[j] = v0;
	}
	d2v_store(p2 + 19267584 * i0 + e1, y0);
}
