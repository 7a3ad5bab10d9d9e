/* What makes a stage one that can be looked at and gone on from: facts are checked where a pass
 * relies on them, verification names the pass after which a graph is illegal, values as text read
 * back to the same bits. */
#include "compiler/pass/pass.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_stages(void);

static Graph *
parsed(Arena *a, const char *text)
{
	Graph *g;

	ck_assert(graph_parse(a, "test", text, &g) == OK);
	ck_assert(graph_verify(g, "parse", false) == OK);
	return g;
}

/* What is reported while run(arg) fails. */
static char *
said(Status (*run)(void *), void *arg)
{
	char  *text;
	size_t bytes;
	FILE  *f = open_memstream(&text, &bytes);
	Status status;

	diag_sink(f);
	status = run(arg);
	diag_sink(NULL);
	diag_reset();
	fclose(f);
	ck_assert(status == FAIL);
	return text;
}

/* ---- facts ---------------------------------------------------------------------------------- */

#define X "graph @g { batch B %x = input \"x\" : f32[B:4, D:8] %w = param \"w\" : f32[D:8, F:6] "
static const struct {
	const char *graph, *passes, *says; /* says NULL: the passes run */
} expectations[] = {
	{X "%y = contract %x, %w over D : f32[B:4, F:6] return %y }", "fuse", "fuse expects gemms"},
	{X "%y = contract %x, %w over D : f32[B:4, F:6] return %y }", "gemm,fuse", NULL},
	{X "%y = gelu %x : f32[B:4, D:8] return %y }", "gemm,fuse", "fuse expects primitives"},
	{X "%y = softmax %x over D : f32[B:4, D:8] return %y }", "fuse", "%2 = softmax"},
	{X "%y = standardise %x over D eps 1e-5 : f32[B:4, D:8] return %y }", "expand,fuse", NULL},
	{X "%y = exp %x : f32[B:4, D:8] return %y }", "layout", "layout expects kernels"},
	{X "%y = exp %x : f32[B:4, D:8] return %y }", "order", "order expects kernels"},
	{X "%y = exp %x : f32[B:4, D:8] kernel 1 %z = exp %w : f32[D:8, F:6] kernel 0 return %y, "
           "%z }",
         "plan", "plan expects order"},
	{X "%y = exp %x : f32[B:4, D:8] kernel 1 %z = exp %w : f32[D:8, F:6] kernel 0 return %y, "
           "%z }",
         "order,plan", NULL},
	{X "%s = sum %x over B, D : f32[] training loss %s adamw(0.9, 0.99, 1e-8) return %s }",
         "update", "update expects gradients"},
	{X "%s = sum %x over B, D : f32[] training loss %s adamw(0.9, 0.99, 1e-8) return %s }",
         "fuse", "fuse expects updates"},
};

typedef struct {
	Graph      *g;
	const char *passes;
	int         stage;
} Case;

static Status
run_case(void *arg)
{
	Case *c = arg;

	return pass_run(c->g, c->passes, NULL, NULL);
}

START_TEST(passes_say_what_they_expect)
{
	Arena *a = arena_new();
	Case   c = {parsed(a, expectations[_i].graph), expectations[_i].passes, 0};

	if (expectations[_i].says) {
		char *text = said(run_case, &c);

		ck_assert_msg(strstr(text, expectations[_i].says) != NULL, "%s", text);
		ck_assert_msg(strstr(text, "makes it so") != NULL, "%s", text);
		free(text);
	} else {
		ck_assert(run_case(&c) == OK);
	}
	arena_free(a);
}
END_TEST

static Status
run_ensured(void *arg)
{
	Case *c = arg;

	return pass_ensured(c->g, c->stage);
}

/* Each fact is false of some graph and names the pass that makes it true; `places` is one no pass
 * expects. */
START_TEST(a_stage_lacks_a_fact)
{
	static const char text[] = X "%y = contract %x, %w over D : f32[B:4, F:6] return %y }";
	Arena            *a = arena_new();
	Case              c = {.g = parsed(a, text)};

	for (int fact = 0; fact < FACT_COUNT; fact++) {
		int makers = 0;

		for (int i = 0; i < pass_count; i++)
			makers += (pass_table[i].ensures >> fact & 1) != 0;
		ck_assert_msg(makers == 1, "%d passes ensure %s", makers, fact_table[fact].name);
	}
	ck_assert(pass_run(c.g, "gemm,fuse,layout,order", NULL, NULL) == OK);
	ck_assert(pass_find("order", &c.stage) == OK);
	ck_assert(run_ensured(&c) == OK);
	ck_assert(pass_find("plan", &c.stage) == OK);
	char *text_said = said(run_ensured, &c);
	ck_assert(strstr(text_said, "after pass plan a graph has places") != NULL);
	free(text_said);
	ck_assert(pass_run(c.g, "plan", NULL, NULL) == OK);
	ck_assert(run_ensured(&c) == OK);
	arena_free(a);
}
END_TEST

/* ---- verification names the pass ------------------------------------------------------------ */

/* Breaks the graph behind the back of the pass before: what comes next finds it. */
static void
break_after_fold(const Graph *g, int index, const char *name, void *arg)
{
	(void)index;
	(void)arg;
	if (strcmp(name, "fold") == 0)
		g->node[g->n - 1].type.axis[0].size++;
}

