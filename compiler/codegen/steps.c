/* The steps of one graph, kernel by kernel in the order of the plan. Kernels of equal text are kept once: blocks of a
 * model differ in places and numbers, not in code. */
#include "compiler/codegen/region.h"

#include <string.h>

int
source_add(Builder *b, const char *kind, const char *body, const Number *number, int nnumber, int first_number, double flops, double bytes)
{
	Source s = {.body = body, .kind = kind, .first_number = first_number, .nnumber = nnumber, .flops = flops, .bytes = bytes};

	for (int i = 0; i < b->source.n; i++) {
		Source *old = &b->source.at[i];

		if (strcmp(old->body, body) || old->nnumber != nnumber)
			continue;
		for (int k = 0; k < nnumber; k++)
			if (old->number[k].f != number[k].f || old->number[k].i != number[k].i || old->number[k].u != number[k].u)
				old->varies[k] = true;
		return i;
	}
	s.number = arena_new_array(b->a, Number, nnumber + 1);
	s.varies = arena_new_array(b->a, bool, nnumber + 1);
	for (int k = 0; k < nnumber; k++) {
		s.number[k] = number[k];
		s.varies[k] = k < first_number;
	}
	vec_push(b->a, &b->source, s);
	return b->source.n - 1;
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
static void
region_cost(const Region *r, double *flops, double *bytes)
{
	*flops = *bytes = 0;
	for (int i = 0; i < r->n; i++) {
		const Node *n = &r->g->node[r->node[i]];
		bool        reduce = n->op == OP_sum || n->op == OP_rmax;

		*flops += (double)type_elems(reduce ? &r->g->node[n->in[0]].type : &n->type);
	}
	for (int i = 0; i < r->pointer.n; i++)
		*bytes += (double)type_bytes(&r->pointer.at[i].type) * (r->pointer.at[i].read + r->pointer.at[i].write);
}

static bool
line_before(Loc a, Loc b)
{
	return a.file == b.file ? a.line < b.line : strcmp(a.file ? a.file : "", b.file ? b.file : "") < 0;
}

static void
region_step(Builder *b, const Graph *g, int kernel, Draft *d)
{
	Region      r;
	Text        t = {0};
	Number     *number;
	int         n = 0;
	double      flops, bytes;
	const char *kind;

	region_build(&r, b->a, g, kernel);
	if (r.flat) /* number 0: the length */
		region_number(&r, (Number){.kind = ARG_i64, .i = r.loop[0].size});
	region_emit(&r, &t);
	region_cost(&r, &flops, &bytes);
	number = arena_new_array(b->a, Number, r.number.n + 1);
	for (; n < r.number.n; n++)
		number[n] = r.number.at[n];
	kind = r.flat ? "flat" : r.columns ? "columns" : r.nouter ? "rows" : "small";
	d->step = (ProgStep){.kind = STEP_launch, .flops = flops, .bytes = bytes};
	d->step.kernel = source_add(b, kind, arena_strdup(b->a, t.at), number, n, r.flat, flops, bytes);
	d->npointer = r.pointer.n;
	d->pointer = r.pointer.at;
	d->number = number;
	for (int i = 0; i < r.n; i++) {
		Loc loc = g->node[r.node[i]].loc;

		source_spec_line(b, d->step.kernel, loc);
		if (d->step.loc.file == NULL || (loc.file && line_before(d->step.loc, loc)))
			d->step.loc = loc;
	}
	text_free(&t);
}

/* ---- forward, teacher, backward, update: for ledgers ----------------------------------------------------------- */

typedef enum { ROLE_none, ROLE_forward, ROLE_teacher, ROLE_backward, ROLE_update } Role;

/* Follows from which values a node needs: gradients come after the loss, the update after the norm of all gradients. */
static Role *
find_roles(const Graph *g, Arena *a)
{
	Role *role = arena_new_array(a, Role, g->n);
	Val   loss = NO_VAL;
	bool *needs_loss_input = arena_new_array(a, bool, g->n); /* the loss needs it */

	for (int i = 0; i < g->nout; i++)
		if (strcmp(g->out[i].name, "loss") == 0)
			loss = g->out[i].val;
	for (Val v = g->n - 1; v >= 0; v--) {
		if (v == loss)
			needs_loss_input[v] = true;
		if (needs_loss_input[v])
			for (int i = 0; i < g->node[v].nin; i++)
				needs_loss_input[g->node[v].in[i]] = true;
	}
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		bool        teacher = false, trained = false, update = n->op == OP_sum_squares;

		for (int i = 0; i < n->nin; i++) {
			const Node *p = &g->node[n->in[i]];

			update = update || role[n->in[i]] == ROLE_update;
			trained = trained || role[n->in[i]] == ROLE_forward;
			teacher = teacher || role[n->in[i]] == ROLE_teacher || (p->op == OP_param && strncmp(p->attr.name, "teacher.", 8) == 0);
			trained = trained || (p->op == OP_param && strncmp(p->attr.name, "teacher.", 8) != 0);
		}
		if (op_info[n->op].class == CLASS_LEAF)
			continue;
		role[v] = update ? ROLE_update : loss != NO_VAL && !needs_loss_input[v] ? ROLE_backward : teacher && !trained ? ROLE_teacher : ROLE_forward;
	}
	return role;
}

