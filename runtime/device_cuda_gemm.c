/* Gemm steps through cuBLASLt: one plan per kind of gemm, its code chosen once
 * (device_cuda_tune.c).
 *
 * The library thinks in columns. Our C[m][n] by rows is its D, n by m by columns, and D = op(X)
 * op(Y) with X made of our B and Y of our A; the bias, one number per row of D, is one per column
 * of C, as we want it. Accumulation is beta = 1 in place. bf16 operands and f32 operands both add
 * up in f32; f32 operands are multiplied as f32, never as TF32.
 *
 * The library adds a bias of the result's type only. For a bf16 result ours (f32) is first rounded
 * to bf16 into memory of the device: the sum then carries an error of half a bf16 step of the bias,
 * besides the rounding of the result. That is what bf16 layers elsewhere do, and the alternative is
 * one more pass over the result. A bias that is not 16-byte aligned is copied as well. Biases that
 * the entry does not change are all copied by one launch before its first step.
 *
 * Refuses mixed operand types, and layouts in which neither stride of an operand is 1. */
#include "runtime/device_cuda.h"

#include <string.h>

#define CU(call, ...) TRY(cuda_check(d->cu, d->cu->call, __VA_ARGS__))
#define BLAS(call, k, what) TRY(blas_check(d, d->cu->call, k, what))

/* As the kernel d2v_bias reads it. */
typedef struct {
	CUdeviceptr from, to;
	int         n, narrow;
} Bias;

typedef struct {
	int     slab;
	int64_t offset;
} Place;

struct GemmStep {
	GemmPlan   *plan;
	int         entry;
	Place       at[4]; /* x, y, d, bias */
	CUdeviceptr x, y, d, bias;
	bool        copied, waits; /* its bias: is copied; only right before the gemm */
	CUdeviceptr job;           /* of that copy */
	void       *arg[1];
	int64_t     bias_at; /* place of the copy in set->biases */
};

struct GemmSet {
	cublasLtHandle_t blas;
	Vec(GemmPlan *) plan;
	Vec(GemmStep *) step;
	int64_t      bias_bytes;
	size_t       workspace_bytes;
	CUdeviceptr  workspace, biases, jobs;
	int         *early;     /* per entry: how many biases are copied before its first step */
	void       **early_arg; /* per entry */
	CUdeviceptr *early_jobs;
};

enum { BIAS_ALIGNED = 16, MOST_ALIGNED = 64 };

Status
blas_check(const Dev *d, cublasStatus_t e, const GemmKey *k, const char *what)
{
	if (e == CUBLAS_STATUS_SUCCESS)
		return OK;
	const char *said = d->cu->cublasLtGetStatusName(e);
	if (k == NULL)
		return world_error("cublaslt", "cuBLASLt: %s: %s", what, said ? said : "unknown");
	return world_error(
		"cublaslt",
		"cuBLASLt: %s of the gemm z %lld, m %lld, n %lld, k %lld (%s%s to %s%s%s): %s",
		what, (long long)k->z, (long long)k->m, (long long)k->n, (long long)k->k,
		dtype_name[k->in],
		k->ty   ? k->tx ? " TT" : " TN"
		: k->tx ? " NT"
			: " NN",
		dtype_name[k->out], k->accumulate ? ", accumulated" : "", k->bias ? ", bias" : "",
		said ? said : "unknown");
}

/* ---- what a gemm looks like by columns ------------------------------------------------------ */

/* A matrix of rows x cols by our strides, one of which is 1. Plain: our rows are the library's
 * columns. Else our columns are. An axis of size 1 has no stride to speak of. */
static Status
by_columns(int64_t rows, int64_t cols, int64_t s0, int64_t s1, int64_t *ld, int32_t *transposed)
{
	bool    plain = s1 == 1 || cols == 1;
	int64_t length = plain ? cols : rows;
	*transposed = !plain;
	*ld = plain ? s0 : s1;
	if ((plain ? rows : cols) == 1)
		*ld = length;
	if ((!plain && s0 != 1 && rows != 1) || *ld < length)
		return user_error(
			"program-gemm",
			"an operand of %lld x %lld with strides %lld and %lld is no matrix",
			(long long)rows, (long long)cols, (long long)s0, (long long)s1);
	return OK;
}

