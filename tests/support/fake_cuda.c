/* The driver's part but its streams: memory, the GPU, what a test sees. See fake_cuda.h. */
#include "tests/support/fake_cuda.h"

#include <cuda.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FakeCuda fake = {.major = 9, .minor = 0, .driver = CUDA_VERSION, .memory = (int64_t)1 << 30};

/* The failure that the test wants, or what a thread without a context gets. */
#define FAIL_HERE                                                                                  \
	FAKE_ALONE;                                                                                \
	do {                                                                                       \
		int code_;                                                                         \
		if (!fake_has_context())                                                           \
			return CUDA_ERROR_INVALID_CONTEXT;                                         \
		if (fake_fails(__func__, &code_))                                                  \
			return (CUresult)code_;                                                    \
	} while (0)
/* For calls that no context is needed for. */
#define FAIL_ANYWHERE                                                                              \
	FAKE_ALONE;                                                                                \
	do {                                                                                       \
		int code_;                                                                         \
		if (fake_fails(__func__, &code_))                                                  \
			return (CUresult)code_;                                                    \
	} while (0)

/* Programs of a real model's size, run by hand: nothing is calculated. */
__attribute__((constructor)) static void
memory_of_the_environment(void)
{
	const char *bytes = getenv("D2V_FAKE_MEMORY");
	if (bytes)
		fake.memory = atoll(bytes);
	fake.idle = bytes != NULL;
}

static pthread_mutex_t alone = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

int
fake_enter(void)
{
	return pthread_mutex_lock(&alone);
}

void
fake_leave(int *unused)
{
	(void)unused;
	pthread_mutex_unlock(&alone);
}

static void
append(char *to, size_t room, const char *end, const char *fmt, va_list ap)
{
	char one[512];
	vsnprintf(one, sizeof one, fmt, ap);
	size_t n = strlen(to);
	if (n + strlen(one) + 2 < room)
		sprintf(to + n, "%s%s", one, end);
}

void
fake_log(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	append(fake.log, sizeof fake.log, " ", fmt, ap);
	va_end(ap);
}

void
fake_error(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	append(fake.errors, sizeof fake.errors, "\n", fmt, ap);
	va_end(ap);
}

bool
fake_fails(const char *name, int *code)
{
	size_t n = fake.fail ? strlen(fake.fail) : 0;
	/* cuMemAlloc is cuMemAlloc_v2. */
	if (n == 0 || strncmp(name, fake.fail, n) != 0 || (name[n] && name[n] != '_'))
		return false;
	if (fake.fail_after-- > 0)
		return false;
	*code = fake.fail_with;
	fake.fail = NULL; /* once */
	return true;
}

/* ---- memory --------------------------------------------------------------------------------- */

typedef struct {
	char   *at;
	int64_t bytes;
	bool    pinned;
} Piece;

static Piece piece[4096];
static int   npiece;

bool
fake_inside(const void *at, int64_t bytes, const char *what)
{
	for (int i = 0; i < npiece; i++)
		if (!piece[i].pinned && (const char *)at >= piece[i].at &&
		    (const char *)at + bytes <= piece[i].at + piece[i].bytes)
			return true;
	fake_error("%s: %lld bytes at %p are not memory of the GPU", what, (long long)bytes, at);
	return false;
}

static void *
piece_new(size_t bytes, bool pinned)
{
	void *at = aligned_alloc(256, (bytes + 255) / 256 * 256);
	if (at == NULL || npiece == 4096)
		abort();
	memset(at, 0xff, bytes); /* NaN */
	piece[npiece++] = (Piece){at, (int64_t)bytes, pinned};
	fake.live++;
	return at;
}

static bool
piece_free(void *at, bool pinned)
{
	for (int i = 0; i < npiece; i++)
		if (piece[i].at == at && piece[i].pinned == pinned) {
			if (!pinned)
				fake.used -= piece[i].bytes;
			piece[i] = piece[--npiece];
			free(at);
			fake.live--;
			return true;
		}
	fake_error("%p was not allocated", at);
	return false;
}

