/* Which of cuBLASLt's codes runs a gemm: the library proposes up to 32, each is timed on memory of
 * its own filled with noise, the fastest is kept. The choice is written to CACHE/cuda/HASH.gemm,
 * keyed by everything it depends on (shape, layout, types, epilogue, alignment, GPU, version of the
 * library), so that later runs start at once and add up in the same order: a fixed choice gives
 * fixed bits. Another choice may not.
 *
 * Refuses codes that split k and add the parts in whatever order they come or in the result's type:
 * only sums in one sequence, or parts in f32 in the workspace added by a separate step, both in a
 * fixed order. */
#include "runtime/device_cuda.h"
#include "compiler/base/cache.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CU(call, ...) TRY(cuda_check(d->cu, d->cu->call, __VA_ARGS__))
#define BLAS(call, k, what) TRY(blas_check(d, d->cu->call, k, what))

enum {
	CANDIDATES = 32,
	ROUNDS = 2,
	BIAS_ALIGNED = 16,
	WORDS = COUNT(((cublasLtMatmulAlgo_t *)NULL)->data)
};

typedef struct {
	Dev             *d;
	cublasLtHandle_t blas;
	CUdeviceptr      x, y, to, bias, workspace;
	CUevent          from, until;
} Bench;

/* ---- the choice on disk --------------------------------------------------------------------- */

static char *
key_text(const Dev *d, const GemmKey *k)
{
	return arena_printf(d->arena,
	                    "z %" PRId64 " m %" PRId64 " n %" PRId64 " k %" PRId64
	                    " columns %" PRId64 " %" PRId64 " %" PRId64 " matrices %" PRId64
	                    " %" PRId64 " %" PRId64
	                    " transposed %d %d types %s %s accumulate %d bias %d aligned %d %d %d "
	                    "gpu %s sm_%d%d x %d driver %d cublaslt %zu workspace %d",
	                    k->z, k->m, k->n, k->k, k->ldx, k->ldy, k->ldd, k->zx, k->zy, k->zd,
	                    k->tx, k->ty, dtype_name[k->in], dtype_name[k->out], k->accumulate,
	                    k->bias, k->ax, k->ay, k->ad, d->name, d->major, d->minor,
	                    d->processors, d->driver, d->cu->cublasLtGetVersion(), GEMM_WORKSPACE);
}

static const char *
choice_path(const Dev *d, const char *cache, const char *key)
{
	char hex[33];
	hash_hex(key, strlen(key), hex);
	return arena_printf(d->arena, "%s/cuda/%s.gemm", cache, hex);
}

/* "d2v gemm 1\nKEY\nalgo W W .. us T\n"; false: none, or it is damaged and will be made again. */
static bool
choice_parse(const char *text, const char *key, GemmPlan *p)
{
	size_t n = strlen(key);
	if (strncmp(text, "d2v gemm 1\n", 11) != 0 || strncmp(text + 11, key, n) != 0 ||
	    strncmp(text + 11 + n, "\nalgo", 5) != 0)
		return false;
	const char *at = text + 11 + n + 5;
	for (int i = 0; i < WORDS; i++) {
		int used = 0;
		if (sscanf(at, " %16" SCNx64 "%n", &p->algo.data[i], &used) != 1)
			return false;
		at += used;
	}
	int end = -1;
	return sscanf(at, " us %f end%n", &p->us, &end) == 1 && end > 0;
}

/* The library itself says whether it still knows the code. */
static bool
choice_read(Bench *b, const char *path, const char *key, GemmPlan *p)
{
	char                           *text;
	cublasLtMatmulHeuristicResult_t result;
	if (!file_exists(path) || file_read(path, &text, NULL) != OK)
		return false;
	bool good = choice_parse(text, key, p);
	free(text);
	memset(&result, 0, sizeof result);
	if (!good ||
	    b->d->cu->cublasLtMatmulAlgoCheck(b->blas, p->desc, p->x, p->y, p->d, p->d, &p->algo,
	                                      &result) != CUBLAS_STATUS_SUCCESS ||
	    result.workspaceSize > GEMM_WORKSPACE)
		return false;
	p->workspace = result.workspaceSize;
	cache_touch(path);
	return true;
}

static Status
choice_write(const char *path, const char *key, const GemmPlan *p)
{
	Text t = {0};
	text_printf(&t, "d2v gemm 1\n%s\nalgo", key);
	for (int i = 0; i < WORDS; i++)
		text_printf(&t, " %016" PRIx64, p->algo.data[i]);
	text_printf(&t, " us %.2f end\n", (double)p->us);
	Status s = file_write_atomic(path, t.at, t.n);
	text_free(&t);
	return s;
}

/* ---- memory to try on ----------------------------------------------------------------------- */

static int64_t
span(int64_t z, int64_t distance, int64_t columns, int64_t ld, int32_t dtype)
{
	return ((z - 1) * distance + columns * ld) * dtype_bytes[dtype];
}

