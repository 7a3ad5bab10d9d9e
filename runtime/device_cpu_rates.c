/* What this processor reaches with the threads it was given: a large gemm of oneDNN, multiply-adds
 * that stay in registers, a running update of arrays larger than any cache. The best of a few tries
 * each, under half a second in all; so measured times can be held against what the same machine
 * does at the same hour. Measures no kernel of ours. */
#include "runtime/device_cpu.h"
#include "compiler/program/cost.h"

#include <string.h>
#include <time.h>

enum { SIDE = 1024, UPDATED = 1 << 24, ROUNDS = 1 << 20, TRIES = 5 };

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
keep_best(double *best, double amount, double seconds)
{
	if (seconds > 0 && amount / seconds > *best)
		*best = amount / seconds;
}

/* ---- gemm ----------------------------------------------------------------------------------- */

static Status
gemm_try(GemmSet *set, Dtype dtype, char *const *slab, double *best)
{
	Gemm      g = {.z = 1,
	               .m = SIDE,
	               .n = SIDE,
	               .k = SIDE,
	               .a = {.slab = 0, .dtype = dtype, .s0 = SIDE, .s1 = 1},
	               .b = {.slab = 1, .dtype = dtype, .s0 = 1, .s1 = SIDE},
	               .c = {.slab = 2, .dtype = DT_f32, .s0 = SIDE, .s1 = 1},
	               .b_is_weight = true};
	GemmStep *s;
	TRY(gemm_plan(set, &g, slab, &s));
	TRY(gemm_ready(set));
	for (int i = 0; i < TRIES; i++) {
		double before = now();
		TRY(gemm_run(set, s));
		keep_best(best, 2.0 * SIDE * SIDE * SIDE, now() - before);
	}
	return OK;
}

static Status
gemm_rate(Dtype dtype, bool widen, double *best)
{
	enum { BYTES = SIDE * SIDE * 4 };
	Arena   *a = arena_new();
	GemmSet *set = NULL;
	char    *slab[3] = {cpu_memory(BYTES), cpu_memory(BYTES), cpu_memory(BYTES)};
	Status   s = FAIL;
	if (slab[0] == NULL || slab[1] == NULL || slab[2] == NULL)
		(void)world_error("out-of-memory", "no memory to measure a gemm");
	else if ((s = gemm_open(a, widen, &set)) == OK)
		s = gemm_try(set, dtype, slab, best);
	gemm_close(set);
	for (int i = 0; i < 3; i++)
		cpu_memory_free(slab[i], BYTES);
	arena_free(a);
	return s;
}

/* ---- multiply-adds -------------------------------------------------------------------------- */

/* Ten sums of `lanes` numbers each: enough to hide how long one multiply-add takes. What they are
 * made of and where they go is volatile, so that nothing is worked out beforehand. Returns the
 * operations it did. */
#define MULTIPLY_ADDS(name, lanes)                                                                 \
	static double name(void)                                                                   \
	{                                                                                          \
		typedef float  V __attribute__((vector_size(4 * (lanes))));                        \
		volatile float half = 0.5f, out;                                                   \
		V x = (V){0} + half, y = x + half, a = y, b = a + y, c = b + y, d = c + y,         \
		  e = d + y, f = e + y, g = f + y, h = g + y, i = h + y, k = i + y;                \
		for (int n = 0; n < ROUNDS; n++) {                                                 \
			a = a * x + y, b = b * x + y, c = c * x + y, d = d * x + y;                \
			e = e * x + y, f = f * x + y, g = g * x + y, h = h * x + y;                \
			i = i * x + y, k = k * x + y;                                              \
		}                                                                                  \
		a += b + c + d + e + f + g + h + i + k;                                            \
		out = a[0] + a[(lanes)-1];                                                         \
		(void)out;                                                                         \
		return 2.0 * 10 * (lanes)*ROUNDS;                                                  \
	}

MULTIPLY_ADDS(adds_of_4, 4)
#ifdef __x86_64__
__attribute__((target("avx512f"))) MULTIPLY_ADDS(adds_of_16, 16) __attribute__((target("avx2,fma")))
MULTIPLY_ADDS(adds_of_8, 8)
#endif

	static double (*widest_adds(void))(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512f"))
		return adds_of_16;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return adds_of_8;
#endif
	return adds_of_4;
}

/* All threads at once. */
static double
work_rate(void)
{
	double best = 0, (*adds)(void) = widest_adds();
	for (int i = 0; i < TRIES; i++) {
		double sum = 0, before = now();
#pragma omp parallel reduction(+ : sum)
		sum += adds();
		keep_best(&best, sum, now() - before);
	}
	return best;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* x += y / 2: two arrays are read, one is written. */
static Status
memory_rate(double *best)
{
	enum { BYTES = UPDATED * 4 };
	float *x = cpu_memory(BYTES), *y = cpu_memory(BYTES);
	Status s = OK;
	if (x == NULL || y == NULL)
		s = world_error("out-of-memory", "no memory to measure how fast it is");
	for (int i = -1; s == OK && i < TRIES; i++) { /* the first touches the pages */
		double before = now();
#pragma omp parallel for simd
		for (int k = 0; k < UPDATED; k++)
			x[k] += 0.5f * y[k];
		if (i >= 0)
			keep_best(best, 3.0 * BYTES, now() - before);
	}
	cpu_memory_free(x, BYTES);
	cpu_memory_free(y, BYTES);
	return s;
}

static bool
multiplies_in(const Program *p, Dtype dtype)
{
	for (int i = 0; i < p->nentry; i++)
		for (int k = 0; k < p->entry[i].nstep; k++)
			if (p->entry[i].step[k].kind == STEP_gemm &&
			    p->entry[i].step[k].gemm.a.dtype == dtype)
				return true;
	return false;
}

Status
cpu_rates(const Program *p, bool widen, Rates *out)
{
	*out = (Rates){.device = "cpu",
	               .source = "measured just now: a gemm of oneDNN, multiply-adds in registers, "
	                         "a running update of "
	                         "128 MiB"};
	TRY(gemm_rate(DT_f32, false, &out->gemm_f32));
	if (multiplies_in(p, DT_bf16))
		TRY(gemm_rate(DT_bf16, widen, &out->gemm_bf16));
	out->other = out->attend_f32 = out->attend_bf16 = work_rate();
	return memory_rate(&out->bandwidth);
}