/* What a process says that aborts in pass_run_span. */
static void
last_words(const char *names, bool ends, char *out, size_t size)
{
	int     pipes[2], status;
	pid_t   child;
	ssize_t n, have = 0;

	ck_assert(pipe(pipes) == 0);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		Arena   *a = arena_new();
		Graph   *g = parsed(a, X "%y = exp %x : f32[B:4, D:8] return %y }");
		PassSpan span = {.names = names, .verify_ends = ends};

		dup2(pipes[1], 2);
		_exit(pass_run_span(g, &span, break_after_fold, NULL) == OK ? 0 : 1);
	}
	close(pipes[1]);
	while (have < (ssize_t)size - 1 &&
	       (n = read(pipes[0], out + have, size - 1 - (size_t)have)) > 0)
		have += n;
	out[have] = 0;
	close(pipes[0]);
	ck_assert(waitpid(child, &status, 0) == child);
	ck_assert_msg(WIFSIGNALED(status), "it did not abort: %s", out);
}

START_TEST(verification_names_the_pass)
{
	char text[20000];

	last_words("fold,cse,dce,attend", false, text, sizeof text);
	ck_assert_msg(strstr(text, "graph @g is illegal after cse: graph_c") != NULL, "%s", text);
	last_words("fold,cse,dce,attend", true, text, sizeof text);
	ck_assert_msg(strstr(text, "graph @g is illegal after attend: graph_c") != NULL, "%s",
	              text);
}
END_TEST

/* ---- spans ---------------------------------------------------------------------------------- */

static void
note(const Graph *g, int index, const char *name, void *arg)
{
	(void)g;
	text_printf(arg, "%d-%s ", index, name);
}

START_TEST(a_span_is_what_lies_between)
{
	static const struct {
		PassSpan    span;
		const char *ran;
	} spans[] = {
		{{.after = "order"}, "15-order 16-plan "},
		{{.to = "cse"}, "0-lower 1-fold 2-cse "},
		{{.after = "lower", .to = "lower"}, "0-lower "},
		{{.after = "gemm", .to = "fuse"}, "11-gemm 12-recompute 13-fuse "},
		{{.after = "plan"}, "16-plan "},
		{{.names = "dce,fold"}, "0-lower 1-dce 2-fold "},
	};

	for (int i = 0; i < COUNT(spans); i++) {
		Arena *a = arena_new();
		Graph *g = parsed(a, X "%y = exp %x : f32[B:4, D:8] return %y }");
		Text   t = {0};
		int    after;

		ck_assert(pass_find(spans[i].span.after ? spans[i].span.after : "lower", &after) ==
		          OK);
		for (int k = 0; k <= after; k++) /* .. of a graph that is so far */
			ck_assert(pass_run(g, pass_table[k].name, NULL, NULL) == OK);
		ck_assert(pass_run_span(g, &spans[i].span, note, &t) == OK);
		ck_assert_str_eq(t.at, spans[i].ran);
		text_free(&t);
		arena_free(a);
	}
}
END_TEST

/* ---- values as text ------------------------------------------------------------------------- */

START_TEST(values_read_back_to_the_same_bits)
{
	Arena *a = arena_new();
	Graph *g = parsed(a, X "%k = input \"keep it\" : bool[B:4] %i = input \"i\" : i32[B:4] %h "
	                       "= host \"a = \\\"b\\\"\" : f32[] "
	                       "%y = exp %x : f32[B:4, D:8] %z = select %k, %y, %h : f32[B:4, D:8] "
	                       "return %y, %z, %w, %i }");
	Text   t = {0};
	Feed  *feed, *back;
	int    n, m;

	for (uint64_t seed = 0; seed < 20; seed++) {
		feed = random_feed(a, g, seed, &n);
		feed[0].tensor.at[0] = seed % 2 ? 1e300 / 3 : -0.0;
		feed[0].tensor.at[1] = seed % 2 ? -1.0 / 0.0 : 5e-324;
		t.n = 0;
		for (int i = 0; i < n; i++)
			feed_print(&t, feed[i].name, &feed[i].tensor, 0, 0);
		ck_assert(feed_parse(a, g, "values", t.at, &back, &m) == OK);
		ck_assert_int_eq(n, m);
		for (int i = 0; i < n; i++) {
			ck_assert_ptr_eq(feed[i].name, back[i].name);
			ck_assert(memcmp(feed[i].tensor.at, back[i].tensor.at,
			                 sizeof(double) *
			                         (size_t)type_elems(&feed[i].tensor.type)) == 0);
		}
	}
	text_free(&t);
	arena_free(a);
}
END_TEST

START_TEST(what_the_target_is_stands_in_the_text)
{
	static const char text[] =
		"graph @g {\n  target attend_tokens 1024 attend_width 128\n  recompute blocks\n"
		"  %0 = input \"x\" : f32[B:4]\n  return y = %0\n}\n";
	Arena *a = arena_new();
	Graph *g = parsed(a, text);
	Text   t = {0};

	ck_assert_int_eq(g->target.attend_tokens, 1024);
	ck_assert_int_eq(g->target.attend_width, 128);
	ck_assert_int_eq(g->recompute, RECOMPUTE_blocks);
	graph_print(g, &t);
	ck_assert_str_eq(t.at, text);
	text_free(&t);
	arena_free(a);
}
END_TEST

Suite *
suite_stages(void)
{
	Suite *s = suite_create("stages");
	TCase *t = tcase_create("stages");

	tcase_add_loop_test(t, passes_say_what_they_expect, 0, COUNT(expectations));
	tcase_add_test(t, a_stage_lacks_a_fact);
	tcase_add_test(t, verification_names_the_pass);
	tcase_add_test(t, a_span_is_what_lies_between);
	tcase_add_test(t, values_read_back_to_the_same_bits);
	tcase_add_test(t, what_the_target_is_stands_in_the_text);
	suite_add_tcase(s, t);
	return s;
}