typedef struct {
	int64_t x, y, to, bias;
} Spans;

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
spans_of(const GemmKey *k, Spans *s)
{
	s->x = most(s->x, span(k->z, k->zx, k->tx ? k->n : k->k, k->ldx, k->in));
	s->y = most(s->y, span(k->z, k->zy, k->ty ? k->k : k->m, k->ldy, k->in));
	s->to = most(s->to, span(k->z, k->zd, k->m, k->ldd, k->out));
	s->bias = most(s->bias, k->n * 4 + BIAS_ALIGNED);
}

static Status
memory_new(Dev *d, CUdeviceptr *at, int64_t bytes)
{
	size_t n = ((size_t)bytes + 255) / 256 * 256;
	CU(cuMemAlloc(at, n), "%zu bytes to try gemms on", n);
	return OK;
}

static Status
noise(Dev *d, CUdeviceptr at, int64_t bytes, bool narrow)
{
	long long n = bytes / 4;
	int       as = narrow;
	void     *arg[] = {&at, &n, &as};
	if (n > 0)
		CU(cuLaunchKernel(d->noise, 1024, 1, 1, 256, 1, 1, 0, d->stream, arg, NULL),
		   "noise");
	return OK;
}

static Status
bench_open(Bench *b, GemmPlan *const *plan, const bool *known, int n)
{
	Dev  *d = b->d;
	Spans s = {0};
	for (int i = 0; i < n; i++)
		if (!known[i])
			spans_of(&plan[i]->key, &s);
	TRY(memory_new(d, &b->x, s.x));
	TRY(memory_new(d, &b->y, s.y));
	TRY(memory_new(d, &b->to, s.to));
	TRY(memory_new(d, &b->bias, s.bias));
	TRY(memory_new(d, &b->workspace, GEMM_WORKSPACE));
	CU(cuEventCreate(&b->from, CU_EVENT_DEFAULT), "an event");
	CU(cuEventCreate(&b->until, CU_EVENT_DEFAULT), "an event");
	/* As bf16: read as f32 these are ordinary numbers too. */
	TRY(noise(d, b->x, s.x, true));
	TRY(noise(d, b->y, s.y, true));
	TRY(noise(d, b->to, s.to, true));
	return noise(d, b->bias, s.bias, true);
}

static void
bench_close(Bench *b)
{
	const CudaApi    *cu = b->d->cu;
	const CUdeviceptr all[] = {b->x, b->y, b->to, b->bias, b->workspace};
	cu->cuStreamSynchronize(b->d->stream);
	for (int i = 0; i < COUNT(all); i++)
		if (all[i])
			cu->cuMemFree(all[i]);
	if (b->from)
		cu->cuEventDestroy(b->from);
	if (b->until)
		cu->cuEventDestroy(b->until);
}

/* ---- trying --------------------------------------------------------------------------------- */

