/* The verb bench: time of each kernel of an entry on random inputs and starting values. Kernels are
 * run as training runs them, but measured one by one; the table shows means, and the fastest step
 * beside the mean. With --on-request another program says when to run and how many steps, so that
 * two implementations can take turns; these steps are timed as a whole. No data, no checkpoint. */
#include "runtime/profile.h"
#include "runtime/run_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char help[] =
	"usage: d2v-run bench FOLDER [options]\n"
	"\n"
	"Times each kernel of one entry of the program in FOLDER on random inputs, and holds it "
	"against its floor: its work\n"
	"or its bytes, whichever takes longer at what the device reaches (a processor's is "
	"measured, a GPU's known).\n"
	"\n"
	"  --steps N      measured steps, after one that is not measured (default 5)\n"
	"  --all          every kernel and every line of the spec, not only those that lose most\n"
	"  --json         one JSON object with everything in place of the tables\n"
	"  --on-request   print a line of JSON when loaded and one after a first step; then read\n"
	"                 numbers, one a line, run so many steps and print a line of JSON with "
	"the\n"
	"                 milliseconds of each, until the input ends\n"
	"  --entry NAME   train (default), student.features, teacher.features\n"
	"  --threads N    threads of the device (default: all cores)\n"
	"  --device NAME  device (default: the one the program was compiled for)\n"
	"  --cache DIR    where compiled kernels are kept (default: $D2V_CACHE, "
	"$XDG_CACHE_HOME/d2v or ~/.cache/d2v)\n"
	"\n"
	"examples:\n"
	"  d2v-run bench generated/vit_base-cpu --steps 3\n"
	"  d2v-run bench generated/tiny-cpu --entry teacher.features --threads 1\n"
	"  echo 3 | d2v-run bench generated/tiny-cpu --on-request\n";

static const RunVerb this_verb = {"bench", "the folder of a program", help};

typedef struct {
	const char *folder, *steps, *entry, *threads, *device, *cache;
	bool        all, json, on_request;
} Options;

typedef struct {
	Exec        *x;
	const Entry *e;
	Feeds       *feeds;
	Batch        batch;
	int64_t      done;  /* steps run so far */
	bool         ahead; /* the inputs of the next are put and on their way */
} Bench;

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { CHUNK = 4096 }; /* uniforms at a time */

/* Images uniform in [-2, 2) (what mean_std makes of photographs), ids 0, 1, .., masks by the
 * recipe's generator. */
static Status
batch_random(Arena *a, const Recipe *r, Batch *b)
{
	const DataSpec *d = &r->data;
	int64_t         n = d->batch * d->channels * d->height * d->width;
	Stream          s = stream_open(r->seed, "bench", 0, 0);
	b->image = malloc((size_t)n * sizeof *b->image); /* touched first by those who draw */
	if (b->image == NULL)
		return world_error("out-of-memory", "no memory for %" PRId64 " numbers", n);
#pragma omp parallel for schedule(static)
	for (int64_t at = 0; at < n; at += CHUNK) {
		double  u[CHUNK];
		int64_t some = n - at < CHUNK ? n - at : CHUNK;
		stream_uniforms(&s, at, some, u);
		for (int64_t i = 0; i < some; i++)
			b->image[at + i] = (float)(-2 + 4 * u[i]);
	}
	stream_skip(&s, n);
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
	return OK;
}

static Status
step_prepare(Bench *b)
{
	TRY(feeds_put(b->x, b->feeds, &b->batch));
	/* Mid-run: schedules have left their first values. */
	return exec_scalars(b->x, b->e, (int64_t)(b->x->steps / 2) + b->done++);
}

static Status
bench_open(Arena *a, Bench *b)
{
	TRY(feeds_open(a, b->x, b->e, &b->feeds));
	TRY(init_all(b->x, b->x->p->recipe.seed));
	phase("starting values");
	TRY(batch_random(a, &b->x->p->recipe, &b->batch));
	phase("random batch");
	return OK;
}

/* ---- what is said beside the times ---------------------------------------------------------- */

