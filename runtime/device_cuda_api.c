/* The driver and cuBLASLt, found at run time: see device_cuda_api.h. Refuses a machine without them
 * or with a driver older than the headers this was built with, in one sentence. */
#include "runtime/device_cuda_api.h"
#include "compiler/base/cuda_library.h"

#include <dlfcn.h>
#include <string.h>

typedef struct {
	const char  *name;
	const char **names;
	const char  *what;
} Library;

static Status
library_open(const Library *l, void **so)
{
	Text t = {0};
	*so = cuda_library(l->names, &t);
	Status s = *so ? OK
	               : world_error("device-missing", "the device `cuda` needs %s: %s", l->what,
	                             t.at);
	text_free(&t);
	return s;
}

static Status
symbol(const Library *l, void *so, const char *name, void *to)
{
	void *found = dlsym(so, name);
	if (found == NULL)
		return world_error(
			"device-missing",
			"the %s that was found is too old: it lacks `%s` (built for CUDA "
			"%d.%d)",
			l->name, name, CUDA_VERSION / 1000, CUDA_VERSION % 1000 / 10);
	memcpy(to, &found, sizeof found); /* ISO C has no cast from object to function pointer */
	return OK;
}

/* The headers rename functions by macros: the name to look for is the one after renaming. */
#define NAME(f) NAME_(f)
#define NAME_(f) #f
#define LOAD(f) TRY(symbol(l, so, NAME(f), &to->f));

static Status
driver_load(CudaApi *to)
{
	static const char   *names[] = {"libcuda.so.1", NULL};
	static const Library driver = {"driver", names, "NVIDIA's driver, which is not here"},
			     *l = &driver;
	void *so;
	TRY(library_open(l, &so));
	DRIVER_FUNCTIONS(LOAD)
	return OK;
}

static Status
blas_load(CudaApi *to)
{
	/* The types of one major version do not hold for another. */
	static const char   *names[] = {"libcublasLt.so." NAME(CUBLAS_VER_MAJOR), NULL};
	static const Library blas = {"cuBLASLt", names, "the library cuBLASLt, which is not here"},
			     *l = &blas;
	void *so;
	TRY(library_open(l, &so));
	BLAS_FUNCTIONS(LOAD)
	return OK;
}

static CudaApi api;

Status
cuda_api_driver(const CudaApi **out)
{
	static bool loaded;
	if (!loaded)
		TRY(driver_load(&api));
	loaded = true;
	*out = &api;
	return OK;
}

Status
cuda_api_blas(void)
{
	static bool loaded;
	if (!loaded)
		TRY(blas_load(&api));
	loaded = true;
	return OK;
}

Status
cuda_check(const CudaApi *cu, CUresult e, const char *fmt, ...)
{
	if (e == CUDA_SUCCESS)
		return OK;
	const char *name = NULL, *said = NULL;
	if (cu->cuGetErrorName(e, &name) != CUDA_SUCCESS || name == NULL)
		name = "an unknown error";
	if (cu->cuGetErrorString(e, &said) != CUDA_SUCCESS || said == NULL)
		said = "";
	Text    t = {0};
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	Status s = world_error(e == CUDA_ERROR_OUT_OF_MEMORY ? "out-of-memory" : "cuda",
	                       "CUDA: %s: %s (%s %d)", t.at, said, name, (int)e);
	text_free(&t);
	return s;
}
