/* pass_fuse: give nodes that one generated kernel computes together the same kernel number.
 *     %1 = mul %x, %s   %2 = add %1, %y          ==>   both `kernel 0`; %1 never reaches memory
 * Walks from the outputs back. A value used in one kernel joins it; a value that is cheap to compute again (one
 * large operand) is computed in every kernel that uses it; any other value is stored, by the first kernel that uses
 * it when that closes no cycle. Then kernels that walk the same space over the same data are merged (fuse_merge.c).
 * A kernel walks one space (a set of axes): outer axes in parallel, inner axes inside; reductions per row happen
 * inside, column reductions (over the samples) when the whole space was walked.
 * needs: gemm.  keeps: types.  breaks: nothing.  Every gemm, attend, attend_grad, sum_squares, scatter_add is a kernel alone. */
#include "compiler/pass/fuse_private.h"

#include <string.h>

bool
op_is_computed(const Node *n)
{
	OpClass c = op_info[n->op].class;

	if (n->kernel == KERNEL_IN_PLACE)
		return false;
	return c == CLASS_ELEM || c == CLASS_RANDOM || n->op == OP_sum || n->op == OP_rmax || op_is_mapped(n->op) ||
	       n->op == OP_broadcast || (n->op == OP_reorder && n->kernel >= 0);
}

Val
build_copy(Graph *g, Val v, const Type *order, Loc loc)
{
	Type as_is = g->node[v].type;

	v = build(g, OP_reorder, &v, 1, NULL, order ? order : &as_is, loc);
	g->node[v].kernel = KERNEL_WANTED;
	return v;
}

/* ---- what the walk needs to know of each value ---------------------------------------------------- */

/* The space a value is computed in: its own axes, or for a row's statistic the axes of the rows it sums. */
static void
find_spans(Fuse *f)
{
	Graph *g = f->g;

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Axes       *s = &f->span[v];

		*s = axes_of(&n->type);
		if (!op_is_computed(n))
			continue;
		if (n->op == OP_sum || n->op == OP_rmax) {
			const Axes *p = &f->span[n->in[0]];
			for (int i = 0; i < n->attr.naxes; i++)
				axes_add(s, n->attr.axes[i]);
			if (op_is_computed(&g->node[n->in[0]]) && axes_subset(s, p) && !reduce_is_column(g, &g->node[n->in[0]]))
				*s = *p;
			continue;
		}
		if (op_is_mapped(n->op))
			continue;
		for (int i = 0; i < n->nin; i++) {
			const Node *p = &g->node[n->in[i]];

			/* a statistic of a row, seen from the rows it belongs to */
			if (op_is_computed(p) && !reduce_is_column(g, p) && f->span[n->in[i]].n > p->type.rank &&
			    axes_subset(s, &f->span[n->in[i]]))
				*s = f->span[n->in[i]];
		}
	}
}

/* The stored values, as large as v, that v is computed from when it is computed again: 0, 1 or "several". */
static void
find_roots(Fuse *f)
{
	Graph *g = f->g;

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		f->root[v] = v;
		if (!op_is_computed(n) || n->op == OP_sum || n->op == OP_rmax || op_is_mapped(n->op) || n->op == OP_reorder)
			continue;
		Val one = NO_VAL;
		bool several = false;
		for (int i = 0; i < n->nin; i++) {
			Val p = n->in[i], r;

			if (g->node[p].op == OP_const || g->node[p].type.rank < n->type.rank || n->op == OP_uniform)
				continue;
			r = op_is_computed(&g->node[p]) ? f->root[p] : alias_root(g, p);
			if (r == NO_VAL)
				continue;
			several = several || (one != NO_VAL && one != r);
			one = r;
		}
		f->root[v] = several ? v : one;
	}
}

static bool
recomputable(const Fuse *f, Val v)
{
	const Node *n = &f->g->node[v];

	return op_is_computed(n) && n->op != OP_sum && n->op != OP_rmax && !op_is_mapped(n->op) && n->op != OP_reorder &&
	       f->root[v] != v && f->span[v].n == n->type.rank;
}

/* ---- kernels --------------------------------------------------------------------------------------- */

int
fuse_kernel_new(Fuse *f, const Axes *space)
{
	FuseKernel k = {.space = *space, .alone = false};

	vec_push(f->g->arena, &f->kernel, k);
	return f->kernel.n - 1;
}

/* Is there a path from kernel a to kernel b along at least one edge other than a direct a -> b edge when skip_direct? */
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

int
fuse_rep(const Fuse *f, int k)
{
	while (f->kernel.at[k].merged_into >= 0 && f->kernel.at[k].dead)
		k = f->kernel.at[k].merged_into;
	return k;
}

