/* d2v: what people type. Reads the command line, then tells the story: text, checked spec, graphs, passes, program, run.
 * Everything about running stands in d2v-run, which this program starts when it has compiled. */
#include "compiler/codegen/codegen.h"
#include "compiler/pass/pass.h"
#include "dsl/dsl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SET = 64 };

typedef struct {
	const char *verb, *file, *out, *dump_dir, *dump, *passes, *cache, *graph;
	bool        force, write, check, quiet;
	int         nset;
	Override    set[MAX_SET];
	int         nrest;
	char      **rest; /* what d2v-run is to read */
} Options;

static const char *const usage =
    "d2v: a compiler for self-supervised training\n\n"
    "  d2v check SPEC.d2v                     is it right? prints a summary\n"
    "  d2v fmt FILE.d2v ...                   print formatted; -w rewrites the files, --check only tells\n"
    "  d2v compile SPEC.d2v [--out FOLDER]    write program.d2p and kernels; --dump-dir D writes every stage\n"
    "  d2v opt FILE.ir --passes=a,b           run passes on a dump or a hand-written graph; --list-passes\n"
    "  d2v train SPEC.d2v --data train=PATH --out RUN\n"
    "  d2v step SPEC.d2v --init W --feed F --steps N --dump O\n"
    "  d2v eval RUN --data train=PATH --data test=PATH\n"
    "  d2v bench SPEC.d2v                     time every kernel of a step\n\n"
    "Any dim or let of a spec can be set: --set B=64 --set peak_lr=1e-3\n"
    "`d2v COMMAND --help` tells more of each.\n\n"
    "Examples\n"
    "  d2v check models/vit_base.d2v --set B=64\n"
    "  d2v compile models/fashion.d2v --out /tmp/fashion --dump-dir /tmp/stages\n"
    "  d2v train models/fashion.d2v --data train=/usr/share/datasets/fashion-mnist --out runs/fashion\n";

typedef struct { const char *verb, *text; } Help;
static const Help help[] = {
    {"check", "d2v check SPEC.d2v [--set NAME=VALUE ...] [--format=json]\n"
              "Parses and checks a spec and prints a summary: axes and their equations, parameters by module, groups, schedule, data, draws.\n"
              "Exit code 0 when it is right, 1 when it is not.\n\n"
              "Example: d2v check models/vit_base.d2v --set B=64\n"},
    {"fmt", "d2v fmt FILE.d2v ... [-w | --check]\n"
            "Prints each file in canonical form (comments are kept). -w rewrites the files in place; --check exits with 1 when one would change.\n\n"
            "Example: d2v fmt -w models/fashion.d2v\n"},
    {"compile", "d2v compile SPEC.d2v [--set NAME=VALUE ...] [--out FOLDER] [--dump-dir FOLDER] [--dump=PASS] [--quiet]\n"
                "Writes FOLDER/program.d2p and FOLDER/kernels/*.c (default generated/SPEC-cpu).\n"
                "--dump-dir writes GRAPH/00-lower.ir, GRAPH/01-fold.ir ..; each is valid input of d2v opt. --dump=fuse prints the graph before and after that pass.\n\n"
                "Example: d2v compile models/vit_base.d2v --set B=8 --out /tmp/vit --dump-dir /tmp/stages\n"},
    {"opt", "d2v opt FILE.ir [--passes=a,b,..] [--dump=PASS]\n"
            "Reads a graph, runs the named passes (none: only checks and prints it), verifies after each, prints the result.\n"
            "--list-passes prints each pass and what it does, in the order in which `d2v compile` runs them.\n\n"
            "Example: d2v opt stages/train/00-lower.ir --passes=fold,cse\n"},
};

