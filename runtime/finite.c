/* A step in two halves: everything up to the first write to a variable; then, when loss and
 * gradient norm are finite, the rest. So a step that is no good leaves the state as it was, for the
 * price of reading two numbers. A device that works ahead is not stopped: whoever drives it goes
 * back to a checkpoint. */
#include "runtime/finite.h"

#include <math.h>
#include <string.h>

static const char *const judged_names[MOST_JUDGED] = {"loss", "grad_norm"};
static const char *const judged_text[MOST_JUDGED] = {"the loss", "the norm of the gradients"};

static bool
writes_variable(const Program *p, const Touch *t)
{
	if (!(t->access & ACCESS_write))
		return false;
	for (int i = 0; i < p->recipe.nvar; i++) {
		const Variable *v = &p->recipe.var[i];
		if (v->slab == t->slab && t->stripe.lo < v->offset + type_bytes(&v->type) &&
		    v->offset < touch_end(t))
			return true;
	}
	return false;
}

static bool
wrote(const Touches *t, int value)
{
	for (int i = 0; i < t->n; i++)
		if ((t->at[i].access & ACCESS_write) && t->at[i].written.value == value)
			return true;
	return false;
}

void
guard_open(Exec *x, const Entry *e, Guard *g)
{
	Arena  *a = arena_new();
	Touches touch = {0};
	bool    known[MOST_JUDGED] = {false}, write = false;
	*g = (Guard){.x = x, .e = e};
	for (int k = 0; k < MOST_JUDGED; k++)
		for (int i = 0; i < e->noutput; i++)
			if (strcmp(e->output[i].name, judged_names[k]) == 0 &&
			    e->output[i].type.rank == 0 && e->output[i].type.dtype == DT_f32)
				g->judged[g->njudged++] = &e->output[i];
	for (; g->before < e->nstep && !write; g->before += !write) {
		touch_list(a, &e->step[g->before], &touch);
		for (int i = 0; i < touch.n; i++)
			write |= writes_variable(x->p, &touch.at[i]);
		for (int k = 0; k < g->njudged && !write; k++)
			known[k] |= wrote(&touch, g->judged[k]->value);
	}
	g->halves = x->device->part && !x->device->ask;
	for (int k = 0; k < g->njudged; k++)
		g->halves &= known[k];
	arena_free(a);
}

Status
guard_look(Guard *g, bool *finite)
{
	*finite = true;
	for (int i = 0; i < g->njudged; i++) {
		const OutputSpec *o = g->judged[i];
		TRY(g->x->device->get(g->x->dev, o->slab, o->offset, &g->value[i], sizeof(float)));
		*finite &= isfinite(g->value[i]) != 0;
	}
	return OK;
}

Status
guard_run(Guard *g, bool *finite)
{
	const Device *d = g->x->device;
	if (!g->halves || g->njudged == 0) {
		TRY(d->run(g->x->dev, g->e));
		return guard_look(g, finite);
	}
	TRY(d->part(g->x->dev, g->e, 0, g->before));
	TRY(guard_look(g, finite));
	return *finite ? d->part(g->x->dev, g->e, g->before, g->e->nstep) : OK;
}

const char *
guard_text(Arena *a, const Guard *g, int64_t step)
{
	for (int i = 0; i < g->njudged; i++)
		for (int k = 0; k < MOST_JUDGED && !isfinite(g->value[i]); k++)
			if (strcmp(g->judged[i]->name, judged_names[k]) == 0)
				return arena_printf(
					a, "%s of step %lld is %s", judged_text[k], (long long)step,
					isnan(g->value[i]) ? "not a number (NaN)" : "infinite");
	return arena_printf(a, "step %lld is finite", (long long)step);
}
