/* Kernel source -> one shared object, made by the machine's C compiler: one process per file, as
 * many at a time as there are cores, then one link. The object is kept in the cache folder under
 * a hash of everything it depends on (source, flags, compiler, CPU), so the next start only loads
 * it. Refuses source that does not compile, with the compiler's words. */
#include "runtime/device_cpu.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* No -ffast-math: NaN and infinity must come through; kernels spell out reassociated sums as
 * vectors. */
static const char *const flags[] = {"-O3",
                                    "-march=native",
                                    "-fopenmp",
                                    "-fno-math-errno",
                                    "-fno-trapping-math",
                                    "-ffp-contract=fast",
                                    "-fPIC",
                                    "-std=gnu11"};

typedef struct {
	const char *name, *path;
	char       *text;
	size_t      bytes;
} Source;

enum { MOST_EXTRA = 16 };

typedef struct {
	Arena      *a;
	const char *cc, *folder; /* folder: where objects are made */
	int         nextra;
	char       *extra[MOST_EXTRA]; /* D2V_CFLAGS, word by word: they come last and so win */
	int         nsource;
	Source     *source;
} Build;

static const char *
compiler(void)
{
	const char *cc = getenv("D2V_CC");
	return cc && *cc ? cc : "cc";
}

static Status
extra_flags(Build *b)
{
	const char *given = getenv("D2V_CFLAGS");
	char       *rest = arena_strdup(b->a, given ? given : ""), *word;
	while ((word = strsep(&rest, " "))) {
		if (*word == 0)
			continue;
		if (b->nextra == MOST_EXTRA)
			return user_error("compiler-flags", "D2V_CFLAGS holds more than %d words",
			                  MOST_EXTRA);
		b->extra[b->nextra++] = word;
	}
	return OK;
}

/* Start argv with stdout and stderr going to a file. */
static Status
start(char *const *argv, const char *said, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, said, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	posix_spawn_file_actions_adddup2(&fa, 1, 2);
	int e = posix_spawnp(pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (e != 0)
		return world_error("compiler-missing",
		                   "cannot start the C compiler `%s` (%s); kernels are compiled on "
		                   "this machine: install "
		                   "a C compiler or name one with D2V_CC",
		                   argv[0], strerror(e));
	return OK;
}

static bool
finished_well(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static Status
complain(const Build *b, const char *what, const char *said)
{
	char  *text = NULL;
	size_t n;
	if (file_read(said, &text, &n) != OK)
		return FAIL;
	Status s = world_error("kernel-compile", "`%s` failed on %s:\n%.3000s", b->cc, what,
	                       n ? text : "(it said nothing)");
	free(text);
	return s;
}

/* ---- what the object depends on -------------------------------------------------------------- */

static Status
sources_read(Build *b, const Program *p, const char *folder)
{
	b->source = arena_new_array(b->a, Source, p->nkernel + 1);
	for (int i = 0; i < p->nkernel; i++) {
		int k = 0;
		while (k < b->nsource && strcmp(b->source[k].name, p->kernel[i].file) != 0)
			k++;
		if (k < b->nsource)
			continue;
		Source *s = &b->source[b->nsource];
		s->name = p->kernel[i].file;
		if (strchr(s->name, '/') || s->name[0] == '.' || s->name[0] == '-' ||
		    s->name[0] == 0)
			return user_error("kernel-file", "`%s` is not the name of a kernel file",
			                  s->name);
		s->path = arena_printf(b->a, "%s/kernels/%s", folder, s->name);
		TRY(file_read(s->path, &s->text, &s->bytes));
		b->nsource++;
	}
	return OK;
}

static void
sources_free(Build *b)
{
	for (int i = 0; i < b->nsource; i++)
		free(b->source[i].text);
}

/* What -march=native means here: the model and flags of the first processor. */
static void
cpu_describe(Text *t)
{
	char  line[8192];
	FILE *f = fopen("/proc/cpuinfo", "r");
	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) && line[0] != '\n')
		if (strncmp(line, "model", 5) == 0 || strncmp(line, "flags", 5) == 0 ||
		    strncmp(line, "Features", 8) == 0)
			text_printf(t, "%s", line);
	fclose(f);
}

static Status
compiler_describe(const Build *b, Text *t)
{
	char        said[] = "/tmp/d2v-cc-XXXXXX";
	int         fd = mkstemp(said);
	char *const argv[] = {(char *)b->cc, "--version", NULL};
	pid_t       pid;
	if (fd < 0)
		return world_error("temporary-file", "cannot make a file in /tmp: %s",
		                   strerror(errno));
	close(fd);
	Status s = start(argv, said, &pid);
	if (s == OK && !finished_well(pid))
		s = complain(b, "--version", said);
	char  *text = NULL;
	size_t n;
	if (s == OK)
		s = file_read(said, &text, &n);
	if (s == OK)
		text_append(t, text, n);
	free(text);
	unlink(said);
	return s;
}