static void *
host(CUdeviceptr p)
{
	return (void *)(uintptr_t)p;
}

CUresult
cuMemAlloc(CUdeviceptr *p, size_t bytes)
{
	FAIL_HERE;
	if (bytes == 0)
		return CUDA_ERROR_INVALID_VALUE;
	if (fake.used + (int64_t)bytes > fake.memory)
		return CUDA_ERROR_OUT_OF_MEMORY;
	fake.used += (int64_t)bytes;
	*p = (CUdeviceptr)(uintptr_t)piece_new(bytes, false);
	fake_log("alloc:%zu", bytes);
	return CUDA_SUCCESS;
}

CUresult
cuMemFree(CUdeviceptr p)
{
	FAIL_HERE;
	return piece_free(host(p), false) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult
cuMemHostAlloc(void **p, size_t bytes, unsigned int flags)
{
	FAIL_HERE;
	(void)flags;
	*p = piece_new(bytes, true);
	return CUDA_SUCCESS;
}

CUresult
cuMemFreeHost(void *p)
{
	FAIL_HERE;
	return piece_free(p, true) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult
cuMemGetInfo(size_t *unused, size_t *total)
{
	FAIL_HERE;
	*unused = (size_t)(fake.memory - fake.used);
	*total = (size_t)fake.memory;
	return CUDA_SUCCESS;
}

/* ---- the GPU -------------------------------------------------------------------------------- */

CUresult
cuInit(unsigned int flags)
{
	FAIL_ANYWHERE;
	(void)flags;
	return CUDA_SUCCESS;
}

CUresult
cuDriverGetVersion(int *version)
{
	*version = fake.driver;
	return CUDA_SUCCESS;
}

CUresult
cuGetErrorName(CUresult e, const char **name)
{
	*name = e == CUDA_ERROR_OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE";
	return CUDA_SUCCESS;
}

CUresult
cuGetErrorString(CUresult e, const char **said)
{
	*said = e == CUDA_ERROR_OUT_OF_MEMORY ? "out of memory" : "as the test wants";
	return CUDA_SUCCESS;
}

CUresult
cuDeviceGetCount(int *n)
{
	FAIL_ANYWHERE;
	*n = 1;
	return CUDA_SUCCESS;
}

CUresult
cuDeviceGet(CUdevice *d, int ordinal)
{
	*d = ordinal;
	return CUDA_SUCCESS;
}

CUresult
cuDeviceGetName(char *name, int room, CUdevice d)
{
	(void)d;
	snprintf(name, (size_t)room, "%s",
	         getenv("D2V_FAKE_GPU") ? getenv("D2V_FAKE_GPU") : "Fake GPU");
	return CUDA_SUCCESS;
}

CUresult
cuDeviceGetAttribute(int *out, CUdevice_attribute which, CUdevice d)
{
	(void)d;
	switch (which) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
		*out = fake.major;
		return CUDA_SUCCESS;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
		*out = fake.minor;
		return CUDA_SUCCESS;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
		*out = 132;
		return CUDA_SUCCESS;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
		*out = 227 << 10;
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult
cuDevicePrimaryCtxSetFlags(CUdevice d, unsigned int flags)
{
	(void)d, (void)flags;
	return CUDA_SUCCESS;
}

CUresult
cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d)
{
	FAIL_ANYWHERE;
	(void)d;
	*c = (CUcontext)(void *)&fake;
	fake.live++;
	return CUDA_SUCCESS;
}

CUresult
cuDevicePrimaryCtxRelease(CUdevice d)
{
	(void)d;
	fake.live--;
	return CUDA_SUCCESS;
}

/* A thread has the context that it set itself, no other's. */
static _Thread_local CUcontext current;

bool
fake_has_context(void)
{
	return current != NULL;
}

CUresult
cuCtxSetCurrent(CUcontext c)
{
	current = c;
	return CUDA_SUCCESS;
}
