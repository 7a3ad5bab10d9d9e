/* Bytes between the host and the slabs of the cuda device.
 *
 * Inputs of a step are written into one of two pinned slots. When the step is enqueued, its slot
 * travels to a mirror of the same size in GPU memory, on a stream of its own, while the step before
 * is at work; then the step's stream copies each piece from the mirror to its place in the slab,
 * which the step before has done with by then. That copy costs 2 x bytes of GPU memory traffic (77
 * MB of images: 0.04 ms), and keeps the plan's memory as planned: no input is there twice. The host
 * waits only for a slot that is still travelling, so it runs up to two steps ahead.
 *
 * What is too large for a slot (checkpoints, starting values) goes directly and waits. Refuses
 * places outside of the slabs, which would be our mistake. */
#include "runtime/device_cuda.h"

#include <string.h>

#define CU(call, ...) TRY(cuda_check(d->cu, d->cu->call, __VA_ARGS__))

enum { SLOTS = 2, PLACE = 64, LEAST_ROOM = 64 << 10, ASKED = 256 };

typedef struct {
	CUdeviceptr to;
	int64_t     at, bytes;
} Piece;

struct Move {
	int64_t     room; /* of a slot and of the mirror */
	char       *pinned[SLOTS];
	CUdeviceptr mirror;
	CUevent     copied[SLOTS], consumed; /* the slot has left the host; the mirror is read */
	bool        travelled[SLOTS], read;  /* these events have been recorded */
	int         slot;
	int64_t     used;
	Vec(Piece) piece;
	char   *result; /* ASKED places for what was asked for */
	CUevent asked[ASKED];
	int     bytes[ASKED];
	int64_t first, next; /* numbers of the oldest and of the coming request */
};

static int64_t
places(int64_t bytes)
{
	return (bytes + PLACE - 1) / PLACE * PLACE;
}

/* Everything an entry wants before it runs. */
static int64_t
room_of(const Program *p)
{
	int64_t most = LEAST_ROOM;
	for (int i = 0; i < p->nentry; i++) {
		const Entry *e = &p->entry[i];
		int64_t      sum = (int64_t)PLACE * e->nscalar;
		for (int k = 0; k < e->ninput; k++)
			sum += places(type_bytes(&e->input[k].type));
		most = sum > most ? sum : most;
	}
	return most;
}

void
move_new(Dev *d)
{
	d->move = arena_new_one(d->arena, Move);
	d->move->room = room_of(d->p);
}

Status
move_pin(Dev *d)
{
	const unsigned int plain = CU_EVENT_DISABLE_TIMING | CU_EVENT_BLOCKING_SYNC;
	Move              *m = d->move;
	TRY(cuda_enter(d));
	for (int i = 0; i < SLOTS; i++) {
		CU(cuMemHostAlloc((void **)&m->pinned[i], (size_t)m->room, 0),
		   "%lld bytes of pinned memory", (long long)m->room);
		CU(cuEventCreate(&m->copied[i], plain), "an event");
	}
	CU(cuEventCreate(&m->consumed, plain), "an event");
	CU(cuMemHostAlloc((void **)&m->result, (size_t)ASKED * PLACE, 0),
	   "pinned memory for results");
	for (int i = 0; i < ASKED; i++)
		CU(cuEventCreate(&m->asked[i], plain), "an event");
	return OK;
}

Status
move_open(Dev *d)
{
	Move *m = d->move;
	CU(cuMemAlloc(&m->mirror, (size_t)m->room), "%lld bytes for the inputs on their way",
	   (long long)m->room);
	return OK;
}

void
move_close(Dev *d)
{
	Move *m = d->move;
	if (m == NULL)
		return;
	for (int i = 0; i < ASKED; i++)
		if (m->asked[i])
			d->cu->cuEventDestroy(m->asked[i]);
	if (m->result)
		d->cu->cuMemFreeHost(m->result);
	if (m->mirror)
		d->cu->cuMemFree(m->mirror);
	if (m->consumed)
		d->cu->cuEventDestroy(m->consumed);
	for (int i = 0; i < SLOTS; i++) {
		if (m->copied[i])
			d->cu->cuEventDestroy(m->copied[i]);
		if (m->pinned[i])
			d->cu->cuMemFreeHost(m->pinned[i]);
	}
}

static CUdeviceptr
address(const Dev *d, int slab, int64_t offset, int64_t bytes)
{
	if (slab < 0 || slab >= d->p->nslab || offset < 0 || bytes < 0 ||
	    offset > d->p->slab[slab].bytes - bytes)
		BUG("%lld bytes at %d+%lld are outside the slab", (long long)bytes, slab,
		    (long long)offset);
	return d->slab[slab] + (CUdeviceptr)offset;
}

/* ---- inputs --------------------------------------------------------------------------------- */

