/* Sibling gemms become one. Three shapes occur, all around attention's q, k and v:
 *   side by side:  x W1, x W2, x W3        ==>  x [W1 W2 W3], read in parts     (weights lie side by side already: free)
 *   gradients:     x' Y1, x' Y2, x' Y3     ==>  x' [Y1 Y2 Y3]                   (Yi are written side by side by attend_grad: free)
 *   summed:        Y1 W1 + Y2 W2 + Y3 W3   ==>  [Y1 Y2 Y3] [W1 W2 W3]
 * A concat made here never costs a copy: its operands are variables, which plan places side by side, or results of one
 * attend_grad, which are written in place. Everything else is left alone. */
#include "compiler/pass/pass_private.h"

#include <string.h>

enum { MAX_SIBLINGS = 8, ALIGN_ELEMS = 32 };

typedef struct {
	int  n;
	Val  gemm[MAX_SIBLINGS];
	Val  part[MAX_SIBLINGS]; /* the operand that differs */
	Val  cat;                /* concat of parts along `joint`, each merged to one axis first */
	Axis joint;
	Axis merged[MAX_SIBLINGS];
	Axes free[MAX_SIBLINGS]; /* the axes of part i that are merged, in order */
	bool variables;          /* the parts are variables, not data */
} Group;

typedef Vec(Group) Groups;

typedef struct {
	Variables here, there; /* there: of the planned graph whose variables this one shares */
	Val      *gemm;        /* all of them, in order */
	int       ngemm;
} Facts;

static Val
strip_cast(const Graph *g, Val v)
{
	v = alias_root(g, v);
	if (g->node[v].op == OP_cast)
		v = alias_root(g, g->node[v].in[0]);
	return v;
}

static bool
is_trained(const Facts *f, const char *name)
{
	return variable_param(&f->here, intern_printf("moment1.%s", name)) != NO_VAL;
}

/* Is v something that can be placed side by side with others of its kind? Returns a key: equal keys
 * may be joined. */
static Val
joinable(const Graph *g, const Facts *f, Val v)
{
	Val r = strip_cast(g, v);

	if (type_elems(&g->node[v].type) % ALIGN_ELEMS)
		return NO_VAL;
	if (g->node[r].op == OP_param &&
	    type_elems(&g->node[r].type) == type_elems(&g->node[v].type))
		/* any two parameters may, and any two averages */
		return is_trained(f, g->node[r].attr.name) ? -2 : -3;
	if (g->node[r].op == OP_result && g->node[g->node[r].in[0]].op == OP_attend_grad &&
	    g->node[alias_root(g, v)].op != OP_cast)
		return g->node[r].in[0];
	return NO_VAL;
}

static const char *
merged_name(const Axes *s)
{
	const char *name = s->at[0].name;

	for (int i = 1; i < s->n; i++)
		name = intern_printf("%s_%s", name, s->at[i].name);
	return name;
}

/* Fill merged, joint and cat of a group whose parts and free axes are known. */
static void
join_parts(Graph *g, Group *grp, Loc loc)
{
	Val     in[MAX_SIBLINGS];
	int64_t size = 0;
	bool    alike = true, cast = true;
	Dtype   dtype = g->node[grp->part[0]].type.dtype;

	for (int i = 0; i < grp->n; i++) {
		const Axes *f = &grp->free[i];
		Val         part = grp->part[i];

		/* one cast of the joined parameters instead of one each */
		cast = cast && g->node[part].op == OP_cast;
		grp->merged[i] = (Axis){merged_name(f), axes_elems(f)};
		alike = alike && grp->merged[i].name == grp->merged[0].name;
		size += grp->merged[i].size;
	}
	for (int i = 0; i < grp->n; i++) {
		const Axes *f = &grp->free[i];

		in[i] = cast ? g->node[grp->part[i]].in[0] : grp->part[i];
		if (f->n > 1)
			in[i] = build_merge(g, in[i], f->at, f->n, grp->merged[i], loc);
	}
	grp->joint.size = size;
	if (alike) {
		grp->joint.name = intern_printf("%s_x%d", grp->merged[0].name, grp->n);
	} else {
		grp->joint.name = grp->merged[0].name;
		for (int i = 1; i < grp->n; i++)
			grp->joint.name =
				intern_printf("%s_and_%s", grp->joint.name, grp->merged[i].name);
	}
	grp->cat = build_concat(g, in, grp->merged, grp->n, grp->joint, loc);
	g->node[grp->cat].kernel = KERNEL_IN_PLACE;
	if (cast)
		grp->cat = build_cast(g, grp->cat, dtype, loc);
}

