/* k044_finish: 1.741e+04 flops, 7.168e+04 bytes a launch
 * Adds up 512 sums of each of 34 blocks, in order.
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(1024)
k044_finish(float *__restrict__ p0, float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ p3, const float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 1056);
	const int lane = threadIdx.x % 32, group = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
	float sum = 0;
	if (column < 512) {
#pragma unroll 8
		for (int block = group; block < 34; block += 32) {
			const float x = scratch[512ll * block + column];
			sum += x;
		}
	}
	part[33 * group + lane] = sum;
	d2v_barrier();
	if (group > 0 || column >= 512)
		return;
	for (int i = 1; i < 32; i++)
		sum += part[33 * i + lane];
	if (column < 128) {
		const int at = column - 0;
		const int i2 = at;
		p0[i2] = sum;
	}
	else if (column < 256) {
		const int at = column - 128;
		const int i2 = at;
		p1[i2] = sum;
	}
	else if (column < 384) {
		const int at = column - 256;
		const int i2 = at;
		p2[i2] = sum;
	}
	else if (column < 512) {
		const int at = column - 384;
		const int i2 = at;
		p3[i2] = sum;
	}
}
