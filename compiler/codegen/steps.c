/* The steps of one graph, kernel by kernel in the order of the plan. Kernels of equal text are kept
 * once: blocks of a model differ in places and numbers, not in code. */
#include "compiler/codegen/region.h"

#include <string.h>

static int
source_add(Builder *b, const Source *like, const Number *number)
{
	Source s = *like;
	int    n = like->nnumber;

	for (int i = 0; i < b->source.n; i++) {
		Source *old = &b->source.at[i];

		if (strcmp(old->body, s.body) || old->nnumber != n || old->block != s.block ||
		    old->shared != s.shared || old->grid != s.grid)
			continue;
		for (int k = 0; k < n; k++)
			if (old->number[k].f != number[k].f || old->number[k].i != number[k].i ||
			    old->number[k].u != number[k].u)
				old->varies[k] = true;
		return i;
	}
	s.number = arena_new_array(b->a, Number, n + 1);
	s.varies = arena_new_array(b->a, bool, n + 1);
	for (int k = 0; k < n; k++) {
		s.number[k] = number[k];
		s.varies[k] = k < s.first_number;
	}
	vec_push(b->a, &b->source, s);
	return b->source.n - 1;
}

void
launch_add(Builder *b, const Source *s, const Draft *d, Drafts *out)
{
	Draft launch = *d;

	launch.step.kind = STEP_launch;
	launch.step.flops = s->flops;
	launch.step.bytes = s->bytes;
	launch.step.kernel = source_add(b, s, d->number);
	vec_push(b->a, out, launch);
}

Pointer
scratch_pointer(Builder *b, int64_t at, int64_t floats, bool write)
{
	Type    t = {.dtype = DT_f32, .rank = 1, .axis = {{intern("scratch"), floats}}};
	Pointer p = {.slab = b->scratch_slab,
	             .offset = 4 * at,
	             .type = t,
	             .read = !write,
	             .write = write,
	             .extent = {4 * floats, 1, 0}};

	if (b->scratch < 4 * (at + floats))
		b->scratch = 4 * (at + floats);
	if (write)
		b->scratch_value = values_scratch(b);
	p.to = write ? b->scratch_value : NO_VAL;
	if (!write)
		vec_push(b->a, &p.from, b->scratch_value);
	return p;
}

void
source_spec_line(Builder *b, int source, Loc loc)
{
	Source *s = &b->source.at[source];

	if (loc.file == NULL || s->loc.n >= 12)
		return;
	for (int i = 0; i < s->loc.n; i++)
		if (s->loc.at[i].file == loc.file && s->loc.at[i].line == loc.line)
			return;
	vec_push(b->a, &s->loc, loc);
}

/* Work of one walk: an operation per element and node; bytes each touched place once. */
void
region_cost(const Region *r, double *flops, double *bytes)
{
	*flops = *bytes = 0;
	for (int i = 0; i < r->n; i++) {
		const Node *n = &r->g->node[r->node[i]];
		bool        reduce = n->op == OP_sum || n->op == OP_rmax;

		*flops += (double)type_elems(reduce ? &r->g->node[n->in[0]].type : &n->type);
	}
	for (int i = 0; i < r->pointer.n; i++)
		*bytes += (double)type_bytes(&r->pointer.at[i].type) *
		          (r->pointer.at[i].read + r->pointer.at[i].write);
}

static bool
line_before(Loc a, Loc b)
{
	return a.file == b.file ? a.line < b.line
	                        : strcmp(a.file ? a.file : "", b.file ? b.file : "") < 0;
}

static void
region_step(Builder *b, const Graph *g, int kernel, Drafts *out)
{
	Region r;
	Loc    first = {0};
	int    from = out->n;

	region_build(&r, b->a, g, kernel);
	if (r.flat) /* number 0: the length */
		region_number(&r, (Number){.kind = ARG_i64, .i = r.loop[0].size});
	b->code->region(b, &r, out);
	for (int i = 0; i < r.n; i++) {
		Loc loc = g->node[r.node[i]].loc;

		for (int d = from; d < out->n; d++)
			source_spec_line(b, out->at[d].step.kernel, loc);
		if (first.file == NULL || (loc.file && line_before(first, loc)))
			first = loc;
	}
	for (int d = from; d < out->n; d++)
		out->at[d].step.loc = first;
	region_close(&r);
}

/* ---- forward, teacher, backward, update: for ledgers ---------------------------------------- */

