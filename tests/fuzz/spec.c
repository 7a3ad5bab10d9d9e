/* Any text as a .d2v file: it is refused with a message, or it compiles to graphs that verify; and
 * what the formatter gives is formatted. The file lies in a folder of its own beside a link to
 * models/lib, so that seeds may include it; run from the root of the project. */
#include "compiler/ir/ir.h"
#include "dsl/dsl.h"
#include "tests/fuzz/fuzz.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64], lib[PATH_MAX];

static void
folder_remove(void)
{
	char path[128];

	for (const char *const *name = (const char *const[]){"lib", "x.d2v", NULL}; *name; name++) {
		snprintf(path, sizeof path, "%s/%s", folder, *name);
		unlink(path);
	}
	rmdir(folder);
}

static void
folder_make(void)
{
	char path[128];

	strcpy(folder, "/tmp/d2v-fuzz-XXXXXX");
	if (!mkdtemp(folder) || !realpath("models/lib", lib))
		BUG("no folder for specs, or not run from the root of the project");
	snprintf(path, sizeof path, "%s/lib", folder);
	if (symlink(lib, path) != 0)
		BUG("cannot link to %s", lib);
	atexit(folder_remove);
}

static void
check_format(const char *text)
{
	Text once = {0}, twice = {0};

	if (dsl_format("fuzz.d2v", text, &once) == OK && once.at) {
		if (dsl_format("again.d2v", once.at, &twice) != OK)
			BUG("what was formatted is refused:\n%s", once.at);
		if (!twice.at || strcmp(once.at, twice.at) != 0)
			BUG("what was formatted formats otherwise:\n%s\n%s", once.at,
			    twice.at ? twice.at : "");
	}
	text_free(&once);
	text_free(&twice);
}

static void
check_compile(Arena *a, const char *text)
{
	char  path[128];
	Spec *spec;
	FILE *f;

	snprintf(path, sizeof path, "%s/x.d2v", folder);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		BUG("cannot write %s", path);
	if (dsl_compile(a, path, NULL, 0, &spec) != OK)
		return;
	graph_verify(spec->train, "fuzz", true);
	text_free(&spec->summary);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	Arena       *a = arena_new();
	char        *text = arena_strndup(a, (const char *)data, size);

	if (!nowhere) {
		nowhere = fopen("/dev/null", "w");
		folder_make();
	}
	diag_sink(nowhere);
	diag_reset();
	check_format(text);
	diag_reset();
	check_compile(a, text);
	arena_free(a);
	return 0;
}
