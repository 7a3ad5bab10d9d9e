/* d2v compile and d2v opt: checked spec, graphs, passes, program; dumps of every stage on the way. Runs nothing of
 * what it makes. */
#include "compiler/base/cache.h"
#include "compiler/codegen/codegen.h"
#include "compiler/d2v_private.h"
#include "compiler/pass/pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DUMP TEXT("--dump", dump, "PASS", "print the graph before and after that pass")

const OptionRow compile_options[] = {
	SET,
	CHOICE("--target", target, "cpu|cuda", "what the program is for (default: cpu)"),
	TEXT("--arch", arch, "sm_NN", "with --target=cuda: the GPU to compile kernels for, such as sm_80 or sm_100 (default: sm_90)"),
	FLAG("--no-nvrtc", no_nvrtc, "with --target=cuda: write the kernels and do not compile them"),
	RECOMPUTE,
	TEXT("--cache", cache, "FOLDER", "where compiled kernels are kept (default: $D2V_CACHE, $XDG_CACHE_HOME/d2v or ~/.cache/d2v)"),
	TEXT("--out", out, "FOLDER", "where the program goes (default: generated/SPEC-TARGET)"),
	TEXT("--dump-dir", dump_dir, "FOLDER", "write GRAPH/00-lower.ir, GRAPH/01-simplify.ir .. there; each is input of d2v opt"),
	DUMP,
	FLAG("--quiet", quiet, "do not tell the time it took"),
	END,
};

const OptionRow opt_options[] = {
	TEXT("--passes", passes, "A,B,..", "the passes to run, in this order (default: none, only check and print)"),
	DUMP,
	TEXT("--dump-dir", dump_dir, "FOLDER", "write the graph after each pass there"),
	ALONE("--list-passes", list_passes, "print each pass and what it does, in the order of d2v compile"),
	END,
};

/* ---- dumps ------------------------------------------------------------------------------------------- */

typedef struct {
	Arena      *a;
	const char *folder, *dump;
	char       *before; /* text of the graph before the pass that is to be printed */
	Status      status;
} Hook;

static void
on_pass(const Graph *g, int index, const char *name, void *arg)
{
	Hook *h = arg;
	Text  t = {0};

	if (!h->folder && !h->dump)
		return;
	graph_print(g, &t);
	if (h->folder && h->status == OK) {
		const char *folder = arena_printf(h->a, "%s/%s", h->folder, g->name);

		h->status = file_make_dirs(folder);
		if (h->status == OK)
			h->status = file_write_atomic(arena_printf(h->a, "%s/%02d-%s.ir", folder, index, name),
			                              t.at, t.n);
	}
	if (h->dump && strcmp(h->dump, name) == 0) {
		if (h->before && strcmp(h->before, t.at) == 0)
			printf("// %s, pass %s (unchanged)\n%s", g->name, name, t.at);
		else
			printf("// %s before %s\n%s\n// %s after %s\n%s", g->name, name,
			       h->before ? h->before : "", g->name, name, t.at);
	}
	free(h->before);
	h->before = t.at;
}

/* Before the first pass there is the graph as it was lowered. */
static Status
dump_known(const Options *o)
{
	return o->dump && strcmp(o->dump, "lower") ? pass_known(o->dump) : OK;
}

/* What passes did not do, and why, once where several graphs of a spec say the same. */
static void
put_remarks(Graph *const *graph, int n)
{
	Graph *all = graph_new(graph[0]->arena, "remarks");

	for (int i = 0; i < n; i++)
		for (int k = 0; k < graph[i]->remark.n; k++) {
			const Remark *r = &graph[i]->remark.at[k];

			graph_remark(all, r->what, r->loc, r->why);
		}
	for (int i = 0; i < all->remark.n; i++) {
		const Remark *r = &all->remark.at[i];

		fprintf(stderr, "%s", r->what);
		if (r->loc.file)
			fprintf(stderr, " at %s:%d", r->loc.file, r->loc.line);
		fprintf(stderr, ": %s\n", r->why);
	}
}

/* ---- the story ----------------------------------------------------------------------------------------- */

static Status
run_passes(Spec *spec, PassHook *hook, void *arg)
{
	TRY(pass_run(spec->train, NULL, hook, arg));
	for (int i = 0; i < spec->nfeature; i++) {
		spec->feature[i]->variables_from = spec->train;
		TRY(pass_run(spec->feature[i], NULL, hook, arg));
	}
	return OK;
}

static Graph **
spec_graphs(Arena *a, const Spec *spec)
{
	Graph **graph = arena_new_array(a, Graph *, spec->nfeature + 1);

	graph[0] = spec->train;
	for (int i = 0; i < spec->nfeature; i++)
		graph[i + 1] = spec->feature[i];
	return graph;
}

