/* nvrtc: CUDA text -> machine code (a cubin), with NVIDIA's run-time compiler, found when it is
 * needed. For the compiler, which reports what kernels cost, and for the cuda device, which runs
 * them. Includes base.h only.
 *
 * The library holds one lock over all of its work (13.0: two threads take as long as one), so
 * kernels are compiled by processes, as many as there are cores. */
#ifndef D2V_NVRTC_H
#define D2V_NVRTC_H

#include "compiler/base/base.h"

typedef struct {
	const char *name; /* of the __global__ function, extern "C" */
	const char *file; /* as messages call it: "k003_region.cu" */
	const char *text;
} CudaSource;

/* What the source finds with #include "NAME"; name NULL: nothing. */
typedef struct {
	const char *name, *text;
} CudaHeader;

typedef struct {
	const char *path;  /* in the cache */
	const char *image; /* the cubin, in the arena */
	size_t      bytes;
	bool        cached;    /* it was there already */
	int         registers; /* of a thread */
	int         stack;     /* bytes of local memory of a thread, spills included */
	int         spill_stores, spill_loads;
	int         shared;  /* bytes of static shared memory */
	double      seconds; /* it took to compile, then or now */
} CudaObject;

/* Is the library there? NULL, or (interned) the sentence that says what was looked for and where.
 */
const char *nvrtc_missing(void);

/* Objects of all sources, in order, from CACHE/cuda or compiled into it. arch: "sm_90". Keyed by
 * source, header, options (D2V_NVRTC_FLAGS adds some), version of the library and arch. Compiling
 * errors are reported with the library's words. Afterwards the cache is kept under D2V_CACHE_SIZE.
 */
Status nvrtc_compile(Arena *a, const CudaSource *source, int n, const CudaHeader *header,
                     const char *arch, const char *cache, CudaObject **out);

/* The same in two halves: read what the cache has, on any thread; then compile the rest, which starts
 * processes and so wants the others to be at rest. source, header and what they name stay. */
typedef struct NvrtcJob NvrtcJob;
Status nvrtc_find(Arena *a, const CudaSource *source, int n, const CudaHeader *header,
                  const char *arch, const char *cache, NvrtcJob **out);
Status nvrtc_rest(NvrtcJob *j, CudaObject **out);

#endif
