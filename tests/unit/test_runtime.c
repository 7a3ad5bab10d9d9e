/* The runtime's core: host expressions, starting values, and the cpu device on programs written
 * by hand (its gemms have test_gemm.c). Needs d2v-cpu.so beside the test runner. */
#include "compiler/base/base.h"
#include "runtime/runtime.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_runtime(void);

/* What was reported while `quiet` is on. */
static char  *said;
static size_t said_bytes;
static FILE  *said_file;

static void
quiet_on(void)
{
	said_file = open_memstream(&said, &said_bytes);
	diag_sink(said_file);
}

static void
quiet_off(void)
{
	diag_sink(NULL);
	diag_reset();
	fclose(said_file);
}

/* ---- expressions ---------------------------------------------------------------------------- */

static double
value_of(const char *expr, double step, double spe, double steps)
{
	const Binding b[] = {{"step", step}, {"spe", spe}, {"steps", steps}};
	double        v;
	ck_assert_msg(expr_eval(expr, b, COUNT(b), &v) == OK, "%s", expr);
	return v;
}

START_TEST(expr_values)
{
	static const struct {
		const char *expr;
		double      value;
	} cases[] = {
		{"1", 1},
		{" .5 ", .5},
		{"2.", 2},
		{"1e3", 1000},
		{"1.5E-1", .15},
		{"-2^2", -4},
		{"2^-1", .5},
		{"2^3^2", 512},
		{"1 - 2 - 3", -4},
		{"8 / 4 / 2", 1},
		{"2 + 3 * 4", 14},
		{"(2 + 3) * 4", 20},
		{"--1", 1},
		{"!0", 1},
		{"!3", 0},
		{"1 < 2", 1},
		{"2 <= 1", 0},
		{"2 > 1", 1},
		{"1 >= 1", 1},
		{"1 == 1", 1},
		{"1 != 1", 0},
		{"1 && 0", 0},
		{"1 || 0 && 0", 1},
		{"1 ? 2 : 3", 2},
		{"0 ? 2 : 0 ? 3 : 4", 4},
		{"1 ? 0 ? 5 : 6 : 7", 6},
		{"min(1, 2)", 1},
		{"max(1, 2)", 2},
		{"pow(2, 10)", 1024},
		{"abs(-3)", 3},
		{"floor(-1.5)", -2},
		{"sqrt(9)", 3},
		{"exp(0)", 1},
		{"log(1)", 0},
		{"sin(0)", 0},
		{"cos(pi)", -1},
		{"finite(1)", 1},
		{"finite(1 / 0)", 0},
		{"!finite(0 / 0)", 1},
		{"step", 7},
	};
	for (int i = 0; i < COUNT(cases); i++)
		ck_assert_msg(value_of(cases[i].expr, 7, 0, 0) == cases[i].value, "%s gives %.17g",
		              cases[i].expr, value_of(cases[i].expr, 7, 0, 0));
	ck_assert(isnan(value_of("min(0 / 0, 1)", 0, 0, 0)) &&
	          isnan(value_of("max(1, 0 / 0)", 0, 0, 0)));
	ck_assert(value_of("0 / 0 < 1", 0, 0, 0) == 0);
}
END_TEST

