/* Kernels of the cuda device: text -> cubin (compiler/base/nvrtc.h) -> module -> function, and
 * launches made ready. Refuses a kernel whose arguments are not those of its launches, and one that
 * wants more threads or shared memory than the GPU gives a block. */
#include "runtime/device_cuda.h"
#include "compiler/base/nvrtc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CU(call, ...) TRY(cuda_check(d->cu, d->cu->call, __VA_ARGS__))

/* Two kernels of the device itself. d2v_bias: cuBLASLt adds a bias of the result's type only, and
 * ours are f32: one block copies one bias, rounding to bf16 (nearest, ties to even, as everywhere)
 * where `narrow`. d2v_noise fills what gemms are timed on: a matrix of zeros takes less power,
 * hence less time. */
static const char own_text[] =
	"struct Bias { const float *from; void *to; int n, narrow; };\n"
	"static unsigned short narrowed(float x)\n"
	"{\n"
	"\tunsigned u = __float_as_uint(x);\n"
	"\tif ((u & 0x7fffffffu) > 0x7f800000u)\n"
	"\t\treturn (unsigned short)(u >> 16 | 0x40u);\n"
	"\treturn (unsigned short)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);\n"
	"}\n"
	"extern \"C\" __global__ void __launch_bounds__(256) d2v_bias(const Bias *job)\n"
	"{\n"
	"\tconst Bias b = job[blockIdx.x];\n"
	"\tfor (int i = threadIdx.x; i < b.n; i += 256)\n"
	"\t\tif (b.narrow)\n"
	"\t\t\t((unsigned short *)b.to)[i] = narrowed(b.from[i]);\n"
	"\t\telse\n"
	"\t\t\t((float *)b.to)[i] = b.from[i];\n"
	"}\n"
	"extern \"C\" __global__ void __launch_bounds__(256) d2v_noise(unsigned *to, long long n, "
	"int narrow)\n"
	"{\n"
	"\tfor (long long i = blockIdx.x * 256ll + threadIdx.x; i < n; i += gridDim.x * 256ll) {\n"
	"\t\tunsigned x = (unsigned)i * 2654435761u;\n"
	"\t\tx = (x ^ x >> 15) * 2246822519u;\n"
	"\t\tx ^= x >> 13;\n"
	"\t\tto[i] = narrow ? (x & 0x807f807fu) | 0x3f003f00u : (x & 0x807fffffu) | 0x3f000000u;\n"
	"\t}\n"
	"}\n";

static Status
source_read(Dev *d, const char *folder, const char *file, const char **text)
{
	char *read;
	if (strchr(file, '/') || file[0] == '.' || file[0] == '-' || file[0] == 0)
		return user_error("kernel-file", "`%s` is not the name of a kernel file", file);
	TRY(file_read(arena_printf(d->arena, "%s/kernels/%s", folder, file), &read, NULL));
	*text = arena_strdup(d->arena, read);
	free(read);
	return OK;
}

static Status
module_load(Dev *d, const CudaSource *s, const CudaObject *o)
{
	CUresult e = d->cu->cuModuleLoadData(&d->module[d->nmodule], o->image);
	if (e == CUDA_ERROR_NO_BINARY_FOR_GPU)
		return world_error("kernel-load",
		                   "%s was compiled for another GPU than %s (sm_%d%d)", s->file,
		                   d->name, d->major, d->minor);
	TRY(cuda_check(d->cu, e, "loading %s (%s)", s->file, o->path));
	d->nmodule++;
	return OK;
}

static Status
function_find(Dev *d, const CudaSource *s, const char *name, CUfunction *out)
{
	CUresult e = d->cu->cuModuleGetFunction(out, d->module[d->nmodule - 1], name);
	if (e == CUDA_ERROR_NOT_FOUND)
		return user_error("kernel-missing", "kernels/%s does not define `%s`", s->file,
		                  name);
	return cuda_check(d->cu, e, "finding `%s` in %s", name, s->file);
}

/* Threads and shared memory: more than 48 KiB must be asked for. */
static Status
function_fit(Dev *d, const Kernel *k, CUfunction fn)
{
	int fixed = 0, threads = 0;
	CU(cuFuncGetAttribute(&fixed, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, fn), "`%s`", k->name);
	CU(cuFuncGetAttribute(&threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, fn), "`%s`",
	   k->name);
	if (k->block < 1 || k->block > threads)
		return user_error("kernel-block", "`%s` can run with %d threads a block, not %d",
		                  k->name, threads, k->block);
	if (k->shared < 0 || fixed + k->shared > d->most_shared) {
		world_error("kernel-shared",
		            "`%s` needs %lld bytes of shared memory a block, %s has %d", k->name,
		            (long long)(fixed + k->shared), d->name, d->most_shared);
		diag_hint("`d2v compile --target=cuda --arch=sm_%d%d` cuts kernels up for this GPU",
		          d->major, d->minor);
		return FAIL;
	}
	if (k->shared > 0)
		CU(cuFuncSetAttribute(fn, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
		                      (int)k->shared),
		   "%lld bytes of shared memory for `%s`", (long long)k->shared, k->name);
	return OK;
}

