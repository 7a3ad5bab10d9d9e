/* Modules and kernels, and an NVRTC whose cubins are the text: see fake_cuda.h. A kernel's
 * parameters are read off its text; what it does is told by its name. */
#include "tests/support/fake_cuda.h"

#include <ctype.h>
#include <cuda.h>
#include <nvrtc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAIL_HERE                                                                                  \
	FAKE_ALONE;                                                                                \
	do {                                                                                       \
		int code_;                                                                         \
		if (!fake_has_context())                                                           \
			return CUDA_ERROR_INVALID_CONTEXT;                                         \
		if (fake_fails(__func__, &code_))                                                  \
			return (CUresult)code_;                                                    \
	} while (0)

/* ---- NVRTC ---------------------------------------------------------------------------------- */

struct _nvrtcProgram {
	char *text, *log;
	char  arch[16];
};

/* The head of a fake cubin; the text follows, of so many bytes. */
static const char head[] = "FAKECUBIN %15s %08zu\n";

nvrtcResult
nvrtcVersion(int *major, int *minor)
{
	*major = 99; /* its cubins are no one else's */
	*minor = 0;
	return NVRTC_SUCCESS;
}

const char *
nvrtcGetErrorString(nvrtcResult e)
{
	return e == NVRTC_ERROR_COMPILATION ? "NVRTC_ERROR_COMPILATION" : "another NVRTC error";
}

nvrtcResult
nvrtcCreateProgram(nvrtcProgram *p, const char *text, const char *name, int n,
                   const char *const *header, const char *const *include)
{
	(void)name, (void)n, (void)header, (void)include;
	*p = calloc(1, sizeof **p);
	(*p)->text = strdup(text);
	(*p)->log = strdup("");
	return NVRTC_SUCCESS;
}

nvrtcResult
nvrtcDestroyProgram(nvrtcProgram *p)
{
	free((*p)->text);
	free((*p)->log);
	free(*p);
	return NVRTC_SUCCESS;
}

nvrtcResult
nvrtcCompileProgram(nvrtcProgram p, int n, const char *const *option)
{
	for (int i = 0; i < n; i++)
		sscanf(option[i], "--gpu-architecture=%15s", p->arch);
	const char *bad = strstr(p->text, "#error");
	free(p->log);
	p->log = strdup(bad ? "k.cu(1): error: #error directive: planted\n" : "");
	return bad ? NVRTC_ERROR_COMPILATION : NVRTC_SUCCESS;
}

nvrtcResult
nvrtcGetProgramLogSize(nvrtcProgram p, size_t *n)
{
	*n = strlen(p->log) + 1;
	return NVRTC_SUCCESS;
}

nvrtcResult
nvrtcGetProgramLog(nvrtcProgram p, char *to)
{
	strcpy(to, p->log);
	return NVRTC_SUCCESS;
}

nvrtcResult
nvrtcGetCUBINSize(nvrtcProgram p, size_t *n)
{
	*n = (size_t)snprintf(NULL, 0, head, p->arch, strlen(p->text)) + strlen(p->text);
	return NVRTC_SUCCESS;
}

nvrtcResult
nvrtcGetCUBIN(nvrtcProgram p, char *to)
{
	int n = sprintf(to, head, p->arch, strlen(p->text));
	memcpy(to + n, p->text, strlen(p->text));
	return NVRTC_SUCCESS;
}

/* ---- modules -------------------------------------------------------------------------------- */

enum { MOST_PARAMETERS = 32, MOST_FUNCTIONS = 8 };

struct CUfunc_st {
	char   name[64];
	int    n;
	size_t bytes[MOST_PARAMETERS];
	int    shared; /* dynamic, as allowed */
};

struct CUmod_st {
	char            *text;
	int              n;
	struct CUfunc_st fn[MOST_FUNCTIONS];
};

CUresult
cuModuleLoadData(CUmodule *m, const void *image)
{
	FAIL_HERE;
	char   arch[16], own[16];
	size_t bytes;
	if (sscanf(image, "FAKECUBIN %15s %zu", arch, &bytes) != 2)
		return CUDA_ERROR_INVALID_IMAGE;
	snprintf(own, sizeof own, "sm_%d%d", fake.major, fake.minor);
	if (strcmp(own, arch) != 0)
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	*m = calloc(1, sizeof **m);
	(*m)->text = strndup((const char *)memchr(image, '\n', 64) + 1, bytes);
	fake.live++;
	return CUDA_SUCCESS;
}

CUresult
cuModuleUnload(CUmodule m)
{
	FAIL_HERE;
	free(m->text);
	free(m);
	fake.live--;
	return CUDA_SUCCESS;
}

static size_t
size_of(const char *at, const char *end)
{
	char one[256];
	snprintf(one, sizeof one, "%.*s", (int)(end - at), at);
	return strchr(one, '*') || strstr(one, "long long") || strstr(one, "double") ? 8 : 4;
}

