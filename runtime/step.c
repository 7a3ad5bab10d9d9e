/* `d2v step`: a few steps of a program from given weights and given batches, with everything that
 * came out written to a file. The door for comparing with another implementation, tensor by tensor.
 * No data set, no checkpoints, no log. Refuses to start before weights and batches of all steps
 * were checked. */
#include "runtime/files_private.h"
#include "runtime/finite.h"
#include "runtime/run_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
	const char *folder, *init, *feed, *dump, *names, *device, *cache, *entry; /* as given */
	const char *steps_text, *first_text, *run_text, *spe_text, *seed_text, *threads_text;
	int64_t     steps, first, run_steps, spe;
	uint64_t    seed;
	bool        list;
} Options;

static const char help[] =
	"usage: d2v-run step FOLDER [options]\n"
	"\n"
	"Runs the compiled program in FOLDER for a few steps from given weights and batches, "
	"prints the loss of each\n"
	"step, and writes what came out.\n"
	"\n"
	"  --steps N          how many steps (default 1)\n"
	"  --init W           weights, a .safetensors file (default: drawn, as a new run would)\n"
	"  --feed F           batches, a .safetensors file\n"
	"  --dump O           write results to this .safetensors file\n"
	"  --names TABLE      read W by this `names` table of the spec first, and write O under "
	"its names too\n"
	"  --seed N           for whatever is drawn (default: the spec's)\n"
	"  --first-step N     number of the first step, for schedules and draws (default 0)\n"
	"  --spe N            steps per epoch, for schedules counted in epochs (default 1)\n"
	"  --run-steps N      length of the whole run, for schedules (default: first step + "
	"steps)\n"
	"  --entry NAME       what to run (default train)\n"
	"  --device NAME      default: the one the program was compiled for\n"
	"  --threads N        CPU threads\n"
	"  --cache DIR        where compiled kernels are kept\n"
	"  --list             show inputs, host scalars, outputs and variables with their shapes, "
	"and stop\n"
	"\n"
	"Names in W (F32, F64, F16 or BF16; every parameter must be there):\n"
	"  block[0].attend.q                        a parameter, as the spec calls it\n"
	"  blocks.0.attn.qkv.weight                 the same through a names table; one tensor may "
	"stack several\n"
	"                                           parameters along its outermost axis. Axes may "
	"be split or merged,\n"
	"                                           and ones added, but not reordered.\n"
	"  teacher.head   teacher/lm_head.weight    the teacher (default: a copy of the "
	"parameters)\n"
	"  moment1.head   moment2/lm_head.weight    optimiser state (default: zeros)\n"
	"\n"
	"Names in F:\n"
	"  image                 [steps, B, C, Y, X], or [B, C, Y, X] for the same batch every "
	"step\n"
	"  image.0  image.1      or one tensor a step\n"
	"  m                     a draw, 0 and 1 as BOOL, U8 or integers (default: drawn from "
	"seed, sample and epoch)\n"
	"  sample                ids of the samples, integers (default: counting on from 0)\n"
	"  scalar:lr             [steps] or []: replaces a host scalar, named by its output or its "
	"expression (--list)\n"
	"\n"
	"Names in O:\n"
	"  loss  grad_norm  lr   [steps]: every rank-0 output; others as [steps, ...]\n"
	"  grad.head             gradients of the first step, where the program has them; "
	"grad/lm_head.weight by table\n"
	"  head  teacher.head  moment1.head  moment2.head      variables after the last step; by "
	"table as in W\n"
	"\n"
	"Example: d2v-run step generated/tiny-cpu --init w.safetensors --feed f.safetensors "
	"--steps 3 \\\n"
	"             --names beit --spe 100 --run-steps 1000 --dump out.safetensors\n";

static const RunVerb this_verb = {"step", "the folder of a program", help};

/* ---- --list --------------------------------------------------------------------------------- */

