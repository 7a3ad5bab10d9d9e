/* The driver's part: see fake_cuda.h. */
#include "tests/support/fake_cuda.h"

#include <cuda.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FakeCuda fake = {.major = 9, .minor = 0, .memory = (int64_t)1 << 30};

/* Gives the function's failure when the test wants one. */
#define FAIL_HERE                                                                                  \
	do {                                                                                       \
		int code_;                                                                         \
		if (fake_fails(__func__, &code_))                                                  \
			return (CUresult)code_;                                                    \
	} while (0)

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
	return piece_free(p, true) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult
cuMemGetInfo(size_t *unused, size_t *total)
{
	*unused = (size_t)(fake.memory - fake.used);
	*total = (size_t)fake.memory;
	return CUDA_SUCCESS;
}

/* ---- streams, events, graphs ---------------------------------------------------------------- */

typedef struct Op Op;
struct Op {
	Op         *next;
	FakeWork   *work; /* NULL: a record or a wait */
	void       *with;
	double      cost;
	CUevent     event;
	int64_t     version; /* wait: for this recording */
	bool        record;
	CUgraphExec graph;
};

struct CUevent_st {
	FakeStream *stream;         /* of the last recording */
	int64_t     recorded, done; /* how often */
	double      clock;
};

struct CUgraph_st {
	Op *first, **last;
	int n;
};

struct FakeStream {
	Op         *first, **last;
	double      clock;
	CUgraph     capture;
	FakeStream *next;
};

static FakeStream *streams;

static FakeStream *
stream_of(CUstream s)
{
	return (FakeStream *)(void *)s;
}

static void
op_add(FakeStream *s, Op op)
{
	Op *one = malloc(sizeof *one);
	*one = op;
	one->next = NULL;
	if (s->capture) {
		*s->capture->last = one;
		s->capture->last = &one->next;
		s->capture->n++;
		return;
	}
	*s->last = one;
	s->last = &one->next;
}

static void *
copy_of(const void *with, size_t bytes)
{
	return bytes ? memcpy(malloc(bytes), with, bytes) : NULL;
}

void
fake_enqueue(FakeStream *s, FakeWork *work, const void *with, size_t bytes, double cost)
{
	op_add(s, (Op){.work = work, .with = copy_of(with, bytes), .cost = cost});
}

static void run_until(FakeStream *s, CUevent event, int64_t version);

static void
op_run(FakeStream *s, const Op *op)
{
	if (op->graph) {
		fake.replaying = true;
		for (const Op *o = ((CUgraph)(void *)op->graph)->first; o; o = o->next)
			op_run(s, o);
		fake.replaying = false;
	} else if (op->work) {
		op->work(op->with);
		s->clock += op->cost;
	} else if (op->record) {
		op->event->done++;
		op->event->clock = s->clock;
	} else {
		/* The latest moment at which the other stream can have got there. */
		while (op->event->done < op->version)
			run_until(op->event->stream, op->event, op->version);
	}
}

static void
run_until(FakeStream *s, CUevent event, int64_t version)
{
	while (s->first && (event == NULL || event->done < version)) {
		Op *op = s->first;
		s->first = op->next;
		if (s->first == NULL)
			s->last = &s->first;
		op_run(s, op);
		free(op->with);
		free(op);
	}
	if (event && event->done < version) {
		fake_error("an event that nobody will reach is waited for");
		event->done = version;
	}
}

CUresult
cuStreamCreate(CUstream *s, unsigned int flags)
{
	FAIL_HERE;
	(void)flags;
	FakeStream *one = calloc(1, sizeof *one);
	one->last = &one->first;
	one->next = streams;
	streams = one;
	*s = (CUstream)(void *)one;
	fake.live++;
	return CUDA_SUCCESS;
}

CUresult
cuStreamDestroy(CUstream s)
{
	run_until(stream_of(s), NULL, 0);
	for (FakeStream **at = &streams; *at; at = &(*at)->next)
		if (*at == stream_of(s)) {
			*at = stream_of(s)->next;
			free(s);
			fake.live--;
			return CUDA_SUCCESS;
		}
	fake_error("a stream is destroyed that is none");
	return CUDA_ERROR_INVALID_VALUE;
}

CUresult
cuStreamSynchronize(CUstream s)
{
	FAIL_HERE;
	if (stream_of(s)->capture)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	run_until(stream_of(s), NULL, 0);
	return CUDA_SUCCESS;
}

CUresult
cuEventCreate(CUevent *e, unsigned int flags)
{
	FAIL_HERE;
	(void)flags;
	*e = calloc(1, sizeof **e);
	fake.live++;
	return CUDA_SUCCESS;
}

CUresult
cuEventDestroy(CUevent e)
{
	free(e);
	fake.live--;
	return CUDA_SUCCESS;
}

CUresult
cuEventRecord(CUevent e, CUstream s)
{
	FAIL_HERE;
	e->stream = stream_of(s);
	e->recorded++;
	op_add(e->stream, (Op){.event = e, .record = true});
	return CUDA_SUCCESS;
}

