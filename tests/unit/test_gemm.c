/* Gemms of the devices: every layout, dtype, accumulation and bias, odd sizes and size 1,
 * leading dimensions beyond the extent, sizes on both sides of the packing bounds, against plain
 * loops. The cuda device runs over tests/support/fake_cuda*.c. Needs d2v-cpu.so, and d2v-cuda.so
 * where it was built, beside the test runner. */
#include "compiler/base/base.h"
#include "compiler/base/cache.h"
#include "runtime/runtime.h"
#include "tests/support/use_fake_cuda.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_gemm(void);

static const char *target = "cpu"; /* of the running test, which has a process of its own */
static char        cache[SCRATCH];

static const Device *
device(void)
{
	const Device *d;
	ck_assert(device_load(target, &d) == OK);
	return d;
}

static void
use_cpu(void)
{
	scratch_folder(cache, "gemm");
}

/* As where the processor has no instructions for bf16. */
static void
use_widened(void)
{
	use_cpu();
	setenv("D2V_BF16", "widen", 1);
}

static FakeCuda *fakes;

static void
use_cuda(void)
{
	use_cpu();
	target = "cuda";
	ck_assert(fake_cuda_use(&fakes));
}

static void
cache_gone(void)
{
	if (fakes)
		ck_assert_msg(fakes->errors[0] == 0, "%s", fakes->errors);
	ck_assert(cache_trim(cache, 0, NULL) == OK);
	char inner[SCRATCH + 16];
	snprintf(inner, sizeof inner, "%s/cuda", cache);
	rmdir(inner);
	rmdir(cache);
}

typedef struct {
	int64_t z, m, n, k;
} Size;

static const Size sizes[] = {
	{1, 1, 1, 1},      {1, 1, 5, 3},       {1, 3, 1, 7},       {1, 2, 3, 1},
	{1, 17, 33, 19},   {1, 64, 64, 64},    {1, 31, 100, 65},   {1, 130, 48, 257},
	{1, 1030, 96, 72}, {1, 1024, 67, 131}, {1, 1024, 520, 66}, {2, 5, 7, 3},
	{3, 19, 32, 17},   {4, 1, 9, 6},
};

/* One gemm in slabs a, b, c, bias with leading dimensions larger than the extent. */
typedef struct {
	Gemm    g;
	int64_t bytes[4];
} Case;

static int64_t
place(GemmOperand *o, int slab, Dtype dtype, int64_t z, int64_t rows, int64_t cols, bool transposed,
      int64_t pad)
{
	o->slab = slab;
	o->offset = 3 * dtype_bytes[dtype]; /* only as aligned as the dtype */
	o->dtype = dtype;
	int64_t ld = (transposed ? rows : cols) + pad, lines = transposed ? cols : rows;
	o->s0 = transposed ? 1 : ld;
	o->s1 = transposed ? ld : 1;
	o->sz = z == 1 ? 0 : lines * ld + pad;
	return (3 + z * (lines * ld + pad)) * dtype_bytes[dtype];
}

static Case
gemm_case(Size s, bool ta, bool tb, Dtype in, Dtype out, bool accumulate, bool bias, bool shared_b)
{
	Case  c = {0};
	Gemm *g = &c.g;
	g->z = s.z;
	g->m = s.m;
	g->n = s.n;
	g->k = s.k;
	c.bytes[0] = place(&g->a, 0, in, s.z, s.m, s.k, ta, 5);
	c.bytes[1] = place(&g->b, 1, in, s.z, s.k, s.n, tb, 3);
	c.bytes[2] = place(&g->c, 2, out, s.z, s.m, s.n, false, 2);
	c.bytes[3] = s.n * 4 + 8;
	if (shared_b)
		g->b.sz = 0;
	g->accumulate = accumulate;
	g->has_bias = bias;
	g->bias_slab = 3;
	g->bias_offset = 8;
	g->b_is_weight = true;
	return c;
}

static float
element(const void *base, Dtype dtype, int64_t i)
{
	return dtype == DT_f32 ? ((const float *)base)[i]
	                       : bf16_to_f32(((const uint16_t *)base)[i]);
}

