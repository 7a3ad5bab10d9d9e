/* random_shrink: greedy delta debugging. An edit makes a graph smaller in one way; the graph is
 * built anew with it, node by node, and kept when the check still fails in the same pass in the
 * same way. Edits that make no legal graph are passed over. */
#include "tests/support/random_check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef enum {
	EDIT_no_training,
	EDIT_no_output,
	EDIT_no_update,
	EDIT_no_clip,
	EDIT_no_assign,
	EDIT_as_output,
	EDIT_leaf,
	EDIT_const,
	EDIT_operand,
	EDIT_axis
} EditKind;
typedef struct {
	EditKind    kind;
	int         which; /* output, update, node */
	int         operand;
	const char *axis;
	int64_t     size;
} Edit;

/* A graph being built anew. */
typedef struct {
	Arena      *a;
	const Edit *e;
	Graph      *g;
	Val        *made; /* of each old node */
	Vec(Axis) size;   /* sizes that differ now */
} Again;

static int64_t
size_now(const Again *x, Axis axis)
{
	for (int i = 0; i < x->size.n; i++)
		if (x->size.at[i].name == axis.name)
			return x->size.at[i].size;
	return axis.size;
}

static void
resize(Again *x, Axis axis, int64_t size)
{
	if (axis.name && size != size_now(x, axis))
		vec_push(x->a, &x->size, (Axis){axis.name, size});
}

/* Sizes that follow from those of the operand. */
static void
follow(Again *x, const Node *n, Attr *attr)
{
	const Attr *o = &n->attr;
	int64_t     size = 1, whole;

	switch (n->op) {
	case OP_rename:
		resize(x, o->axes[0], size_now(x, o->axis));
		break;
	case OP_merge:
		for (int i = 0; i < o->naxes; i++)
			size *= size_now(x, o->axes[i]);
		resize(x, o->axis, size);
		break;
	case OP_split:
		whole = size_now(x, o->axis);
		for (int i = 1; i < o->naxes; i++)
			size *= size_now(x, o->axes[i]);
		if (whole % size == 0)
			resize(x, o->axes[0], whole / size);
		for (int i = 1; whole % size != 0 && i < o->naxes; i++)
			resize(x, o->axes[i], 1);
		if (whole % size != 0)
			resize(x, o->axes[0], whole);
		break;
	case OP_slice:
		whole = size_now(x, o->axis);
		if (o->naxes && size_now(x, o->axes[0]) > whole)
			resize(x, o->axes[0], whole);
		size = o->naxes ? size_now(x, o->axes[0]) : 1;
		if (attr->offset + size > whole)
			attr->offset = whole - size;
		break;
	case OP_pad:
		size = o->naxes ? size_now(x, o->axes[0]) : 1;
		whole = size_now(x, o->axis);
		if (attr->offset + size > whole)
			attr->offset = whole - size;
		if (attr->offset < 0) {
			attr->offset = 0;
			resize(x, o->axis, size);
		}
		break;
	case OP_concat:
		size = 0;
		for (int i = 0; i < n->nin; i++)
			size += o->axes[i].name ? size_now(x, o->axes[i]) : 1;
		resize(x, o->axis, size);
		break;
	default:
		break;
	}
	for (int i = 0; i < MAX_RANK; i++)
		attr->axes[i].size =
			attr->axes[i].name ? size_now(x, attr->axes[i]) : attr->axes[i].size;
	attr->axis.size = attr->axis.name ? size_now(x, attr->axis) : attr->axis.size;
}

/* The node v again, or what stands in its place. FAIL: there is no such graph. */
static Status
again_node(Again *x, const Graph *old, Val v)
{
	const Node *n = &old->node[v];
	const Edit *e = x->e;
	Attr        attr = n->attr;
	Type        type = n->type, in[64], got;
	Val         to[64];
	const char *why;

	if (e->kind == EDIT_operand && e->which == v) {
		x->made[v] = x->made[n->in[e->operand]];
		return OK;
	}
	follow(x, n, &attr);
	for (int i = 0; i < type.rank; i++)
		type.axis[i].size = size_now(x, type.axis[i]);
	if (e->kind == EDIT_leaf && e->which == v) {
		x->made[v] = build_leaf(x->g, OP_input, intern_printf("x%d", v), &type, n->loc);
		return OK;
	}
	if (e->kind == EDIT_const && e->which == v) {
		x->made[v] =
			build_broadcast_to(x->g, build_const(x->g, 0.75, n->loc), &type, n->loc);
		return OK;
	}
	if ((e->kind == EDIT_no_assign || e->kind == EDIT_as_output) && e->which == v)
		return OK;
	if (n->nin > COUNT(to))
		return FAIL;
	for (int i = 0; i < n->nin; i++) {
		to[i] = x->made[n->in[i]];
		if (to[i] == NO_VAL)
			return FAIL;
		in[i] = x->g->node[to[i]].type;
	}
	if (n->op == OP_result) {
		if (x->g->node[to[0]].op != OP_attend_grad)
			return FAIL;
	} else if (n->op != OP_attend_grad &&
	           infer(x->a, n->op, in, n->nin, &attr, &type, &got, &why) != OK) {
		return FAIL;
	}
	if (n->op == OP_attend_grad && e->kind == EDIT_axis)
		/* its operands' rules are attend's; let those of attend's graph be cut instead */
		return FAIL;
	x->made[v] =
		build(x->g, n->op, to, n->nin, &attr, n->op == OP_result ? NULL : &type, n->loc);
	x->g->node[x->made[v]].kernel = n->kernel;
	return OK;
}