static void
list_row(const char *what, const char *name, const Type *type, const char *note)
{
	Text t = {0};
	type_print(&t, type);
	printf("%-9s %-40s %s%s%s\n", what, name, t.at, *note ? "  " : "", note);
	text_free(&t);
}

static void
list_all(const Exec *x, const Entry *e)
{
	static const char *const kind[] = {"param", "teacher", "moment1", "moment2"};
	const Recipe            *r = &x->p->recipe;
	for (int i = 0; i < e->ninput; i++)
		list_row("input", e->input[i].name, &e->input[i].type, "");
	for (int i = 0; i < e->nscalar; i++) {
		const char *name = step_scalar_name(e, &e->scalar[i]);
		printf("%-9s scalar:%-33s %s  %s\n", "scalar", name ? name : e->scalar[i].expr,
		       dtype_name[e->scalar[i].dtype], name ? e->scalar[i].expr : "");
	}
	for (int i = 0; i < e->noutput; i++) {
		const Variable *of = exec_gradient_of(x, &e->output[i]);
		list_row("output", e->output[i].name, of ? &of->type : &e->output[i].type, "");
	}
	for (int i = 0; i < r->nvar; i++) {
		Text names = {0};
		for (int j = 0; j < r->nname; j++)
			for (int k = 0; r->var[i].kind == VAR_param && k < r->name[j].nvar; k++)
				if (!strcmp(r->name[j].var[k], r->var[i].name))
					text_printf(&names, "%s%s: %s", names.n ? ", " : "",
					            r->name[j].table, r->name[j].foreign);
		list_row(kind[r->var[i].kind], r->var[i].name, &r->var[i].type,
		         names.n ? names.at : "");
		text_free(&names);
	}
}

/* ---- the steps ------------------------------------------------------------------------------ */

static Status
start(Exec *x, const Options *o)
{
	return o->init ? feed_load(x, o->init, o->names, o->seed) : init_all(x, o->seed);
}

static Status
put(Exec *x, const Entry *e, StepBatch *batch, const Options *o, int64_t k)
{
	TRY(exec_scalars(x, e, o->first + k));
	return step_batch_put(batch, k);
}

/* The k-th step has no finite loss or gradient norm: where does that come from? A device that could
 * not stop in time starts over for the state before it. */
static Status
bad_step(Arena *a, Guard *g, StepBatch *batch, const Options *o, int64_t k)
{
	Exec *x = g->x;
	user_error("not-finite", "%s%s", guard_text(a, g, o->first + k),
	           o->dump ? arena_printf(a, "; %s is not written", o->dump) : "");
	if (!g->halves) {
		TRY(start(x, o));
		for (int64_t i = 0; i < k; i++) {
			TRY(put(x, g->e, batch, o, i));
			TRY(x->device->run(x->dev, g->e));
		}
		TRY(put(x, g->e, batch, o, k));
	}
	finite_report(g, NULL, NULL, stderr);
	return FAIL;
}

/* Known before the steps, not after them. */
static Status
check_dump(Arena *a, const char *path)
{
	struct stat s;
	const char *slash = strrchr(path, '/');
	const char *folder = !slash ? "." : arena_printf(a, "%.*s", (int)(slash - path + 1), path);
	if (stat(path, &s) == 0 && S_ISDIR(s.st_mode))
		return world_error("file-write", "cannot write %s: it is a folder", path);
	if (access(folder, W_OK | X_OK) != 0)
		return world_error("file-write", "cannot write into the folder %s: %s", folder,
		                   strerror(errno));
	return OK;
}

