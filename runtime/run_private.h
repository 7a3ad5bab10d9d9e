/* What the files of the verbs train and bench share. */
#ifndef D2V_RUN_PRIVATE_H
#define D2V_RUN_PRIVATE_H

#include "runtime/runtime.h"

/* exec.c: the folder given, else $D2V_CACHE, else $XDG_CACHE_HOME/d2v, else ~/.cache/d2v. */
const char *cache_folder(Arena *a, const char *given);

/* exec_move.c: what exec_stage and exec_ask keep. */
void exec_move_close(Exec *x);

/* ---- options.c: `--name value`, `--name=value`, `--flag`, and positional arguments ---------- */

typedef struct {
	const char  *name; /* "steps" */
	const char **text; /* where its value goes; NULL for a flag */
	bool        *flag;
} Option;
typedef struct {
	const char *name, *wants; /* "train", "the folder of a program" */
	const char *help;         /* what --help prints */
} RunVerb;
typedef enum { OPTIONS_run, OPTIONS_help, OPTIONS_wrong } OptionsResult;
OptionsResult
options_parse(int argc, char **argv, const RunVerb *v, const Option *o, int n, const char **folder);
/* What is wrong with the command line, with a pointer to --help. FAIL: the verb ends with
 * EXIT_USAGE. */
Status option_error(const RunVerb *v, const char *fmt, ...) PRINTF(2, 3);
/* A whole number in lo..hi; an option not given keeps *out. */
Status option_integer(const RunVerb *v, const char *name, const char *text, int64_t lo, int64_t hi,
                      int64_t *out);
/* --threads: before the device is loaded */
Status option_threads(const RunVerb *v, const char *text);

/* ---- inputs.c: a batch -> the inputs of an entry -------------------------------------------- */
typedef struct Feeds Feeds;
Status               feeds_open(Arena *a, const Exec *x, const Entry *e,
                                Feeds **out); /* which part of a batch fills which input */
Status               feeds_put(Exec *x, const Feeds *f, const Batch *b);

/* run_folder.c: program.d2p and kernels of one program folder into another. */
Status run_copy_program(Arena *a, const Program *p, const char *from, const char *to);

int verb_bench(int argc, char **argv);

#endif