/* Slabs begin where the driver puts them, at 256 bytes; the rest is in the offsets. Beyond 64
 * bytes, which every planned place has, nothing is said to the library: kinds of gemm would only
 * multiply. */
static int32_t
aligned(const GemmOperand *o, int64_t z)
{
	uint64_t bytes = (uint64_t)dtype_bytes[o->dtype], all = (uint64_t)o->offset | MOST_ALIGNED;
	if (z > 1)
		all |= (uint64_t)o->sz * bytes;
	return (int32_t)(all & -all);
}

static Status
key_of(const Gemm *g, GemmKey *k)
{
	memset(k, 0, sizeof *k); /* compared as bytes */
	if (g->a.dtype != g->b.dtype || (g->a.dtype != DT_f32 && g->a.dtype != DT_bf16) ||
	    (g->c.dtype != DT_f32 && g->c.dtype != DT_bf16) ||
	    (g->a.dtype == DT_f32 && g->c.dtype != DT_f32))
		return user_error("program-gemm", "cuBLASLt has no gemm of %s and %s to %s",
		                  dtype_name[g->a.dtype], dtype_name[g->b.dtype],
		                  dtype_name[g->c.dtype]);
	k->z = g->z;
	k->m = g->m;
	k->n = g->n;
	k->k = g->k;
	k->in = (int32_t)g->a.dtype;
	k->out = (int32_t)g->c.dtype;
	k->accumulate = g->accumulate;
	k->bias = g->has_bias;
	int32_t td;
	TRY(by_columns(g->k, g->n, g->b.s0, g->b.s1, &k->ldx, &k->tx));
	TRY(by_columns(g->m, g->k, g->a.s0, g->a.s1, &k->ldy, &k->ty));
	TRY(by_columns(g->m, g->n, g->c.s0, g->c.s1, &k->ldd, &td));
	if (td)
		return user_error("program-gemm", "the result of a gemm is not stored by rows");
	if (g->z > 1) {
		k->zx = g->b.sz;
		k->zy = g->a.sz;
		k->zd = g->c.sz;
	}
	k->ax = aligned(&g->b, g->z);
	k->ay = aligned(&g->a, g->z);
	k->ad = aligned(&g->c, g->z);
	return OK;
}

static cudaDataType_t
type_of(int32_t dtype)
{
	return dtype == DT_bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* ---- plans ---------------------------------------------------------------------------------- */

static Status
layout(Dev *d, const GemmKey *k, int32_t dtype, int64_t rows, int64_t cols, int64_t ld, int64_t z,
       cublasLtMatrixLayout_t *out)
{
	BLAS(cublasLtMatrixLayoutCreate(out, type_of(dtype), (uint64_t)rows, (uint64_t)cols, ld), k,
	     "the layout");
	if (k->z == 1)
		return OK;
	int32_t count = (int32_t)k->z;
	BLAS(cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
	                                      sizeof count),
	     k, "the count");
	BLAS(cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &z,
	                                      sizeof z),
	     k, "the distance of matrices");
	return OK;
}

static Status
describe(Dev *d, GemmPlan *p, cublasLtMatmulDescAttributes_t which, int32_t value)
{
	BLAS(cublasLtMatmulDescSetAttribute(p->desc, which, &value, sizeof value), &p->key,
	     "the description");
	return OK;
}

static Status
plan_describe(Dev *d, GemmPlan *p)
{
	const GemmKey *k = &p->key;
	BLAS(cublasLtMatmulDescCreate(&p->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F), k,
	     "the description");
	TRY(describe(d, p, CUBLASLT_MATMUL_DESC_TRANSA, k->tx ? CUBLAS_OP_T : CUBLAS_OP_N));
	TRY(describe(d, p, CUBLASLT_MATMUL_DESC_TRANSB, k->ty ? CUBLAS_OP_T : CUBLAS_OP_N));
	if (k->bias) {
		TRY(describe(d, p, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS));
		TRY(describe(d, p, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, (int32_t)type_of(k->out)));
	}
	TRY(layout(d, k, k->in, k->tx ? k->k : k->n, k->tx ? k->n : k->k, k->ldx, k->zx, &p->x));
	TRY(layout(d, k, k->in, k->ty ? k->m : k->k, k->ty ? k->k : k->m, k->ldy, k->zy, &p->y));
	return layout(d, k, k->out, k->n, k->m, k->ldd, k->zd, &p->d);
}