static void
add_edges(Fuse *f, int from, const Ints *to)
{
	for (int i = 0; i < to->n; i++)
		if (to->at[i] != from)
			vec_push(f->g->arena, &f->kernel.at[from].succ, to->at[i]);
}

static bool
ints_has(const Ints *s, int x)
{
	for (int i = 0; i < s->n; i++)
		if (s->at[i] == x)
			return true;
	return false;
}

static void
ints_add(Fuse *f, Ints *s, int x)
{
	if (!ints_has(s, x))
		vec_push(f->g->arena, s, x);
}

/* The inner axes a kernel would have with node v in it; false when its rows would become too long. */
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

/* Every value in a kernel must have all outer axes, except a column reduction, which must have none. */
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

static bool
accepts(Fuse *f, int k, Val v)
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

static void
join(Fuse *f, int k, Val v)
{
	FuseKernel *p = &f->kernel.at[k];

	vec_push(f->g->arena, &p->member, v);
	ints_add(f, &f->home[v], k);
	p->assigns |= f->assigned[v];
	p->rows |= is_row_value(f, v);
	(void)fuse_inner(f->g, v, &f->span[v], &p->inner);
}

/* ---- the walk ---------------------------------------------------------------------------------------- */

/* Kernels that read v from memory (through views or as operand of something alone) and kernels that could share it. */
static void
find_users(Fuse *f, Val v, Ints *direct, Ints *memory)
{
	for (int i = 0; i < f->user[v].n; i++) {
		Val         u = f->user[v].at[i];
		const Node *n = &f->g->node[u];

		if (node_is_alias(n) || n->op == OP_result || n->kernel == KERNEL_IN_PLACE) {
			find_users(f, u, memory, memory);
			continue;
		}
		for (int j = 0; j < f->home[u].n; j++) {
			int  k = f->home[u].at[j];
			bool shares = op_is_computed(n) && !op_is_mapped(n->op);

			ints_add(f, shares ? direct : memory, k);
		}
	}
}

/* Kernels that overwrite a variable v reads: v must run before, or in the same kernel where it reads the element that is
 * replaced (near); seen through a view or at other coordinates (far) it cannot be the same kernel. */
static void
find_writers(Fuse *f, Val v, Ints *near, Ints *far)
{
	const Node *n = &f->g->node[v];

	for (int i = 0; i < n->nin; i++)
		for (int j = 0; j < f->overwritten[n->in[i]].n; j++) {
			Val  x = f->overwritten[n->in[i]].at[j];
			bool direct = f->g->node[n->in[i]].op == OP_param && !op_is_mapped(n->op) && n->op != OP_broadcast;

			for (int h = 0; h < f->home[x].n; h++)
				ints_add(f, direct ? near : far, f->home[x].at[h]);
		}
}

/* Overwritten values per variable, and through views of it. */
static void
find_overwritten(Fuse *f)
{
	Graph *g = f->g;

	for (Val a = 0; a < g->n; a++) {
		if (g->node[a].op != OP_assign)
			continue;
		f->assigned[g->node[a].in[0]] = true;
		for (Val p = 0; p < g->n; p++)
			if (g->node[p].op == OP_param && g->node[p].attr.name == g->node[a].attr.name)
				ints_add(f, &f->overwritten[p], g->node[a].in[0]);
	}
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (!node_is_alias(n) && n->kernel != KERNEL_IN_PLACE)
			continue;
		for (int i = 0; i < n->nin; i++)
			for (int j = 0; j < f->overwritten[n->in[i]].n; j++)
				ints_add(f, &f->overwritten[v], f->overwritten[n->in[i]].at[j]);
	}
}

static bool
stored_anyway(const Fuse *f, Val v)
{
	if (f->wanted[v])
		return true;
	for (int i = 0; i < f->user[v].n; i++) {
		const Node *n = &f->g->node[f->user[v].at[i]];

		if (!op_is_computed(n) || op_is_mapped(n->op))
			return true;
	}
	return false;
}

/* Would computing v in kernel k close a cycle: does k depend on another kernel that reads v? */
static bool
closes_cycle(Fuse *f, int k, const Ints *direct, const Ints *memory)
{
	if (ints_has(memory, k))
		return true; /* it would read its own result from memory, or overwrite what it still reads */
	for (int i = 0; i < direct->n; i++)
		if (direct->at[i] != k && fuse_reaches(f, direct->at[i], k, false))
			return true;
	for (int i = 0; i < memory->n; i++)
		if (fuse_reaches(f, memory->at[i], k, false))
			return true;
	return false;
}

