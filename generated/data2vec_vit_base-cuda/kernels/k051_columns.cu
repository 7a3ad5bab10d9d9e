/* k051_columns: 1.162e+09 flops, 4.648e+08 bytes a launch
 * 25216 rows of 3072 elements, sums of columns: 384 threads a row, 264 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bf16[B:128, T:197, F:3072]
 *   p1  bf16[B:128, T:197, F:3072]
 *   p2  bf16[B:128, T:197, F:3072]  written
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(384, 2)
k051_columns(const uint16_t *__restrict__ p0, const uint16_t *__restrict__ p1, uint16_t *__restrict__ p2, float *__restrict__ scratch)
{
	float c13[8] = {};
	const int lane = threadIdx.x;
	const int first = 25216 * blockIdx.x / 264, end = 25216 * (blockIdx.x + 1) / 264;
#pragma unroll 4
	for (int row = first; row < end; row++) {
		const int i0 = row;
		{
			const int e1 = 8 * lane;
			uint16_t x0[8];
			d2v_load(x0, p0 + 3072 * i0 + e1);
			uint16_t x1[8];
			d2v_load(x1, p1 + 3072 * i0 + e1);
			uint16_t y14[8];
#pragma unroll
			for (int j = 0; j < 8; j++) {
				const float v0 = d2v_load_bf16(x0[j]);
				const float v1 = v0 * 0.707106769f;
				const float v2 = d2v_erf(v1);
				const float v3 = v2 + 1.0f;
				const float v4 = v3 * 0.5f;
				const float v5 = v0 * v0;
				const float v6 = v5 * (-0.5f);
				const float v7 = d2v_exp(v6);
				const float v8 = v0 * 0.398942292f;
				const float v9 = v8 * v7;
				const float v10 = v4 + v9;
				const float v11 = d2v_load_bf16(x1[j]);
				const float v12 = v11 * v10;
				c13[j] += v12;
				const uint16_t v14 = d2v_to_bf16((float)v12);
				y14[j] = v14;
			}
			d2v_store(p2 + 3072 * i0 + e1, y14);
		}
	}
	float *const out = scratch + 3072ll * blockIdx.x;
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const int at = 8 * lane + j;
		out[0 + at] = c13[j];
	}
}
