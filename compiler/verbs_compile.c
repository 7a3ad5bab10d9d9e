/* d2v compile: checked spec, graphs, passes, program; dumps of every stage on the way. Runs nothing
 * of what it makes. */
#include "compiler/base/cache.h"
#include "compiler/codegen/codegen.h"
#include "compiler/d2v_private.h"

#include <errno.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const OptionRow compile_options[] = {
	SET,
	CHOICE("--target", target, "cpu|cuda", "what the program is for (default: cpu)"),
	TEXT("--arch", arch, "sm_NN",
             "with --target=cuda: the GPU to compile kernels for, such as sm_80 or sm_100 "
             "(default: sm_90)"),
	FLAG("--no-nvrtc", no_nvrtc,
             "with --target=cuda: write the kernels and do not compile them"),
	RECOMPUTE,
	TEXT("--cache", cache, "FOLDER",
             "where compiled kernels are kept (default: $D2V_CACHE, $XDG_CACHE_HOME/d2v or "
             "~/.cache/d2v)"),
	TEXT("--out", out, "FOLDER",
             "where the program goes (default: generated/SPEC-TARGET); with --to: the file"),
	TEXT("--to", to, "STAGE",
             "stop after this pass (or at `lower`, before the first) and print the graph of "
             "--entry"),
	TEXT("--from", from, "STAGE",
             "go on behind this pass, with the graph of --entry read from FILE.ir"),
	TEXT("--entry", entry, "NAME",
             "with --to and --from: train (default), student.features, .."),
	TEXT("--dump-dir", dump_dir, "FOLDER",
             "write GRAPH/00-lower.ir, GRAPH/01-fold.ir .. there; each is input of d2v opt and of "
             "--from"),
	DUMP,
	VERIFY_EACH,
	FLAG("--quiet", quiet, "do not tell the time it took"),
	END,
};

/* What passes did not do, and why, once where several graphs of a spec say the same. */
void
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

static Graph **
spec_graphs(Arena *a, const Spec *spec)
{
	Graph **graph = arena_new_array(a, Graph *, spec->nfeature + 1);

	graph[0] = spec->train;
	for (int i = 0; i < spec->nfeature; i++)
		graph[i + 1] = spec->feature[i];
	return graph;
}

/* Generated text wants the matrix fragments, asynchronous copies and conversions of bf16 that begin
 * with sm_80. */
static Status
arch_check(const char *arch)
{
	char *end = NULL;
	long  number = strncmp(arch, "sm_", 3) == 0 && isdigit((unsigned char)arch[3])
	                       ? strtol(arch + 3, &end, 10)
	                       : 0;

	if (end && (*end == 0 || ((*end == 'a' || *end == 'f') && end[1] == 0)) && number >= 80)
		return OK;
	return user_error("arch",
	                  "--arch is a GPU such as sm_80, sm_90 or sm_100, and none before sm_80; "
	                  "not `%s`",
	                  arch);
}

Status
aim(const Options *o, Graph *const *graph, int n, Target *t)
{
	if (t->arch && o->arch) {
		TRY(arch_check(o->arch));
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
	return OK;
}

Status
compile_watched(Arena *a, const Options *o, Spec *spec, const char *target, PassHook *hook,
                void *arg, Compiled **out)
{
	Target t = *target_find(target);

	TRY(aim(o, spec_graphs(a, spec), spec->nfeature + 1, &t));
	TRY(stage_run(a, o, spec, hook, arg));
	TRY(codegen(a, &spec->recipe, spec_graphs(a, spec), spec->nfeature + 1, &t, out));
	return program_verify((*out)->program);
}

Status
compile_program(Arena *a, const Options *o, Spec *spec, const char *target, Compiled **out)
{
	return compile_watched(a, o, spec, target, NULL, NULL, out);
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
	*folder = arena_printf(a, "%s/%s-%s%s%s-%.16s-%.8s", cache, spec->recipe.spec_name, target,
	                       o->recompute ? "-" : "", o->recompute ? o->recompute : "",
	                       spec->recipe.spec_hash, id);
	if (file_exists(arena_printf(a, "%s/program.d2p", *folder))) {
		cache_touch(arena_printf(a, "%s/program.d2p", *folder));
		return OK;
	}
	made = arena_printf(a, "%s.%ld", *folder, (long)getpid());
	if (file_make_dirs(cache) != OK) {
		diag_hint("compiled programs are kept there; --cache FOLDER or D2V_CACHE names "
		          "another place");
		return FAIL;
	}
	TRY(compile(a, o, spec, target, made));
	/* Another process may have been faster. A folder without a program is what is left of one:
	 * out of the way with it, under a name that is tidied up. */
	int why = rename(made, *folder) == 0 ? 0 : errno;
	if (why == 0 || file_exists(arena_printf(a, "%s/program.d2p", *folder)))
		return OK;
	errno = why;
	if ((why != EEXIST && why != ENOTEMPTY) ||
	    rename(*folder, arena_printf(a, "%s.%ld0", *folder, (long)getpid())) != 0 ||
	    rename(made, *folder) != 0)
		return world_error("cache", "cannot rename %s to %s: %s", made, *folder,
		                   strerror(errno));
	return OK;
}

/* ---- the verbs ------------------------------------------------------------------------------ */

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* EXIT_OK when what is said of stages goes together. */
static int
odd_stages(const Options *o)
{
	if (o->from && o->to)
		return usage_error(o->verb, "--from and --to do not go together: `d2v opt` runs "
		                            "passes from text to text");
	if (o->entry && !o->from && !o->to)
		return usage_error(o->verb, "--entry goes with --to or --from");
	if (o->from && o->nfile != 2)
		return usage_error(
			o->verb,
			"--from wants a spec and a graph, SPEC.d2v FILE.ir, and there is only `%s`",
			o->file);
	if (!o->from && o->nfile != 1)
		return usage_error(
			o->verb,
			"compile wants a spec, and there is also `%s`; a graph goes with --from",
			o->files[1]);
	return EXIT_OK;
}

Status
do_compile(Arena *a, const Options *o)
{
	Spec       *spec;
	double      start = now();
	const char *folder = o->out, *target = o->target ? o->target : "cpu";

	if ((verb_exit_code = odd_stages(o)) != EXIT_OK)
		return OK;
	TRY(dsl_compile(a, o->file, o->set, o->nset, &spec));
	if (o->to) {
		Target t = *target_find(target);

		TRY(aim(o, spec_graphs(a, spec), spec->nfeature + 1, &t));
		return stage_write(a, o, spec);
	}
	if (!folder)
		folder = arena_printf(a, "generated/%s-%s", spec->recipe.spec_name, target);
	TRY(compile(a, o, spec, target, folder));
	put_remarks(spec_graphs(a, spec), spec->nfeature + 1);
	if (!o->quiet && spec->recipe.edited)
		fprintf(stderr,
		        "edited: %s is not the spec's own graph, and runs of the spec do not go on "
		        "with this program\n",
		        spec->recipe.edited);
	if (!o->quiet)
		fprintf(stderr, "%s: %.2f s\n", folder, now() - start);
	return strcmp(target, "cuda") == 0 && !o->no_nvrtc ? cuda_report(a, o, folder) : OK;
}
