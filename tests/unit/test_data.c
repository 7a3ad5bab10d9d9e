/* The loader: IDX files and their refusals, class folders, order and draws for several numbers
 * of workers, resuming, unreadable files. Single images are in test_image.c. */
#include "runtime/data_private.h"
#include "tests/unit/image_files.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

Suite *suite_data(void);

static Arena *arena;
static char   folder[SCRATCH];
static char  *said;
static size_t said_bytes;
static FILE  *said_file;

static void
begin(void)
{
	arena = arena_new();
	scratch_folder(folder, "data");
	said_file = open_memstream(&said, &said_bytes);
	diag_sink(said_file);
}

static void
end(void)
{
	diag_sink(NULL);
	diag_reset();
	fclose(said_file);
	free(said);
	ck_assert_int_eq(system(arena_printf(arena, "rm -r %s", folder)), 0);
	arena_free(arena);
}

static const char *
in_folder(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

/* The messages so far hold `words`; forget them. */
static void
expect_said(const char *words)
{
	fflush(said_file);
	ck_assert_msg(said && strstr(said, words), "no `%s` in: %s", words, said);
	rewind(said_file);
	memset(said, 0, said_bytes);
}

/* ---- IDX ------------------------------------------------------------------------------------ */

enum { SIDE = 6, COUNT_IDX = 37 };

static Recipe
tiny_recipe(int64_t batch)
{
	static DrawSpec draw = {.input = "m",
	                        .site = "objective.m",
	                        .generator = "block_mask",
	                        .gy = 4,
	                        .gx = 4,
	                        .at_most = 8,
	                        .area_lo = 2,
	                        .area_hi = 6,
	                        .aspect_lo = 0.3,
	                        .aspect_hi = 1 / 0.3};
	Recipe          r = {.ndraw = 1, .draw = &draw};
	r.data = (DataSpec){.source = "train",
	                    .input = "image",
	                    .batch = batch,
	                    .channels = 1,
	                    .height = SIDE,
	                    .width = SIDE,
	                    .ntransform = 3,
	                    .mean = {0.5, 0.5, 0.5},
	                    .std = {0.25, 0.25, 0.25},
	                    .shuffle = true,
	                    .drop_remainder = true};
	r.data.transform[0] =
		(Transform){.name = "color_jitter", .narg = 3, .arg = {0.4, 0.4, 0.4}};
	r.data.transform[1] = (Transform){.name = "flip", .narg = 1, .arg = {0.5}};
	r.data.transform[2] = (Transform){
		.name = "resized_crop", .narg = 2, .arg = {0.2, 1}, .filter = "bicubic"};
	return r;
}

static void
write_idx(const char *path, uint32_t magic, uint32_t count, bool images, int64_t missing,
          bool plain)
{
	Text     t = {0};
	uint32_t head[4] = {magic, count, SIDE, SIDE};
	for (int i = 0; i < (images ? 4 : 2); i++)
		for (int b = 24; b >= 0; b -= 8)
			text_append(&t, (char[]){(char)(head[i] >> b)}, 1);
	for (int64_t i = 0; i < (int64_t)count * (images ? SIDE * SIDE : 1) - missing; i++)
		text_append(&t, (char[]){(char)(images ? i * 7 + i / 36 : i % 5)}, 1);
	gzFile f = gzopen(path, plain ? "wbT" : "wb");
	ck_assert_int_eq(gzwrite(f, t.at, (unsigned)t.n), (int)t.n);
	gzclose(f);
	text_free(&t);
}

static const char *
good_idx(void)
{
	write_idx(in_folder("train-images-idx3-ubyte.gz"), 0x803, COUNT_IDX, true, 0, false);
	write_idx(in_folder("train-labels-idx1-ubyte.gz"), 0x801, COUNT_IDX, false, 0, false);
	return folder;
}

static void
expect_refused(const char *path, const char *part, const char *words)
{
	Recipe      r = tiny_recipe(4);
	DataOptions o = {.train = true, .workers = 1};
	Data       *d;
	ck_assert_int_eq(data_open(&r, path, part, &o, &d), FAIL);
	expect_said(words);
}

START_TEST(idx_refusals)
{
	const char *images = in_folder("train-images-idx3-ubyte.gz"),
		   *labels = in_folder("train-labels-idx1-ubyte.gz");
	expect_refused(in_folder("nowhere"), "train", "no such file");
	expect_refused(folder, "train", "holds no JPEG or PNG files");
	good_idx();
	expect_refused(folder, "test", "none of the part `test`");
	write_idx(images, 0x802, COUNT_IDX, true, 0, false);
	expect_refused(folder, "train", "starts with 0x00000802");
	write_idx(images, 0x803, COUNT_IDX, true, 5, false);
	expect_refused(folder, "train", "ends 5 bytes before");
	write_idx(images, 0x803, COUNT_IDX, true, -3, true);
	expect_refused(folder, "train", "longer than its header says");
	write_idx(images, 0x803, 0, true, 0, false);
	expect_refused(folder, "train", "holds no images");
	write_idx(images, 0x803, COUNT_IDX - 1, true, 0, false);
	expect_refused(folder, "train", "37 labels, but");
	write_idx(images, 0x803, COUNT_IDX, true, 0, false);
	write_idx(labels, 0x803, COUNT_IDX, false, 0, false);
	expect_refused(folder, "train", "a file of labels starts with 0x00000801");
	write_idx(labels, 0x801, COUNT_IDX, false, 0, false);
	/* cut the gzip stream, then its checksum, then claim far more than there is */
	char  *text;
	size_t n;
	ck_assert_int_eq(file_read(images, &text, &n), OK);
	write_file(images, text, n / 2);
	expect_refused(folder, "train", "before its header says");
	write_file(images, text, n - 4);
	expect_refused(folder, "train", "gzip stream ends too early");
	text[n - 5] = (char)~text[n - 5];
	write_file(images, text, n);
	expect_refused(folder, "train", "cannot be unpacked");
	free(text);
	write_file(images, "\0\0\10\3\377\377\377\377\0\0\377\377\0\0\377\377", 16);
	expect_refused(folder, "train", "header");
	write_idx(images, 0x803, COUNT_IDX, true, 0, true);
	Recipe      r = tiny_recipe(COUNT_IDX + 1);
	DataOptions o = {.train = true, .workers = 1};
	Data       *d;
	ck_assert_int_eq(data_open(&r, images, "train", &o, &d), FAIL);
	expect_said("fewer than one batch");
	r = tiny_recipe(4);
	r.data.ntransform = 2;
	r.data.width = 5;
	ck_assert_int_eq(data_open(&r, images, "train", &o, &d), FAIL);
	expect_said("has no `resized_crop`");
	r.data.transform[0].name = "blur";
	ck_assert_int_eq(data_open(&r, images, "train", &o, &d), FAIL);
	expect_said("the transform `blur`");
}
END_TEST

/* ---- order and draws ------------------------------------------------------------------------ */

/* Batches start .. start + n - 1, one after the other, into one hash each. */
static void
hash_batches(const char *path, int workers, int64_t start, int n, char hash[][33])
{
	Recipe      r = tiny_recipe(4);
	DataOptions o = {.seed = 9, .workers = workers, .start_step = start, .train = true};
	Data       *d;
	ck_assert_int_eq(data_open(&r, path, "train", &o, &d), OK);
	ck_assert_int_eq(data_steps_per_epoch(d), COUNT_IDX / 4);
	ck_assert_int_eq(data_classes(d), 5);
	ck_assert_str_eq(data_class_name(d, 3), "3");
	for (int i = 0; i < n; i++) {
		Batch *b;
		Text   t = {0};
		ck_assert_int_eq(data_next(d, &b), OK);
		ck_assert_int_eq(b->step, start + i);
		ck_assert_int_eq(b->epoch, (start + i) / (COUNT_IDX / 4));
		ck_assert_int_eq(b->n, 4);
		text_append(&t, (char *)b->image, sizeof(float) * 4 * SIDE * SIDE);
		text_append(&t, (char *)b->sample, sizeof(uint32_t) * 4);
		text_append(&t, (char *)b->mask[0], 4 * 16);
		for (int k = 0; k < 4; k++)
			ck_assert_int_eq(b->label[k], b->sample[k] % 5);
		hash_hex(t.at, t.n, hash[i]);
		text_free(&t);
		data_done(d, b);
	}
	data_close(d);
}

START_TEST(workers_change_nothing)
{
	static char one[40][33], many[40][33];
	const char *path = good_idx();
	hash_batches(path, 1, 0, 40, one);
	for (int i = 0; i < 40; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(one[i], one[j]);
	for (int workers = 2; workers <= 5; workers += 3) {
		hash_batches(path, workers, 0, 40, many);
		for (int i = 0; i < 40; i++)
			ck_assert_str_eq(one[i], many[i]);
	}
	for (int start = 1; start < 30; start += 7) {
		hash_batches(path, 2, start, 10, many);
		for (int i = 0; i < 10; i++)
			ck_assert_str_eq(one[start + i], many[i]);
	}
}
END_TEST

START_TEST(epochs_are_permutations)
{
	Recipe      r = tiny_recipe(1);
	DataOptions o = {.seed = 3, .workers = 2, .train = true};
	Data       *d;
	int         seen[COUNT_IDX] = {0}, fixed = 0;
	ck_assert_int_eq(data_open(&r, good_idx(), "train", &o, &d), OK);
	for (int i = 0; i < 3 * COUNT_IDX; i++) {
		Batch *b;
		ck_assert_int_eq(data_next(d, &b), OK);
		seen[b->sample[0]]++;
		fixed += b->sample[0] == (uint32_t)i % COUNT_IDX;
		if (i % COUNT_IDX == COUNT_IDX - 1)
			for (int k = 0; k < COUNT_IDX; k++)
				ck_assert_int_eq(seen[k], i / COUNT_IDX + 1);
		data_done(d, b);
	}
	ck_assert_int_lt(fixed, COUNT_IDX / 2);
	data_close(d);
}
END_TEST

START_TEST(evaluation_order)
{
	Recipe      r = tiny_recipe(8);
	DataOptions o = {.workers = 2};
	Data       *d;
	Batch      *b;
	ck_assert_int_eq(data_open(&r, good_idx(), "train", &o, &d), OK);
	for (uint32_t next = 0; next < COUNT_IDX;) {
		ck_assert_int_eq(data_next(d, &b), OK);
		ck_assert_int_eq(b->n, COUNT_IDX - next < 8 ? COUNT_IDX - next : 8);
		for (int i = 0; i < b->n; i++, next++) {
			ck_assert_int_eq(b->sample[i], next);
			for (int64_t k = 0; k < SIDE * SIDE;
			     k++) { /* right size: bytes as they are */
				int64_t at = next * SIDE * SIDE + k;
				ck_assert(b->image[i * SIDE * SIDE + k] ==
				          ((float)(uint8_t)(at * 7 + at / 36) / 255.0f - 0.5f) /
				                  0.25f);
			}
		}
		for (int i = b->n; i < 8; i++)
			ck_assert_int_eq(b->sample[i], COUNT_IDX - 1);
		data_done(d, b);
	}
	ck_assert_int_eq(data_next(d, &b), OK);
	ck_assert_ptr_null(b);
	data_close(d);
	o.limit = 10;
	ck_assert_int_eq(data_open(&r, folder, "train", &o, &d), OK);
	ck_assert_int_eq(data_samples(d), 10);
	int64_t last = -1;
	for (int n = 0; n < 10;) {
		ck_assert_int_eq(data_next(d, &b), OK);
		for (int i = 0; i < b->n; i++, n++, last = b->sample[i - 1])
			ck_assert_int_gt(b->sample[i], last);
		data_done(d, b);
	}
	ck_assert_int_gt(last, 9);
	data_close(d);
}
END_TEST

/* ---- folders -------------------------------------------------------------------------------- */

/* cat: 3 images in two levels, dog: 4, one of them through a link; a loop; a file that is no
 * image. */
static const char *
good_folder(void)
{
	uint8_t px[16 * 16];
	ck_assert_int_eq(system(arena_printf(arena, "cd %s && mkdir -p s/cat/b s/dog", folder)), 0);
	static const char *const names[] = {"s/cat/z.PNG", "s/cat/b/a.png", "s/cat/b/c.JpEg",
	                                    "s/dog/1.png", "s/dog/2.jpg",   "s/dog/3.png"};
	for (int i = 0; i < COUNT(names); i++) {
		memset(px, 40 * (i + 1), sizeof px);
		if (strcasestr(names[i], ".jp"))
			write_jpeg(in_folder(names[i]), 16, 16, 1, px);
		else
			write_png(in_folder(names[i]), 16, 16, 8, 0, px, sizeof px);
	}
	ck_assert_int_eq(system(arena_printf(arena,
	                                     "cd %s/s && ln -s dog/1.png dog/4.png && ln -s .. "
	                                     "dog/up && echo hi > dog/note.txt",
	                                     folder)),
	                 0);
	return in_folder("s");
}

START_TEST(folder_of_classes)
{
	Recipe      r = tiny_recipe(7);
	DataOptions o = {.workers = 2};
	Data       *d;
	Batch      *b;
	ck_assert_int_eq(data_open(&r, good_folder(), "train", &o, &d), OK);
	/* dog/up leads back to the root, which is open: not entered. */
	ck_assert_int_eq(data_samples(d), 7);
	ck_assert_int_eq(data_classes(d), 2);
	ck_assert_str_eq(data_class_name(d, 0), "cat");
	ck_assert_str_eq(data_class_name(d, 1), "dog");
	ck_assert_int_eq(data_next(d, &b), FAIL); /* dog/4.png is a broken link: max_bad is 0 */
	expect_said("4.png: No such file");
	data_close(d);
	ck_assert_int_eq(system(arena_printf(arena, "cd %s/s/dog && ln -sf 1.png 4.png", folder)),
	                 0);
	ck_assert_int_eq(data_open(&r, in_folder("s"), "train", &o, &d), OK);
	ck_assert_int_eq(data_next(d, &b), OK);
	static const int     label[7] = {0, 0, 0, 1, 1, 1, 1};
	static const uint8_t value[7] = {80, 120, 40, 160, 200, 240, 160};
	for (int i = 0; i < 7; i++) {
		ck_assert_int_eq(b->label[i], label[i]);
		ck_assert_float_eq_tol(b->image[i * SIDE * SIDE],
		                       ((float)value[i] / 255 - 0.5f) / 0.25f, 0.02f);
	}
	data_done(d, b);
	data_close(d);
}
END_TEST

START_TEST(folder_refusals)
{
	ck_assert_int_eq(system(arena_printf(arena, "mkdir -p %s/p/train/a %s/p/val/a %s/e/a",
	                                     folder, folder, folder)),
	                 0);
	expect_refused(in_folder("p"), "train", "parts of a data set, not classes");
	expect_refused(in_folder("e"), "train", "holds no JPEG or PNG files");
}
END_TEST

/* Files that cannot be read: named once each, replaced by the next, the same for every number of
 * workers. */
START_TEST(bad_files)
{
	const char *path = good_folder();
	char        all[2][20][33];
	write_file(in_folder("s/dog/3.png"), "not an image", 12);
	for (int run = 0; run < 2; run++) {
		Recipe      r = tiny_recipe(3);
		DataOptions o = {.seed = 1, .workers = 1 + 3 * run, .train = true, .max_bad = 2};
		Data       *d;
		ck_assert_int_eq(data_open(&r, path, "train", &o, &d), OK);
		for (int i = 0; i < 20; i++) {
			Batch *b;
			ck_assert_int_eq(data_next(d, &b), OK);
			for (int k = 0; k < 3;
			     k++) /* 5 (broken) and 6 (a broken link) give way to 0 */
				ck_assert_uint_lt(b->sample[k], 5);
			hash_hex(b->image, sizeof(float) * 3 * SIDE * SIDE, all[run][i]);
			data_done(d, b);
		}
		ck_assert_int_eq(data_bad(d), 2);
		data_close(d);
		fflush(said_file);
		const char *first = strstr(said, "dog/3.png: neither");
		ck_assert_ptr_nonnull(first);
		ck_assert_ptr_null(strstr(first + 1, "dog/3.png"));
		expect_said("dog/4.png: No such file");
	}
	ck_assert_int_eq(memcmp(all[0], all[1], sizeof all[0]), 0);
	ck_assert_int_eq(system(arena_printf(arena,
	                                     "cd %s/s && rm dog/4.png; for f in cat/*.PNG cat/b/* "
	                                     "dog/*.*g; do echo x > $f; done",
	                                     folder)),
	                 0);
	Recipe      r = tiny_recipe(3);
	DataOptions o = {.train = true, .max_bad = 100};
	Data       *d;
	Batch      *b;
	ck_assert_int_eq(data_open(&r, path, "train", &o, &d), OK);
	ck_assert_int_eq(data_next(d, &b), FAIL);
	expect_said("none of the 6 images can be read");
	data_close(d);
}
END_TEST

START_TEST(channels)
{
	/* grey source, three channels wanted: three equal planes */
	Recipe      r = tiny_recipe(4);
	DataOptions o = {.workers = 1, .train = true};
	Data       *d;
	Batch      *b;
	r.data.channels = 3;
	r.data.ntransform = 3;
	ck_assert_int_eq(data_open(&r, good_idx(), "train", &o, &d), OK);
	ck_assert_int_eq(data_next(d, &b), OK);
	ck_assert_int_eq(memcmp(b->image, b->image + SIDE * SIDE, sizeof(float) * SIDE * SIDE), 0);
	data_done(d, b);
	data_close(d);
	r.data.channels = 2;
	ck_assert_int_eq(data_open(&r, folder, "train", &o, &d), FAIL);
	expect_said("2 channels");
	/* flip twice is nothing, once is the mirror image */
	Image im = {(uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 1, 3};
	augment_flip(&im);
	ck_assert_int_eq(memcmp(im.at, (uint8_t[]){7, 8, 9, 4, 5, 6, 1, 2, 3}, 9), 0);
}
END_TEST

Suite *
suite_data(void)
{
	Suite *s = suite_create("data");
	TCase *t = tcase_create("data");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, idx_refusals);
	tcase_add_test(t, workers_change_nothing);
	tcase_add_test(t, epochs_are_permutations);
	tcase_add_test(t, evaluation_order);
	tcase_add_test(t, folder_of_classes);
	tcase_add_test(t, folder_refusals);
	tcase_add_test(t, bad_files);
	tcase_add_test(t, channels);
	suite_add_tcase(s, t);
	return s;
}