static const char *const role_name[] = {"forward", "forward", "teacher", "backward", "update"};

/* ---- one launch for neighbours ------------------------------------------------------------------------------------ */

/* One array of a launch of `count` elements, and the same argument of the launch after it: does the second begin where
 * the first ends? A single element is read by every element of the launch, so it must be the very same one. Between
 * two variables lies padding that nobody reads; what lies between two activations may be somebody's. */
static bool
follows(const Graph *g, const Pointer *p, const Pointer *q, int64_t count)
{
	int64_t step = (count + 31) / 32 * 32;

	if (p->slab != q->slab)
		return false;
	if (type_elems(&p->type) == 1 || type_elems(&q->type) == 1)
		return !p->write && !q->write && p->offset == q->offset;
	if (p->write && step != count && strcmp(g->slab[p->slab].name, "act") == 0)
		return false;
	return q->offset == p->offset + step * dtype_bytes[p->type.dtype];
}

/* A flat launch whose arrays all continue where those of the one before end is the same launch, longer. */
static bool
continues(const Builder *b, const Graph *g, const Draft *x, const Draft *y)
{
	const Source *s = &b->source.at[y->step.kernel];

	if (x->step.kind != STEP_launch || y->step.kind != STEP_launch || x->step.kernel != y->step.kernel || strcmp(s->kind, "flat"))
		return false;
	for (int k = 1; k < s->nnumber; k++)
		if (x->number[k].f != y->number[k].f || x->number[k].i != y->number[k].i || x->number[k].u != y->number[k].u)
			return false;
	for (int i = 0; i < x->npointer; i++)
		if (!follows(g, &x->pointer[i], &y->pointer[i], x->number[0].i))
			return false;
	return true;
}

static void
join_launches(const Builder *b, const Graph *g, Drafts *out)
{
	int n = 0;

	for (int i = 0; i < out->n; i++) {
		Draft *d = &out->at[i], *last = n ? &out->at[n - 1] : NULL;

		if (last && continues(b, g, last, d)) {
			last->number[0].i = (last->number[0].i + 31) / 32 * 32 + d->number[0].i;
			last->step.flops += d->step.flops;
			last->step.bytes += d->step.bytes;
			continue;
		}
		out->at[n++] = *d;
	}
	out->n = n;
}

void
steps_build(Builder *b, const Graph *g, Drafts *out)
{
	Role *role = find_roles(g, b->a);
	Val   v = 0;

	for (int k = 0; k < g->nkernel; k++) {
		Draft d = {0};
		Role  r = ROLE_none;

		while (v < g->n && g->node[v].kernel != k)
			v++;
		if (v == g->n)
			BUG("kernel %d has no node", k);
		if (!single_build(b, g, v, &d))
			region_step(b, g, k, &d);
		for (Val w = v; w < g->n && (g->node[w].kernel == k || g->node[w].kernel < 0); w++)
			if (g->node[w].kernel == k && role[w] > r)
				r = role[w];
		d.step.what = role_name[r];
		vec_push(b->a, out, d);
	}
	join_launches(b, g, out);
}