typedef enum { ROLE_none, ROLE_forward, ROLE_teacher, ROLE_backward, ROLE_update } Role;

/* By where it lies: an average has the name that the spec gives it. */
static bool
is_average(const Graph *g, const Node *param)
{
	return param->place.slab >= 0 && strcmp(g->slab[param->place.slab].name, "averages") == 0;
}

/* Follows from which values a node needs: gradients come after the loss, the update after the norm
 * of all gradients and the optimiser's moments. */
static Role *
find_roles(const Graph *g, Arena *a)
{
	Role *role = arena_new_array(a, Role, g->n);
	Val   loss = NO_VAL;
	/* follows from a variable that is no average */
	bool *trained = arena_new_array(a, bool, g->n);
	/* a variable's new value needs it: all but watches */
	bool *updates = arena_new_array(a, bool, g->n);
	bool *needs_loss_input = arena_new_array(a, bool, g->n); /* the loss needs it */

	for (int i = 0; i < g->nout; i++)
		if (strcmp(g->out[i].name, "loss") == 0)
			loss = g->out[i].val;
	for (Val v = g->n - 1; v >= 0; v--) {
		updates[v] = updates[v] || g->node[v].op == OP_assign;
		for (int i = 0; i < g->node[v].nin; i++)
			updates[g->node[v].in[i]] = updates[g->node[v].in[i]] || updates[v];
		if (v == loss)
			needs_loss_input[v] = true;
		if (needs_loss_input[v])
			for (int i = 0; i < g->node[v].nin; i++)
				needs_loss_input[g->node[v].in[i]] = true;
	}
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		bool        teacher = false, update = n->op == OP_sum_squares;

		for (int i = 0; i < n->nin; i++) {
			const Node *p = &g->node[n->in[i]];

			update = update || role[n->in[i]] == ROLE_update ||
			         (p->op == OP_param && strncmp(p->attr.name, "moment", 6) == 0);
			trained[v] = trained[v] || trained[n->in[i]];
			teacher = teacher || role[n->in[i]] == ROLE_teacher ||
			          (p->op == OP_param && is_average(g, p));
			trained[v] = trained[v] || (p->op == OP_param && !is_average(g, p));
		}
		if (op_info[n->op].class == CLASS_LEAF)
			continue;
		role[v] = update                                                 ? ROLE_update
		          : loss != NO_VAL && updates[v] && !needs_loss_input[v] ? ROLE_backward
		          : teacher && !trained[v]                               ? ROLE_teacher
		                                                                 : ROLE_forward;
	}
	return role;
}

static const char *const role_name[] = {"forward", "forward", "teacher", "backward", "update"};

/* ---- one launch for neighbours -------------------------------------------------------------- */

/* One array of a launch of `count` elements, and the same argument of the launch after it: does the
 * second begin where the first ends? A single element is read by every element of the launch, so it
 * must be the very same one. Between two variables, and between their gradients, lie zeros that a
 * longer launch may walk over; among gradients they must stay zeros, since all are summed in one
 * sweep. What lies between two activations may be somebody's. */
static bool
follows(const Graph *g, const Pointer *p, const Pointer *q, int64_t count)
{
	int64_t     step = (count + 31) / 32 * 32;
	const char *slab = g->slab[p->slab].name;

	if (p->slab != q->slab)
		return false;
	if (type_elems(&p->type) == 1 || type_elems(&q->type) == 1)
		return !p->write && !q->write && p->offset == q->offset;
	if (step != count && (strcmp(slab, "act") == 0 || (p->write && strcmp(slab, "grads") == 0)))
		return false;
	return q->offset == p->offset + step * dtype_bytes[p->type.dtype];
}

/* May two launches change places? When neither touches what the other writes. */
static bool
independent(const Draft *x, const Draft *y)
{
	for (int i = 0; i < x->npointer; i++)
		for (int k = 0; k < y->npointer; k++) {
			const Pointer *p = &x->pointer[i], *q = &y->pointer[k];

			if (p->slab == q->slab && (p->write || q->write) &&
			    p->offset < q->offset + extent_span(q->extent) &&
			    q->offset < p->offset + extent_span(p->extent))
				return false;
		}
	return true;
}

/* A flat launch whose arrays all continue where those of the one before end is the same launch,
 * longer, unless it wants what that one writes. */
