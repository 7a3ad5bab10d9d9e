/* The cache folder and the run-time compiler of CUDA text: sizes, order of removal, what is never
 * touched; where NVRTC is, that it compiles by several processes, keeps what it made, tells what
 * kernels cost and what is wrong. */
#include "compiler/base/cache.h"
#include "compiler/base/nvrtc.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_cache(void);

static char   folder[SCRATCH];
static Arena *a;

static void
begin(void)
{
	scratch_folder(folder, "cache");
	a = arena_new();
}

static void
end(void)
{
	ck_assert(system(arena_printf(a, "rm -r %s", folder)) == 0);
	arena_free(a);
}

static const char *
path(const char *name)
{
	return arena_printf(a, "%s/%s", folder, name);
}

/* A file of so many bytes, used so many seconds ago. */
static void
file(const char *name, int bytes, int ago)
{
	char *to = arena_strdup(a, path(name));
	*strrchr(to, '/') = 0;
	ck_assert(file_make_dirs(to) == OK);
	ck_assert(file_write_atomic(path(name), arena_alloc(a, (size_t)bytes + 1), (size_t)bytes) ==
	          OK);
	ck_assert(system(arena_printf(a, "touch -d '%d seconds ago' %s", ago, path(name))) == 0);
}

static const char kernels[] = "cpu-0123456789abcdef0123456789abcdef.so",
		  cubin[] = "cuda/0123456789abcdef0123456789abcdef.cubin",
		  choice[] = "cuda/ffffffffffffffff0123456789abcdef.gemm",
		  program[] = "tiny-cpu-01/program.d2p", text[] = "tiny-cpu-01/kernels/k.c";

static void
fill(void)
{
	file(kernels, 100, 5000);
	file(cubin, 200, 4000);
	file(choice, 10, 3000);
	file(program, 50, 2000);
	file(text, 50, 9000);
	file("letters.txt", 1000, 9000);
	file("cuda/notes", 1000, 9000);
	file("cpu-short.so", 1000, 9000);
}

static void
expect(int64_t entries, int64_t bytes)
{
	CacheSize s;
	ck_assert(cache_measure(folder, &s) == OK);
	ck_assert_msg(s.entries == entries && s.bytes == bytes, "%lld entries of %lld bytes",
	              (long long)s.entries, (long long)s.bytes);
}

START_TEST(trimming)
{
	CacheSize gone;
	fill();
	expect(4, 410);
	ck_assert(cache_trim(folder, 410, &gone) == OK && gone.entries == 0);
	/* Oldest first: the kernels, then the cubin. */
	ck_assert(cache_trim(folder, 150, &gone) == OK);
	ck_assert(gone.entries == 2 && gone.bytes == 300);
	expect(2, 110);
	ck_assert(!file_exists(path(kernels)) && !file_exists(path(cubin)) &&
	          file_exists(path(choice)));
	/* What was used just now stays. */
	cache_touch(path(choice));
	ck_assert(cache_trim(folder, 5, &gone) == OK && gone.entries == 1);
	ck_assert(!file_exists(path(program)) && !file_exists(path(text)) &&
	          file_exists(path(choice)));
	ck_assert(cache_trim(folder, 0, &gone) == OK && gone.entries == 1);
	expect(0, 0);
	ck_assert(file_exists(path("letters.txt")) && file_exists(path("cuda/notes")) &&
	          file_exists(path("cpu-short.so")));
	ck_assert(cache_measure("/tmp/d2v-there-is-no-such-folder", &gone) == OK &&
	          gone.entries == 0);
}
END_TEST

START_TEST(limits)
{
	static const struct {
		const char *text;
		int64_t     bytes;
	} good[] = {{"0", 0},        {"500", 500},           {"2k", 2048},
	            {"3M", 3 << 20}, {"", (int64_t)8 << 30}, {"1T", (int64_t)1 << 40}};
	static const char *const bad[] = {"G", "-1", "1GB", "many", "99999999T", "1.5G"};
	int64_t                  n;
	for (int i = 0; i < COUNT(good); i++) {
		setenv("D2V_CACHE_SIZE", good[i].text, 1);
		ck_assert(cache_limit(&n) == OK && n == good[i].bytes);
	}
	FILE *none = fopen("/dev/null", "w");
	diag_sink(none);
	for (int i = 0; i < COUNT(bad); i++) {
		setenv("D2V_CACHE_SIZE", bad[i], 1);
		ck_assert_msg(cache_limit(&n) == FAIL, "%s", bad[i]);
	}
	diag_sink(NULL);
	fclose(none);
}
END_TEST

/* ---- NVRTC ---------------------------------------------------------------------------------- */

static const char header[] = "#define D2V_TWICE(x) (2 * (x))\n";
static const char light[] = "#include \"prelude.cuh\"\nextern \"C\" __global__ void light(float "
			    "*p) { p[threadIdx.x] = D2V_TWICE(1.5f); }\n";
