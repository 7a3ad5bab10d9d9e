/* What the three files that turn kernel source into a loaded object share: device_cpu_source.c
 * (what there is to compile), device_cpu_compile.c (compiling it), device_cpu_load.c (the cache).
 * Nobody else includes this. */
#ifndef D2V_DEVICE_CPU_BUILD_H
#define D2V_DEVICE_CPU_BUILD_H

#include "runtime/device_cpu.h"

#include <sys/types.h>

typedef struct {
	const char *name, *path;
	char       *text;
	size_t      bytes;
	bool        shares; /* may be compiled in one run of the compiler with others */
	const char *behind; /* text that follows it, or NULL */
} Source;

enum { MOST_EXTRA = 16 };

typedef struct {
	Arena           *a;
	const Toolchain *tool;
	const char      *cc;
	const char      *kernels; /* the folder of the source */
	const char      *folder;  /* where objects are made */
	int              nextra;
	char   *extra[MOST_EXTRA]; /* D2V_CFLAGS, word by word: they come last and so win */
	int     nsource;
	Source *source;       /* one for each kernel file */
	Vec(Source) included; /* what they include with quotes, and what that includes */
} Build;

/* ---- device_cpu_source.c -------------------------------------------------------------------- */
Status sources_read(Build *b, const Program *p);
void   sources_free(Build *b);

/* ---- device_cpu_compile.c ------------------------------------------------------------------- */
/* The compiler and its flags as text: part of what an object is the result of. */
Status compiler_open(Build *b);
Status compiler_describe(const Build *b, Text *t);
/* All sources into the shared object `made`; b->folder takes everything on the way to it. */
Status compile(const Build *b, const char *made);

#endif
