/* The verb eval: how good the features of a run are, without fine-tuning. Three encoders (the
 * pixels themselves, the untrained network, the trained one) by three measures (linear probe on
 * the mean of the patches, on all patches side by side, k-NN on the mean). The untrained network
 * is the floor: what it reaches is not learnt.
 *
 * Writes RUN/eval.json and RUN/report.html; of the run it changes nothing else. eval.json:
 * "step", "layer", "k", "train_images", "test_images", "classes" and "rows", each with
 * "encoder", "metric", "value" (a fraction), "lo", "hi" (95 %), "seconds". Refuses data without
 * labels, and features that do not fit in memory one way are left out with the reason. */
#include "runtime/eval_private.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"usage: d2v-run eval RUN --data train=PATH --data test=PATH [options]\n"
	"\n"
	"Accuracy of simple classifiers on the frozen features of the newest checkpoint in RUN, "
	"beside those on an untrained\n"
	"network and on raw pixels. Prints a table, writes RUN/eval.json and RUN/report.html.\n"
	"\n"
	"  --data NAME=PATH   train: images that the classifiers learn from; test: images they are "
	"judged by. An IDX file, a\n"
	"                     folder of IDX files or of class folders\n"
	"  --train-images N   how many training images, drawn once and for all; 0 = all (default "
	"20000)\n"
	"  --model NAME       student, teacher or both (default: student)\n"
	"  --layer K          which block's output, 0 = first (default: the last)\n"
	"  --k N              neighbours of k-NN (default 20)\n"
	"  --threads N        threads of device, probe and k-NN (default: all cores)\n"
	"  --device NAME      device (default: the one the program was compiled for)\n"
	"  --cache DIR        where compiled kernels are kept (default: $D2V_CACHE, "
	"$XDG_CACHE_HOME/d2v or ~/.cache/d2v)\n"
	"\n"
	"example:\n"
	"  d2v-run eval runs/a --data train=/usr/share/datasets/fashion-mnist --data "
	"test=/usr/share/datasets/fashion-mnist\n";

static const RunVerb this_verb = {"eval", "the folder of a run", help};

enum { METRICS = 3, MOST_ROWS = 4 };
static const char *const METRIC[METRICS] = {"linear probe, mean of patches",
                                            "linear probe, all patches", "k-NN, mean of patches"};
static const char *const PIXEL_METRIC[METRICS] = {NULL, "linear probe, pixels", "k-NN, pixels"};

static const int64_t MOST_BYTES =
	INT64_C(2) << 30; /* of one set of all patches side by side, training and test */

typedef struct {
	double value, lo, hi, seconds;
	bool   there;
} Cell;
typedef struct {
	const char *encoder;
	bool        pixels;
	Cell        cell[METRICS];
} Row;

typedef struct {
	Arena      *a;
	const char *run, *layer_text, *train_images, *model, *k_text, *threads, *device, *cache;
	EvalPart    part[2]; /* train, test */
	int64_t     layer, k;
	Exec       *x;
	int64_t     step, n[2], layer_used;
	uint64_t    seed;
	int         classes, nrow;
	int32_t    *of_test; /* test label -> training label */
	Row         row[MOST_ROWS];
	bool        all_left_out;
} Eval;

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- measuring ------------------------------------------------------------------------------ */

static Status
measure(const Eval *v, int metric, const Features f[2], Cell *out)
{
	Labelled set[2];
	bool     all = metric == 1 || !f[0].mean;
	double   start = now();
	for (int i = 0; i < 2; i++)
		set[i] = (Labelled){all ? f[i].all : f[i].mean, f[i].label, f[i].n,
		                    all ? f[i].all_dim : f[i].mean_dim};
	if (metric == 2)
		TRY(knn_accuracy(&set[0], &set[1], (int)v->k, v->classes, &out->value));
	else
		TRY(probe_accuracy(&set[0], &set[1], v->classes, &out->value));
	accuracy_interval(out->value, set[1].n, &out->lo, &out->hi);
	out->seconds = now() - start;
	out->there = true;
	return OK;
}