static Status
again_training(Again *x, const Graph *old)
{
	Training *t = &x->g->training;
	int       n = 0;

	*t = old->training;
	if (!t->present || x->e->kind == EDIT_no_training) {
		*t = (Training){.loss = NO_VAL};
		return OK;
	}
	t->update = arena_new_array(x->g->arena, Update, t->nupdate + 1);
	t->loss = x->made[t->loss];
	if (x->e->kind == EDIT_no_clip)
		t->clip = 0;
	for (int i = 0; i < old->training.nupdate; i++) {
		Update u = old->training.update[i];

		if (x->e->kind == EDIT_no_update && x->e->which == i)
			continue;
		u.lr = x->made[u.lr];
		u.decay = x->made[u.decay];
		if (u.average)
			u.average_decay = x->made[u.average_decay];
		if (t->differentiated)
			u.grad = x->made[u.grad];
		t->update[n++] = u;
	}
	t->nupdate = n;
	return OK;
}

/* g with one edit, or NULL. */
static Graph *
again(Arena *a, const Graph *old, const Edit *e)
{
	Again  x = {.a = a,
	            .e = e,
	            .g = graph_new(a, old->name),
	            .made = arena_new_array(a, Val, old->n + 1)};
	Graph *g = x.g;

	g->batch_axis = old->batch_axis;
	g->matmul = old->matmul;
	g->matmul_average = old->matmul_average;
	g->target = old->target;
	g->recompute = old->recompute;
	if (e->kind == EDIT_axis)
		vec_push(a, &x.size, (Axis){e->axis, e->size});
	for (Val v = 0; v < old->n; v++) {
		x.made[v] = NO_VAL;
		if (again_node(&x, old, v) != OK)
			return NULL;
	}
	for (int i = 0; i < old->nout; i++)
		if (e->kind != EDIT_no_output || e->which != i)
			graph_output(g, old->out[i].name, x.made[old->out[i].val]);
	/* an assign wants its variable read somewhere; an output wants nothing */
	if (e->kind == EDIT_as_output)
		graph_output(g, intern_printf("out%d.%d", g->nout, e->which),
		             x.made[old->node[e->which].in[0]]);
	if (again_training(&x, old) != OK)
		return NULL;
	graph_commit(g);
	return g->n > 0 ? g : NULL;
}

/* ---- the search ----------------------------------------------------------------------------- */

typedef struct {
	Arena         *a;
	Graph         *g; /* the smallest so far */
	int            pass;
	const Checked *c;
	const Verdict *want;
	double         until;
	Verdict        last; /* what is said of it */
} Search;

static double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Do both say the same is wrong: the same slug of a message, or none? */
static bool
same_slug(const char *x, const char *y)
{
	const char *a = strrchr(x, '['), *b = strrchr(y, '[');

	if (!a || !b || strlen(x) > sizeof(((Verdict *)0)->why) - 2)
		return !a == !b || strlen(x) > sizeof(((Verdict *)0)->why) - 2;
	return strcspn(a, "]") == strcspn(b, "]") && strncmp(a, b, strcspn(a, "]")) == 0;
}

static bool
try(Search *s, Edit e)
{
	Arena  *a = arena_new();
	Graph  *g;
	Checked c = *s->c;
	Verdict v;
	bool    yes = false;

	c.ops = NULL;
	if (seconds_now() < s->until && (g = again(a, s->g, &e)) != NULL) {
		v = check_apart(g, s->pass, &c);
		yes = v.check == s->want->check && strcmp(v.pass, s->want->pass) == 0 &&
		      same_slug(v.why, s->want->why);
		if (yes) {
			s->g = graph_copy(s->a, g);
			s->last = v;
		}
	}
	arena_free(a);
	return yes;
}

/* Nodes, the last first: what it is computed from goes with it. */
static bool
try_nodes(Search *s)
{
	bool any = false;

	for (Val v = s->g->n - 1; v >= 0; v--) {
		const Node *n;
		bool        done = false;

		if (v >= s->g->n)
			continue;
		n = &s->g->node[v];
		if (n->op == OP_assign)
			done = try(s, (Edit){.kind = EDIT_no_assign, .which = v}) ||
			       try(s, (Edit){.kind = EDIT_as_output, .which = v});
		if (op_info[n->op].class == CLASS_LEAF || n->op == OP_assign ||
		    n->op == OP_attend_grad) {
			any |= done;
			continue;
		}
		done = try(s, (Edit){.kind = EDIT_leaf, .which = v});
		for (int i = 0; !done && i < n->nin && n->op != OP_result; i++) {
			const Type *t = &s->g->node[n->in[i]].type;

			if (t->dtype == n->type.dtype && type_same_axes(t, &n->type))
				done = try(s,
				           (Edit){.kind = EDIT_operand, .which = v, .operand = i});
		}
		if (!done && n->type.dtype == DT_f32 && n->type.rank == 0)
			done = try(s, (Edit){.kind = EDIT_const, .which = v});
		any |= done;
	}
	return any;
}

