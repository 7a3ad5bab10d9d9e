/* k040_attend_finish: 7.398e+04 flops, 3.006e+05 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.cuh" // db100681c1314013db5994a5b10931d9

#ifndef D2V_ATTEND
#define D2V_ATTEND
/* ---- attention ---- */
#define D2V_TILE __device__ __forceinline__
#define LOWEST __int_as_float((int)0xff800000)

/* Dropout draws by the number of the element, again in the backward pass. A draw is
 * dropped when (bits >> 8) / 2^24 < rate, that is when bits < limit. */
struct D2vDraw { uint32_t seed, step, id, limit; uint64_t site; };
D2V_TILE uint32_t d2v_limit(float rate)
{
	const float    x = rate * 16777216.0f;
	const uint32_t whole = (uint32_t)x;
	return (whole + ((float)whole < x)) << 8;
}
D2V_TILE bool d2v_is_dropped(const D2vDraw &d, uint32_t element)
{
	uint32_t out[4];
	d2v_philox(d.seed, d.site, d.step, d.id, element >> 2, out);
	return ((element & 2) ? (element & 1) ? out[3] : out[2] : (element & 1) ? out[1] : out[0]) < d.limit;
}
#endif
/* dr f32[HEADS, T, U] from its partial sums over images, one of each CTA of the gradient, added in order.
 * 0.3006 MB in and out. */
extern "C" __global__ void __launch_bounds__(256)
k040_attend_finish(const float *scratch, float *dr)
{
	enum { T = 17, U = 17, HEADS = 4, SHARES = 64 };
	const int64_t at = (int64_t)blockIdx.x * 256 + threadIdx.x;
	if (at >= (int64_t)HEADS * T * U)
		return;
	float sum = 0;
#pragma unroll 4
	for (int64_t share = 0; share < SHARES; share++)
		sum += scratch[share * HEADS * T * U + at];
	dr[at] = sum;
}