/* One row: features of both parts with the weights that are now on the device, then the
 * measures. */
static Status
measure_row(Eval *v, const char *encoder, const FeatureShape *shape)
{
	Row     *row = &v->row[v->nrow++];
	Features f[2];
	Arena   *a = arena_new();
	int64_t  bytes =
                shape ? (v->n[0] + v->n[1]) * shape->patches * shape->width * (int64_t)sizeof(float)
		       : 0;
	bool   with_all = bytes <= MOST_BYTES;
	Status st = OK;
	*row = (Row){.encoder = encoder, .pixels = !shape};
	if (!with_all && !v->all_left_out) {
		v->all_left_out = true;
		fprintf(stderr,
		        "d2v: all patches side by side would take %.1f GiB; that column is left "
		        "out (the limit is 2 GiB; fewer --train-images make it fit)\n",
		        (double)bytes / (1 << 30));
	}
	for (int i = 0; i < 2 && st == OK; i++)
		st = features_read(a, v->x, shape, &v->part[i], with_all,
		                   arena_printf(a, "%s: %s images", encoder, v->part[i].part),
		                   &f[i]);
	for (int64_t i = 0; st == OK && i < f[1].n; i++)
		f[1].label[i] = v->of_test[f[1].label[i]];
	for (int i = 0; i < 2 && st == OK; i++)
		v->n[i] = f[i].n; /* without those that cannot be read */
	for (int m = 0; m < METRICS && st == OK; m++)
		if (!(m == 0 && !shape) && !(m == 1 && !with_all))
			st = measure(v, m, f, &row->cell[m]);
	arena_free(a);
	return st;
}

static bool
wanted(const Eval *v, const char *model)
{
	return strcmp(v->model, "both") == 0 || strcmp(v->model, model) == 0;
}

/* The entry with the features of the model that is trained, or of the one that follows it, whatever
 * the spec calls them; NULL when the spec has no such feature. */
static const char *
feature_entry(const Eval *v, bool average)
{
	static const char tail[] = "features";
	const char       *prefix = exec_average_prefix(v->a, &v->x->p->recipe);
	for (int i = 0; i < v->x->p->nentry; i++) {
		const char *name = v->x->p->entry[i].name;
		size_t      n = strlen(name), head = n - (sizeof tail - 1);
		if (n <= sizeof tail || name[head - 1] != '.' || strcmp(name + head, tail) != 0)
			continue;
		if ((strlen(prefix) == head && strncmp(name, prefix, head) == 0) == average)
			return name;
	}
	return NULL;
}

static Status
shape_of(const Eval *v, const char *model, bool average, FeatureShape *out)
{
	const char *entry = feature_entry(v, average), *other = feature_entry(v, !average);
	if (entry)
		return feature_shape(v->x, entry, v->layer, out);
	user_error("no-features", "the spec of this run has no `feature` of the %s", model);
	if (other)
		diag_hint("it has one of the %s: --model %s", average ? "student" : "teacher",
		          average ? "student" : "teacher");
	else
		diag_hint("evaluation looks at a `feature` that the spec declares, such as that of "
		          "models/fashion.d2v");
	return FAIL;
}

