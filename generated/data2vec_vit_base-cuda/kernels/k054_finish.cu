/* k054_finish: 2.028e+06 flops, 8.122e+06 bytes a launch
 * Adds up 3072 sums of each of 660 blocks, in order.
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(1024)
k054_finish(float *__restrict__ p0, float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ p3, const float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 1056);
	const int lane = threadIdx.x % 32, group = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
	float sum = 0;
	if (column < 3072) {
#pragma unroll 8
		for (int block = group; block < 660; block += 32) {
			const float x = scratch[3072ll * block + column];
			sum += x;
		}
	}
	part[33 * group + lane] = sum;
	d2v_barrier();
	if (group > 0 || column >= 3072)
		return;
	for (int i = 1; i < 32; i++)
		sum += part[33 * i + lane];
	if (column < 768) {
		const int at = column - 0;
		const int i1 = at;
		p0[i1] = sum;
	}
	else if (column < 1536) {
		const int at = column - 768;
		const int i1 = at;
		p1[i1] = sum;
	}
	else if (column < 2304) {
		const int at = column - 1536;
		const int i1 = at;
		p2[i1] = sum;
	}
	else if (column < 3072) {
		const int at = column - 2304;
		const int i1 = at;
		p3[i1] = sum;
	}
}
