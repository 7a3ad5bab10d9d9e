/* run: passes in the order of passes.def or of a list, each followed by verification and by a look
 * at what it must ensure. Refuses names of passes that do not exist, and to run a pass on a graph
 * that lacks what it expects. */
#include "compiler/pass/pass.h"

#include <string.h>

const Pass pass_table[] = {
#define PASS(name, does, expects, ensures) {#name, pass_##name, does, expects, ensures},
#include "compiler/pass/passes.def"
#undef PASS
};
const int pass_count = COUNT(pass_table);

Status
pass_find(const char *name, int *index)
{
	const char *all[COUNT(pass_table)], *near;

	*index = -1;
	if (strcmp(name, "lower") == 0)
		return OK;
	for (int i = 0; i < pass_count; i++) {
		all[i] = pass_table[i].name;
		if (strcmp(all[i], name) == 0) {
			*index = i;
			return OK;
		}
	}
	near = text_nearest(name, all, pass_count);
	user_error("unknown-pass", "there is no pass `%s`", name);
	if (near)
		diag_hint("did you mean `%s`?", near);
	return FAIL;
}

/* ---- facts ---------------------------------------------------------------------------------- */

/* The first of `facts` that does not hold, or FACT_COUNT. */
static int
broken_fact(const Graph *g, unsigned facts, Val *where)
{
	for (int f = 0; f < FACT_COUNT; f++)
		if ((facts & 1u << f) && !fact_table[f].holds(g, where))
			return f;
	return FACT_COUNT;
}

/* `who`: "pass fuse expects", "after pass gemm a graph has". */
static Status
lacks_fact(const Graph *g, int fact, Val where, const char *who)
{
	Loc         loc = where == NO_VAL ? (Loc){0} : g->node[where].loc;
	const char *maker = NULL;

	for (int i = 0; i < pass_count && !maker; i++)
		if (pass_table[i].ensures & 1u << fact)
			maker = pass_table[i].name;
	diag_error(loc, "pass-expects", "%s %s (%s); graph @%s breaks that%s", who,
	           fact_table[fact].name, fact_table[fact].text, g->name,
	           where == NO_VAL ? ""
	                           : intern_printf(" at %%%d = %s", where,
	                                           op_info[g->node[where].op].name));
	diag_hint("pass %s makes it so", maker);
	return FAIL;
}

static unsigned
ensured_by(int index)
{
	unsigned facts = 0;

	for (int i = 0; i <= index; i++)
		facts |= pass_table[i].ensures;
	return facts;
}

Status
pass_ensured(const Graph *g, int index)
{
	Val where;
	int fact = broken_fact(g, ensured_by(index), &where);

	return fact == FACT_COUNT ? OK
	                          : lacks_fact(g, fact, where,
	                                       intern_printf("after pass %s a graph has",
	                                                     pass_table[index].name));
}

/* ---- running -------------------------------------------------------------------------------- */

typedef struct {
	Graph    *g;
	PassHook *hook;
	void     *arg;
	unsigned  ensured; /* by the passes that ran */
} Run;

static void
verify(const Run *r, const char *after)
{
	Val where;
	int fact;

	graph_verify(r->g, after, true);
	if ((fact = broken_fact(r->g, r->ensured, &where)) != FACT_COUNT)
		BUG("graph @%s after %s lacks %s: %s; see %%%d", r->g->name, after,
		    fact_table[fact].name, fact_table[fact].text, where);
}

static Status
run_one(Run *r, int which, int index, bool check)
{
	const Pass *pass = &pass_table[which];
	const char *before = bug_context;
	Val         where;
	Status      status;
	int         fact;

	if ((fact = broken_fact(r->g, pass->expects, &where)) != FACT_COUNT)
		return lacks_fact(r->g, fact, where, intern_printf("pass %s expects", pass->name));
	bug_context = pass->name;
	status = pass->run(r->g);
	r->ensured |= pass->ensures;
	if (status == OK) {
		if (check)
			verify(r, pass->name);
		if (r->hook)
			r->hook(r->g, index, pass->name, r->arg);
	}
	bug_context = before;
	return status;
}

/* The passes of a list of names, as indices. */
static Status
read_names(Arena *a, const char *names, int **which, int *n)
{
	Vec(int) list = {0};

	for (const char *p = names; *p;) {
		size_t len = strcspn(p, ",");
		int    index;

		TRY(pass_find(intern_n(p, len), &index));
		if (index < 0)
			return user_error("unknown-pass",
			                  "`lower` is no pass, it is the graph before the first");
		vec_push(a, &list, index);
		p += len + (p[len] == ',');
	}
	*which = list.at;
	*n = list.n;
	return OK;
}

Status
pass_run_span(Graph *g, const PassSpan *span, PassHook *hook, void *arg)
{
	Run r = {g, hook, arg, 0};
	int after = -1, to = pass_count - 1, *which, n;

	if (span->after)
		TRY(pass_find(span->after, &after));
	if (span->to)
		TRY(pass_find(span->to, &to));
	if (span->names) {
		/* all are known before the first runs */
		TRY(read_names(g->arena, span->names, &which, &n));
	} else {
		n = to > after ? to - after : 0;
		which = arena_new_array(g->arena, int, n + 1);
		for (int i = 0; i < n; i++)
			which[i] = after + 1 + i;
	}
	r.ensured = ensured_by(after);
	verify(&r, after < 0 ? "lower" : pass_table[after].name);
	if (hook)
		hook(g, after + 1, after < 0 ? "lower" : pass_table[after].name, arg);
	for (int i = 0; i < n; i++)
		TRY(run_one(&r, which[i], after + 2 + i, !span->verify_ends || i == n - 1));
	return OK;
}

Status
pass_run(Graph *g, const char *names, PassHook *hook, void *arg)
{
	PassSpan span = {.names = names};

	return pass_run_span(g, &span, hook, arg);
}
