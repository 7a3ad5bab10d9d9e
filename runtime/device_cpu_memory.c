/* Memory of the devices that compute on the CPU: slabs as the plan wants them, constant tables in
 * their places. Refuses programs that are larger than the machine. */
#include "runtime/device_cpu.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE = 2 << 20, LINE = 64 };

/* Large pieces ask for 2 MiB pages: touching 512 MiB for the first time took 75 ms instead of 300,
 * and an AdamW + EMA pass over 800 MiB was 2 to 8 % faster (57 against 56 GB/s on a quiet machine,
 * 42 against 39 on a busy one). The system hands out zeroed pages as they are first written, so
 * nothing is touched here: starting values and the first step do it with all threads, and a
 * program is loaded without waiting for gigabytes (0.2 s each on fresh memory, up to 3 s on a
 * virtual machine whose host has to find them first). */
void *
cpu_memory(int64_t bytes)
{
	if (bytes < HUGE) {
		size_t n = ((size_t)bytes + LINE - 1) / LINE * LINE;
		void  *small = aligned_alloc(LINE, n ? n : LINE);
		return small ? memset(small, 0, n ? n : LINE) : NULL;
	}
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t n = ((size_t)bytes + page - 1) / page * page;
	char  *raw =
		mmap(NULL, n + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw == MAP_FAILED)
		return NULL;
	size_t head = (HUGE - (uintptr_t)raw % HUGE) % HUGE;
	if (head)
		munmap(raw, head);
	if (HUGE - head)
		munmap(raw + head + n, HUGE - head);
	char *at = raw + head;
	madvise(at, n, MADV_HUGEPAGE); /* advice: without huge pages everything still works */
	return at;
}

void
cpu_memory_free(void *at, int64_t bytes)
{
	if (at == NULL)
		return;
	if (bytes < HUGE) {
		free(at);
		return;
	}
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	munmap(at, ((size_t)bytes + page - 1) / page * page);
}

Status
slabs_open(Arena *a, const Program *p, char ***out, int64_t *allocated)
{
	int64_t total = 0;
	for (int i = 0; i < p->nslab; i++)
		total += p->slab[i].bytes;
	int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	if (total > machine)
		return world_error(
			"out-of-memory",
			"the program needs %.2f GiB, this machine has %.2f GiB of memory",
			(double)total / (1 << 30), (double)machine / (1 << 30));
	char **slab = *out = arena_new_array(a, char *, p->nslab + 1);
	for (int i = 0; i < p->nslab; i++) {
		slab[i] = cpu_memory(p->slab[i].bytes);
		if (slab[i] == NULL)
			return world_error("out-of-memory", "no memory for slab `%s` of %lld bytes",
			                   p->slab[i].name, (long long)p->slab[i].bytes);
		*allocated += p->slab[i].bytes;
	}
	for (int i = 0; i < p->ntable; i++) {
		const Table *t = &p->table[i];
		memcpy(slab[t->slab] + t->offset, t->data, (size_t)t->count * sizeof *t->data);
	}
	return OK;
}

void
slabs_close(const Program *p, char *const *slab)
{
	for (int i = 0; slab && i < p->nslab; i++)
		cpu_memory_free(slab[i], p->slab[i].bytes);
}

Status
cpu_threads(void)
{
	const char *threads = getenv("D2V_THREADS");
	char       *end;
	omp_set_dynamic(0);
	if (threads == NULL || *threads == 0)
		return OK;
	long n = strtol(threads, &end, 10);
	if (*end || n < 1 || n > MOST_THREADS)
		return user_error("threads", "D2V_THREADS is a whole number from 1 to %d, not `%s`",
		                  MOST_THREADS, threads);
	omp_set_num_threads((int)n);
	return OK;
}

char *
slab_at(const Program *p, char *const *slab, int which, int64_t offset, int64_t bytes)
{
	if (which < 0 || which >= p->nslab || offset < 0 || bytes < 0 ||
	    offset > p->slab[which].bytes - bytes)
		BUG("%lld bytes at %d+%lld are outside the slab", (long long)bytes, which,
		    (long long)offset);
	return slab[which] + offset;
}