static void
fill(void *base, Dtype dtype, int64_t bytes, Stream *s)
{
	for (int64_t i = 0; i < bytes / dtype_bytes[dtype]; i++) {
		float v = (float)stream_between(s, -1, 1);
		if (dtype == DT_f32)
			((float *)base)[i] = v;
		else
			((uint16_t *)base)[i] = f32_to_bf16(v);
	}
}

/* Every element of C against plain loops; every byte of C that is not an element is as before. */
static void
gemm_verify(const Case *c, void *const *before, const void *after)
{
	const Gemm  *g = &c->g;
	const char  *a = (char *)before[0] + g->a.offset, *b = (char *)before[1] + g->b.offset;
	const float *bias = (const float *)((char *)before[3] + g->bias_offset);
	char        *expect = malloc((size_t)c->bytes[2]);
	memcpy(expect, before[2], (size_t)c->bytes[2]);
	for (int64_t z = 0; z < g->z; z++)
		for (int64_t i = 0; i < g->m; i++)
			for (int64_t j = 0; j < g->n; j++) {
				int64_t at = z * g->c.sz + i * g->c.s0 + j;
				double  sum = g->accumulate
				                      ? element((char *)before[2] + g->c.offset,
				                                g->c.dtype, at)
				                      : 0;
				for (int64_t k = 0; k < g->k; k++)
					sum += (double)element(a, g->a.dtype,
					                       z * g->a.sz + i * g->a.s0 +
					                               k * g->a.s1) *
					       element(b, g->b.dtype,
					               z * g->b.sz + k * g->b.s0 + j * g->b.s1);
				if (g->has_bias)
					sum += bias[j];
				/* f32 sums of products below 1; bf16 rounds once or twice. */
				double tol = 1e-6 * (double)(g->k + 8);
				if (g->c.dtype == DT_bf16)
					tol += (fabs(sum) + 2) * 0x1p-8;
				double got =
					element((const char *)after + g->c.offset, g->c.dtype, at);
				if (!(fabs(got - sum) <= tol)) /* asserting each would be slow */
					ck_abort_msg("z %d m %d n %d k %d %s>%s a %d,%d b %d,%d: "
					             "C[%d,%d,%d] = %g, not %g",
					             (int)g->z, (int)g->m, (int)g->n, (int)g->k,
					             dtype_name[g->a.dtype], dtype_name[g->c.dtype],
					             (int)g->a.s0, (int)g->a.s1, (int)g->b.s0,
					             (int)g->b.s1, (int)z, (int)i, (int)j, got,
					             sum);
				memcpy(expect + g->c.offset + at * dtype_bytes[g->c.dtype],
				       (const char *)after + g->c.offset +
				               at * dtype_bytes[g->c.dtype],
				       (size_t)dtype_bytes[g->c.dtype]);
			}
	ck_assert_msg(memcmp(expect, after, (size_t)c->bytes[2]) == 0,
	              "bytes between the rows of C were written");
	free(expect);
}

enum { MAX_CASES = 16 };

/* The cases are the steps of one program, so that they share plans and workspace as in a real
 * one. */
