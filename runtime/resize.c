/* resize: crop and resample eight-bit images, byte for byte as Pillow does (data2vec-vision.md
 * 4.7).
 *
 * Anti-aliased by construction: when shrinking, the filter is stretched by the scale. Horizontal
 * pass first, rounded to eight bits, then vertical. Refuses to read outside the image: weights
 * are cut at the border and made to sum to one again. */
#include "runtime/data_private.h"

#include <math.h>
#include <string.h>

enum {
	BITS = 22
}; /* fraction bits of a weight: 8 bits of value and two of headroom leave 22 in 32 */

static double
weight_at(Filter filter, double t)
{
	const double a = -0.5;
	t = fabs(t);
	if (filter == FILTER_BILINEAR)
		return t < 1 ? 1 - t : 0;
	if (t < 1)
		return ((a + 2) * t - (a + 3)) * t * t + 1;
	if (t < 2)
		return (((t - 5) * t + 8) * t - 4) * a;
	return 0;
}

/* For each output position: the first input, how many, and their integer weights. */
typedef struct {
	int64_t  most; /* weights per output, the stride of `weight` */
	int64_t *first, *count;
	int32_t *weight;
} Taps;

static Taps
taps_make(Arena *a, Filter filter, int64_t in, int64_t out)
{
	double  scale = (double)in / (double)out;
	double  stretch = scale < 1 ? 1 : scale;
	double  support = (filter == FILTER_BICUBIC ? 2.0 : 1.0) * stretch;
	Taps    t = {.most = (int64_t)ceil(support) * 2 + 1};
	double *w = arena_new_array(a, double, t.most);
	t.first = arena_new_array(a, int64_t, out);
	t.count = arena_new_array(a, int64_t, out);
	t.weight = arena_new_array(a, int32_t, out * t.most);
	for (int64_t x = 0; x < out; x++) {
		double  centre = ((double)x + 0.5) * scale, sum = 0;
		int64_t lo = (int64_t)(centre - support + 0.5),
			hi = (int64_t)(centre + support + 0.5);
		lo = lo < 0 ? 0 : lo;
		hi = hi > in ? in : hi;
		for (int64_t j = lo; j < hi; j++) {
			w[j - lo] = weight_at(filter, ((double)j - centre + 0.5) * (1.0 / stretch));
			sum += w[j - lo];
		}
		for (int64_t j = 0; j < hi - lo; j++) {
			double v = (sum != 0 ? w[j] / sum : w[j]) * (double)(1 << BITS);
			t.weight[x * t.most + j] = (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
		}
		t.first[x] = lo;
		t.count[x] = hi - lo;
	}
	return t;
}

static inline uint8_t
to_byte(int32_t sum)
{
	sum >>= BITS;
	return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void
row_pass(const uint8_t *restrict in, uint8_t *restrict out, int64_t w, int c, const Taps *t)
{
	for (int64_t x = 0; x < w; x++) {
		const int32_t *k = t->weight + x * t->most;
		const uint8_t *p = in + t->first[x] * c;
		int32_t        s0 = 1 << (BITS - 1), s1 = s0, s2 = s0;
		if (c == 1) {
			for (int64_t j = 0; j < t->count[x]; j++)
				s0 += p[j] * k[j];
			out[x] = to_byte(s0);
			continue;
		}
		for (int64_t j = 0; j < t->count[x]; j++, p += 3) {
			s0 += p[0] * k[j];
			s1 += p[1] * k[j];
			s2 += p[2] * k[j];
		}
		out[3 * x] = to_byte(s0);
		out[3 * x + 1] = to_byte(s1);
		out[3 * x + 2] = to_byte(s2);
	}
}

/* One output row from `count` input rows; `sum` has room for a row, so the inner loop runs along
 * it. */
static void
column_pass(const uint8_t *restrict in, uint8_t *restrict out, int32_t *restrict sum, int64_t n,
            const int32_t *k, int64_t count)
{
	for (int64_t i = 0; i < n; i++)
		sum[i] = 1 << (BITS - 1);
	for (int64_t j = 0; j < count; j++) {
		const uint8_t *restrict row = in + j * n;
		int32_t w = k[j];
		for (int64_t i = 0; i < n; i++)
			sum[i] += row[i] * w;
	}
	for (int64_t i = 0; i < n; i++)
		out[i] = to_byte(sum[i]);
}

Image
image_crop(Arena *a, const Image *im, int64_t left, int64_t top, int64_t w, int64_t h)
{
	if (left < 0 || top < 0 || w < 1 || h < 1 || left + w > im->w || top + h > im->h)
		BUG("crop %ldx%ld at %ld,%ld leaves an image of %ldx%ld", (long)w, (long)h,
		    (long)left, (long)top, (long)im->w, (long)im->h);
	Image out = {arena_alloc(a, (size_t)(w * h * im->c)), w, h, im->c};
	for (int64_t y = 0; y < h; y++)
		memcpy(out.at + y * w * im->c, im->at + ((top + y) * im->w + left) * im->c,
		       (size_t)(w * im->c));
	return out;
}

Image
image_resize(Arena *a, const Image *im, int64_t w, int64_t h, Filter filter)
{
	Image mid = *im;
	if (w != im->w) {
		Taps t = taps_make(a, filter, im->w, w);
		mid = (Image){arena_alloc(a, (size_t)(w * im->h * im->c)), w, im->h, im->c};
		for (int64_t y = 0; y < im->h; y++)
			row_pass(im->at + y * im->w * im->c, mid.at + y * w * im->c, w, im->c, &t);
	}
	if (h == im->h)
		return mid;
	Taps     t = taps_make(a, filter, im->h, h);
	Image    out = {arena_alloc(a, (size_t)(w * h * im->c)), w, h, im->c};
	int64_t  n = w * im->c;
	int32_t *sum = arena_new_array(a, int32_t, n);
	for (int64_t y = 0; y < h; y++)
		column_pass(mid.at + t.first[y] * n, out.at + y * n, sum, n, t.weight + y * t.most,
		            t.count[y]);
	return out;
}
