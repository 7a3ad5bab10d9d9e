/* verify: everything OPS.md says of a legal graph, checked anew from the nodes alone. Looks at no
 * memory plan (pass plan and the program's own checker do) and repairs nothing. */
#include "compiler/ir/ir_private.h"

#include <string.h>

typedef struct {
	const Graph *g;
	const char  *after;
	bool         fatal;
	Arena       *tmp;
} Verify;

static Status complain(const Verify *x, Val v, const char *rule, const char *fmt, ...) PRINTF(4, 5);

static Status
complain(const Verify *x, Val v, const char *rule, const char *fmt, ...)
{
	Loc     loc = v >= 0 && v < x->g->n ? x->g->node[v].loc : (Loc){0};
	Text    t = {0};
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	if (x->fatal) {
		Text all = {0};
		graph_print(x->g, &all);
		if (all.n < 20000)
			fprintf(stderr, "%s", all.at);
		BUG("graph @%s is illegal after %s: %s: %s", x->g->name, x->after, rule, t.at);
	}
	diag_error(loc, "ir-invalid", "graph @%s after %s: %s: %s", x->g->name, x->after, rule,
	           t.at);
	text_free(&t);
	return FAIL;
}

static bool
same_type(const Type *a, const Type *b)
{
	int i;

	if (a->dtype != b->dtype || a->rank != b->rank)
		return false;
	for (i = 0; i < a->rank; i++)
		if (a->axis[i].name != b->axis[i].name || a->axis[i].size != b->axis[i].size)
			return false;
	return true;
}

/* graph_c1: operands are earlier values; graph_c2: the type is what infer says it is. */
static Status
check_node(const Verify *x, Val v)
{
	const Node *n = &x->g->node[v];
	const char *why;
	Type        t;
	int         i;

	if ((unsigned)n->op >= OP_COUNT)
		return complain(x, v, "graph_c2", "%%%d has no known op", v);
	for (i = 0; i < n->nin; i++)
		if (n->in[i] < 0 || n->in[i] >= v)
			return complain(x, v, "graph_c1",
			                "operand %d of %%%d (%s) is not an earlier value", i, v,
			                op_info[n->op].name);
	if (infer_node(x->tmp, x->g, n->op, n->in, n->nin, &n->attr, &n->type, &t, &why) != OK)
		return complain(x, v, "graph_c2", "%%%d (%s): %s", v, op_info[n->op].name, why);
	return OK;
}

/* A map from interned names to a number, by pointer. */
typedef struct {
	const char **key;
	int64_t     *value;
	int          cap, n;
} Map;

