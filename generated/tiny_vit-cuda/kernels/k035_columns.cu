/* k035_columns: 80 flops, 320 bytes a launch
 * 10 rows of 8 elements, sums of columns: 2 threads a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, U:5, H:2, E:4]
 *   models/lib/vit.d2v:19  let value : [.., H, U, E] = sum(D) x as [.., U, D] * v + vb;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k035_columns(const float *__restrict__ p0, float *__restrict__ p1)
{
	float c0[4] = {};
	const int lane = threadIdx.x % 2;
	const int first = 0, end = 10;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 2; row < end; row += 128) {
		const int i0 = row;
		{
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 8 * i0 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				c0[j] += x0[j];
			}
		}
	}
	D2V_SHARED(float, sums, 1024);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[8 * (threadIdx.x / 2) + at] = c0[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 128; team++)
			sum += sums[8 * team + at];
		const int i1 = at;
		p1[i1] = sum;
	}
	d2v_barrier();
}
