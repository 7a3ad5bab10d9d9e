/* k061_columns: 9.634e+07 flops, 1.156e+08 bytes a launch
 * 25088 rows of 768 elements, sums of columns: 96 threads a row, 660 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bool[B:128, N:196]
 *   p1  f32[B:128, N:196, D:768]
 *   p2  bf16[B:128, N:196, D:768]  written
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(96, 5)
k061_columns(const uint8_t *__restrict__ p0, const float *__restrict__ p1, uint16_t *__restrict__ p2, float *__restrict__ scratch)
{
	float c2[2][4] = {};
	float c3[2][4] = {};
	const int lane = threadIdx.x;
	const int first = 25088 * blockIdx.x / 660, end = 25088 * (blockIdx.x + 1) / 660;
#pragma unroll 4
	for (int row = first; row < end; row++) {
		const int i0 = row / 196;
		const int i1 = row % 196;
		const uint8_t s0 = p0[196 * i0 + i1];
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e2 = 4 * (96 * k + lane);
			float x0[4];
			d2v_load(x0, p1 + 151296 * i0 + 768 * i1 + e2);
			uint16_t y4[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = s0 ? x0[j] : 0.0f;
				const float v1 = s0 ? 0.0f : x0[j];
				c2[k][j] += v0;
				c3[k][j] += v1;
				const uint16_t v4 = d2v_to_bf16((float)v1);
				y4[j] = v4;
			}
			d2v_store(p2 + 150528 * i0 + 768 * i1 + e2, y4);
		}
	}
	float *const out = scratch + 1536ll * blockIdx.x;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 0 + e2, c2[k]);
	}
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e2 = 4 * (96 * k + lane);
		d2v_store(out + 768 + e2, c3[k]);
	}
}