static void
gemm_try(const Device *d, const Case *c, int n, uint64_t seed)
{
	ProgSlab slab[4 * MAX_CASES];
	ProgStep step[MAX_CASES];
	void    *before[4 * MAX_CASES];
	Entry    entry = {.name = "train", .nstep = n, .step = step};
	Program  p = {.target = target,
	              .nslab = 4 * n,
	              .slab = slab,
	              .nentry = 1,
	              .entry = &entry,
	              .needs = ""};
	Stream   s = stream_open(seed, "gemm", 0, 0);
	Dev     *dev;
	memset(step, 0, sizeof step);
	for (int i = 0; i < 4 * n; i++)
		slab[i] = (ProgSlab){"operand", c[i / 4].bytes[i % 4]};
	for (int i = 0; i < n; i++) {
		Gemm *g = &step[i].gemm;
		step[i].kind = STEP_gemm;
		*g = c[i].g;
		g->a.slab += 4 * i;
		g->b.slab += 4 * i;
		g->c.slab += 4 * i;
		g->bias_slab += 4 * i;
	}
	ck_assert(d->open(&dev, &p, ".", cache) == OK);
	for (int i = 0; i < 4 * n; i++) {
		const Gemm *g = &c[i / 4].g;
		Dtype       dtype[4] = {g->a.dtype, g->b.dtype, g->c.dtype, DT_f32};
		before[i] = malloc((size_t)slab[i].bytes);
		fill(before[i], dtype[i % 4], slab[i].bytes, &s);
		ck_assert(d->put(dev, i, 0, before[i], slab[i].bytes) == OK);
	}
	ck_assert(d->run(dev, &entry) == OK);
	for (int i = 0; i < n; i++) {
		void *after = malloc((size_t)c[i].bytes[2]);
		ck_assert(d->get(dev, 4 * i + 2, 0, after, c[i].bytes[2]) == OK);
		gemm_verify(&c[i], before + 4 * i, after);
		free(after);
	}
	for (int i = 0; i < 4 * n; i++)
		free(before[i]);
	d->close(dev);
}

static void
gemm_all(Dtype in, Dtype out)
{
	const Device *d = device();
	Case          c[MAX_CASES];
	for (int i = 0; i < COUNT(sizes); i++) {
		for (int bits = 0; bits < 16; bits++)
			c[bits] = gemm_case(sizes[i], bits & 1, bits >> 1 & 1, in, out,
			                    bits >> 2 & 1, bits >> 3 & 1, false);
		gemm_try(d, c, 16, (uint64_t)i);
	}
	for (int bits = 0; bits < 4; bits++)
		c[bits] = gemm_case((Size){3, 11, 13, 9}, bits & 1, bits >> 1 & 1, in, out, false,
		                    false, true);
	gemm_try(d, c, 4, 99);
}

START_TEST(gemm_f32)
{
	gemm_all(DT_f32, DT_f32);
}
END_TEST

START_TEST(gemm_bf16_f32)
{
	gemm_all(DT_bf16, DT_f32);
}
END_TEST

START_TEST(gemm_bf16)
{
	gemm_all(DT_bf16, DT_bf16);
}
END_TEST

START_TEST(gemm_refusal)
{
	/* f32 times bf16 has no code: refused when opened, not in step 1. */
	Case c = gemm_case((Size){1, 4, 4, 4}, false, false, DT_f32, DT_f32, false, false, false);
	c.g.b.dtype = DT_bf16;
	ProgSlab slab[4] = {{"a", 4096}, {"b", 4096}, {"c", 4096}, {"bias", 4096}};
	ProgStep step = {.kind = STEP_gemm, .gemm = c.g};
	Entry    entry = {.name = "train", .nstep = 1, .step = &step};
	Program  p = {.target = target,
	              .nslab = 4,
	              .slab = slab,
	              .nentry = 1,
	              .entry = &entry,
	              .needs = ""};
	Dev     *dev;
	char    *said;
	size_t   bytes;
	FILE    *to = open_memstream(&said, &bytes);
	diag_sink(to);
	ck_assert(device()->open(&dev, &p, ".", cache) == FAIL);
	diag_sink(NULL);
	diag_reset();
	fclose(to);
	ck_assert(strstr(said, strcmp(target, "cpu") == 0 ? "B bf16" : "no gemm of f32 and bf16") !=
	          NULL);
	free(said);
}
END_TEST

static void
add_tests(Suite *s, const char *name, SFun before)
{
	TCase *t = tcase_create(name);
	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, before, cache_gone);
	tcase_add_test(t, gemm_f32);
	tcase_add_test(t, gemm_bf16_f32);
	tcase_add_test(t, gemm_bf16);
	tcase_add_test(t, gemm_refusal);
	suite_add_tcase(s, t);
}

Suite *
suite_gemm(void)
{
	Suite *s = suite_create("gemm");
	add_tests(s, "cpu", use_cpu);
	add_tests(s, "cpu, bf16 widened", use_widened);
	if (fake_cuda_there())
		add_tests(s, "cuda", use_cuda);
	return s;
}
