/* make-data: small data sets for the end-to-end tests, the same bytes every time.
 *
 *   make-data idx FOLDER COUNT SIDE      train-* and t10k-* IDX files of COUNT gray images each, four classes
 *   make-data folder FOLDER COUNT SIDE   classes c0..c3 with COUNT colour images each, PNG and JPEG by turns
 *
 * An image is noise around a gradient whose direction is its class, so that classes can be told apart. Refuses to write
 * into a folder that exists. */
#include "compiler/base/base.h"

#include <errno.h>
#include <jpeglib.h>
#include <spng.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CLASSES = 4 };

static FILE *
create(const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f) {
		fprintf(stderr, "make-data: %s: %s\n", path, strerror(errno));
		exit(EXIT_WORLD);
	}
	return f;
}

static void
draw_image(uint8_t *to, const char *part, int number, int side, int planes)
{
	Stream s = stream_open(1, part, (uint64_t)number, 0);
	int class = number % CLASSES;

	for (int y = 0; y < side; y++)
		for (int x = 0; x < side; x++)
			for (int c = 0; c < planes; c++) {
				int at = class == 0   ? x
				         : class == 1 ? side - 1 - x
				         : class == 2 ? y
				                      : side - 1 - y;

				*to++ = (uint8_t)(at * 200 / side + (int)stream_int(&s, 0, 55));
			}
}

/* ---- IDX ------------------------------------------------------------------------------------ */

static void
put_u32(FILE *f, uint32_t x)
{
	const uint8_t b[4] = {(uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8),
	                      (uint8_t)x};

	fwrite(b, 1, 4, f);
}

static void
write_idx(Arena *a, const char *folder, const char *part, int count, int side)
{
	FILE    *images = create(arena_printf(a, "%s/%s-images-idx3-ubyte", folder, part));
	FILE    *labels = create(arena_printf(a, "%s/%s-labels-idx1-ubyte", folder, part));
	uint8_t *pixel = arena_alloc(a, (size_t)(side * side));

	put_u32(images, 0x803);
	put_u32(labels, 0x801);
	put_u32(images, (uint32_t)count);
	put_u32(labels, (uint32_t)count);
	put_u32(images, (uint32_t)side);
	put_u32(images, (uint32_t)side);
	for (int i = 0; i < count; i++) {
		draw_image(pixel, part, i, side, 1);
		fwrite(pixel, 1, (size_t)(side * side), images);
		fputc(i % CLASSES, labels);
	}
	fclose(images);
	fclose(labels);
}

/* ---- folders of classes --------------------------------------------------------------------- */

static void
write_png(const char *path, int side, const uint8_t *pixel)
{
	spng_ctx        *c = spng_ctx_new(SPNG_CTX_ENCODER);
	struct spng_ihdr head = {.width = (uint32_t)side,
	                         .height = (uint32_t)side,
	                         .bit_depth = 8,
	                         .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
	FILE            *f = create(path);

	spng_set_png_file(c, f);
	spng_set_ihdr(c, &head);
	if (spng_encode_image(c, pixel, (size_t)(side * side * 3), SPNG_FMT_PNG,
	                      SPNG_ENCODE_FINALIZE))
		exit(EXIT_WORLD);
	spng_ctx_free(c);
	fclose(f);
}

static void
write_jpeg(const char *path, int side, uint8_t *pixel)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr       e;
	FILE                       *f = create(path);

	c.err = jpeg_std_error(&e);
	jpeg_create_compress(&c);
	jpeg_stdio_dest(&c, f);
	c.image_width = c.image_height = (JDIMENSION)side;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	jpeg_start_compress(&c, TRUE);
	for (int y = 0; y < side; y++) {
		uint8_t *row = pixel + y * side * 3;

		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	fclose(f);
}

static void
write_folder(Arena *a, const char *folder, int count, int side)
{
	uint8_t *pixel = arena_alloc(a, (size_t)(side * side * 3));

	for (int i = 0; i < count * CLASSES; i++) {
		const char *class = arena_printf(a, "%s/c%d", folder, i % CLASSES);

		if (i < CLASSES && file_make_dirs(class) != OK)
			exit(EXIT_WORLD);
		draw_image(pixel, "folder", i, side, 3);
		if (i / CLASSES % 2)
			write_jpeg(arena_printf(a, "%s/%03d.jpg", class, i / CLASSES), side, pixel);
		else
			write_png(arena_printf(a, "%s/%03d.png", class, i / CLASSES), side, pixel);
	}
}

int
main(int argc, char **argv)
{
	int    count = argc == 5 ? atoi(argv[3]) : 0, side = argc == 5 ? atoi(argv[4]) : 0;
	Arena *a = arena_new();

	if (count < 1 || count > 100000 || side < 1 || side > 4096) {
		fprintf(stderr, "usage: make-data idx|folder FOLDER COUNT SIDE\n");
		return EXIT_USAGE;
	}
	if (mkdir(argv[2], 0777) != 0) {
		fprintf(stderr, "make-data: %s: %s\n", argv[2], strerror(errno));
		return EXIT_WORLD;
	}
	if (strcmp(argv[1], "idx") == 0) {
		write_idx(a, argv[2], "train", count, side);
		write_idx(a, argv[2], "t10k", count, side);
	} else {
		write_folder(a, argv[2], count, side);
	}
	arena_free(a);
	return 0;
}
