/* augment: the transforms between a decoded image and the floats of a batch (data2vec-vision.md
 * 4.2, 4.6, 4.7): colour jitter, flip and random resized crop for training, resize and centre
 * crop for evaluation, then byte / 255, minus mean, over std, as [C, Y, X].
 *
 * Each transform draws from the one stream of its sample, in the order of the recipe: jitter its
 * three factors and then their order, flip one uniform, crop area and aspect of each attempt and
 * then top and left. Every draw is made even where it has no effect, so that adding a channel
 * moves no other draw.
 *
 * Products of floats are read back from tables, never added in the expression that makes them: a
 * fused multiply-add would change the last bit and so, now and then, a byte. */
#include "runtime/data_private.h"

#include <math.h>
#include <string.h>

enum { BRIGHTNESS, CONTRAST, SATURATION };

static const double ASPECT_LO = 3.0 / 4.0, ASPECT_HI = 4.0 / 3.0;

/* ---- colour --------------------------------------------------------------------------------- */

/* deg + factor * (x - deg), truncated, for x - deg in -255 .. 255: product[255 + x - deg] =
 * factor * (x - deg). */
static void
products(float factor, float product[511])
{
	for (int i = 0; i < 511; i++)
		product[i] = factor * (float)(i - 255);
}

static inline uint8_t
blend(int deg, float product)
{
	float v = (float)deg + product;
	return (uint8_t)(v <= 0 ? 0 : v >= 255 ? 255 : v);
}

/* int(mean of the grey values + 0.5) */
static int
mean_grey(const Image *im)
{
	uint64_t sum = 0;
	int64_t  n = im->w * im->h;
	for (int64_t i = 0; i < n; i++)
		sum += im->c == 3 ? image_grey(im->at + 3 * i) : im->at[i];
	return (int)((double)sum / (double)n + 0.5);
}

void
augment_jitter(Image *im, int kind, float factor)
{
	float   product[511];
	int64_t n = im->w * im->h;
	products(factor, product);
	if (kind == SATURATION) {
		if (im->c == 1) /* a grey image is its own grey version */
			return;
		for (uint8_t *p = im->at; p < im->at + 3 * n; p += 3) {
			int grey = image_grey(p);
			for (int c = 0; c < 3; c++)
				p[c] = blend(grey, product[255 + p[c] - grey]);
		}
		return;
	}
	uint8_t lut[256];
	int     deg = kind == CONTRAST ? mean_grey(im) : 0;
	for (int v = 0; v < 256; v++)
		lut[v] = blend(deg, product[255 + v - deg]);
	for (int64_t i = 0; i < n * im->c; i++)
		im->at[i] = lut[im->at[i]];
}

/* Factor uniform in [1 - a, 1 + a], not below 0; a = 0 leaves the image alone but draws all the
 * same. */
