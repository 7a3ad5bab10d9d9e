/* k056_rows: 192 flops, 1536 bytes a launch
 * Elementwise over 6 x 32, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N:4, D:8]
 *   p1  f32[B:2, N:4, D:8]
 *   p2  f32[B:2, N:4, D:8]
 *   p3  f32[L:3, B:2, N:4, D:8]  written
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(64)
k056_rows(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3)
{
	const int thread = threadIdx.x;
	if (thread >= 48)
		return;
	const int row = thread / 8;
	const int lane = thread % 8;
	const int i0 = row / 2;
	const int i1 = row % 2;
	const int e2 = 4 * lane;
	float x0[4] = {};
	if (i0 >= 2)
		d2v_load(x0, p0 + 40 * i1 + e2);
	float x1[4] = {};
	if (i0 >= 1 && i0 < 2)
		d2v_load(x1, p1 + 40 * i1 + e2);
	float x2[4] = {};
	if (i0 < 1)
		d2v_load(x2, p2 + 40 * i1 + e2);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = (i0 < 1 ? x2[j] : (i0 < 2 ? x1[j] : x0[j]));
		y0[j] = v0;
	}
	d2v_store(p3 + 64 * i0 + 32 * i1 + e2, y0);
}
