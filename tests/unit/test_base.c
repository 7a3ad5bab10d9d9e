/* base: arenas, text, messages, files, types, random numbers. */
#include "compiler/base/base.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_base(void);

/* ---- arena, text ---------------------------------------------------------------------------- */

START_TEST(arena_pieces)
{
	Arena *a = arena_new();
	for (int round = 0; round < 3; round++) {
		for (size_t n = 0; n < 3000; n += 7) {
			unsigned char *p = arena_alloc(a, n);
			ck_assert((uintptr_t)p % 16 == 0);
			size_t zeros = 0;
			while (zeros < n && p[zeros] == 0)
				zeros++;
			ck_assert(zeros == n);
			memset(p, 0xff, n);
		}
		memset(arena_alloc(a, 1 << 20), 1, 1 << 20);
		arena_reset(a);
	}
	ck_assert_str_eq(arena_printf(a, "%s-%d", "x", 7), "x-7");
	ck_assert_str_eq(arena_strndup(a, "abcdef", 3), "abc");
	Vec(int) v = {0};
	for (int i = 0; i < 1000; i++)
		vec_push(a, &v, i);
	ck_assert(v.n == 1000 && v.at[0] == 0 && v.at[999] == 999);
	arena_free(a);
	arena_free(NULL);
}
END_TEST

START_TEST(text_grows)
{
	Text t = {0};
	for (int i = 0; i < 1000; i++)
		text_printf(&t, "%d,", i);
	ck_assert(strlen(t.at) == t.n && t.n == 3890);
	text_free(&t);
	ck_assert(t.at == NULL && t.n == 0);
	ck_assert(intern("token") == intern_n("tokens", 5));
	ck_assert(intern_printf("block[%d]", 3) == intern("block[3]"));
	ck_assert(intern_n("a\0b", 3) == intern("a"));
	int apart = 0;
	for (int i = 0; i < 5000; i++)
		apart += intern_printf("name%d", i) != intern_printf("name%d", i);
	ck_assert_int_eq(apart, 0);
}
END_TEST

START_TEST(numbers_as_text)
{
	static const struct {
		double      x;
		const char *text;
	} cases[] = {{0, "0"},
	             {-0.0, "-0"},
	             {1, "1"},
	             {0.1, "0.1"},
	             {1e-8, "1e-8"},
	             {1e20, "1e20"},
	             {100000, "100000"},
	             {2e-3, "0.002"},
	             {1.0 / 3, "0.3333333333333333"},
	             {1e6, "1e6"},
	             {12345678, "12345678"},
	             {-2.5, "-2.5"},
	             {5e-324, "5e-324"},
	             {1.7976931348623157e308, "1.7976931348623157e308"},
	             {HUGE_VAL, "inf"},
	             {-HUGE_VAL, "-inf"},
	             {(double)0.1f, "0.10000000149011612"}};
	char out[32];
	for (int i = 0; i < COUNT(cases); i++)
		ck_assert_str_eq(text_double(out, cases[i].x), cases[i].text);
	ck_assert_str_eq(text_double(out, NAN), "nan");
	Stream s = stream_open(3, "doubles", 0, 0);
	for (int i = 0; i < 2000; i++) {
		uint64_t bits = (uint64_t)stream_u32(&s) << 32 | stream_u32(&s);
		double   x, y;
		memcpy(&x, &bits, sizeof x);
		if (isnan(x))
			continue;
		y = strtod(text_double(out, x), NULL);
		ck_assert(memcmp(&x, &y, sizeof x) == 0);
		float f = (float)stream_uniform(&s);
		ck_assert(strtof(text_double(out, (double)f), NULL) == f);
	}
}
END_TEST

/* Any part of a stream is what it gives one by one. */
START_TEST(stream_parts)
{
	enum { MOST = 1000 };
	static const struct {
		int64_t first, n;
	} part[] = {{0, 1}, {0, 128}, {0, MOST}, {1, 1}, {1, 127}, {127, 3}, {333, 500}, {128, 0}};
	double one[MOST], some[MOST];
	Stream s = stream_open(11, "parts", 5, 2);
	for (int i = 0; i < MOST; i++)
		one[i] = stream_uniform(&s);
	for (int i = 0; i < COUNT(part); i++) {
		Stream fresh = stream_open(11, "parts", 5, 2);
		stream_uniforms(&fresh, part[i].first, part[i].n, some);
		ck_assert(memcmp(some, one + part[i].first, sizeof *some * (size_t)part[i].n) == 0);
		stream_skip(&fresh, part[i].first);
		ck_assert(stream_uniform(&fresh) == one[part[i].first]);
	}
}
END_TEST