struct CudaFound {
	CudaSource *source;
	CudaHeader  prelude;
	NvrtcJob   *job;
};

Status
cuda_find(Dev *d, const char *folder, const char *cache)
{
	const Program    *p = d->p;
	int               n = p->nkernel;
	struct CudaFound *f = d->found = arena_new_one(d->arena, struct CudaFound);
	CudaSource       *source = f->source = arena_new_array(d->arena, CudaSource, n + 1);
	for (int i = 0; i < n; i++) {
		source[i] = (CudaSource){p->kernel[i].name, p->kernel[i].file, NULL};
		TRY(source_read(d, folder, p->kernel[i].file, &source[i].text));
	}
	if (file_exists(arena_printf(d->arena, "%s/kernels/prelude.cuh", folder))) {
		f->prelude.name = "prelude.cuh";
		TRY(source_read(d, folder, f->prelude.name, &f->prelude.text));
	}
	source[n] = (CudaSource){"d2v_bias", "device_cuda_own.cu", own_text};
	return nvrtc_find(d->arena, source, n + 1, &f->prelude,
	                  arena_printf(d->arena, "sm_%d%d", d->major, d->minor), cache, &f->job);
}

Status
cuda_load(Dev *d)
{
	const Program    *p = d->p;
	int               n = p->nkernel;
	const CudaSource *source = d->found->source;
	CudaObject       *object;
	TRY(nvrtc_rest(d->found->job, &object));
	phase("cubins compiled where they were missing");
	d->module = arena_new_array(d->arena, CUmodule, n + 1);
	d->function = arena_new_array(d->arena, CUfunction, n + 1);
	for (int i = 0; i < n; i++) {
		TRY(module_load(d, &source[i], &object[i]));
		TRY(function_find(d, &source[i], source[i].name, &d->function[i]));
		TRY(function_fit(d, &p->kernel[i], d->function[i]));
	}
	TRY(module_load(d, &source[n], &object[n]));
	TRY(function_find(d, &source[n], "d2v_bias", &d->bias));
	TRY(function_find(d, &source[n], "d2v_noise", &d->noise));
	phase("modules loaded");
	return OK;
}

void
cuda_unload(Dev *d)
{
	for (int i = 0; i < d->nmodule; i++)
		d->cu->cuModuleUnload(d->module[i]);
}

/* ---- launches ------------------------------------------------------------------------------- */

/* Blocks: a number of the kernel, or enough for the elements the launch counts. */
static Status
grid_of(const Kernel *k, const ProgStep *s, unsigned int *out)
{
	int64_t grid = k->grid;
	for (int i = 0; i < s->narg && grid == 0; i++)
		if (s->arg[i].kind == ARG_i64 && k->per_block > 0)
			grid = (s->arg[i].i + k->per_block - 1) / k->per_block;
	if (grid < 1 || grid > INT_MAX)
		return user_error("kernel-grid", "a launch of `%s` has %lld blocks", k->name,
		                  (long long)grid);
	*out = (unsigned int)grid;
	return OK;
}

static Status
argument_check(Dev *d, const Kernel *k, CUfunction fn, int at, size_t want)
{
	size_t   offset = 0, bytes = 0;
	CUresult e = d->cu->cuFuncGetParamInfo(fn, (size_t)at, &offset, &bytes);
	if (e == CUDA_ERROR_INVALID_VALUE) /* there is no such parameter */
		e = CUDA_SUCCESS;
	TRY(cuda_check(d->cu, e, "the parameters of `%s`", k->name));
	if (bytes != want)
		return user_error(
			"kernel-arguments",
			"parameter %d of `%s` has %zu bytes in kernels/%s, %zu in the program",
			at + 1, k->name, bytes, k->file, want);
	return OK;
}

typedef union {
	CUdeviceptr at;
	float       f;
	long long   i;
	uint64_t    u;
} Value;

/* Pointers first, then numbers, each in order. */
Status
cuda_launch_prepare(Dev *d, const ProgStep *s, CudaStep *out)
{
	const Kernel *k = &d->p->kernel[s->kernel];
	Value        *value = arena_new_array(d->arena, Value, s->narg + 1);
	int           n = 0;
	out->fn = d->function[s->kernel];
	out->block = (unsigned int)k->block;
	out->shared = (unsigned int)k->shared;
	out->arg = arena_new_array(d->arena, void *, s->narg + 1);
	TRY(grid_of(k, s, &out->grid));
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < s->narg; i++) {
			const Arg *arg = &s->arg[i];
			size_t     bytes = sizeof(CUdeviceptr);
			if ((arg->kind == ARG_pointer) != (pass == 0))
				continue;
			switch (arg->kind) {
			case ARG_pointer:
				value[n].at = d->slab[arg->slab] + (CUdeviceptr)arg->offset;
				break;
			case ARG_f32:
				value[n].f = (float)arg->f;
				bytes = sizeof value[n].f;
				break;
			case ARG_i64:
				value[n].i = arg->i;
				break;
			case ARG_u64:
				value[n].u = arg->u;
				break;
			}
			TRY(argument_check(d, k, out->fn, n, bytes));
			out->arg[n] = &value[n];
			n++;
		}
	return argument_check(d, k, out->fn, n, 0);
}
