/* Two texts, two counts: what differs becomes a Change. */
#include "compiler/ledger/diff_private.h"

#include <string.h>

void
compare(Compare *c, const char *topic, const char *name, const char *was, const char *is)
{
	if ((!was && !is) || (was && is && strcmp(was, is) == 0))
		return;
	vec_push(c->a, &c->change, (Change){topic, name, was, is});
}

void
count_add(Arena *a, Counts *all, const char *name, int side)
{
	for (int i = 0; i < all->n; i++)
		if (strcmp(all->at[i].name, name) == 0) {
			all->at[i].count[side]++;
			return;
		}
	vec_push(a, all, (Count){name, {side == 0, side == 1}});
}

void
compare_counts(Compare *c, const char *topic, const Counts *all)
{
	for (int i = 0; i < all->n; i++) {
		const Count *x = &all->at[i];

		if (x->count[0] != x->count[1])
			compare(c, topic, x->name,
			        x->count[0] ? arena_printf(c->a, "%d", x->count[0]) : NULL,
			        x->count[1] ? arena_printf(c->a, "%d", x->count[1]) : NULL);
	}
}
