/* Single images: operations against recorded bytes, decoding of every colour type, what cannot
 * be read, crop boxes, the evaluation transform; and masks. */
#include "runtime/data_private.h"
#include "tests/unit/image_files.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

Suite *suite_image(void);

static Arena *arena;
static char   folder[SCRATCH];

static void
begin(void)
{
	arena = arena_new();
	scratch_folder(folder, "image");
}

static void
end(void)
{
	ck_assert_int_eq(system(arena_printf(arena, "rm -r %s", folder)), 0);
	arena_free(arena);
}

static const char *
in_folder(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

/* ---- recorded bytes ------------------------------------------------------------------------- */

static Image
hex_image(char **at)
{
	Image im;
	long  w, h;
	int   used;
	ck_assert_int_eq(sscanf(*at, " %ld %ld %d %n", &w, &h, &im.c, &used), 3);
	im.w = w;
	im.h = h;
	*at += used;
	im.at = arena_alloc(arena, (size_t)(w * h * im.c));
	for (int64_t i = 0; i < w * h * im.c; i++, *at += 2) {
		unsigned v;
		ck_assert_int_eq(sscanf(*at, "%2x", &v), 1);
		im.at[i] = (uint8_t)v;
	}
	return im;
}

START_TEST(recorded)
{
	char  *text;
	size_t n;
	int    lines = 0;
	ck_assert_int_eq(file_read("tests/numeric/data/images.txt", &text, &n), OK);
	for (char *line = text, *next; *line; line = next, lines++) {
		char  filter[32], *at = strchr(line, ':') + 1;
		long  w, h;
		float factor;
		next = strchr(line, '\n') + 1;
		Image im = hex_image(&at);
		at = strchr(at, ':') + 1;
		Image want = hex_image(&at);
		if (sscanf(line, "resize %ld %ld %31s", &w, &h, filter) == 3)
			im = image_resize(arena, &im, w, h,
			                  strcmp(filter, "bicubic") == 0 ? FILTER_BICUBIC
			                                                 : FILTER_BILINEAR);
		else if (sscanf(line, "brightness %f", &factor) == 1)
			augment_jitter(&im, 0, factor);
		else if (sscanf(line, "contrast %f", &factor) == 1)
			augment_jitter(&im, 1, factor);
		else if (sscanf(line, "saturation %f", &factor) == 1)
			augment_jitter(&im, 2, factor);
		else
			image_set_channels(arena, &im, 1);
		ck_assert_int_eq(im.w, want.w);
		ck_assert_int_eq(im.h, want.h);
		ck_assert_int_eq(im.c, want.c);
		ck_assert_msg(memcmp(im.at, want.at, (size_t)(im.w * im.h * im.c)) == 0,
		              "line %d: %.40s", lines + 1, line);
	}
	ck_assert_int_gt(lines, 40);
	free(text);
}
END_TEST

/* ---- decoding ------------------------------------------------------------------------------- */

/* The first two pixels of the RGB picture. */
static void
expect_pixels(const char *path, int r0, int g0, int b0, int r1, int g1, int b1, int within)
{
	Image     im;
	char      why[WHY] = "";
	const int want[6] = {r0, g0, b0, r1, g1, b1};
	ck_assert_msg(image_read(arena, path, 3, &im, why), "%s: %s", path, why);
	for (int i = 0; i < 6; i++)
		ck_assert_msg(abs(im.at[i] - want[i]) <= within, "%s: byte %d is %d, not %d", path,
		              i, im.at[i], want[i]);
	ck_assert(image_read(arena, path, 1, &im, why));
	for (int i = 0; i < 2; i++)
		ck_assert_int_le(abs(im.at[i] - image_grey((uint8_t[3]){(uint8_t)want[3 * i],
		                                                        (uint8_t)want[3 * i + 1],
		                                                        (uint8_t)want[3 * i + 2]})),
		                 within);
}

START_TEST(png_every_type)
{
	const char *p = in_folder("a.PNG");
	write_png(p, 2, 1, 1, 0, (uint8_t[]){0x40}, 1);
	expect_pixels(p, 0, 0, 0, 255, 255, 255, 0);
	write_png(p, 2, 1, 2, 0, (uint8_t[]){0x60}, 1);
	expect_pixels(p, 85, 85, 85, 170, 170, 170, 0);
	write_png(p, 2, 1, 4, 0, (uint8_t[]){0x3c}, 1);
	expect_pixels(p, 51, 51, 51, 204, 204, 204, 0);
	write_png(p, 2, 1, 8, 0, (uint8_t[]){7, 200}, 2);
	expect_pixels(p, 7, 7, 7, 200, 200, 200, 0);
	write_png(p, 2, 1, 16, 0, (uint8_t[]){7, 255, 200, 0}, 4);
	expect_pixels(p, 7, 7, 7, 200, 200, 200, 0);
	write_png(p, 2, 1, 8, 2, (uint8_t[]){1, 2, 3, 4, 5, 6}, 6);
	expect_pixels(p, 1, 2, 3, 4, 5, 6, 0);
	write_png(p, 2, 1, 16, 2, (uint8_t[]){1, 200, 2, 200, 3, 0, 4, 0, 5, 0, 6, 255}, 12);
	expect_pixels(p, 1, 2, 3, 4, 5, 6, 0);
	for (int depth = 1; depth <= 8; depth *= 2) {
		/* palette entries 1 (half clear: alpha is dropped) and 0, packed from the top
		 * bit */
		uint8_t row[2] = {(uint8_t)(1 << (8 - depth)), 0};
		write_png(p, 2, 1, depth, 3, row, depth == 8 ? 2 : 1);
		expect_pixels(p, 40, 50, 60, 10, 20, 30, 0);
	}
	write_png(p, 2, 1, 8, 4, (uint8_t[]){9, 0, 99, 255}, 4);
	expect_pixels(p, 9, 9, 9, 99, 99, 99, 0);
	write_png(p, 2, 1, 16, 4, (uint8_t[]){9, 9, 0, 0, 99, 9, 255, 255}, 8);
	expect_pixels(p, 9, 9, 9, 99, 99, 99, 0);
	write_png(p, 2, 1, 8, 6, (uint8_t[]){1, 2, 3, 0, 4, 5, 6, 255}, 8);
	expect_pixels(p, 1, 2, 3, 4, 5, 6, 0);
	write_png(p, 2, 1, 16, 6, (uint8_t[]){1, 0, 2, 0, 3, 0, 0, 0, 4, 0, 5, 0, 6, 0, 255, 255},
	          16);
	expect_pixels(p, 1, 2, 3, 4, 5, 6, 0);
}
END_TEST

START_TEST(jpeg_every_type)
{
	uint8_t     px[64 * 4];
	const char *p = in_folder("a.jpeg");
	memset(px, 77, sizeof px);
	write_jpeg(p, 8, 8, 1, px);
	expect_pixels(p, 77, 77, 77, 77, 77, 77, 1);
	for (int i = 0; i < 64; i++)
		memcpy(px + 3 * i, (uint8_t[]){200, 100, 50}, 3);
	write_jpeg(p, 8, 8, 3, px);
	expect_pixels(p, 200, 100, 50, 200, 100, 50, 2);
	for (int i = 0; i < 64; i++) /* inverted CMYK: paper 255 */
		memcpy(px + 4 * i, (uint8_t[]){255, 128, 0, 200}, 4);
	write_jpeg(p, 8, 8, 4, px);
	expect_pixels(p, 200, 100, 0, 200, 100, 0, 2);
}
END_TEST

static void
expect_why(const char *path, const char *words)
{
	Image im;
	char  why[WHY] = "";
	ck_assert(!image_read(arena, path, 3, &im, why));
	ck_assert_msg(strstr(why, words), "no `%s` in: %s", words, why);
}

START_TEST(unreadable)
{
	uint8_t     px[48 * 48 * 3];
	char       *text;
	size_t      n;
	const char *p = in_folder("x.png");
	for (size_t i = 0; i < sizeof px; i++)
		px[i] = (uint8_t)(i * 37 ^ i >> 3);
	expect_why(in_folder("none.png"), "No such file");
	expect_why(folder, "irectory");
	write_file(p, "", 0);
	expect_why(p, "empty");
	write_file(p, "GIF89a....", 10);
	expect_why(p, "neither JPEG nor PNG");
	write_png(p, 48, 48, 8, 2, px, sizeof px);
	ck_assert_int_eq(file_read(p, &text, &n), OK);
	write_file(p, text, n / 2);
	expect_why(p, "PNG: ");
	text[n / 2] = (char)~text[n / 2];
	write_file(p, text, n);
	expect_why(p, "PNG: ");
	free(text);
	write_jpeg(p, 48, 48, 3, px);
	ck_assert_int_eq(file_read(p, &text, &n), OK);
	write_file(p, text, n / 2);
	expect_why(p, "JPEG: ");
	free(text);
	/* a PNG that claims 2^17 x 2^17 */
	static const uint8_t huge[] = {0x89, 'P', 'N', 'G', 13,  10,  26, 10, 0, 0,
	                               0,    13,  'I', 'H', 'D', 'R', 0,  2,  0, 0,
	                               0,    2,   0,   0,   8,   2,   0,  0,  0};
	uint8_t              file[33];
	uint32_t             crc = (uint32_t)crc32(0, huge + 12, 17);
	memcpy(file, huge, 29);
	for (int i = 0; i < 4; i++)
		file[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
	write_file(p, file, sizeof file);
	expect_why(p, "131072 x 131072 pixels; at most 512 Mpx");
}
END_TEST

/* ---- draws ---------------------------------------------------------------------------------- */

START_TEST(mask_statistics)
{
	DrawSpec d = {.gy = 14,
	              .gx = 14,
	              .at_most = 120,
	              .area_lo = 16,
	              .area_hi = 196,
	              .aspect_lo = 0.3,
	              .aspect_hi = 1 / 0.3};
	double   sum = 0, square = 0;
	int      least = 196, n = 10000, full = 0;
	for (int i = 0; i < n; i++) {
		uint8_t mask[196];
		Stream  s = stream_open(0, "m", (uint64_t)i, 0);
		int     count = 0;
		draw_block_mask(&d, &s, mask);
		for (int k = 0; k < 196; k++)
			count += mask[k];
		ck_assert_int_le(count, 120);
		sum += count;
		square += count * count;
		full += count == 120;
		least = count < least ? count : least;
	}
	double mean = sum / n, sd = sqrt(square / n - mean * mean);
	ck_assert_double_eq_tol(mean, 119.53, 0.05); /* five standard errors */
	ck_assert_double_eq_tol(sd, 0.92, 0.08);
	ck_assert_double_eq_tol((double)full / n, 0.695, 0.025);
	ck_assert_int_ge(least, 100);
}
END_TEST

START_TEST(mask_small_grids)
{
	DrawSpec d = {.gy = 4,
	              .gx = 4,
	              .at_most = 10,
	              .area_lo = 2,
	              .area_hi = 16,
	              .aspect_lo = 0.3,
	              .aspect_hi = 1 / 0.3};
	double   sum = 0;
	for (int i = 0; i < 2000; i++) {
		uint8_t mask[16];
		Stream  s = stream_open(0, "m", (uint64_t)i, 0);
		int     count = 0;
		draw_block_mask(&d, &s, mask);
		for (int k = 0; k < 16; k++)
			count += mask[k];
		ck_assert_int_le(count, 10);
		sum += count;
	}
	ck_assert_double_gt(sum / 2000, 9);
	d.gy = d.gx = 1; /* no block is smaller than one cell: an empty mask, not an endless loop */
	uint8_t one = 9;
	Stream  s = stream_open(0, "m", 0, 0);
	draw_block_mask(&d, &s, &one);
	ck_assert_int_eq(one, 0);
}
END_TEST

START_TEST(crop_boxes)
{
	static const int64_t size[][2] = {{1, 1},   {1, 100},   {100, 1}, {2, 3},
	                                  {28, 28}, {500, 375}, {5000, 7}};
	for (int i = 0; i < COUNT(size); i++)
		for (int k = 0; k < 500; k++) {
			Stream s = stream_open(0, "augment", (uint64_t)k, (uint32_t)i);
			Box    b = augment_crop_box(&s, size[i][0], size[i][1], 0.08, 1);
			ck_assert(b.left >= 0 && b.top >= 0 && b.w >= 1 && b.h >= 1);
			ck_assert(b.left + b.w <= size[i][0] && b.top + b.h <= size[i][1]);
		}
	/* mean area on a square: most attempts fit, so near the mean of 0.08 .. 1, a little less */
	double area = 0;
	for (int k = 0; k < 4000; k++) {
		Stream s = stream_open(1, "augment", (uint64_t)k, 0);
		Box    b = augment_crop_box(&s, 1000, 1000, 0.08, 1);
		area += (double)(b.w * b.h) / 1e6 / 4000;
		double aspect = (double)b.w / (double)b.h;
		ck_assert(aspect > 0.745 && aspect < 1.342);
	}
	ck_assert(area > 0.45 && area < 0.54);
	Stream s = stream_open(0, "augment", 0, 0);
	Box    b = augment_crop_box(&s, 10, 100, 1, 1); /* no box of the whole area fits: centre */
	ck_assert(b.left == 0 && b.w == 10 && b.h == 13 && b.top == 43);
}
END_TEST

START_TEST(evaluation_transform)
{
	static const struct {
		int64_t w, h, size;
	} cases[] = {{500, 375, 224}, {375, 500, 224}, {1, 1, 8},      {1, 50, 8},
	             {28, 28, 28},    {30, 28, 28},    {400, 500, 384}};
	for (int i = 0; i < COUNT(cases); i++) {
		DataSpec d = {.width = cases[i].size, .height = cases[i].size, .channels = 3};
		Image im = {arena_alloc(arena, (size_t)(cases[i].w * cases[i].h * 3)), cases[i].w,
		            cases[i].h, 3};
		memset(im.at, 99, (size_t)(im.w * im.h * 3));
		uint8_t *before = im.at;
		augment_eval(arena, &d, &im);
		ck_assert_int_eq(im.w, cases[i].size);
		ck_assert_int_eq(im.h, cases[i].size);
		ck_assert_int_eq(im.at[0], 99);
		ck_assert((im.at == before) ==
		          (cases[i].w == cases[i].size && cases[i].h == cases[i].size));
	}
	/* by hand: 16 wide, wanted 7 of 8: resized to 8, offset round-half-even(0.5) = 0 */
	DataSpec d = {.width = 7, .height = 7, .channels = 1};
	Image    im = {arena_alloc(arena, 16 * 16), 16, 16, 1};
	for (int k = 0; k < 256; k++)
		im.at[k] = (uint8_t)(k * 5);
	Image whole = image_resize(arena, &im, 8, 8, FILTER_BICUBIC),
	      cut = image_crop(arena, &whole, 0, 0, 7, 7);
	augment_eval(arena, &d, &im);
	ck_assert_int_eq(memcmp(im.at, cut.at, 49), 0);
}
END_TEST

Suite *
suite_image(void)
{
	Suite *s = suite_create("image");
	TCase *t = tcase_create("image");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, recorded);
	tcase_add_test(t, png_every_type);
	tcase_add_test(t, jpeg_every_type);
	tcase_add_test(t, unreadable);
	tcase_add_test(t, mask_statistics);
	tcase_add_test(t, mask_small_grids);
	tcase_add_test(t, crop_boxes);
	tcase_add_test(t, evaluation_transform);
	suite_add_tcase(s, t);
	return s;
}