/* ---- small things ------------------------------------------------------------------------------------------------ */

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
usage_error(const char *fmt, const char *what)
{
	fprintf(stderr, "d2v: ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	fprintf(stderr, fmt, what);
#pragma GCC diagnostic pop
	fprintf(stderr, "\n`d2v --help` shows the commands\n");
	return EXIT_USAGE;
}

/* The folder in which this program lies: d2v-run and the devices are beside it. */
static const char *
own_folder(Arena *a)
{
	char    path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	char   *slash;

	if (n <= 0)
		return ".";
	path[n] = 0;
	slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	return arena_strdup(a, path);
}

static const char *
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

/* ---- dumps ---------------------------------------------------------------------------------------------------------- */

typedef struct {
	Arena      *a;
	const char *folder, *dump;
	char       *before;   /* text of the graph before the pass that is to be printed */
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
			h->status = file_write_atomic(arena_printf(h->a, "%s/%02d-%s.ir", folder, index, name), t.at, t.n);
	}
	if (h->dump && strcmp(h->dump, name) == 0) {
		if (h->before && strcmp(h->before, t.at) == 0)
			printf("// %s, pass %s (unchanged)\n%s", g->name, name, t.at);
		else
			printf("// %s before %s\n%s\n// %s after %s\n%s", g->name, name, h->before ? h->before : "", g->name, name, t.at);
	}
	free(h->before);
	h->before = t.at;
}

/* ---- the story --------------------------------------------------------------------------------------------------------- */

static Status
run_passes(Arena *a, const Options *o, Spec *spec)
{
	Hook h = {a, o->dump_dir, o->dump, NULL, OK};

	TRY(pass_run(spec->train, o->passes, on_pass, &h));
	for (int i = 0; i < spec->nfeature; i++) {
		spec->feature[i]->variables_from = spec->train;
		TRY(pass_run(spec->feature[i], o->passes, on_pass, &h));
	}
	free(h.before);
	return h.status;
}

static Status
compile(Arena *a, const Options *o, Spec *spec, const char *folder)
{
	Graph   **graph = arena_new_array(a, Graph *, spec->nfeature + 1);
	Compiled *c;
	PlanFacts facts = {0};

	TRY(run_passes(a, o, spec));
	graph[0] = spec->train;
	for (int i = 0; i < spec->nfeature; i++)
		graph[i + 1] = spec->feature[i];
	TRY(codegen_cpu(a, &spec->recipe, graph, spec->nfeature + 1, &c));
	for (int s = 0; s < c->program->nslab; s++)
		facts.memory_per_rank += (double)c->program->slab[s].bytes;
	TRY(dsl_expect(spec, &facts));
	TRY(program_verify(c->program));
	return codegen_write(c, folder);
}

/* The program of a spec, from the cache when this compiler has compiled the same text before. */
static Status
compile_cached(Arena *a, const Options *o, Spec *spec, const char **folder)
{
	char       *self = NULL, id[33];
	size_t      n;
	const char *cache = cache_folder(a, o), *made;

	TRY(file_read("/proc/self/exe", &self, &n));
	hash_hex(self, n, id);
	free(self);
	*folder = arena_printf(a, "%s/%s-cpu-%.16s-%.8s", cache, spec->recipe.spec_name, spec->recipe.spec_hash, id);
	if (file_exists(arena_printf(a, "%s/program.d2p", *folder)) && !o->dump_dir && !o->dump)
		return OK;
	made = arena_printf(a, "%s.%ld", *folder, (long)getpid());
	TRY(compile(a, o, spec, made));
	if (rename(made, *folder) != 0 && errno != EEXIST && errno != ENOTEMPTY)
		return world_error("cache", "cannot rename %s to %s: %s", made, *folder, strerror(errno));
	return OK;
}

/* ---- commands ------------------------------------------------------------------------------------------------------------- */

static Status
do_check(Arena *a, const Options *o)
{
	Spec *spec;

	TRY(dsl_compile(a, o->file, o->set, o->nset, &spec));
	if (!o->quiet)
		fwrite(spec->summary.at, 1, spec->summary.n, stdout);
	return OK;
}

