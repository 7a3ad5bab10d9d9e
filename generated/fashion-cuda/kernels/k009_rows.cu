/* k009_rows: 3.277e+06 flops, 2.621e+06 bytes a launch
 * 8192 rows of 16 elements: a thread a row.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[B:64, N:16, D:128]
 *   p1  f32[B:64, N:16, D:128]
 *   p2  f32[B:64, N:16, D:128]
 *   p3  f32[B:64, N:16, D:128]
 *   p4  f32[B:64, N:16, D:128]  written
 *   models/fashion.d2v:60  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over N, eps = 1e-5);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k009_rows(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, float *__restrict__ p4)
{
	const int row = blockIdx.x * 256 + threadIdx.x;
	const int i0 = row / 128;
	const int i1 = row % 128;
	float a2[16];
	float a11[16];
	float a21[16];
	float a31[16];
	float t0 = 0;
	float t9 = 0;
	float t19 = 0;
	float t29 = 0;
#pragma unroll
	for (int k = 0; k < 16; k++) {
		const int i2 = k;
		t0 += p0[2176 * i0 + i1 + 128 * i2];
		t9 += p1[2176 * i0 + i1 + 128 * i2];
		t19 += p2[2176 * i0 + i1 + 128 * i2];
		t29 += p3[2176 * i0 + i1 + 128 * i2];
	}
	const float r0 = t0;
	const float r9 = t9;
	const float r19 = t19;
	const float r29 = t29;
	const float v1 = r0 * 0.0625f;
	const float v10 = r9 * 0.0625f;
	const float v20 = r19 * 0.0625f;
	const float v30 = r29 * 0.0625f;
	float t4 = 0;
	float t13 = 0;
	float t23 = 0;
	float t33 = 0;
#pragma unroll
	for (int k = 0; k < 16; k++) {
		const int i2 = k;
		const float v2 = p0[2176 * i0 + i1 + 128 * i2] - v1;
		a2[k] = v2;
		const float v3 = v2 * v2;
		t4 += v3;
		const float v11 = p1[2176 * i0 + i1 + 128 * i2] - v10;
		a11[k] = v11;
		const float v12 = v11 * v11;
		t13 += v12;
		const float v21 = p2[2176 * i0 + i1 + 128 * i2] - v20;
		a21[k] = v21;
		const float v22 = v21 * v21;
		t23 += v22;
		const float v31 = p3[2176 * i0 + i1 + 128 * i2] - v30;
		a31[k] = v31;
		const float v32 = v31 * v31;
		t33 += v32;
	}
	const float r4 = t4;
	const float r13 = t13;
	const float r23 = t23;
	const float r33 = t33;
	const float v5 = r4 * 0.0625f;
	const float v6 = v5 + 9.99999975e-06f;
	const float v7 = d2v_rsqrt(v6);
	const float v14 = r13 * 0.0625f;
	const float v15 = v14 + 9.99999975e-06f;
	const float v16 = d2v_rsqrt(v15);
	const float v24 = r23 * 0.0625f;
	const float v25 = v24 + 9.99999975e-06f;
	const float v26 = d2v_rsqrt(v25);
	const float v34 = r33 * 0.0625f;
	const float v35 = v34 + 9.99999975e-06f;
	const float v36 = d2v_rsqrt(v35);
#pragma unroll
	for (int k = 0; k < 16; k++) {
		const int i2 = k;
		const float v8 = a2[k] * v7;
		const float v17 = a11[k] * v16;
		const float v18 = v8 + v17;
		const float v27 = a21[k] * v26;
		const float v28 = v18 + v27;
		const float v37 = a31[k] * v36;
		const float v38 = v28 + v37;
		const float v39 = v38 * 0.25f;
		p4[2048 * i0 + i1 + 128 * i2] = v39;
	}
}
