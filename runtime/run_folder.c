/* The copy of a program that a run keeps, so that it can be evaluated and resumed without the spec.
 * Files that are there already with the same bytes are left alone, so a run may be resumed from its
 * own copy. Refuses a program whose files cannot all be read. */
#include "runtime/run_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static Status
copy_file(Arena *a, const char *from_folder, const char *to_folder, const char *name)
{
	char       *text, *old;
	size_t      n, n_old;
	const char *from = arena_printf(a, "%s/%s", from_folder, name),
		   *to = arena_printf(a, "%s/%s", to_folder, name);
	TRY(file_read(from, &text, &n));
	bool same = false;
	if (file_exists(to) && file_read(to, &old, &n_old) == OK) {
		same = n == n_old && memcmp(text, old, n) == 0;
		free(old);
	}
	Status s = same ? OK : file_write_atomic(to, text, n);
	free(text);
	return s;
}

/* Everything in kernels/: also what the kernels include. */
static Status
copy_kernels(Arena *a, const char *from, const char *to)
{
	const char *folder = arena_printf(a, "%s/kernels", from);
	DIR        *d = opendir(folder);
	Status      s = OK;
	if (!d)
		return user_error("no-program", "%s: %s", folder, strerror(errno));
	for (struct dirent *e; s == OK && (e = readdir(d));)
		if (e->d_name[0] != '.')
			s = copy_file(a, from, to, arena_printf(a, "kernels/%s", e->d_name));
	closedir(d);
	return s;
}

/* Kernels first: a folder with program.d2p is a whole one. */
Status
run_copy_program(Arena *a, const Program *p, const char *from, const char *to)
{
	TRY(file_make_dirs(arena_printf(a, "%s/kernels", to)));
	if (p->nkernel)
		TRY(copy_kernels(a, from, to));
	return copy_file(a, from, to, "program.d2p");
}
