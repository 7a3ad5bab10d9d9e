/* k008_attend: 1.526e+10 flops, 1.568e+08 bytes a launch
 *   models/lib/vit.d2v:21  return sum(H, E) (sum(U) blend * value) * o + ob;
 */
#include "prelude.h" /* dbba2f382ba2c5bd9c316df43a6e9cd5 */

#ifndef D2V_TILES
#define D2V_TILES
/* ---- tasks shared out to threads ---- */
#include <sched.h>

/* Which head and image task number `task` is: groups of as many heads as there are
 * threads, all images of a group, so that a thread stays with one head and what
 * belongs to it. Thread i takes the tasks i, i + threads, .. */
D2V_INLINE void d2v_task(int64_t task, int64_t threads, int64_t heads, int64_t images,
                         int64_t *head, int64_t *image)
{
	const int64_t group = threads < heads ? threads : heads;
	const int64_t first = task / (group * images) * group, rest = task - first * images;
	const int64_t size = heads - first < group ? heads - first : group;
	*head = first + rest % size;
	*image = rest / size;
}
D2V_INLINE void d2v_wait(const int *progress, int until)
{
	for (int spin = 0; __atomic_load_n(progress, __ATOMIC_ACQUIRE) < until; spin++)
		if (spin > 1000)
			sched_yield();
}

/* ---- tiles: products of matrices that stay in the cache ----
 * Scratch rows are padded to whole vectors. MR rows by at most NR vectors of
 * accumulators fill the registers. */
typedef uint16_t v_half __attribute__((vector_size(2 * VW), may_alias));
enum { MR = 6, NR = VW == 16 ? 4 : 2 };

/* `rows` rows of n numbers, a stride apart, as f32 into rows of `width`. */
D2V_INLINE void d2v_rows_f32(float *to, int64_t width, const float *from, int64_t stride,
                             int64_t rows, int64_t n)
{
	for (int64_t i = 0; i < rows; i++, to += width, from += stride)
		for (int64_t j = 0; j < n; j++)
			to[j] = from[j];
}
D2V_INLINE void d2v_rows_bf16(float *to, int64_t width, const uint16_t *from,
                              int64_t stride, int64_t rows, int64_t n)
{
	for (int64_t i = 0; i < rows; i++, to += width, from += stride)
		for (int64_t j = 0; j < n; j++)
			to[j] = d2v_load_bf16(from[j]);
}

/* The same as words of two bf16: two neighbours of a row, or two rows of one column,
 * the second one missing when odd. What the rows do not fill stays as it is: callers
 * keep it zero. */
D2V_INLINE void d2v_words(float *to, int64_t width, const uint16_t *from,
                          int64_t stride, int64_t rows, int64_t n)
{
	for (int64_t i = 0; i < rows; i++)
		memcpy(to + i * width, from + i * stride, (uint64_t)n * 2);
}
D2V_INLINE void d2v_pairs(float *to, int64_t width, const uint16_t *from,
                          int64_t stride, int64_t rows, int64_t n)
{
	for (int64_t i = 0; i < rows; i += 2)
		for (int64_t j = 0; j < n; j++)
			to[i / 2 * width + j] =
			        d2v_float(from[i * stride + j] |
			                  (i + 1 < rows ? (uint32_t)from[(i + 1) * stride + j] << 16 : 0));
}
/* As d2v_to_bf16, but denormals may become zero: what is rounded here goes into
 * d2v_dot, which takes them for zero. */
D2V_INLINE v_half d2v_round(v_float x)
{
#ifdef __AVX512BF16__
	v_half y;
	__asm__("vcvtneps2bf16 %1, %0" : "=v"(y) : "v"(x));
	return y;
#else
	v_bits u = (v_bits)x, even = u + 0x7fff + (u >> 16 & 1);
	v_bits nan = (v_bits)((u & 0x7fffffff) > 0x7f800000);
	return __builtin_convertvector(((nan & (u | 0x400000)) | (~nan & even)) >> 16, v_half);
#endif
}
/* f32 scratch rounded to bf16 words: n numbers of a row | n columns of two rows. */
D2V_INLINE void d2v_round_words(float *to, const float *from, int64_t n)
{
	for (int64_t j = 0; j < n; j += VW)
		*(v_half *)(to + j / 2) = d2v_round(*(const v_float *)(from + j));
}
D2V_INLINE void d2v_round_pairs(float *to, const float *first, const float *second,
                                int64_t n)
{
	for (int64_t j = 0; j < n; j += VW) {
		v_half low = d2v_round(*(const v_float *)(first + j));
		v_half high = d2v_round(*(const v_float *)(second + j));
		*(v_bits *)(to + j) = __builtin_convertvector(low, v_bits) |
		                      __builtin_convertvector(high, v_bits) << 16;
	}
}

