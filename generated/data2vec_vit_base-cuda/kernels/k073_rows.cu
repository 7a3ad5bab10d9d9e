/* k073_rows: 5.81e+07 flops, 1.937e+08 bytes a launch
 * Elementwise over 25216 x 768, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, T:197, D:768]
 *   p1  f32[D:768]
 *   p2  f32[B:128, T:197, D:768]
 *   p3  f32[B:128, T:197, D:768]  written
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k073_rows(const uint16_t *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, float *__restrict__ p3)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 192;
	const int lane = thread % 192;
	const int i0 = row;
	const int e1 = 4 * lane;
	uint16_t x0[4];
	d2v_load(x0, p0 + 768 * i0 + e1);
	float x1[4];
	d2v_load(x1, p1 + e1);
	float x2[4];
	d2v_load(x2, p2 + 768 * i0 + e1);
	float y2[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = d2v_load_bf16(x0[j]);
		const float v1 = x1[j] * v0;
		const float v2 = x2[j] + v1;
		y2[j] = v2;
	}
	d2v_store(p3 + 768 * i0 + e1, y2);
}