static Status
run_steps(Arena *a, Exec *x, const Entry *e, const Options *o)
{
	StepRange  range = {o->steps, o->first, o->seed};
	StepBatch *batch;
	StepDump  *dump;
	Guard      guard;
	if (o->dump)
		TRY(check_dump(a, o->dump));
	TRY(step_batch_open(a, x, e, o->feed, &range, &batch));
	TRY(step_dump_open(a, x, e, o->names, o->steps, &dump));
	guard_open(x, e, &guard);
	TRY(start(x, o));
	for (int64_t k = 0; k < o->steps; k++) {
		bool finite;
		TRY(put(x, e, batch, o, k));
		TRY(guard_run(&guard, &finite));
		if (!finite)
			return bad_step(a, &guard, batch, o, k);
		TRY(step_dump_take(dump, k));
		printf("step %" PRId64, o->first + k);
		for (int i = 0; i < e->noutput; i++)
			if (e->output[i].type.rank == 0 && e->output[i].type.dtype == DT_f32 &&
			    !exec_gradient_of(x, &e->output[i]))
				printf("  %s %.9g", e->output[i].name,
				       step_dump_value(dump, e->output[i].name, k));
		printf("\n");
		fflush(stdout);
	}
	return o->dump ? step_dump_write(dump, o->dump) : OK;
}

static Status
step_in(Arena *a, Exec *x, Options *o)
{
	const Entry *e = program_entry(x->p, o->entry);
	if (!e)
		return user_error("no-entry", "the program in %s has no entry `%s`", o->folder,
		                  o->entry);
	TRY(feed_check_table(&x->p->recipe, o->names));
	/* Scalars that read the seed must see the same one as draws and starting values. */
	o->seed = x->p->recipe.seed;
	if (o->seed_text)
		x->p->recipe.seed = o->seed = strtoull(o->seed_text, NULL, 10);
	x->spe = (double)o->spe;
	x->steps = (double)(o->run_steps ? o->run_steps : o->first + o->steps);
	if (o->list) {
		list_all(x, e);
		return OK;
	}
	return run_steps(a, x, e, o);
}

static Status
numbers_read(Options *o)
{
	int64_t seed;
	TRY(option_integer(&this_verb, "steps", o->steps_text, 1, INT32_MAX, &o->steps));
	TRY(option_integer(&this_verb, "first-step", o->first_text, 0, INT32_MAX, &o->first));
	TRY(option_integer(&this_verb, "run-steps", o->run_text, 1, INT32_MAX, &o->run_steps));
	TRY(option_integer(&this_verb, "spe", o->spe_text, 1, INT32_MAX, &o->spe));
	TRY(option_integer(&this_verb, "seed", o->seed_text, 0, UINT32_MAX, &seed));
	return option_threads(&this_verb, o->threads_text);
}

int
verb_step(int argc, char **argv)
{
	Options      o = {.steps = 1, .spe = 1};
	const Option known[] = {
		{"init", &o.init, NULL},
		{"feed", &o.feed, NULL},
		{"dump", &o.dump, NULL},
		{"names", &o.names, NULL},
		{"device", &o.device, NULL},
		{"cache", &o.cache, NULL},
		{"entry", &o.entry, NULL},
		{"steps", &o.steps_text, NULL},
		{"first-step", &o.first_text, NULL},
		{"run-steps", &o.run_text, NULL},
		{"spe", &o.spe_text, NULL},
		{"seed", &o.seed_text, NULL},
		{"list", NULL, &o.list},
		{"threads", &o.threads_text, NULL},
	};
	OptionsResult parsed =
		options_parse(argc, argv, &this_verb, known, COUNT(known), &o.folder);
	if (parsed != OPTIONS_run)
		return parsed == OPTIONS_help ? EXIT_OK : EXIT_USAGE;
	if (!o.entry)
		o.entry = "train";
	if (numbers_read(&o) != OK)
		return EXIT_USAGE;
	Arena *a = arena_new();
	Exec  *x = NULL;
	Status s = exec_open(a, o.folder, o.device, o.cache, &x);
	if (s == OK)
		s = step_in(a, x, &o);
	exec_close(x);
	arena_free(a);
	return s == OK ? EXIT_OK : diag_exit_code();
}
