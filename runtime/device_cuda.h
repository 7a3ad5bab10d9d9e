/* What the files of the cuda device share: device_cuda.c (opening), _load (kernels), _move (bytes
 * to and from the host), _gemm and _tune (cuBLASLt), _graph (steps). Nobody else includes this. */
#ifndef D2V_DEVICE_CUDA_H
#define D2V_DEVICE_CUDA_H

#include "compiler/program/program.h"
#include "runtime/device_cuda_api.h"
#include "runtime/runtime.h"

typedef struct GemmSet  GemmSet;
typedef struct GemmStep GemmStep;
typedef struct Move     Move;

typedef struct {
	CUfunction   fn; /* NULL: a gemm */
	unsigned int grid, block, shared;
	void       **arg; /* as cuLaunchKernel wants them */
	GemmStep    *gemm;
} CudaStep;

typedef struct {
	CudaStep   *step;
	CUgraphExec graph; /* made by the first run */
	CUevent    *mark;  /* nstep + 1, made by the first profile */
} CudaEntry;

struct Dev {
	Arena         *arena;
	const Program *p;
	const CudaApi *cu;
	CUdevice       device;
	CUcontext      context;
	char           name[128];
	int            major, minor, processors, driver; /* of the device; driver: 13000 is 13.0 */
	int            most_shared;                      /* bytes a block can have */
	CUstream       stream, copy;
	CUdeviceptr   *slab;
	int64_t        allocated, taken; /* of slabs: as the program says, as the driver counts */
	int            nmodule;
	CUmodule      *module;
	struct CudaFound *found;       /* by cuda_find */
	CUfunction       *function;    /* of Program.kernel */
	CUfunction        bias, noise; /* our own, see device_cuda_load.c */
	CudaEntry        *entry;
	GemmSet          *gemms;
	Move             *move;
};

/* ---- device_cuda.c -------------------------------------------------------------------------- */
/* The calling thread works in the device's context from here on: each has one of its own, and
 * parameters are put from several. Every function of the device begins with it. */
Status cuda_enter(Dev *d);

/* ---- device_cuda_load.c --------------------------------------------------------------------- */
/* Read all kernels, and what the cache has of them: without a context, on any thread. */
Status cuda_find(Dev *d, const char *folder, const char *cache);
/* Compile the rest and load all; d->function and our own. */
Status cuda_load(Dev *d);
/* One launch: the function, its sizes, its arguments; checked against what the function takes. */
Status cuda_launch_prepare(Dev *d, const ProgStep *s, CudaStep *out);
void   cuda_unload(Dev *d);

/* ---- device_cuda_move.c --------------------------------------------------------------------- */
/* In this order; the second on any thread: pinned memory and events. */
void   move_new(Dev *d);
Status move_pin(Dev *d);
Status move_open(Dev *d);
void   move_close(Dev *d);
Status
move_flush(Dev *d); /* what was staged is on its way to its place, before what is enqueued next */
Status  move_put(Dev *d, int slab, int64_t offset, const void *from, int64_t bytes);
Status  move_get(Dev *d, int slab, int64_t offset, void *to, int64_t bytes);
Status  move_stage(Dev *d, int slab, int64_t offset, int64_t bytes, void **to);
Status  move_ask(Dev *d, int slab, int64_t offset, int64_t bytes);
Status  move_take(Dev *d, void *to);
Status  move_clear(Dev *d, int slab, int64_t offset, int64_t bytes);
Status  move_copy(Dev *d, int slab, int64_t offset, int from, int64_t from_offset, int64_t bytes);
int64_t move_workspace(const Dev *d);

/* ---- device_cuda_gemm.c --------------------------------------------------------------------- */
/* What every use of one kind of gemm has in common. Column-major, as the library thinks: D = op(X)
 * op(Y), D n by m (our C, row by row), X from our B, Y from our A. */
typedef struct {
	int64_t z, m, n, k;
	int64_t ldx, ldy, ldd; /* distance of columns */
	int64_t zx, zy, zd;    /* distance of matrices */
	int32_t tx, ty;        /* transposed */
	int32_t in, out;       /* dtypes */
	int32_t accumulate, bias;
	int32_t ax, ay, ad, zero; /* what the addresses are multiples of; zero: no padding bytes */
} GemmKey;
typedef struct {
	GemmKey                key;
	cublasLtMatmulDesc_t   desc;
	cublasLtMatrixLayout_t x, y, d;
	cublasLtMatmulAlgo_t   algo;
	size_t                 workspace; /* bytes it needs */
	float                  us;        /* when it was timed */
} GemmPlan;
/* In this order: open, plan each, choose, (slabs are allocated and zero), place. */
Status gemm_open(Dev *d);
Status gemm_plan(Dev *d, int entry, const Gemm *g, bool bias_waits, GemmStep **out);
Status
gemm_choose(Dev *d, const char *cache); /* code for each plan, timed where the disk knows none */
Status gemm_place(Dev *d);              /* addresses; runs each plan once */
Status
gemm_before(Dev *d, int entry); /* enqueue what an entry's gemms want before its first step */
Status  gemm_run(Dev *d, const GemmStep *s); /* enqueue */
int64_t gemm_workspace(const Dev *d);
void    gemm_close(Dev *d);
Status  blas_check(const Dev *d, cublasStatus_t e, const GemmKey *k, const char *what);

/* ---- device_cuda_tune.c --------------------------------------------------------------------- */
enum { GEMM_WORKSPACE = 32 << 20 };
Status gemm_tune(Dev *d, cublasLtHandle_t blas, GemmPlan *const *plan, int n, const char *cache);

/* ---- device_cuda_graph.c -------------------------------------------------------------------- */
Status graph_run(Dev *d, const Entry *e);
Status graph_profile(Dev *d, const Entry *e, double *seconds);
Status graph_part(Dev *d, const Entry *e, int first, int end);
void   graph_close(Dev *d);

#endif
