/* k029_columns: 2304 flops, 2304 bytes a launch
 * 6 rows of 32 elements, sums of columns: 8 threads a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:2, N_m:3, F:32]
 *   p1  f32[B:2, N_m:3, F:32]
 *   p2  f32[B:2, N_m:3, F:32]  written
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k029_columns(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ p3)
{
	float c11[4] = {};
	const int lane = threadIdx.x % 8;
	const int first = 0, end = 6;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 8; row < end; row += 32) {
		const int i0 = row;
		{
			const int e1 = 4 * lane;
			float x0[4];
			d2v_load(x0, p0 + 32 * i0 + e1);
			float x1[4];
			d2v_load(x1, p1 + 32 * i0 + e1);
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
				c11[j] += v10;
			}
			d2v_store(p2 + 32 * i0 + e1, y10);
		}
	}
	D2V_SHARED(float, sums, 1024);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[32 * (threadIdx.x / 8) + at] = c11[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 32; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 32; team++)
			sum += sums[32 * team + at];
		const int i1 = at;
		p3[i1] = sum;
	}
	d2v_barrier();
}