static bool
try_axes(Search *s)
{
	bool any = false;
	Vec(const char *) seen = {0};

	for (Val v = 0; v < s->g->n; v++)
		for (int i = 0; i < s->g->node[v].type.rank; i++) {
			Axis axis = s->g->node[v].type.axis[i];
			bool old = false, done = false;

			for (int k = 0; k < seen.n; k++)
				old |= seen.at[k] == axis.name;
			if (old)
				continue;
			vec_push(s->a, &seen, axis.name);
			for (int64_t size = 1; !done && size < axis.size && size <= 3; size++)
				done = try(
					s,
					(Edit){.kind = EDIT_axis, .axis = axis.name, .size = size});
			any |= done;
			if (done)
				v = -1; /* types have changed: look again */
			if (done)
				break;
		}
	return any;
}

Graph *
shrink(Arena *a, const Graph *g, int pass, const Checked *c, Verdict *want, double seconds)
{
	Search s = {a, graph_copy(a, g), pass, c, want, seconds_now() + seconds, *want};
	bool   more = true;

	if (s.g->training.present)
		(void)try(&s, (Edit){.kind = EDIT_no_training});
	while (more && seconds_now() < s.until) {
		more = false;
		for (int i = s.g->nout - 1; i >= 0; i--)
			more |= try(&s, (Edit){.kind = EDIT_no_output, .which = i});
		for (int i = s.g->training.nupdate - 1; i >= 0; i--)
			more |= try(&s, (Edit){.kind = EDIT_no_update, .which = i});
		if (s.g->training.present && s.g->training.clip > 0)
			more |= try(&s, (Edit){.kind = EDIT_no_clip});
		more |= try_nodes(&s);
		more |= try_axes(&s);
	}
	*want = s.last;
	return s.g;
}

/* ---- a seed --------------------------------------------------------------------------------- */

/* The pass that failed gets its graph directly, but where places and kernels stand in it that no
 * text can cut, all passes do. */
static int
alone(const char *pass)
{
	for (int i = 0; i < pass_count; i++) {
		if (strcmp(pass_table[i].name, "layout") == 0)
			return -1;
		if (strcmp(pass_table[i].name, pass) == 0)
			return i;
	}
	return -1;
}

static void
golden_text(Text *t, const Graph *g, int pass, const Checked *c, const Verdict *v)
{
	text_printf(t, "# Found by random-graphs, seed %llu, in %s: ", (unsigned long long)c->seed,
	            v->pass);
	for (const char *p = v->why; *p; p++)
		text_printf(t, *p == '\n' && p[1] ? "\n# " : "%.1s", p);
	text_printf(t,
	            "%s# RUN: d2v opt %%s --passes=", t->n && t->at[t->n - 1] == '\n' ? "" : "\n");
	if (pass >= 0)
		text_printf(t, "%s", v->pass);
	for (int i = 0; pass < 0 && i < pass_count; i++) {
		text_printf(t, "%s%s", i ? "," : "", pass_table[i].name);
		if (strcmp(pass_table[i].name, v->pass) == 0)
			break;
	}
	text_printf(t, "\n");
	graph_print(g, t);
}

/* The graph that `pass` gets of g; other passes are the product's or planted, as in the check. */
static Graph *
graph_at(Arena *a, const Graph *g, int pass, const Checked *c)
{
	Graph *h = graph_copy(a, g);

	for (int i = 0; i < pass; i++)
		if ((c->pass[i] ? c->pass[i] : pass_table[i].run)(h) != OK)
			BUG("pass %s worked before", pass_table[i].name);
	return h;
}

Verdict
check_seed(const Checked *c, Text *golden, int *nodes)
{
	enum { MOST = 60 };
	Arena  *a = arena_new();
	Graph  *g = checked_graph(a, c->seed);
	Verdict v = check_apart(g, -1, c);
	int     pass;

	*nodes = 0;
	if (v.check == CHECK_differs || v.check == CHECK_died) {
		pass = alone(v.pass);
		if (pass >= 0) {
			Graph  *h = graph_at(a, g, pass, c);
			Verdict w = check_apart(h, pass, c);

			if (w.check == v.check && strcmp(w.pass, v.pass) == 0)
				g = h;
			else
				pass = -1;
		}
		g = shrink(a, g, pass, c, &v, MOST);
		*nodes = g->n;
		golden_text(golden, g, pass, c, &v);
	}
	arena_free(a);
	return v;
}
