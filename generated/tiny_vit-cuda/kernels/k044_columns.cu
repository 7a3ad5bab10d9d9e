/* k044_columns: 256 flops, 520 bytes a launch
 * 8 rows of 8 elements, sums of columns: 2 threads a row, one block.
 * Shapes (where it is launched several times, those of the first):
 *   p0  bool[B:2, N:4]
 *   p1  f32[B:2, N:4, D:8]
 *   p2  f32[B:2, N:4, D:8]  written
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256, 1)
k044_columns(const uint8_t *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ p3, float *__restrict__ p4)
{
	float c2[4] = {};
	float c3[4] = {};
	const int lane = threadIdx.x % 2;
	const int first = 0, end = 8;
#pragma unroll 4
	for (int row = first + (int)threadIdx.x / 2; row < end; row += 128) {
		const int i0 = row / 4;
		const int i1 = row % 4;
		const uint8_t s0 = p0[4 * i0 + i1];
		{
			const int e2 = 4 * lane;
			float x0[4];
			d2v_load(x0, p1 + 40 * i0 + 8 * i1 + e2);
			float y1[4];
#pragma unroll
			for (int j = 0; j < 4; j++) {
				const float v0 = s0 ? x0[j] : 0.0f;
				const float v1 = s0 ? 0.0f : x0[j];
				y1[j] = v1;
				c2[j] += v0;
				c3[j] += v1;
			}
			d2v_store(p2 + 32 * i0 + 8 * i1 + e2, y1);
		}
	}
	D2V_SHARED(float, sums, 1024);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[8 * (threadIdx.x / 2) + at] = c2[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 128; team++)
			sum += sums[8 * team + at];
		const int i2 = at;
		p3[i2] = sum;
	}
	d2v_barrier();
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const int at = 4 * lane + j;
		sums[8 * (threadIdx.x / 2) + at] = c3[j];
	}
	d2v_barrier();
	for (int at = threadIdx.x; at < 8; at += 256) {
		float sum = sums[at];
		for (int team = 1; team < 128; team++)
			sum += sums[8 * team + at];
		const int i2 = at;
		p4[i2] = sum;
	}
	d2v_barrier();
}
