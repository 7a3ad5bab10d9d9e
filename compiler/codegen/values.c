/* Which bytes each argument of a step touches, and the name of the value that is there (program.h:
 * Extent, Named). A value is what one step leaves behind, or an array that several steps make: a
 * concat whose parts are written in place, the results of launches that were joined. Decides
 * nothing: the plan gave places, this only says what they hold. */
#include "compiler/codegen/region.h"

#include <stdlib.h>
#include <string.h>

/* ---- bytes ---------------------------------------------------------------------------------- */

int64_t
extent_span(Extent x)
{
	return (x.rows - 1) * x.pitch + x.bytes;
}

Extent
node_extent(const Type *t, const int64_t *stride)
{
	struct {
		int64_t size, stride;
	} level[MAX_RANK];
	int64_t unit = dtype_bytes[t->dtype], last = 0;
	Extent  e = {unit, 1, 0};
	int     n = 0, i = 0;

	for (int k = 0; k < t->rank; k++) { /* innermost first */
		int at = n;

		if (t->axis[k].size == 1 || stride[k] == 0)
			continue;
		for (; at > 0 && level[at - 1].stride > stride[k]; at--)
			level[at] = level[at - 1];
		level[at].size = t->axis[k].size;
		level[at].stride = stride[k];
		last += (t->axis[k].size - 1) * stride[k] * unit;
		n++;
	}
	for (; i < n && level[i].stride * unit == e.bytes; i++)
		e.bytes *= level[i].size;
	if (i < n) {
		e.pitch = level[i].stride * unit;
		e.rows = level[i++].size;
	}
	for (; i < n && level[i].stride * unit == e.pitch * e.rows; i++)
		e.rows *= level[i].size;
	return i < n ? (Extent){last + unit, 1, 0} : e;
}

static bool
within(Extent x, Extent whole)
{
	if (whole.rows == 1)
		return extent_span(x) <= whole.bytes;
	return x.rows == 1
	               ? x.bytes <= whole.bytes
	               : x.pitch == whole.pitch && x.rows <= whole.rows && x.bytes <= whole.bytes;
}

Extent
extent_union(Extent x, Extent y)
{
	int64_t most = extent_span(x) > extent_span(y) ? extent_span(x) : extent_span(y);

	return within(y, x) ? x : within(x, y) ? y : (Extent){most, 1, 0};
}

Pointer
node_pointer(Arena *a, const Graph *g, Val v, bool write)
{
	const Node *n = &g->node[v];
	Pointer     p = {.slab = n->place.slab,
	                 .offset = n->place.offset,
	                 .type = n->type,
	                 .read = !write,
	                 .write = write,
	                 .to = write ? v : NO_VAL};

	p.extent = node_extent(&n->type, n->place.stride);
	if (!write)
		vec_push(a, &p.from, v);
	return p;
}

/* ---- which graph values are one ------------------------------------------------------------- */

static Val
stands_for(const Classes *c, Val v)
{
	while (c->same.at[v] != v)
		v = c->same.at[v];
	return v;
}

void
values_join(Builder *b, Val x, Val y)
{
	Val rx = stands_for(&b->classes, x), ry = stands_for(&b->classes, y);

	b->classes.same.at[rx > ry ? rx : ry] = rx > ry ? ry : rx;
}

Val
values_scratch(Builder *b)
{
	Val v = b->classes.same.n;

	vec_push(b->a, &b->classes.same, v);
	return v;
}

/* Variables that lie side by side: a concat of them is no array of its own. */
static bool
holds_variables(const Graph *g, Val v)
{
	const Node *n = &g->node[v];

	return n->op == OP_concat && n->kernel == KERNEL_IN_PLACE &&
	       g->node[alias_root(g, n->in[0])].op == OP_param;
}

void
values_begin(Builder *b, const Graph *g)
{
	b->classes = (Classes){0};
	for (Val v = 0; v < g->n; v++)
		(void)values_scratch(b);
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];

		if (node_is_alias(n))
			values_join(b, v, n->in[0]);
		else if (n->kernel == KERNEL_IN_PLACE && !holds_variables(g, v))
			for (int i = 0; i < n->nin; i++)
				values_join(b, v, n->in[i]);
	}
}

/* ---- names ---------------------------------------------------------------------------------- */

enum { VARIABLE_PAD = 128 }; /* bytes; a variable's last row of them is its own */

