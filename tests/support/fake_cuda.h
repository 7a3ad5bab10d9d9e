/* A driver, a cuBLASLt and an NVRTC over host memory, for testing the cuda device where there is no
 * GPU. Streams are lazy: what was enqueued happens when somebody waits for it, as late as the
 * events allow, so that a copy which overtakes what it should wait for gives wrong numbers. Every
 * address, size, leading dimension and alignment is checked, and that the calling thread has a
 * context; misuse is written down in fake.errors.
 * Kernels are known by name, see fake_kernel. */
#ifndef D2V_FAKE_CUDA_H
#define D2V_FAKE_CUDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a test reads and sets: the symbol `fake` of the library. */
typedef struct {
	char    log[1 << 16]; /* one word for each thing done: alloc:64 copy:16 k_axpy gemm .. */
	char    errors[1 << 12];
	int     major, minor;   /* compute capability of the GPU, 9.0 */
	int     driver;         /* 1000 major + 10 minor of the CUDA it is for */
	int64_t memory;         /* bytes of the GPU, 1 GiB */
	int64_t used;           /* of them */
	const char *fail;       /* name of a function that is to fail, */
	int         fail_after; /* after so many calls that do not, */
	int         fail_with;  /* with this code */
	int         instantiated, launched, captured; /* graphs; operations in the last one */
	int         heuristics, matmuls;              /* calls */
	int         chosen;    /* index of the algorithm of the last product */
	bool        replaying; /* a graph is being replayed */
	bool        eager;     /* products outside of graphs are calculated, too; else only timed */
	bool        idle;      /* products are never calculated */
	int         live;      /* allocations, streams, events, descriptors not given back */
} FakeCuda;

/* Inside the library. One call at a time, though the device opens on more than one thread: until the
 * end of the function that says FAKE_ALONE. */
#define FAKE_ALONE                                                                                 \
	__attribute__((cleanup(fake_leave))) int alone_ = fake_enter();                            \
	(void)alone_
int  fake_enter(void);
void fake_leave(int *alone);
/* Has this thread a context (cuCtxSetCurrent)? Nearly every call wants one. */
bool                      fake_has_context(void);
typedef struct FakeStream FakeStream;
typedef void              FakeWork(void *with);
bool                      fake_fails(const char *name, int *code);
void                      fake_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void                      fake_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* `with` is copied. cost: microseconds. */
void fake_enqueue(FakeStream *s, FakeWork *work, const void *with, size_t bytes, double cost);
/* Is this memory of the GPU? An error is written down when not. */
bool            fake_inside(const void *at, int64_t bytes, const char *what);
extern FakeCuda fake;

#endif
