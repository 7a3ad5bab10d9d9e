/* k034_finish: 5.069e+05 flops, 2.031e+06 bytes a launch
 * Adds up 768 sums of each of 660 blocks, in order.
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:19  let value : [.., H, U, E] = sum(D) x as [.., U, D] * v + vb;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(1024)
k034_finish(float *__restrict__ p0, const float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 1056);
	const int lane = threadIdx.x % 32, group = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
	float sum = 0;
	if (column < 768) {
#pragma unroll 8
		for (int block = group; block < 660; block += 32) {
			const float x = scratch[768ll * block + column];
			sum += x;
		}
	}
	part[33 * group + lane] = sum;
	d2v_barrier();
	if (group > 0 || column >= 768)
		return;
	for (int i = 1; i < 32; i++)
		sum += part[33 * i + lane];
	if (column < 768) {
		const int at = column - 0;
		const int i1 = at;
		p0[i1] = sum;
	}
}
