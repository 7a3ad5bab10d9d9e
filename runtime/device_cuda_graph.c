/* The steps of an entry on the cuda device: enqueued one by one while the stream is being recorded,
 * once; then the record is replayed with one call. Also the same steps with an event between each
 * two, for profiles: a step of a few microseconds looks longer there than it is in the record,
 * because the GPU waits for the next call and for the event. Refuses nothing of its own. */
#include "runtime/device_cuda.h"

#define CU(call, ...) TRY(cuda_check(d->cu, d->cu->call, __VA_ARGS__))

static CudaEntry *
entry_of(const Dev *d, const Entry *e)
{
	if (e < d->p->entry || e >= d->p->entry + d->p->nentry)
		BUG("this entry belongs to another program");
	return &d->entry[e - d->p->entry];
}

static const char *
step_name(const Dev *d, const ProgStep *s)
{
	return s->kind == STEP_launch ? d->p->kernel[s->kernel].name : "gemm";
}

/* The steps first .. end - 1. mark NULL: no events. */
static Status
enqueue(Dev *d, const Entry *e, const CudaEntry *ce, int first, int end, CUevent *mark)
{
	if (mark)
		CU(cuEventRecord(mark[0], d->stream), "an event");
	TRY(gemm_before(d, (int)(ce - d->entry)));
	for (int i = first; i < end; i++) {
		const CudaStep *s = &ce->step[i];
		if (s->fn)
			CU(cuLaunchKernel(s->fn, s->grid, 1, 1, s->block, 1, 1, s->shared,
			                  d->stream, s->arg, NULL),
			   "step %d of %s, kernel `%s` with %u blocks of %u threads", i + 1,
			   e->name, step_name(d, &e->step[i]), s->grid, s->block);
		else
			TRY(gemm_run(d, s->gemm));
		if (mark)
			CU(cuEventRecord(mark[i + 1], d->stream), "an event");
	}
	return OK;
}

static Status
instantiate(Dev *d, const Entry *e, CudaEntry *ce, CUgraph graph)
{
	CU(cuGraphInstantiate(&ce->graph, graph, 0), "the graph of %s, %d steps", e->name,
	   e->nstep);
	CU(cuGraphUpload(ce->graph, d->stream), "the graph of %s", e->name);
	return OK;
}

/* Relaxed: the library may load code at its first use, which a stricter mode forbids while
 * recording. */
static Status
record(Dev *d, const Entry *e, CudaEntry *ce)
{
	CUgraph graph = NULL;
	CU(cuStreamBeginCapture(d->stream, CU_STREAM_CAPTURE_MODE_RELAXED), "recording %s",
	   e->name);
	Status   s = enqueue(d, e, ce, 0, e->nstep, NULL);
	CUresult ended =
		d->cu->cuStreamEndCapture(d->stream, &graph); /* always: else the stream stays so */
	if (s == OK)
		s = cuda_check(d->cu, ended, "recording %s", e->name);
	if (s == OK)
		s = instantiate(d, e, ce, graph);
	if (graph)
		d->cu->cuGraphDestroy(graph);
	return s;
}

Status
graph_run(Dev *d, const Entry *e)
{
	CudaEntry *ce = entry_of(d, e);
	TRY(cuda_enter(d));
	TRY(move_flush(d));
	if (ce->graph == NULL)
		TRY(record(d, e, ce));
	CU(cuGraphLaunch(ce->graph, d->stream), "running %s", e->name);
	return OK;
}

Status
graph_profile(Dev *d, const Entry *e, double *seconds)
{
	CudaEntry *ce = entry_of(d, e);
	TRY(cuda_enter(d));
	if (ce->mark == NULL) {
		ce->mark = arena_new_array(d->arena, CUevent, e->nstep + 1);
		for (int i = 0; i <= e->nstep; i++)
			CU(cuEventCreate(&ce->mark[i], CU_EVENT_DEFAULT), "an event");
	}
	TRY(move_flush(d));
	TRY(enqueue(d, e, ce, 0, e->nstep, ce->mark));
	CU(cuStreamSynchronize(d->stream), "running %s", e->name);
	for (int i = 0; i < e->nstep; i++) {
		float ms = 0;
		CU(cuEventElapsedTime(&ms, ce->mark[i], ce->mark[i + 1]),
		   "the time of step %d of %s", i + 1, e->name);
		seconds[i] += 1e-3 * ms;
	}
	return OK;
}

Status
graph_part(Dev *d, const Entry *e, int first, int end)
{
	TRY(cuda_enter(d));
	TRY(move_flush(d));
	TRY(enqueue(d, e, entry_of(d, e), first, end, NULL));
	CU(cuStreamSynchronize(d->stream), "running steps %d to %d of %s", first + 1, end, e->name);
	return OK;
}

void
graph_close(Dev *d)
{
	for (int i = 0; i < d->p->nentry; i++) {
		CudaEntry *ce = &d->entry[i];
		if (ce->graph)
			d->cu->cuGraphExecDestroy(ce->graph);
		for (int k = 0; ce->mark && k <= d->p->entry[i].nstep; k++)
			if (ce->mark[k])
				d->cu->cuEventDestroy(ce->mark[k]);
	}
}
