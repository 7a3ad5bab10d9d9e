/* random_check: see the header. */
#include "tests/support/random_check.h"

#include "compiler/codegen/codegen.h"
#include "tests/support/pipeline.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 120 };

static Verdict
verdict(Check check, const char *pass, const char *why)
{
	Verdict v = {.check = check};

	snprintf(v.pass, sizeof v.pass, "%s", pass);
	snprintf(v.why, sizeof v.why, "%s", why);
	return v;
}

/* What the product says meanwhile, in place of a person's terminal. */
typedef struct {
	FILE  *f;
	char  *text;
	size_t n;
} Said;

static void
said_open(Said *s)
{
	s->f = open_memstream(&s->text, &s->n);
	if (!s->f)
		BUG("no memory for messages");
	diag_sink(s->f);
}

static const char *
said_close(Arena *a, Said *s)
{
	const char *text;

	diag_sink(NULL);
	diag_reset();
	fclose(s->f);
	text = arena_strdup(a, s->text);
	free(s->text);
	return text;
}

Graph *
checked_graph(Arena *a, uint64_t seed)
{
	Graph *g = random_graph_all(a, seed, 1 + (int)(seed % 5));

	g->target = seed / 2 % 2 ? target_cuda.info : target_cpu.info;
	if (seed % 4 == 3)
		g->matmul = g->matmul_average = DT_bf16;
	g->recompute = seed % 8 >= 6   ? RECOMPUTE_blocks
	               : seed % 8 == 1 ? RECOMPUTE_none
	                               : RECOMPUTE_cheap;
	return g;
}

static Status
judged(Arena *a, const Graph *before, const Graph *after, const char *pass, uint64_t seed,
       const char **why)
{
	if (strcmp(pass, "cast") == 0)
		TRY(judge_cast(a, after, why));
	/* they decide what is rounded to bf16 */
	if (strcmp(pass, "cast") == 0 || strcmp(pass, "gemm") == 0)
		return graph_same(a, graph_unrounded(a, before), graph_unrounded(a, after), seed,
		                  SAME_EXACT, why);
	TRY(graph_same(a, before, after, seed, SAME_EXACT, why));
	if (strcmp(pass, "autodiff") == 0)
		return judge_gradients(a, before, after, seed, why);
	if (strcmp(pass, "update") == 0)
		return judge_update(a, before, after, seed, why);
	return OK;
}

Verdict
check_pass(Arena *a, const Graph *g, int pass, const Checked *c, Graph **after)
{
	const char *name = pass_table[pass].name, *why = "", *text;
	Graph      *h = graph_copy(a, g);
	Said        said;
	Status      status;
	bool        legal = false, gone;

	*after = h;
	said_open(&said);
	bug_context = name;
	status = (c->pass[pass] ? c->pass[pass] : pass_table[pass].run)(h);
	bug_context = NULL;
	if (status == OK)
		legal = graph_verify(h, name, false) == OK;
	text = said_close(a, &said);
	gone = strstr(text, "[no-gradient]") != NULL;
	if (status != OK)
		return verdict(gone ? CHECK_refused : CHECK_differs, name, text);
	if (!legal)
		return verdict(CHECK_differs, name, text);
	for (Val v = 0; c->ops && v < h->n; v++)
		c->ops[OP_COUNT + h->node[v].op]++;
	if (judged(a, g, h, name, c->seed, &why) != OK)
		return verdict(CHECK_differs, name, why);
	return verdict(CHECK_fine, "", "");
}

/* Code for the target the graph was planned for, and the proof that steps read what was meant. */
static Verdict
check_code(Arena *a, Graph *g)
{
	const Target *target = g->target.attend_tokens == target_cuda.info.attend_tokens
	                               ? &target_cuda
	                               : &target_cpu;
	const char   *name = target == &target_cuda ? "codegen-cuda" : "codegen-cpu", *text;
	Compiled     *made;
	Recipe        recipe;
	Said          said;
	Status        status;

	pipeline_recipe(a, g, &recipe);
	said_open(&said);
	bug_context = name;
	status = codegen(a, &recipe, (Graph *const[]){g}, 1, target, &made);
	if (status == OK)
		status = program_verify(made->program);
	bug_context = NULL;
	text = said_close(a, &said);
	return status == OK ? verdict(CHECK_fine, "", "") : verdict(CHECK_differs, name, text);
}

