/* k054_flat: 5.123e+06 flops, 2.422e+07 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k054_flat(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0]; /* f32[H:12, T:197, U:197] */
	const float *restrict p1 = p[1]; /* f32[H:12, T:197, U:197] */
	const float *restrict p2 = p[2]; /* f32[H:12, T:197, U:197] */
	const float *restrict p3 = p[3]; /* f32[H:12, T:197, U:197] */
	const float *restrict p4 = p[4]; /* f32[H:12, T:197, U:197] */
	const float *restrict p5 = p[5]; /* f32[H:12, T:197, U:197] */
	const float *restrict p6 = p[6]; /* f32[H:12, T:197, U:197] */
	const float *restrict p7 = p[7]; /* f32[H:12, T:197, U:197] */
	const float *restrict p8 = p[8]; /* f32[H:12, T:197, U:197] */
	const float *restrict p9 = p[9]; /* f32[H:12, T:197, U:197] */
	const float *restrict p10 = p[10]; /* f32[H:12, T:197, U:197] */
	const float *restrict p11 = p[11]; /* f32[H:12, T:197, U:197] */
	float *restrict p12 = p[12]; /* f32[H:12, T:197, U:197], written */
	const int64_t count = n[0].i;
#pragma omp parallel for simd schedule(static) if (count >= 16384)
		for (int64_t i0 = 0; i0 < count; i0++) {
			const float v0 = p0[i0] + p1[i0];
			const float v1 = v0 + p2[i0];
			const float v2 = v1 + p3[i0];
			const float v3 = v2 + p4[i0];
			const float v4 = v3 + p5[i0];
			const float v5 = v4 + p6[i0];
			const float v6 = v5 + p7[i0];
			const float v7 = v6 + p8[i0];
			const float v8 = v7 + p9[i0];
			const float v9 = v8 + p10[i0];
			const float v10 = v9 + p11[i0];
			p12[i0] = v10;
		}
}
