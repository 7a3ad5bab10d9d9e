/* Files of the runtime: safetensors (round trips and every refusal), logs (resuming), event records
 * (known CRCs, frames read back), the report (one self-contained file). */
#include "runtime/files_private.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_files(void);

static Arena *arena;
static char   folder[SCRATCH];
static char  *said;
static size_t said_bytes;
static FILE  *said_file;

static void
listening(void)
{
	said_file = open_memstream(&said, &said_bytes);
	diag_sink(said_file);
}

static void
hush(void)
{
	diag_sink(NULL);
	diag_reset();
	fclose(said_file);
	free(said);
}

static void
begin(void)
{
	arena = arena_new();
	scratch_folder(folder, "files");
	listening();
}

static void
end(void)
{
	hush();
	char *command = arena_printf(arena, "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
	arena_free(arena);
}

static const char *
in_folder(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

/* The messages so far hold `words`; forget them. */
static void
ck_said(const char *words)
{
	fflush(said_file);
	ck_assert_msg(strstr(said, words) != NULL, "`%s` was not said, but: %s", words, said);
	hush();
	listening();
}

/* ---- safetensors ---------------------------------------------------------------------------- */

/* A file of this header and so many bytes of data. */
static char *
file_of(const char *header, size_t data, size_t *n)
{
	size_t length = strlen(header);
	char  *b = arena_alloc(arena, 8 + length + data + 1);
	for (int i = 0; i < 8; i++)
		b[i] = (char)(length >> 8 * i);
	memcpy(b + 8, header, length);
	for (size_t i = 0; i < data; i++)
		b[8 + length + i] = (char)i;
	*n = 8 + length + data;
	return b;
}

/* Exactly n bytes in a block of their own, so that a sanitizer sees every read past the end. */
static Status
parse(const char *bytes, size_t n, StFile **f)
{
	char *copy = malloc(n + !n);
	memcpy(copy, bytes, n);
	Status s = st_parse(arena, "test.safetensors", copy, n, f);
	free(copy);
	return s;
}

static void
refuse(const char *header, size_t data, const char *words)
{
	size_t  n;
	StFile *f;
	char   *b = file_of(header, data, &n);
	ck_assert_int_eq(parse(b, n, &f), FAIL);
	ck_said(words);
}

static StFile
sample_file(void)
{
	static const float    weight[6] = {1, -2, 0.5f, 3, NAN, -0.0f};
	static const int64_t  count[1] = {-7};
	static const uint16_t half[4] = {0x3c00, 0xc000, 0x3f80, 0};
	static StTensor       t[5];
	static char           empty[1];
	t[0] = (StTensor){"z.weight", "F32", 2, {2, 3}, weight, 24};
	t[1] = (StTensor){"a", "I64", 0, {0}, count, 8};
	t[2] = (StTensor){"half", "F16", 1, {2}, half, 4};
	t[3] = (StTensor){"brain", "BF16", 1, {2}, half + 2, 4};
	t[4] = (StTensor){"nothing \"quoted\" \\ \n", "U8", 2, {0, 7}, empty, 0};
	StFile f = {.ntensor = 5, .tensor = t, .nmeta = 2};
	f.meta = arena_alloc(arena, sizeof *f.meta * 2);
	f.meta[0].key = "made by";
	f.meta[0].value = "a test";
	f.meta[1].key = "and";
	f.meta[1].value = "x\ty";
	return f;
}

START_TEST(st_round_trip)
{
	StFile f = sample_file(), *g;
	ck_assert_int_eq(st_write(in_folder("a.safetensors"), &f), OK);
	ck_assert_int_eq(st_read(arena, in_folder("a.safetensors"), &g), OK);
	ck_assert_int_eq(g->ntensor, 5);
	ck_assert_str_eq(g->tensor[0].name, "a");
	ck_assert_str_eq(st_meta(g, "and"), "x\ty");
	ck_assert_ptr_null(st_meta(g, "or"));
	for (int i = 0; i < f.ntensor; i++) {
		const StTensor *a = &f.tensor[i], *b = st_find(g, a->name);
		ck_assert_ptr_nonnull(b);
		ck_assert_str_eq(a->dtype, b->dtype);
		ck_assert_int_eq(a->ndim, b->ndim);
		ck_assert_int_eq(a->bytes, b->bytes);
		ck_assert(!memcmp(a->dim, b->dim, sizeof *a->dim * (size_t)a->ndim));
		ck_assert(!a->bytes || !memcmp(a->data, b->data, (size_t)a->bytes));
	}
	/* Another order of the same tensors gives the same bytes. */
	StTensor first = f.tensor[0];
	f.tensor[0] = f.tensor[3];
	f.tensor[3] = first;
	ck_assert_int_eq(st_write(in_folder("b.safetensors"), &f), OK);
	char  *a, *b;
	size_t na, nb;
	ck_assert_int_eq(file_read(in_folder("a.safetensors"), &a, &na), OK);
	ck_assert_int_eq(file_read(in_folder("b.safetensors"), &b, &nb), OK);
	ck_assert(na == nb && !memcmp(a, b, na));
	ck_assert_int_eq(a[0] % 8, 0);
	ck_assert(!file_exists(in_folder("a.safetensors.tmp")));
	free(a);
	free(b);
}
END_TEST

START_TEST(st_empty)
{
	StFile f = {0}, *g;
	ck_assert_int_eq(st_write(in_folder("e"), &f), OK);
	ck_assert_int_eq(st_read(arena, in_folder("e"), &g), OK);
	ck_assert_int_eq(g->ntensor, 0);
	ck_assert_int_eq(st_read(arena, in_folder("missing"), &g), FAIL);
	ck_said("missing");
	ck_assert_int_eq(st_read(arena, folder, &g), FAIL);
	ck_said("not a file");
}
END_TEST

START_TEST(st_write_refuses)
{
	StFile f = sample_file();
	f.tensor[1].name = "half";
	ck_assert_int_eq(st_write(in_folder("a"), &f), FAIL);
	ck_said("`half`");
	ck_assert(!file_exists(in_folder("a")));
	f = sample_file();
	ck_assert_int_eq(st_write(in_folder("no/folder/a"), &f), FAIL);
	ck_said("No such file");
}
END_TEST

/* Cut anywhere, a file is refused: never read as a smaller one. */
START_TEST(st_truncated)
{
	StFile f = sample_file(), *g;
	char  *b;
	size_t n;
	ck_assert_int_eq(st_write(in_folder("a"), &f), OK);
	ck_assert_int_eq(file_read(in_folder("a"), &b, &n), OK);
	for (size_t cut = 0; cut < n; cut++) {
		ck_assert_int_eq(parse(b, cut, &g), FAIL);
		ck_said("truncated");
	}
	ck_assert_int_eq(parse(b, n, &g), OK);
	char *longer = arena_alloc(arena, n + 3);
	memcpy(longer, b, n);
	ck_assert_int_eq(parse(longer, n + 3, &g), FAIL);
	ck_said("3 bytes after the last tensor belong to no tensor");
	free(b);
}
END_TEST

START_TEST(st_refusals)
{
	refuse("", 0, "does not begin with `{`");
	refuse("[1,2]", 0, "does not begin with `{`");
	refuse("{\"a\":", 0, "not valid JSON");
	refuse("{} x", 0, "not valid JSON");
	refuse("{\"a\":7}", 0, "must be an object of");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "must be an object of");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}", 4,
	       "must be an object of");
	refuse("{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
	       "unknown dtype `F31`");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
	       "F32 [2] takes 8 bytes");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
	       "whole numbers from 0 up");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4,
	       "whole numbers from 0 up");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0]}}", 4,
	       "a list of two numbers");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", 4,
	       "before it begins");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,5]}}", 4, "truncated");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
	       "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
	       8, "duplicate");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
	       "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
	       7, "`a` and `b` overlaps");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
	       "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[6,10]}}",
	       10, "bytes 4 to 5 of the data belong to no tensor");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[1,5]}}", 5,
	       "bytes 0 to 0");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
	       "9 axes");
	refuse("{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904,4611686018427387904],"
	       "\"data_offsets\":[0,8]}}",
	       8, "more than");
	refuse("{\"__metadata__\":{\"k\":1}}", 0, "`k` is not a string");
	refuse("{\"__metadata__\":[]}", 0, "object of strings");
}
END_TEST