/* c + the products of both halves of the words a and b. */
D2V_INLINE v_float d2v_dot(v_float c, float a, v_bits b)
{
#ifdef __AVX512BF16__
	v_bits many = (v_bits){0} + d2v_bits(a);
	__asm__("vdpbf16ps %2, %1, %0" : "+v"(c) : "v"(many), "v"(b));
	return c;
#else
	c += d2v_float(d2v_bits(a) << 16) * (v_float)(b << 16);
	c += d2v_float(d2v_bits(a) & 0xffff0000) * (v_float)(b & 0xffff0000);
	return c;
#endif
}
/* c[i ci + j] (+)= sum over k < n of a[i ai + k ak] b[k bk + j], i < MR, j < nr VW.
 * a and b are f32, or (half) words of two bf16. Call with a literal nr, add and
 * half. */
D2V_INLINE void d2v_tile(float *c, int64_t ci, const float *a, int64_t ai, int64_t ak,
                         const float *b, int64_t bk, int64_t n, int nr, int add,
                         int half)
{
	v_float acc[MR][NR];
#pragma GCC unroll 8
	for (int i = 0; i < MR; i++)
#pragma GCC unroll 8
		for (int j = 0; j < nr; j++)
			acc[i][j] = add ? *(v_float *)(c + i * ci + j * VW) : (v_float){0};
	for (int64_t k = 0; k < n; k++, a += ak, b += bk)
#pragma GCC unroll 8
		for (int i = 0; i < MR; i++)
#pragma GCC unroll 8
			for (int j = 0; j < nr; j++)
				if (half)
					acc[i][j] = d2v_dot(acc[i][j], a[i * ai], *(const v_bits *)(b + j * VW));
				else
					acc[i][j] += a[i * ai] * *(const v_float *)(b + j * VW);
#pragma GCC unroll 8
	for (int i = 0; i < MR; i++)
#pragma GCC unroll 8
		for (int j = 0; j < nr; j++)
			*(v_float *)(c + i * ci + j * VW) = acc[i][j];
}

/* The product of whole scratch matrices, tile by tile: c is rows (rounded up to MR)
 * by vectors * VW, the sum runs over n. Columns are cut into nearly equal panels of
 * at most NR vectors. bk == 0: b lies in such panels, as d2v_transpose leaves it.
 * Call with a literal vectors, add and half. */
D2V_INLINE void d2v_product(float *c, int64_t ci, const float *a, int64_t ai, int64_t ak,
                            const float *b, int64_t bk, int64_t rows, int vectors,
                            int64_t n, int add, int half)
{
	const int panels = (vectors + NR - 1) / NR, nr = (vectors + panels - 1) / panels;
	const int full = vectors - panels * (nr - 1);
	for (int p = 0, j = 0; p < panels; j += p < full ? nr : nr - 1, p++) {
		const float  *column = b + j * VW * (bk ? 1 : D2V_UP(n, VW));
		const int64_t step = bk ? bk : (p < full ? nr : nr - 1) * VW;
		for (int64_t i = 0; i < rows; i += MR) {
			float *tile = c + i * ci + j * VW;
			if (p < full)
				d2v_tile(tile, ci, a + i * ai, ai, ak, column, step, n, nr, add, half);
			else
				d2v_tile(tile, ci, a + i * ai, ai, ak, column, step, n, nr - 1, add, half);
		}
	}
}

/* to = from transposed, in panels: from has vectors * VW rows of D2V_UP(n, VW)
 * columns, of which n are wanted. */
D2V_INLINE void d2v_transpose(float *to, const float *from, int vectors, int64_t n)
{
	const int64_t width = D2V_UP(n, VW);
	const int     panels = (vectors + NR - 1) / NR, nr = (vectors + panels - 1) / panels;
	const int     full = vectors - panels * (nr - 1);
	for (int p = 0, j = 0; p < panels; p++) {
		const int w = p < full ? nr : nr - 1;
		for (int i = 0; i < w; i++, j++)
			for (int64_t k = 0; k < width; k += VW) {
				v_float x[VW], y[VW];
#pragma GCC unroll 16
				for (int l = 0; l < VW; l++)
					x[l] = *(const v_float *)(from + (j * VW + l) * width + k);
#pragma GCC unroll 4
				for (int stage = 1; stage < VW; stage *= 2) {
#pragma GCC unroll 8
					for (int l = 0; l < VW / 2; l++) {
						y[2 * l] = __builtin_shufflevector(x[l], x[l + VW / 2], D2V_LOW);
						y[2 * l + 1] = __builtin_shufflevector(x[l], x[l + VW / 2], D2V_HIGH);
					}
#pragma GCC unroll 16
					for (int l = 0; l < VW; l++)
						x[l] = y[l];
				}
#pragma GCC unroll 16
				for (int l = 0; l < VW; l++)
					*(v_float *)(to + ((int64_t)(j - i) * width + (k + l) * w + i) * VW) = x[l];
			}
	}
}
#endif
/* Attention, forward: out = sum over U of (softmax over U of (scale * sum over E of q k + r)) v.
 * T 197 queries, U 197 keys, E 64 wide; 12 heads (outer axes of r) of 128 images; size@stride:
 * q bf16[12@64, 128@453888, T@2304, E]  k bf16[12@64, 128@453888, U@2304, E]  v bf16[12@64, 128@453888, U@2304, E]
 * out bf16[12@64, 128@151296, T@768, E]
 * Products of bf16 factors (probabilities rounded too), sums in f32.
 * 1.526e+04 MFLOP in products, 156.8 MB in and out. */
