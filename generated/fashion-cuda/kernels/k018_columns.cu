/* k018_columns: 7.864e+05 flops, 1.051e+06 bytes a launch
 * 2048 rows of 128 elements, sums of columns: a warp a row, 64 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, N:16, D:128]
 *   p1  bool[B:128, N:16]
 *   models/fashion.d2v:60  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over N, eps = 1e-5);
 *   models/fashion.d2v:63  watch target_std = mean(D) std(top over (B, N) where m);
 */
#include "prelude.cuh" // 4c5a6f654b51a158cbc882cdd6107afa

extern "C" __global__ void __launch_bounds__(256, 2)
k018_columns(const float *__restrict__ p0, const uint8_t *__restrict__ p1, float *__restrict__ scratch)
{
	float c2[4] = {};
	const int lane = threadIdx.x % 32;
	const int first = 2048 * blockIdx.x / 64, end = 2048 * (blockIdx.x + 1) / 64;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 32; row < end; row += 8) {
		const int i0 = row;
		const uint8_t s0 = p1[i0];
		{
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 128 * i0 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] * 0.25f;
				const float v1 = s0 ? v0 : 0.0f;
				c2[j] += v1;
			}
		}
	}
	D2V_SHARED(float, sums, 1024);
	float *const out = scratch + 128ll * blockIdx.x;
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[128 * (threadIdx.x / 32) + at] = c2[j];
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
