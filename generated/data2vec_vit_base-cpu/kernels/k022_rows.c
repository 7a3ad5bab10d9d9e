/* k022_rows: 2.131e+08 flops, 2.326e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k022_rows(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, T:197, D:768] */
	const float *restrict p1 = p[1]; /* f32[D:768] */
	const float *restrict p2 = p[2]; /* f32[B:128, T:197, D:768] */
	float *restrict p3 = p[3]; /* f32[B:128, T:197, D:768], written */
	float *restrict p4 = p[4]; /* f32[B:128, T:197], written */
	float *restrict p5 = p[5]; /* f32[B:128, T:197], written */
	const float *restrict p6 = p[6]; /* f32[D:768] */
	const float *restrict p7 = p[7]; /* f32[D:768] */
	uint16_t *restrict p8 = p[8]; /* bf16[B:128, T:197, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 25216; row++) {
		const int64_t i0 = row;
		float a2[768] __attribute__((aligned(64)));
		float r3 = 0;
		float a5[768] __attribute__((aligned(64)));
		float r7 = 0;
		float t3[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v0 = d2v_load_bf16(p0[768 * i0 + i1]);
			const float v1 = p1[i1] * v0;
			const float v2 = p2[768 * i0 + i1] + v1;
			a2[i1] = v2;
			t3[i1] = v2;
			p3[768 * i0 + i1] = v2;
		}
		r3 += d2v_sum_of(t3, 768);
		const float v4 = r3 * 0.00130208337f;
		p4[i0] = v4;
		float t7[768] D2V_ALIGNED;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v5 = a2[i1] - v4;
			a5[i1] = v5;
			const float v6 = v5 * v5;
			t7[i1] = v6;
		}
		r7 += d2v_sum_of(t7, 768);
		const float v8 = r7 * 0.00130208337f;
		const float v9 = v8 + 9.99999997e-07f;
		const float v10 = d2v_rsqrt(v9);
		p5[i0] = v10;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v11 = a5[i1] * v10;
			const float v12 = v11 * p6[i1];
			const float v13 = v12 + p7[i1];
			const uint16_t v14 = d2v_to_bf16((float)v13);
			p8[768 * i0 + i1] = v14;
		}
	}
}
