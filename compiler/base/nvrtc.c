/* nvrtc: see nvrtc.h. The library's interface is eleven functions of plain C that have not changed
 * since CUDA 11.1; they are declared here, so that building needs no toolkit. Refuses text that
 * does not compile, with the compiler's words, and an object in the cache that is not what was
 * written. */
#include "compiler/base/nvrtc.h"
#include "compiler/base/cache.h"
#include "compiler/base/cuda_library.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct nvrtcProgram_ *Unit; /* the library's nvrtcProgram */

/* name, arguments; each gives 0 for success */
#define NVRTC_FUNCTIONS(X)                                                                         \
	X(nvrtcVersion, (int *major, int *minor))                                                  \
	X(nvrtcCreateProgram, (Unit * unit, const char *text, const char *file, int nheader,       \
	                       const char *const *header, const char *const *name))                \
	X(nvrtcDestroyProgram, (Unit * unit))                                                      \
	X(nvrtcCompileProgram, (Unit unit, int noption, const char *const *option))                \
	X(nvrtcGetProgramLogSize, (Unit unit, size_t * bytes))                                     \
	X(nvrtcGetProgramLog, (Unit unit, char *text))                                             \
	X(nvrtcGetCUBINSize, (Unit unit, size_t * bytes))                                          \
	X(nvrtcGetCUBIN, (Unit unit, char *image))

static struct {
#define FIELD(name, arguments) int(*name) arguments;
	NVRTC_FUNCTIONS(FIELD)
#undef FIELD
	const char *(*nvrtcGetErrorString)(int);
} rtc;

static const char *const options[] = {
	"-default-device",            /* no __device__ on every helper */
	"--std=c++17", "--fmad=true", /* and nothing else that changes results: no fast math */
	"--ptxas-options=-v",         /* writes what a kernel costs into the log */
};
enum { MOST_EXTRA = 16 };

typedef struct NvrtcJob {
	Arena            *a;
	const CudaSource *source;
	const CudaHeader *header;
	const char *arch, *cache, *folder; /* of the cache; folder/build-XXXXXX while compiling */
	const char *option[COUNT(options) + MOST_EXTRA + 1];
	int         noption, major, minor;
	CudaObject *object;
	int         nmissing, *missing; /* indices of what is to be compiled */
	const char *scratch;
} Job;

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the library ---------------------------------------------------------------------------- */

