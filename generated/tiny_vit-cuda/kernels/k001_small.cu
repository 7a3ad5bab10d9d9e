/* k001_small: 50 flops, 396 bytes a launch
 * Elementwise over 10 x 5, 1 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[T:5, U:5]
 *   p1  f32[R:12, H:2]
 *   p2  f32[H:2, T:5, U:5]  written
 *   models/vit_base.d2v:39  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(64)
k001_small(const int32_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	const int thread = threadIdx.x;
	if (thread >= 50)
		return;
	const int row = thread / 5;
	const int lane = thread % 5;
	const int i0 = row / 5;
	const int i1 = row % 5;
	const int i2 = lane;
	const float v0 = p1[i0 + 2 * (p0[5 * i1 + i2])];
	p2[25 * i0 + 5 * i1 + i2] = v0;
}
