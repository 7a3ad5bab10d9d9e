/* The cuda device: slabs of GPU memory, kernels compiled by NVRTC, gemms by cuBLASLt, the steps of
 * an entry as one CUDA graph.
 *
 * Everything is decided in open: each slab is one allocation of the planned bytes, every launch has
 * its arguments, every gemm its code. The first run of an entry records it; later runs replay the
 * record. Refuses programs for another target, machines without GPU, driver or libraries, and GPUs
 * that are too old or too small for the program. */
#include "runtime/device_cuda.h"
#include "compiler/program/cost.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CU(call, ...) TRY(cuda_check(d->cu, d->cu->call, __VA_ARGS__))

/* ---- the GPU -------------------------------------------------------------------------------- */

static Status
attribute(Dev *d, CUdevice_attribute which, int *out)
{
	CU(cuDeviceGetAttribute(out, which, d->device), "a property of the GPU");
	return OK;
}

static Status
gpu_open(Dev *d)
{
	int      n = 0;
	CUresult e = d->cu->cuInit(0);
	if (e == CUDA_SUCCESS)
		e = d->cu->cuDeviceGetCount(&n);
	if (e == CUDA_ERROR_NO_DEVICE || (e == CUDA_SUCCESS && n == 0))
		return world_error("device-missing", "there is no NVIDIA GPU here (or "
		                                     "CUDA_VISIBLE_DEVICES hides it)");
	TRY(cuda_check(d->cu, e, "starting the driver"));
	CU(cuDriverGetVersion(&d->driver), "the driver's version");
	if (d->driver / 1000 < CUDA_VERSION / 1000) /* it loads no code of a newer toolkit */
		return world_error(
			"device-missing",
			"the driver here is for CUDA %d.%d, and this d2v was built for CUDA "
			"%d.%d: install a driver for CUDA %d, or build with an older toolkit",
			d->driver / 1000, d->driver % 1000 / 10, CUDA_VERSION / 1000,
			CUDA_VERSION % 1000 / 10, CUDA_VERSION / 1000);
	CU(cuDeviceGet(&d->device, 0), "the first GPU");
	CU(cuDeviceGetName(d->name, (int)sizeof d->name, d->device), "the name of the GPU");
	TRY(attribute(d, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, &d->major));
	TRY(attribute(d, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, &d->minor));
	TRY(attribute(d, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, &d->processors));
	TRY(attribute(d, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, &d->most_shared));
	return OK;
}

Status
cuda_enter(Dev *d)
{
	CU(cuCtxSetCurrent(d->context), "the context");
	return OK;
}

/* The context that the driver's other users in this process share: cuBLASLt is one of them. Waiting
 * sleeps instead of spinning: the cores are for those who decode images. */
static Status
context_open(Dev *d)
{
	CU(cuDevicePrimaryCtxSetFlags(d->device, CU_CTX_SCHED_BLOCKING_SYNC),
	   "the context's flags");
	CU(cuDevicePrimaryCtxRetain(&d->context, d->device), "a context on %s", d->name);
	TRY(cuda_enter(d));
	CU(cuStreamCreate(&d->stream, CU_STREAM_NON_BLOCKING), "a stream");
	CU(cuStreamCreate(&d->copy, CU_STREAM_NON_BLOCKING), "a stream");
	return OK;
}

/* "sm_90": at least compute capability 9.0. */
static Status
needs_check(const Dev *d)
{
	for (const char *s = d->p->needs ? d->p->needs : ""; *s;) {
		size_t skip = strspn(s, " ,"), n = strcspn(s + skip, " ,");
		s += skip;
		if (n == 0)
			break;
		char *end = NULL;
		long  want = n > 3 && strncmp(s, "sm_", 3) == 0 ? strtol(s + 3, &end, 10) : 0;
		if (want <= 0 || end > s + n)
			return user_error(
				"gpu-feature",
				"the program needs `%.*s`, which this device does not know", (int)n,
				s);
		if (10 * d->major + d->minor < want)
			return world_error(
				"gpu-feature",
				"the program was compiled for %.*s and later, and %s is sm_%d%d; "
				"compile it with --arch=sm_%d%d",
				(int)n, s, d->name, d->major, d->minor, d->major, d->minor);
		s += n;
	}
	return OK;
}

/* ---- memory --------------------------------------------------------------------------------- */

