/* k055_small: 160 flops, 992 bytes a launch
 * Elementwise over 10 x 8, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:8]
 *   p1  f32[B:2, T:5, D:8]
 *   p2  f32[B:2, T:5, D:8]
 *   p3  f32[B:2, T:5, D:8]  written
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(32)
k055_small(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3)
{
	const int thread = threadIdx.x;
	if (thread >= 20)
		return;
	const int row = thread / 2;
	const int lane = thread % 2;
	const int i0 = row;
	const int e1 = 4 * lane;
	float x0[4];
	d2v_load(x0, p0 + e1);
	float x1[4];
	d2v_load(x1, p1 + 8 * i0 + e1);
	float x2[4];
	d2v_load(x2, p2 + 8 * i0 + e1);
	float y1[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j] * x1[j];
		const float v1 = x2[j] + v0;
		y1[j] = v1;
	}
	d2v_store(p3 + 8 * i0 + e1, y1);
}
