/* k002_rows: 4.657e+05 flops, 2.053e+06 bytes a launch
 * Elementwise over 2364 x 197, 1 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[T:197, U:197]
 *   p1  f32[R:732, H:12]
 *   p2  f32[H:12, T:197, U:197]  written
 *   models/vit_base.d2v:39  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k002_rows(const int32_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	if (thread >= 465708)
		return;
	const int row = thread / 197;
	const int lane = thread % 197;
	const int i0 = row / 197;
	const int i1 = row % 197;
	const int i2 = lane;
	const float v0 = p1[i0 + 12 * (p0[197 * i1 + i2])];
	p2[38809 * i0 + 197 * i1 + i2] = v0;
}
