/* Small PNG and JPEG files for tests, through the libraries' own writers. */
#include "tests/unit/image_files.h"

#include <check.h>
#include <stdio.h>
#include <jpeglib.h>
#include <spng.h>
#include <stdlib.h>

void
write_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, n, f), n);
	fclose(f);
}

void
write_png(const char *path, uint32_t w, uint32_t h, int depth, int colour, const void *raw,
          size_t n)
{
	spng_ctx        *c = spng_ctx_new(SPNG_CTX_ENCODER);
	struct spng_ihdr head = {w, h, (uint8_t)depth, (uint8_t)colour, 0, 0, 0};
	struct spng_plte palette = {
		.n_entries = depth == 1 ? 2 : 4,
		.entries = {{10, 20, 30, 0}, {40, 50, 60, 0}, {70, 80, 90, 0}, {255, 0, 1, 0}}};
	struct spng_trns clear = {.n_type3_entries = 2, .type3_alpha = {0, 128}};
	int              e;
	spng_set_option(c, SPNG_ENCODE_TO_BUFFER, 1);
	spng_set_ihdr(c, &head);
	if (colour == SPNG_COLOR_TYPE_INDEXED) {
		spng_set_plte(c, &palette);
		spng_set_trns(c, &clear);
	}
	ck_assert_int_eq(spng_encode_image(c, raw, n, SPNG_FMT_RAW, SPNG_ENCODE_FINALIZE), 0);
	size_t bytes;
	void  *png = spng_get_png_buffer(c, &bytes, &e);
	ck_assert_int_eq(e, 0);
	write_file(path, png, bytes);
	free(png);
	spng_ctx_free(c);
}

void
write_jpeg(const char *path, int w, int h, int planes, const uint8_t *pixels)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr       e;
	FILE                       *f = fopen(path, "wb");
	c.err = jpeg_std_error(&e);
	jpeg_create_compress(&c);
	jpeg_stdio_dest(&c, f);
	c.image_width = (JDIMENSION)w;
	c.image_height = (JDIMENSION)h;
	c.input_components = planes;
	c.in_color_space = planes == 1 ? JCS_GRAYSCALE : planes == 4 ? JCS_CMYK : JCS_RGB;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, 100, TRUE);
	jpeg_start_compress(&c, TRUE);
	for (int y = 0; y < h; y++) {
		JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + y * w * planes);
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	fclose(f);
}