static Status
slabs_open(Dev *d)
{
	const Program *p = d->p;
	int64_t        total = 0;
	size_t         unused = 0, all = 0, left = 0;
	for (int i = 0; i < p->nslab; i++)
		total += p->slab[i].bytes;
	CU(cuMemGetInfo(&unused, &all), "the size of the GPU's memory");
	if (total > (int64_t)unused)
		return world_error("out-of-memory",
		                   "the program needs %.2f GiB, %s has %.2f GiB free of %.2f GiB",
		                   (double)total / (1 << 30), d->name, (double)unused / (1 << 30),
		                   (double)all / (1 << 30));
	for (int i = 0; i < p->nslab; i++) {
		size_t bytes = (size_t)p->slab[i].bytes;
		if (bytes == 0)
			continue;
		CU(cuMemAlloc(&d->slab[i], bytes), "slab `%s` of %zu bytes", p->slab[i].name,
		   bytes);
		d->allocated += p->slab[i].bytes;
		CU(cuMemsetD8Async(d->slab[i], 0, bytes, d->stream), "clearing slab `%s`",
		   p->slab[i].name);
	}
	CU(cuMemGetInfo(&left, &all), "the size of the GPU's memory");
	d->taken = (int64_t)unused - (int64_t)left;
	return OK;
}

static Status
tables_write(Dev *d)
{
	for (int i = 0; i < d->p->ntable; i++) {
		const Table *t = &d->p->table[i];
		TRY(move_put(d, t->slab, t->offset, t->data, t->count * (int64_t)sizeof *t->data));
	}
	return move_flush(d);
}

/* ---- opening and closing -------------------------------------------------------------------- */

/* May the bias of this gemm be read before the entry's first step? Only if all of it is still what
 * was there when the entry began, and the program says so. */
static bool
bias_is_old(const Gemm *g)
{
	bool old = g->bias_value < 0;
	for (int i = 0; i < g->bias_nmore; i++)
		old = old && g->bias_more[i].value < 0;
	return old;
}

static Status
gemms_plan(Dev *d)
{
	TRY(gemm_open(d));
	for (int i = 0; i < d->p->nentry; i++) {
		const Entry *e = &d->p->entry[i];
		d->entry[i].step = arena_new_array(d->arena, CudaStep, e->nstep + 1);
		for (int j = 0; j < e->nstep; j++) {
			const Gemm *g = &e->step[j].gemm;
			if (e->step[j].kind == STEP_gemm)
				TRY(gemm_plan(d, i, g, !bias_is_old(g), &d->entry[i].step[j].gemm));
		}
	}
	return OK;
}

static Status
launches_prepare(Dev *d)
{
	for (int i = 0; i < d->p->nentry; i++)
		for (int j = 0; j < d->p->entry[i].nstep; j++)
			if (d->p->entry[i].step[j].kind == STEP_launch)
				TRY(cuda_launch_prepare(d, &d->p->entry[i].step[j],
				                        &d->entry[i].step[j]));
	return OK;
}

/* ---- side by side --------------------------------------------------------------------------- */

/* Part of the opening on a thread of its own. The arena has no lock: the thread that opens the device
 * leaves it alone while the other one uses it. */
typedef struct {
	Dev        *d;
	const char *folder, *cache;
	pthread_t   thread;
	bool        started;
	Status      status;
} Beside;

static void *
find_beside(void *arg)
{
	Beside *b = arg;
	b->status = cuda_api_blas() == OK && cuda_find(b->d, b->folder, b->cache) == OK ? OK : FAIL;
	phase("cuBLASLt, NVRTC and cubins (beside)");
	return NULL;
}

static void *
pin_beside(void *arg)
{
	Beside *b = arg;
	b->status = move_pin(b->d);
	phase("pinned memory (beside)");
	return NULL;
}

static void
beside_start(Beside *b, void *(*what)(void *))
{
	b->started = pthread_create(&b->thread, NULL, what, b) == 0;
	if (!b->started)
		what(b);
}

static Status
beside_end(Beside *b)
{
	if (b->started)
		pthread_join(b->thread, NULL);
	return b->status;
}

static Status
memory_prepare(Dev *d)
{
	TRY(slabs_open(d));
	phase("slabs");
	TRY(launches_prepare(d));
	phase("launches");
	TRY(gemm_place(d));
	phase("gemms tried once");
	return OK;
}

