/* The second half of pass fuse: kernels that walk the same space and read or write the same large
 * value become one, so that the value crosses memory once. Two kernels are merged when no third
 * lies between them, when nothing passes from one to the other that is only known at the end (a
 * column reduction) or read at other coordinates, and when their rows agree. */
#include "compiler/pass/fuse_private.h"

/* Does v read, through a view or at other coordinates, a variable that kernel b replaces? */
static bool
overwrites_far(const Fuse *f, Val v, int b)
{
	const Node *n = &f->g->node[v];

	for (int i = 0; i < n->nin; i++) {
		Val p = n->in[i];

		if (f->g->node[p].op == OP_param && !op_is_mapped(n->op) && n->op != OP_broadcast)
			continue;
		for (int j = 0; j < f->overwritten[p].n; j++)
			for (int h = 0; h < f->home[f->overwritten[p].at[j]].n; h++)
				if (fuse_rep(f, f->home[f->overwritten[p].at[j]].at[h]) == b)
					return true;
	}
	return false;
}

/* Does kernel b read something of kernel a in a way that forbids one pass over the data? */
static bool
hard_edge(const Fuse *f, int a, int b)
{
	const FuseKernel *p = &f->kernel.at[a];

	for (int i = 0; i < p->member.n; i++) {
		Val v = p->member.at[i];
		int stack[64], top = 0;

		if (overwrites_far(f, v, b))
			return true;

		for (int j = 0; j < f->user[v].n; j++) {
			Val         u = f->user[v].at[j];
			const Node *n = &f->g->node[u];
			bool        far = node_is_alias(n) || n->op == OP_result ||
			           n->kernel == KERNEL_IN_PLACE || op_is_mapped(n->op) ||
			           reduce_is_column(f->g, &f->g->node[v]);

			if (!far)
				continue;
			stack[top++] = u;
			while (top > 0) {
				Val w = stack[--top];

				for (int h = 0; h < f->home[w].n; h++)
					if (fuse_rep(f, f->home[w].at[h]) == b)
						return true;
				if (node_is_alias(&f->g->node[w]) ||
				    f->g->node[w].kernel == KERNEL_IN_PLACE)
					for (int k = 0; k < f->user[w].n && top < COUNT(stack); k++)
						stack[top++] = f->user[w].at[k];
			}
		}
	}
	return false;
}

static bool
mergeable(Fuse *f, int a, int b)
{
	FuseKernel *p = &f->kernel.at[a], *q = &f->kernel.at[b];
	Axes        inner = p->inner;

	if (p->alone || q->alone || p->forward != q->forward || !axes_equal(&p->space, &q->space) ||
	    p->member.n + q->member.n > FUSE_MAX_NODES)
		return false;
	if ((p->assigns || q->assigns) && (p->rows || q->rows))
		return false;
	for (int i = 0; i < q->inner.n; i++)
		axes_add(&inner, q->inner.at[i]);
	if (axes_elems(&inner) > FUSE_MAX_ROW || !fuse_fits(f, p, &inner) ||
	    !fuse_fits(f, q, &inner))
		return false;
	return !hard_edge(f, a, b) && !hard_edge(f, b, a) && !fuse_reaches(f, a, b, true) &&
	       !fuse_reaches(f, b, a, true);
}

static void
merge(Fuse *f, int a, int b)
{
	FuseKernel *p = &f->kernel.at[a], *q = &f->kernel.at[b];

	for (int i = 0; i < q->inner.n; i++)
		axes_add(&p->inner, q->inner.at[i]);
	for (int i = 0; i < q->member.n; i++) {
		bool have = false;

		for (int j = 0; j < p->member.n; j++)
			have = have || p->member.at[j] == q->member.at[i];
		if (!have)
			vec_push(f->g->arena, &p->member, q->member.at[i]);
	}
	p->assigns |= q->assigns;
	p->rows |= q->rows;
	q->dead = true;
	q->merged_into = a;
	for (int i = 0; i < q->succ.n; i++)
		vec_push(f->g->arena, &p->succ, q->succ.at[i]);
	/* edges among the two vanish; others may name either */
	int kept = 0;
	for (int i = 0; i < p->succ.n; i++)
		if (fuse_rep(f, p->succ.at[i]) != a)
			p->succ.at[kept++] = fuse_rep(f, p->succ.at[i]);
	p->succ.n = kept;
}

/* The kernels that touch value v at its own coordinates: those that compute it and those that use
 * it directly. */
static void
touching(const Fuse *f, Val v, Ints *out)
{
	for (int i = 0; i < f->home[v].n; i++)
		vec_push(f->g->arena, out, fuse_rep(f, f->home[v].at[i]));
	for (int i = 0; i < f->user[v].n; i++) {
		Val u = f->user[v].at[i];

		if (op_is_computed(&f->g->node[u]) && !op_is_mapped(f->g->node[u].op))
			for (int j = 0; j < f->home[u].n; j++)
				vec_push(f->g->arena, out, fuse_rep(f, f->home[u].at[j]));
	}
}

void
fuse_merge(Fuse *f)
{
	/* later values first: the backward pass, where several kernels read the same gradient */
	for (Val v = f->g->n - 1; v >= 0; v--) {
		Ints near = {0};

		if (f->g->node[v].type.rank < 2)
			continue;
		touching(f, v, &near);
		for (int i = 0; i < near.n; i++)
			for (int j = i + 1; j < near.n; j++) {
				int a = fuse_rep(f, near.at[i]), b = fuse_rep(f, near.at[j]);

				if (a != b && f->kernel.at[a].space.n == f->g->node[v].type.rank &&
				    mergeable(f, a, b))
					merge(f, a, b);
			}
	}
}