CUresult
cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name)
{
	FAIL_HERE;
	char        want[80];
	const char *at = NULL;
	snprintf(want, sizeof want, "%s(", name);
	for (const char *g = strstr(m->text, "__global__"); g && !at;
	     g = strstr(g + 1, "__global__")) {
		const char *brace = strchr(g, '{');
		for (at = strstr(g, want); at && !isspace((unsigned char)at[-1]);)
			at = strstr(at + 1, want);
		if (at && brace && at > brace)
			at = NULL;
	}
	if (at == NULL || m->n == MOST_FUNCTIONS)
		return CUDA_ERROR_NOT_FOUND;
	struct CUfunc_st *fn = &m->fn[m->n++];
	snprintf(fn->name, sizeof fn->name, "%s", name);
	at += strlen(want);
	for (const char *end = at; *at != ')' && fn->n < MOST_PARAMETERS;
	     at = end + (*end == ',')) {
		end = at + strcspn(at, ",)");
		fn->bytes[fn->n++] = size_of(at, end);
		if (*end == ')')
			break;
	}
	*f = fn;
	return CUDA_SUCCESS;
}

CUresult
cuFuncGetAttribute(int *out, CUfunction_attribute which, CUfunction f)
{
	FAIL_HERE;
	(void)f;
	*out = which == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0;
	return CUDA_SUCCESS;
}

CUresult
cuFuncSetAttribute(CUfunction f, CUfunction_attribute which, int value)
{
	FAIL_HERE;
	if (which != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value > 227 << 10)
		return CUDA_ERROR_INVALID_VALUE;
	f->shared = value;
	return CUDA_SUCCESS;
}

CUresult
cuFuncGetParamInfo(CUfunction f, size_t i, size_t *offset, size_t *bytes)
{
	FAIL_HERE;
	if (i >= (size_t)f->n)
		return CUDA_ERROR_INVALID_VALUE;
	*offset = 8 * i;
	*bytes = f->bytes[i];
	return CUDA_SUCCESS;
}

/* ---- launches ------------------------------------------------------------------------------- */

typedef struct {
	char         name[64];
	unsigned int grid, block;
	union {
		float     f;
		int       i;
		long long l;
		char     *p;
	} arg[MOST_PARAMETERS];
} Launch;

static uint16_t
narrowed(float x)
{
	uint32_t u;
	memcpy(&u, &x, 4);
	return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

typedef struct {
	const float *from;
	char        *to;
	int          n, narrow;
} Bias;

static void
bias_run(const Launch *l)
{
	const Bias *job = (const Bias *)(void *)l->arg[0].p;
	if (!fake_inside(job, (int64_t)(l->grid * sizeof *job), "d2v_bias"))
		return;
	for (unsigned int k = 0; k < l->grid; k++) {
		if (!fake_inside(job[k].from, 4 * job[k].n, "d2v_bias from") ||
		    !fake_inside(job[k].to, (job[k].narrow ? 2 : 4) * job[k].n, "d2v_bias to"))
			return;
		for (int i = 0; i < job[k].n; i++)
			if (job[k].narrow)
				((uint16_t *)(void *)job[k].to)[i] = narrowed(job[k].from[i]);
			else
				((float *)(void *)job[k].to)[i] = job[k].from[i];
	}
}

/* k_axpy(const float *x, float *y, float a, long long n): y = a x + y */
static void
axpy_run(const Launch *l)
{
	float    *x = (float *)(void *)l->arg[0].p, *y = (float *)(void *)l->arg[1].p;
	long long n = l->arg[3].l;
	if ((long long)l->grid * l->block < n)
		fake_error("k_axpy: %u x %u threads for %lld elements", l->grid, l->block, n);
	if (fake_inside(x, 4 * n, "k_axpy x") && fake_inside(y, 4 * n, "k_axpy y"))
		for (long long i = 0; i < n; i++)
			y[i] = l->arg[2].f * x[i] + y[i];
}

static void
noise_run(const Launch *l)
{
	uint16_t *to = (uint16_t *)(void *)l->arg[0].p;
	if (fake_inside(to, 4 * l->arg[1].l, "d2v_noise"))
		for (long long i = 0; i < 2 * l->arg[1].l; i++)
			to[i] = 0x3f00;
}

static void
launch_run(void *with)
{
	const Launch *l = with;
	fake_log("%s", l->name);
	if (strcmp(l->name, "d2v_bias") == 0)
		bias_run(l);
	else if (strcmp(l->name, "d2v_noise") == 0)
		noise_run(l);
	else if (strcmp(l->name, "k_axpy") == 0)
		axpy_run(l);
	else
		fake_error("the kernel `%s` is not known here", l->name);
}

CUresult
cuLaunchKernel(CUfunction f, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx,
               unsigned int by, unsigned int bz, unsigned int shared, CUstream s, void **arg,
               void **extra)
{
	FAIL_HERE;
	if (gx == 0 || gy != 1 || gz != 1 || bx == 0 || bx > 1024 || by != 1 || bz != 1 || extra)
		return CUDA_ERROR_INVALID_VALUE;
	if ((int)shared > (f->shared > 49152 ? f->shared : 49152))
		return CUDA_ERROR_INVALID_VALUE;
	Launch l = {.grid = gx, .block = bx};
	snprintf(l.name, sizeof l.name, "%s", f->name);
	for (int i = 0; i < f->n; i++)
		memcpy(&l.arg[i], arg[i], f->bytes[i]);
	fake_enqueue((FakeStream *)(void *)s, launch_run, &l, sizeof l, 5);
	return CUDA_SUCCESS;
}
