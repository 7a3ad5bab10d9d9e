/* cuBLASLt's part: see fake_cuda.h. Products by plain loops over column-major matrices, exactly as
 * the descriptors say, at the moment they run. */
#include "tests/support/fake_cuda.h"

#include <cublasLt.h>
#include <stdlib.h>
#include <string.h>

#define FAIL_HERE                                                                                  \
	FAKE_ALONE;                                                                                \
	do {                                                                                       \
		int code_;                                                                         \
		if (fake_fails(__func__, &code_))                                                  \
			return (cublasStatus_t)code_;                                              \
	} while (0)

typedef struct {
	int32_t     ta, tb, bias_type, epilogue;
	const void *bias;
	int         compute, scale;
} Desc;

typedef struct {
	int      type;
	uint64_t rows, cols;
	int64_t  ld, distance;
	int32_t  count;
} Layout;

typedef struct {
	uint64_t workspace;
	uint32_t reduction, align[4];
} Pref;

/* The real types are arrays of words of our own use. */
_Static_assert(sizeof(Desc) <= sizeof(cublasLtMatmulDescOpaque_t), "");
_Static_assert(sizeof(Layout) <= sizeof(cublasLtMatrixLayoutOpaque_t), "");
_Static_assert(sizeof(Pref) <= sizeof(cublasLtMatmulPreferenceOpaque_t), "");

/* An algorithm: data[0] this, [1] its index, [2] reduction scheme, [3] alignment it needs, [4]
 * workspace. */
static const uint64_t MAGIC = 0xd2fa4eULL;
enum { ALGORITHMS = 5, BEST = 3 };

size_t
cublasLtGetVersion(void)
{
	return CUBLAS_VERSION;
}

const char *
cublasLtGetStatusName(cublasStatus_t e)
{
	return e == CUBLAS_STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED"
	                                        : "CUBLAS_STATUS_FAKE";
}

cublasStatus_t
cublasLtCreate(cublasLtHandle_t *h)
{
	if (!fake_has_context())
		return CUBLAS_STATUS_NOT_INITIALIZED;
	FAIL_HERE;
	*h = (cublasLtHandle_t)(void *)malloc(8);
	fake.live++;
	return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t
gone(void *what)
{
	free(what);
	fake.live--;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtDestroy(cublasLtHandle_t h)
{
	return gone(h);
}

cublasStatus_t
cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t compute, cudaDataType_t scale)
{
	FAIL_HERE;
	*d = calloc(1, sizeof **d);
	fake.live++;
	Desc *own = (Desc *)(void *)*d;
	own->compute = (int)compute;
	own->scale = (int)scale;
	own->bias_type = -1;
	own->epilogue = CUBLASLT_EPILOGUE_DEFAULT;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
	return gone(d);
}

static cublasStatus_t
set(void *field, size_t want, const void *from, size_t bytes, const char *what)
{
	if (bytes != want) {
		fake_error("%s has %zu bytes, not %zu", what, want, bytes);
		return CUBLAS_STATUS_INVALID_VALUE;
	}
	memcpy(field, from, bytes);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t which,
                               const void *from, size_t bytes)
{
	FAIL_HERE;
	Desc *own = (Desc *)(void *)d;
	switch (which) {
	case CUBLASLT_MATMUL_DESC_TRANSA:
		return set(&own->ta, 4, from, bytes, "TRANSA");
	case CUBLASLT_MATMUL_DESC_TRANSB:
		return set(&own->tb, 4, from, bytes, "TRANSB");
	case CUBLASLT_MATMUL_DESC_EPILOGUE:
		return set(&own->epilogue, 4, from, bytes, "EPILOGUE");
	case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
		return set(&own->bias_type, 4, from, bytes, "BIAS_DATA_TYPE");
	case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
		return set(&own->bias, sizeof(void *), from, bytes, "BIAS_POINTER");
	default:
		fake_error("attribute %d of a product is not known here", (int)which);
		return CUBLAS_STATUS_INVALID_VALUE;
	}
}

cublasStatus_t
cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *l, cudaDataType type, uint64_t rows,
                           uint64_t cols, int64_t ld)
{
	FAIL_HERE;
	*l = calloc(1, sizeof **l);
	fake.live++;
	*(Layout *)(void *)*l = (Layout){(int)type, rows, cols, ld, 0, 1};
	if (rows < 1 || cols < 1 || ld < (int64_t)rows)
		fake_error("a matrix of %llu x %llu with columns %lld apart",
		           (unsigned long long)rows, (unsigned long long)cols, (long long)ld);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
	return gone(l);
}