static int64_t
workspace_bytes(const Exec *x)
{
	return x->device->workspace ? x->device->workspace(x->dev) : 0;
}

static int64_t
peak_rss_bytes(void)
{
	struct rusage u;
	return getrusage(RUSAGE_SELF, &u) == 0 ? (int64_t)u.ru_maxrss * 1024 : 0;
}

/* Elements of the variables that are trained: those the teacher copies are not counted again. */
static int64_t
parameters(const Recipe *r)
{
	int64_t sum = 0;
	for (int i = 0; i < r->nvar; i++)
		if (r->var[i].kind == VAR_param)
			sum += type_elems(&r->var[i].type);
	return sum;
}

static void
facts_json(const Bench *b, int64_t rss)
{
	const Recipe *r = &b->x->p->recipe;
	printf("\"spec\": \"%s\", \"entry\": \"%s\", \"batch\": %" PRId64
	       ", \"parameters\": %" PRId64 ", \"slab_bytes\": %" PRId64
	       ", \"taken_bytes\": %" PRId64 ", \"workspace_bytes\": %" PRId64
	       ", \"peak_rss_bytes\": %" PRId64,
	       r->spec_name, b->e->name, r->data.batch, parameters(r),
	       b->x->device->allocated(b->x->dev),
	       b->x->device->taken ? b->x->device->taken(b->x->dev) : 0, workspace_bytes(b->x),
	       rss);
}

static void
facts_text(const Bench *b, int64_t steps, double total, double best, int64_t rss)
{
	double batch = (double)b->x->p->recipe.data.batch;
	printf("\n%s of %s: mean %.2f ms, fastest %.2f ms a step; %.2f (fastest %.2f) samples/s\n",
	       b->e->name, b->x->p->recipe.spec_name, 1e3 * total / (double)steps, 1e3 * best,
	       batch * (double)steps / total, batch / best);
	printf("slabs %.1f MiB, library workspace %.1f MiB, peak memory %.1f MiB\n",
	       (double)b->x->device->allocated(b->x->dev) / (1 << 20),
	       (double)workspace_bytes(b->x) / (1 << 20), (double)rss / (1 << 20));
}

/* ---- measuring ------------------------------------------------------------------------------ */

static Status
measure(Arena *a, Bench *b, const Options *o, int64_t steps)
{
	double *seconds = arena_new_array(a, double, b->e->nstep + 1),
	       *unmeasured = arena_new_array(a, double, b->e->nstep + 1);
	double best = INFINITY, total = 0;
	TRY(bench_open(a, b));
	for (int64_t i = -1; i < steps; i++) {
		TRY(step_prepare(b));
		double before = now();
		TRY(b->x->device->profile(b->x->dev, b->e, i < 0 ? unmeasured : seconds));
		double took = now() - before;
		if (i >= 0) {
			total += took;
			best = took < best ? took : best;
		}
	}
	int64_t rss = peak_rss_bytes(); /* what measuring the rates takes is no part of it */
	Profile f = {.a = a,
	             .p = b->x->p,
	             .e = b->e,
	             .device = b->x->device->name,
	             .seconds = seconds,
	             .runs = steps,
	             .all = o->all};
	TRY(profile_rates(a, b->x, &f.rates));
	if (!o->json) {
		profile_text(stdout, &f);
		facts_text(b, steps, total, best, rss);
		return OK;
	}
	printf("{");
	facts_json(b, rss);
	printf(", \"device\": \"%s\", \"steps\": %" PRId64
	       ", \"mean_ms\": %.4f, \"fastest_ms\": %.4f,\n",
	       f.device, steps, 1e3 * total / (double)steps, 1e3 * best);
	Text t = {0};
	profile_json(&t, &f);
	printf("%s}\n", t.at);
	text_free(&t);
	return OK;
}

/* Until the device has done what it was given. */
static Status
finish(Bench *b)
{
	TRY(exec_ask(b->x, b->e, NULL, 0));
	return exec_take(b->x, 0, NULL);
}

/* On a device that works ahead the inputs of the coming step travel while this one runs, or while
 * nobody asks for steps: so the first step of a turn is like any other. The request sends them off,
 * and is the oldest when the next turn begins. */