static Status
plan_find(Dev *d, const Gemm *g, GemmPlan **out)
{
	GemmSet *set = d->gemms;
	GemmKey  key;
	TRY(key_of(g, &key));
	for (int i = 0; i < set->plan.n; i++)
		if (memcmp(&set->plan.at[i]->key, &key, sizeof key) == 0) {
			*out = set->plan.at[i];
			return OK;
		}
	GemmPlan *p = *out = arena_new_one(d->arena, GemmPlan);
	p->key = key;
	vec_push(d->arena, &set->plan, p);
	return plan_describe(d, p);
}

Status
gemm_open(Dev *d)
{
	GemmSet *set = d->gemms = arena_new_one(d->arena, GemmSet);
	BLAS(cublasLtCreate(&set->blas), NULL, "starting");
	set->early = arena_new_array(d->arena, int, d->p->nentry + 1);
	set->early_arg = arena_new_array(d->arena, void *, d->p->nentry + 1);
	set->early_jobs = arena_new_array(d->arena, CUdeviceptr, d->p->nentry + 1);
	return OK;
}

Status
gemm_plan(Dev *d, int entry, const Gemm *g, bool bias_waits, GemmStep **out)
{
	GemmSet  *set = d->gemms;
	GemmStep *s = *out = arena_new_one(d->arena, GemmStep);
	TRY(plan_find(d, g, &s->plan));
	s->entry = entry;
	s->at[0] = (Place){g->b.slab, g->b.offset};
	s->at[1] = (Place){g->a.slab, g->a.offset};
	s->at[2] = (Place){g->c.slab, g->c.offset};
	if (g->has_bias) {
		s->at[3] = (Place){g->bias_slab, g->bias_offset};
		s->copied = g->c.dtype == DT_bf16 || g->bias_offset % BIAS_ALIGNED != 0;
		s->waits = s->copied && bias_waits;
		s->bias_at = set->bias_bytes;
		if (s->copied)
			set->bias_bytes += (g->n * dtype_bytes[g->c.dtype] + 255) / 256 * 256;
	}
	vec_push(d->arena, &set->step, s);
	return OK;
}

