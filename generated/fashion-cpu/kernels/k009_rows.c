/* k009_rows: 3.277e+06 flops, 2.621e+06 bytes a launch
 *   models/fashion.d2v:60  let top : [B, N, D] = mean(l in L - K .. L) standardise(z[l] at N over N, eps = 1e-5);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k009_rows(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[B:64, N:16, D:128] */
	const float *restrict p1 = p[1]; /* f32[B:64, N:16, D:128] */
	const float *restrict p2 = p[2]; /* f32[B:64, N:16, D:128] */
	const float *restrict p3 = p[3]; /* f32[B:64, N:16, D:128] */
	float *restrict p4 = p[4]; /* f32[B:64, N:16, D:128], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 256; row++) {
		const int64_t i0 = row / 4;
		const int64_t first = row % 4 * 32;
		float r0[32] __attribute__((aligned(64)));
		for (int64_t i = 0; i < 32; i++)
			r0[i] = 0;
		float a1[32] __attribute__((aligned(64)));
		float a2[512] __attribute__((aligned(64)));
		float r4[32] __attribute__((aligned(64)));
		for (int64_t i = 0; i < 32; i++)
			r4[i] = 0;
		float a7[32] __attribute__((aligned(64)));
		float r9[32] __attribute__((aligned(64)));
		for (int64_t i = 0; i < 32; i++)
			r9[i] = 0;
		float a10[32] __attribute__((aligned(64)));
		float a11[512] __attribute__((aligned(64)));
		float r13[32] __attribute__((aligned(64)));
		for (int64_t i = 0; i < 32; i++)
			r13[i] = 0;
		float a16[32] __attribute__((aligned(64)));
		float r19[32] __attribute__((aligned(64)));
		for (int64_t i = 0; i < 32; i++)
			r19[i] = 0;
		float a20[32] __attribute__((aligned(64)));
		float a21[512] __attribute__((aligned(64)));
		float r23[32] __attribute__((aligned(64)));
		for (int64_t i = 0; i < 32; i++)
			r23[i] = 0;
		float a26[32] __attribute__((aligned(64)));
		float r29[32] __attribute__((aligned(64)));
		for (int64_t i = 0; i < 32; i++)
			r29[i] = 0;
		float a30[32] __attribute__((aligned(64)));
		float a31[512] __attribute__((aligned(64)));
		float r33[32] __attribute__((aligned(64)));
		for (int64_t i = 0; i < 32; i++)
			r33[i] = 0;
		float a36[32] __attribute__((aligned(64)));
		for (int64_t i2 = 0; i2 < 16; i2++) {
#pragma omp simd
			for (int64_t lane = 0; lane < 32; lane++) {
				const int64_t i1 = first + lane;
				r0[lane] += p0[2176 * i0 + 128 * i2 + i1];
				r9[lane] += p1[2176 * i0 + 128 * i2 + i1];
				r19[lane] += p2[2176 * i0 + 128 * i2 + i1];
				r29[lane] += p3[2176 * i0 + 128 * i2 + i1];
			}
		}
#pragma omp simd
		for (int64_t lane = 0; lane < 32; lane++) {
			const int64_t i1 = first + lane;
			const float v1 = r0[lane] * 0.0625f;
			a1[lane] = v1;
			const float v10 = r9[lane] * 0.0625f;
			a10[lane] = v10;
			const float v20 = r19[lane] * 0.0625f;
			a20[lane] = v20;
			const float v30 = r29[lane] * 0.0625f;
			a30[lane] = v30;
		}
		for (int64_t i2 = 0; i2 < 16; i2++) {
#pragma omp simd
			for (int64_t lane = 0; lane < 32; lane++) {
				const int64_t i1 = first + lane;
				const float v2 = p0[2176 * i0 + 128 * i2 + i1] - a1[lane];
				a2[(i2) * 32 + lane] = v2;
				const float v3 = v2 * v2;
				r4[lane] += v3;
				const float v11 = p1[2176 * i0 + 128 * i2 + i1] - a10[lane];
				a11[(i2) * 32 + lane] = v11;
				const float v12 = v11 * v11;
				r13[lane] += v12;
				const float v21 = p2[2176 * i0 + 128 * i2 + i1] - a20[lane];
				a21[(i2) * 32 + lane] = v21;
				const float v22 = v21 * v21;
				r23[lane] += v22;
				const float v31 = p3[2176 * i0 + 128 * i2 + i1] - a30[lane];
				a31[(i2) * 32 + lane] = v31;
				const float v32 = v31 * v31;
				r33[lane] += v32;
			}
		}
#pragma omp simd
		for (int64_t lane = 0; lane < 32; lane++) {
			const int64_t i1 = first + lane;
			const float v5 = r4[lane] * 0.0625f;
			const float v6 = v5 + 9.99999975e-06f;
			const float v7 = d2v_rsqrt(v6);
			a7[lane] = v7;
			const float v14 = r13[lane] * 0.0625f;
			const float v15 = v14 + 9.99999975e-06f;
			const float v16 = d2v_rsqrt(v15);
			a16[lane] = v16;
			const float v24 = r23[lane] * 0.0625f;
			const float v25 = v24 + 9.99999975e-06f;
			const float v26 = d2v_rsqrt(v25);
			a26[lane] = v26;
			const float v34 = r33[lane] * 0.0625f;
			const float v35 = v34 + 9.99999975e-06f;
			const float v36 = d2v_rsqrt(v35);
			a36[lane] = v36;
		}
		for (int64_t i2 = 0; i2 < 16; i2++) {
#pragma omp simd
			for (int64_t lane = 0; lane < 32; lane++) {
				const int64_t i1 = first + lane;
				const float v8 = a2[(i2) * 32 + lane] * a7[lane];
				const float v17 = a11[(i2) * 32 + lane] * a16[lane];
				const float v18 = v8 + v17;
				const float v27 = a21[(i2) * 32 + lane] * a26[lane];
				const float v28 = v18 + v27;
				const float v37 = a31[(i2) * 32 + lane] * a36[lane];
				const float v38 = v28 + v37;
				const float v39 = v38 * 0.25f;
				p4[2048 * i0 + 128 * i2 + i1] = v39;
			}
		}
	}
}
