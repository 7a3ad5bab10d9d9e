/* A ledger put together: memory, time, and the steps summed up by kernel, kind, role and spec line.
 */
#include "compiler/ledger/ledger_private.h"

#include <stdlib.h>
#include <string.h>

static LedgerRow *
row_of(LedgerRows *rows, const char *name, Loc loc)
{
	LedgerRow *r;

	for (int i = 0; i < rows->n; i++)
		if (strcmp(rows->at[i].name, name) == 0)
			return &rows->at[i];
	r = &rows->at[rows->n++];
	*r = (LedgerRow){.name = name, .loc = loc};
	return r;
}

static void
add(LedgerRows *rows, const char *name, const ProgStep *s, const LedgerStep *t)
{
	LedgerRow *r = row_of(rows, name, s->loc);

	r->steps++;
	r->flops += s->flops;
	r->bytes += s->bytes;
	r->seconds += t->seconds;
	r->role_seconds[t->role] += t->seconds;
}

static int
longest_first(const void *a, const void *b)
{
	const LedgerRow *x = a, *y = b;

	if (x->seconds != y->seconds)
		return x->seconds > y->seconds ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
sort(LedgerRows *rows)
{
	qsort(rows->at, (size_t)rows->n, sizeof *rows->at, longest_first);
}

Ledger *
ledger_make(Arena *a, const Program *p, const Entry *e, const Rates *rates, int cores)
{
	Ledger     *l = arena_new_one(a, Ledger);
	LedgerRows *all[] = {&l->kernels, &l->kinds, &l->roles, &l->lines};

	l->program = p;
	l->entry = e;
	l->cores = cores;
	l->rates = rates_of_cores(rates, cores);
	ledger_memory(a, l);
	l->step = entry_costs(a, p, e, &l->rates);
	for (int i = 0; i < COUNT(all); i++)
		all[i]->at = arena_new_array(a, LedgerRow, e->nstep + 1);
	for (int i = 0; i < e->nstep; i++) {
		const LedgerStep *t = &l->step[i];

		l->flops += e->step[i].flops;
		l->bytes += e->step[i].bytes;
		l->seconds += t->seconds;
		add(&l->kernels, t->name, &e->step[i], t);
		add(&l->kinds, t->kind, &e->step[i], t);
		add(&l->roles, role_name[t->role], &e->step[i], t);
		add(&l->lines, step_line(e->step[i].loc), &e->step[i], t);
	}
	for (int v = 1; v <= l->nvalue && l->peak >= 0; v++) {
		const LedgerValue *x = &l->value[v];

		if (x->owner == OWNER_activations && x->made >= 0 && x->first <= l->peak &&
		    x->last >= l->peak) {
			LedgerRow *r = row_of(&l->lines, step_line(e->step[x->made].loc),
			                      e->step[x->made].loc);

			r->at_peak += x->bytes;
			r->values_at_peak++;
		}
	}
	for (int i = 0; i < COUNT(all); i++)
		sort(all[i]);
	return l;
}