cublasStatus_t
cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l, cublasLtMatrixLayoutAttribute_t which,
                                 const void *from, size_t bytes)
{
	Layout *own = (Layout *)(void *)l;
	if (which == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
		return set(&own->count, 4, from, bytes, "BATCH_COUNT");
	if (which == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET)
		return set(&own->distance, 8, from, bytes, "STRIDED_BATCH_OFFSET");
	fake_error("attribute %d of a layout is not known here", (int)which);
	return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t
cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p)
{
	FAIL_HERE;
	*p = calloc(1, sizeof **p);
	fake.live++;
	*(Pref *)(void *)*p = (Pref){0, CUBLASLT_REDUCTION_SCHEME_MASK, {256, 256, 256, 256}};
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
	return gone(p);
}

cublasStatus_t
cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t           p,
                                     cublasLtMatmulPreferenceAttributes_t which, const void *from,
                                     size_t bytes)
{
	Pref *own = (Pref *)(void *)p;
	switch (which) {
	case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
		return set(&own->workspace, 8, from, bytes, "MAX_WORKSPACE_BYTES");
	case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
		return set(&own->reduction, 4, from, bytes, "REDUCTION_SCHEME_MASK");
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
		return set(&own->align[0], 4, from, bytes, "MIN_ALIGNMENT_A_BYTES");
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
		return set(&own->align[1], 4, from, bytes, "MIN_ALIGNMENT_B_BYTES");
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
		return set(&own->align[2], 4, from, bytes, "MIN_ALIGNMENT_C_BYTES");
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
		return set(&own->align[3], 4, from, bytes, "MIN_ALIGNMENT_D_BYTES");
	default:
		fake_error("preference %d is not known here", (int)which);
		return CUBLAS_STATUS_INVALID_VALUE;
	}
}

/* ---- checks --------------------------------------------------------------------------------- */

static bool
shapes_fit(const Desc *d, const Layout *a, const Layout *b, const Layout *c, const Layout *to)
{
	uint64_t m = d->ta ? a->cols : a->rows, k = d->ta ? a->rows : a->cols;
	uint64_t k2 = d->tb ? b->cols : b->rows, n = d->tb ? b->rows : b->cols;
	bool     fit = m == to->rows && n == to->cols && k == k2 && c->rows == m && c->cols == n &&
	           a->count == to->count && b->count == to->count && c->count == to->count &&
	           a->type == b->type && c->type == to->type && d->compute == CUBLAS_COMPUTE_32F &&
	           d->scale == CUDA_R_32F && (to->type == CUDA_R_32F || a->type == CUDA_R_16BF);
	if (!fit)
		fake_error("a product of %llu x %llu and %llu x %llu to %llu x %llu",
		           (unsigned long long)m, (unsigned long long)k, (unsigned long long)k2,
		           (unsigned long long)n, (unsigned long long)to->rows,
		           (unsigned long long)to->cols);
	if (d->epilogue == CUBLASLT_EPILOGUE_BIAS && d->bias_type != to->type)
		fake_error("the bias has another type than the result");
	return fit;
}

