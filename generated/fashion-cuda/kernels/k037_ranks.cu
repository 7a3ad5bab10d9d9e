/* k037_ranks: 1024 flops, 5376 bytes a launch
 * How many true elements of its row come before each true one; -1: not true. A block a row.
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k037_ranks(const unsigned char *__restrict__ p0, int32_t *__restrict__ p1)
{
	const int o0 = (int)blockIdx.x / 1 % 64;
	for (int i = threadIdx.x; i < 17; i += 256)
		p1[17 * o0 + 1 * i] = -1;
	d2v_barrier();
	for (int i = threadIdx.x; i < 16; i += 256) {
		int count = 0;
		if (!p0[16 * o0 + 1 * i])
			continue;
		for (int j = 0; j < i; j++)
			count += p0[16 * o0 + 1 * j] != 0;
		if (count < 8)
			p1[17 * o0 + 1 * (1 + i)] = count;
	}
}