/* Part i of a value that has the joint axis, with the part's own axes again. */
static Val
take_part(Graph *g, const Group *grp, int i, Val whole, Loc loc)
{
	int64_t at = 0;
	Val     v;

	for (int j = 0; j < i; j++)
		at += grp->merged[j].size;
	v = build_slice(g, whole, grp->joint, at, grp->merged[i], loc);
	return grp->free[i].n > 1
	               ? build_split(g, v, grp->merged[i], grp->free[i].at, grp->free[i].n, loc)
	               : v;
}

/* The bias of the joined gemm: zeros for siblings that have none. NO_VAL when none has one. */
static Val
join_bias(Graph *g, const Group *grp, Loc loc)
{
	Val  in[MAX_SIBLINGS];
	bool any = false;

	for (int i = 0; i < grp->n; i++)
		any = any || g->node[grp->gemm[i]].nin == 3;
	if (!any)
		return NO_VAL;
	for (int i = 0; i < grp->n; i++) {
		const Node *n = &g->node[grp->gemm[i]];

		if (n->nin == 3) {
			in[i] = n->in[2];
			if (grp->free[i].n > 1)
				in[i] = build_merge(g, in[i], grp->free[i].at, grp->free[i].n,
				                    grp->merged[i], loc);
		} else {
			in[i] = build_broadcast(g, build_const(g, 0, loc), &grp->merged[i], 1, loc);
		}
	}
	return build_concat(g, in, grp->merged, grp->n, grp->joint, loc);
}

/* Do the free axes of `part` come first, in one stretch, so that stretches of several parts can
 * follow each other in memory? For results of attend_grad any order will do: they are written where
 * they are wanted. */
static bool
free_axes_lead(const Graph *g, Val part, const Axes *free)
{
	const Type *t = &g->node[part].type;

	if (g->node[strip_cast(g, part)].op != OP_param)
		return true;
	for (int i = 0; i < free->n; i++)
		if (t->axis[i].name != free->at[i].name)
			return false;
	return true;
}

static bool
same_sums(const Node *a, const Node *b)
{
	Axes x = {0}, y = {0};

	for (int i = 0; i < a->attr.naxes; i++)
		axes_add(&x, a->attr.axes[i]);
	for (int i = 0; i < b->attr.naxes; i++)
		axes_add(&y, b->attr.axes[i]);
	return axes_equal(&x, &y);
}

/* Variables as they were declared, results of attend_grad as they are numbered: weights and their
 * gradients then agree. */
static void
sort_parts(const Graph *g, Group *grp)
{
	for (int i = 1; i < grp->n; i++)
		for (int j = i; j > 0; j--) {
			Val a = strip_cast(g, grp->part[j - 1]), b = strip_cast(g, grp->part[j]);
			int x = g->node[a].op == OP_result ? g->node[a].attr.index : a,
			    y = g->node[b].op == OP_result ? g->node[b].attr.index : b;
			Val  gemm = grp->gemm[j], part = grp->part[j];
			Axes f = grp->free[j];

			if (x <= y)
				break;
			grp->gemm[j] = grp->gemm[j - 1];
			grp->part[j] = grp->part[j - 1];
			grp->free[j] = grp->free[j - 1];
			grp->gemm[j - 1] = gemm;
			grp->part[j - 1] = part;
			grp->free[j - 1] = f;
		}
}

/* Variables can lie side by side in one way only: a second group must name the same ones in the
 * same order, and a forward pass must take them as training placed them. */
static bool
may_adjoin(const Graph *g, const Facts *f, const Group *grp, const Groups *groups)
{
	int64_t at = -1;

	for (int i = 0; i < groups->n; i++) {
		const Group *old = &groups->at[i];
		int          same = 0, at_same_place = 0;

		for (int j = 0; j < old->n; j++)
			for (int k = 0; k < grp->n; k++)
				if (strip_cast(g, old->part[j]) == strip_cast(g, grp->part[k])) {
					same++;
					at_same_place += j == k;
				}
		if (same && (at_same_place != grp->n || old->n != grp->n))
			return false;
	}
	for (int i = 0; g->variables_from && i < grp->n; i++) {
		const Node *p = &g->node[strip_cast(g, grp->part[i])];
		Val         v = variable_param(&f->there, p->attr.name);
		const Node *there = v == NO_VAL ? NULL : &g->variables_from->node[v];

		if (!there || (at >= 0 && there->place.offset != at))
			return false;
		at = there->place.offset + type_bytes(&there->type);
	}
	return true;
}