void
aim(const Options *o, Graph *const *graph, int n, Target *t)
{
	if (t->arch && o->arch) {
		t->arch = o->arch;
		t->info.attend_tokens = gpu_of(t->arch).attend_tokens;
	}
	for (int g = 0; g < n; g++) {
		graph[g]->target = t->info;
		graph[g]->recompute = t->info.recompute;
		for (int i = 0; o->recompute && i < RECOMPUTE_COUNT; i++)
			if (strcmp(o->recompute, recompute_name[i]) == 0)
				graph[g]->recompute = (Recompute)i;
	}
}

Status
compile_watched(Arena *a, const Options *o, Spec *spec, const char *target, PassHook *hook, void *arg, Compiled **out)
{
	Target t = *target_find(target);

	aim(o, spec_graphs(a, spec), spec->nfeature + 1, &t);
	TRY(run_passes(spec, hook, arg));
	TRY(codegen(a, &spec->recipe, spec_graphs(a, spec), spec->nfeature + 1, &t, out));
	return program_verify((*out)->program);
}

Status
compile_program(Arena *a, const Options *o, Spec *spec, const char *target, Compiled **out)
{
	Hook h = {a, o->dump_dir, o->dump, NULL, OK};

	TRY(dump_known(o));
	TRY(compile_watched(a, o, spec, target, on_pass, &h, out));
	free(h.before);
	return h.status;
}

Status
expect_program(const Spec *spec, const Program *p)
{
	PlanFacts facts = {0};

	for (int s = 0; s < p->nslab; s++)
		facts.memory_per_rank += (double)p->slab[s].bytes;
	return dsl_expect(spec, &facts);
}

static Status
compile(Arena *a, const Options *o, Spec *spec, const char *target, const char *folder)
{
	Compiled *c;

	TRY(compile_program(a, o, spec, target, &c));
	TRY(expect_program(spec, c->program));
	return codegen_write(c, folder);
}

const char *
cache_folder(Arena *a, const Options *o)
{
	const char *e;

	if (o->cache)
		return o->cache;
	if ((e = getenv("D2V_CACHE")) && *e)
		return e;
	if ((e = getenv("XDG_CACHE_HOME")) && *e)
		return arena_printf(a, "%s/d2v", e);
	if ((e = getenv("HOME")) && *e)
		return arena_printf(a, "%s/.cache/d2v", e);
	return "/tmp/d2v-cache";
}

Status
compile_cached(Arena *a, const Options *o, Spec *spec, const char *target, const char **folder)
{
	char       *self = NULL, id[33];
	size_t      n;
	const char *cache = cache_folder(a, o), *made;

	TRY(file_read("/proc/self/exe", &self, &n));
	hash_hex(self, n, id);
	free(self);
	*folder = arena_printf(a, "%s/%s-%s%s%s-%.16s-%.8s", cache, spec->recipe.spec_name, target, o->recompute ? "-" : "",
	                       o->recompute ? o->recompute : "", spec->recipe.spec_hash, id);
	if (file_exists(arena_printf(a, "%s/program.d2p", *folder))) {
		cache_touch(arena_printf(a, "%s/program.d2p", *folder));
		return OK;
	}
	made = arena_printf(a, "%s.%ld", *folder, (long)getpid());
	TRY(compile(a, o, spec, target, made));
	if (rename(made, *folder) != 0 && errno != EEXIST && errno != ENOTEMPTY)
		return world_error("cache", "cannot rename %s to %s: %s", made, *folder, strerror(errno));
	return OK;
}

/* ---- the verbs ------------------------------------------------------------------------------------------- */

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

Status
do_compile(Arena *a, const Options *o)
{
	Spec       *spec;
	double      start = now();
	const char *folder = o->out, *target = o->target ? o->target : "cpu";

	TRY(dsl_compile(a, o->file, o->set, o->nset, &spec));
	if (!folder)
		folder = arena_printf(a, "generated/%s-%s", spec->recipe.spec_name, target);
	TRY(compile(a, o, spec, target, folder));
	put_remarks(spec_graphs(a, spec), spec->nfeature + 1);
	if (!o->quiet)
		fprintf(stderr, "%s: %.2f s\n", folder, now() - start);
	return strcmp(target, "cuda") == 0 && !o->no_nvrtc ? cuda_report(a, o, folder) : OK;
}

Status
do_opt(Arena *a, const Options *o)
{
	char  *text;
	size_t n;
	Graph *g;
	Text   t = {0};
	Hook   h = {a, o->dump_dir, o->dump, NULL, OK};

	if (o->list_passes) {
		for (int p = 0; p < pass_count; p++)
			printf("%-10s %s\n", pass_table[p].name, pass_table[p].does);
		return OK;
	}
	TRY(dump_known(o));
	TRY(file_read(o->file, &text, &n));
	diag_source(intern(o->file), text);
	TRY(graph_parse(a, o->file, text, &g));
	TRY(graph_verify(g, "parse", false));
	if (o->passes)
		TRY(pass_run(g, o->passes, on_pass, &h));
	if (!o->dump) {
		graph_print(g, &t);
		fwrite(t.at, 1, t.n, stdout);
	}
	put_remarks(&g, 1);
	text_free(&t);
	free(h.before);
	return h.status;
}
