/* k025_columns: 240 flops, 246 bytes a launch
 * 6 rows of 8 elements, sums of columns: 2 threads a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N_m:3, D:8]
 *   p1  f32[B:2, N_m:3]
 *   p2  f32[B:2, N_m:3]
 *   p3  bool[B:2, N_m:3]
 *   models/vit_base.d2v:89  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over D, eps = 1e-5);
 *   models/vit_base.d2v:90  let y : [B, N, D] = standardise(top over D, eps = 1e-5);
 *   models/vit_base.d2v:93  watch target_std = mean(D) std(y over (B, N) where m);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k025_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const uint8_t *__restrict__ p3, float *__restrict__ p4)
{
	float c4[4] = {};
	const int lane = threadIdx.x % 2;
	const int first = 0, end = 6;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 2; row < end; row += 128) {
		const int i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		const uint8_t s2 = p3[i0];
		{
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 8 * i0 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] * 0.5f;
				const float v1 = v0 - s0;
				const float v2 = v1 * s1;
				const float v3 = s2 ? v2 : 0.0f;
				c4[j] += v3;
			}
		}
	}
	D2V_SHARED(float, sums, 1024);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[8 * (threadIdx.x / 2) + at] = c4[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 128; team++)
			sum += sums[8 * team + at];
		const int i1 = at;
		p4[i1] = sum;
	}
	d2v_barrier();
}