/* Collect gemms that share operand `shared` (0 or 1) of gemm number `first` and differ in the
 * other. */
static bool
find_group(Graph *g, const Facts *f, int first, int shared, const bool *taken, const Groups *groups,
           Group *grp)
{
	const Node *n = &g->node[f->gemm[first]];
	Val         x = n->in[shared], key = joinable(g, f, n->in[1 - shared]);

	memset(grp, 0, sizeof *grp);
	if (key == NO_VAL)
		return false;
	for (int k = first; k < f->ngemm && grp->n < MAX_SIBLINGS; k++) {
		Val         w = f->gemm[k];
		const Node *m = &g->node[w];
		Val         part;
		Roles       r;
		int         s;

		s = m->in[0] == x ? 0 : m->in[1] == x ? 1 : -1;
		if (s < 0 || (m->nin == 3 && s != 0))
			continue;
		if (taken[w] || !same_sums(m, n) || m->type.dtype != n->type.dtype)
			continue;
		part = m->in[1 - s];
		if (joinable(g, f, part) != key ||
		    g->node[part].type.dtype != g->node[n->in[1 - shared]].type.dtype)
			continue;
		r = contract_roles(&g->node[x].type, &g->node[part].type, &m->attr);
		if (r.z.n || !r.n.n || !free_axes_lead(g, part, &r.n))
			continue;
		for (int i = 0; i < grp->n; i++)
			if (alias_root(g, grp->part[i]) == alias_root(g, part))
				goto next; /* the same weight twice is no sibling */
		grp->gemm[grp->n] = w;
		grp->part[grp->n] = part;
		grp->free[grp->n++] = r.n;
	next:;
	}
	sort_parts(g, grp);
	return grp->n > 1 && (key > -2 || may_adjoin(g, f, grp, groups));
}

static void
replace_group(Graph *g, Group *grp)
{
	Node  first = g->node[grp->gemm[0]];
	bool  weights = grp->variables = g->node[strip_cast(g, grp->part[0])].op == OP_param;
	Val   x = first.in[0] == grp->part[0] ? first.in[1] : first.in[0], in[3], bias, whole;
	Type  type;
	Roles r;
	int   nin = 2;

	join_parts(g, grp, first.loc);
	bias = join_bias(g, grp, first.loc);
	/* the joint axis goes where the gradients of joined weights need it: first when the parts
	 * are data, last when they are weights */
	in[0] = weights ? x : grp->cat;
	in[1] = weights ? grp->cat : x;
	if (bias != NO_VAL)
		in[nin++] = bias;
	r = contract_roles(&g->node[in[0]].type, &g->node[in[1]].type, &first.attr);
	type = (Type){.dtype = first.type.dtype};
	for (int i = 0; i < r.m.n; i++)
		type.axis[type.rank++] = r.m.at[i];
	for (int i = 0; i < r.n.n; i++)
		type.axis[type.rank++] = r.n.at[i];
	whole = build(g, OP_gemm, in, nin, &first.attr, &type, first.loc);
	for (int i = 0; i < grp->n; i++)
		graph_replace(g, grp->gemm[i], take_part(g, grp, i, whole, first.loc));
}

/* ---- sums of gemms -------------------------------------------------------------------------- */

typedef Vec(Val) Vals;

/* The leaves of a tree of adds whose inner nodes are used once. */
static void
sum_leaves(Graph *g, Val v, const int *uses, bool root, Vals *out)
{
	const Node *n = &g->node[v];

	if (n->op == OP_add && (root || uses[v] == 1) &&
	    type_same_axes(&n->type, &g->node[n->in[0]].type) &&
	    type_same_axes(&n->type, &g->node[n->in[1]].type)) {
		Val a = n->in[0], b = n->in[1];

		sum_leaves(g, a, uses, false, out);
		sum_leaves(g, b, uses, false, out);
		return;
	}
	vec_push(g->arena, out, v);
}

