/* What the files of the program d2v share: the options, the table of verbs, and what each verb
 * does.
 *
 * A new verb: a function and its table of options in a verbs_*.c, a row in `verbs` of d2v.c.
 * A new option: a field in Options, a row in the table of each verb that takes it. */
#ifndef D2V_PRIVATE_H
#define D2V_PRIVATE_H

#include "compiler/codegen/codegen.h"
#include "compiler/pass/pass.h"
#include "dsl/dsl.h"

enum { MAX_SET = 64 };

typedef struct Verb Verb;

/* Everything that can stand on a command line. Text that was not given is NULL. */
typedef struct {
	const Verb *verb;
	/* the first argument that is no option */
	const char *file;
	const char *out, *dump_dir, *dump, *passes, *cache, *format, *target, *arch;
	const char *entry, *feed, *random, *memory, *device, *cores, *rate, *bandwidth, *recompute;
	const char *verify_each, *to, *from, *spec;
	bool check_passes, write, check, quiet, list_passes, no_nvrtc, cache_path, cache_size,
		cache_clear, all;
	int      nset;
	Override set[MAX_SET];
	int      nfile;
	char   **files; /* all of them, `file` among them */
	int      nrest;
	/* what d2v-run is to read, as it was typed */
	char **rest;
} Options;

typedef enum {
	OPTION_text,     /* --name VALUE or --name=VALUE, into the const char * at `at` */
	OPTION_choice,   /* text that is one of those in `value`, which are written a|b|c */
	OPTION_flag,     /* --name, into the bool at `at` */
	OPTION_alone,    /* a flag with which no file is needed */
	OPTION_set,      /* --set NAME=VALUE, any number of times */
	OPTION_run_text, /* as text and flag, but left to d2v-run: `at` does not matter */
	OPTION_run_flag,
} OptionKind;
typedef struct {
	const char *name; /* with its dashes: "--out", "-w" */
	OptionKind  kind;
	size_t      at; /* offset in Options */
	/* for --help; does is NULL where d2v-run's own --help tells it */
	const char *value, *does;
} OptionRow;

/* Rows of a verb's table. */
#define TEXT(name, field, value, does)                                                             \
	{                                                                                          \
		name, OPTION_text, offsetof(Options, field), value, does                           \
	}
#define CHOICE(name, field, value, does)                                                           \
	{                                                                                          \
		name, OPTION_choice, offsetof(Options, field), value, does                         \
	}
#define FLAG(name, field, does)                                                                    \
	{                                                                                          \
		name, OPTION_flag, offsetof(Options, field), NULL, does                            \
	}
#define ALONE(name, field, does)                                                                   \
	{                                                                                          \
		name, OPTION_alone, offsetof(Options, field), NULL, does                           \
	}
#define SET                                                                                        \
	{                                                                                          \
		"--set", OPTION_set, 0, "NAME=VALUE",                                              \
			"give a dim or let of the spec another value; may be repeated"             \
	}
#define RECOMPUTE                                                                                  \
	CHOICE("--recompute", recompute, "none|cheap|blocks",                                      \
	       "what the backward pass computes again, to save memory: nothing (default for "      \
	       "cuda), what is cheap (default for cpu), or whole blocks")
#define RUN_TEXT(name)                                                                             \
	{                                                                                          \
		name, OPTION_run_text, 0, NULL, NULL                                               \
	}
#define RUN_FLAG(name)                                                                             \
	{                                                                                          \
		name, OPTION_run_flag, 0, NULL, NULL                                               \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, OPTION_flag, 0, NULL, NULL                                                   \
	}

struct Verb {
	const char *name, *args, *does; /* "check", "SPEC.d2v", one line for `d2v --help` */
	const char *wants;              /* its files, for messages: "a spec"; NULL: it takes none */
	/* paragraphs and examples of `d2v VERB --help`; more may be NULL */
	const char      *more, *example;
	const OptionRow *option;      /* ends with END */
	int              least, most; /* how many files; 0: one */
	/* done by d2v-run, which has a --help of its own to add */
	bool runs;
	Status (*run)(Arena *a, const Options *o);
};

/* ---- options.c ------------------------------------------------------------------------------ */
/* v may be NULL; gives EXIT_USAGE */
int usage_error(const Verb *v, const char *fmt, ...) PRINTF(2, 3);
/* argv after the verb; EXIT_OK or EXIT_USAGE */
int  options_parse(Arena *a, Options *o, int argc, char **argv);
void options_help(const Verb *v);

/* ---- verbs_spec.c: check, fmt --------------------------------------------------------------- */
extern const OptionRow check_options[], fmt_options[];
Status                 do_check(Arena *a, const Options *o);
Status                 do_fmt(Arena *a, const Options *o);
Status check_passes(Arena *a, const Options *o); /* verb_check_passes.c: check --passes */

/* ---- verbs_compile.c: compile --------------------------------------------------------------- */
extern const OptionRow compile_options[];
Status                 do_compile(Arena *a, const Options *o);
/* The program of a spec for a target ("cpu", "cuda"), from the cache when this compiler has
 * compiled the same text before. */