cublasStatus_t
cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t h, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
                               cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                               cublasLtMatrixLayout_t to, cublasLtMatmulPreference_t pref,
                               int wanted, cublasLtMatmulHeuristicResult_t *found, int *got)
{
	FAIL_HERE;
	(void)h;
	const Pref *p = (const Pref *)(void *)pref;
	const Desc *own = (const Desc *)(void *)d;
	*got = 0;
	fake.heuristics++;
	if (!shapes_fit(own, (Layout *)(void *)a, (Layout *)(void *)b, (Layout *)(void *)c,
	                (Layout *)(void *)to))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (own->epilogue == CUBLASLT_EPILOGUE_BIAS &&
	    (own->bias == NULL || (uintptr_t)own->bias % 16))
		fake_error("the bias is not at a multiple of 16 bytes");
	for (int i = 0; i < ALGORITHMS && i < wanted; i++) {
		/* 1 splits in place (never wanted), 4 wants 256-byte alignment. */
		uint64_t scheme = i == 1   ? CUBLASLT_REDUCTION_SCHEME_INPLACE
		                  : i == 2 ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
		                           : CUBLASLT_REDUCTION_SCHEME_NONE;
		uint64_t align = i == 4 ? 256 : 1, room = i == 2 ? 1 << 20 : 0;
		bool     aligned = true;
		for (int k = 0; k < 4; k++)
			aligned = aligned && p->align[k] >= align;
		if (!aligned || room > p->workspace)
			continue;
		found[*got] = (cublasLtMatmulHeuristicResult_t){
			.algo = {{MAGIC, (uint64_t)i, scheme, align, room}},
			.workspaceSize = room,
			.state = CUBLAS_STATUS_SUCCESS};
		(*got)++;
	}
	return *got ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t
cublasLtMatmulAlgoCheck(cublasLtHandle_t h, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
                        cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                        cublasLtMatrixLayout_t to, const cublasLtMatmulAlgo_t *algo,
                        cublasLtMatmulHeuristicResult_t *result)
{
	(void)h, (void)d, (void)a, (void)b, (void)c, (void)to;
	if (algo->data[0] != MAGIC || algo->data[1] >= ALGORITHMS)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	*result = (cublasLtMatmulHeuristicResult_t){.algo = *algo, .workspaceSize = algo->data[4]};
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t          *algo,
                                     cublasLtMatmulAlgoConfigAttributes_t which, void *to,
                                     size_t bytes, size_t *written)
{
	if (which != CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME || bytes != 4)
		return CUBLAS_STATUS_INVALID_VALUE;
	*(uint32_t *)to = (uint32_t)algo->data[2];
	*written = 4;
	return CUBLAS_STATUS_SUCCESS;
}

/* ---- products ------------------------------------------------------------------------------- */

typedef struct {
	Desc        desc;
	Layout      a, b, to;
	const char *at, *bt;
	char       *tt;
	float       alpha, beta;
} Product;

static int64_t
element(const Layout *l)
{
	return l->type == CUDA_R_16BF ? 2 : 4;
}

static float
get(const char *at, const Layout *l, int64_t z, uint64_t row, uint64_t col)
{
	int64_t i = z * l->distance + (int64_t)row + (int64_t)col * l->ld;
	if (l->type != CUDA_R_16BF)
		return ((const float *)(const void *)at)[i];
	uint32_t u = (uint32_t)((const uint16_t *)(const void *)at)[i] << 16;
	float    f;
	memcpy(&f, &u, 4);
	return f;
}

static uint16_t
narrowed(float x)
{
	uint32_t u;
	memcpy(&u, &x, 4);
	return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

static bool
matrix_inside(const char *at, const Layout *l, const char *what)
{
	int64_t last =
		(l->count - 1) * l->distance + ((int64_t)l->cols - 1) * l->ld + (int64_t)l->rows;
	return fake_inside(at, last * element(l), what);
}

static void
product_run(void *with)
{
	const Product *p = with;
	const Layout   row = {.type = p->to.type};
	uint64_t       k = p->desc.ta ? p->a.rows : p->a.cols;
	if (!matrix_inside(p->at, &p->a, "gemm A") || !matrix_inside(p->bt, &p->b, "gemm B") ||
	    !matrix_inside(p->tt, &p->to, "gemm D"))
		return;
	fake.matmuls++;
	if (fake.idle || (!fake.replaying && !fake.eager))
		return;
	fake_log("gemm");
	for (int64_t z = 0; z < p->to.count; z++)
		for (uint64_t j = 0; j < p->to.cols; j++)
			for (uint64_t i = 0; i < p->to.rows; i++) {
				float sum = 0;
				for (uint64_t l = 0; l < k; l++)
					sum += (p->desc.ta ? get(p->at, &p->a, z, l, i)
					                   : get(p->at, &p->a, z, i, l)) *
					       (p->desc.tb ? get(p->bt, &p->b, z, j, l)
					                   : get(p->bt, &p->b, z, l, j));
				sum *= p->alpha;
				if (p->beta != 0)
					sum += p->beta * get(p->tt, &p->to, z, i, j);
				if (p->desc.epilogue == CUBLASLT_EPILOGUE_BIAS)
					sum += get(p->desc.bias, &row, 0, i, 0);
				int64_t at =
					z * p->to.distance + (int64_t)i + (int64_t)j * p->to.ld;
				if (p->to.type == CUDA_R_16BF)
					((uint16_t *)(void *)p->tt)[at] = narrowed(sum);
				else
					((float *)(void *)p->tt)[at] = sum;
			}
}

static void
pointer_check(const void *at, uint64_t align, const char *what)
{
	if ((uintptr_t)at % align)
		fake_error("%s is not at a multiple of %llu bytes", what,
		           (unsigned long long)align);
}

cublasStatus_t
cublasLtMatmul(cublasLtHandle_t h, cublasLtMatmulDesc_t d, const void *alpha, const void *a,
               cublasLtMatrixLayout_t al, const void *b, cublasLtMatrixLayout_t bl,
               const void *beta, const void *c, cublasLtMatrixLayout_t cl, void *to,
               cublasLtMatrixLayout_t tl, const cublasLtMatmulAlgo_t *algo, void *workspace,
               size_t bytes, cudaStream_t stream)
{
	if (!fake_has_context())
		return CUBLAS_STATUS_NOT_INITIALIZED;
	FAIL_HERE;
	(void)h;
	Product p = {.desc = *(Desc *)(void *)d,
	             .a = *(Layout *)(void *)al,
	             .b = *(Layout *)(void *)bl,
	             .to = *(Layout *)(void *)tl,
	             .at = a,
	             .bt = b,
	             .tt = to,
	             .alpha = *(const float *)alpha,
	             .beta = *(const float *)beta};
	if (!shapes_fit(&p.desc, &p.a, &p.b, (Layout *)(void *)cl, &p.to))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (algo->data[0] != MAGIC || algo->data[2] == CUBLASLT_REDUCTION_SCHEME_INPLACE || c != to)
		fake_error("a product with an algorithm that was never wanted");
	if (bytes < algo->data[4] ||
	    (bytes && !fake_inside(workspace, (int64_t)bytes, "workspace")))
		fake_error("a product wants %llu bytes of workspace",
		           (unsigned long long)algo->data[4]);
	pointer_check(a, algo->data[3], "A");
	pointer_check(b, algo->data[3], "B");
	pointer_check(to, algo->data[3], "D");
	if (p.desc.epilogue == CUBLASLT_EPILOGUE_BIAS) {
		pointer_check(p.desc.bias, 16, "the bias");
		fake_inside(p.desc.bias, (int64_t)p.to.rows * element(&p.to), "the bias");
	}
	fake.chosen = (int)algo->data[1];
	fake_enqueue((FakeStream *)(void *)stream, product_run, &p, sizeof p,
	             algo->data[1] == BEST ? 10 : 20);
	return CUBLAS_STATUS_SUCCESS;
}