START_TEST(st_length)
{
	StFile *f;
	ck_assert_int_eq(parse("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, &f), FAIL);
	ck_said("claims a header of 18446744073709551615 bytes");
	ck_assert_int_eq(parse("PK\3\4\0\0\0\0\0\0", 10, &f), FAIL);
	ck_said("truncated");
	ck_assert_int_eq(parse("\3\0\0\0\0\0\0\0{}", 10, &f), FAIL);
	ck_said("truncated");
	ck_assert_int_eq(parse("\2\0\0\0\0\0\0\0{}", 10, &f), OK);
}
END_TEST

/* Whatever bytes come, the answer is a file or a message. */
START_TEST(st_damaged)
{
	StFile f = sample_file(), *g;
	char  *b;
	size_t n;
	ck_assert_int_eq(st_write(in_folder("a"), &f), OK);
	ck_assert_int_eq(file_read(in_folder("a"), &b, &n), OK);
	Stream s = stream_open(7, "damage", 0, 0);
	int    refused = 0;
	for (int round = 0; round < 4000; round++) {
		char *bad = malloc(n);
		memcpy(bad, b, n);
		for (int k = (int)stream_int(&s, 1, 4); k; k--)
			bad[stream_int(&s, 0, (int64_t)n - 1)] = (char)stream_int(&s, 0, 255);
		refused += st_parse(arena, "damaged", bad, n, &g) == FAIL;
		free(bad);
		hush();
		listening();
	}
	ck_assert_int_gt(refused, 2000);
	free(b);
}
END_TEST

/* ---- event records -------------------------------------------------------------------------- */

START_TEST(crc_known)
{
	/* RFC 3720, B.4, and the customary check value. */
	char zeros[32] = {0}, ones[32], up[32];
	memset(ones, 0xff, sizeof ones);
	for (int i = 0; i < 32; i++)
		up[i] = (char)i;
	ck_assert_uint_eq(crc32c("123456789", 9), 0xe3069283u);
	ck_assert_uint_eq(crc32c(zeros, 32), 0x8a9136aau);
	ck_assert_uint_eq(crc32c(ones, 32), 0x62a8ab43u);
	ck_assert_uint_eq(crc32c(up, 32), 0x46dd794eu);
	ck_assert_uint_eq(crc32c("", 0), 0);
}
END_TEST

static uint64_t
little(const char *at, int n)
{
	uint64_t x = 0;
	for (int i = n - 1; i >= 0; i--)
		x = x << 8 | (unsigned char)at[i];
	return x;
}

static uint32_t
unmasked(uint64_t crc)
{
	uint32_t r = (uint32_t)crc - 0xa282ead8u;
	return r >> 17 | r << 15;
}

/* Frames in t, each with good sums; -1 when one is not. */
static int
frames(const char *at, size_t n)
{
	int count = 0;
	for (size_t i = 0; i < n; count++) {
		if (n - i < 16 || unmasked(little(at + i + 8, 4)) != crc32c(at + i, 8))
			return -1;
		size_t length = little(at + i, 8);
		if (n - i < 16 + length ||
		    unmasked(little(at + i + 12 + length, 4)) != crc32c(at + i + 12, length))
			return -1;
		i += 16 + length;
	}
	return count;
}

START_TEST(event_frames)
{
	const char *names[] = {"loss", "lr"};
	double      values[] = {0.5, 0};
	Text        t = {0};
	events_header(&t, 1.5);
	/* The whole first record, by hand: field 1 double 1.5, field 3 "brain.Event:2". */
	ck_assert_uint_eq(little(t.at, 8), 24);
	ck_assert(!memcmp(t.at + 12,
	                  "\x09\0\0\0\0\0\0\xf8\x3f\x1a\x0d"
	                  "brain.Event:2",
	                  24));
	events_scalars(&t, 2, 7, names, values, 2);
	ck_assert_int_eq(frames(t.at, t.n), 2);
	/* A zero is written, not left out: value 2 is tag "lr" and simple_value 0. */
	ck_assert_ptr_nonnull(memmem(t.at, t.n, "\x0a\x02lr\x15\0\0\0\0", 9));
	text_free(&t);
}
END_TEST

/* ---- logs ----------------------------------------------------------------------------------- */

static void
log_steps(Log *l, int64_t first, int64_t last)
{
	const char *names[] = {"epoch", "loss", "time"};
	for (int64_t i = first; i <= last; i++) {
		double values[] = {0, i == 3 ? NAN : 1.0f / (float)i, 5};
		log_step(l, i, names, values, 3, 100.5);
	}
}

static int
count_lines(const char *path, char **text)
{
	size_t n;
	int    lines = 0;
	ck_assert_int_eq(file_read(path, text, &n), OK);
	for (size_t i = 0; i < n; i++)
		lines += (*text)[i] == '\n';
	return lines;
}

static int
count_events(void)
{
	char  *b;
	size_t n;
	ck_assert_int_eq(file_read(in_folder("events.out.tfevents.d2v"), &b, &n), OK);
	int count = frames(b, n);
	free(b);
	return count;
}

START_TEST(log_resume)
{
	Log   *l;
	Recipe r = {0};
	char  *text;
	ck_assert_int_eq(log_open(folder, &r, false, 0, &l), OK);
	log_steps(l, 1, 9);
	ck_assert_int_eq(log_close(l), OK);
	const char *path = in_folder("log.jsonl");
	ck_assert_int_eq(count_lines(path, &text), 9);
	ck_assert_ptr_nonnull(strstr(text, "{\"step\":2,\"epoch\":0,\"loss\":0.5,\"watch.time\":5,"
	                                   "\"samples_per_second\":100.5,"));
	ck_assert_ptr_nonnull(strstr(text, "\"loss\":\"NaN\""));
	/* one seventh as f32, no digits more */
	ck_assert_ptr_nonnull(strstr(text, "\"loss\":0.14285715,"));
	free(text);
	ck_assert_int_eq(count_events(), 10);
	/* The process died while line 10 was written, the newest checkpoint is of step 5. */
	FILE *f = fopen(path, "a");
	fputs("{\"step\":10,\"lo", f);
	fclose(f);
	ck_assert_int_eq(log_open(folder, &r, true, 5, &l), OK);
	ck_assert_int_eq(count_lines(path, &text), 5);
	free(text);
	ck_assert_int_eq(count_events(), 6);
	log_steps(l, 6, 7);
	ck_assert_int_eq(log_close(l), OK);
	ck_assert_int_eq(count_lines(path, &text), 7);
	free(text);
	ck_assert_int_eq(count_events(), 8);
	/* Not resumed: a new log. */
	ck_assert_int_eq(log_open(folder, &r, false, 0, &l), OK);
	ck_assert_int_eq(log_close(l), OK);
	ck_assert_int_eq(count_lines(path, &text), 0);
	free(text);
	ck_assert_int_eq(count_events(), 1);
}
END_TEST

START_TEST(log_refuses)
{
	Log   *l;
	Recipe r = {0};
	FILE  *f = fopen(in_folder("log.jsonl"), "w");
	fputs("{\"step\":1}\n{\"step\":}\n{\"step\":3}\n", f);
	fclose(f);
	ck_assert_int_eq(log_open(folder, &r, true, 3, &l), FAIL);
	ck_said("log.jsonl:2: not a line of a log");
	ck_assert_int_eq(log_open("/proc/nowhere", &r, false, 0, &l), FAIL);
	ck_said("/proc/nowhere");
}
END_TEST

START_TEST(json_numbers)
{
	const struct {
		double      x;
		const char *text;
	} known[] = {{0, "0"},
	             {1, "1"},
	             {0.1f, "0.1"},
	             {0.1, "0.1"},
	             {1.0 / 3, "0.3333333333333333"},
	             {1e-8f, "1e-08"},
	             {-INFINITY, "\"-Infinity\""},
	             {1234567, "1234567"}};
	for (int i = 0; i < COUNT(known); i++) {
		Text t = {0};
		json_number(&t, known[i].x);
		ck_assert_str_eq(t.at, known[i].text);
		text_free(&t);
	}
}
END_TEST

/* ---- report --------------------------------------------------------------------------------- */

static void
put_file(const char *name, const char *text)
{
	ck_assert_int_eq(file_write_atomic(in_folder(name), text, strlen(text)), OK);
}

START_TEST(report_page)
{
	Variable v = {
		.name = "block[0].up", .kind = VAR_param, .type = {DT_f32, 1, {{"D", 12345}}}};
	Program p = {.recipe = {.spec_name = "tiny<&>", .spec_hash = "abc", .nvar = 1, .var = &v},
	             .target = "cpu"};
	ck_assert_int_eq(report_write(folder, &p), FAIL);
	ck_said("there is no");
	Log *l;
	ck_assert_int_eq(log_open(folder, &p.recipe, false, 0, &l), OK);
	log_steps(l, 1, 700);
	ck_assert_int_eq(log_close(l), OK);
	put_file("eval.json", "{\"rows\":[{\"encoder\":\"teacher\",\"metric\":\"k-NN\",\"value\":0."
	                      "8125,\"lo\":0.8,\"hi\":0.82}]}");
	ck_assert_int_eq(report_write(folder, &p), OK);
	char  *html;
	size_t n;
	ck_assert_int_eq(file_read(in_folder("report.html"), &html, &n), OK);
	const char *there[] = {
		"tiny&lt;&amp;&gt;", "12,345", "block[..]",
		"81.25 %",           "<svg",   "1 value of loss was not finite, first at step 3"};
	for (int i = 0; i < COUNT(there); i++)
		ck_assert_msg(strstr(html, there[i]) != NULL, "no %s", there[i]);
	const char *absent[] = {"tiny<", "src=", "href=", "@import", "url(", "nan,", "inf,"};
	for (int i = 0; i < COUNT(absent); i++)
		ck_assert_msg(strstr(html, absent[i]) == NULL, "%s", absent[i]);
	free(html);
	put_file("eval.json", "{\"rows\":[{\"encoder\":\"teacher\"}]}");
	ck_assert_int_eq(report_write(folder, &p), FAIL);
	ck_said("lacks `encoder`, `metric` or `value`");
	put_file("eval.json", "[");
	ck_assert_int_eq(report_write(folder, &p), FAIL);
	ck_said("not JSON");
	put_file("eval.json", "{\"rows\":[]}");
	put_file("log.jsonl", ""); /* a run that has just begun */
	ck_assert_int_eq(report_write(folder, &p), OK);
	/* one line, nothing to draw for one value */
	put_file("log.jsonl", "{\"step\":1,\"loss\":\"NaN\",\"lr\":1e-5}\n");
	ck_assert_int_eq(report_write(folder, &p), OK);
	put_file("log.jsonl", "nonsense\n");
	ck_assert_int_eq(report_write(folder, &p), FAIL);
	ck_said("log.jsonl:1: not a line of a log");
}
END_TEST

Suite *
suite_files(void)
{
	Suite *s = suite_create("files");
	TCase *t = tcase_create("files");
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, st_round_trip);
	tcase_add_test(t, st_empty);
	tcase_add_test(t, st_write_refuses);
	tcase_add_test(t, st_truncated);
	tcase_add_test(t, st_refusals);
	tcase_add_test(t, st_length);
	tcase_add_test(t, st_damaged);
	tcase_add_test(t, crc_known);
	tcase_add_test(t, event_frames);
	tcase_add_test(t, log_resume);
	tcase_add_test(t, log_refuses);
	tcase_add_test(t, json_numbers);
	tcase_add_test(t, report_page);
	suite_add_tcase(s, t);
	return s;
}