static Status
do_fmt(const Options *o)
{
	Status s = OK;

	for (int i = 0; i < o->nrest; i++) {
		char  *text;
		size_t n;
		Text   t = {0};
		bool   same;

		TRY(file_read(o->rest[i], &text, &n));
		diag_source(intern(o->rest[i]), text);
		if (dsl_format(o->rest[i], text, &t) != OK)
			return FAIL;
		same = t.n == n && memcmp(t.at, text, n) == 0;
		if (o->write && !same)
			s = file_write_atomic(o->rest[i], t.at, t.n);
		else if (o->check && !same)
			s = user_error("format", "%s is not formatted; `d2v fmt -w %s` does it", o->rest[i], o->rest[i]);
		else if (!o->write && !o->check)
			fwrite(t.at, 1, t.n, stdout);
		text_free(&t);
	}
	return s;
}

static Status
do_compile(Arena *a, const Options *o)
{
	Spec       *spec;
	double      start = now();
	const char *folder = o->out;

	TRY(dsl_compile(a, o->file, o->set, o->nset, &spec));
	if (!folder)
		folder = arena_printf(a, "generated/%s-cpu", spec->recipe.spec_name);
	TRY(compile(a, o, spec, folder));
	if (!o->quiet)
		fprintf(stderr, "%s: %.2f s\n", folder, now() - start);
	return OK;
}

static Status
do_opt(Arena *a, const Options *o)
{
	char  *text;
	size_t n;
	Graph *g;
	Text   t = {0};
	Hook   h = {a, o->dump_dir, o->dump, NULL, OK};

	TRY(file_read(o->file, &text, &n));
	diag_source(intern(o->file), text);
	TRY(graph_parse(a, o->file, text, &g));
	TRY(graph_verify(g, "parse", false));
	if (o->passes && *o->passes)
		TRY(pass_run(g, o->passes, on_pass, &h));
	if (!o->dump) {
		graph_print(g, &t);
		fwrite(t.at, 1, t.n, stdout);
	}
	text_free(&t);
	free(h.before);
	return h.status;
}

/* Replace this process by d2v-run. `folder` comes after the verb; the rest as it was typed. */
static Status
start_run(Arena *a, const Options *o, const char *folder)
{
	char **argv = arena_new_array(a, char *, o->nrest + 6);
	int    n = 0;

	argv[n++] = arena_printf(a, "%s/d2v-run", own_folder(a));
	argv[n++] = (char *)o->verb;
	if (folder)
		argv[n++] = (char *)folder;
	for (int i = 0; i < o->nrest; i++)
		argv[n++] = o->rest[i];
	if (o->cache) {
		argv[n++] = "--cache";
		argv[n++] = (char *)o->cache;
	}
	fflush(NULL);
	execv(argv[0], argv);
	return world_error("no-runtime", "cannot start %s: %s; it is built together with d2v", argv[0], strerror(errno));
}

static Status
do_run(Arena *a, const Options *o)
{
	Spec       *spec;
	const char *folder;

	if (strcmp(o->verb, "eval") == 0)
		return start_run(a, o, o->file);
	TRY(dsl_compile(a, o->file, o->set, o->nset, &spec));
	TRY(compile_cached(a, o, spec, &folder));
	return start_run(a, o, folder);
}

/* ---- the command line ------------------------------------------------------------------------------------------------------- */

/* `--name=value` or `--name value`; NULL when argv[*i] is another option. */
static const char *
value_of(int argc, char **argv, int *i, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n))
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n] == 0 && *i + 1 < argc)
		return argv[++*i];
	return NULL;
}

static int
add_override(Arena *a, Options *o, const char *text)
{
	char *copy = arena_strdup(a, text), *eq = strchr(copy, '=');

	if (!eq || eq == copy)
		return usage_error("--set wants NAME=VALUE, not `%s`", text);
	if (o->nset == MAX_SET)
		return usage_error("too many --set, at `%s`", text);
	*eq = 0;
	o->set[o->nset++] = (Override){copy, eq + 1};
	return EXIT_OK;
}

