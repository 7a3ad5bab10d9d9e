/* d2v eval-graph: what a graph computes, by the oracle (compiler/ir/eval.c). For tests written by
 * hand and for looking at what a pass does to numbers; refuses graphs whose values would not fit in
 * memory. */
#include "compiler/d2v_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_DIGITS = 6, SHOWN_MOST = 64 };
static const int64_t most_bytes = (int64_t)4 << 30;

const OptionRow eval_graph_options[] = {
	{"--set", OPTION_set, 0, "NAME=1,2,..",
         "the value of an input, host or param; one number fills it; may be repeated"},
	TEXT("--feed", feed, "FILE", "values as text, such as `x : f32[B:2, D:3] = 1 2 3  4 5 6`"),
	TEXT("--random", random, "SEED", "draw what --set and --feed do not give"),
	TEXT("--out", out, "FILE",
             "write the results there, all digits, in the form of --feed (default: print them, cut "
             "short)"),
	END,
};

/* Values in the order in which they count: what comes first wins. */
typedef struct {
	Arena *a;
	Vec(Feed) all;
} Feeds;

static void
add(Feeds *f, const Feed *feed, int n)
{
	for (int i = 0; i < n; i++)
		vec_push(f->a, &f->all, feed[i]);
}

static bool
has(const Feeds *f, const char *name)
{
	for (int i = 0; i < f->all.n; i++)
		if (f->all.at[i].name == name)
			return true;
	return false;
}

static Status
read_seed(const char *text, uint64_t *seed)
{
	char *end;

	errno = 0;
	*seed = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-')
		return user_error("seed",
		                  "--random wants a whole number that is not negative, not `%s`",
		                  text);
	return OK;
}

static Status
gather(const Options *o, const Graph *g, Feeds *f)
{
	Feed    *feed;
	int      n;
	size_t   bytes;
	uint64_t seed;

	for (int i = 0; i < o->nset; i++) {
		const char *name = intern(o->set[i].name);
		char       *text = arena_printf(f->a, "\"%s\" = %s", name, o->set[i].value);
		const char *place = intern_printf("--set %s", name);

		if (has(f, name))
			return user_error("feed-twice", "--set gives \"%s\" two values", name);
		diag_source(place, text);
		TRY(feed_parse(f->a, g, place, text, &feed, &n));
		add(f, feed, n);
	}
	if (o->feed) {
		char *text;

		TRY(file_read(o->feed, &text, &bytes));
		diag_source(intern(o->feed), text);
		TRY(feed_parse(f->a, g, o->feed, text, &feed, &n));
		add(f, feed, n);
	}
	if (o->random) {
		TRY(read_seed(o->random, &seed));
		feed = random_feed(f->a, g, seed, &n);
		add(f, feed, n);
	}
	return OK;
}

/* Every leaf has a value, and all values fit. */
static Status
check(const Graph *g, const Feeds *f)
{
	double bytes = 0;

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		Text        t = {0};

		bytes += 8.0 * (double)type_elems(&n->type);
		if ((n->op != OP_input && n->op != OP_host && n->op != OP_param) ||
		    has(f, n->attr.name))
			continue;
		type_print(&t, &n->type);
		(void)user_error("eval-feed", "no value is given for %s \"%s\" : %s",
		                 op_info[n->op].name, n->attr.name, t.at);
		diag_hint(
			"--set %s=.. or --feed give one, --random SEED draws all that are missing",
			n->attr.name);
		text_free(&t);
		return FAIL;
	}
	if (bytes > (double)most_bytes)
		return user_error(
			"eval-size",
			"the values of graph @%s take %.0f GiB in double precision, more than %lld",
			g->name, bytes / (1 << 30), (long long)(most_bytes >> 30));
	return OK;
}

static void
print_results(Text *t, const Graph *g, const Tensor *result, int digits, int64_t most)
{
	bool any = false;

	for (int i = 0; i < g->nout; i++)
		feed_print(t, g->out[i].name, &result[g->out[i].val], digits, most);
	for (Val v = 0; v < g->n; v++) {
		if (g->node[v].op != OP_assign)
			continue;
		if (!any)
			text_printf(t, "# new values of variables\n");
		any = true;
		feed_print(t, g->node[v].attr.name, &result[v], digits, most);
	}
}

Status
do_eval_graph(Arena *a, const Options *o)
{
	Graph  *g;
	Feeds   f = {.a = a};
	Tensor *result;
	Text    t = {0};
	Status  status;

	TRY(graph_read(a, o->file, &g));
	TRY(gather(o, g, &f));
	TRY(check(g, &f));
	result = arena_new_array(a, Tensor, g->n + 1);
	TRY(eval_graph(a, g, f.all.at, f.all.n, result));
	if (g->nout == 0 && g->n > 0)
		fprintf(stderr, "graph @%s has no outputs\n", g->name);
	print_results(&t, g, result, o->out ? 0 : SHOWN_DIGITS, o->out ? 0 : SHOWN_MOST);
	status = text_write(&t, o->out);
	text_free(&t);
	return status;
}
