/* From kernel files to a loaded object: files that share a run of the compiler and files that
 * cannot, what the name of an object depends on, what is left in the cache folder, whose fault a
 * failure is. */
#include "compiler/base/base.h"
#include "runtime/runtime.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

Suite *suite_kernels(void);

static char folder[SCRATCH];

static const char *
path_of(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void
folder_make(void)
{
	scratch_folder(folder, "kernels");
	ck_assert(file_make_dirs(path_of("kernels")) == OK);
}

static void
folder_drop(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", folder);
	ck_assert(system(command) == 0);
}

static void
kernel_write(const char *name, const char *text)
{
	char inside[64];
	snprintf(inside, sizeof inside, "kernels/%s", name);
	ck_assert(file_write_atomic(path_of(inside), text, strlen(text)) == OK);
}

static void
prelude_write(int add)
{
	char text[256];
	snprintf(text, sizeof text,
	         "/* numbers */\n#ifndef PRELUDE\n#define PRELUDE\n"
	         "typedef union { double f; long long i; unsigned long long u; } Num;\n"
	         "#include \"deeper.h\"\nenum { ADD = %d };\n#endif\n",
	         add);
	kernel_write("prelude.h", text);
}

enum { MANY = 20 };

/* Kernel i adds `by` to element i of an array. */
static void
kernels_write(const char *by, const char *more)
{
	for (int i = 0; i < MANY; i++) {
		char name[16], text[512];
		snprintf(name, sizeof name, "k%02d.c", i);
		snprintf(text, sizeof text,
		         "#include \"prelude.h\" /* what all need */\n%s\n"
		         "void\nk%02d(void *const *p, const Num *n)\n{\n\t((int *)p[0])[%d] += %s "
		         "+ DEEPER;\n}\n",
		         more, i, i, by);
		kernel_write(name, text);
	}
}

static Program
many_program(void)
{
	static ProgSlab slab[1] = {{"all", 4 * MANY}};
	static Kernel   kernel[MANY];
	static Arg      arg[1] = {{.kind = ARG_pointer}};
	static ProgStep step[MANY];
	static Entry    entry[1];
	static char     name[MANY][8], file[MANY][8];
	for (int i = 0; i < MANY; i++) {
		snprintf(name[i], sizeof name[i], "k%02d", i);
		snprintf(file[i], sizeof file[i], "k%02d.c", i);
		kernel[i] = (Kernel){.name = name[i], .file = file[i]};
		step[i] = (ProgStep){.kind = STEP_launch, .kernel = i, .narg = 1, .arg = arg};
	}
	entry[0] = (Entry){.name = "train", .nstep = MANY, .step = step};
	return (Program){.target = "cpu",
	                 .nslab = 1,
	                 .slab = slab,
	                 .nkernel = MANY,
	                 .kernel = kernel,
	                 .nentry = 1,
	                 .entry = entry,
	                 .needs = ""};
}

/* Run all kernels once; every element is `expected` afterwards. */
static void
gives(int expected)
{
	const Device *d;
	Program       p = many_program();
	Dev          *dev;
	int           x[MANY];
	char          cache[256];
	ck_assert(device_load("cpu", &d) == OK);
	snprintf(cache, sizeof cache, "%s/cache", folder);
	ck_assert(d->open(&dev, &p, folder, cache) == OK);
	ck_assert(d->run(dev, &p.entry[0]) == OK);
	ck_assert(d->get(dev, 0, 0, x, sizeof x) == OK);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(x[i], expected);
	d->close(dev);
}

static int
entries(const char *pattern)
{
	glob_t g;
	int    n = glob(path_of(pattern), 0, NULL, &g) == 0 ? (int)g.gl_pathc : 0;
	globfree(&g);
	return n;
}

START_TEST(names)
{
	folder_make();
	kernel_write("deeper.h", "enum { DEEPER = 0 };\n");
	prelude_write(3);
	kernels_write("ADD", "");
	gives(3);
	gives(3);
	ck_assert_int_eq(entries("cache/*"), 1);
	prelude_write(4); /* what kernels include is edited */
	gives(4);
	kernel_write("deeper.h", "enum { DEEPER = 10 };\n");
	gives(14);
	setenv("D2V_CFLAGS", "-DDEEPER=20 -include stdint.h", 1);
	kernel_write("deeper.h", "");
	gives(24);
	unsetenv("D2V_CFLAGS");
	ck_assert_int_eq(entries("cache/*"), 4);
	folder_drop();
}
END_TEST

/* An object that is found is used: a cache that is full lets go of others first. */
START_TEST(touched)
{
	static const struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
	struct stat                  s;
	glob_t                       g;
	folder_make();
	kernel_write("deeper.h", "enum { DEEPER = 0 };\n");
	prelude_write(3);
	kernels_write("ADD", "");
	gives(3);
	ck_assert(glob(path_of("cache/*.so"), 0, NULL, &g) == 0 && g.gl_pathc == 1);
	ck_assert(utimensat(AT_FDCWD, g.gl_pathv[0], old, 0) == 0);
	gives(3);
	ck_assert(stat(g.gl_pathv[0], &s) == 0 && s.st_mtime > old[0].tv_sec);
	globfree(&g);
	folder_drop();
}
END_TEST

/* Each of these would break its neighbours in one run of the compiler. */
START_TEST(neighbours)
{
	folder_make();
	kernel_write("deeper.h", "enum { DEEPER = 0 };\n");
	prelude_write(3);
	kernels_write("mine()", "static int mine(void) { return 5; }");
	gives(5);
	kernels_write("mine", "enum { mine = 6 };");
	gives(6);
	kernels_write("ADD", "");
	/* a macro must not reach the next file, however it is written */
	kernel_write(
		"k00.c",
		"#include \"prelude.h\"\n#define ADD 3\nvoid k00(void *const *p, const Num *n)\n"
		"{\n\t((int *)p[0])[0] += ADD;\n}\n#undef ADD\n#define ADD 100\n");
	kernel_write("k01.c", "#include \"prelude.h\"\nvoid k01(void *const *p, const Num *n)\n"
	                      "{\n\t((int *)p[0])[1] += ADD;\n}\n/* this file is the longest of "
	                      "its run, so it comes before the others\n */ #define ADD 100\n");
	gives(3);
	folder_drop();
}
END_TEST

START_TEST(faults)
{
	const Device *d;
	Program       p = many_program();
	Dev          *dev;
	char         *said, cache[256];
	size_t        bytes;
	FILE         *f = open_memstream(&said, &bytes);
	folder_make();
	kernel_write("deeper.h", "enum { DEEPER = 0 };\n");
	prelude_write(3);
	kernels_write("ADD", "");
	kernel_write("k13.c", "#include \"prelude.h\"\nvoid k13(void *const *p, const Num *n) { "
	                      "return oops; }\n");
	snprintf(cache, sizeof cache, "%s/cache", folder);
	ck_assert(device_load("cpu", &d) == OK);
	diag_sink(f);
	ck_assert(d->open(&dev, &p, folder, cache) == FAIL);
	diag_sink(NULL);
	diag_reset();
	fclose(f);
	ck_assert_msg(strstr(said, "kernels/k13.c") && strstr(said, "oops") &&
	                      strstr(said, "k13.c:2:") && !strstr(said, "k12.c"),
	              "%s", said);
	free(said);
	ck_assert_int_eq(entries("cache/*"), 0);
	folder_drop();
}
END_TEST

START_TEST(leavings)
{
	static const char *const        old[] = {"cache/build-AbC123/x",
	                                         "cache/gray-cpu-0123456789abcdef-01234567.4711/kernels"},
				 *const kept[] = {
					 "cache/build-mine/x",
					 "cache/gray-cpu-0123456789abcdef-01234567/kernels",
					 "cache/photos.2024", "cache/build-AbC124/x"};
	struct utimbuf then = {1, 1};
	folder_make();
	for (int i = 0; i < COUNT(old); i++)
		ck_assert(file_make_dirs(path_of(old[i])) == OK);
	for (int i = 0; i < COUNT(kept); i++)
		ck_assert(file_make_dirs(path_of(kept[i])) == OK);
	ck_assert(file_write_atomic(path_of("cache/build-AbC123/1.o"), "x", 1) == OK);
	utime(path_of("cache/build-AbC123"), &then);
	utime(path_of("cache/gray-cpu-0123456789abcdef-01234567.4711"), &then);
	utime(path_of("cache/gray-cpu-0123456789abcdef-01234567"), &then);
	utime(path_of("cache/photos.2024"), &then);
	utime(path_of("cache/build-mine"), &then); /* no name that is made here */
	kernel_write("deeper.h", "enum { DEEPER = 0 };\n");
	prelude_write(3);
	kernels_write("ADD", "");
	gives(3);
	ck_assert_int_eq(entries("cache/build-AbC123"), 0);
	ck_assert_int_eq(entries("cache/gray-cpu-*"), 1);
	for (int i = 0; i < COUNT(kept); i++)
		ck_assert(access(path_of(kept[i]), F_OK) == 0);
	folder_drop();
}
END_TEST

Suite *
suite_kernels(void)
{
	Suite *s = suite_create("kernels");
	TCase *c = tcase_create("kernels");
	tcase_set_timeout(c, 240);
	tcase_add_test(c, names);
	tcase_add_test(c, touched);
	tcase_add_test(c, neighbours);
	tcase_add_test(c, faults);
	tcase_add_test(c, leavings);
	suite_add_tcase(s, c);
	return s;
}