Status
gemm_choose(Dev *d, const char *cache)
{
	GemmSet *set = d->gemms;
	TRY(gemm_tune(d, set->blas, set->plan.at, set->plan.n, cache));
	for (int i = 0; i < set->plan.n; i++)
		if (set->plan.at[i]->workspace > set->workspace_bytes)
			set->workspace_bytes = set->plan.at[i]->workspace;
	return OK;
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* The copies of biases, as the kernel reads them: per entry first those that do not wait. */
static Status
jobs_place(Dev *d)
{
	GemmSet *set = d->gemms;
	Vec(Bias) job = {0};
	if (set->bias_bytes == 0)
		return OK;
	CU(cuMemAlloc(&set->biases, (size_t)set->bias_bytes), "%lld bytes for biases",
	   (long long)set->bias_bytes);
	CU(cuMemAlloc(&set->jobs, sizeof(Bias) * (size_t)set->step.n), "memory for biases");
	for (int e = 0; e < d->p->nentry; e++)
		for (int late = 0; late < 2; late++) {
			if (!late)
				set->early_jobs[e] = set->jobs + sizeof(Bias) * (size_t)job.n;
			for (int i = 0; i < set->step.n; i++) {
				GemmStep *s = set->step.at[i];
				if (s->entry != e || !s->copied || s->waits != late)
					continue;
				s->job = set->jobs + sizeof(Bias) * (size_t)job.n;
				Bias b = {s->bias, set->biases + (CUdeviceptr)s->bias_at,
				          (int)s->plan->key.n, s->plan->key.out == DT_bf16};
				vec_push(d->arena, &job, b);
				s->bias = b.to;
				s->arg[0] = &s->job;
				set->early[e] += !late;
			}
		}
	for (int e = 0; e < d->p->nentry; e++)
		set->early_arg[e] = &set->early_jobs[e];
	CU(cuMemcpyHtoDAsync(set->jobs, job.at, sizeof(Bias) * (size_t)job.n, d->stream),
	   "copying the list of biases");
	return OK;
}

static CUdeviceptr
address(const Dev *d, const Place *p)
{
	return d->slab[p->slab] + (CUdeviceptr)p->offset;
}

/* All memory is zero and so is every product: each plan runs once and changes nothing, so that the
 * library loads its code now and not while the steps are recorded. */
static Status
warm(Dev *d)
{
	GemmSet *set = d->gemms;
	for (int i = 0; i < set->plan.n; i++)
		for (int k = 0; k < set->step.n; k++)
			if (set->step.at[k]->plan == set->plan.at[i]) {
				TRY(gemm_run(d, set->step.at[k]));
				break;
			}
	return OK;
}

Status
gemm_place(Dev *d)
{
	GemmSet *set = d->gemms;
	for (int i = 0; i < set->step.n; i++) {
		GemmStep *s = set->step.at[i];
		s->x = address(d, &s->at[0]);
		s->y = address(d, &s->at[1]);
		s->d = address(d, &s->at[2]);
		if (s->plan->key.bias)
			s->bias = address(d, &s->at[3]);
	}
	TRY(jobs_place(d));
	if (set->bias_bytes > 0)
		CU(cuMemsetD8Async(set->biases, 0, (size_t)set->bias_bytes, d->stream),
		   "clearing biases");
	if (set->workspace_bytes > 0)
		CU(cuMemAlloc(&set->workspace, set->workspace_bytes), "%zu bytes of gemm workspace",
		   set->workspace_bytes);
	return warm(d);
}

/* ---- running -------------------------------------------------------------------------------- */

static Status
bias_copy(Dev *d, void **arg, int n)
{
	CU(cuLaunchKernel(d->bias, (unsigned int)n, 1, 1, 256, 1, 1, 0, d->stream, arg, NULL),
	   "copying %d biases", n);
	return OK;
}

Status
gemm_before(Dev *d, int entry)
{
	GemmSet *set = d->gemms;
	return set->early[entry] > 0 ? bias_copy(d, &set->early_arg[entry], set->early[entry]) : OK;
}

Status
gemm_run(Dev *d, const GemmStep *s)
{
	static const float zero = 0, one = 1;
	const GemmPlan    *p = s->plan;
	const GemmKey     *k = &p->key;
	const void        *bias = (const void *)(uintptr_t)s->bias;
	if (s->waits)
		TRY(bias_copy(d, (void **)s->arg, 1));
	if (k->bias)
		BLAS(cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
		                                    &bias, sizeof bias),
		     k, "the bias");
	const void *x = (const void *)(uintptr_t)s->x, *y = (const void *)(uintptr_t)s->y;
	void       *to = (void *)(uintptr_t)s->d;
	BLAS(cublasLtMatmul(d->gemms->blas, p->desc, &one, x, p->x, y, p->y,
	                    k->accumulate ? &one : &zero, to, p->d, to, p->d, &p->algo,
	                    (void *)(uintptr_t)d->gemms->workspace, d->gemms->workspace_bytes,
	                    d->stream),
	     k, "running");
	return OK;
}

int64_t
gemm_workspace(const Dev *d)
{
	return (int64_t)d->gemms->workspace_bytes + d->gemms->bias_bytes;
}

void
gemm_close(Dev *d)
{
	GemmSet       *set = d->gemms;
	const CudaApi *cu = d->cu;
	if (set == NULL)
		return;
	for (int i = 0; i < set->plan.n; i++) {
		GemmPlan *p = set->plan.at[i];
		if (p->x)
			cu->cublasLtMatrixLayoutDestroy(p->x);
		if (p->y)
			cu->cublasLtMatrixLayoutDestroy(p->y);
		if (p->d)
			cu->cublasLtMatrixLayoutDestroy(p->d);
		if (p->desc)
			cu->cublasLtMatmulDescDestroy(p->desc);
	}
	if (set->workspace)
		cu->cuMemFree(set->workspace);
	if (set->biases)
		cu->cuMemFree(set->biases);
	if (set->jobs)
		cu->cuMemFree(set->jobs);
	if (set->blas)
		cu->cublasLtDestroy(set->blas);
}
