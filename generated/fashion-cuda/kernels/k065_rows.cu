/* k065_rows: 5.243e+05 flops, 4.194e+06 bytes a launch
 * Elementwise over 256 x 2048, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, N:16, D:128]
 *   p1  f32[B:64, N:16, D:128]
 *   p2  f32[B:64, N:16, D:128]
 *   p3  f32[B:64, N:16, D:128]
 *   p4  f32[L:4, B:64, N:16, D:128]  written
 *   models/fashion.d2v:69  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k065_rows(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 512;
	const int lane = thread % 512;
	const int i0 = row / 64;
	const int i1 = row % 64;
	const int e2 = 4 * lane;
	float x0[4] = {};
	if (i0 >= 3)
		d2v_load(x0, p0 + 2176 * i1 + e2);
	float x1[4] = {};
	if (i0 >= 2 && i0 < 3)
		d2v_load(x1, p1 + 2176 * i1 + e2);
	float x2[4] = {};
	if (i0 >= 1 && i0 < 2)
		d2v_load(x2, p2 + 2176 * i1 + e2);
	float x3[4] = {};
	if (i0 < 1)
		d2v_load(x3, p3 + 2176 * i1 + e2);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = (i0 < 1 ? x3[j] : (i0 < 2 ? x2[j] : (i0 < 3 ? x1[j] : x0[j])));
		y0[j] = v0;
	}
	d2v_store(p4 + 131072 * i0 + 2048 * i1 + e2, y0);
}
