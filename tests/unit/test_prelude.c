/* prelude_cpu: the elementary functions of generated kernels against double precision over
 * samples of all f32 values, scalar calls against vectorised loops bit by bit, bf16 rounding and
 * random draws against base. It does not time. */
#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/codegen/codegen.h"
#include "tests/unit/scratch.h"

Suite *suite_prelude(void);

enum { ROW = 1024 };

static const char *const kernels =
	"#define ROW 1024\n"
	"#define BOTH(name) \\\n"
	"\tvoid row_##name(float *y, const float *x) { for (int i = 0; i < ROW; i++) y[i] = "
	"d2v_##name(x[i]); } \\\n"
	"\tfloat one_##name(float x) { return d2v_##name(x); }\n"
	"BOTH(exp) BOTH(log) BOTH(erf) BOTH(tanh) BOTH(rsqrt)\n"
	"void row_bf16(uint16_t *y, const float *x) { for (int i = 0; i < ROW; i++) y[i] = "
	"d2v_to_bf16(x[i]); }\n"
	"void row_f32(float *y, const uint16_t *x) { for (int i = 0; i < ROW; i++) y[i] = "
	"d2v_load_bf16(x[i]); }\n"
	"float one_min(float a, float b) { return d2v_min(a, b); }\n"
	"float one_max(float a, float b) { return d2v_max(a, b); }\n"
	"float one_uniform(uint32_t seed, uint64_t site, uint32_t step, uint32_t sample, uint32_t "
	"elem)\n"
	"{ return d2v_uniform(seed, site, step, sample, elem); }\n"
	"int64_t row_uniform(uint32_t seed, uint64_t site, uint32_t step, uint32_t sample, "
	"uint32_t first, int64_t groups, float *y)\n"
	"{ d2v_uniform4(seed, site, step, sample, first, groups, y); return D2V_UP(4 * groups, 2 * "
	"VW); }\n";

static const char *const flags[] = {"-O3 -march=native", "-O1"};

/* Compile the prelude and the text above with the flags of the runtime and load them. */
static void *
load(const char *with)
{
	char folder[SCRATCH], source[SCRATCH + 16], object[SCRATCH + 16], command[512];
	Text text = {0};
	text_printf(&text, "%s%s", prelude_cpu, kernels);
	scratch_folder(folder, "prelude");
	snprintf(source, sizeof source, "%s/k.c", folder);
	snprintf(object, sizeof object, "%s/k.so", folder);
	ck_assert(file_write_atomic(source, text.at, text.n) == OK);
	text_free(&text);
	snprintf(command, sizeof command,
	         "cc -std=gnu11 %s -fopenmp -fno-math-errno -fno-trapping-math -ffp-contract=fast "
	         "-shared -fPIC -o %s %s",
	         with, object, source);
	ck_assert_msg(system(command) == 0, "the prelude does not compile: %s", command);
	void *library = dlopen(object, RTLD_NOW);
	ck_assert_msg(library != NULL, "%s", dlerror());
	unlink(source);
	unlink(object);
	rmdir(folder);
	return library;
}

static void *
find(void *library, const char *kind, const char *name)
{
	char symbol[32];
	snprintf(symbol, sizeof symbol, "%s_%s", kind, name);
	void *at = dlsym(library, symbol);
	ck_assert_msg(at != NULL, "%s is missing", symbol);
	return at;
}

static float
from_bits(uint32_t u)
{
	float x;
	memcpy(&x, &u, sizeof x);
	return x;
}