static Status
object_name(const Build *b, char hex[33])
{
	Text t = {0};
	text_printf(&t, "d2v cpu object 1\n");
	for (int i = 0; i < COUNT(flags); i++)
		text_printf(&t, "%s ", flags[i]);
	for (int i = 0; i < b->nextra; i++)
		text_printf(&t, "%s ", b->extra[i]);
	text_printf(&t, "\n%s\n", b->cc);
	Status s = compiler_describe(b, &t);
	cpu_describe(&t);
	for (int i = 0; i < b->nsource; i++) {
		text_printf(&t, "file %s %zu\n", b->source[i].name, b->source[i].bytes);
		text_append(&t, b->source[i].text, b->source[i].bytes);
	}
	hash_hex(t.at, t.n, hex);
	text_free(&t);
	return s;
}

/* ---- making it ------------------------------------------------------------------------------- */

static Status
compile_start(const Build *b, int i, pid_t *pid)
{
	char *argv[COUNT(flags) + MOST_EXTRA + 8];
	int   n = 0;
	argv[n++] = (char *)b->cc;
	for (int k = 0; k < COUNT(flags); k++)
		argv[n++] = (char *)flags[k];
	for (int k = 0; k < b->nextra; k++)
		argv[n++] = b->extra[k];
	argv[n++] = "-c";
	argv[n++] = (char *)b->source[i].path;
	argv[n++] = "-o";
	argv[n++] = arena_printf(b->a, "%s/%d.o", b->folder, i);
	argv[n] = NULL;
	return start(argv, arena_printf(b->a, "%s/%d.said", b->folder, i), pid);
}

static Status
compile_all(const Build *b)
{
	long   cores = sysconf(_SC_NPROCESSORS_ONLN);
	int    width = cores < 1 ? 1 : cores > 64 ? 64 : (int)cores, started = 0;
	pid_t *pid = arena_new_array(b->a, pid_t, b->nsource + 1);
	Status s = OK;
	for (int i = 0; i < b->nsource; i++) {
		for (; s == OK && started < b->nsource && started < i + width; started++)
			s = compile_start(b, started, &pid[started]);
		if (i >= started || pid[i] == 0)
			break;
		if (!finished_well(pid[i]) && s == OK)
			s = complain(b, b->source[i].path,
			             arena_printf(b->a, "%s/%d.said", b->folder, i));
	}
	return s;
}

static Status
link_all(const Build *b, const char *object)
{
	char **argv = arena_new_array(b->a, char *, b->nsource + 16);
	int    n = 0;
	argv[n++] = (char *)b->cc;
	argv[n++] = "-shared";
	argv[n++] = "-fopenmp";
	argv[n++] = "-o";
	argv[n++] = (char *)object;
	for (int i = 0; i < b->nsource; i++)
		argv[n++] = arena_printf(b->a, "%s/%d.o", b->folder, i);
	argv[n++] = "-lm";
	const char *said = arena_printf(b->a, "%s/link.said", b->folder);
	pid_t       pid;
	TRY(start(argv, said, &pid));
	return finished_well(pid) ? OK : complain(b, "the link of all kernels", said);
}

static void
folder_remove(Arena *a, const char *folder)
{
	DIR *d = opendir(folder);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlink(arena_printf(a, "%s/%s", folder, e->d_name));
	closedir(d);
	rmdir(folder);
}

static Status
build(Build *b, const char *cache, const char *object)
{
	TRY(file_make_dirs(cache));
	char *folder = arena_printf(b->a, "%s/build-XXXXXX", cache);
	if (mkdtemp(folder) == NULL)
		return world_error("cache", "cannot make a folder in %s: %s", cache,
		                   strerror(errno));
	b->folder = folder;
	const char *made = arena_printf(b->a, "%s/made.so", folder);
	Status      s = compile_all(b);
	if (s == OK)
		s = link_all(b, made);
	if (s == OK && rename(made, object) != 0)
		s = world_error("cache", "cannot write %s: %s", object, strerror(errno));
	folder_remove(b->a, folder);
	return s;
}

Status
cpu_load_kernels(Arena *a, const Program *p, const char *folder, const char *cache, void **library,
                 KernelFn ***fn)
{
	*library = NULL;
	*fn = arena_new_array(a, KernelFn *, p->nkernel + 1);
	if (p->nkernel == 0)
		return OK;
	Build  b = {.a = a, .cc = compiler()};
	char   hex[33];
	Status s = extra_flags(&b);
	if (s == OK)
		s = sources_read(&b, p, folder);
	if (s == OK)
		s = object_name(&b, hex);
	const char *object = s == OK ? arena_printf(a, "%s/cpu-%s.so", cache, hex) : "";
	if (s == OK && !file_exists(object))
		s = build(&b, cache, object);
	sources_free(&b);
	TRY(s);
	/* A name without a slash would be searched on the library path instead. */
	const char *path = strchr(object, '/') ? object : arena_printf(a, "./%s", object);
	*library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (*library == NULL)
		return world_error("kernel-load",
		                   "%s does not load: %s; remove it and it is made again", object,
		                   dlerror());
	for (int i = 0; i < p->nkernel; i++) {
		void *symbol = dlsym(*library, p->kernel[i].name);
		if (symbol == NULL)
			return user_error("kernel-missing", "kernels/%s does not define `%s`",
			                  p->kernel[i].file, p->kernel[i].name);
		memcpy(&(*fn)[i], &symbol,
		       sizeof symbol); /* ISO C has no cast from object to function pointer */
	}
	return OK;
}
