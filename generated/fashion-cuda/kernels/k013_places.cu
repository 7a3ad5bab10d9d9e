/* k013_places: 1024 flops, 3072 bytes a launch
 * Where the true elements of each row lie, in order; -1 behind the last. A block a row.
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k013_places(const unsigned char *__restrict__ p0, int32_t *__restrict__ p1)
{
	const int o0 = (int)blockIdx.x / 1 % 64;
	for (int i = threadIdx.x; i < 8; i += 256)
		p1[8 * o0 + 1 * i] = -1;
	d2v_barrier();
	for (int i = threadIdx.x; i < 16; i += 256) {
		int count = 0;
		if (!p0[16 * o0 + 1 * i])
			continue;
		for (int j = 0; j < i; j++)
			count += p0[16 * o0 + 1 * j] != 0;
		if (count < 8)
			p1[8 * o0 + 1 * count] = 1 + i;
	}
}
