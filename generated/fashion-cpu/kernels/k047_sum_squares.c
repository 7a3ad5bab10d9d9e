/* k047_sum_squares: 1.634e+06 flops, 3.269e+06 bytes a launch
 *   models/fashion.d2v:25  param patch : [D, C, Py, Px] ~ weight;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

/* Sum of the squares of all gradients: 64 parts of fixed extent, each in 16 running sums, added in order in double. */
void
k047_sum_squares(void *const *p, const Num *n)
{
	const float *restrict p0 = p[0];
	float *restrict p1 = p[1];
	const int64_t count = n[0].i, part = (count / 16 + 63) / 64 * 16;
	double sums[64] = {0}, sum = 0;
#pragma omp parallel for schedule(static) if (count >= 65536)
	for (int c = 0; c < 64; c++) {
		const int64_t end = (c + 1) * part < count ? (c + 1) * part : count;
		for (int64_t i = c * part; i < end; i += 4096) {
			const int64_t stop = i + 4096 < end ? i + 4096 : end;
			float s = 0;
#pragma omp simd reduction(+ : s)
			for (int64_t k = i; k < stop; k++)
				s += p0[k] * p0[k];
			sums[c] += s;
		}
	}
	for (int c = 0; c < 64; c++)
		sum += sums[c];
	p1[0] = (float)sum;
}
