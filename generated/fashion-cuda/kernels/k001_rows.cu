/* k001_rows: 1156 flops, 6612 bytes a launch
 * Elementwise over 68 x 17, 1 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  i32[T:17, U:17]
 *   p1  f32[R:52, H:4]
 *   p2  f32[H:4, T:17, U:17]  written
 *   models/fashion.d2v:37  let r : [H, T, U] = pick(offset over R, grid_offsets(Gy, Gx) as [T, U]);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k001_rows(const int32_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2)
{
	const int thread = blockIdx.x * 256 + threadIdx.x;
	if (thread >= 1156)
		return;
	const int row = thread / 17;
	const int lane = thread % 17;
	const int i0 = row / 17;
	const int i1 = row % 17;
	const int i2 = lane;
	const float v0 = p1[i0 + 4 * (p0[17 * i1 + i2])];
	p2[289 * i0 + 17 * i1 + i2] = v0;
}
