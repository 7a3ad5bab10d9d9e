/* The verb bench: time of each kernel of an entry on random inputs and starting values. Steps are
 * run as training runs them, but measured one by one; the table shows means, and the fastest step
 * beside the mean. No data, no checkpoint. */
#include "runtime/run_private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

static const char usage[] =
	"usage: d2v-run bench FOLDER [options]\n"
	"\n"
	"Times each kernel of one entry of the program in FOLDER on random inputs.\n"
	"\n"
	"  --steps N      measured steps, after one that is not measured (default 5)\n"
	"  --entry NAME   train (default), student.features, teacher.features\n"
	"  --threads N    threads of the device (default: all cores)\n"
	"  --device NAME  device (default: the one the program was compiled for)\n"
	"  --cache DIR    where compiled kernels are kept (default: $D2V_CACHE, "
        "$XDG_CACHE_HOME/d2v or ~/.cache/d2v)\n"
	"\n"
	"examples:\n"
	"  d2v-run bench generated/vit_base-cpu --steps 3\n"
	"  d2v-run bench generated/tiny-cpu --entry teacher.features --threads 1\n";

typedef struct {
	const char *folder, *steps, *entry, *threads, *device, *cache;
} Options;

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Images uniform in [-2, 2) (what mean_std makes of photographs), ids 0, 1, .., masks by the
 * recipe's generator. */
static void
batch_random(Arena *a, const Recipe *r, Batch *b)
{
	const DataSpec *d = &r->data;
	int64_t         n = d->batch * d->channels * d->height * d->width;
	Stream          s = stream_open(r->seed, "bench", 0, 0);
	b->image = arena_new_array(a, float, n);
	for (int64_t i = 0; i < n; i++)
		b->image[i] = (float)stream_between(&s, -2, 2);
	b->sample = arena_new_array(a, uint32_t, d->batch);
	for (int64_t i = 0; i < d->batch; i++)
		b->sample[i] = (uint32_t)i;
	b->mask = arena_new_array(a, uint8_t *, r->ndraw + 1);
	for (int k = 0; k < r->ndraw; k++) {
		int64_t cells = r->draw[k].gy * r->draw[k].gx;
		b->mask[k] = arena_new_array(a, uint8_t, d->batch * cells);
		for (int64_t i = 0; i < d->batch; i++)
			draw_block_mask(&r->draw[k], &s, b->mask[k] + i * cells);
	}
}

static Status
measure(Exec *x, const Entry *e, int64_t steps, Arena *a)
{
	Feeds  *feeds;
	Batch   b = {0};
	double *seconds = arena_new_array(a, double, e->nstep + 1),
	       *unmeasured = arena_new_array(a, double, e->nstep + 1);
	double best = INFINITY, total = 0;
	TRY(feeds_open(a, x, e, &feeds));
	TRY(init_all(x, x->p->recipe.seed));
	batch_random(a, &x->p->recipe, &b);
	for (int64_t i = -1; i < steps; i++) {
		TRY(feeds_put(x, feeds, &b));
		/* Mid-run: schedules have left their first values. */
		TRY(exec_scalars(x, e, (int64_t)(x->steps / 2) + i + 1));
		double before = now();
		TRY(x->device->profile(x->dev, e, i < 0 ? unmeasured : seconds));
		double took = now() - before;
		if (i >= 0) {
			total += took;
			best = took < best ? took : best;
		}
	}
	profile_print(stdout, x->p, e, seconds, steps);
	double batch = (double)x->p->recipe.data.batch;
	printf("\n%s of %s: mean %.2f ms, fastest %.2f ms a step; %.2f (fastest %.2f) samples/s\n",
	       e->name, x->p->recipe.spec_name, 1e3 * total / (double)steps, 1e3 * best,
	       batch * (double)steps / total, batch / best);
	printf("slabs %.1f MiB, library workspace %.1f MiB\n",
	       (double)x->device->allocated(x->dev) / (1 << 20),
	       x->device->workspace ? (double)x->device->workspace(x->dev) / (1 << 20) : 0.0);
	return OK;
}

static Status
bench(Arena *a, const Options *o, int64_t steps, Exec **x)
{
	TRY(exec_open(a, o->folder, o->device, o->cache, x));
	const char  *name = o->entry ? o->entry : "train";
	const Entry *e = program_entry((*x)->p, name);
	if (e == NULL)
		return user_error("no-entry", "the program in %s has no entry `%s`", o->folder,
		                  name);
	/* Any length will do for the schedules. */
	const Recipe *r = &(*x)->p->recipe;
	(*x)->spe = 1000;
	(*x)->steps = r->length_steps > 0 ? (double)r->length_steps : ceil(r->length_epochs * 1000);
	return measure(*x, e, steps, a);
}

int
verb_bench(int argc, char **argv)
{
	Options       o = {0};
	const Option  known[] = {{"steps", &o.steps, NULL},
	                         {"entry", &o.entry, NULL},
	                         {"threads", &o.threads, NULL},
	                         {"device", &o.device, NULL},
	                         {"cache", &o.cache, NULL}};
	OptionsResult parsed =
		options_parse(argc, argv, "bench", usage, known, COUNT(known), &o.folder);
	if (parsed != OPTIONS_run)
		return parsed == OPTIONS_help ? EXIT_OK : EXIT_USAGE;
	int64_t steps = 5;
	if (option_integer("steps", o.steps, 1, 100000, &steps) != OK ||
	    option_threads(o.threads) != OK)
		return EXIT_USAGE;
	Arena *a = arena_new();
	Exec  *x = NULL;
	int    code = bench(a, &o, steps, &x) == OK ? EXIT_OK : diag_exit_code();
	exec_close(x);
	arena_free(a);
	return code;
}