START_TEST(expr_schedules)
{
	/* The check values of the published learning rate: warm-up reaches the peak at its last
	 * step, then a cosine. */
	const char *pretrain =
		"step < 10 * spe ? 2e-3 * step / (10 * spe - 1) : 1e-5 + 0.5 * (2e-3 - 1e-5) * "
		"(1 + cos(pi * (step - 10 * spe) / (steps - 10 * spe)))";
	static const double expected[][2] = {
		{0, 0},       {1, 3.200512e-7},       {1000, 3.200512e-4},      {6249, 2e-3},
		{6250, 2e-3}, {100000, 1.8281675e-3}, {499999, 1.0000000020e-5}};
	for (int i = 0; i < COUNT(expected); i++)
		ck_assert_double_eq_tol(value_of(pretrain, expected[i][0], 625, 500000),
		                        expected[i][1], 1e-7 * expected[i][1] + 1e-30);
	const char *finetune =
		"step < 10 * spe ? 4e-3 * step / (10 * spe - 1) : 1e-6 + 0.5 * (4e-3 - 1e-6) * "
		"(1 + cos(pi * (step - 10 * spe) / (steps - 10 * spe)))";
	ck_assert_double_eq_tol(value_of(finetune, 1, 1251, 125100), 3.1976977e-7, 1e-13);
	ck_assert_double_eq_tol(value_of(finetune, 100000, 1251, 125100), 4.7166694e-4, 1e-11);
}
END_TEST

START_TEST(expr_refusals)
{
	static const char *const bad[] = {
		"",       " ",      "1 +",          "(1",    "1)",        "1 2",   "foo",
		"foo(1)", "min(1)", "min(1, 2, 3)", "sin()", "1 < 2 < 3", "1 ? 2", "1 ? 2 :",
		"1 : 2",  "0x10",   "1e",           "1e+",   ".",         "..",    "1.2.3",
		"inf",    "nan",    "steps$",       "a[0]",  "1 = 2",     "&&",    "1 &&",
		"@",      "\x01",   "\xff\xfe",     "1,2",   "step()",    "3step", "1 % 2"};
	Text          deep = {0}, long_sum = {0};
	double        v;
	const Binding b[] = {{"step", 1}, {"steps", 2}};
	quiet_on();
	for (int i = 0; i < COUNT(bad); i++)
		ck_assert_msg(expr_eval(bad[i], b, COUNT(b), &v) == FAIL, "`%s` was taken", bad[i]);
	for (int i = 0; i < 100000; i++)
		text_printf(&deep, i % 3 == 0 ? "(" : i % 3 == 1 ? "-" : "!");
	ck_assert(expr_eval(deep.at, b, COUNT(b), &v) == FAIL);
	for (int i = 0; i < 1000; i++)
		text_printf(&long_sum, "1+");
	text_printf(&long_sum, "1");
	ck_assert(expr_eval(long_sum.at, b, COUNT(b), &v) == FAIL);
	quiet_off();
	free(said);
	text_free(&deep);
	text_free(&long_sum);
}
END_TEST

/* Random strings over the language's own alphabet: never a crash, never a value without OK. */
START_TEST(expr_noise)
{
	static const char *const word[] = {"1",    "2.5",  "step", "pi", "+",  "-", "*",
	                                   "/",    "^",    "!",    "&&", "||", "<", ">",
	                                   "<=",   "==",   "?",    ":",  "(",  ")", ",",
	                                   "min(", "sin(", "e",    ".",  " ",  "=", "finite("};
	const Binding            b[] = {{"step", 3}};
	Stream                   s = stream_open(1, "expr_noise", 0, 0);
	int                      taken = 0;
	quiet_on();
	for (int i = 0; i < 20000; i++) {
		char   text[256] = "";
		double v;
		for (int64_t k = stream_int(&s, 1, 12); k > 0; k--)
			strcat(text, word[stream_int(&s, 0, COUNT(word) - 1)]);
		taken += expr_eval(text, b, COUNT(b), &v) == OK;
	}
	quiet_off();
	free(said);
	ck_assert_int_gt(taken, 100);
}
END_TEST

/* ---- starting values ------------------------------------------------------------------------ */

enum { DRAWS = 400000 };

static Variable
variable(const char *name, Init init)
{
	Variable v = {.name = name, .init = init};
	v.type.dtype = DT_f32;
	v.type.rank = 1;
	v.type.axis[0] = (Axis){intern("D"), DRAWS};
	return v;
}