CUresult
cuStreamWaitEvent(CUstream s, CUevent e, unsigned int flags)
{
	FAIL_HERE;
	(void)flags;
	op_add(stream_of(s), (Op){.event = e, .version = e->recorded});
	return CUDA_SUCCESS;
}

CUresult
cuEventSynchronize(CUevent e)
{
	FAIL_HERE;
	if (e->done < e->recorded)
		run_until(e->stream, e, e->recorded);
	return CUDA_SUCCESS;
}

CUresult
cuEventElapsedTime(float *ms, CUevent from, CUevent until)
{
	if (from->done == 0 || until->done == 0 || until->done < until->recorded)
		return CUDA_ERROR_NOT_READY;
	*ms = (float)(1e-3 * (until->clock - from->clock));
	return CUDA_SUCCESS;
}

CUresult
cuStreamBeginCapture(CUstream s, CUstreamCaptureMode mode)
{
	FAIL_HERE;
	(void)mode;
	CUgraph g = calloc(1, sizeof *g);
	g->last = &g->first;
	stream_of(s)->capture = g;
	fake.live++;
	return CUDA_SUCCESS;
}

CUresult
cuStreamEndCapture(CUstream s, CUgraph *g)
{
	*g = stream_of(s)->capture;
	stream_of(s)->capture = NULL;
	if (*g == NULL)
		return CUDA_ERROR_ILLEGAL_STATE;
	int code;
	return fake_fails(__func__, &code) ? (CUresult)code : CUDA_SUCCESS;
}

static void
graph_free(CUgraph g)
{
	for (Op *o = g->first, *next; o; o = next) {
		next = o->next;
		free(o->with);
		free(o);
	}
	free(g);
	fake.live--;
}

/* An executable graph is the graph, taken over: what remains is empty. */
CUresult
cuGraphInstantiate(CUgraphExec *exec, CUgraph g, unsigned long long flags)
{
	FAIL_HERE;
	(void)flags;
	CUgraph one = malloc(sizeof *one);
	*one = *g;
	if (one->first == NULL)
		one->last = &one->first;
	fake.captured = g->n;
	g->first = NULL;
	*exec = (CUgraphExec)(void *)one;
	fake.instantiated++;
	fake.live++;
	return CUDA_SUCCESS;
}

CUresult
cuGraphUpload(CUgraphExec g, CUstream s)
{
	(void)g, (void)s;
	return CUDA_SUCCESS;
}

CUresult
cuGraphLaunch(CUgraphExec g, CUstream s)
{
	FAIL_HERE;
	op_add(stream_of(s), (Op){.graph = g});
	fake.launched++;
	return CUDA_SUCCESS;
}

CUresult
cuGraphDestroy(CUgraph g)
{
	graph_free(g);
	return CUDA_SUCCESS;
}

CUresult
cuGraphExecDestroy(CUgraphExec g)
{
	graph_free((CUgraph)(void *)g);
	return CUDA_SUCCESS;
}

/* ---- copies --------------------------------------------------------------------------------- */

typedef struct {
	void       *to;
	const void *from;
	size_t      bytes;
	int         value;
} Copy;

static void
copy_run(void *with)
{
	Copy *c = with;
	memcpy(c->to, c->from, c->bytes);
	fake_log("copy:%zu", c->bytes);
}

static void
set_run(void *with)
{
	Copy *c = with;
	memset(c->to, c->value, c->bytes);
}

CUresult
cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream s)
{
	FAIL_HERE;
	fake_inside(host(to), (int64_t)bytes, "copy to the GPU");
	fake_enqueue(stream_of(s), copy_run, &(Copy){host(to), from, bytes, 0}, sizeof(Copy), 1);
	return CUDA_SUCCESS;
}

CUresult
cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream s)
{
	FAIL_HERE;
	fake_inside(host(from), (int64_t)bytes, "copy from the GPU");
	fake_enqueue(stream_of(s), copy_run, &(Copy){to, host(from), bytes, 0}, sizeof(Copy), 1);
	return CUDA_SUCCESS;
}

CUresult
cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream s)
{
	FAIL_HERE;
	fake_inside(host(from), (int64_t)bytes, "copy from");
	fake_inside(host(to), (int64_t)bytes, "copy to");
	fake_enqueue(stream_of(s), copy_run, &(Copy){host(to), host(from), bytes, 0}, sizeof(Copy),
	             1);
	return CUDA_SUCCESS;
}

CUresult
cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream s)
{
	FAIL_HERE;
	fake_inside(host(to), (int64_t)bytes, "set");
	fake_enqueue(stream_of(s), set_run, &(Copy){host(to), NULL, bytes, value}, sizeof(Copy), 1);
	return CUDA_SUCCESS;
}

/* ---- the GPU -------------------------------------------------------------------------------- */

CUresult
cuInit(unsigned int flags)
{
	FAIL_HERE;
	(void)flags;
	return CUDA_SUCCESS;
}

CUresult
cuDriverGetVersion(int *version)
{
	*version = CUDA_VERSION;
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
	FAIL_HERE;
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
	FAIL_HERE;
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

CUresult
cuCtxSetCurrent(CUcontext c)
{
	return c ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}