static Status
put_ahead(Bench *b)
{
	if (exec_ahead(b->x) == 0)
		return OK;
	TRY(step_prepare(b));
	b->ahead = true;
	return exec_ask(b->x, b->e, NULL, 0);
}

static Status
step_start(Bench *b)
{
	if (b->ahead)
		TRY(exec_take(b->x, 0, NULL));
	else
		TRY(step_prepare(b));
	b->ahead = false;
	TRY(b->x->device->run(b->x->dev, b->e));
	return exec_ask(b->x, b->e, NULL, 0);
}

/* Steps as training runs them, whole: inputs, host scalars, kernels. On a device that works ahead
 * the next step is given to it before this one is waited for, as in training; a step's time is then
 * that between two ends. Each turn puts as many inputs as it runs steps. */
static Status
take_turn(Bench *b, int64_t steps)
{
	int64_t ended = 0;
	double  before = now();
	printf("{\"ms\": [");
	for (int64_t i = 0; ended < steps; i++) {
		if (i < steps)
			TRY(step_start(b));
		else
			TRY(put_ahead(b));
		if (i < exec_ahead(b->x))
			continue;
		TRY(exec_take(b->x, 0, NULL));
		double after = now();
		printf("%s%.4f", ended++ ? ", " : "", 1e3 * (after - before));
		before = after;
	}
	printf("], \"peak_rss_bytes\": %" PRId64 "}\n", peak_rss_bytes());
	return OK;
}

static Status
on_request(Arena *a, Bench *b)
{
	char line[64];
	printf("{\"loaded\": true}\n");
	fflush(stdout);
	TRY(bench_open(a, b));
	TRY(step_prepare(b));
	phase("inputs put");
	TRY(b->x->device->run(b->x->dev, b->e));
	phase("first step enqueued");
	TRY(finish(b));
	phase("first step done");
	printf("{\"ready\": true, ");
	facts_json(b, peak_rss_bytes());
	printf("}\n");
	fflush(stdout);
	TRY(put_ahead(b));
	while (fgets(line, sizeof line, stdin)) {
		char *end;
		long  steps = strtol(line, &end, 10);
		if (end == line || (*end != '\n' && *end != 0) || steps < 1 || steps > 100000)
			return user_error("bench-request",
			                  "a request is a number of steps on a line of its own, "
			                  "1 to 100000");
		TRY(take_turn(b, steps));
		fflush(stdout);
	}
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
	Bench  b = {.x = *x, .e = e};
	Status s = o->on_request ? on_request(a, &b) : measure(a, &b, o, steps);
	free(b.batch.image);
	return s;
}

int
verb_bench(int argc, char **argv)
{
	Options       o = {0};
	const Option  known[] = {{"steps", &o.steps, NULL},     {"entry", &o.entry, NULL},
	                         {"threads", &o.threads, NULL}, {"device", &o.device, NULL},
	                         {"cache", &o.cache, NULL},     {"json", NULL, &o.json},
	                         {"all", NULL, &o.all},         {"on-request", NULL, &o.on_request}};
	OptionsResult parsed =
		options_parse(argc, argv, &this_verb, known, COUNT(known), &o.folder);
	if (parsed != OPTIONS_run)
		return parsed == OPTIONS_help ? EXIT_OK : EXIT_USAGE;
	int64_t steps = 5;
	if (option_integer(&this_verb, "steps", o.steps, 1, 100000, &steps) != OK ||
	    option_threads(&this_verb, o.threads) != OK)
		return EXIT_USAGE;
	if (o.on_request && (o.steps || o.json || o.all)) {
		(void)option_error(&this_verb,
		                   "--on-request reads the number of steps and always prints JSON; "
		                   "--steps, --all and --json do not go with it");
		return EXIT_USAGE;
	}
	Arena *a = arena_new();
	Exec  *x = NULL;
	int    code = bench(a, &o, steps, &x) == OK ? EXIT_OK : diag_exit_code();
	exec_close(x);
	arena_free(a);
	return code;
}