START_TEST(did_you_mean)
{
	static const char *const words[] = {"standardise", "softmax", "smooth_l1", "T",
	                                    "N",           "Gy",      "gelu"};
	static const char *const cases[][2] = {{"standardize", "standardise"},
	                                       {"sotfmax", "softmax"},
	                                       {"smooth_11", "smooth_l1"},
	                                       {"t", "T"},
	                                       {"Q", NULL},
	                                       {"gy", "Gy"},
	                                       {"Gx", NULL},
	                                       {"glu", "gelu"},
	                                       {"attention", NULL},
	                                       {"", NULL}};
	for (int i = 0; i < COUNT(cases); i++) {
		const char *found = text_nearest(cases[i][0], words, COUNT(words));
		ck_assert_msg(cases[i][1] ? found && strcmp(found, cases[i][1]) == 0 : !found,
		              "%s: %s", cases[i][0], found ? found : "nothing");
	}
}
END_TEST

/* ---- messages ------------------------------------------------------------------------------- */

static char  *said;
static size_t said_bytes;
static FILE  *said_file;

static void
quiet_on(void)
{
	diag_reset();
	said_file = open_memstream(&said, &said_bytes);
	diag_sink(said_file);
}

static void
quiet_off(void)
{
	diag_sink(NULL);
	diag_format(DIAG_TEXT);
	fclose(said_file);
}

START_TEST(message_text)
{
	const char *f = intern("vit.d2v");
	diag_source(f, "dim D = 4;\n\tlet é : x = tokens + q;\nlast");
	quiet_on();
	ck_assert(diag_error((Loc){f, 2, 16, 22}, "axes-differ", "`%s` joins", "+") == FAIL);
	diag_note((Loc){f, 1, 5, 6}, "declared here");
	diag_hint("keep only the patches");
	diag_error((Loc){f, 2, 16, 22}, "other", "said twice");
	diag_note((Loc){f, 1, 5, 6}, "dropped with its error");
	diag_error((Loc){f, 3, 5, 0}, "syntax", "the file ends");
	diag_error((Loc){f, 9, 1, 2}, "syntax", "no such line");
	diag_warning((Loc){f, 2, 16, 22}, "lint", "careful");
	world_error("cannot", "the disk is %s", "full");
	ck_assert_int_eq(diag_errors(), 4);
	ck_assert_int_eq(diag_exit_code(), EXIT_USER);
	quiet_off();
	ck_assert_str_eq(said, "vit.d2v:2:16: error: `+` joins [axes-differ]\n"
	                       "    2 | \tlet é : x = tokens + q;\n"
	                       "      | \t             ^^^^^^\n"
	                       "vit.d2v:1:5: note: declared here\n"
	                       "    1 | dim D = 4;\n"
	                       "      |     ^\n"
	                       "help: keep only the patches\n"
	                       "vit.d2v:3:5: error: the file ends [syntax]\n"
	                       "    3 | last\n"
	                       "      |     ^\n"
	                       "vit.d2v:9:1: error: no such line [syntax]\n"
	                       "vit.d2v:2:16: warning: careful [lint]\n"
	                       "    2 | \tlet é : x = tokens + q;\n"
	                       "      | \t             ^^^^^^\n"
	                       "d2v: error: the disk is full [cannot]\n");
	free(said);
	diag_reset();
}
END_TEST

START_TEST(message_limits)
{
	const char *f = intern("many.d2v");
	quiet_on();
	for (int i = 1; i <= 30; i++)
		diag_error((Loc){f, i, 1, 0}, "wrong", "number %d", i);
	ck_assert_int_eq(diag_errors(), 30);
	quiet_off();
	ck_assert_ptr_nonnull(strstr(said, "number 20 [wrong]\nmany.d2v: note: more errors were "
	                                   "found; only the first 20 are shown\n"));
	ck_assert_ptr_null(strstr(said, "number 21"));
	free(said);
	quiet_on();
	world_error("first", "first");
	ck_assert_int_eq(diag_exit_code(), EXIT_WORLD);
	diag_reset();
	ck_assert_int_eq(diag_exit_code(), EXIT_USER);
	user_error("first", "first");
	world_error("then", "then");
	ck_assert_int_eq(diag_exit_code(), EXIT_USER);
	quiet_off();
	free(said);
	diag_reset();
}
END_TEST

START_TEST(message_long_line)
{
	Text        line = {0};
	const char *f = intern("long.d2p");
	for (int i = 0; i < 1000; i++)
		text_printf(&line, "%d ", i);
	diag_source(f, line.at);
	quiet_on();
	diag_error((Loc){f, 1, 2001, 2004}, "wrong", "here");
	quiet_off();
	ck_assert(strlen(said) < 500);
	ck_assert_ptr_nonnull(strstr(said, "    1 | ..."));
	free(said);
	diag_source(f, "");
	text_free(&line);
	diag_reset();
}
END_TEST

