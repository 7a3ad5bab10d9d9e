/* k008_rows: 2.785e+05 flops, 1.672e+06 bytes a launch
 * Elementwise over 1088 x 128, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:128]
 *   p1  f32[B:64, T:17, D:128]
 *   p2  f32[B:64, T:17, D:128]
 *   p3  f32[B:64, T:17, D:128]  written
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k008_rows(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 32;
	const int lane = thread % 32;
	const int i0 = row;
	const int e1 = 4 * lane;
	float x0[4];
	d2v_load(x0, p0 + e1);
	float x1[4];
	d2v_load(x1, p1 + 128 * i0 + e1);
	float x2[4];
	d2v_load(x2, p2 + 128 * i0 + e1);
	float y1[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j] * x1[j];
		const float v1 = x2[j] + v0;
		y1[j] = v1;
	}
	d2v_store(p3 + 128 * i0 + e1, y1);
}