/* Would v, in kernel k, read a variable at coordinates other than those at which k, or a kernel before k, replaces it? */
static bool
writes_far(Fuse *f, Val v, int k)
{
	Ints near = {0}, far = {0}, none = {0};

	find_writers(f, v, &near, &far);
	return ints_has(&far, k) || closes_cycle(f, k, &none, &far);
}

static void
place_computed(Fuse *f, Val v)
{
	Ints direct = {0}, memory = {0};
	bool stored = stored_anyway(f, v), everywhere = true;
	int  k;

	Ints near = {0};

	find_users(f, v, &direct, &memory);
	find_writers(f, v, &near, &memory);
	if (!reduce_is_column(f->g, &f->g->node[v])) {
		Ints none = {0};

		for (int i = 0; i < direct.n; i++)
			everywhere = everywhere && accepts(f, direct.at[i], v) && !closes_cycle(f, direct.at[i], &near, &none) &&
			             !writes_far(f, v, direct.at[i]);
		if (!stored && everywhere && direct.n > 0 && (direct.n == 1 || recomputable(f, v))) {
			for (int i = 0; i < direct.n; i++)
				join(f, direct.at[i], v), add_edges(f, direct.at[i], &near), add_edges(f, direct.at[i], &memory);
			return;
		}
		for (int i = 0; i < direct.n; i++) {
			k = direct.at[i];
			if (accepts(f, k, v) && !closes_cycle(f, k, &direct, &memory) && !closes_cycle(f, k, &near, &none)) {
				join(f, k, v);
				add_edges(f, k, &near);
				add_edges(f, k, &direct);
				add_edges(f, k, &memory);
				return;
			}
		}
	}
	k = fuse_kernel_new(f, &f->span[v]);
	f->kernel.at[k].forward = f->forward[v];
	join(f, k, v);
	add_edges(f, k, &near);
	add_edges(f, k, &direct);
	add_edges(f, k, &memory);
}

static void
place_alone(Fuse *f, Val v)
{
	Ints direct = {0}, memory = {0};
	int  k = fuse_kernel_new(f, &f->span[v]);

	find_users(f, v, &direct, &memory);
	find_writers(f, v, &memory, &memory);
	f->kernel.at[k].alone = true;
	f->kernel.at[k].forward = f->forward[v];
	join(f, k, v);
	add_edges(f, k, &direct);
	add_edges(f, k, &memory);
}

/* ---- copies that must exist, and the rebuilt graph ------------------------------------------------------ */

/* Does gradient v lie in its root as the variable `name` lies among its neighbours in a concat in place? */
static bool
lies_like_variable(const Graph *g, Val v, const char *name)
{
	int64_t stride[MAX_RANK], offset;

	if (!name || !view_strides(g, v, NULL, stride, &offset))
		return false;
	for (Val c = 0; c < g->n; c++) {
		int64_t at = 0;

		if (g->node[c].kernel != KERNEL_IN_PLACE || type_elems(&g->node[c].type) != type_elems(&g->node[alias_root(g, v)].type))
			continue;
		for (int i = 0; i < g->node[c].nin; i++) {
			const Node *p = &g->node[alias_root(g, g->node[c].in[i])];

			if (p->op == OP_param && p->attr.name == name && at == offset)
				return true;
			at += type_elems(&p->type);
		}
	}
	return false;
}

/* Outputs, assigned values and gradients must be memory of their own: views and leaves are copied. */
static void
insert_copies(Graph *g)
{
	int          n = g->n;
	Val          sums;
	const char **name = gradient_names(g, &sums);

	for (int i = 0; i < g->nout; i++) {
		Val     v = g->out[i].val;
		OpClass c = op_info[g->node[v].op].class;

		bool assigned = g->node[v].op == OP_param;

		for (Val w = 0; w < n; w++)
			assigned = assigned || (g->node[w].op == OP_assign && g->node[w].in[0] == v);
		if (assigned || g->node[v].op == OP_const || (c == CLASS_VIEW && !op_is_computed(&g->node[v])))
			g->out[i].val = build_copy(g, v, NULL, g->node[v].loc);
	}
	for (Val v = 0; v < n; v++) {
		if (g->node[v].op == OP_assign && !op_is_computed(&g->node[g->node[v].in[0]])) {
			Val c = build_copy(g, g->node[v].in[0], NULL, g->node[v].loc);
			g->node[v].in[0] = c;
		} else if (g->node[v].op == OP_sum_squares) {
			for (int i = 0; i < g->node[v].nin; i++) {
				Val  in = g->node[v].in[i], r = alias_root(g, in), c;
				int64_t covered = 0;
				bool    again = op_info[g->node[r].op].class == CLASS_LEAF;

				/* bytes of its own: all of its root is gradients, each once */
				for (int j = 0; j < g->node[v].nin; j++) {
					again = again || (j < i && g->node[v].in[j] == in);
					if (alias_root(g, g->node[v].in[j]) == r)
						covered += type_elems(&g->node[g->node[v].in[j]].type);
				}
				again = again || covered != type_elems(&g->node[r].type);
				again = again || (r != in && covered != type_elems(&g->node[in].type) && !lies_like_variable(g, in, name[i]));
				if (!again)
					continue;
				c = build_copy(g, in, NULL, g->node[v].loc);
				g->node[v].in[i] = c;
			}
		}
	}
	graph_commit(g);
}