static Status
measure_all(Eval *v)
{
	static const char *const model[] = {"student", "teacher"};
	char                    *path;
	FeatureShape             shape;
	const FeatureShape      *first = NULL;
	FeatureShape             shapes[2];
	TRY(checkpoint_latest(v->a, v->run, &path, &v->step));
	if (!path)
		return user_error("no-checkpoint", "%s holds no checkpoint", v->run);
	for (int i = 0; i < 2; i++)
		if (wanted(v, model[i])) {
			TRY(shape_of(v, model[i], i == 1, &shape));
			shapes[i] = shape;
			first = first ? first : &shapes[i];
		}
	v->layer_used = first->layer;
	TRY(measure_row(v, "raw pixels", NULL));
	TRY(checkpoint_load(v->x, path, &v->step, &v->seed));
	v->x->p->recipe.seed = v->seed;
	/* The untrained row comes before the trained ones in the table, so its weights go in
	 * first. The teacher starts as a copy of the student: one row stands for both. */
	TRY(init_all(v->x, v->seed));
	TRY(measure_row(v, "untrained", first));
	TRY(checkpoint_load(v->x, path, &v->step, &v->seed));
	for (int i = 0; i < 2; i++)
		if (wanted(v, model[i]))
			TRY(measure_row(v, arena_printf(v->a, "pre-trained %s", model[i]),
			                &shapes[i]));
	return OK;
}

/* ---- telling -------------------------------------------------------------------------------- */

static void
print_table(const Eval *v)
{
	static const char *const head[2][METRICS] = {
		{"linear probe", "linear probe", "k-NN"},
		{"mean of patches", "all patches", "mean of patches"}};
	printf("step %" PRId64 ", output of block %" PRId64 "; %" PRId64 " training and %" PRId64
	       " test images, %d classes, k = %" PRId64
	       "\naccuracy in %% with its 95 %% interval; for raw pixels all patches are the "
	       "pixels, and k-NN is on them\n\n",
	       v->step, v->layer_used, v->n[0], v->n[1], v->classes, v->k);
	for (int i = 0; i < 2; i++)
		printf("%-22s  %-22s  %-22s  %s\n", "", head[i][0], head[i][1], head[i][2]);
	for (int r = 0; r < v->nrow; r++) {
		printf("%-22s", v->row[r].encoder);
		for (int m = 0; m < METRICS; m++) {
			const Cell *c = &v->row[r].cell[m];
			char        text[64] = "-";
			if (c->there)
				snprintf(text, sizeof text, "%5.2f (%.2f-%.2f)", 100 * c->value,
				         100 * c->lo, 100 * c->hi);
			printf(m < METRICS - 1 ? "  %-22s" : "  %s", text);
		}
		printf("\n");
	}
	fflush(stdout);
}

static json_t *
json_rows(const Eval *v)
{
	json_t *rows = json_array();
	for (int r = 0; r < v->nrow; r++)
		for (int m = 0; m < METRICS; m++) {
			const Row  *row = &v->row[r];
			const Cell *c = &row->cell[m];
			if (c->there)
				json_array_append_new(
					rows, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "encoder",
				                        row->encoder, "metric",
				                        row->pixels ? PIXEL_METRIC[m] : METRIC[m],
				                        "value", c->value, "lo", c->lo, "hi", c->hi,
				                        "seconds", c->seconds));
		}
	return rows;
}

static Status
write_json(const Eval *v)
{
	json_t *root = json_pack("{s:I, s:I, s:I, s:I, s:I, s:i, s:o}", "step", (json_int_t)v->step,
	                         "layer", (json_int_t)v->layer_used, "k", (json_int_t)v->k,
	                         "train_images", (json_int_t)v->n[0], "test_images",
	                         (json_int_t)v->n[1], "classes", v->classes, "rows", json_rows(v));
	char   *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	Text    t = {0};
	json_decref(root);
	if (!text)
		return world_error("out-of-memory", "eval.json cannot be made");
	text_printf(&t, "%s\n", text);
	free(text);
	Status st = file_write_atomic(arena_printf(v->a, "%s/eval.json", v->run), t.at, t.n);
	text_free(&t);
	return st;
}

/* ---- the command line ----------------------------------------------------------------------- */