/* Which part of grp is operand v (through its views)? -1: none. */
static int
part_of(const Graph *g, const Group *grp, Val v)
{
	for (int i = 0; i < grp->n; i++)
		if (grp->part[i] == v ||
		    (strip_cast(g, grp->part[i]) == strip_cast(g, v) &&
		     type_same_axes(&g->node[grp->part[i]].type, &g->node[v].type)))
			return i;
	return -1;
}

/* Among leaves, find sum_i Y_i W_i with all Y_i of one group and all W_i of another in the same
 * order. Returns the joined gemm. */
static Val
join_sum(Graph *g, Vals *leaf, const Groups *groups, const int *uses)
{
	int gemms = 0;

	for (int i = 0; i < leaf->n; i++)
		gemms += g->node[leaf->at[i]].op == OP_gemm && uses[leaf->at[i]] == 1;
	for (int y = 0; gemms > 1 && y < groups->n; y++)
		for (int w = 0; w < groups->n; w++) {
			const Group *gy = &groups->at[y], *gw = &groups->at[w];
			int          at[MAX_SIBLINGS], found = 0;

			if (gy->n != gw->n || gy->joint.name != gw->joint.name || !gw->variables ||
			    gy->variables)
				continue;
			for (int p = 0; p < gy->n; p++) {
				at[p] = -1;
				for (int i = 0; i < leaf->n; i++) {
					const Node *c = &g->node[leaf->at[i]];

					if (c->op == OP_gemm && c->nin == 2 &&
					    uses[leaf->at[i]] == 1 &&
					    c->attr.naxes == gw->free[p].n &&
					    ((part_of(g, gy, c->in[0]) == p &&
					      part_of(g, gw, c->in[1]) == p) ||
					     (part_of(g, gy, c->in[1]) == p &&
					      part_of(g, gw, c->in[0]) == p)))
						at[p] = i;
				}
				found += at[p] >= 0;
			}
			if (found == gy->n) {
				Node first = g->node[leaf->at[at[0]]];
				Attr attr = {.naxes = 1, .axes = {gy->joint}};
				Val  in[2] = {gy->cat, gw->cat};
				int  kept = 0;

				for (int i = 0; i < leaf->n; i++) {
					bool used = false;

					for (int p = 0; p < gy->n; p++)
						used = used || at[p] == i;
					if (!used)
						leaf->at[kept++] = leaf->at[i];
				}
				leaf->n = kept;
				return build(g, OP_gemm, in, 2, &attr, NULL, first.loc);
			}
		}
	return NO_VAL;
}

static void
replace_sums(Graph *g, const Groups *groups)
{
	int  *uses = graph_uses(g, g->arena), n = g->n;
	bool *inner = arena_new_array(g->arena, bool, n);

	for (Val v = n - 1; v >= 0; v--) {
		Node node = g->node[v];
		Vals leaf = {0};
		Val  sum;

		if (node.op != OP_add || inner[v])
			continue;
		sum_leaves(g, v, uses, true, &leaf);
		if (leaf.n < 2)
			continue;
		for (int i = 0; i < node.nin; i++)
			if (g->node[node.in[i]].op == OP_add && uses[node.in[i]] == 1)
				inner[node.in[i]] = true;
		sum = join_sum(g, &leaf, groups, uses);
		if (sum == NO_VAL)
			continue;
		for (int i = 0; i < leaf.n; i++)
			sum = build_bin(g, OP_add, leaf.at[i], sum, node.loc);
		graph_replace(g, v, sum);
	}
}

static Facts
find_facts(const Graph *g)
{
	Facts f = {.here = graph_variables(g, g->arena)};

	if (g->variables_from)
		f.there = graph_variables(g->variables_from, g->arena);
	f.gemm = arena_new_array(g->arena, Val, g->n);
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_gemm)
			f.gemm[f.ngemm++] = v;
	return f;
}

void
gemm_merge_siblings(Graph *g)
{
	Groups groups = {0};
	bool  *taken = arena_new_array(g->arena, bool, g->n);
	Facts  f = find_facts(g);

	for (int k = 0; k < f.ngemm; k++)
		for (int shared = 0; shared < 2; shared++) {
			Group grp;

			if (taken[f.gemm[k]] || !find_group(g, &f, k, shared, taken, &groups, &grp))
				continue;
			for (int i = 0; i < grp.n; i++)
				taken[grp.gemm[i]] = true;
			replace_group(g, &grp);
			vec_push(g->arena, &groups, grp);
		}
	replace_sums(g, &groups);
	graph_commit(g);
}