void
k008_attend(void *const *p, const Num *n)
{
	enum { T = 197, U = 197, E = 64, HEADS = 12, IMAGES = 128, ROWS = 24 };
	enum { UP = D2V_UP(U, VW), EP = D2V_UP(E, VW) }; /* whole vectors */
	enum { U2 = (U + 1) / 2, E2 = (E + 1) / 2, EW = D2V_UP(E2, VW) }; /* words of two bf16 */
	const float scale = 0.125;
	const uint16_t *q = p[0];
	const uint16_t *k = p[1];
	const uint16_t *v = p[2];
	const float *r = p[3];
	(void)n;
	uint16_t *out = p[4];
#pragma omp parallel
	{
		float values[UP * EP] D2V_ALIGNED, keys[UP * EP] D2V_ALIGNED, sums[ROWS * EP] D2V_ALIGNED;
		float chance[ROWS * UP / 2] D2V_ALIGNED;
		memset(chance, 0, sizeof chance);
		memset(values, 0, sizeof values);
		float score[(ROWS + 1) * UP] D2V_ALIGNED, query[ROWS * EW] D2V_ALIGNED, bias[ROWS * UP] D2V_ALIGNED;
		float top[ROWS], inverse[ROWS]; /* of each row of scores */
		memset(score, 0, sizeof score);
		memset(query, 0, sizeof query);
		for (int64_t i = 0; i < (int64_t)(sizeof bias / sizeof *bias); i++)
			bias[i] = i % UP < U ? 0 : -__builtin_inff(); /* columns that only fill the last vector */
		int64_t biased = -1; /* the head whose r is in bias, if all of it fits */
		const int64_t threads = omp_get_num_threads();
		for (int64_t task = omp_get_thread_num(); task < HEADS * IMAGES; task += threads) {
			int64_t head, image;
			d2v_task(task, threads, HEADS, IMAGES, &head, &image);
			const int64_t o1 = image / 1 % 128;
			const int64_t o0 = head / 1 % 12;
			const int64_t qo = o0 * 64 + o1 * 453888;
			const int64_t ko = o0 * 64 + o1 * 453888;
			const int64_t vo = o0 * 64 + o1 * 453888;
			const int64_t outo = o0 * 64 + o1 * 151296;
			memset(values, 0, sizeof values);
			d2v_words(values, EW, k + ko, 2304, U, E);
			d2v_transpose(keys, values, UP / VW, E2);
			memset(values, 0, sizeof values);
			d2v_pairs(values, EP, v + vo, 2304, U, E);
			for (int64_t t = 0; t < T; t += ROWS) {
				const int64_t rows = T - t < ROWS ? T - t : ROWS;
				d2v_words(query, EW, q + qo + t * 2304, 2304, rows, E);
				if (T > ROWS || head != biased) {
					d2v_rows_f32(bias, UP, r + (head * T + t) * U, U, rows, U);
					biased = head;
				}
				d2v_product(score, UP, query, EW, 1, keys, 0, rows, UP / VW, E2, 0, 1);
				for (int64_t i = 0; i < rows; i++) {
					float *x = score + i * UP;
					for (int64_t u = 0; u < UP; u++)
						x[u] = x[u] * scale + bias[i * UP + u];
					top[i] = d2v_top_of(x, UP);
				}
				for (int64_t i = 0; i < rows; i++)
					for (int64_t u = 0; u < UP; u++)
						score[i * UP + u] = d2v_exp(score[i * UP + u] - top[i]);
				for (int64_t i = 0; i < rows; i++)
					inverse[i] = 1 / d2v_sum_of(score + i * UP, UP);
				for (int64_t i = 0; i < rows; i++) {
					float *x = score + i * UP;
					d2v_round_words(chance + i * (UP / 2), x, UP);
				}
				d2v_product(sums, EP, chance, UP / 2, 1, values, EP, rows, EP / VW, U2, 0, 1);
				for (int64_t i = 0; i < rows; i++)
					for (int64_t e = 0; e < E; e++)
						out[outo + (t + i) * 768 + e] = d2v_to_bf16(sums[i * EP + e] * inverse[i]);
			}
		}
	}
}