static Status
code_prepare(Dev *d, const char *cache)
{
	TRY(cuda_load(d));
	TRY(gemms_plan(d));
	phase("gemms planned");
	TRY(gemm_choose(d, cache)); /* before the slabs: timing wants memory of its own */
	phase("gemm codes");
	return OK;
}

/* A context takes a tenth of a second or two: meanwhile libraries are loaded and kernels read; and
 * memory is pinned while the library loads its codes, but not while it times them. */
static Status
prepare(Dev *d, const char *folder, const char *cache)
{
	Beside find = {.d = d, .folder = folder, .cache = cache}, pin = {.d = d};
	TRY(cuda_api_driver(&d->cu));
	TRY(gpu_open(d));
	TRY(needs_check(d));
	phase("driver started");
	beside_start(&find, find_beside);
	Status s = context_open(d);
	phase("context");
	if (beside_end(&find) != OK || s != OK)
		return FAIL;
	TRY(code_prepare(d, cache));
	move_new(d);
	beside_start(&pin, pin_beside);
	s = memory_prepare(d);
	if (beside_end(&pin) != OK || s != OK)
		return FAIL;
	TRY(move_open(d));
	TRY(tables_write(d));
	CU(cuStreamSynchronize(d->stream), "preparing the memory");
	return OK;
}

static void
cuda_close(Dev *d)
{
	if (d == NULL)
		return;
	/* What fails here is not reported: it is the end, and what mattered was. */
	if (d->context) {
		const CudaApi *cu = d->cu;
		cu->cuCtxSetCurrent(d->context);
		if (d->stream)
			cu->cuStreamSynchronize(d->stream);
		if (d->copy)
			cu->cuStreamSynchronize(d->copy);
		graph_close(d);
		gemm_close(d);
		move_close(d);
		for (int i = 0; i < d->p->nslab; i++)
			if (d->slab[i])
				cu->cuMemFree(d->slab[i]);
		cuda_unload(d);
		if (d->copy)
			cu->cuStreamDestroy(d->copy);
		if (d->stream)
			cu->cuStreamDestroy(d->stream);
		cu->cuDevicePrimaryCtxRelease(d->device);
	}
	arena_free(d->arena);
}

static Status
cuda_open(Dev **out, const Program *p, const char *folder, const char *cache)
{
	*out = NULL;
	if (strcmp(p->target, "cuda") != 0)
		return user_error("target", "the program was compiled for `%s`, not for `cuda`",
		                  p->target);
	Arena *a = arena_new();
	Dev   *d = arena_new_one(a, Dev);
	d->arena = a;
	d->p = p;
	d->slab = arena_new_array(a, CUdeviceptr, p->nslab + 1);
	d->entry = arena_new_array(a, CudaEntry, p->nentry + 1);
	if (prepare(d, folder, cache) != OK) {
		cuda_close(d);
		return FAIL;
	}
	*out = d;
	return OK;
}

static int64_t
cuda_allocated(Dev *d)
{
	return d->allocated;
}

static int64_t
cuda_taken(Dev *d)
{
	return d->taken;
}

static int64_t
cuda_workspace(Dev *d)
{
	return gemm_workspace(d) + move_workspace(d);
}

/* By the driver's name of the GPU; each stands for one table of rates. */
static Status
cuda_rates(Dev *d, Rates *out)
{
	static const struct {
		const char *name, *rates;
	} known[] = {{"H200", "h200"}, {"H100 80GB HBM3", "h100"}};
	*out = (Rates){0};
	for (int i = 0; i < COUNT(known); i++)
		if (strstr(d->name, known[i].name))
			*out = *rates_find(known[i].rates);
	return OK;
}

extern const Device d2v_device;
const Device        d2v_device = {
	       .name = "cuda",
	       .open = cuda_open,
	       .close = cuda_close,
	       .put = move_put,
	       .get = move_get,
	       .run = graph_run,
	       .profile = graph_profile,
	       .part = graph_part,
	       .allocated = cuda_allocated,
	       .taken = cuda_taken,
	       .workspace = cuda_workspace,
	       .rates = cuda_rates,
	       .stage = move_stage,
	       .ask = move_ask,
	       .take = move_take,
	       .clear = move_clear,
	       .copy = move_copy,
};
