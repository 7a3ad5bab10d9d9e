/* k078_rows: 5.81e+07 flops, 1.937e+08 bytes a launch
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k078_rows(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, T:197, D:768] */
	const float *restrict p1 = p[1]; /* f32[D:768] */
	const float *restrict p2 = p[2]; /* f32[B:128, T:197, D:768] */
	float *restrict p3 = p[3]; /* f32[B:128, T:197, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 25216; row++) {
		const int64_t i0 = row;
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v0 = d2v_load_bf16(p0[768 * i0 + i1]);
			const float v1 = p1[i1] * v0;
			const float v2 = p2[768 * i0 + i1] + v1;
			p3[768 * i0 + i1] = v2;
		}
	}
}