static Status
preference(Dev *d, const GemmKey *k, bool any_reduction, cublasLtMatmulPreference_t *out)
{
	const uint64_t room = GEMM_WORKSPACE;
	const uint32_t fixed = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
	const uint32_t align[] = {(uint32_t)k->ax, (uint32_t)k->ay, (uint32_t)k->ad,
	                          (uint32_t)k->ad};
	const cublasLtMatmulPreferenceAttributes_t which[] = {
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
	BLAS(cublasLtMatmulPreferenceCreate(out), k, "the preference");
	BLAS(cublasLtMatmulPreferenceSetAttribute(*out, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
	                                          &room, sizeof room),
	     k, "the preference");
	if (!any_reduction)
		BLAS(cublasLtMatmulPreferenceSetAttribute(
			     *out, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &fixed,
			     sizeof fixed),
		     k, "the preference");
	for (int i = 0; i < COUNT(which); i++)
		BLAS(cublasLtMatmulPreferenceSetAttribute(*out, which[i], &align[i],
		                                          sizeof align[i]),
		     k, "the preference");
	return OK;
}

/* Does this code always add up in the same order? */
static bool
order_is_fixed(const Dev *d, const cublasLtMatmulAlgo_t *algo)
{
	uint32_t scheme = 0;
	size_t   written = 0;
	if (d->cu->cublasLtMatmulAlgoConfigGetAttribute(algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME,
	                                                &scheme, sizeof scheme,
	                                                &written) != CUBLAS_STATUS_SUCCESS)
		return false;
	return scheme == CUBLASLT_REDUCTION_SCHEME_NONE ||
	       scheme == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
}

/* What the library proposes and we accept, best guess first. Some versions take the mask to exclude
 * codes that do not split k at all; then everything is asked for and the rest sorted out here. */
static Status
candidates(Bench *b, const GemmPlan *p, cublasLtMatmulHeuristicResult_t found[CANDIDATES], int *n)
{
	Dev *d = b->d;
	*n = 0;
	for (int any = 0; any < 2 && *n == 0; any++) {
		cublasLtMatmulPreference_t pref = NULL;
		int                        got = 0;
		memset(found, 0, sizeof *found * CANDIDATES);
		Status         s = preference(d, &p->key, any, &pref);
		cublasStatus_t e = CUBLAS_STATUS_NOT_SUPPORTED;
		if (s == OK)
			e = d->cu->cublasLtMatmulAlgoGetHeuristic(b->blas, p->desc, p->x, p->y,
			                                          p->d, p->d, pref, CANDIDATES,
			                                          found, &got);
		if (pref)
			d->cu->cublasLtMatmulPreferenceDestroy(pref);
		TRY(s);
		if (e != CUBLAS_STATUS_NOT_SUPPORTED)
			TRY(blas_check(d, e, &p->key, "the choice of code"));
		else
			got = 0;
		for (int i = 0; i < got; i++)
			if (found[i].state == CUBLAS_STATUS_SUCCESS &&
			    found[i].workspaceSize <= GEMM_WORKSPACE &&
			    order_is_fixed(d, &found[i].algo))
				found[(*n)++] = found[i];
	}
	return *n > 0 ? OK
	              : blas_check(d, CUBLAS_STATUS_NOT_SUPPORTED, &p->key, "the choice of code");
}

static cublasStatus_t
try_once(Bench *b, const GemmPlan *p, const cublasLtMatmulAlgo_t *algo)
{
	static const float zero = 0, one = 1;
	void              *to = (void *)(uintptr_t)b->to;
	return b->d->cu->cublasLtMatmul(
		b->blas, p->desc, &one, (void *)(uintptr_t)b->x, p->x, (void *)(uintptr_t)b->y,
		p->y, p->key.accumulate ? &one : &zero, to, p->d, to, p->d, algo,
		(void *)(uintptr_t)b->workspace, GEMM_WORKSPACE, b->d->stream);
}

/* Microseconds of one run, the least of a few rounds; infinite when the code does not run after
 * all. */
static Status
time_one(Bench *b, const GemmPlan *p, const cublasLtMatmulAlgo_t *algo, double work, float *us)
{
	Dev *d = b->d;
	int  runs = work > 5e10 ? 2 : work > 5e9 ? 5 : 20; /* a round is about 0.2 ms or more */
	*us = INFINITY;
	if (try_once(b, p, algo) != CUBLAS_STATUS_SUCCESS)
		return OK;
	for (int round = 0; round < ROUNDS; round++) {
		float ms = 0;
		CU(cuEventRecord(b->from, d->stream), "an event");
		for (int i = 0; i < runs; i++)
			TRY(blas_check(d, try_once(b, p, algo), &p->key, "timing"));
		CU(cuEventRecord(b->until, d->stream), "an event");
		CU(cuEventSynchronize(b->until), "timing a gemm");
		CU(cuEventElapsedTime(&ms, b->from, b->until), "timing a gemm");
		*us = fminf(*us, 1e3f * ms / (float)runs);
	}
	return OK;
}

static Status
fastest(Bench *b, GemmPlan *p)
{
	Dev                            *d = b->d;
	cublasLtMatmulHeuristicResult_t found[CANDIDATES];
	const GemmKey                  *k = &p->key;
	const void                     *bias = (const void *)(uintptr_t)(b->bias + BIAS_ALIGNED);
	int                             n;
	/* The library reads the bias's alignment off this address: 16 bytes and no more. */
	if (k->bias)
		BLAS(cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
		                                    &bias, sizeof bias),
		     k, "the bias");
	TRY(candidates(b, p, found, &n));
	p->us = INFINITY;
	for (int i = 0; i < n; i++) {
		float us;
		TRY(time_one(b, p, &found[i].algo,
		             2.0 * (double)k->z * (double)k->m * (double)k->n * (double)k->k, &us));
		if (us < p->us) {
			p->us = us;
			p->algo = found[i].algo;
			p->workspace = found[i].workspaceSize;
		}
	}
	return isfinite(p->us) ? OK
	                       : blas_check(d, CUBLAS_STATUS_EXECUTION_FAILED, k, "every code");
}

static Status
tune_unknown(Bench *b, GemmPlan *const *plan, const bool *known, int n, const char *cache)
{
	TRY(bench_open(b, plan, known, n));
	TRY(file_make_dirs(arena_printf(b->d->arena, "%s/cuda", cache)));
	for (int i = 0; i < n; i++) {
		if (known[i])
			continue;
		const char *key = key_text(b->d, &plan[i]->key);
		TRY(fastest(b, plan[i]));
		TRY(choice_write(choice_path(b->d, cache, key), key, plan[i]));
	}
	return OK;
}

Status
gemm_tune(Dev *d, cublasLtHandle_t blas, GemmPlan *const *plan, int n, const char *cache)
{
	Bench b = {.d = d, .blas = blas};
	bool *known = arena_new_array(d->arena, bool, n + 1);
	int   unknown = 0;
	for (int i = 0; i < n; i++) {
		const char *key = key_text(d, &plan[i]->key);
		known[i] = choice_read(&b, choice_path(d, cache, key), key, plan[i]);
		unknown += !known[i];
	}
	if (unknown == 0)
		return OK;
	Status s = tune_unknown(&b, plan, known, n, cache);
	bench_close(&b);
	return s;
}
