/* Bytes by owner and by slab, and the life of every value: from the first step that writes it to
 * the last that reads it, as the program names them. The sum over owners is the sum of the slabs,
 * which is what a device allocates. */
#include "compiler/ledger/ledger_private.h"

#include <stdlib.h>
#include <string.h>

const char *const owner_name[OWNERS] = {"parameters", "averages",     "moments", "gradients",
                                        "inputs",     "host scalars", "tables",  "activations",
                                        "scratch",    "padding"};

static const Owner of_kind[] = {[VAR_param] = OWNER_parameters,
                                [VAR_average] = OWNER_averages,
                                [VAR_moment1] = OWNER_moments,
                                [VAR_moment2] = OWNER_moments};

/* ---- owners of slabs ------------------------------------------------------------------------ */

typedef struct {
	int     slab;
	int64_t offset, bytes;
	Owner   owner;
} Piece;
typedef Vec(Piece) Pieces;

static int
by_place(const void *a, const void *b)
{
	const Piece *x = a, *y = b;

	if (x->slab != y->slab)
		return x->slab < y->slab ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* What lies there for good. Entries share inputs and scalars by place. */
static Pieces
pieces(Arena *a, const Program *p)
{
	Pieces all = {0};

	for (int i = 0; i < p->recipe.nvar; i++) {
		const Variable *v = &p->recipe.var[i];

		vec_push(a, &all,
		         (Piece){v->slab, v->offset, type_bytes(&v->type), of_kind[v->kind]});
	}
	for (int i = 0; i < p->ntable; i++)
		vec_push(a, &all,
		         (Piece){p->table[i].slab, p->table[i].offset, 4 * p->table[i].count,
		                 OWNER_tables});
	for (int i = 0; i < p->nentry; i++) {
		const Entry *e = &p->entry[i];

		for (int k = 0; k < e->ninput; k++)
			vec_push(a, &all,
			         (Piece){e->input[k].slab, e->input[k].offset,
			                 type_bytes(&e->input[k].type), OWNER_inputs});
		for (int k = 0; k < e->nscalar; k++)
			vec_push(a, &all,
			         (Piece){e->scalar[k].slab, e->scalar[k].offset,
			                 dtype_bytes[e->scalar[k].dtype], OWNER_scalars});
	}
	qsort(all.at, (size_t)all.n, sizeof *all.at, by_place);
	return all;
}

/* Whose bytes of a slab are those that nothing owns for good: what steps leave there, or nobody's.
 */
static Owner
rest_owner(const Program *p, int slab, const bool *stepped)
{
	const char *name = p->slab[slab].name;

	if (!stepped[slab])
		return OWNER_padding;
	return strcmp(name, "grads") == 0     ? OWNER_gradients
	       : strcmp(name, "scratch") == 0 ? OWNER_scratch
	                                      : OWNER_activations;
}

static void
count_owners(Arena *a, Ledger *l, const Pieces *all, const bool *stepped)
{
	const Program *p = l->program;
	/* per slab: behind what was counted */
	int64_t *end = arena_new_array(a, int64_t, p->nslab + 1);

	l->slab_owner = arena_alloc(a, sizeof *l->slab_owner * (size_t)(p->nslab + 1));
	for (int i = 0; i < all->n; i++) {
		const Piece *x = &all->at[i];
		int64_t      from = x->offset > end[x->slab] ? x->offset : end[x->slab],
			to = x->offset + x->bytes;

		if (to <= from)
			continue;
		l->slab_owner[x->slab][x->owner] += to - from;
		end[x->slab] = to;
	}
	for (int s = 0; s < p->nslab; s++) {
		int64_t rest = p->slab[s].bytes;

		for (int o = 0; o < OWNERS; o++)
			rest -= l->slab_owner[s][o];
		l->slab_owner[s][rest_owner(p, s, stepped)] += rest;
		l->total += p->slab[s].bytes;
		for (int o = 0; o < OWNERS; o++)
			l->owner[o] += l->slab_owner[s][o];
	}
}

/* ---- lives of values ------------------------------------------------------------------------ */

/* The owner of what a step writes there: a variable's bytes belong to the variable already. */
static Owner
place_owner(const Program *p, const Pieces *all, int slab, int64_t offset)
{
	int lo = 0, hi = all->n;

	while (lo < hi) {
		int          mid = (lo + hi) / 2;
		const Piece *x = &all->at[mid];

		if (x->slab < slab || (x->slab == slab && x->offset <= offset))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo > 0 && all->at[lo - 1].slab == slab &&
	    offset < all->at[lo - 1].offset + all->at[lo - 1].bytes)
		return all->at[lo - 1].owner;
	return strcmp(p->slab[slab].name, "grads") == 0     ? OWNER_gradients
	       : strcmp(p->slab[slab].name, "scratch") == 0 ? OWNER_scratch
	                                                    : OWNER_activations;
}

static void
read_value(Ledger *l, int value, int step)
{
	if (value > 0 && l->value[value].last < step)
		l->value[value].last = step;
}

static void
follow_step(Arena *a, Ledger *l, const Pieces *all, int step)
{
	Touch *t;
	int    n = touches_of(a, &l->entry->step[step], &t);

	for (int i = 0; i < n; i++) {
		if (t[i].access & ACCESS_read) {
			/* what is updated in place is one array before and after */
			bool update = t[i].access == ACCESS_update;

			read_value(l, update ? t[i].before : t[i].value, update ? step - 1 : step);
			for (int k = 0; k < t[i].nmore; k++)
				read_value(l, t[i].more[k].value, update ? step - 1 : step);
		}
		if (t[i].access & ACCESS_write) {
			LedgerValue *v = &l->value[t[i].value];

			if (v->made < 0) {
				v->made = v->first = step;
				v->owner = place_owner(l->program, all, t[i].slab, t[i].offset);
			}
			v->bytes +=
				t[i].extent.bytes * (t[i].extent.rows > 0 ? t[i].extent.rows : 1);
			read_value(l, t[i].value, step);
		}
	}
}

static void
find_lives(Arena *a, Ledger *l, const Pieces *all)
{
	const Entry *e = l->entry;

	l->nvalue = values_of(e);
	l->value = arena_new_array(a, LedgerValue, l->nvalue + 1);
	for (int v = 0; v <= l->nvalue; v++)
		l->value[v].made = l->value[v].first = l->value[v].last = -1;
	for (int i = 0; i < e->nstep; i++)
		follow_step(a, l, all, i);
	for (int i = 0; i < e->noutput; i++)
		if (e->output[i].value > 0) {
			l->value[e->output[i].value].output = true;
			l->value[e->output[i].value].last = e->nstep - 1;
		}
}

static void
find_peak(Arena *a, Ledger *l)
{
	int      n = l->entry->nstep;
	int64_t *change = arena_new_array(a, int64_t, n + 1), sum = 0;

	l->live = arena_new_array(a, int64_t, n + 1);
	l->peak = -1;
	for (int v = 1; v <= l->nvalue; v++)
		if (l->value[v].owner == OWNER_activations && l->value[v].made >= 0) {
			change[l->value[v].first] += l->value[v].bytes;
			change[l->value[v].last + 1] -= l->value[v].bytes;
		}
	for (int i = 0; i < n; i++) {
		l->live[i] = sum += change[i];
		if (l->peak < 0 || sum > l->peak_bytes) {
			l->peak = i;
			l->peak_bytes = sum;
		}
	}
	l->act_bytes = l->owner[OWNER_activations];
}

void
ledger_memory(Arena *a, Ledger *l)
{
	const Program *p = l->program;
	Pieces         all = pieces(a, p);
	bool          *stepped = arena_new_array(a, bool, p->nslab + 1);

	for (int i = 0; i < p->nentry; i++)
		for (int s = 0; s < p->entry[i].nstep; s++) {
			Touch *t;
			int    n = touches_of(a, &p->entry[i].step[s], &t);

			for (int k = 0; k < n; k++)
				if (t[k].access & ACCESS_write) {
					Owner o = place_owner(p, &all, t[k].slab, t[k].offset);

					stepped[t[k].slab] |= o == OWNER_activations ||
					                      o == OWNER_gradients ||
					                      o == OWNER_scratch;
				}
		}
	count_owners(a, l, &all, stepped);
	find_lives(a, l, &all);
	find_peak(a, l);
}