/* The array of a class: where it lies, and its name. */
typedef struct {
	int     slab, value;
	int64_t lo, hi;
} Home;

typedef struct {
	int     value;
	int64_t lo, hi;
} Found;

typedef struct {
	Arena         *a;
	const Classes *c;
	const Graph   *g;
	const Program *p;
	Entry         *e;
	Home          *home; /* per class */
	int            last; /* number given last */
	Vec(Found) found;
} Namer;

static int
find_held(const Namer *x, const Node *n)
{
	switch (n->op) {
	case OP_param:
		for (int i = 0; i < x->p->recipe.nvar; i++)
			if (x->p->recipe.var[i].name == n->attr.name)
				return value_held(HELD_variable, i);
		break;
	case OP_table:
		for (int i = 0; i < x->p->ntable; i++)
			if (x->p->table[i].slab == n->place.slab &&
			    x->p->table[i].offset == n->place.offset)
				return value_held(HELD_table, i);
		break;
	case OP_host:
		for (int i = 0; i < x->e->nscalar; i++)
			if (x->e->scalar[i].slab == n->place.slab &&
			    x->e->scalar[i].offset == n->place.offset)
				return value_held(HELD_scalar, i);
		break;
	case OP_input:
		for (int i = 0; i < x->e->ninput; i++)
			if (x->e->input[i].slab == n->place.slab &&
			    x->e->input[i].offset == n->place.offset)
				return value_held(HELD_input, i);
		break;
	default:
		return 0;
	}
	BUG("`%s` has no place in the program", n->attr.name);
}

static void
find_homes(Namer *x)
{
	for (Val v = 0; v < x->c->same.n; v++)
		x->home[v] = (Home){.slab = -1};
	for (Val v = 0; v < x->g->n; v++) {
		const Node *n = &x->g->node[v];
		int         held = find_held(x, n);
		int64_t     bytes = type_bytes(&n->type);

		if (!held)
			continue;
		if (n->op == OP_param)
			bytes = (bytes + VARIABLE_PAD - 1) / VARIABLE_PAD * VARIABLE_PAD;
		x->home[stands_for(x->c, v)] =
			(Home){n->place.slab, held, n->place.offset, n->place.offset + bytes};
	}
}

static void
is_written(Namer *x, Val v, int slab, int64_t offset, int64_t bytes)
{
	Home *h = &x->home[stands_for(x->c, v)];

	if (h->value < 0)
		BUG("a step writes `%s`, which the runtime holds", x->g->node[v].attr.name);
	if (h->value == 0)
		*h = (Home){slab, ++x->last, offset, offset + bytes};
	if (h->slab != slab)
		BUG("the parts of value %%%d lie in different slabs", v);
	if (offset < h->lo)
		h->lo = offset;
	if (offset + bytes > h->hi)
		h->hi = offset + bytes;
}

static int64_t
operand_bytes(const GemmOperand *o, int64_t z, int64_t n0, int64_t n1)
{
	return dtype_bytes[o->dtype] * ((z - 1) * o->sz + (n0 - 1) * o->s0 + (n1 - 1) * o->s1 + 1);
}

