/* k045_columns: 6.685e+06 flops, 6.685e+06 bytes a launch
 * 1088 rows of 512 elements, sums of columns: 64 threads a row, 272 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, T:17, F:512]
 *   p1  f32[B:64, T:17, F:512]
 *   p2  f32[B:64, T:17, F:512]  written
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(64, 8)
k045_columns(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ scratch)
{
	float c11[2][4] = {};
	const int lane = threadIdx.x;
	const int first = 1088 * blockIdx.x / 272, end = 1088 * (blockIdx.x + 1) / 272;
#pragma unroll 4
	for (int row = first; row < end; row++) {
		const int i0 = row;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e1 = 4 * (64 * k + lane);
			float x0[4];
			d2v_load(x0, p0 + 512 * i0 + e1);
			float x1[4];
			d2v_load(x1, p1 + 512 * i0 + e1);
			float y10[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] * 0.707106769f;
				const float v1 = d2v_erf(v0);
				const float v2 = v1 + 1.0f;
				const float v3 = v2 * 0.5f;
				const float v4 = x0[j] * x0[j];
				const float v5 = v4 * (-0.5f);
				const float v6 = d2v_exp(v5);
				const float v7 = x0[j] * 0.398942292f;
				const float v8 = v7 * v6;
				const float v9 = v3 + v8;
				const float v10 = x1[j] * v9;
				y10[j] = v10;
				c11[k][j] += v10;
			}
			d2v_store(p2 + 512 * i0 + e1, y10);
		}
	}
	float *const out = scratch + 512ll * blockIdx.x;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e1 = 4 * (64 * k + lane);
		d2v_store(out + 0 + e1, c11[k]);
	}
}
