/* k055_flat: 5.123e+06 flops, 2.422e+07 bytes a launch
 * Elementwise, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[H:12, T:197, U:197]
 *   p1  f32[H:12, T:197, U:197]
 *   p2  f32[H:12, T:197, U:197]
 *   p3  f32[H:12, T:197, U:197]
 *   p4  f32[H:12, T:197, U:197]
 *   p5  f32[H:12, T:197, U:197]
 *   p6  f32[H:12, T:197, U:197]
 *   p7  f32[H:12, T:197, U:197]
 *   p8  f32[H:12, T:197, U:197]
 *   p9  f32[H:12, T:197, U:197]
 *   p10  f32[H:12, T:197, U:197]
 *   p11  f32[H:12, T:197, U:197]
 *   p12  f32[H:12, T:197, U:197]  written
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k055_flat(const float *__restrict__ p0, const float *__restrict__ p1, const float *__restrict__ p2, const float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, const float *__restrict__ p6, const float *__restrict__ p7, const float *__restrict__ p8, const float *__restrict__ p9, const float *__restrict__ p10, const float *__restrict__ p11, float *__restrict__ p12, long long count)
{
	const int64_t e0 = 4 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	float x0[4];
	d2v_load_some(x0, p0 + e0, count - e0);
	float x1[4];
	d2v_load_some(x1, p1 + e0, count - e0);
	float x2[4];
	d2v_load_some(x2, p2 + e0, count - e0);
	float x3[4];
	d2v_load_some(x3, p3 + e0, count - e0);
	float x4[4];
	d2v_load_some(x4, p4 + e0, count - e0);
	float x5[4];
	d2v_load_some(x5, p5 + e0, count - e0);
	float x6[4];
	d2v_load_some(x6, p6 + e0, count - e0);
	float x7[4];
	d2v_load_some(x7, p7 + e0, count - e0);
	float x8[4];
	d2v_load_some(x8, p8 + e0, count - e0);
	float x9[4];
	d2v_load_some(x9, p9 + e0, count - e0);
	float x10[4];
	d2v_load_some(x10, p10 + e0, count - e0);
	float x11[4];
	d2v_load_some(x11, p11 + e0, count - e0);
	float y10[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j] + x1[j];
		const float v1 = v0 + x2[j];
		const float v2 = v1 + x3[j];
		const float v3 = v2 + x4[j];
		const float v4 = v3 + x5[j];
		const float v5 = v4 + x6[j];
		const float v6 = v5 + x7[j];
		const float v7 = v6 + x8[j];
		const float v8 = v7 + x9[j];
		const float v9 = v8 + x10[j];
		const float v10 = v9 + x11[j];
		y10[j] = v10;
	}
	d2v_store_some(p12 + e0, y10, count - e0);
}
