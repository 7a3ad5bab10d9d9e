/* k019_rows: 3.854e+07 flops, 1.156e+08 bytes a launch
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 *   models/vit_base.d2v:38  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

void
k019_rows(void *const *p, const Num *n)
{
	const uint16_t *restrict p0 = p[0]; /* bf16[B:128, N:196, D:768] */
	const uint8_t *restrict p1 = p[1]; /* bool[B:128, N:196] */
	const float *restrict p2 = p[2]; /* f32[D:768] */
	float *restrict p3 = p[3]; /* f32[B:128, N:196, D:768], written */
#pragma omp parallel for schedule(static)
	for (int64_t row = 0; row < 25088; row++) {
		const int64_t i0 = row;
		const uint8_t s0 = p1[i0];
#pragma omp simd
		for (int64_t i1 = 0; i1 < 768; i1++) {
			const float v0 = d2v_load_bf16(p0[768 * i0 + i1]);
			const float v1 = s0 ? p2[i1] : v0;
			p3[768 * i0 + i1] = v1;
		}
	}
}