static Val
clone_in(const Fuse *f, Val p, int kernel)
{
	for (int i = 0; i < f->home[p].n; i++)
		if (fuse_rep(f, f->home[p].at[i]) == kernel)
			return f->clone[p].at[i];
	return f->clone[p].at[0];
}

/* The same nodes in the same order, each as often as kernels compute it. */
static void
rebuild(Fuse *f)
{
	Graph *g = f->g;
	int   *number = arena_new_array(g->arena, int, f->kernel.n + 1), next = 0;

	for (int k = 0; k < f->kernel.n; k++)
		number[k] = -1;
	for (Val v = 0; v < g->n; v++) {
		int copies = f->home[v].n ? f->home[v].n : 1;

		for (int c = 0; c < copies; c++) {
			Node n = g->node[v];
			int  k = f->home[v].n ? fuse_rep(f, f->home[v].at[c]) : -1, before = c;

			for (int d = 0; d < c; d++)
				if (fuse_rep(f, f->home[v].at[d]) == k)
					before = d; /* merged kernels share one clone */
			if (before < c) {
				Val same = f->clone[v].at[before];
				vec_push(g->arena, &f->clone[v], same);
				continue;
			}
			n.in = arena_new_array(g->arena, Val, n.nin + 1);
			for (int i = 0; i < n.nin; i++)
				n.in[i] = clone_in(f, g->node[v].in[i], k);
			if (k >= 0 && number[k] < 0)
				number[k] = next++;
			n.kernel = k >= 0 ? number[k] : n.kernel == KERNEL_IN_PLACE ? KERNEL_IN_PLACE : -1;
			vec_push(g->arena, &f->nodes, n);
			vec_push(g->arena, &f->clone[v], f->nodes.n - 1);
		}
	}
	for (int i = 0; i < g->nout; i++)
		g->out[i].val = f->clone[g->out[i].val].at[0];
	g->node = f->nodes.at;
	g->n = f->nodes.n;
	g->cap = f->nodes.cap;
	g->nkernel = next;
	g->replaced = NULL;
}

Status
pass_fuse(Graph *g)
{
	Fuse f = {.g = g};
	int  n;

	insert_copies(g);
	n = g->n;
	f.span = arena_new_array(g->arena, Axes, n);
	f.root = arena_new_array(g->arena, Val, n);
	f.home = arena_new_array(g->arena, Ints, n);
	f.clone = arena_new_array(g->arena, Ints, n);
	f.user = arena_new_array(g->arena, Ints, n);
	f.wanted = arena_new_array(g->arena, bool, n);
	f.assigned = arena_new_array(g->arena, bool, n);
	f.overwritten = arena_new_array(g->arena, Ints, n);
	for (Val v = 0; v < n; v++)
		for (int i = 0; i < g->node[v].nin; i++)
			ints_add(&f, &f.user[g->node[v].in[i]], v);
	for (int i = 0; i < g->nout; i++)
		f.wanted[g->out[i].val] = true;
	f.forward = arena_new_array(g->arena, bool, n);
	for (int i = 0; i < g->nout; i++)
		f.forward[g->out[i].val] = strcmp(g->out[i].name, "loss") == 0;
	for (Val v = n - 1; v >= 0; v--)
		for (int i = 0; i < g->node[v].nin; i++)
			f.forward[g->node[v].in[i]] |= f.forward[v];
	find_overwritten(&f);
	find_spans(&f);
	find_roots(&f);
	for (Val v = n - 1; v >= 0; v--) {
		const Node *node = &g->node[v];

		if (op_is_computed(node))
			place_computed(&f, v);
		else if (node->op == OP_gemm || node->op == OP_attend || node->op == OP_attend_grad || node->op == OP_sum_squares ||
		         node->op == OP_scatter_add || node->op == OP_contract)
			place_alone(&f, v);
		else if (op_info[node->op].class == CLASS_COMPOSITE)
			BUG("%s reached pass fuse: expand comes first", op_info[node->op].name);
	}
	fuse_merge(&f);
	rebuild(&f);
	return OK;
}
