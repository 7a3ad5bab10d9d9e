/* pass_fuse: give nodes that one generated kernel computes together the same kernel number.
 *     %1 = mul %x, %s   %2 = add %1, %y          ==>   both `kernel 0`; %1 never reaches memory
 * Walks from the outputs back. A value used in one kernel joins it; a value that is cheap to
 * compute again (one large operand) is computed in every kernel that uses it; any other value is
 * stored, by the first kernel that uses it when that closes no cycle. Then kernels that walk the
 * same space over the same data are merged (fuse_merge.c). A kernel walks one space (a set of
 * axes): outer axes in parallel, inner axes inside; reductions per row happen inside, column
 * reductions (over the samples) when the whole space was walked. What op_is_alone names is a kernel alone.
 * needs: gemm.  keeps: types.  breaks: nothing. */
#include "compiler/pass/fuse_private.h"

/* ---- the walk ------------------------------------------------------------------------------- */

static bool
recomputable(const Fuse *f, Val v)
{
	const Node *n = &f->g->node[v];

	return op_is_computed(n) && n->op != OP_sum && n->op != OP_rmax && !op_is_mapped(n->op) &&
	       n->op != OP_reorder && f->root[v] != v && f->span[v].n == n->type.rank;
}

/* Kernels that read v from memory (through views or as operand of something alone) and kernels that
 * could share it. */
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

			fuse_add(f, shares ? direct : memory, k);
		}
	}
}

/* Kernels that overwrite a variable v reads: v must run before, or in the same kernel where it
 * reads the element that is replaced (near); seen through a view or at other coordinates (far) it
 * cannot be the same kernel. */
static void
find_writers(Fuse *f, Val v, Ints *near, Ints *far)
{
	const Node *n = &f->g->node[v];

	for (int i = 0; i < n->nin; i++)
		for (int j = 0; j < f->overwritten[n->in[i]].n; j++) {
			Val  x = f->overwritten[n->in[i]].at[j];
			bool direct = f->g->node[n->in[i]].op == OP_param && !op_is_mapped(n->op) &&
			              n->op != OP_broadcast;

			for (int h = 0; h < f->home[x].n; h++)
				fuse_add(f, direct ? near : far, f->home[x].at[h]);
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
	if (fuse_has(memory, k))
		/* it would read its own result from memory, or overwrite what it still reads */
		return true;
	for (int i = 0; i < direct->n; i++)
		if (direct->at[i] != k && fuse_reaches(f, direct->at[i], k, false))
			return true;
	for (int i = 0; i < memory->n; i++)
		if (fuse_reaches(f, memory->at[i], k, false))
			return true;
	return false;
}

/* Would v, in kernel k, read a variable at coordinates other than those at which k, or a kernel
 * before k, replaces it? */
static bool
writes_far(Fuse *f, Val v, int k)
{
	Ints near = {0}, far = {0}, none = {0};

	find_writers(f, v, &near, &far);
	return fuse_has(&far, k) || closes_cycle(f, k, &none, &far);
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
			everywhere = everywhere && fuse_accepts(f, direct.at[i], v) &&
			             !closes_cycle(f, direct.at[i], &near, &none) &&
			             !writes_far(f, v, direct.at[i]);
		if (!stored && everywhere && direct.n > 0 &&
		    (direct.n == 1 || recomputable(f, v))) {
			for (int i = 0; i < direct.n; i++)
				fuse_join(f, direct.at[i], v),
					fuse_add_edges(f, direct.at[i], &near),
					fuse_add_edges(f, direct.at[i], &memory);
			return;
		}
		for (int i = 0; i < direct.n; i++) {
			k = direct.at[i];
			if (fuse_accepts(f, k, v) && !closes_cycle(f, k, &direct, &memory) &&
			    !closes_cycle(f, k, &near, &none)) {
				fuse_join(f, k, v);
				fuse_add_edges(f, k, &near);
				fuse_add_edges(f, k, &direct);
				fuse_add_edges(f, k, &memory);
				return;
			}
		}
	}
	k = fuse_kernel_new(f, &f->span[v]);
	f->kernel.at[k].forward = f->forward[v];
	fuse_join(f, k, v);
	fuse_add_edges(f, k, &near);
	fuse_add_edges(f, k, &direct);
	fuse_add_edges(f, k, &memory);
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
	fuse_join(f, k, v);
	fuse_add_edges(f, k, &direct);
	fuse_add_edges(f, k, &memory);
}

/* ---- the rebuilt graph ---------------------------------------------------------------------- */

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
			n.kernel = k >= 0                        ? number[k]
			           : n.kernel == KERNEL_IN_PLACE ? KERNEL_IN_PLACE
			                                         : -1;
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

	fuse_copies(g);
	fuse_facts(&f);
	for (Val v = g->n - 1; v >= 0; v--) {
		const Node *node = &g->node[v];

		if (op_is_computed(node))
			place_computed(&f, v);
		else if (op_is_alone(node->op) || node->op == OP_contract)
			place_alone(&f, v);
		else if (op_info[node->op].class == CLASS_COMPOSITE)
			BUG("%s reached pass fuse: expand comes first", op_info[node->op].name);
	}
	fuse_merge(&f);
	rebuild(&f);
	return OK;
}
