/* The emulate device on kernels written by hand (emulate_kernels.cu): what emulate.h provides
 * against plain loops, in every order; every mistake it should tell of, made. Needs d2v-emulate.so
 * beside the test runner, and a C++ compiler. */
#include "compiler/base/base.h"
#include "runtime/runtime.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_emulate(void);

__asm__(".pushsection .rodata\n"
        "emulate_kernels:\n"
        ".incbin \"tests/unit/emulate_kernels.cu\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char emulate_kernels[];

/* ---- a program with an entry for each kernel ------------------------------------------------ */

enum { X, Y };
enum { ROOM = 4096 }; /* bytes of each slab */

#define IN(o, n)                                                                                   \
	{                                                                                          \
		.kind = ARG_pointer, .slab = X, .offset = o, .access = ACCESS_read, .extent = {    \
			n,                                                                         \
			1,                                                                         \
			0                                                                          \
		}                                                                                  \
	}
#define OUT(o, n)                                                                                  \
	{                                                                                          \
		.kind = ARG_pointer, .slab = Y, .offset = o, .access = ACCESS_write, .extent = {   \
			n,                                                                         \
			1,                                                                         \
			0                                                                          \
		}                                                                                  \
	}
#define BOTH(o, n)                                                                                 \
	{                                                                                          \
		.kind = ARG_pointer, .slab = Y, .offset = o, .access = ACCESS_update, .extent = {  \
			n,                                                                         \
			1,                                                                         \
			0                                                                          \
		}                                                                                  \
	}
#define I64(v)                                                                                     \
	{                                                                                          \
		.kind = ARG_i64, .i = v                                                            \
	}

static const struct {
	const char *entry, *kernel;
	int         block;
	int64_t     shared, grid, per_block;
	int         narg;
	Arg         arg[5];
} cases[] = {
	{"count", "count", 128, 0, 0, 256, 3, {OUT(0, 3600), OUT(3600, 16), I64(900)}},
	{"numbers",
         "numbers",
         1,
         0,
         1,
         0,
         5,
         {{.kind = ARG_f32, .f = 0.25},
          OUT(0, 24),
          I64(-7),
          IN(64, 4),
          {.kind = ARG_u64, .u = 0x123456789abcdef0}}},
	{"rows", "rows", 128, 0, 3, 0, 2, {OUT(0, 1536), IN(0, 1536)}},
	{"no_barrier", "no_barrier", 128, 0, 3, 0, 2, {OUT(0, 1536), IN(0, 1536)}},
	{"shuffles", "shuffles", 32, 0, 1, 0, 1, {OUT(0, 512)}},
	{"matrices", "matrices", 32, 512, 1, 0, 2, {OUT(0, 1536), IN(0, 512)}},
	{"product", "product", 32, 0, 1, 0, 3, {BOTH(0, 512), IN(0, 512), IN(512, 256)}},
	{"copies", "copies", 32, 0, 1, 0, 2, {OUT(0, 384), IN(0, 1024)}},
	{"copy_crooked", "copy_crooked", 32, 0, 1, 0, 1, {IN(0, 512)}},
	{"copy_to_global", "copy_to_global", 32, 0, 1, 0, 2, {OUT(0, 16), IN(0, 16)}},
	{"divergent", "divergent", 64, 0, 2, 0, 1, {OUT(0, 256)}},
	{"two_barriers", "two_barriers", 64, 0, 2, 0, 1, {OUT(0, 256)}},
	{"lane_missing", "lane_missing", 64, 0, 2, 0, 1, {OUT(0, 256)}},
	{"half_warp", "half_warp", 48, 0, 1, 0, 2, {OUT(0, 192), I64(0)}},
	{"half_warp_shuffle", "half_warp", 48, 0, 2, 0, 2, {OUT(0, 192), I64(1)}},
	{"unfilled", "unfilled", 32, 128, 3, 0, 1, {OUT(0, 768)}},
	{"in_shared", "beyond_shared", 32, 128, 3, 0, 2, {OUT(0, 4), I64(31)}},
	{"beyond_shared", "beyond_shared", 32, 128, 3, 0, 2, {OUT(0, 4), I64(32)}},
	{"poke_in", "poke", 1, 0, 1, 0, 2, {BOTH(64, 16), I64(3)}},
	{"poke_out", "poke", 1, 0, 1, 0, 2, {BOTH(64, 16), I64(4)}},
	{"poke_far", "poke", 1, 0, 1, 0, 2, {BOTH(64, 16), I64((int64_t)1 << 40)}},
	{"peek_in", "peek", 1, 0, 1, 0, 3, {OUT(0, 4), IN(64, 16), I64(3)}},
	{"peek_out", "peek", 1, 0, 1, 0, 3, {OUT(0, 4), IN(64, 16), I64(4)}},
	{"race", "race", 64, 0, 1, 0, 1, {OUT(0, 4)}},
	{"race_alike", "race_alike", 64, 0, 1, 0, 1, {OUT(0, 4)}},
	{"blocks_meet", "blocks_meet", 32, 0, 2, 0, 2, {BOTH(0, 260), IN(0, 128)}},
	{"blocks_read", "blocks_read", 1, 0, 3, 0, 1, {BOTH(0, 12)}},
	{"in_step", "in_step", 32, 0, 1, 0, 1, {OUT(0, 128)}},
	{"fetch_right", "fetch_right", 32, 0, 1, 0, 2, {BOTH(0, 128), IN(0, 512)}},
	{"fetch_alone", "fetch_alone", 32, 0, 1, 0, 2, {OUT(0, 128), IN(0, 512)}},
	{"fetch_early", "fetch_early", 32, 0, 1, 0, 2, {OUT(0, 128), IN(0, 512)}},
	{"matrix_early", "matrix_early", 32, 0, 1, 0, 2, {OUT(0, 512), IN(0, 512)}},
	{"some", "some", 16, 0, 1, 0, 1, {OUT(0, 124)}},
	{"some_less", "some", 16, 0, 1, 0, 1, {OUT(0, 128)}},
	{"some_rows",
         "some",
         16,
         0,
         1,
         0,
         1,
         {{.kind = ARG_pointer, .slab = Y, .access = ACCESS_write, .extent = {4, 16, 8}}}},
	{"some_rows_less",
         "some",
         16,
         0,
         1,
         0,
         1,
         {{.kind = ARG_pointer, .slab = Y, .access = ACCESS_write, .extent = {5, 16, 8}}}},
};

typedef struct {
	char          folder[SCRATCH + 16];
	Program       p;
	ProgSlab      slab[2];
	Kernel        kernel[COUNT(cases)];
	ProgStep      step[COUNT(cases)];
	Entry         entry[COUNT(cases)];
	const Device *device;
	Dev          *dev;
} Fixture;

static Fixture fx;
static char   *said;
static FILE   *said_file;
static size_t  said_bytes;
static char    cache[SCRATCH];

static int
kernel_index(const char *name)
{
	int k = 0;
	while (k < fx.p.nkernel && strcmp(fx.kernel[k].name, name) != 0)
		k++;
	return k;
}

static void
program_make(void)
{
	memset(&fx, 0, sizeof fx);
	fx.slab[X] = (ProgSlab){"x", ROOM};
	fx.slab[Y] = (ProgSlab){"y", ROOM};
	fx.p.target = "cuda";
	fx.p.needs = "";
	fx.p.nslab = 2;
	fx.p.slab = fx.slab;
	fx.p.kernel = fx.kernel;
	fx.p.entry = fx.entry;
	fx.p.nentry = COUNT(cases);
	for (int i = 0; i < COUNT(cases); i++) {
		int k = kernel_index(cases[i].kernel);
		if (k == fx.p.nkernel)
			fx.kernel[fx.p.nkernel++] = (Kernel){.name = cases[i].kernel,
			                                     .file = "all.cu",
			                                     .block = cases[i].block,
			                                     .shared = cases[i].shared,
			                                     .grid = cases[i].grid,
			                                     .per_block = cases[i].per_block};
		fx.step[i] = (ProgStep){.kind = STEP_launch,
		                        .kernel = k,
		                        .narg = cases[i].narg,
		                        .arg = (Arg *)cases[i].arg,
		                        .what = "forward"};
		fx.entry[i] = (Entry){.name = cases[i].entry, .nstep = 1, .step = &fx.step[i]};
	}
}

static void
setup_all(void)
{
	scratch_folder(cache, "emulate");
}

static void
teardown_all(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", cache);
	ck_assert(system(command) == 0);
}

static void
setup(void)
{
	unsetenv("D2V_EMULATE_ORDER");
	unsetenv("D2V_EMULATE_CHECK");
	program_make();
	snprintf(fx.folder, sizeof fx.folder, "%s/program", cache);
	ck_assert(file_make_dirs(intern_printf("%s/kernels", fx.folder)) == OK);
	ck_assert(file_write_atomic(intern_printf("%s/kernels/all.cu", fx.folder), emulate_kernels,
	                            strlen(emulate_kernels)) == OK);
	ck_assert(device_load("emulate", &fx.device) == OK);
	said_file = open_memstream(&said, &said_bytes);
	diag_sink(said_file);
}

static void
reopen(void)
{
	if (fx.dev)
		fx.device->close(fx.dev);
	diag_reset();
	Status s = fx.device->open(&fx.dev, &fx.p, fx.folder, cache);
	ck_assert_msg(s == OK, "%s", said);
}

static void
teardown(void)
{
	if (fx.dev)
		fx.device->close(fx.dev);
	diag_sink(NULL);
	diag_reset();
	fclose(said_file);
	free(said);
}

/* x is 0, 1, 2 .. as f32; y is -1. */
static Status
run(const char *entry)
{
	float x[ROOM / 4], y[ROOM / 4];
	for (int i = 0; i < ROOM / 4; i++) {
		x[i] = (float)i;
		y[i] = -1;
	}
	if (fx.dev == NULL)
		reopen();
	ck_assert(fx.device->put(fx.dev, X, 0, x, ROOM) == OK);
	ck_assert(fx.device->put(fx.dev, Y, 0, y, ROOM) == OK);
	for (int i = 0; i < COUNT(cases); i++)
		if (strcmp(cases[i].entry, entry) == 0)
			return fx.device->run(fx.dev, &fx.entry[i]);
	ck_abort_msg("no entry %s", entry);
	return FAIL;
}

static void
works(const char *entry, void *y)
{
	Status s = run(entry);
	ck_assert_msg(s == OK, "%s: %s", entry, said);
	ck_assert(fx.device->get(fx.dev, Y, 0, y, ROOM) == OK);
}

/* The launch must fail and say all of these, up to a NULL. */
static void
fails(const char *entry, const char *const *word)
{
	diag_reset();
	Status s = run(entry);
	ck_assert_msg(s == FAIL, "%s went through", entry);
	for (; *word; word++)
		ck_assert_msg(strstr(said, *word) != NULL, "%s: `%s` is not in: %s", entry, *word,
		              said);
}
#define FAILS(entry, ...) fails(entry, (const char *const[]){__VA_ARGS__, NULL})

/* ---- what is right -------------------------------------------------------------------------- */

static const char *const orders[] = {"forward",   "reverse",    "shuffle",
                                     "shuffle:1", "shuffle:99", ""};

START_TEST(right_in_every_order)
{
	static const char *const right[] = {"count",    "numbers", "rows",      "shuffles",
	                                    "matrices", "copies",  "half_warp", "unfilled",
	                                    "some",     "product"};
	static unsigned char     first[COUNT(right)][ROOM], y[ROOM];
	for (int checked = 0; checked < 2; checked++) {
		setenv("D2V_EMULATE_CHECK", checked ? "1" : "0", 1);
		reopen();
		for (int o = 0; o < COUNT(orders); o++) {
			setenv("D2V_EMULATE_ORDER", orders[o], 1);
			for (int i = 0; i < COUNT(right); i++) {
				works(right[i], y);
				if (!checked && o == 0)
					memcpy(first[i], y, ROOM);
				ck_assert_msg(memcmp(first[i], y, ROOM) == 0, "%s, %s", right[i],
				              orders[o]);
			}
		}
	}
}
END_TEST

START_TEST(grids)
{
	float y[ROOM / 4];
	works("count", y);
	for (int i = 0; i < 900; i++)
		ck_assert(y[i] == (float)i);
	for (int i = 900; i < 904; i++)
		ck_assert(y[i] == 4); /* blocks of 256 */
	ck_assert(y[904] == -1);
}
END_TEST

START_TEST(arguments)
{
	double y[ROOM / 8];
	works("numbers", y);
	ck_assert(y[0] == 16.25 && y[1] == -7 && y[2] == 0x12345678);
}
END_TEST

START_TEST(barriers)
{
	float y[ROOM / 4];
	works("rows", y);
	for (int i = 0; i < 384; i++)
		ck_assert(y[i] == (float)(i / 128 * 128 * 128 + 127 * 64));
	works("half_warp", y);
	for (int i = 0; i < 48; i++)
		ck_assert(y[i] == (float)(47 - i));
}
END_TEST

START_TEST(shuffles)
{
	uint32_t y[ROOM / 4];
	works("shuffles", y);
	for (uint32_t t = 0; t < 32; t++) {
		ck_assert(y[t] == (t * 7 + 1) % 32 * 3);
		ck_assert(y[32 + t] == (t ^ 5));
		ck_assert(y[64 + t] == 9 && y[96 + t] == t);
	}
}
END_TEST

/* Halves (row, col) and (row, col + 1), or transposed, of matrix j, which is 8 by 8 halves, row by
 * row. */
static uint32_t
fragment(const uint16_t *x, int j, int t, bool trans)
{
	int at = trans ? 64 * j + t % 4 * 16 + t / 4 : 64 * j + t / 4 * 8 + t % 4 * 2;
	return x[at] | (uint32_t)x[at + (trans ? 8 : 1)] << 16;
}

START_TEST(ldmatrix)
{
	uint32_t y[ROOM / 4];
	float    numbers[128];
	uint16_t x[256];
	for (int i = 0; i < 128; i++)
		numbers[i] = (float)i;
	memcpy(x, numbers, sizeof x);
	works("matrices", y);
	for (int t = 0; t < 32; t++) {
		for (int j = 0; j < 4; j++) {
			ck_assert(y[4 * t + j] == fragment(x, j, t, false));
			ck_assert(y[128 + 4 * t + j] == fragment(x, j, t, true));
		}
		for (int j = 0; j < 2; j++) {
			ck_assert(y[256 + 2 * t + j] == fragment(x, j, t, false));
			ck_assert(y[320 + 2 * t + j] == fragment(x, j, t, true));
		}
	}
}
END_TEST

START_TEST(mma)
{
	uint16_t a[16][16], b[16][8];
	float    y[16][8];
	for (int i = 0; i < 16; i++) {
		for (int k = 0; k < 16; k++)
			a[i][k] = f32_to_bf16((float)(i * 5 % 7 - k * 3 % 11) / 4);
		for (int n = 0; n < 8; n++) {
			b[i][n] = f32_to_bf16((float)(i * 7 % 5 - n * 2 % 9) / 8);
			y[i][n] = (float)(i - n);
		}
	}
	reopen();
	ck_assert(fx.device->put(fx.dev, X, 0, a, sizeof a) == OK);
	ck_assert(fx.device->put(fx.dev, X, 512, b, sizeof b) == OK);
	ck_assert(fx.device->put(fx.dev, Y, 0, y, sizeof y) == OK);
	ck_assert(fx.device->run(fx.dev, program_entry(&fx.p, "product")) == OK);
	ck_assert(fx.device->get(fx.dev, Y, 0, y, sizeof y) == OK);
	for (int m = 0; m < 16; m++)
		for (int n = 0; n < 8; n++) {
			float sum = (float)(m - n); /* all of this is exact */
			for (int k = 0; k < 16; k++)
				sum += bf16_to_f32(a[m][k]) * bf16_to_f32(b[k][n]);
			ck_assert_msg(y[m][n] == sum, "%d %d: %g, not %g", m, n, (double)y[m][n],
			              (double)sum);
		}
}
END_TEST

START_TEST(copies)
{
	float y[ROOM / 4];
	works("copies", y);
	for (int t = 0; t < 32; t++) {
		ck_assert(y[t] == (float)((4 * t + 5) % 128));
		ck_assert(isnan(y[32 + t])); /* has not landed */
		ck_assert(y[64 + t] == (float)(128 + (4 * t + 5) % 128));
	}
}
END_TEST

START_TEST(shared_is_nan)
{
	uint32_t y[ROOM / 4];
	works("unfilled", y);
	for (int i = 0; i < 192; i++)
		ck_assert(y[i] == 0xFFFFFFFF);
}
END_TEST

/* ---- what is wrong -------------------------------------------------------------------------- */

START_TEST(missing_barrier)
{
	float forward[ROOM / 4], reverse[ROOM / 4];
	works("no_barrier", forward);
	setenv("D2V_EMULATE_ORDER", "reverse", 1);
	works("no_barrier", reverse);
	ck_assert(memcmp(forward, reverse, sizeof forward) != 0);
	unsetenv("D2V_EMULATE_ORDER");
#ifdef __SANITIZE_ADDRESS__ /* nobody watches */
	setenv("D2V_EMULATE_CHECK", "1", 1);
	reopen();
	FAILS("no_barrier", "kernel no_barrier", "y+", "order of its threads", "[emulate-read]");
	FAILS("race", "kernel race", "y+", "order of its threads");
#endif
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
/* Every conflict, with the lines of both; the order in which threads run finds some of these and not others. */
START_TEST(conflicts)
{
	setenv("D2V_EMULATE_CHECK", "1", 1);
	reopen();
	FAILS("no_barrier", "kernel no_barrier, block 0, thread 1: reads shared memory+0 (",
	      ".cu:", "wrote (", "there is no barrier between");
	FAILS("race", "thread 1: writes y+0 (", "which thread 0 wrote (",
	      "there is no barrier between");
	FAILS("race_alike", "thread 1: writes y+0 (", "which thread 0 wrote (");
	FAILS("blocks_meet", "thread 1: writes y+0 (", "which thread 0 wrote (");
	FAILS("blocks_read", "block 1, thread 0: writes y+4 (", "which another block read (",
	      "blocks have no order");
	FAILS("in_step", "thread 0: reads shared memory+124 (", "which thread 31 wrote (");
	FAILS("fetch_alone", "thread 1: writes shared memory+20 (", "which thread 0 read (");
	FAILS("fetch_early", "shared memory+", "there is no barrier between");
	FAILS("matrix_early", "thread 0: reads shared memory+", "wrote (");
	float y[ROOM / 4];
	works("fetch_right", y);
	works("rows", y);
}
END_TEST
#endif

START_TEST(divergence)
{
	FAILS("divergent", "kernel divergent, block 0: thread 32 waits at the barrier of line",
	      "thread 40 has ended");
	FAILS("two_barriers", "kernel two_barriers, block 0: thread 0 waits at the barrier of line",
	      "thread 32 waits at the barrier of line");
	FAILS("lane_missing", "kernel lane_missing, block 0: thread 0 waits at the shuffle of line",
	      "thread 7 has ended");
	FAILS("half_warp_shuffle", "thread 32 waits at the shuffle of line", "only 16 threads");
	float y[ROOM / 4];
	works("rows", y); /* the device still works */
	ck_assert(y[0] == 127 * 64);
}
END_TEST

START_TEST(bad_addresses)
{
	FAILS("copy_crooked",
	      "kernel copy_crooked, block 0, thread 1: the asynchronous copy of line",
	      "16-byte aligned");
	FAILS("copy_to_global", "goes to memory that is not shared");
}
END_TEST

START_TEST(extents)
{
	float y[ROOM / 4];
	setenv("D2V_EMULATE_CHECK", "1", 1);
	works("poke_in", y);
	ck_assert(y[19] == 1 && y[18] == -1);
	works("peek_in", y);
	ck_assert(y[0] == 19);
	works("in_shared", y);
	for (int form = 0; form < 2; form++) {
		works(form ? "some_rows" : "some", y);
		for (int i = 0; i < 32; i++)
			ck_assert(y[i] == (i % 2 ? -1 : 5));
	}
	FAILS("some_less", "kernel some does not write y+127", "[emulate-write]");
	FAILS("some_rows_less", "kernel some does not write y+4", "[emulate-write]");
}
END_TEST

/* With ASan these end the process, which is a test of its own each, and say so at length; without,
 * they are sentences. */
static void
without_report(void)
{
#ifdef __SANITIZE_ADDRESS__
	ck_assert(freopen("/dev/null", "w", stderr) != NULL);
#endif
}

START_TEST(poke_out)
{
	without_report();
	setenv("D2V_EMULATE_CHECK", "1", 1);
	FAILS("poke_out", "kernel poke writes y+80", "[emulate-write]");
}
END_TEST
START_TEST(peek_out)
{
	without_report();
	setenv("D2V_EMULATE_CHECK", "1", 1);
	FAILS("peek_out", "kernel peek leaves at y+0", "[emulate-read]");
}
END_TEST
START_TEST(poke_far)
{
	without_report();
	FAILS("poke_far", "kernel poke, block 0, thread 0: touches address");
}
END_TEST
START_TEST(beyond_shared)
{
	without_report();
	FAILS("beyond_shared",
	      "kernel beyond_shared, block 0: was written 0 bytes behind the 128 bytes");
}
END_TEST

static void
does_not_open(const char *word)
{
	diag_reset();
	ck_assert(fx.device->open(&fx.dev, &fx.p, fx.folder, cache) == FAIL);
	ck_assert_msg(strstr(said, word) != NULL, "`%s` is not in: %s", word, said);
}

START_TEST(refusals)
{
	const Device *cpu;
	Arg           strange[5];
	setenv("D2V_EMULATE_ORDER", "sideways", 1);
	FAILS("rows", "D2V_EMULATE_ORDER is forward, reverse or shuffle[:SEED], not `sideways`");
	fx.device->close(fx.dev);
	fx.dev = NULL;
	unsetenv("D2V_EMULATE_ORDER");
	setenv("D2V_EMULATE_CHECK", "yes", 1);
	does_not_open("D2V_EMULATE_CHECK is 0 or 1, not `yes`");
	unsetenv("D2V_EMULATE_CHECK");
	memcpy(strange, cases[14].arg, sizeof strange);
	strange[1].kind = ARG_f32;
	fx.step[14].arg = strange;
	does_not_open("launches of `half_warp` have different kinds of arguments");
	program_make();
	fx.kernel[0].per_block = 0;
	snprintf(fx.folder, sizeof fx.folder, "%s/program", cache);
	ck_assert(device_load("emulate", &fx.device) == OK);
	does_not_open("asks for 0 blocks of 128 threads");
	fx.p.target = "cpu";
	does_not_open("compiled for `cpu`; the device `emulate` runs programs compiled for `cuda`");
	fx.p.target = "cuda";
	ck_assert(device_load("cpu", &cpu) == OK);
	ck_assert(cpu->open(&fx.dev, &fx.p, fx.folder, cache) == FAIL);
	ck_assert(strstr(said, "compiled for `cuda`") != NULL);
}
END_TEST

Suite *
suite_emulate(void)
{
	Suite *s = suite_create("emulate");
	TCase *t = tcase_create("emulate");
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120); /* the first one compiles */
	tcase_add_unchecked_fixture(t, setup_all, teardown_all);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, right_in_every_order);
	tcase_add_test(t, grids);
	tcase_add_test(t, arguments);
	tcase_add_test(t, barriers);
	tcase_add_test(t, shuffles);
	tcase_add_test(t, ldmatrix);
	tcase_add_test(t, mma);
	tcase_add_test(t, copies);
	tcase_add_test(t, shared_is_nan);
	tcase_add_test(t, missing_barrier);
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(t, conflicts);
#endif
	tcase_add_test(t, divergence);
	tcase_add_test(t, bad_addresses);
	tcase_add_test(t, extents);
	tcase_add_test(t, refusals);
#ifdef __SANITIZE_ADDRESS__
	tcase_add_exit_test(t, poke_out, 1);
	tcase_add_exit_test(t, peek_out, 1);
	tcase_add_exit_test(t, poke_far, 1);
	tcase_add_exit_test(t, beyond_shared, 1);
#else
	tcase_add_test(t, poke_out);
	tcase_add_test(t, peek_out);
	tcase_add_test(t, poke_far);
	tcase_add_test(t, beyond_shared);
#endif
	return s;
}
