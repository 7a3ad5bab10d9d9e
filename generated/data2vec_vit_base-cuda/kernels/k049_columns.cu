/* k049_columns: 3.873e+07 flops, 3.873e+07 bytes a launch
 * 25216 rows of 768 elements, sums of columns: 96 threads a row, 660 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, U:197, H:12, E:64]
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:19  let value : [.., H, U, E] = sum(D) x as [.., U, D] * v + vb;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(96, 5)
k049_columns(const uint16_t *__restrict__ p0, float *__restrict__ scratch)
{
	float c1[8] = {};
	const int lane = threadIdx.x;
	const int first = 25216 * blockIdx.x / 660, end = 25216 * (blockIdx.x + 1) / 660;
#pragma unroll 4
	for (int row = first; row < end; row++) {
		const int i0 = row;
		{
			const int e1 = 8 * lane;
			uint16_t x0[8];
			d2v_load(x0, p0 + 2304 * i0 + e1);
#pragma unroll
			for (int j = 0; j < 8; j++) {
				const float v0 = d2v_load_bf16(x0[j]);
				c1[j] += v0;
			}
		}
	}
	float *const out = scratch + 768ll * blockIdx.x;
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const int at = 8 * lane + j;
		out[0 + at] = c1[j];
	}
}