static int
by_address(const void *x, const void *y)
{
	const Found *a = x, *b = y;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

/* The arrays behind v of which bytes lo .. hi - 1 are wanted. */
static void
collect(Namer *x, Val v, int64_t lo, int64_t hi)
{
	Val         root = v < x->g->n ? alias_root(x->g, v) : v;
	const Home *h = &x->home[stands_for(x->c, v)];

	if (root < x->g->n && holds_variables(x->g, root)) {
		for (int i = 0; i < x->g->node[root].nin; i++)
			collect(x, x->g->node[root].in[i], lo, hi);
		return;
	}
	if (h->slab < 0)
		BUG("%%%d is read, but nobody writes it", v);
	if (h->hi <= lo || hi <= h->lo)
		return;
	for (int i = 0; i < x->found.n; i++)
		if (x->found.at[i].value == h->value)
			return;
	vec_push(x->a, &x->found, (Found){h->value, h->lo, h->hi});
}

/* The names of what is read at offset, by address; n of them. */
static Named *
names_of(Namer *x, const Val *from, int nfrom, int64_t offset, int64_t bytes, int *n)
{
	Named *out;

	x->found.n = 0;
	for (int i = 0; i < nfrom; i++)
		collect(x, from[i], offset, offset + bytes);
	*n = x->found.n;
	if (*n == 0)
		BUG("nothing that is read lies where it is read");
	qsort(x->found.at, (size_t)*n, sizeof *x->found.at, by_address);
	out = arena_new_array(x->a, Named, *n);
	for (int i = 0; i < *n; i++)
		out[i] = (Named){x->found.at[i].value, offset - x->found.at[i].lo};
	return out;
}

/* Are there bytes between the values found last that belong to none of them? */
static bool
leaves_gaps(const Namer *x, const Pointer *p)
{
	int64_t reached = p->offset;

	for (int i = 0; i < x->found.n; i++) {
		if (x->found.at[i].lo > reached)
			return true;
		if (x->found.at[i].hi > reached)
			reached = x->found.at[i].hi;
	}
	return reached < p->offset + p->extent.bytes;
}

static void
name_arg(Namer *x, const Pointer *p, Arg *a)
{
	Named *from;
	int    n;

	bool reads = p->from.n > 0; /* not what the launch itself has written in scratch memory */

	a->access = reads && p->write ? ACCESS_update : p->write ? ACCESS_write : ACCESS_read;
	a->extent = p->extent;
	if (p->write) {
		const Home *h = &x->home[stands_for(x->c, p->to)];

		a->value = h->value;
		a->at = p->offset - h->lo;
	}
	if (!reads)
		return;
	from = names_of(x, p->from.at, p->from.n, p->offset, extent_span(p->extent), &n);
	if (p->write) {
		a->before = from->value;
		a->before_at = from->at;
	} else {
		a->value = from->value;
		a->at = from->at;
	}
	a->nmore = n - 1;
	a->more = from + 1;
	a->padded = p->extent.rows == 1 && leaves_gaps(x, p);
}

static void
name_operand(Namer *x, Val v, GemmOperand *o, int64_t z, int64_t n0, int64_t n1)
{
	int    n;
	Named *from = names_of(x, &v, 1, o->offset, operand_bytes(o, z, n0, n1), &n);

	o->value = from->value;
	o->at = from->at;
	o->nmore = n - 1;
	o->more = from + 1;
}

static void
name_gemm(Namer *x, const Draft *d, Gemm *g)
{
	const Home *h = &x->home[stands_for(x->c, d->c)];

	name_operand(x, d->a, &g->a, g->z, g->m, g->k);
	name_operand(x, d->b, &g->b, g->z, g->k, g->n);
	g->c.value = h->value;
	g->c.at = g->c.offset - h->lo;
	if (g->has_bias) {
		int    n;
		Named *from = names_of(x, &d->bias, 1, g->bias_offset, 4 * g->n, &n);

		g->bias_value = from->value;
		g->bias_at = from->at;
		g->bias_nmore = n - 1;
		g->bias_more = from + 1;
	}
}

void
values_name(Arena *a, const Classes *c, const Graph *g, const Program *p, const Drafts *drafts,
            const Val *output, Entry *e)
{
	Namer x = {.a = a,
	           .c = c,
	           .g = g,
	           .p = p,
	           .e = e,
	           .home = arena_new_array(a, Home, c->same.n + 1)};

	find_homes(&x);
	for (int i = 0; i < drafts->n; i++) { /* numbers in the order of the steps that write */
		const Draft *d = &drafts->at[i];
		const Gemm  *m = &e->step[i].gemm;

		for (int k = 0; k < d->npointer; k++)
			if (d->pointer[k].write)
				is_written(&x, d->pointer[k].to, d->pointer[k].slab,
				           d->pointer[k].offset, extent_span(d->pointer[k].extent));
		if (d->step.kind == STEP_gemm)
			is_written(&x, d->c, m->c.slab, m->c.offset,
			           operand_bytes(&m->c, m->z, m->m, m->n));
	}
	for (int i = 0; i < drafts->n; i++) {
		const Draft *d = &drafts->at[i];
		ProgStep    *s = &e->step[i];

		for (int k = 0; k < d->npointer; k++)
			name_arg(&x, &d->pointer[k], &s->arg[k]);
		if (s->kind == STEP_gemm)
			name_gemm(&x, d, &s->gemm);
		s->seal = step_seal(p, s);
	}
	for (int i = 0; i < e->noutput; i++) {
		const Home *h = &x.home[stands_for(c, output[i])];

		e->output[i].value = h->value;
		e->output[i].at = e->output[i].offset - h->lo;
	}
}
