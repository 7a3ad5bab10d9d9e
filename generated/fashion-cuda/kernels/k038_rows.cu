/* k038_rows: 1.393e+05 flops, 8.236e+05 bytes a launch
 * Elementwise over 1088 x 128, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[B:64, T:17]
 *   p1  f32[B:64, N_m:8, H:4, E:32]
 *   p2  f32[B:64, T:17, H:4, E:32]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k038_rows(const int32_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	const int row = thread / 32;
	const int lane = thread % 32;
	const int i0 = row / 17;
	const int i1 = row % 17;
	const int e2 = 4 * lane;
	float x0[4] = {};
	if (p0[17 * i0 + i1] >= 0)
		d2v_load(x0, p1 + 1024 * i0 + e2 + 128 * (p0[17 * i0 + i1]));
	float y0[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = (p0[17 * i0 + i1] >= 0 ? x0[j] : 0.0f);
		y0[j] = v0;
	}
	d2v_store(p2 + 2176 * i0 + 128 * i1 + e2, y0);
}