START_TEST(message_json)
{
	quiet_on();
	diag_format(DIAG_JSON);
	diag_error((Loc){intern("a\"b.d2v"), 3, 4, 7}, "slug",
	           "tab\t nl\n quote\" back\\ bell\a ok é bad \xff\xc3");
	diag_hint("try");
	world_error("lost", "gone");
	quiet_off();
	ck_assert_str_eq(said,
	                 "{\"severity\": \"error\", \"slug\": \"slug\", \"file\": \"a\\\"b.d2v\", "
	                 "\"line\": 3, \"column\": 4, "
	                 "\"end_column\": 7, \"message\": \"tab\\t nl\\n quote\\\" back\\\\ "
	                 "bell\\u0007 ok é bad "
	                 "\\ufffd\\ufffd\"}\n"
	                 "{\"severity\": \"help\", \"message\": \"try\"}\n"
	                 "{\"severity\": \"error\", \"slug\": \"lost\", \"message\": \"gone\"}\n");
	free(said);
	diag_reset();
}
END_TEST

START_TEST(bug_aborts)
{
	fclose(stderr);
	bug_context = "fold";
	BUG("on purpose: %d", 1);
}
END_TEST

/* ---- files, hashes -------------------------------------------------------------------------- */

START_TEST(files)
{
	char   folder[SCRATCH], path[SCRATCH + 16], *text;
	size_t n;
	scratch_folder(folder, "base");
	snprintf(path, sizeof path, "%s/a//b/c", folder);
	ck_assert(file_make_dirs(path) == OK && file_make_dirs(path) == OK && file_exists(path));
	snprintf(path, sizeof path, "%s/a/b/c/f", folder);
	ck_assert(!file_exists(path));
	ck_assert(file_write_atomic(path, "old", 3) == OK &&
	          file_write_atomic(path, "n\0w", 3) == OK);
	ck_assert(file_read(path, &text, &n) == OK && n == 3 && memcmp(text, "n\0w", 4) == 0);
	free(text);
	quiet_on();
	ck_assert(file_make_dirs(path) == FAIL);
	ck_assert(file_read(folder, &text, &n) == FAIL);
	char *missing = "/tmp/d2v-no-such-file";
	ck_assert(file_read(missing, &text, &n) == FAIL);
	ck_assert(file_write_atomic("/tmp/d2v-no-such-folder/f", "", 0) == FAIL);
	quiet_off();
	ck_assert_ptr_nonnull(strstr(said, "cannot open `/tmp/d2v-no-such-file`: No such file or "
	                                   "directory [file-unreadable]\n"));
	free(said);
	diag_reset();
	char command[192];
	snprintf(command, sizeof command, "test \"$(ls %s/a/b/c)\" = f && rm -r %s", folder,
	         folder);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(hashes)
{
	char hex[33];
	hash_hex("", 0, hex); /* published value for no input */
	ck_assert_str_eq(hex, "99aa06d3014798d86001c324468d497f");
	ck_assert(hash_name("") == 0xef46db3751d8e999u);
	ck_assert(hash_name("a") == 0xd24ec4f1a98c6e5bu);
}
END_TEST

/* ---- types ---------------------------------------------------------------------------------- */

START_TEST(types)
{
	Type t = {DT_f32, 2, {{intern("B"), 8}, {intern("T"), 197}}},
	     u = {DT_i32, 2, {{intern("T"), 197}, {intern("B"), 8}}};
	Type none = {.dtype = DT_bool},
	     huge = {DT_f32, 2, {{intern("B"), INT64_MAX}, {intern("T"), 2}}};
	Text out = {0};
	type_print(&out, &t);
	ck_assert_str_eq(out.at, "f32[B:8, T:197]");
	text_free(&out);
	type_print(&out, &none);
	ck_assert_str_eq(out.at, "bool[]");
	text_free(&out);
	ck_assert(type_elems(&t) == 8 * 197 && type_bytes(&t) == 4 * 8 * 197 &&
	          type_bytes(&none) == 1);
	ck_assert(type_bytes(&huge) == INT64_MAX);
	ck_assert(type_find(&t, intern("T")) == 1 && type_find(&t, intern("D")) == -1);
	ck_assert(type_same_axes(&t, &u) && !type_same_axes(&t, &none));
}
END_TEST

static float
from_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

START_TEST(bf16)
{
	static const struct {
		uint32_t f32;
		uint16_t bf16;
	} cases[] = {{0, 0},
	             {0x80000000, 0x8000},
	             {0x3f800000, 0x3f80},
	             {0x3f808000, 0x3f80},
	             {0x3f818000, 0x3f82},
	             {0x3f808001, 0x3f81},
	             {0x3f817fff, 0x3f81},
	             {0x7f7fffff, 0x7f80},
	             {0x7f800000, 0x7f80},
	             {0xff800000, 0xff80},
	             {0x00000001, 0},
	             {0x00008001, 1}};
	for (int i = 0; i < COUNT(cases); i++)
		ck_assert_msg(f32_to_bf16(from_bits(cases[i].f32)) == cases[i].bf16, "%08x",
		              cases[i].f32);
	ck_assert(isnan(bf16_to_f32(f32_to_bf16(from_bits(0x7f800001)))));
	ck_assert(isnan(bf16_to_f32(f32_to_bf16(from_bits(0xffffffff)))));
	int changed = 0; /* each assertion costs a system call */
	for (uint32_t x = 0; x < 0x10000; x++)
		if (!isnan(bf16_to_f32((uint16_t)x)))
			changed += f32_to_bf16(bf16_to_f32((uint16_t)x)) != x;
	ck_assert_int_eq(changed, 0);
}
END_TEST

/* ---- random numbers ------------------------------------------------------------------------- */

/* Known answers published with Random123 for philox4x32 of 10 rounds. */
START_TEST(philox_known_answers)
{
	static const uint32_t cases[][10] = {
		{0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
	         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
	         0x94fdcceb, 0x5001e420, 0x24126ea1},
	};
	uint32_t out[4];
	for (int i = 0; i < COUNT(cases); i++) {
		philox4x32(cases[i], cases[i] + 4, out);
		ck_assert(memcmp(out, cases[i] + 6, sizeof out) == 0);
	}
}
END_TEST

START_TEST(streams)
{
	Stream   a = stream_open(1, "m", 5, 2), b = stream_open(1, "m", 5, 2);
	Stream   other[] = {stream_open(2, "m", 5, 2),
	                    stream_open(1, "n", 5, 2),
	                    stream_open(1, "m", 6, 2),
	                    stream_open(1, "m", 5, 3),
	                    stream_open(1ull << 32 | 1, "m", 5, 2),
	                    stream_open(1, "m", 1ull << 32 | 5, 2)};
	uint32_t first = stream_u32(&a);
	ck_assert(first == stream_u32(&b));
	for (int i = 0; i < COUNT(other); i++)
		ck_assert(stream_u32(&other[i]) != first);

	double sum = 0, squares = 0;
	int    count[7] = {0}, n = 70000, outside = 0;
	for (int i = 0; i < n; i++) {
		double x = stream_uniform(&a);
		outside += !(x >= 0 && x < 1);
		sum += x;
		squares += x * x;
		count[stream_int(&a, -3, 3) + 3]++;
		x = stream_between(&a, -2, 5);
		outside += !(x >= -2 && x < 5);
	}
	ck_assert_int_eq(outside, 0);
	ck_assert_double_eq_tol(sum / n, 0.5, 5 * sqrt(1.0 / 12 / n));
	ck_assert_double_eq_tol(squares / n, 1.0 / 3, 0.01);
	for (int i = 0; i < 7; i++)
		ck_assert_double_eq_tol(count[i], n / 7.0, 5 * sqrt(n / 7.0));
	ck_assert(stream_int(&a, 4, 4) == 4);
	stream_int(&a, INT64_MIN, INT64_MAX);
}
END_TEST

START_TEST(uniform_op)
{
	uint64_t site = hash_name("block[0].drop");
	uint32_t counter[4] = {10, 3, 7, 0}, key[2] = {42 ^ (uint32_t)site, (uint32_t)(site >> 32)},
		 out[4];
	philox4x32(counter, key, out);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert(philox_uniform(42, site, 7, 3, 40 + i) ==
		          (float)(out[i] >> 8) / 16777216);
}
END_TEST

Suite *
suite_base(void)
{
	const struct {
		const char  *name;
		const TTest *test[5];
	} cases[] = {
		{"text", {arena_pieces, text_grows, numbers_as_text, did_you_mean, NULL}},
		{"messages", {message_text, message_limits, message_long_line, message_json, NULL}},
		{"files", {files, hashes, NULL}},
		{"types", {types, bf16, NULL}},
		{"random", {philox_known_answers, streams, stream_parts, uniform_op, NULL}},
	};
	Suite *s = suite_create("base");
	for (int i = 0; i < COUNT(cases); i++) {
		TCase *c = tcase_create(cases[i].name);
		for (int j = 0; cases[i].test[j]; j++)
			tcase_add_test(c, cases[i].test[j]);
		suite_add_tcase(s, c);
	}
	TCase *bugs = tcase_create("bug");
	tcase_add_test_raise_signal(bugs, bug_aborts, 6);
	suite_add_tcase(s, bugs);
	return s;
}
