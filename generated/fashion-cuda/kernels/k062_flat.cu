/* k062_flat: 1920 flops, 3600 bytes a launch
 * Elementwise, 4 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  f32[D:128]
 *   p1  f32[]
 *   p2  f32[D:128]  read and written
 *   p3  f32[D:128]  read and written
 *   p4  f32[]
 *   p5  f32[]
 *   p6  f32[D:128]  read and written
 *   p7  f32[]
 *   models/fashion.d2v:36  let x : [B, T, D] = concat(cls, choose(m, hole, p) along T);
 *   models/fashion.d2v:44  return sum(D) last(z[L - 1]) at N * head + headb;
 *   models/lib/vit.d2v:7  fn call(x : [.., W]) -> [.., W] = standardise(x over W, eps = 1e-6) * gain + bias;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(256)
k062_flat(const float *__restrict__ p0, const float *__restrict__ p1, float *__restrict__ p2, float *__restrict__ p3, const float *__restrict__ p4, const float *__restrict__ p5, float *__restrict__ p6, const float *__restrict__ p7, long long count)
{
	const int64_t e0 = 4 * ((int64_t)blockIdx.x * 256 + threadIdx.x);
	if (e0 >= count)
		return;
	const float s0 = p1[0];
	const float s1 = p4[0];
	const float s2 = p5[0];
	const float s3 = p7[0];
	float x0[4];
	d2v_load_some(x0, p0 + e0, count - e0);
	float x1[4];
	d2v_load_some(x1, p2 + e0, count - e0);
	float y3[4];
	float x2[4];
	d2v_load_some(x2, p3 + e0, count - e0);
	float y7[4];
	float x3[4];
	d2v_load_some(x3, p6 + e0, count - e0);
	float y14[4];
#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float v0 = x0[j] * s0;
		const float v1 = x1[j] * 0.899999976f;
		const float v2 = v0 * 0.100000001f;
		const float v3 = v1 + v2;
		y3[j] = v3;
		const float v4 = v0 * v0;
		const float v5 = x2[j] * 0.999000013f;
		const float v6 = v4 * 0.00100000005f;
		const float v7 = v5 + v6;
		y7[j] = v7;
		const float v8 = d2v_sqrt(v7);
		const float v9 = v8 * s1;
		const float v10 = v9 + 9.99999994e-09f;
		const float v11 = v3 * s2;
		const float v12 = v11 / v10;
		const float v13 = x3[j] * s3;
		const float v14 = v13 - v12;
		y14[j] = v14;
	}
	d2v_store_some(p2 + e0, y3, count - e0);
	d2v_store_some(p3 + e0, y7, count - e0);
	d2v_store_some(p6 + e0, y14, count - e0);
}