static int
parse_options(Arena *a, Options *o, int argc, char **argv, bool passes_on)
{
	struct { const char *name; const char **to; } text[] = {
	    {"--dump-dir", &o->dump_dir}, {"--dump", &o->dump}, {"--passes", &o->passes}, {"--cache", &o->cache}};

	o->rest = arena_new_array(a, char *, argc + 1);
	for (int i = 2; i < argc; i++) {
		const char *v;
		int         k, code;

		if ((v = value_of(argc, argv, &i, "--set"))) {
			if ((code = add_override(a, o, v)) != EXIT_OK)
				return code;
			continue;
		}
		for (k = 0; k < COUNT(text); k++)
			if (!(passes_on && *text[k].to == o->dump && strcmp(text[k].name, "--dump") == 0) && (v = value_of(argc, argv, &i, text[k].name)))
				break;
		if (k < COUNT(text)) {
			*text[k].to = v;
		} else if (!passes_on && (v = value_of(argc, argv, &i, "--out"))) {
			o->out = v;
		} else if (!passes_on && (v = value_of(argc, argv, &i, "--format"))) {
			if (strcmp(v, "json") && strcmp(v, "text"))
				return usage_error("--format is text or json, not `%s`", v);
			diag_format(strcmp(v, "json") == 0 ? DIAG_JSON : DIAG_TEXT);
		} else if (!passes_on && strcmp(argv[i], "-w") == 0) {
			o->write = true;
		} else if (!passes_on && strcmp(argv[i], "--check") == 0) {
			o->check = true;
		} else if (!passes_on && strcmp(argv[i], "--quiet") == 0) {
			o->quiet = true;
		} else if (!passes_on && argv[i][0] == '-') {
			return usage_error("unknown option `%s`", argv[i]);
		} else if (!o->file && argv[i][0] != '-') {
			o->file = argv[i];
			if (strcmp(o->verb, "fmt") == 0)
				o->rest[o->nrest++] = argv[i];
		} else {
			o->rest[o->nrest++] = argv[i];
		}
	}
	return EXIT_OK;
}

static int
show_help(const Options *o, Arena *a, bool passes_on)
{
	for (int i = 0; i < COUNT(help); i++)
		if (strcmp(help[i].verb, o->verb) == 0) {
			printf("%s", help[i].text);
			return EXIT_OK;
		}
	if (passes_on) {
		Options h = *o;
		char   *argv[2] = {"--help", NULL};

		h.rest = argv;
		h.nrest = 1;
		(void)start_run(a, &h, NULL);
		return diag_exit_code();
	}
	printf("%s", usage);
	return EXIT_OK;
}

int
main(int argc, char **argv)
{
	static const char *const verbs[] = {"check", "fmt", "compile", "opt", "train", "step", "eval", "bench"};
	Options     o = {0};
	Arena      *a = arena_new();
	Status      s;
	bool        passes_on;
	int         k = 0, code;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		printf("%s", usage);
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	o.verb = argv[1];
	while (k < COUNT(verbs) && strcmp(verbs[k], o.verb))
		k++;
	if (k == COUNT(verbs)) {
		const char *near = text_nearest(o.verb, verbs, COUNT(verbs));

		if (near)
			fprintf(stderr, "d2v: no command `%s`; did you mean `%s`?\n", o.verb, near);
		return near ? EXIT_USAGE : usage_error("no command `%s`", o.verb);
	}
	passes_on = k >= 4;
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return show_help(&o, a, passes_on);
		else if (strcmp(argv[i], "--list-passes") == 0 && strcmp(o.verb, "opt") == 0) {
			for (int p = 0; p < pass_count; p++)
				printf("%-10s %s\n", pass_table[p].name, pass_table[p].does);
			return EXIT_OK;
		}
	if ((code = parse_options(a, &o, argc, argv, passes_on)) != EXIT_OK)
		return code;
	if (!o.file)
		return usage_error(k == 6 ? "%s wants the folder of a run" : "%s wants a file", o.verb);
	if (o.nrest && !passes_on && strcmp(o.verb, "fmt"))
		return usage_error("one file is enough, but there is also `%s`", o.rest[0]);
	switch (k) {
	case 0: s = do_check(a, &o); break;
	case 1: s = do_fmt(&o); break;
	case 2: s = do_compile(a, &o); break;
	case 3: s = do_opt(a, &o); break;
	default: s = do_run(a, &o); break;
	}
	return s == OK ? EXIT_OK : diag_exit_code();
}