static bool
continues(const Builder *b, const Graph *g, const Draft *x, const Draft *y)
{
	const Source *s = &b->source.at[y->step.kernel];

	if (x->step.kind != STEP_launch || y->step.kind != STEP_launch ||
	    x->step.kernel != y->step.kernel || strcmp(s->kind, "flat") || !independent(x, y))
		return false;
	for (int k = 1; k < s->nnumber; k++)
		if (x->number[k].f != y->number[k].f || x->number[k].i != y->number[k].i ||
		    x->number[k].u != y->number[k].u)
			return false;
	for (int i = 0; i < x->npointer; i++)
		if (!follows(g, &x->pointer[i], &y->pointer[i], x->number[0].i))
			return false;
	return true;
}

/* d is done by x, which becomes longer. */
static void
join(Builder *b, Draft *x, const Draft *d)
{
	x->number[0].i = (x->number[0].i + 31) / 32 * 32 + d->number[0].i;
	x->step.flops += d->step.flops;
	x->step.bytes += d->step.bytes;
	for (int i = 0; i < x->npointer; i++) {
		Pointer *p = &x->pointer[i];

		if (type_elems(&p->type) == 1)
			continue;
		p->extent = (Extent){x->number[0].i * dtype_bytes[p->type.dtype], 1, 0};
		if (p->write)
			values_join(b, p->to, d->pointer[i].to);
		for (int k = 0; k < d->pointer[i].from.n; k++)
			vec_push(b->a, &p->from, d->pointer[i].from.at[k]);
	}
}

/* Does flat launch y belong before x: by kernel, then by the scalars both read, then by where they
 * begin? */
static bool
belongs_before(const Draft *y, const Draft *x)
{
	int64_t far = 0;

	if (x->step.kernel != y->step.kernel)
		return y->step.kernel < x->step.kernel;
	for (int i = 0; i < x->npointer; i++) {
		const Pointer *p = &x->pointer[i], *q = &y->pointer[i];
		bool           one = type_elems(&p->type) == 1;

		if (p->slab != q->slab || (one && p->offset != q->offset))
			return q->slab != p->slab ? q->slab < p->slab : q->offset < p->offset;
		if (!one && far == 0)
			far = q->offset - p->offset;
	}
	return far < 0;
}

/* Flat launches that follow each other, and could as well in another order, in the order of their
 * places: the update of all variables becomes few launches. Scalars are worked out before them. */
static void
sort_launches(const Builder *b, Drafts *out)
{
	for (int i = 1; i < out->n; i++)
		for (int k = i; k > 0; k--) {
			Draft      *x = &out->at[k - 1], *y = &out->at[k], hold = *x;
			const char *kind[2];

			if (x->step.kind != STEP_launch || y->step.kind != STEP_launch)
				break;
			kind[0] = b->source.at[x->step.kernel].kind;
			kind[1] = b->source.at[y->step.kernel].kind;
			if (strcmp(kind[0], "flat") ||
			    (strcmp(kind[1], "flat") && strcmp(kind[1], "small")) ||
			    !independent(x, y) ||
			    (strcmp(kind[1], "flat") == 0 && !belongs_before(y, x)))
				break;
			*x = *y;
			*y = hold;
		}
}

static void
join_launches(Builder *b, const Graph *g, Drafts *out)
{
	int n = 0;

	if (b->code->sorts)
		sort_launches(b, out);

	for (int i = 0; i < out->n; i++) {
		Draft *d = &out->at[i], *last = n ? &out->at[n - 1] : NULL;

		if (last && continues(b, g, last, d))
			join(b, last, d);
		else
			out->at[n++] = *d;
	}
	out->n = n;
}

void
steps_build(Builder *b, const Graph *g, Drafts *out)
{
	Role *role = find_roles(g, b->a);
	Val   v = 0;

	values_begin(b, g);
	for (int k = 0; k < g->nkernel; k++) {
		Role r = ROLE_none;
		int  from = out->n;

		while (v < g->n && g->node[v].kernel != k)
			v++;
		if (v == g->n)
			BUG("kernel %d has no node", k);
		if (!single_build(b, g, v, out))
			region_step(b, g, k, out);
		for (Val w = v; w < g->n && (g->node[w].kernel == k || g->node[w].kernel < 0); w++)
			if (g->node[w].kernel == k && role[w] > r)
				r = role[w];
		for (int d = from; d < out->n; d++)
			out->at[d].step.what = role_name[r];
	}
	join_launches(b, g, out);
}