Status
compile_cached(Arena *a, const Options *o, Spec *spec, const char *target, const char **folder);
const char *cache_folder(Arena *a, const Options *o);
/* Tell graphs what they are compiled for: --arch, --recompute. */
Status aim(const Options *o, Graph *const *graph, int n, Target *t);
/* Passes, codegen and the proof of what they made; nothing is written. */
Status compile_program(Arena *a, const Options *o, Spec *spec, const char *target, Compiled **out);
Status compile_watched(Arena *a, const Options *o, Spec *spec, const char *target, PassHook *hook,
                       void *arg, Compiled **out);
/* the spec's `expect` lines about memory */
Status expect_program(const Spec *spec, const Program *p);

/* ---- dumps.c: --dump and --dump-dir, on any run of passes ----------------------------------- */
typedef struct {
	Arena       *a;
	const char  *folder, *dump;
	const Graph *graph; /* the one `before` is the text of */
	char        *before;
	bool         printed;
	Status       status;
} Dumps;
Status dumps_open(Dumps *d, Arena *a, const Options *o);
/* a PassHook; arg: the Dumps */
void   dumps_hook(const Graph *g, int index, const char *name, void *arg);
Status dumps_close(Dumps *d);

/* ---- stage.c, stage_fits.c: compile --to and --from ----------------------------------------- */
/* Every graph through its passes, the entry from --from on. hook: sees them in place of --dump and
 * --dump-dir; NULL: those do. */
Status stage_run(Arena *a, const Options *o, Spec *spec, PassHook *hook, void *arg);
Status stage_write(Arena *a, const Options *o, Spec *spec); /* the entry's text after --to */
typedef struct {
	const char *file, *stage;
	/* the spec's graph at the stage, and before the first pass; the text's */
	const Graph *want, *lowered, *have;
} Fit;
Status stage_fits(const Fit *f);

/* What passes did not do, and why, once where several graphs of a spec say the same. */
void put_remarks(Graph *const *graph, int n);

/* ---- verb_opt.c: opt, and graphs as files --------------------------------------------------- */
extern const OptionRow opt_options[];
Status                 do_opt(Arena *a, const Options *o);
Status
graph_read(Arena *a, const char *path, Graph **out); /* parsed and verified; "-": standard input */
Status text_write(const Text *t, const char *path);  /* NULL: standard output */
#define DUMP TEXT("--dump", dump, "PASS", "print the graph before and after that pass")
#define VERIFY_EACH                                                                                \
	CHOICE("--verify-each", verify_each, "on|off",                                             \
	       "check the graph after every pass (default), or only at the start and the end")
bool is_off(const char *choice);

/* ---- verb_eval_graph.c: eval-graph ---------------------------------------------------------- */
extern const OptionRow eval_graph_options[];
Status                 do_eval_graph(Arena *a, const Options *o);

/* ---- cuda_report.c: what the kernels of the cuda program in `folder` cost ------------------- */
Status cuda_report(Arena *a, const Options *o, const char *folder);

/* ---- verb_verify.c: verify ------------------------------------------------------------------ */
extern const OptionRow verify_options[];
Status                 do_verify(Arena *a, const Options *o);

/* ---- program_of.c: the program of what the user names, a spec or the folder of a program ---- */
typedef struct {
	Spec              *spec; /* NULL: it was a folder */
	const Program     *program;
	const char *const *text; /* per kernel: its source */
} Subject;
Status program_of(Arena *a, const Options *o, const char *path, const char *target, Subject *out);
/* The same; `hook` sees the graphs of a spec after each pass. */
Status program_watched(Arena *a, const Options *o, const char *path, const char *target,
                       PassHook *hook, void *arg, Subject *out);

/* ---- verb_plan.c, plan_memory.c: plan; verb_diff.c: diff ------------------------------------ */
extern const OptionRow plan_options[], diff_options[];
Status                 do_plan(Arena *a, const Options *o);
Status                 do_diff(Arena *a, const Options *o);
struct Rates;
/* Does it fit in `limit` bytes, and if not, which other plans do? */
Status plan_within(Arena *a, const Options *o, const Subject *p, int64_t limit,
                   const struct Rates *rates, int cores, Text *out);

/* --device, --cores, --rate, --bandwidth; EXIT_OK or EXIT_USAGE, reported. */
int rates_wanted(const Options *o, const Program *p, struct Rates *r, int *cores);

/* ---- verb_report.c: report ------------------------------------------------------------------ */
extern const OptionRow report_options[];
Status                 do_report(Arena *a, const Options *o);

/* ---- verb_cache.c --------------------------------------------------------------------------- */
extern const OptionRow cache_options[];
Status                 do_cache(Arena *a, const Options *o);

/* ---- verbs_run.c: train, step, eval, bench -------------------------------------------------- */
extern const OptionRow train_options[], step_options[], eval_options[], bench_options[];
Status do_run(Arena *a, const Options *o); /* train, step, bench: compile, then run */
Status do_eval(Arena *a, const Options *o);
/* Replace this process by d2v-run. `folder` comes after the verb; the rest as it was typed. */
Status start_run(Arena *a, const Options *o, const char *folder);

/* ---- d2v.c ---------------------------------------------------------------------------------- */
/* of a verb that did its work: EXIT_OK unless it says otherwise */
extern int verb_exit_code;

#endif
