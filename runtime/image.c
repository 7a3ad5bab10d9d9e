/* image: one JPEG or PNG file -> eight-bit pixels with one or three channels.
 *
 * The format is told by the first bytes, not by the name. Colour: alpha is dropped, palettes are
 * looked up, 16 bits keep the high byte, CMYK (as Adobe writes it, inverted) becomes RGB;
 * nothing is blended, no gamma, no colour profile, no orientation tag. Refuses: other formats,
 * files that end too early, images of more than 512 Mpx. Reports nothing: the reason is written
 * into why[]. */
#include "runtime/data_private.h"

#include <errno.h>
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <spng.h>
#include <string.h>

enum { MAX_PIXELS = 512 << 20, MAX_SIDE = 1 << 24 };

static bool
size_ok(int64_t w, int64_t h, char why[WHY])
{
	if (w > 0 && h > 0 && w <= MAX_SIDE && h <= MAX_SIDE && w * h <= MAX_PIXELS)
		return true;
	snprintf(why, WHY, "%ld x %ld pixels; at most %d Mpx are read", (long)w, (long)h,
	         MAX_PIXELS >> 20);
	return false;
}

/* ---- PNG ------------------------------------------------------------------------------------ */

/* spng's RGB8 does what we want of every colour type: grey is copied to three channels, low
 * depths are scaled up, 16 bits keep the high byte, and alpha and tRNS are left out. */
static bool
png_decode(Arena *a, spng_ctx *ctx, FILE *f, Image *out, char why[WHY])
{
	struct spng_ihdr head;
	size_t           bytes = 0;
	int              e = spng_set_image_limits(ctx, MAX_SIDE, MAX_SIDE);
	if (!e)
		e = spng_set_chunk_limits(ctx, 64 << 20, 256 << 20);
	if (!e)
		e = spng_set_png_file(ctx, f);
	if (!e)
		e = spng_get_ihdr(ctx, &head);
	if (!e) {
		if (!size_ok(head.width, head.height, why))
			return false;
		e = spng_decoded_image_size(ctx, SPNG_FMT_RGB8, &bytes);
	}
	if (!e) {
		*out = (Image){arena_alloc(a, bytes), head.width, head.height, 3};
		e = spng_decode_image(ctx, out->at, bytes, SPNG_FMT_RGB8, 0);
	}
	if (e)
		snprintf(why, WHY, "PNG: %s", spng_strerror(e));
	return !e;
}

static bool
png_read(Arena *a, FILE *f, Image *out, char why[WHY])
{
	spng_ctx *ctx = spng_ctx_new(0);
	if (!ctx) {
		snprintf(why, WHY, "PNG: out of memory");
		return false;
	}
	bool ok = png_decode(a, ctx, f, out, why);
	spng_ctx_free(ctx);
	return ok;
}

/* ---- JPEG ----------------------------------------------------------------------------------- */

typedef struct {
	struct jpeg_error_mgr base; /* first: libjpeg hands back a pointer to it */
	jmp_buf               away;
	char                  text[JMSG_LENGTH_MAX];
} JpegError;

static _Noreturn void
jpeg_fail(j_common_ptr c)
{
	JpegError *e = (JpegError *)c->err;
	e->base.format_message(c, e->text);
	longjmp(e->away, 1);
}

/* Warnings are let pass, except the end of the file in the middle of the picture: libjpeg would
 * paint the rest grey. */
static void
jpeg_message(j_common_ptr c, int level)
{
	if (level < 0 && c->err->msg_code == JWRN_JPEG_EOF)
		jpeg_fail(c);
}

/* Adobe's inverted CMYK: with paper white 255, R = K - (255 - C) K / 255, rounded. */
static void
cmyk_to_rgb(const uint8_t *in, uint8_t *out, int64_t n)
{
	for (int64_t i = 0; i < n; i++, in += 4)
		for (int c = 0; c < 3; c++) {
			int k = in[3], t = (255 - in[c]) * k + 128;
			int v = k - (((t >> 8) + t) >> 8);
			*out++ = (uint8_t)(v < 0 ? 0 : v);
		}
}

/* Between setjmp and longjmp only *out and the arena change, both in memory. */
static bool
jpeg_read(Arena *a, FILE *f, Image *out, char why[WHY])
{
	struct jpeg_decompress_struct c;
	JpegError                     e;
	c.err = jpeg_std_error(&e.base);
	e.base.error_exit = jpeg_fail;
	e.base.emit_message = jpeg_message;
	if (setjmp(e.away)) {
		snprintf(why, WHY, "JPEG: %s", e.text);
		jpeg_destroy_decompress(&c);
		return false;
	}
	jpeg_create_decompress(&c);
	jpeg_stdio_src(&c, f);
	jpeg_read_header(&c, TRUE);
	if (!size_ok(c.image_width, c.image_height, why)) {
		jpeg_destroy_decompress(&c);
		return false;
	}
	int planes = c.num_components;
	c.out_color_space = planes == 1 ? JCS_GRAYSCALE : planes == 4 ? JCS_CMYK : JCS_RGB;
	jpeg_start_decompress(&c);
	*out = (Image){.w = c.output_width, .h = c.output_height, .c = planes == 1 ? 1 : 3};
	out->at = arena_alloc(a, (size_t)(out->w * out->h * out->c));
	uint8_t *four = planes == 4 ? arena_alloc(a, (size_t)(out->w * 4)) : NULL;
	while (c.output_scanline < c.output_height) {
		uint8_t *to = out->at + (int64_t)c.output_scanline * out->w * out->c,
			*row = four ? four : to;
		jpeg_read_scanlines(&c, &row, 1);
		if (four)
			cmyk_to_rgb(four, to, out->w);
	}
	jpeg_finish_decompress(&c);
	jpeg_destroy_decompress(&c);
	return true;
}

/* ---- any ------------------------------------------------------------------------------------ */

void
image_set_channels(Arena *a, Image *im, int channels)
{
	int64_t n = im->w * im->h;
	if (im->c == channels)
		return;
	if (channels == 1) { /* in place: the reader is always ahead */
		for (int64_t i = 0; i < n; i++)
			im->at[i] = image_grey(im->at + 3 * i);
	} else {
		uint8_t *at = arena_alloc(a, (size_t)(3 * n));
		for (int64_t i = 0; i < n; i++)
			at[3 * i] = at[3 * i + 1] = at[3 * i + 2] = im->at[i];
		im->at = at;
	}
	im->c = channels;
}

bool
image_read(Arena *a, const char *path, int channels, Image *out, char why[WHY])
{
	static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	uint8_t              head[8] = {0};
	bool                 ok = false;
	FILE                *f = fopen(path, "rbe");
	size_t               n = f ? fread(head, 1, sizeof head, f) : 0;
	if (!f || ferror(f) || fseek(f, 0, SEEK_SET) != 0)
		snprintf(why, WHY, "%s", strerror(errno));
	else if (n == 0)
		snprintf(why, WHY, "the file is empty");
	else if (n == sizeof head && memcmp(head, png, sizeof png) == 0)
		ok = png_read(a, f, out, why);
	else if (head[0] == 0xff && head[1] == 0xd8)
		ok = jpeg_read(a, f, out, why);
	else
		snprintf(why, WHY, "neither JPEG nor PNG by its first bytes");
	if (f)
		fclose(f);
	if (ok)
		image_set_channels(a, out, channels);
	return ok;
}