/* Takes `--data NAME=PATH` out of argv, since it comes twice; the rest is for options_parse. */
static Status
take_data(Eval *v, int *argc, char **argv)
{
	int kept = 0;
	v->part[0].part = "train";
	v->part[1].part = "test";
	for (int i = 0; i < *argc; i++) {
		const char *value = NULL;
		if (strncmp(argv[i], "--data=", 7) == 0)
			value = argv[i] + 7;
		else if (strcmp(argv[i], "--data") == 0) {
			if (i + 1 == *argc)
				return option_error(&this_verb,
				                    "--data wants train=PATH or test=PATH, and "
				                    "nothing comes after it");
			value = argv[++i];
		} else {
			argv[kept++] = argv[i];
			continue;
		}
		const char *eq = strchr(value, '=');
		int         p = 0;
		while (p < 2 && !(eq && strlen(v->part[p].part) == (size_t)(eq - value) &&
		                  strncmp(value, v->part[p].part, (size_t)(eq - value)) == 0))
			p++;
		if (p == 2 || !eq[1])
			return option_error(&this_verb,
			                    "--data wants train=PATH or test=PATH, not `%s`",
			                    value);
		if (v->part[p].path)
			return option_error(&this_verb, "--data %s=PATH is given twice",
			                    v->part[p].part);
		v->part[p].path = eq + 1;
	}
	*argc = kept;
	return OK;
}

static Status
numbers(Eval *v)
{
	int64_t threads = 0;
	v->layer = LAYER_LAST;
	v->k = 20;
	v->part[0].limit = 20000;
	v->model = v->model ? v->model : "student";
	TRY(option_integer(&this_verb, "layer", v->layer_text, 0, INT32_MAX, &v->layer));
	TRY(option_integer(&this_verb, "k", v->k_text, 1, 10000, &v->k));
	TRY(option_integer(&this_verb, "train-images", v->train_images, 0, INT32_MAX,
	                   &v->part[0].limit));
	TRY(option_integer(&this_verb, "threads", v->threads, 1, 1024, &threads));
	if (threads)
		eval_threads((int)threads);
	TRY(option_threads(&this_verb, v->threads));
	if (strcmp(v->model, "student") != 0 && strcmp(v->model, "teacher") != 0 &&
	    strcmp(v->model, "both") != 0)
		return option_error(&this_verb, "--model is student, teacher or both, not `%s`",
		                    v->model);
	for (int i = 0; i < 2; i++)
		if (!v->part[i].path)
			return option_error(&this_verb,
			                    "eval wants --data %s=PATH, and there is none",
			                    v->part[i].part);
	return OK;
}

static Status
evaluate(Eval *v)
{
	TRY(exec_open(v->a, arena_printf(v->a, "%s/program", v->run), v->device, v->cache, &v->x));
	v->x->steps = v->x->spe =
		1; /* a forward pass has no schedule; its scalars do not depend on these */
	TRY(eval_classes(v->a, &v->x->p->recipe, &v->part[0], &v->part[1], &v->classes, &v->of_test,
	                 v->n));
	TRY(measure_all(v));
	print_table(v);
	TRY(write_json(v));
	return report_write(v->run, v->x->p);
}

int
verb_eval(int argc, char **argv)
{
	Eval   v = {.a = arena_new()};
	int    code = EXIT_USAGE;
	Option known[] = {
		{"train-images", &v.train_images, NULL},
		{"model", &v.model, NULL},
		{"layer", &v.layer_text, NULL},
		{"k", &v.k_text, NULL},
		{"threads", &v.threads, NULL},
		{"device", &v.device, NULL},
		{"cache", &v.cache, NULL},
	};
	if (take_data(&v, &argc, argv) == OK) {
		OptionsResult parsed =
			options_parse(argc, argv, &this_verb, known, COUNT(known), &v.run);
		if (parsed == OPTIONS_help)
			code = EXIT_OK;
		else if (parsed == OPTIONS_run && numbers(&v) == OK)
			code = evaluate(&v) == OK ? EXIT_OK : diag_exit_code();
	}
	exec_close(v.x);
	arena_free(v.a);
	return code;
}
