/* k019_small: 256 flops, 648 bytes a launch
 * Elementwise over 1 x 128, 8 a thread.
 * Shapes (where it is launched several times, those of the first):
 *   p0  u32[B:128]
 *   p1  u32[]
 *   p2  u32[]
 *   p3  bool[B:128]  written
 *   models/lib/vit.d2v:35  let a : [.., T, D] = x + drop_path(s1 * attend(n1(x), r), path);
 *   models/lib/vit.d2v:37  return a + drop_path(s2 * (sum(F) h * down + downb), path);
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

extern "C" __global__ void __launch_bounds__(32)
k019_small(const uint32_t *__restrict__ p0, const uint32_t *__restrict__ p1, const uint32_t *__restrict__ p2, uint8_t *__restrict__ p3, unsigned long long arg0, float arg1)
{
	const int thread = threadIdx.x;
	if (thread >= 16)
		return;
	const int lane = thread;
	const uint32_t s0 = p1[0];
	const uint32_t s1 = p2[0];
	const int e0 = 8 * lane;
	uint32_t x0[8];
	d2v_load(x0, p0 + e0);
	uint8_t y1[8];
#pragma unroll
	for (int j = 0; j < 8; j++) {
		const float v0 = d2v_uniform(s1, arg0, s0, x0[j], (uint32_t)(0));
		const uint8_t v1 = arg1 <= v0;
		y1[j] = v1;
	}
	d2v_store(p3 + e0, y1);
}