static bool
same(float a, float b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

/* The distance of y from the exact value, in units of the last place of an f32 of that size. */
static double
ulps(float y, double exact)
{
	float rounded = (float)exact;
	int   exponent;
	if (isnan(exact) || isnan(y))
		return isnan(exact) && isnan(y) ? 0 : INFINITY;
	if (isinf(rounded) || isinf(y))
		return rounded == y ? 0 : INFINITY;
	frexp(exact, &exponent);
	return fabs(y - exact) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static double
exact_rsqrt(double x)
{
	return 1 / sqrt(x);
}

static const struct {
	const char *name;
	double (*exact)(double);
	double bound; /* ulp */
} functions[] = {{"exp", exp, 2},
                 {"log", log, 2},
                 {"erf", erf, 6},
                 {"tanh", tanh, 2},
                 {"rsqrt", exact_rsqrt, 2}};

static const float special[] = {
	0.0f,      -0.0f,     1.0f,     -1.0f,          INFINITY,      -INFINITY,
	NAN,       1e-45f,    -1e-45f,  1.1754942e-38f, 3.4028235e38f, -3.4028235e38f,
	88.72283f, 88.72284f, 88.7229f, -87.33654f,     -87.3366f,     -103.9f,
	-104.1f,   0.875f,    0.625f,   4.0f,           1e30f,         -1e30f,
};

/* A passing ck_assert costs a system call: loops over many values call check only to fail. Every
 * 4099th pattern of 32 bits (a prime: all exponents, all kinds of mantissa), and the special
 * values. */
static void
check_function(void *library, int f)
{
	void (*row)(float *, const float *);
	float (*one)(float);
	*(void **)&row = find(library, "row", functions[f].name);
	*(void **)&one = find(library, "one", functions[f].name);
	static float x[ROW], y[ROW];
	for (uint64_t u = 0; u < 1ull << 32;) {
		int n = 0;
		if (u == 0)
			for (; n < COUNT(special); n++)
				x[n] = special[n];
		for (; n < ROW; n++, u += 4099)
			x[n] = from_bits((uint32_t)u);
		row(y, x);
		for (int i = 0; i < ROW; i++) {
			double off = ulps(y[i], functions[f].exact((double)x[i]));
			if (!(off <= functions[f].bound))
				ck_abort_msg("%s(%.9g) = %.9g is off by %g ulp", functions[f].name,
				             x[i], y[i], off);
			if (!same(y[i], one(x[i])))
				ck_abort_msg("%s(%.9g): scalar and vector differ",
				             functions[f].name, x[i]);
		}
	}
}

START_TEST(functions_are_accurate)
{
	void *library = load(flags[_i]);
	for (int f = 0; f < COUNT(functions); f++)
		check_function(library, f);
}
END_TEST

START_TEST(bf16_is_that_of_base)
{
	void *library = load(flags[_i]);
	void (*down)(uint16_t *, const float *);
	void (*up)(float *, const uint16_t *);
	*(void **)&down = find(library, "row", "bf16");
	*(void **)&up = find(library, "row", "f32");
	static float    x[ROW], z[ROW];
	static uint16_t y[ROW];
	for (uint64_t u = 0; u < 1ull << 32;) {
		for (int n = 0; n < ROW; n++, u += 1021)
			x[n] = from_bits((uint32_t)u);
		down(y, x);
		up(z, y);
		for (int i = 0; i < ROW; i++)
			if (!(isnan(x[i]) ? isnan(z[i]) : y[i] == f32_to_bf16(x[i])) ||
			    !same(z[i], bf16_to_f32(y[i])))
				ck_abort_msg("bf16 of %.9g is %04x, and that is %.9g", x[i], y[i],
				             z[i]);
	}
}
END_TEST

START_TEST(min_and_max_keep_nan)
{
	void *library = load(flags[_i]);
	float (*min)(float, float), (*max)(float, float);
	*(void **)&min = find(library, "one", "min");
	*(void **)&max = find(library, "one", "max");
	for (int i = 0; i < COUNT(special); i++)
		for (int j = 0; j < COUNT(special); j++) {
			float a = special[i], b = special[j];
			if (isnan(a) || isnan(b)) {
				ck_assert(isnan(min(a, b)) && isnan(max(a, b)));
				continue;
			}
			ck_assert(same(min(a, b), a < b ? a : b));
			ck_assert(same(max(a, b), a > b ? a : b));
		}
}
END_TEST

START_TEST(draws_are_those_of_base)
{
	void *library = load(flags[_i]);
	float (*one)(uint32_t, uint64_t, uint32_t, uint32_t, uint32_t);
	int64_t (*row)(uint32_t, uint64_t, uint32_t, uint32_t, uint32_t, int64_t, float *);
	*(void **)&one = find(library, "one", "uniform");
	*(void **)&row = find(library, "row", "uniform");
	const uint64_t site = hash_name("block[3].attend.drop");
	for (uint32_t k = 0; k < 40; k++) {
		uint32_t seed = k * 2654435761u, step = k * k * 77, sample = ~k,
			 first = k * 1234567;
		int64_t groups = k + 1;
		float   y[ROW];
		for (int i = 0; i < ROW; i++)
			y[i] = -1;
		int64_t end = row(seed, site, step, sample, first, groups, y);
		for (uint32_t i = 0; i < 4 * groups; i++) {
			float expect = philox_uniform(seed, site, step, sample, 4 * first + i);
			ck_assert(y[i] == expect);
			ck_assert(one(seed, site, step, sample, 4 * first + i) == expect);
		}
		for (int64_t i = end; i < ROW; i++)
			ck_assert(y[i] == -1);
	}
}
END_TEST

Suite *
suite_prelude(void)
{
	Suite *s = suite_create("prelude");
	TCase *t = tcase_create("functions");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, functions_are_accurate, 0, COUNT(flags));
	tcase_add_loop_test(t, bf16_is_that_of_base, 0, COUNT(flags));
	tcase_add_loop_test(t, min_and_max_keep_nan, 0, COUNT(flags));
	tcase_add_loop_test(t, draws_are_those_of_base, 0, COUNT(flags));
	suite_add_tcase(s, t);
	return s;
}
