/* check: one pass after the other on the oracle; see check.h. What it cannot see: where things lie
 * in memory and what kernels share, which the oracle does not look at (d2v verify proves those of
 * the program). */
#include "compiler/pass/check_private.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* ---- numbers -------------------------------------------------------------------------------- */

Tensor *
numbers_find(const Numbers *x, const char *name)
{
	for (int i = 0; i < x->feed.n; i++)
		if (x->feed.at[i].name == name)
			return &x->feed.at[i].tensor;
	return NULL;
}

static double
number(const Numbers *x, const Node *n, Stream *s, int64_t i)
{
	switch (n->type.dtype) {
	case DT_bool:
		return i == 0 || stream_uniform(s) < 0.5;
	case DT_i32:
		return 0;
	case DT_u32:
		return n->op == OP_host ? (double)stream_int(s, 2, 5)
		                        : (double)stream_int(s, 0, 1000);
	default:
		break;
	}
	/* Rates, decays and second moments are positive. */
	if (n->op == OP_host || (n->op == OP_param && strncmp(n->attr.name, "moment2.", 8) == 0))
		return stream_between(s, 0.05, 0.95);
	return stream_between(s, x->lo, x->hi);
}

void
numbers_for(Numbers *x, const Graph *g)
{
	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Tensor      t;
		Stream      s;

		if ((n->op != OP_input && n->op != OP_host && n->op != OP_param) ||
		    numbers_find(x, n->attr.name))
			continue;
		s = stream_open(1, n->attr.name, 1, 0);
		t = tensor_new(x->a, &n->type);
		for (int64_t i = 0; i < type_elems(&n->type); i++)
			t.at[i] = number(x, n, &s, i);
		feed_keep_promise(n, t);
		vec_push(x->a, &x->feed, (Feed){n->attr.name, t});
	}
}

/* ---- what leaves a graph -------------------------------------------------------------------- */

const char *
seen_text(Arena *a, const Seen *s)
{
	static const char *const what[] = {"", "the new value of variable ", "the gradient of "};

	return arena_printf(a, "%s`%s`", what[s->kind], s->name);
}

const Seen *
seen_find(const SeenList *list, SeenKind kind, const char *name)
{
	for (int i = 0; i < list->n; i++)
		if (list->at[i].kind == kind && list->at[i].name == name)
			return &list->at[i];
	return NULL;
}

SeenList
seen_of(Arena *a, const Graph *g, Numbers *x, Tensor *value)
{
	SeenList list = {0};

	numbers_for(x, g);
	if (!value)
		value = arena_new_array(a, Tensor, g->n + 1);
	if (eval_graph(a, g, x->feed.at, x->feed.n, value) != OK)
		BUG("the oracle refuses %s", g->name);
	for (int i = 0; i < g->nout; i++)
		vec_push(a, &list,
		         (Seen){SEEN_output, g->out[i].name, value[g->out[i].val],
		                g->node[g->out[i].val].loc});
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_assign)
			vec_push(a, &list,
			         (Seen){SEEN_assigned, g->node[v].attr.name, value[v],
			                g->node[v].loc});
	for (int i = 0; g->training.differentiated && i < g->training.nupdate; i++) {
		const Update *u = &g->training.update[i];

		vec_push(a, &list, (Seen){SEEN_gradient, u->param, value[u->grad], u->loc});
	}
	return list;
}

double
seen_difference(Arena *a, const Tensor *want, const Tensor *got)
{
	double size = CHECK_SMALL, most = 0;
	Tensor t;

	if (!type_same_axes(&want->type, &got->type))
		return INFINITY;
	t = tensor_reorder(a, *got, &want->type);
	for (int64_t i = 0; i < type_elems(&t.type); i++) {
		double d = fabs(t.at[i] - want->at[i]);

		if (!isfinite(d))
			return INFINITY;
		size = fmax(size, fabs(want->at[i]));
		most = fmax(most, d);
	}
	return most / size;
}

/* As if bf16 held every number exactly: only good for the oracle. */
static Graph *
unrounded(Arena *a, const Graph *g)
{
	Graph *c = graph_copy(a, g);

	for (Val v = 0; v < c->n; v++)
		if (c->node[v].type.dtype == DT_bf16)
			c->node[v].type.dtype = DT_f32;
	return c;
}

