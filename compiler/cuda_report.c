/* What the kernels of a cuda program cost: each is compiled by NVRTC, where that is, into the cache
 * in which the cuda device will look for it, and a table tells registers, shared memory, spills and
 * time. Refuses a kernel that does not compile; a machine without NVRTC is told, and is no reason
 * to fail. */
#include "compiler/base/nvrtc.h"
#include "compiler/d2v_private.h"

#include <stdlib.h>
#include <string.h>

static Status
source_read(Arena *a, const char *folder, const char *file, const char **text)
{
	char *read;

	TRY(file_read(arena_printf(a, "%s/kernels/%s", folder, file), &read, NULL));
	*text = arena_strdup(a, read);
	free(read);
	return OK;
}

static Status
program_read(Arena *a, const char *folder, Program **out)
{
	const char *path = arena_printf(a, "%s/program.d2p", folder);
	char       *text;

	TRY(file_read(path, &text, NULL));
	return program_parse(a, path, text, out);
}

static void
table(Arena *a, const Program *p, const CudaObject *o)
{
	double seconds = 0;
	int    compiled = 0, spilling = 0;

	printf("%9s %7s %8s %6s %6s  kernel\n", "registers", "threads", "shared", "spills", "ms");
	for (int i = 0; i < p->nkernel; i++) {
		const Kernel *k = &p->kernel[i];

		/* Bytes of stores and loads that spilling costs a thread. */
		printf("%9d %7d %8lld %6d %6.0f%s %s%s\n", o[i].registers, k->block,
		       (long long)(o[i].shared + k->shared), o[i].spill_stores + o[i].spill_loads,
		       1e3 * o[i].seconds, o[i].cached ? "*" : " ", k->name,
		       o[i].stack ? arena_printf(a, "  (%d bytes of local memory)", o[i].stack)
		                  : "");
		seconds += o[i].seconds;
		compiled += !o[i].cached;
		spilling += o[i].spill_stores + o[i].spill_loads > 0;
	}
	printf("%d kernels, %d compiled now, the others (*) found in the cache; %.2f s of "
	       "compiling in all; %d spill\n",
	       p->nkernel, compiled, seconds, spilling);
}

Status
cuda_report(Arena *a, const Options *o, const char *folder)
{
	const char *arch = o->arch ? o->arch : "sm_90", *missing = nvrtc_missing();
	CudaHeader  prelude = {"prelude.cuh", NULL};
	CudaSource *source;
	CudaObject *object;
	Program    *p;

	if (missing) {
		if (!o->quiet)
			fprintf(stderr, "d2v: the kernels are written, not compiled: %s\n",
			        missing);
		return OK;
	}
	TRY(program_read(a, folder, &p));
	TRY(source_read(a, folder, prelude.name, &prelude.text));
	source = arena_new_array(a, CudaSource, p->nkernel + 1);
	for (int i = 0; i < p->nkernel; i++) {
		source[i] = (CudaSource){p->kernel[i].name, p->kernel[i].file, NULL};
		TRY(source_read(a, folder, p->kernel[i].file, &source[i].text));
	}
	TRY(nvrtc_compile(a, source, p->nkernel, &prelude, arch, cache_folder(a, o), &object));
	if (!o->quiet)
		table(a, p, object);
	return OK;
}