static const char heavy[] =
	"extern \"C\" __global__ void __launch_bounds__(1024) heavy(float *p)\n{\n\t__shared__ "
	"float s[64];\n\tfloat r[200];\n"
	"\tfor (int i = 0; i < 200; i++) r[i] = p[i * 1024 + threadIdx.x];\n\ts[threadIdx.x & 63] "
	"= r[7];\n\t__syncthreads();\n"
	"\tfor (int k = 0; k < 3; k++)\n#pragma unroll\n\t\tfor (int i = 1; i < 200; i++) r[i] += "
	"r[i - 1] * s[k];\n"
	"#pragma unroll\n\tfor (int i = 0; i < 200; i++) p[i * 1024 + threadIdx.x] = r[i];\n}\n";

START_TEST(compiling)
{
	const char *arch[] = {"sm_80", "sm_90", "sm_100"};
	CudaSource  source[] = {{"light", "light.cu", light}, {"heavy", "heavy.cu", heavy}};
	CudaHeader  prelude = {"prelude.cuh", header};
	CudaObject *o;
	for (int i = 0; i < COUNT(arch); i++) {
		ck_assert(nvrtc_compile(a, source, 2, &prelude, arch[i], folder, &o) == OK);
		for (int k = 0; k < 2; k++) {
			ck_assert(!o[k].cached && o[k].bytes > 500 &&
			          memcmp(o[k].image, "\177ELF", 4) == 0);
			ck_assert(o[k].registers > 2 && o[k].seconds > 0);
		}
		ck_assert(o[0].stack == 0 && o[0].spill_stores == 0 && o[0].shared == 0);
		/* 64 registers a thread are too few for 200 values. */
		ck_assert(o[1].registers <= 64 && o[1].spill_stores > 0 && o[1].spill_loads > 0 &&
		          o[1].shared == 256);
	}
	CudaObject *again;
	ck_assert(nvrtc_compile(a, source, 2, &prelude, arch[2], folder, &again) == OK);
	for (int k = 0; k < 2; k++) {
		ck_assert(again[k].cached && again[k].bytes == o[k].bytes &&
		          memcmp(again[k].image, o[k].image, o[k].bytes) == 0);
		ck_assert(again[k].registers == o[k].registers &&
		          again[k].spill_loads == o[k].spill_loads);
	}
	/* Another header is another object; one that is cut off is made again. */
	prelude.text = "#define D2V_TWICE(x) (3 * (x))\n";
	ck_assert(nvrtc_compile(a, source, 1, &prelude, arch[2], folder, &again) == OK &&
	          !again[0].cached);
	ck_assert(truncate(again[0].path, 900) == 0);
	ck_assert(nvrtc_compile(a, source, 1, &prelude, arch[2], folder, &again) == OK &&
	          !again[0].cached);
	ck_assert(nvrtc_compile(a, source, 1, &prelude, arch[2], folder, &again) == OK &&
	          again[0].cached);
}
END_TEST

START_TEST(refusals)
{
	CudaSource source[] = {
		{"light", "light.cu", light},
		{"bad", "bad.cu", "extern \"C\" __global__ void bad(float *p) { p[0] = q; }\n"}};
	CudaHeader  prelude = {"prelude.cuh", header};
	CudaObject *o;
	char       *said;
	size_t      n;
	FILE       *to = open_memstream(&said, &n);
	diag_sink(to);
	ck_assert(nvrtc_compile(a, source, 2, &prelude, "sm_90", folder, &o) == FAIL);
	fflush(to);
	ck_assert(strstr(said, "bad.cu(1)") && strstr(said, "\"q\" is undefined"));
	ck_assert(nvrtc_compile(a, source, 1, &prelude, "sm_1", folder, &o) == FAIL);
	fflush(to);
	ck_assert(strstr(said, "gpu-architecture"));
	diag_sink(NULL);
	fclose(to);
	free(said);
}
END_TEST

START_TEST(missing)
{
	setenv("D2V_CUDA_LIBS", "/tmp/d2v-there-is-no-such-folder", 1);
	const char *why = nvrtc_missing();
	ck_assert(why && strstr(why, "libnvrtc.so.13") &&
	          strstr(why, "/tmp/d2v-there-is-no-such-folder/"));
}
END_TEST

static bool
there(void)
{
	int   status = 1;
	pid_t child = fork();
	if (child == 0)
		_exit(nvrtc_missing() != NULL);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

Suite *
suite_cache(void)
{
	Suite *s = suite_create("cache");
	TCase *t = tcase_create("folder"), *n = tcase_create("nvrtc");
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, trimming);
	tcase_add_test(t, limits);
	tcase_add_test(t, missing);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(n, begin, end);
	tcase_set_timeout(n, 120);
	/* Asked in a child: this process would hand its state on to every test. */
	if (there()) {
		tcase_add_test(n, compiling);
		tcase_add_test(n, refusals);
	}
	suite_add_tcase(s, n);
	return s;
}
