/* k050_flat: 1.106e+05 flops, 2.212e+05 bytes a launch
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k050_flat(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[D:8, C:3, Py:16, Px:16] */
	const float *restrict p1 = p[1]; /* f32[] */
	float *restrict p2 = p[2]; /* f32[D:8, C:3, Py:16, Px:16], read and written */
	float *restrict p3 = p[3]; /* f32[D:8, C:3, Py:16, Px:16], read and written */
	const float *restrict p4 = p[4]; /* f32[] */
	const float *restrict p5 = p[5]; /* f32[] */
	float *restrict p6 = p[6]; /* f32[D:8, C:3, Py:16, Px:16], read and written */
	float *restrict p7 = p[7]; /* f32[D:8, C:3, Py:16, Px:16], read and written */
	const int64_t count = n[0].i;
	const float s0 = p1[0];
	const float s1 = p4[0];
	const float s2 = p5[0];
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = p0[i0] * s0;
			const float v1 = p2[i0] * 0.899999976f;
			const float v2 = v0 * 0.100000001f;
			const float v3 = v1 + v2;
			const float v4 = v0 * v0;
			const float v5 = p3[i0] * 0.999000013f;
			const float v6 = v4 * 0.00100000005f;
			const float v7 = v5 + v6;
			const float v8 = d2v_sqrt(v7);
			const float v9 = v8 * s1;
			const float v10 = v9 + 9.99999994e-09f;
			const float v11 = v3 * s2;
			const float v12 = v11 / v10;
			const float v13 = p6[i0] * 0.999499977f;
			const float v14 = v13 - v12;
			const float v15 = p7[i0] * 0.999800026f;
			const float v16 = v14 * 0.000199999995f;
			const float v17 = v15 + v16;
			p2[i0] = v3;
			p3[i0] = v7;
			p6[i0] = v14;
			p7[i0] = v17;
		}
}
