/* Kernels as pass fuse builds them: sets of values over one space, and the edges between them.
 * Knows what fits into a kernel and what would close a cycle, not which is best. */
#include "compiler/pass/fuse_private.h"

bool
fuse_has(const Ints *s, int x)
{
	for (int i = 0; i < s->n; i++)
		if (s->at[i] == x)
			return true;
	return false;
}

void
fuse_add(Fuse *f, Ints *s, int x)
{
	if (!fuse_has(s, x))
		vec_push(f->g->arena, s, x);
}

int
fuse_kernel_new(Fuse *f, const Axes *space)
{
	FuseKernel k = {.space = *space, .alone = false};

	vec_push(f->g->arena, &f->kernel, k);
	return f->kernel.n - 1;
}

int
fuse_rep(const Fuse *f, int k)
{
	while (f->kernel.at[k].merged_into >= 0 && f->kernel.at[k].dead)
		k = f->kernel.at[k].merged_into;
	return k;
}

/* Is there a path from kernel a to kernel b along at least one edge other than a direct a -> b edge
 * when skip_direct? */
bool
fuse_reaches(Fuse *f, int a, int b, bool skip_direct)
{
	int top = 0;

	if (f->stack_cap < f->kernel.n + 1) {
		f->stack_cap = 2 * f->kernel.n + 64;
		f->stack = arena_new_array(f->g->arena, int, f->stack_cap);
		f->seen = arena_new_array(f->g->arena, int, f->stack_cap);
		f->stamp = 0;
	}
	f->stamp++;
	f->stack[top++] = a;
	f->seen[a] = f->stamp;
	while (top > 0) {
		int         k = f->stack[--top];
		FuseKernel *p = &f->kernel.at[k];

		for (int i = 0; i < p->succ.n; i++) {
			int s = fuse_rep(f, p->succ.at[i]);

			if (s == b && !(skip_direct && k == a))
				return true;
			if (s != b && f->seen[s] != f->stamp) {
				f->seen[s] = f->stamp;
				f->stack[top++] = s;
			}
		}
	}
	return false;
}

void
fuse_add_edges(Fuse *f, int from, const Ints *to)
{
	for (int i = 0; i < to->n; i++)
		if (to->at[i] != from)
			vec_push(f->g->arena, &f->kernel.at[from].succ, to->at[i]);
}

/* The inner axes a kernel would have with node v in it; false when its rows would become too
 * long. */
bool
fuse_inner(const Graph *g, Val v, const Axes *span, Axes *inner)
{
	const Node *n = &g->node[v];

	if (reduce_is_column(g, n)) {
		for (int i = 0; i < n->type.rank; i++)
			axes_add(inner, n->type.axis[i]);
	} else {
		for (int i = 0; i < span->n; i++)
			if (type_find(&n->type, span->at[i].name) < 0)
				axes_add(inner, span->at[i]);
	}
	return axes_elems(inner) <= FUSE_MAX_ROW;
}

/* Every value in a kernel must have all outer axes, except a column reduction, which must have
 * none. */
bool
fuse_fits(const Fuse *f, const FuseKernel *k, const Axes *inner)
{
	for (int i = 0; i < k->member.n; i++) {
		const Node *n = &f->g->node[k->member.at[i]];

		for (int j = 0; j < k->space.n; j++) {
			const char *axis = k->space.at[j].name;
			bool        has = type_find(&n->type, axis) >= 0;

			if (!axes_has(inner, axis) && has == reduce_is_column(f->g, n))
				return false;
		}
	}
	return true;
}

/* A reduction inside the rows, or what follows from one. */
static bool
is_row_value(const Fuse *f, Val v)
{
	return !reduce_is_column(f->g, &f->g->node[v]) && f->g->node[v].type.rank < f->span[v].n;
}

bool
fuse_accepts(Fuse *f, int k, Val v)
{
	FuseKernel *p = &f->kernel.at[k];
	Axes        inner = p->inner;
	bool        ok;

	if (p->alone || !axes_equal(&p->space, &f->span[v]) || p->member.n >= FUSE_MAX_NODES)
		return false;
	if ((p->assigns || f->assigned[v]) && (p->rows || is_row_value(f, v)))
		return false;
	if (!fuse_inner(f->g, v, &f->span[v], &inner))
		return false;
	vec_push(f->g->arena, &p->member, v);
	ok = fuse_fits(f, p, &inner);
	p->member.n--;
	return ok;
}

void
fuse_join(Fuse *f, int k, Val v)
{
	FuseKernel *p = &f->kernel.at[k];

	vec_push(f->g->arena, &p->member, v);
	fuse_add(f, &f->home[v], k);
	p->assigns |= f->assigned[v];
	p->rows |= is_row_value(f, v);
	(void)fuse_inner(f->g, v, &f->span[v], &p->inner);
}