const char *
nvrtc_missing(void)
{
	static const char *const names[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so",
	                                    NULL};
	static bool              loaded;
	if (loaded)
		return NULL;
	Text  t = {0};
	void *so = cuda_library(names, &t);
	if (so == NULL) {
		const char *why =
			intern_printf("there is no NVRTC, NVIDIA's run-time compiler: %s", t.at);
		text_free(&t);
		return why;
	}
	text_free(&t);
	void *symbol;
#define LOAD(name, arguments)                                                                      \
	if ((symbol = dlsym(so, #name)) == NULL)                                                   \
		return intern("the NVRTC that was found is too old: it lacks `" #name "`");        \
	memcpy(&rtc.name, &symbol, sizeof symbol);
	NVRTC_FUNCTIONS(LOAD)
	LOAD(nvrtcGetErrorString, )
#undef LOAD
	loaded = true;
	return NULL;
}

static Status
options_make(Job *j)
{
	const char *given = getenv("D2V_NVRTC_FLAGS");
	char       *rest = arena_strdup(j->a, given ? given : ""), *word;
	j->option[j->noption++] = arena_printf(j->a, "--gpu-architecture=%s", j->arch);
	for (int i = 0; i < COUNT(options); i++)
		j->option[j->noption++] = options[i];
	while ((word = strsep(&rest, " "))) {
		if (*word == 0)
			continue;
		if (j->noption == COUNT(j->option))
			return user_error("compiler-flags",
			                  "D2V_NVRTC_FLAGS holds more than %d words", MOST_EXTRA);
		j->option[j->noption++] = word;
	}
	return OK;
}

/* ---- one object in the cache: the cubin, then one line of text that says what it is --------- */

static const char trailer[] = "\nd2v cubin 1 bytes %zu hash %32s registers %d stack %d stores %d "
			      "loads %d shared %d ms %lf\n";

static const char *
object_path(const Job *j, const CudaSource *s)
{
	Text t = {0};
	char hex[33];
	text_printf(&t, "d2v cubin 1\nnvrtc %d.%d\n", j->major, j->minor);
	for (int i = 0; i < j->noption; i++)
		text_printf(&t, "%s\n", j->option[i]);
	if (j->header->name)
		text_printf(&t, "header %s %zu\n%s", j->header->name, strlen(j->header->text),
		            j->header->text);
	text_printf(&t, "source %s %s %zu\n%s", s->name, s->file, strlen(s->text), s->text);
	hash_hex(t.at, t.n, hex);
	text_free(&t);
	return arena_printf(j->a, "%s/%s.cubin", j->folder, hex);
}

/* Into o; false when it is not there or is not whole, and is to be made. */
static bool
object_read(Arena *a, CudaObject *o)
{
	char  *all, hex[33], want[33];
	size_t n, bytes;
	double ms;
	if (!file_exists(o->path) || file_read(o->path, &all, &n) != OK)
		return false;
	const char *line = n > 1 ? memrchr(all, '\n', n - 1) : NULL;
	bool        good = line &&
	            sscanf(line, trailer, &bytes, want, &o->registers, &o->stack, &o->spill_stores,
	                   &o->spill_loads, &o->shared, &ms) == 8 &&
	            bytes == (size_t)(line - all);
	if (good) {
		hash_hex(all, bytes, hex);
		good = strcmp(hex, want) == 0;
	}
	if (good) {
		o->seconds = 1e-3 * ms;
		o->bytes = bytes;
		o->image = memcpy(arena_alloc(a, bytes), all, bytes);
	}
	free(all);
	return good;
}

/* The number before (or, with `after`, behind) `words` in the log's lines on the entry `name`. */
static int
fact(const char *log, const char *name, const char *words)
{
	const char *entry = strstr(log, "Compiling entry function '");
	while (entry) {
		const char *quoted = strchr(entry, '\'') + 1;
		size_t      n = strlen(name);
		if (strncmp(quoted, name, n) == 0 && quoted[n] == '\'')
			break;
		entry = strstr(quoted, "Compiling entry function '");
	}
	if (entry == NULL)
		return 0;
	const char *next = strstr(entry + 1, "Compiling entry function '"),
		   *at = strstr(entry, words);
	if (at == NULL || (next && at > next))
		return 0;
	while (at > entry && isspace((unsigned char)at[-1]))
		at--;
	while (at > entry && isdigit((unsigned char)at[-1]))
		at--;
	return atoi(at);
}

static Status
object_write(const char *path, const char *name, const char *image, size_t bytes, const char *log,
             double seconds)
{
	Text t = {0};
	char hex[33];
	hash_hex(image, bytes, hex);
	text_append(&t, image, bytes);
	text_printf(
		&t,
		"\nd2v cubin 1 bytes %zu hash %s registers %d stack %d stores %d loads %d shared "
		"%d ms %.1f\n",
		bytes, hex, fact(log, name, " registers"), fact(log, name, " bytes stack frame"),
		fact(log, name, " bytes spill stores"), fact(log, name, " bytes spill loads"),
		fact(log, name, " bytes smem"), 1e3 * seconds);
	Status s = file_write_atomic(path, t.at, t.n);
	text_free(&t);
	return s;
}

/* ---- compiling ------------------------------------------------------------------------------ */

/* In a process of its own: what is wrong goes to the file `said`, nothing to the terminal. */
static bool
compile_one(const Job *j, int i, const char *said)
{
	const CudaSource *s = &j->source[i];
	Unit              unit = NULL;
	size_t            n = 0, bytes = 0;
	double            start = now();
	int e = rtc.nvrtcCreateProgram(&unit, s->text, s->file, j->header->name ? 1 : 0,
	                               &j->header->text, &j->header->name);
	if (e == 0)
		e = rtc.nvrtcCompileProgram(unit, j->noption, j->option);
	char *log = NULL, *image = NULL;
	if (unit && rtc.nvrtcGetProgramLogSize(unit, &n) == 0) {
		log = arena_alloc(j->a, n + 1);
		if (rtc.nvrtcGetProgramLog(unit, log) != 0)
			*log = 0;
	}
	if (e == 0)
		e = rtc.nvrtcGetCUBINSize(unit, &bytes);
	if (e == 0) {
		image = arena_alloc(j->a, bytes + 1);
		e = rtc.nvrtcGetCUBIN(unit, image);
	}
	if (e == 0)
		return object_write(j->object[i].path, s->name, image, bytes, log ? log : "",
		                    now() - start) == OK;
	FILE *to = fopen(said, "w");
	if (to) {
		fprintf(to, "%s\n%s", rtc.nvrtcGetErrorString(e), log ? log : "");
		fclose(to);
	}
	return false;
}

static const char *
said_path(const Job *j, int i)
{
	return arena_printf(j->a, "%s/%d.said", j->scratch, i);
}

static void
worker(const Job *j, int *next)
{
	for (int k; (k = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < j->nmissing;)
		if (!compile_one(j, j->missing[k], said_path(j, j->missing[k])))
			_exit(1);
	_exit(0);
}

/* Everything that is missing, by several processes; what failed is told by the objects. */
static Status
compile_all(Job *j)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int  width = cores < 1 ? 1 : cores > 64 ? 64 : (int)cores;
	if (width > j->nmissing)
		width = j->nmissing;
	int *next =
		mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (next == MAP_FAILED)
		return world_error("out-of-memory", "no memory to compile kernels: %s",
		                   strerror(errno));
	pid_t  pid[64];
	int    started = 0;
	Status s = OK;
	fflush(NULL);
	for (; started < width; started++) {
		pid[started] = fork();
		if (pid[started] == 0)
			worker(j, next);
		if (pid[started] < 0)
			break;
	}
	if (started == 0)
		s = world_error("processes", "cannot start a process to compile kernels: %s",
		                strerror(errno));
	for (int i = 0; i < started; i++)
		while (waitpid(pid[i], NULL, 0) < 0 && errno == EINTR)
			;
	munmap(next, sizeof *next);
	return s;
}

/* One message: the first kernel that failed, with the compiler's words on it. */
static Status
complain(const Job *j, int i)
{
	char  *text = NULL;
	size_t n;
	TRY(file_read(said_path(j, i), &text, &n));
	Status s = world_error("kernel-compile", "NVRTC %d.%d refuses %s for %s: %.3000s", j->major,
	                       j->minor, j->source[i].file, j->arch, text);
	free(text);
	return s;
}

static Status
collect(Job *j)
{
	int unsaid = -1;
	for (int k = 0; k < j->nmissing; k++) {
		int i = j->missing[k];
		if (object_read(j->a, &j->object[i]))
			continue;
		if (file_exists(said_path(j, i)))
			return complain(j, i);
		unsaid = unsaid < 0 ? i : unsaid;
	}
	return unsaid < 0 ? OK
	                  : world_error("kernel-compile",
	                                "the process that compiled %s ended without a result (see "
	                                "above, or killed for want of memory)",
	                                j->source[unsaid].file);
}

static Status
make_missing(Job *j)
{
	char *scratch = arena_printf(j->a, "%s/build-XXXXXX", j->folder);
	if (mkdtemp(scratch) == NULL)
		return world_error("cache", "cannot make a folder in %s: %s", j->folder,
		                   strerror(errno));
	j->scratch = scratch;
	Status s = compile_all(j);
	if (s == OK)
		s = collect(j);
	for (int k = 0; k < j->nmissing; k++)
		unlink(said_path(j, j->missing[k]));
	rmdir(scratch);
	return s;
}

Status
nvrtc_find(Arena *a, const CudaSource *source, int n, const CudaHeader *header, const char *arch,
           const char *cache, NvrtcJob **out)
{
	static const CudaHeader none;
	int64_t                 limit;
	Job                    *j = *out = arena_new_one(a, Job);
	const char             *missing = nvrtc_missing();
	if (missing)
		return world_error("nvrtc-missing", "%s", missing);
	*j = (Job){.a = a,
	           .source = source,
	           .header = header ? header : &none,
	           .arch = arch,
	           .cache = cache};
	TRY(cache_limit(&limit));
	TRY(options_make(j));
	if (rtc.nvrtcVersion(&j->major, &j->minor) != 0)
		return world_error("nvrtc", "NVRTC does not tell its version");
	j->folder = arena_printf(a, "%s/cuda", cache);
	j->object = arena_new_array(a, CudaObject, n + 1);
	j->missing = arena_new_array(a, int, n + 1);
	TRY(file_make_dirs(j->folder));
	for (int i = 0; i < n; i++) {
		j->object[i].path = object_path(j, &source[i]);
		j->object[i].cached = object_read(a, &j->object[i]);
		if (j->object[i].cached)
			cache_touch(j->object[i].path);
		else
			j->missing[j->nmissing++] = i;
	}
	return OK;
}

Status
nvrtc_rest(NvrtcJob *j, CudaObject **out)
{
	int64_t limit;
	*out = j->object;
	if (j->nmissing == 0)
		return OK;
	TRY(cache_limit(&limit));
	TRY(make_missing(j));
	return cache_trim(j->cache, limit > 0 ? limit : 1, NULL);
}

Status
nvrtc_compile(Arena *a, const CudaSource *source, int n, const CudaHeader *header, const char *arch,
              const char *cache, CudaObject **out)
{
	NvrtcJob *j;
	TRY(nvrtc_find(a, source, n, header, arch, cache, &j));
	return nvrtc_rest(j, out);
}