static void
moments(const float *x, int n, double *mean, double *std)
{
	double s = 0, q = 0;
	for (int i = 0; i < n; i++)
		s += x[i];
	*mean = s / n;
	for (int i = 0; i < n; i++)
		q += (x[i] - *mean) * (x[i] - *mean);
	*std = sqrt(q / n);
}

START_TEST(init_statistics)
{
	Recipe   r = {0};
	float   *x = malloc(DRAWS * sizeof *x);
	double   mean, std;
	Variable cut =
		variable("block[0].up",
	                 (Init){.kind = INIT_trunc_normal, .std = 0.02, .cut = 1, .scale = 1});
	ck_assert(init_variable(&r, &cut, 0, x) == OK);
	moments(x, DRAWS, &mean, &std);
	ck_assert_double_eq_tol(std, 0.01079, 5e-5); /* 0.53956 of 0.02 */
	ck_assert_double_eq_tol(mean, 0, 8e-5);
	int outside = 0;
	for (int i = 0; i < DRAWS; i++)
		outside += !(fabsf(x[i]) <= 0.02f);
	ck_assert_int_eq(outside, 0);
	cut.init.scale = 0.5;
	ck_assert(init_variable(&r, &cut, 0, x) == OK);
	moments(x, DRAWS, &mean, &std);
	ck_assert_double_eq_tol(std, 0.005396, 3e-5);
	Variable wide = variable("head", (Init){.kind = INIT_normal, .std = 2, .scale = 1});
	ck_assert(init_variable(&r, &wide, 7, x) == OK);
	moments(x, DRAWS, &mean, &std);
	ck_assert_double_eq_tol(mean, 0, 0.015);
	ck_assert_double_eq_tol(std, 2, 0.01);
	/* Tails as heavy as they should be: P(|z| > 3) = 0.0027. */
	int far = 0;
	for (int i = 0; i < DRAWS; i++)
		far += fabsf(x[i]) > 6;
	ck_assert_double_eq_tol(far / (double)DRAWS, 0.0026998, 4e-4);
	Variable one = variable("gain", (Init){.kind = INIT_const, .value = 1});
	ck_assert(init_variable(&r, &one, 0, x) == OK);
	ck_assert(x[0] == 1 && x[DRAWS - 1] == 1);
	free(x);
}
END_TEST

/* Runs are resumed, and models compared, by the bits of their starting values: recorded when they
 * were drawn one by one. Any part of a variable is what the whole has there. */
START_TEST(init_bits)
{
	enum { SOME = 100001 };
	static const struct {
		Init        init;
		const char *hash;
	} known[] = {
		{{.kind = INIT_normal, .std = 2, .scale = 1}, "05261d1d95b40ddd169b4f1d1314c4b8"},
		{{.kind = INIT_trunc_normal, .std = 0.02, .cut = 1, .scale = 0.5},
	         "44ab50c3c301f9aa49fbd69ba40b3ce1"},
		{{.kind = INIT_trunc_normal, .std = 0.02, .cut = 3, .scale = 1},
	         "8600982cbf9bdea778a66106a46776c9"}};
	Recipe r = {0};
	float *x = malloc(SOME * sizeof *x), part[777];
	char   hex[33];
	for (int i = 0; i < COUNT(known); i++) {
		Variable v = variable("bits", known[i].init);
		v.type.axis[0].size = SOME;
		ck_assert(init_variable(&r, &v, 9, x) == OK);
		hash_hex(x, SOME * sizeof *x, hex);
		ck_assert_str_eq(hex, known[i].hash);
		init_draw(&v, 9, 54321, COUNT(part), part);
		ck_assert(memcmp(part, x + 54321, sizeof part) == 0);
	}
	free(x);
}
END_TEST

