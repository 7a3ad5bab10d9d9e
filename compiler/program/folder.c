/* folder: a program folder looked over without a device: is program.d2p sound, and are the kernel
 * files that it names there? Refuses to judge kernels: that is for the compiler of the device. */
#include "compiler/program/program_private.h"

#include <stdlib.h>
#include <string.h>

static Status
read_program(Arena *a, const char *folder, Program **out)
{
	const char *path = arena_printf(a, "%s/program.d2p", folder);
	char       *text;
	size_t      n;
	if (!file_exists(path))
		return user_error("no-program",
		                  "%s is not a program folder: there is no %s (made by `d2v "
		                  "compile`)",
		                  folder, path);
	TRY(file_read(path, &text, &n));
	if (strlen(text) != n)
		return user_error("no-program", "%s is not text", path);
	diag_source(intern(path), text);
	return program_parse(a, path, text, out);
}

Status
program_verify_folder(Arena *a, const char *folder, Text *proof)
{
	Program *p;
	Proof    x;
	Status   s = OK;
	double   bytes = 0;
	TRY(read_program(a, folder, &p));
	TRY(program_prove(p, &x));
	for (int i = 0; i < p->nkernel; i++)
		if (!file_exists(arena_printf(a, "%s/kernels/%s", folder, p->kernel[i].file)))
			s = user_error("no-kernel", "kernel `%s` has no file %s/kernels/%s",
			               p->kernel[i].name, folder, p->kernel[i].file);
	for (int i = 0; i < p->nslab; i++)
		bytes += (double)p->slab[i].bytes;
	if (s == OK)
		text_printf(proof,
		            "%s: sound: %d entries, %d steps, %d values, %d variables, %d kernels, "
		            "%.0f bytes of memory; %lld accesses followed, %.4g bytes read and "
		            "%.4g written\n",
		            folder, p->nentry, x.steps, x.values, p->recipe.nvar, p->nkernel, bytes,
		            (long long)x.accesses, x.read, x.written);
	return s;
}
