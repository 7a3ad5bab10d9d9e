/* Inputs and results of a step on any device: with a device that works on while the host does,
 * through its stage, ask and take; else through put and get, at once. Refuses names that are no
 * scalar output. */
#include "runtime/run_private.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ASKED = 256 };

struct ExecMove {
	char   *at; /* of exec_stage on a device that cannot say where: memory, and where it goes */
	int64_t room, bytes, offset;
	int     slab;
	int64_t first, next;
	float   value[MOST_ASKED];
};

static struct ExecMove *
move_of(Exec *x)
{
	if (x->move == NULL)
		x->move = calloc(1, sizeof *x->move);
	if (x->move == NULL)
		BUG("no memory for %zu bytes", sizeof *x->move);
	return x->move;
}

void
exec_move_close(Exec *x)
{
	if (x->move)
		free(x->move->at);
	free(x->move);
	x->move = NULL;
}

/* ---- inputs --------------------------------------------------------------------------------- */

Status
exec_stage(Exec *x, int slab, int64_t offset, int64_t bytes, void **to)
{
	*to = NULL;
	if (x->device->stage)
		TRY(x->device->stage(x->dev, slab, offset, bytes, to));
	struct ExecMove *m = move_of(x);
	m->bytes = 0;
	if (*to)
		return OK;
	if (bytes > m->room) {
		free(m->at);
		m->at = malloc((size_t)bytes);
		m->room = m->at ? bytes : 0;
		if (m->at == NULL)
			return world_error("out-of-memory", "no memory for an input of %lld bytes",
			                   (long long)bytes);
	}
	m->bytes = bytes;
	m->slab = slab;
	m->offset = offset;
	*to = m->at;
	return OK;
}

Status
exec_staged(Exec *x)
{
	struct ExecMove *m = move_of(x);
	int64_t          bytes = m->bytes;
	m->bytes = 0;
	return bytes > 0 ? x->device->put(x->dev, m->slab, m->offset, m->at, bytes) : OK;
}

/* ---- results -------------------------------------------------------------------------------- */

int
exec_ahead(const Exec *x)
{
	return x->device->ask ? 1 : 0;
}

static Status
output_find(const Entry *e, const char *name, const OutputSpec **out)
{
	for (int i = 0; i < e->noutput; i++)
		if (strcmp(e->output[i].name, name) == 0) {
			*out = &e->output[i];
			if ((*out)->type.dtype == DT_f32 && type_elems(&(*out)->type) == 1)
				return OK;
			return user_error("output", "output `%s` of entry `%s` is no f32 number",
			                  name, e->name);
		}
	return user_error("output", "entry `%s` has no output `%s`", e->name, name);
}

/* Every request ends with one of no bytes, so that it can be waited for when it names nothing. */
Status
exec_ask(Exec *x, const Entry *e, const char *const *name, int n)
{
	struct ExecMove *m = move_of(x);
	for (int i = 0; i < n; i++) {
		const OutputSpec *o;
		TRY(output_find(e, name[i], &o));
		if (x->device->ask) {
			TRY(x->device->ask(x->dev, o->slab, o->offset, sizeof(float)));
			continue;
		}
		if (m->next - m->first == MOST_ASKED)
			BUG("%d outputs were asked for and not taken", MOST_ASKED);
		TRY(x->device->get(x->dev, o->slab, o->offset, &m->value[m->next++ % MOST_ASKED],
		                   sizeof(float)));
	}
	return x->device->ask ? x->device->ask(x->dev, 0, 0, 0) : OK;
}

Status
exec_take(Exec *x, int n, double *to)
{
	struct ExecMove *m = move_of(x);
	for (int i = 0; i < n; i++) {
		float v;
		if (x->device->take) {
			TRY(x->device->take(x->dev, &v));
		} else {
			if (m->first == m->next)
				BUG("%d outputs are taken that nobody asked for", n - i);
			v = m->value[m->first++ % MOST_ASKED];
		}
		to[i] = v;
	}
	return x->device->take ? x->device->take(x->dev, NULL) : OK;
}