static bool
has_bf16(const Graph *g)
{
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].type.dtype == DT_bf16)
			return true;
	return false;
}

/* ---- where it went wrong -------------------------------------------------------------------- */

Status
check_run_pass(Graph *g, const Pass *pass)
{
	const char *context = bug_context;
	Status      status;

	bug_context = pass->name;
	status = pass->run(g);
	if (status == OK)
		status = graph_verify(g, pass->name, false);
	bug_context = context;
	return status;
}

/* The first value of `before` that differs when it is made an output: where the mistake enters.
 * NO_VAL: none does, because as an output the pass treats it with more care, or because kernels
 * have been chosen, which must know what is stored. */
static Val
first_wrong(const Graph *before, const Pass *pass, Numbers *x)
{
	const char *name = intern("value in question");
	Arena      *a = arena_new();
	Val         found = NO_VAL;

	for (Val v = 0; v < before->n && found == NO_VAL && before->nkernel == 0; v++) {
		const Node *n = &before->node[v];
		Graph      *g, *after;
		SeenList    want, got;

		if (op_info[n->op].class == CLASS_LEAF || n->op == OP_assign ||
		    n->op == OP_attend_grad || n->type.dtype != DT_f32)
			continue;
		g = graph_copy(a, before);
		graph_output(g, name, v);
		after = graph_copy(a, g);
		if (check_run_pass(after, pass) == OK) {
			want = seen_of(a, unrounded(a, g), x, NULL);
			got = seen_of(a, unrounded(a, after), x, NULL);
			if (seen_difference(a, &seen_find(&want, SEEN_output, name)->t,
			                    &seen_find(&got, SEEN_output, name)->t) > CHECK_BOUND)
				found = v;
		}
		arena_reset(a);
	}
	arena_free(a);
	return found;
}

static Status
changed(Arena *a, const Graph *before, const Pass *pass, Numbers *x, const char *of, const Seen *s,
        double d, double bound)
{
	Val v = first_wrong(before, pass, x);
	Loc loc = v == NO_VAL ? s->loc : before->node[v].loc;

	const char *first =
		v == NO_VAL
			? ""
			: arena_printf(
				  a, ", and the first value that differs is the `%s` on this line",
				  op_info[before->node[v].op].name);

	(void)diag_error(loc, "pass-meaning",
	                 "pass `%s` changes the meaning of %s: %s differs by %.2g of its largest "
	                 "element (bound %g)%s",
	                 pass->name, of, seen_text(a, s), d, bound, first);
	diag_hint("this is a mistake in d2v, not in the spec; the stages are in `d2v compile "
	          "--dump=%s`",
	          pass->name);
	return FAIL;
}

static Status
lost(Arena *a, const Pass *pass, const char *of, const Seen *s, const char *how)
{
	return diag_error(s->loc, "pass-meaning", "pass `%s` changes the meaning of %s: %s %s",
	                  pass->name, of, seen_text(a, s), how);
}

/* ---- one pass ------------------------------------------------------------------------------- */

/* The largest difference, and whose it is; nothing is said. */
static double
worst_of(Arena *a, const SeenList *want, const SeenList *got, const Seen **whose)
{
	double worst = -1;

	for (int i = 0; i < want->n; i++) {
		const Seen *s = seen_find(got, want->at[i].kind, want->at[i].name);
		double      d = s ? seen_difference(a, &want->at[i].t, &s->t) : -1;

		if (d > worst) {
			worst = d;
			*whose = &want->at[i];
		}
	}
	return worst;
}

