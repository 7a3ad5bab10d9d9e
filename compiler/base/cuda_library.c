/* cuda_library: where NVIDIA's shared libraries may lie. Nothing of ours links to them, so that our
 * programs start on machines without them. Refuses nothing: what is missing is the caller's to say.
 */
#include "compiler/base/cuda_library.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of the running binary, without a slash at the end; "" when it cannot be told. */
static const char *
own_folder(Arena *a)
{
	char    path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0)
		return "";
	path[n] = 0;
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	return arena_strdup(a, path);
}

enum { MOST_PLACES = 12 };

/* Folders with a slash at the end; "" is the loader's own search. */
static int
places(Arena *a, const char *place[MOST_PLACES])
{
	const char *only = getenv("D2V_CUDA_LIBS"), *home = getenv("CUDA_HOME"),
		   *own = own_folder(a);
	int n = 0;
	if (only && *only) {
		place[n++] = arena_printf(a, "%s/", only);
		return n;
	}
	place[n++] = "";
	if (home && *home) {
		place[n++] = arena_printf(a, "%s/lib64/", home);
		place[n++] = arena_printf(a, "%s/lib/", home);
	}
	if (!home || strcmp(home, "/usr/local/cuda") != 0)
		place[n++] = "/usr/local/cuda/lib64/";
	place[n++] = "/usr/local/nvidia/lib64/";
	if (*own) {
		place[n++] = arena_printf(a, "%s/cuda-wheels/nvidia/cu13/lib/", own);
		place[n++] = arena_printf(a, "%s/../build/cuda-wheels/nvidia/cu13/lib/", own);
	}
	return n;
}

void *
cuda_library(const char *const *names, Text *tried)
{
	Arena      *a = arena_new();
	const char *place[MOST_PLACES], *broken = NULL;
	void       *found = NULL;
	int         n = places(a, place);
	for (int i = 0; i < n && found == NULL; i++)
		for (int k = 0; names[k] && found == NULL; k++) {
			const char *path = arena_printf(a, "%s%s", place[i], names[k]);
			found = dlopen(path, RTLD_NOW | RTLD_LOCAL);
			/* There, but it does not load: its own words say why. */
			if (found == NULL && *place[i] && file_exists(path))
				broken = arena_strdup(a, dlerror());
		}
	if (found == NULL) {
		text_printf(tried, "looked for %s", names[0]);
		for (int k = 1; names[k]; k++)
			text_printf(tried, ", %s", names[k]);
		text_printf(tried, " in");
		for (int i = 0; i < n; i++)
			text_printf(tried, "%s %s", i ? "," : "",
			            *place[i] ? place[i]
			                      : "the loader's folders (LD_LIBRARY_PATH)");
		if (broken)
			text_printf(tried, "; %s", broken);
	}
	arena_free(a);
	return found;
}