START_TEST(init_streams)
{
	Recipe   r = {0};
	float   *x = malloc(DRAWS * sizeof *x), *y = malloc(DRAWS * sizeof *y);
	Init     init = {.kind = INIT_trunc_normal, .std = 0.02, .cut = 2, .scale = 1};
	Variable a = variable("a", init), b = variable("b", init);
	ck_assert(init_variable(&r, &a, 3, x) == OK && init_variable(&r, &a, 3, y) == OK);
	ck_assert(memcmp(x, y, DRAWS * sizeof *x) == 0);
	ck_assert(init_variable(&r, &b, 3, y) == OK);
	ck_assert(memcmp(x, y, 64) != 0);
	ck_assert(init_variable(&r, &a, 4, y) == OK);
	ck_assert(memcmp(x, y, 64) != 0);
	/* The distribution function undoes the quantile: draw i is the quantile of uniform i of
	 * the variable's stream. */
	Stream s = stream_open(3, "a", 0, 0);
	double lo = 0.5 * erfc(2 * M_SQRT1_2), hi = 1 - lo;
	for (int i = 0; i < 1000; i++) {
		double p = stream_between(&s, lo, hi);
		ck_assert_double_eq_tol(0.5 * erfc(-(double)x[i] / 0.02 * M_SQRT1_2), p, 1e-7);
	}
	free(x);
	free(y);
}
END_TEST

/* ---- the cpu device ------------------------------------------------------------------------- */

static char folder[SCRATCH];

static const Device *
cpu(void)
{
	const Device *d;
	ck_assert(device_load("cpu", &d) == OK);
	return d;
}

static void
folder_make(void)
{
	scratch_folder(folder, "runtime");
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
	char path[256];
	snprintf(path, sizeof path, "%s/kernels", folder);
	ck_assert(file_make_dirs(path) == OK);
	snprintf(path, sizeof path, "%s/kernels/%s", folder, name);
	ck_assert(file_write_atomic(path, text, strlen(text)) == OK);
}

static const char axpy[] =
	"#include <stdint.h>\n"
	"typedef union { double f; int64_t i; uint64_t u; } Num;\n"
	"void axpy(void *const *p, const Num *n)\n"
	"{\n\tconst float *x = p[0];\n\tfloat *y = p[1];\n\tuint64_t *seen = p[2];\n"
	"#pragma omp parallel for\n"
	"\tfor (int64_t i = 0; i < n[1].i; i++)\n\t\ty[i] += (float)n[0].f * x[i];\n"
	"\t*seen = n[2].u;\n}\n";

/* x[8] y[8] seen in slab 0; y += 2 x, twice. */
static Program
axpy_program(void)
{
	static ProgSlab      slab[2] = {{"all", 72}, {"table", 8}};
	static Kernel        kernel[1] = {{.name = "axpy", .file = "axpy.c"}};
	static Arg           arg[] = {{.kind = ARG_pointer},
	                              {.kind = ARG_f32, .f = 2},
	                              {.kind = ARG_pointer, .offset = 32},
	                              {.kind = ARG_i64, .i = 8},
	                              {.kind = ARG_u64, .u = 1234567890123456789u},
	                              {.kind = ARG_pointer, .offset = 64}};
	static ProgStep      step[2] = {{.kind = STEP_launch, .narg = 6, .arg = arg},
	                                {.kind = STEP_launch, .narg = 6, .arg = arg}};
	static Entry         entry[1] = {{.name = "train", .nstep = 2, .step = step}};
	static const int32_t numbers[2] = {5, -6};
	static Table         table[1] = {{.slab = 1, .count = 2, .data = numbers}};
	return (Program){.target = "cpu",
	                 .nslab = 2,
	                 .slab = slab,
	                 .nkernel = 1,
	                 .kernel = kernel,
	                 .nentry = 1,
	                 .entry = entry,
	                 .ntable = 1,
	                 .table = table,
	                 .needs = ""};
}