static void
jitter(Stream *s, const double amount[3], Image *im)
{
	double factor[3];
	int    order[3] = {BRIGHTNESS, CONTRAST, SATURATION};
	for (int i = 0; i < 3; i++)
		factor[i] = stream_between(s, fmax(0, 1 - amount[i]), 1 + amount[i]);
	for (int i = 2; i > 0; i--) {
		int j = (int)stream_int(s, 0, i), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	for (int i = 0; i < 3; i++)
		if (amount[order[i]] > 0)
			augment_jitter(im, order[i], (float)factor[order[i]]);
}

/* ---- geometry ------------------------------------------------------------------------------- */

void
augment_flip(Image *im)
{
	int c = im->c;
	for (int64_t y = 0; y < im->h; y++) {
		uint8_t *l = im->at + y * im->w * c, *r = l + (im->w - 1) * c;
		for (; l < r; l += c, r -= c)
			for (int i = 0; i < c; i++) {
				uint8_t t = l[i];
				l[i] = r[i];
				r[i] = t;
			}
	}
}

/* Ten attempts at a box of random area and shape inside the image, else the largest central box
 * whose shape is allowed. */
Box
augment_crop_box(Stream *s, int64_t w, int64_t h, double scale_lo, double scale_hi)
{
	for (int i = 0; i < 10; i++) {
		double  area = (double)w * (double)h * stream_between(s, scale_lo, scale_hi);
		double  aspect = exp(stream_between(s, log(ASPECT_LO), log(ASPECT_HI)));
		int64_t bw = (int64_t)nearbyint(sqrt(area * aspect)); /* half to even */
		int64_t bh = (int64_t)nearbyint(sqrt(area / aspect));
		if (bw < 1 || bh < 1 || bw > w || bh > h)
			continue;
		int64_t top = stream_int(s, 0, h - bh);
		return (Box){stream_int(s, 0, w - bw), top, bw, bh};
	}
	Box    b = {0, 0, w, h};
	double aspect = (double)w / (double)h;
	if (aspect < ASPECT_LO)
		b.h = (int64_t)nearbyint((double)w / ASPECT_LO);
	else if (aspect > ASPECT_HI)
		b.w = (int64_t)nearbyint((double)h * ASPECT_HI);
	b.left = (w - b.w) / 2;
	b.top = (h - b.h) / 2;
	return b;
}

/* ---- the two chains ------------------------------------------------------------------------- */

static bool
is(const Transform *t, const char *name)
{
	return strcmp(t->name, name) == 0;
}

Status
augment_check(const DataSpec *d)
{
	for (int i = 0; i < d->ntransform; i++) {
		const Transform *t = &d->transform[i];
		int              want = is(t, "color_jitter")   ? 3
		                        : is(t, "flip")         ? 1
		                        : is(t, "resized_crop") ? 2
		                                                : -1;
		if (want < 0)
			return user_error("augment-unknown",
			                  "the program asks for the transform `%s`, which the "
			                  "loader does not know",
			                  t->name);
		if (t->narg != want)
			return user_error("augment-arguments",
			                  "`%s` takes %d numbers, the program gives %d", t->name,
			                  want, t->narg);
		if (is(t, "resized_crop")) {
			if (!(t->arg[0] > 0 && t->arg[0] <= t->arg[1] && t->arg[1] <= 1))
				return user_error("augment-arguments",
				                  "`resized_crop` needs 0 < scale_lo <= scale_hi "
				                  "<= 1, got %g .. %g",
				                  t->arg[0], t->arg[1]);
			if (!t->filter || (strcmp(t->filter, "bicubic") != 0 &&
			                   strcmp(t->filter, "bilinear") != 0))
				return user_error("augment-arguments",
				                  "`resized_crop` knows the filters bicubic and "
				                  "bilinear, not `%s`",
				                  t->filter ? t->filter : "");
		}
	}
	return OK;
}

/* Does every image come out at the program's size? */
bool
augment_fits(const DataSpec *d)
{
	for (int i = 0; i < d->ntransform; i++)
		if (is(&d->transform[i], "resized_crop"))
			return true;
	return false;
}

void
augment_train(Arena *a, const DataSpec *d, Stream *s, Image *im)
{
	for (int i = 0; i < d->ntransform; i++) {
		const Transform *t = &d->transform[i];
		if (is(t, "color_jitter"))
			jitter(s, t->arg, im);
		else if (is(t, "flip")) {
			if (stream_uniform(s) < t->arg[0])
				augment_flip(im);
		} else {
			Box    b = augment_crop_box(s, im->w, im->h, t->arg[0], t->arg[1]);
			Filter f = strcmp(t->filter, "bicubic") == 0 ? FILTER_BICUBIC
			                                             : FILTER_BILINEAR;
			Image  cut = image_crop(a, im, b.left, b.top, b.w, b.h);
			*im = image_resize(a, &cut, d->width, d->height, f);
		}
	}
}

/* An image of exactly the wanted size is taken as it is: enlarging 28 x 28 to 32 x 32 to cut 28
 * x 28 out again would only blur it. Otherwise: bicubic to 8/7 of the wanted size (from 384
 * pixels on: to the wanted size itself) with the aspect kept, then the middle. For a target that
 * is not square the rule holds for the side that is tighter. */
void
augment_eval(Arena *a, const DataSpec *d, Image *im)
{
	if (im->w == d->width && im->h == d->height)
		return;
	int64_t least = d->width < d->height ? d->width : d->height;
	double  part = least < 384 ? 224.0 / 256.0 : 1.0;
	int64_t w = (int64_t)((double)d->width / part), h = (int64_t)((double)d->height / part);
	if (im->w * h <= im->h * w) /* the width is the tighter side */
		h = w * im->h / im->w;
	else
		w = h * im->w / im->h;
	Image   big = image_resize(a, im, w, h, FILTER_BICUBIC);
	int64_t left = (int64_t)nearbyint((double)(w - d->width) / 2);
	int64_t top = (int64_t)nearbyint((double)(h - d->height) / 2);
	*im = image_crop(a, &big, left, top, d->width, d->height);
}

void
augment_levels(const DataSpec *d, float lut[4][256])
{
	for (int c = 0; c < d->channels && c < 4; c++)
		for (int v = 0; v < 256; v++)
			lut[c][v] = ((float)v / 255.0f - (float)d->mean[c]) / (float)d->std[c];
}

void
augment_floats(const Image *im, float lut[4][256], float *out)
{
	int64_t n = im->w * im->h;
	for (int c = 0; c < im->c; c++)
		for (int64_t i = 0; i < n; i++)
			*out++ = lut[c][im->at[i * im->c + c]];
}
