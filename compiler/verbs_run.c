/* d2v train, step, eval and bench: compile the spec, or find its program in the cache, then become
 * d2v-run, which does the work. Of d2v-run's options this knows only the names, and which take a
 * value; values are d2v-run's to judge. */
#include "compiler/d2v_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE                                                                                      \
	TEXT("--cache", cache, "FOLDER",                                                           \
	     "where programs and compiled kernels are kept (default: $D2V_CACHE, "                 \
	     "$XDG_CACHE_HOME/d2v or ~/.cache/d2v)")

const OptionRow train_options[] = {
	SET,
	RECOMPUTE,
	CACHE,
	RUN_TEXT("--data"),
	RUN_TEXT("--out"),
	RUN_TEXT("--steps"),
	RUN_TEXT("--until"),
	RUN_FLAG("--resume"),
	RUN_TEXT("--seed"),
	RUN_TEXT("--threads"),
	RUN_TEXT("--workers"),
	RUN_TEXT("--device"),
	RUN_FLAG("--profile"),
	RUN_FLAG("--quiet"),
	END,
};

const OptionRow step_options[] = {
	SET,
	RECOMPUTE,
	CACHE,
	RUN_TEXT("--steps"),
	RUN_TEXT("--init"),
	RUN_TEXT("--feed"),
	RUN_TEXT("--dump"),
	RUN_TEXT("--names"),
	RUN_TEXT("--seed"),
	RUN_TEXT("--first-step"),
	RUN_TEXT("--spe"),
	RUN_TEXT("--run-steps"),
	RUN_TEXT("--entry"),
	RUN_TEXT("--device"),
	RUN_TEXT("--threads"),
	RUN_FLAG("--list"),
	END,
};

const OptionRow eval_options[] = {
	CACHE,
	RUN_TEXT("--data"),
	RUN_TEXT("--train-images"),
	RUN_TEXT("--model"),
	RUN_TEXT("--layer"),
	RUN_TEXT("--k"),
	RUN_TEXT("--threads"),
	RUN_TEXT("--device"),
	END,
};

const OptionRow bench_options[] = {
	SET,
	RECOMPUTE,
	CACHE,
	RUN_TEXT("--steps"),
	RUN_FLAG("--all"),
	RUN_FLAG("--json"),
	RUN_FLAG("--on-request"),
	RUN_TEXT("--entry"),
	RUN_TEXT("--threads"),
	RUN_TEXT("--device"),
	END,
};

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

Status
start_run(Arena *a, const Options *o, const char *folder)
{
	char **argv = arena_new_array(a, char *, o->nrest + 6);
	int    n = 0;

	argv[n++] = arena_printf(a, "%s/d2v-run", own_folder(a));
	argv[n++] = (char *)o->verb->name;
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
	return world_error("no-runtime", "cannot start %s: %s; it is built together with d2v",
	                   argv[0], strerror(errno));
}

/* What to compile for: the devices cuda and emulate run programs for cuda. Whether a device exists
 * is d2v-run's to say. */
static const char *
target_of_device(const Options *o)
{
	const char *device = "cpu";

	for (int i = 0; i < o->nrest; i++) {
		if (strncmp(o->rest[i], "--device=", 9) == 0)
			device = o->rest[i] + 9;
		else if (strcmp(o->rest[i], "--device") == 0 && i + 1 < o->nrest)
			device = o->rest[i + 1];
	}
	return strcmp(device, "cuda") == 0 || strcmp(device, "emulate") == 0 ? "cuda" : "cpu";
}

Status
do_run(Arena *a, const Options *o)
{
	Spec       *spec;
	const char *folder;

	TRY(dsl_compile(a, o->file, o->set, o->nset, &spec));
	TRY(compile_cached(a, o, spec, target_of_device(o), &folder));
	return start_run(a, o, folder);
}

Status
do_eval(Arena *a, const Options *o)
{
	return start_run(a, o, o->file);
}