static Verdict
check_device(Arena *a, const Graph *g, const Checked *c)
{
	Graph         *copy = graph_copy(a, g), *updated = graph_copy(a, g);
	PipelineItem   one = {.g = copy, .spoil = c->spoil};
	PipelineResult r;
	Said           said;
	const char    *text;
	Status         status;

	said_open(&said);
	status = pass_run(updated, "autodiff,update", NULL, NULL);
	if (status == OK) {
		one.feed = random_feed(a, updated, c->seed, &one.nfeed);
		status = pipeline_check_many(a, &one, 1, c->device, c->folder) == OK ? one.status
		                                                                     : FAIL;
		r = one.result;
	}
	text = said_close(a, &said);
	if (status != OK)
		return verdict(strstr(text, "[no-gradient]") ? CHECK_refused : CHECK_differs,
		               c->device, text);
	if (r.worst > r.allowed)
		return verdict(CHECK_differs, c->device,
		               arena_printf(a, "`%s` is off by %.2g (allowed: %.2g)", r.where,
		                            r.worst, r.allowed));
	return verdict(CHECK_fine, "", "");
}

Verdict
check_all(Arena *a, const Graph *g, const Checked *c, Graph **before)
{
	Graph  *now = graph_copy(a, g), *after;
	Verdict v;

	*before = now;
	for (Val k = 0; c->ops && k < g->n; k++)
		c->ops[g->node[k].op]++;
	for (int i = 0; i < pass_count; i++) {
		v = check_pass(a, now, i, c, &after);
		if (v.check != CHECK_fine)
			return v;
		*before = now = after;
	}
	v = check_code(a, graph_copy(a, now));
	if (v.check == CHECK_fine && c->device)
		v = check_device(a, g, c);
	return v;
}

/* ---- in a process of its own ---------------------------------------------------------------- */

static void
check_here(const Graph *g, int pass, const Checked *c, Verdict *out)
{
	Arena *a = arena_new();
	Graph *other;
	Said   said;
	bool   legal;

	snprintf(out->pass, sizeof out->pass, "%s", pass < 0 ? "" : pass_table[pass].name);
	said_open(&said);
	legal = graph_verify(g, "random", false) == OK;
	said_close(a, &said);
	if (!legal)
		*out = verdict(CHECK_invalid, "", "");
	else
		*out = pass < 0 ? check_all(a, g, c, &other) : check_pass(a, g, pass, c, &other);
}

Verdict
check_apart(const Graph *g, int pass, const Checked *c)
{
	Verdict *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	                       MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		v;
	FILE  *words = tmpfile();
	pid_t  child;
	int    status;
	size_t n;

	if (shared == MAP_FAILED || !words)
		BUG("no memory or file for a process");
	*shared = verdict(CHECK_died, "", "");
	fflush(NULL);
	child = fork();
	if (child < 0)
		BUG("fork failed");
	if (child == 0) {
		dup2(fileno(words), 2);
		alarm(SECONDS);
		check_here(g, pass, c, shared);
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0)
		BUG("waitpid failed");
	v = *shared;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		v.check = CHECK_died;
		rewind(words);
		n = fread(v.why, 1, sizeof v.why - 1, words);
		v.why[n] = '\0';
		if (n == 0)
			snprintf(v.why, sizeof v.why, "ended by signal %d",
			         WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		if (!v.pass[0] && strstr(v.why, " in pass ")) /* as bug() says it */
			sscanf(strstr(v.why, " in pass ") + 9, "%31[^: ]", v.pass);
	}
	fclose(words);
	munmap(shared, sizeof *shared);
	return v;
}