Status
move_flush(Dev *d)
{
	Move *m = d->move;
	if (m->piece.n == 0)
		return OK;
	if (m->read)
		CU(cuStreamWaitEvent(d->copy, m->consumed, 0), "waiting for the inputs before");
	CU(cuMemcpyHtoDAsync(m->mirror, m->pinned[m->slot], (size_t)m->used, d->copy),
	   "copying the inputs");
	CU(cuEventRecord(m->copied[m->slot], d->copy), "an event");
	m->travelled[m->slot] = true;
	CU(cuStreamWaitEvent(d->stream, m->copied[m->slot], 0), "waiting for the inputs");
	for (int i = 0; i < m->piece.n; i++) {
		const Piece *piece = &m->piece.at[i];
		CU(cuMemcpyDtoDAsync(piece->to, m->mirror + (CUdeviceptr)piece->at,
		                     (size_t)piece->bytes, d->stream),
		   "putting an input in its place");
	}
	CU(cuEventRecord(m->consumed, d->stream), "an event");
	m->read = true;
	m->slot = (m->slot + 1) % SLOTS;
	m->used = 0;
	m->piece.n = 0;
	return OK;
}

Status
move_stage(Dev *d, int slab, int64_t offset, int64_t bytes, void **to)
{
	Move       *m = d->move;
	CUdeviceptr place = address(d, slab, offset, bytes);
	TRY(cuda_enter(d));
	*to = NULL;
	if (bytes > m->room)
		return OK;
	if (places(m->used) + bytes > m->room)
		TRY(move_flush(d));
	if (m->piece.n == 0 && m->travelled[m->slot])
		CU(cuEventSynchronize(m->copied[m->slot]),
		   "waiting for the inputs of an earlier step");
	/* Neighbours in the slab travel as one: the scalars of a step mostly are. */
	Piece *last = m->piece.n > 0 ? &m->piece.at[m->piece.n - 1] : NULL;
	if (last && last->to + (CUdeviceptr)last->bytes == place && m->used + bytes <= m->room) {
		last->bytes += bytes;
	} else {
		m->used = places(m->used);
		vec_push(d->arena, &m->piece, (Piece){place, m->used, bytes});
	}
	*to = m->pinned[m->slot] + m->used;
	m->used += bytes;
	return OK;
}

Status
move_put(Dev *d, int slab, int64_t offset, const void *from, int64_t bytes)
{
	void *to;
	if (bytes == 0)
		return OK;
	TRY(move_stage(d, slab, offset, bytes, &to));
	if (to) {
		memcpy(to, from, (size_t)bytes);
		return OK;
	}
	TRY(move_flush(d));
	CU(cuMemcpyHtoDAsync(address(d, slab, offset, bytes), from, (size_t)bytes, d->stream),
	   "copying %lld bytes to the GPU", (long long)bytes);
	CU(cuStreamSynchronize(d->stream), "copying %lld bytes to the GPU", (long long)bytes);
	return OK;
}

/* ---- within the GPU ------------------------------------------------------------------------- */

Status
move_clear(Dev *d, int slab, int64_t offset, int64_t bytes)
{
	CUdeviceptr to = address(d, slab, offset, bytes);
	TRY(cuda_enter(d));
	TRY(move_flush(d));
	if (bytes > 0)
		CU(cuMemsetD8Async(to, 0, (size_t)bytes, d->stream), "clearing %lld bytes",
		   (long long)bytes);
	return OK;
}

Status
move_copy(Dev *d, int slab, int64_t offset, int from, int64_t from_offset, int64_t bytes)
{
	CUdeviceptr to = address(d, slab, offset, bytes), at = address(d, from, from_offset, bytes);
	TRY(cuda_enter(d));
	TRY(move_flush(d));
	if (bytes > 0)
		CU(cuMemcpyDtoDAsync(to, at, (size_t)bytes, d->stream), "copying %lld bytes",
		   (long long)bytes);
	return OK;
}

/* ---- results -------------------------------------------------------------------------------- */

Status
move_get(Dev *d, int slab, int64_t offset, void *to, int64_t bytes)
{
	CUdeviceptr from = address(d, slab, offset, bytes);
	TRY(cuda_enter(d));
	TRY(move_flush(d));
	if (bytes > 0)
		CU(cuMemcpyDtoHAsync(to, from, (size_t)bytes, d->stream),
		   "copying %lld bytes from the GPU", (long long)bytes);
	CU(cuStreamSynchronize(d->stream), "waiting for the GPU");
	return OK;
}

Status
move_ask(Dev *d, int slab, int64_t offset, int64_t bytes)
{
	Move *m = d->move;
	int   at = (int)(m->next % ASKED);
	if (bytes > PLACE || m->next - m->first == ASKED)
		BUG("%lld bytes are asked for, after %lld requests", (long long)bytes,
		    (long long)(m->next - m->first));
	TRY(cuda_enter(d));
	TRY(move_flush(d));
	if (bytes > 0)
		CU(cuMemcpyDtoHAsync(m->result + (size_t)at * PLACE,
		                     address(d, slab, offset, bytes), (size_t)bytes, d->stream),
		   "copying a result from the GPU");
	CU(cuEventRecord(m->asked[at], d->stream), "an event");
	m->bytes[at] = (int)bytes;
	m->next++;
	return OK;
}

Status
move_take(Dev *d, void *to)
{
	Move *m = d->move;
	int   at = (int)(m->first % ASKED);
	if (m->first == m->next)
		BUG("nothing was asked for");
	TRY(cuda_enter(d));
	CU(cuEventSynchronize(m->asked[at]), "waiting for the GPU");
	if (m->bytes[at] > 0)
		memcpy(to, m->result + (size_t)at * PLACE, (size_t)m->bytes[at]);
	m->first++;
	return OK;
}

int64_t
move_workspace(const Dev *d)
{
	return d->move->room;
}