static int
map_slot(const Map *m, const char *key)
{
	int i = (int)(((uintptr_t)key >> 4) * 2654435761u & (unsigned)(m->cap - 1));

	while (m->key[i] && m->key[i] != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

/* The number stored for key; stores `value` first when there is none. */
static int64_t
map_first(Arena *a, Map *m, const char *key, int64_t value)
{
	int i;

	if (2 * m->n >= m->cap) {
		Map old = *m;
		m->cap = old.cap ? 2 * old.cap : 64;
		m->key = arena_new_array(a, const char *, m->cap);
		m->value = arena_new_array(a, int64_t, m->cap);
		for (i = 0; i < old.cap; i++)
			if (old.key[i]) {
				int slot = map_slot(m, old.key[i]);
				m->key[slot] = old.key[i];
				m->value[slot] = old.value[i];
			}
	}
	i = map_slot(m, key);
	if (!m->key[i]) {
		m->key[i] = key;
		m->value[i] = value;
		m->n++;
	}
	return m->value[i];
}

/* graph_c3: an axis name has one size throughout. */
static Status
check_axes(const Verify *x)
{
	Map sizes = {0};
	int v, i;

	for (v = 0; v < x->g->n; v++) {
		const Type *t = &x->g->node[v].type;
		for (i = 0; i < t->rank; i++) {
			int64_t size = map_first(x->tmp, &sizes, t->axis[i].name, t->axis[i].size);
			if (size != t->axis[i].size)
				return complain(x, v, "graph_c3",
				                "axis %s has size %lld in %%%d and %lld before",
				                t->axis[i].name, (long long)t->axis[i].size, v,
				                (long long)size);
		}
	}
	return OK;
}

/* graph_c4: leaves of one name have one op and one type. assign_c3: each variable is assigned at
 * most once, and is one that a param node reads, with its axes. */
static Status
check_names(const Verify *x)
{
	const Graph *g = x->g;
	Map          leaf = {0}, host = {0}, assigned = {0};
	int          v;

	for (v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		bool        named = n->op == OP_input || n->op == OP_param || n->op == OP_host;
		int64_t     first =
                        named ? map_first(x->tmp, n->op == OP_host ? &host : &leaf, n->attr.name, v)
				  : v;
		if (first != v &&
		    (g->node[first].op != n->op || !same_type(&g->node[first].type, &n->type)))
			return complain(x, v, "graph_c4",
			                "%%%d and %%%lld are both called \"%s\" but differ", v,
			                (long long)first, n->attr.name);
	}
	for (v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		const Type *t;
		int64_t     p;
		int         i;
		if (n->op != OP_assign)
			continue;
		if (map_first(x->tmp, &assigned, n->attr.name, v) != v)
			return complain(x, v, "assign_c3", "\"%s\" is assigned twice",
			                n->attr.name);
		p = map_first(x->tmp, &leaf, n->attr.name, -1);
		if (p < 0 || g->node[p].op != OP_param)
			return complain(x, v, "assign_c3", "no param node reads \"%s\"",
			                n->attr.name);
		t = &g->node[p].type;
		for (i = 0; i < t->rank && type_find(&n->type, t->axis[i].name) >= 0; i++)
			;
		if (t->rank != n->type.rank || i < t->rank)
			return complain(x, v, "assign_c3",
			                "\"%s\" is assigned a value with other axes", n->attr.name);
	}
	return OK;
}

/* graph_c5: outputs are values with unique names. */
static Status
check_outputs(const Verify *x)
{
	const Graph *g = x->g;
	Map          names = {0};
	int          i;

	for (i = 0; i < g->nout; i++) {
		if (g->out[i].val < 0 || g->out[i].val >= g->n)
			return complain(x, -1, "graph_c5", "output %s is no value", g->out[i].name);
		if (g->node[g->out[i].val].op == OP_assign ||
		    g->node[g->out[i].val].op == OP_attend_grad)
			return complain(x, g->out[i].val, "graph_c5",
			                "output %s is %s, which cannot leave a graph",
			                g->out[i].name, op_info[g->node[g->out[i].val].op].name);
		if (map_first(x->tmp, &names, g->out[i].name, i) != i)
			return complain(x, g->out[i].val, "graph_c5", "two outputs are called %s",
			                g->out[i].name);
	}
	return OK;
}

/* graph_c6: training values are f32[] (a gradient: f32 with the axes of its parameter, when that is
 * read); every parameter is updated once. */
static Status
check_training(const Verify *x)
{
	const Graph *g = x->g;
	Training     t = g->training;
	Map          names = {0};
	int          i, k, v;
	Val         *p;

	for (i = 0; (p = training_value(&t, i)); i++) {
		if (training_unused(&t, i))
			continue;
		if (*p < 0 || *p >= g->n || g->node[*p].type.dtype != DT_f32)
			return complain(x, *p, "graph_c6",
			                "a value of the training record is missing or not f32");
		if ((i == 0 || (i - 1) % 4 != 3) && g->node[*p].type.rank != 0)
			return complain(x, *p, "graph_c6", "the loss, a rate or a decay has axes");
	}
	if (!t.present)
		return OK;
	for (i = 0; i < t.nupdate; i++)
		if (map_first(x->tmp, &names, t.update[i].param, i) != i)
			return complain(x, -1, "graph_c6", "\"%s\" is updated twice",
			                t.update[i].param);
	for (v = 0; t.differentiated && v < g->n; v++) {
		const Node *n = &g->node[v];
		const Type *d;
		if (n->op != OP_param || (i = (int)map_first(x->tmp, &names, n->attr.name, -1)) < 0)
			continue;
		d = &g->node[t.update[i].grad].type;
		for (k = 0; k < n->type.rank && type_find(d, n->type.axis[k].name) >= 0; k++)
			;
		if (k < n->type.rank || d->rank != n->type.rank)
			return complain(x, t.update[i].grad, "graph_c6",
			                "the gradient of \"%s\" has other axes", n->attr.name);
	}
	return OK;
}

/* ---- kernels -------------------------------------------------------------------------------- */

/* Strong components of the graph whose vertices are kernels and single nodes. Views (and aliases)
 * alone cost nothing, so a path may leave a kernel and come back through them; through anything
 * else it may not. */
typedef struct {
	int   n;                       /* vertices */
	int  *head, *next, *to, nedge; /* edges from user to used */
	int  *low, *index, *stack, *work, *edge, ntop, count;
	bool *on;
} Scc;

static bool
in_kernel(const Graph *g, Val v)
{
	return g->node[v].kernel >= 0 && g->node[v].kernel < KERNEL_MARK;
}

/* One component popped from the stack; false when it holds two vertices that compute. */
static bool
pop_component(const Verify *x, Scc *s, int root, int *culprit)
{
	int v, working = 0;

	do {
		v = s->stack[--s->ntop];
		s->on[v] = false;
		if (v < x->g->n && op_info[x->g->node[v].op].class == CLASS_VIEW)
			continue;
		working++;
		if (v >= x->g->n)
			*culprit = v - x->g->n;
	} while (v != root);
	return working < 2;
}

/* Tarjan's algorithm with a work list of our own: graphs are deep. */
static bool
components(const Verify *x, Scc *s, int start, int *culprit)
{
	int top = 0, v, w;

	s->work[top++] = start;
	s->index[start] = s->low[start] = ++s->count;
	s->edge[start] = s->head[start];
	s->stack[s->ntop++] = start;
	s->on[start] = true;
	while (top > 0) {
		v = s->work[top - 1];
		if (s->edge[v] >= 0) {
			w = s->to[s->edge[v]];
			s->edge[v] = s->next[s->edge[v]];
			if (!s->index[w]) {
				s->index[w] = s->low[w] = ++s->count;
				s->edge[w] = s->head[w];
				s->stack[s->ntop++] = w;
				s->on[w] = true;
				s->work[top++] = w;
			} else if (s->on[w] && s->index[w] < s->low[v]) {
				s->low[v] = s->index[w];
			}
			continue;
		}
		top--;
		if (top > 0 && s->low[v] < s->low[s->work[top - 1]])
			s->low[s->work[top - 1]] = s->low[v];
		if (s->low[v] == s->index[v] && !pop_component(x, s, v, culprit))
			return false;
	}
	return true;
}

/* graph_c7: kernel numbers are below nkernel, and kernels are convex: no path leaves one and comes
 * back. */
static Status
check_kernels(const Verify *x)
{
	const Graph *g = x->g;
	Scc          s = {.n = g->n + g->nkernel};
	int          v, i, nedge = 0, culprit = -1;
	size_t       n = (size_t)s.n + 1;

	if (g->nkernel == 0)
		return OK;
	for (v = 0; v < g->n; v++) {
		nedge += g->node[v].nin;
		if (in_kernel(g, v) && g->node[v].kernel >= g->nkernel)
			return complain(x, v, "graph_c7", "%%%d is in kernel %d of %d", v,
			                g->node[v].kernel, g->nkernel);
	}
	int **array[] = {&s.head, &s.low, &s.index, &s.stack, &s.work, &s.edge};
	for (i = 0; i < COUNT(array); i++)
		*array[i] = arena_new_array(x->tmp, int, n);
	s.on = arena_new_array(x->tmp, bool, n);
	s.next = arena_new_array(x->tmp, int, nedge + 1);
	s.to = arena_new_array(x->tmp, int, nedge + 1);
	memset(s.head, 0xff, sizeof(int) * n);
	for (v = 0; v < g->n; v++) {
		int from = in_kernel(g, v) ? g->n + g->node[v].kernel : v;
		for (i = 0; i < g->node[v].nin; i++) {
			Val u = g->node[v].in[i];
			int to = in_kernel(g, u) ? g->n + g->node[u].kernel : u;
			if (to == from)
				continue;
			s.to[s.nedge] = to;
			s.next[s.nedge] = s.head[from];
			s.head[from] = s.nedge++;
		}
	}
	for (v = 0; v < s.n; v++)
		if (!s.index[v] && !components(x, &s, v, &culprit))
			return complain(x, -1, "graph_c7",
			                "a path leaves kernel %d and comes back to it", culprit);
	return OK;
}

Status
graph_verify(const Graph *g, const char *after, bool fatal)
{
	Verify x = {g, after, fatal, arena_new()};
	Status status = OK;
	int    v;

	for (v = 0; v < g->n && status == OK; v++)
		status = check_node(&x, v);
	if (status == OK)
		status = check_axes(&x);
	if (status == OK)
		status = check_names(&x);
	if (status == OK)
		status = check_outputs(&x);
	if (status == OK)
		status = check_training(&x);
	if (status == OK)
		status = check_kernels(&x);
	arena_free(x.tmp);
	return status;
}
