/* keep_tensors: IN OUT PREFIX ..: the tensors of IN whose names begin with one of the prefixes, as
 * OUT. For results that travel to another machine: what nobody compares there stays behind. Refuses
 * to write a file of nothing. */
#include "compiler/base/base.h"
#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>

static bool
wanted(const char *name, int n, char **prefix)
{
	for (int i = 0; i < n; i++)
		if (strncmp(name, prefix[i], strlen(prefix[i])) == 0)
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: keep_tensors IN OUT PREFIX ..\n");
		return EXIT_USAGE;
	}
	Arena  *a = arena_new();
	StFile *f;
	if (st_read(a, argv[1], &f) != OK)
		return diag_exit_code();
	int n = 0;
	for (int i = 0; i < f->ntensor; i++)
		if (wanted(f->tensor[i].name, argc - 3, argv + 3))
			f->tensor[n++] = f->tensor[i];
	if (n == 0) {
		fprintf(stderr, "keep_tensors: %s has no such tensor\n", argv[1]);
		return EXIT_USER;
	}
	f->ntensor = n;
	return st_write(argv[2], f) == OK ? EXIT_OK : diag_exit_code();
}
