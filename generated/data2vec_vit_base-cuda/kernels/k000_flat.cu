/* k000_flat: 5.898e+05 flops, 3.539e+06 bytes a launch
 * Elementwise, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:768, C:3, Py:16, Px:16]
 *   p1  bf16[D:768, C:3, Py:16, Px:16]  written
 *   models/vit_base.d2v:37  let p : [B, N, D] = sum(C, Py, Px) image as [B, N, C, Py, Px] * patch + patchb;
 *   models/lib/vit.d2v:17  let query : [.., H, T, E] = (sum(D) x * q + qb) / sqrt(E);
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 *   models/lib/vit.d2v:36  let h : [.., T, F] = gelu(sum(D) n2(a) * up + upb);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 *   models/vit_base.d2v:46  return sum(D) last(z[L - 1]) at N * head + headb;
 *   models/vit_base.d2v:86  objective masked_regression(image : [B, C, Y, X]) {
 *   models/vit_base.d2v:98  feature tokens(image : [B, C, Y, X]) of student, teacher -> [L, B, N, D] = states(image, none) at N;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k000_flat(const float *__restrict__ p0, uint16_t *__restrict__ p1, long long count)
{
	const int64_t e0 = 8 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	float x0[8];
	d2v_load_some(x0, p0 + e0, count - e0);
	uint16_t y0[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const uint16_t v0 = d2v_to_bf16((float)x0[j]);
		y0[j] = v0;
	}
	d2v_store_some(p1 + e0, y0, count - e0);
}
