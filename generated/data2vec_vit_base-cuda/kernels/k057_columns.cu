/* k057_columns: 2.905e+08 flops, 2.713e+08 bytes a launch
 * 25216 rows of 768 elements, sums of columns: 96 threads a row, 660 blocks whose sums the next kernel adds.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:128, T:197, D:768]
 *   p1  f32[B:128, T:197]
 *   p2  f32[B:128, T:197]
 *   p3  bf16[B:128, T:197, D:768]
 *   p4  f32[D:768]
 *   p5  f32[B:128, T:197, D:768]
 *   p6  f32[B:128, T:197, D:768]  written
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(96, 5)
k057_columns(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const uint16_t *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, float *__restrict__ p6, float *__restrict__ scratch)
{
	D2V_SHARED(float, part, 6);
	float c3[2][4] = {};
	float c6[2][4] = {};
	const int lane = threadIdx.x;
	const int first = 25216 * blockIdx.x / 660, end = 25216 * (blockIdx.x + 1) / 660;
	for (int row = first; row < end; row++) {
		const int i0 = row;
		const float s0 = p1[i0];
		const float s1 = p2[i0];
		float x3[2][4];
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e1 = 4 * (96 * k + lane);
			d2v_load(x3[k], p5 + 768 * i0 + e1);
		}
		float a1[2][4];
		float a4[2][4];
		float t7 = 0;
		float t10 = 0;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e1 = 4 * (96 * k + lane);
			float x0[4];
			d2v_load(x0, p0 + 768 * i0 + e1);
			uint16_t x1[4];
			d2v_load(x1, p3 + 768 * i0 + e1);
			float x2[4];
			d2v_load(x2, p4 + e1);
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = x0[j] - s0;
				const float v1 = v0 * s1;
				a1[k][j] = v1;
				const float v2 = d2v_load_bf16(x1[j]);
				c3[k][j] += v2;
				const float v4 = v2 * x2[j];
				a4[k][j] = v4;
				const float v5 = v2 * v1;
				c6[k][j] += v5;
				t7 += v4;
				const float v9 = v4 * v1;
				t10 += v9;
			}
		}
		t7 = d2v_warp_sum(t7);
		if (lane % 32 == 0)
			part[0 + lane / 32] = t7;
		t10 = d2v_warp_sum(t10);
		if (lane % 32 == 0)
			part[3 + lane / 32] = t10;
		d2v_barrier();
		const float r7 = d2v_total<3>(part + 0);
		const float r10 = d2v_total<3>(part + 3);
		const float v8 = r7 * 0.00130208337f;
		const float v11 = r10 * 0.00130208337f;
#pragma unroll
		for (int k = 0; k < 2; k++) {
			const int e1 = 4 * (96 * k + lane);
			float y16[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v12 = a1[k][j] * v11;
				const float v13 = a4[k][j] - v8;
				const float v14 = v13 - v12;
				const float v15 = s1 * v14;
				const float v16 = x3[k][j] + v15;
				y16[j] = v16;
			}
			d2v_store(p6 + 768 * i0 + e1, y16);
		}
		d2v_barrier();
	}
	float *const out = scratch + 1536ll * blockIdx.x;
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e1 = 4 * (96 * k + lane);
		d2v_store(out + 0 + e1, c3[k]);
	}
#pragma unroll
	for (int k = 0; k < 2; k++) {
		const int e1 = 4 * (96 * k + lane);
		d2v_store(out + 768 + e1, c6[k]);
	}
}
