/* The sizes behind names: axes of variables, inputs and outputs that both programs have, and how
 * long they are. What a spec calls dims shows here when it reaches a tensor. */
#include "compiler/ledger/diff_private.h"

#include <string.h>

typedef struct {
	const char *name;
	int64_t     size[2];
} Size;
typedef Vec(Size) Sizes;

static void
sizes_of(Arena *a, const Type *type, int side, Sizes *all)
{
	for (int i = 0; i < type->rank; i++) {
		int k = 0;

		while (k < all->n && strcmp(all->at[k].name, type->axis[i].name) != 0)
			k++;
		if (k == all->n)
			vec_push(a, all, (Size){.name = type->axis[i].name});
		all->at[k].size[side] = type->axis[i].size;
	}
}

static const char *
size_or_none(Arena *a, int64_t size)
{
	return size ? arena_printf(a, "%lld", (long long)size) : NULL;
}

void
compare_axes(Compare *c)
{
	Sizes all = {0};

	for (int i = 0; i < 2; i++) {
		const Program *p = c->side[i].program;

		for (int e = 0; e < p->nentry; e++) {
			for (int k = 0; k < p->entry[e].ninput; k++)
				sizes_of(c->a, &p->entry[e].input[k].type, i, &all);
			for (int k = 0; k < p->entry[e].noutput; k++)
				sizes_of(c->a, &p->entry[e].output[k].type, i, &all);
		}
		for (int k = 0; k < p->recipe.nvar; k++)
			sizes_of(c->a, &p->recipe.var[k].type, i, &all);
	}
	for (int k = 0; k < all.n; k++)
		compare(c, "axes", all.at[k].name, size_or_none(c->a, all.at[k].size[0]),
		        size_or_none(c->a, all.at[k].size[1]));
}
