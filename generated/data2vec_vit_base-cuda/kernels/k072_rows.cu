/* k072_rows: 1.927e+08 flops, 1.541e+09 bytes a launch
 * Elementwise over 1280 x 150528, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:196, D:768]
 *   p1  f32[B:128, N:196, D:768]
 *   p2  f32[B:128, N:196, D:768]
 *   p3  f32[B:128, N:196, D:768]
 *   p4  f32[B:128, N:196, D:768]
 *   p5  f32[B:128, N:196, D:768]
 *   p6  f32[B:128, N:196, D:768]
 *   p7  f32[B:128, N:196, D:768]
 *   p8  f32[B:128, N:196, D:768]
 *   p9  f32[B:128, N:196, D:768]
 *   p10  f32[L.0-10:10, B:128, N:196, D:768]  written
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k072_rows(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, const float *__restrict__ p7, const float *__restrict__ p8, const float *__restrict__ p9, float *__restrict__ p10)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 37632;
	const int lane = thread % 37632;
	const int i0 = row / 128;
	const int i1 = row % 128;
	const int e2 = 4 * lane;
	float x0[4] = {};
	if (i0 >= 9)
		d2v_load(x0, p0 + 151296 * i1 + e2);
	float x1[4] = {};
	if (i0 >= 8 && i0 < 9)
		d2v_load(x1, p1 + 151296 * i1 + e2);
	float x2[4] = {};
	if (i0 >= 7 && i0 < 8)
		d2v_load(x2, p2 + 151296 * i1 + e2);
	float x3[4] = {};
	if (i0 >= 6 && i0 < 7)
		d2v_load(x3, p3 + 151296 * i1 + e2);
	float x4[4] = {};
	if (i0 >= 5 && i0 < 6)
		d2v_load(x4, p4 + 151296 * i1 + e2);
	float x5[4] = {};
	if (i0 >= 4 && i0 < 5)
		d2v_load(x5, p5 + 151296 * i1 + e2);
	float x6[4] = {};
	if (i0 >= 3 && i0 < 4)
		d2v_load(x6, p6 + 151296 * i1 + e2);
	float x7[4] = {};
	if (i0 >= 2 && i0 < 3)
		d2v_load(x7, p7 + 151296 * i1 + e2);
	float x8[4] = {};
	if (i0 >= 1 && i0 < 2)
		d2v_load(x8, p8 + 151296 * i1 + e2);
	float x9[4] = {};
	if (i0 < 1)
		d2v_load(x9, p9 + 151296 * i1 + e2);
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = (i0 < 1 ? x9[j] : (i0 < 2 ? x8[j] : (i0 < 3 ? x7[j] : (i0 < 4 ? x6[j] : (i0 < 5 ? x5[j] : (i0 < 6 ? x4[j] : (i0 < 7 ? x3[j] : (i0 < 8 ? x2[j] : (i0 < 9 ? x1[j] : x0[j])))))))));
		y0[j] = v0;
	}
	d2v_store(p10 + 19267584 * i0 + 150528 * i1 + e2, y0);
}