START_TEST(cpu_kernel)
{
	const Device *d = cpu();
	Program       p = axpy_program();
	char          cache[256];
	folder_make();
	kernel_write("axpy.c", axpy);
	snprintf(cache, sizeof cache, "%s/cache", folder);
	for (int again = 0; again < 2;
	     again++) { /* the second time from the cache, without a compiler */
		Dev *dev;
		ck_assert(d->open(&dev, &p, folder, cache) == OK);
		ck_assert_int_eq(d->allocated(dev), 80);
		float   x[8] = {0, 1, 2, 3, 4, NAN, INFINITY, 7}, y[8];
		int32_t t[2];
		ck_assert(d->get(dev, 0, 32, y, sizeof y) == OK && y[0] == 0 && y[7] == 0);
		ck_assert(d->get(dev, 1, 0, t, sizeof t) == OK && t[0] == 5 && t[1] == -6);
		ck_assert(d->put(dev, 0, 0, x, sizeof x) == OK);
		ck_assert(d->run(dev, &p.entry[0]) == OK);
		ck_assert(d->get(dev, 0, 32, y, sizeof y) == OK);
		ck_assert(y[1] == 4 && y[4] == 16 && isnan(y[5]) && isinf(y[6]) && y[7] == 28);
		uint64_t seen;
		ck_assert(d->get(dev, 0, 64, &seen, 8) == OK && seen == 1234567890123456789u);
		double seconds[2] = {0, 0};
		ck_assert(d->profile(dev, &p.entry[0], seconds) == OK);
		ck_assert(seconds[0] > 0 && seconds[1] > 0);
		ck_assert(d->get(dev, 0, 32, y, sizeof y) == OK && y[4] == 32);
		d->close(dev);
	}
	folder_drop();
}
END_TEST

static void
refused(const Device *d, const Program *p, const char *word)
{
	Dev *dev;
	quiet_on();
	ck_assert(d->open(&dev, p, folder, folder) == FAIL);
	quiet_off();
	ck_assert_msg(strstr(said, word) != NULL, "`%s` is not in: %s", word, said);
	free(said);
}

START_TEST(cpu_refusals)
{
	const Device *d = cpu();
	Program       p = axpy_program();
	folder_make();
	refused(d, &p, "axpy.c"); /* no source */
	kernel_write("axpy.c", "void axpy(void) { return oops; }\n");
	refused(d, &p, "oops");
	kernel_write("axpy.c", "void other(void) {}\n");
	refused(d, &p, "axpy");
	p.needs = "avx2 avx9000";
	refused(d, &p, "avx9000");
	p.needs = "";
	p.target = "cuda";
	refused(d, &p, "cuda");
	p.target = "cpu";
	setenv("D2V_CC", "no-such-compiler", 1);
	refused(d, &p, "no-such-compiler");
	unsetenv("D2V_CC");
	static ProgSlab endless[2] = {{"endless", INT64_C(1) << 50}, {"table", 8}};
	p.slab = endless;
	refused(d, &p, "GiB");
	const Device *none;
	quiet_on();
	ck_assert(device_load("cuda9", &none) == FAIL && device_load("../x", &none) == FAIL &&
	          device_load("", &none) == FAIL);
	quiet_off();
	ck_assert(strstr(said, "d2v-cuda9.so") != NULL);
	free(said);
	folder_drop();
}
END_TEST

Suite *
suite_runtime(void)
{
	Suite *s = suite_create("runtime");
	TCase *host = tcase_create("host"), *device = tcase_create("device");
	tcase_set_timeout(host, 60);
	tcase_add_test(host, expr_values);
	tcase_add_test(host, expr_schedules);
	tcase_add_test(host, expr_refusals);
	tcase_add_test(host, expr_noise);
	tcase_add_test(host, init_statistics);
	tcase_add_test(host, init_streams);
	tcase_add_test(host, init_bits);
	suite_add_tcase(s, host);
	tcase_set_timeout(device, 240);
	tcase_add_test(device, cpu_kernel);
	tcase_add_test(device, cpu_refusals);
	suite_add_tcase(s, device);
	return s;
}
