/* Streams, events, graphs and copies of the driver: see fake_cuda.h. */
#include "tests/support/fake_cuda.h"

#include <cuda.h>
#include <stdlib.h>
#include <string.h>

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
	FAIL_HERE;
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
	FAIL_HERE;
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
	FAIL_HERE;
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
	if (!fake_has_context())
		return CUDA_ERROR_INVALID_CONTEXT;
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
	FAIL_HERE;
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
	FAIL_HERE;
	graph_free(g);
	return CUDA_SUCCESS;
}

CUresult
cuGraphExecDestroy(CUgraphExec g)
{
	FAIL_HERE;
	graph_free((CUgraph)(void *)g);
	return CUDA_SUCCESS;
}

static void *
host(CUdeviceptr p)
{
	return (void *)(uintptr_t)p;
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