static Status
compare(Arena *a, const Graph *before, const Pass *pass, Numbers *x, const char *of,
        const SeenList *want, const SeenList *got, Checked *row)
{
	int *const  count[] = {&row->outputs, &row->assigned, &row->gradients};
	const Seen *whose = NULL;

	for (int i = 0; i < want->n; i++) {
		if (!seen_find(got, want->at[i].kind, want->at[i].name))
			return lost(a, pass, of, &want->at[i], "is gone");
		++*count[want->at[i].kind];
	}
	row->worst = fmax(0, worst_of(a, want, got, &whose));
	row->where = whose ? seen_text(a, whose) : "";
	if (!(row->worst <= CHECK_BOUND))
		return changed(a, before, pass, x, of, whose, row->worst, CHECK_BOUND);
	for (int i = 0; i < got->n; i++)
		if (got->at[i].kind == SEEN_assigned &&
		    !seen_find(want, SEEN_assigned, got->at[i].name))
			return lost(a, pass, of, &got->at[i],
			            "is assigned, which nothing asks for");
	return OK;
}

/* What g should give, and what it does give: all that leaves it, and after pass update what AdamW
 * makes of the gradients. */
static void
both(Arena *a, const Graph *before, const Graph *after, Numbers *x, Checked *row, SeenList *want,
     SeenList *got)
{
	Tensor *value = arena_new_array(a, Tensor, before->n + 1);

	*want = seen_of(a, before, x, value);
	if (before->training.present && !after->training.present) {
		for (int i = want->n; i-- > 0;)
			if (want->at[i].kind == SEEN_gradient)
				want->at[i] = want->at[--want->n];
		check_adamw(a, before, x, value, want);
		row->formula = true;
	}
	*got = seen_of(a, after, x, NULL);
}

/* A pass may round to bf16 elsewhere than the graph did before: then both are compared as if bf16
 * were exact, and with their roundings only as closely as bf16 allows. */
static Status
check_one(Arena *a, Graph *g, const Pass *pass, Numbers *x, const char *of, Checked *row)
{
	Graph      *before = graph_copy(a, g);
	SeenList    want, got;
	const Seen *whose = NULL;
	double      d;

	TRY(check_run_pass(g, pass));
	both(a, before, g, x, row, &want, &got);
	d = worst_of(a, &want, &got, &whose);
	if (d > CHECK_BOUND && has_bf16(g)) {
		if (!(d <= CHECK_ROUNDING_BOUND))
			return changed(a, before, pass, x, of, whose, d, CHECK_ROUNDING_BOUND);
		row->unrounded = true;
		row->rounding = d;
		both(a, unrounded(a, before), unrounded(a, g), x, row, &want, &got);
	}
	TRY(compare(a, before, pass, x, of, &want, &got, row));
	if (!before->training.differentiated && g->training.differentiated)
		return check_slopes(a, before, g, pass, x, of, row);
	return OK;
}

/* Numbers for which every output is a number: a spec may take the logarithm of what it trains. */
static Status
choose_numbers(Numbers *x, const Graph *g, const char *of)
{
	static const double range[][2] = {{-1, 1}, {0.2, 1}};

	for (int k = 0; k < COUNT(range); k++) {
		Arena   *a = arena_new();
		SeenList list;
		bool     finite = true;

		x->lo = range[k][0];
		x->hi = range[k][1];
		x->feed.n = 0;
		list = seen_of(a, g, x, NULL);
		for (int i = 0; i < list.n; i++)
			for (int64_t e = 0; e < type_elems(&list.at[i].t.type); e++)
				finite = finite && isfinite(list.at[i].t.at[e]);
		arena_free(a);
		if (finite)
			return OK;
	}
	return user_error(
		"not-finite",
		"with random numbers an output of %s is not finite, so nothing can be compared",
		of);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

Status
passes_check(Arena *a, Graph *g, const Pass *pass, int npass, const char *of, Checked *row)
{
	Numbers x = {.a = a};
	Arena  *scratch = arena_new();
	Status  status = choose_numbers(&x, g, of);

	graph_verify(g, "lower", true);
	for (int i = 0; i < npass && status == OK; i++) {
		double start = seconds();

		row[i] = (Checked){.pass = pass[i].name, .before = g->n};
		status = check_one(scratch, g, &pass[i], &x, of, &row[i]);
		row[i].after = g->n;
		row[i].seconds = seconds() - start;
		if (row[i].where)
			row[i].where = arena_strdup(a, row[i].where);
		arena_reset(scratch);
	}
	arena_free(scratch);
	return status;
}
