/* Seconds per step of an entry -> a table by kernel: calls, time, share, rates against the floor
 * of work and traffic that the compiler wrote into the program. Equal gemms are one row. */
#include "runtime/run_private.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	char        name[96];
	const char *what; /* of its first step */
	int         calls;
	double      seconds, flops, bytes;
} Row;

static void
row_name(const Program *p, const ProgStep *s, char out[96])
{
	const Gemm *g = &s->gemm;
	if (s->kind == STEP_launch) {
		snprintf(out, 96, "%s", p->kernel[s->kernel].name);
		return;
	}
	bool ta = g->a.s1 != 1 && g->k != 1, tb = g->b.s1 != 1 && g->n != 1;
	char z[24] = "";
	if (g->z > 1)
		snprintf(z, sizeof z, "%lld x ", (long long)g->z);
	snprintf(out, 96, "gemm %s%c%c %s%lld x %lld x %lld%s", dtype_name[g->a.dtype],
	         ta ? 'T' : 'N', tb ? 'T' : 'N', z, (long long)g->m, (long long)g->n,
	         (long long)g->k, g->accumulate ? " +=" : "");
}

static int
slowest_first(const void *a, const void *b)
{
	const Row *x = a, *y = b;
	return x->seconds > y->seconds   ? -1
	       : x->seconds < y->seconds ? 1
	                                 : strcmp(x->name, y->name);
}

static void
row_print(FILE *to, const Row *r, double total)
{
	fprintf(to, "%9.3f %5.1f%% %6d ", 1e3 * r->seconds,
	        total > 0 ? 100 * r->seconds / total : 0.0, r->calls);
	if (r->flops > 0 && r->seconds > 0)
		fprintf(to, "%9.1f ", 1e-9 * r->flops / r->seconds);
	else
		fprintf(to, "%9s ", "-");
	if (r->bytes > 0 && r->seconds > 0)
		fprintf(to, "%8.1f  ", 1e-9 * r->bytes / r->seconds);
	else
		fprintf(to, "%8s  ", "-");
	fprintf(to, "%s\n", r->name);
}

/* Rows of an entry, slowest first, and their sum. */
static Row *
rows_of(Arena *a, const Program *p, const Entry *e, const double *seconds, int64_t runs, int *count,
        Row *all)
{
	Row *row = arena_new_array(a, Row, e->nstep + 1);
	int  n = 0;
	*all = (Row){.name = "total"};
	for (int i = 0; i < e->nstep; i++) {
		const ProgStep *s = &e->step[i];
		char            name[96];
		row_name(p, s, name);
		int k = 0;
		while (k < n && strcmp(row[k].name, name) != 0)
			k++;
		if (k == n) {
			memcpy(row[n].name, name, sizeof name);
			row[n++].what = s->what;
		}
		double per_run = seconds[i] / (double)(runs > 0 ? runs : 1);
		Row   *sums[] = {&row[k], all};
		for (int j = 0; j < 2; j++) {
			sums[j]->calls++;
			sums[j]->seconds += per_run;
			sums[j]->flops += s->flops;
			sums[j]->bytes += s->bytes;
		}
	}
	qsort(row, (size_t)n, sizeof *row, slowest_first);
	*count = n;
	return row;
}

void
profile_print(FILE *to, const Program *p, const Entry *e, const double *seconds, int64_t runs)
{
	Arena *a = arena_new();
	int    n;
	Row    all, *row = rows_of(a, p, e, seconds, runs, &n, &all);
	fprintf(to, "%9s %6s %6s %9s %8s  kernel\n", "ms", "share", "calls", "GFLOP/s", "GB/s");
	for (int i = 0; i < n; i++)
		row_print(to, &row[i], all.seconds);
	row_print(to, &all, all.seconds);
	arena_free(a);
}

void
profile_json(FILE *to, const Program *p, const Entry *e, const double *seconds, int64_t runs)
{
	Arena *a = arena_new();
	int    n;
	Row    all, *row = rows_of(a, p, e, seconds, runs, &n, &all);
	fputc('[', to);
	for (int i = 0; i < n; i++)
		fprintf(to,
		        "%s{\"name\": \"%s\", \"what\": \"%s\", \"calls\": %d, \"ms\": %.4f, \"flops\": %.6g, "
		        "\"bytes\": %.6g}",
		        i ? ", " : "", row[i].name, row[i].what, row[i].calls, 1e3 * row[i].seconds, row[i].flops,
		        row[i].bytes);
	fputc(']', to);
	arena_free(a);
}
