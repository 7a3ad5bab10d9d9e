/* k041_columns: 1.393e+05 flops, 5.571e+05 bytes a launch
 * 1088 rows of 128 elements, sums of columns: a warp a row, 34 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, U:17, H:4, E:32]
 *   models/lib/vit.d2v:19  let value : [.., H, U, E] = sum(D) x as [.., U, D] * v + vb;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 2)
k041_columns(const float *__restrict__ p0, float *__restrict__ scratch)
{
	float c0[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 1088 * blockIdx.x / 34, end = 1088 * (blockIdx.x + 1) / 34;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		{
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 384 * i0 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				c0[j] += x0[j];
			}
		}
	}
	D2V_SHARED(float, sums, 1024);
	float *const out = scratch + 128ll * blockIdx.x;
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c0[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 128; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 8; team++)
			sum += sums[128 * team + at];
		out[0 + at] = sum;
	}
	d2v_barrier();
}
