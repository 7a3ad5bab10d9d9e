/* features: the images of one part of the data -> rows of numbers for probe and k-NN, in memory
 * as f32: either what a forward entry of the program says of them, or the pixels.
 *
 * Runs the entry batch by batch on the evaluation transform; the last batch is padded and the
 * padding dropped. Refuses entries whose output is not [layer?, batch, tokens, width] and data
 * without labels. */
#include "runtime/eval_private.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- shapes --------------------------------------------------------------------------------- */

static const OutputSpec *
feature_output(const Entry *e)
{
	for (int i = 0; i < e->noutput; i++)
		if (strcmp(e->output[i].name, "feature") == 0)
			return &e->output[i];
	return NULL;
}

/* The patches are the positions of a mask; without a mask every token is one. */
static int64_t
patch_count(const Recipe *r, int64_t tokens)
{
	return r->ndraw ? r->draw[0].gy * r->draw[0].gx : tokens;
}

Status
feature_shape(const Exec *x, const char *entry, int64_t layer, FeatureShape *out)
{
	const Recipe     *r = &x->p->recipe;
	const Entry      *e = program_entry(x->p, entry);
	const OutputSpec *o = e ? feature_output(e) : NULL;
	if (!o)
		return user_error(
			"no-features",
			"the program of this run has no entry `%s` with an output `feature`",
			entry);
	int         lead = r->layer_axis ? 1 : 0;
	const Axis *axis = o->type.axis;
	if (o->type.rank != lead + 3 || (lead && strcmp(axis[0].name, r->layer_axis) != 0) ||
	    axis[lead].size != r->data.batch) {
		Text t = {0};
		type_print(&t, &o->type);
		Status st = user_error("feature-shape",
		                       "`%s` gives %s; evaluation reads [%sbatch, tokens, width]",
		                       entry, t.at, lead ? "layer, " : "");
		text_free(&t);
		return st;
	}
	*out = (FeatureShape){
		e, lead ? axis[0].size : 1, layer, axis[lead].size, axis[lead + 1].size,
		0, axis[lead + 2].size};
	out->patches = patch_count(r, out->tokens);
	if (out->patches > out->tokens)
		return user_error("feature-shape",
		                  "`%s` gives %ld tokens, fewer than the %ld patches of the masks",
		                  entry, (long)out->tokens, (long)out->patches);
	if (layer == LAYER_LAST)
		out->layer = out->layers - 1;
	if (out->layer < 0 || out->layer >= out->layers)
		return user_error("layer", "--layer %ld: the features have the layers 0 to %ld",
		                  (long)layer, (long)out->layers - 1);
	return OK;
}

/* ---- progress: one line on a terminal, nothing elsewhere ------------------------------------ */

static void
show(const char *what, int64_t done, int64_t n)
{
	static double   last;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	double now = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
	if (!isatty(STDERR_FILENO) || (done < n && now - last < 0.1))
		return;
	last = done < n ? now : 0;
	fprintf(stderr, done < n ? "\r%s  %ld/%ld\033[K" : "\r\033[K", what, (long)done, (long)n);
	fflush(stderr);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Sample i of the output buffer -> row `row`. */
static void
keep_row(const FeatureShape *s, const float *feature, int64_t i, int64_t row, Features *out)
{
	const float *from =
		feature +
		((s->layer * s->batch + i) * s->tokens + (s->tokens - s->patches)) * s->width;
	float *mean = out->mean + row * out->mean_dim;
	if (out->all)
		memcpy(out->all + row * out->all_dim, from, sizeof *from * (size_t)out->all_dim);
	for (int64_t j = 0; j < s->width; j++) {
		double sum = 0;
		for (int64_t p = 0; p < s->patches; p++)
			sum += from[p * s->width + j];
		mean[j] = (float)(sum / (double)s->patches);
	}
}

static Status
run_batch(Exec *x, const FeatureShape *s, const Feeds *feeds, const Batch *b, float *feature)
{
	TRY(feeds_put(x, feeds, b));
	TRY(exec_scalars(x, s->entry, 0));
	TRY(x->device->run(x->dev, s->entry));
	return exec_output(x, s->entry, "feature", feature);
}

static Status
read_all(Arena *a, Exec *x, const FeatureShape *s, Data *d, const char *what, Features *out)
{
	Feeds  *feeds = NULL;
	float  *feature = NULL;
	int64_t row = 0, pixels = out->all_dim;
	if (s) {
		TRY(feeds_open(a, x, s->entry, &feeds));
		feature = arena_new_array(a, float, s->layers * s->batch * s->tokens * s->width);
	}
	for (;;) {
		Batch *b;
		show(what, row, out->n);
		TRY(data_next(d, &b));
		if (!b)
			break;
		Status st = s ? run_batch(x, s, feeds, b, feature) : OK;
		for (int64_t i = 0; st == OK && i < b->n; i++) {
			if (b->label[i] < 0)
				continue; /* of an image that cannot be read */
			out->label[row] = b->label[i];
			if (s)
				keep_row(s, feature, i, row, out);
			else
				memcpy(out->all + row * pixels, b->image + i * pixels,
				       sizeof(float) * (size_t)pixels);
			row++;
		}
		data_done(d, b);
		TRY(st);
	}
	if (row == 0)
		return user_error("data-failed", "%s: none can be read", what);
	out->n = row;
	return OK;
}

static Status
part_open(const Recipe *r, const EvalPart *part, Data **out)
{
	/* The subset is the same for every run: accuracies of two runs can be compared. */
	DataOptions o = {.seed = 0, .limit = part->limit, .max_bad = 100};
	return data_open(r, part->path, part->part, &o, out);
}

Status
features_read(Arena *a, Exec *x, const FeatureShape *s, const EvalPart *part, bool with_all,
              const char *what, Features *out)
{
	const Recipe   *r = &x->p->recipe;
	const DataSpec *d = &r->data;
	Data           *data;
	TRY(part_open(r, part, &data));
	*out = (Features){.n = data_samples(data)};
	out->label = arena_new_array(a, int32_t, out->n);
	out->all_dim = s ? s->patches * s->width : d->channels * d->height * d->width;
	if (with_all)
		out->all = arena_new_array(a, float, out->n * out->all_dim);
	if (s) {
		out->mean_dim = s->width;
		out->mean = arena_new_array(a, float, out->n * out->mean_dim);
	}
	Status st = read_all(a, x, s, data, what, out);
	data_close(data);
	return st;
}

/* ---- classes -------------------------------------------------------------------------------- */

static Status
match_classes(Arena *a, const Data *train, const Data *test, const EvalPart *paths[2], int *classes,
              int32_t **of_test)
{
	const Data *both[] = {train, test};
	for (int i = 0; i < 2; i++)
		if (data_classes(both[i]) < 1)
			return user_error("no-labels",
			                  "%s: has no labels, and evaluation needs them (a label "
			                  "file beside the images, or class folders)",
			                  paths[i]->path);
	*classes = data_classes(train);
	*of_test = arena_new_array(a, int32_t, data_classes(test));
	for (int t = 0; t < data_classes(test); t++) {
		int c = 0;
		while (c < *classes &&
		       strcmp(data_class_name(train, c), data_class_name(test, t)) != 0)
			c++;
		if (c == *classes)
			return user_error("classes-differ",
			                  "%s has the class `%s`, which %s has not", paths[1]->path,
			                  data_class_name(test, t), paths[0]->path);
		(*of_test)[t] = c;
	}
	return OK;
}

Status
eval_classes(Arena *a, const Recipe *r, const EvalPart *train, const EvalPart *test, int *classes,
             int32_t **of_test, int64_t n[2])
{
	Data           *d[2] = {NULL, NULL};
	const EvalPart *both[2] = {train, test};
	Status          st = part_open(r, train, &d[0]);
	if (st == OK)
		st = part_open(r, test, &d[1]);
	if (st == OK)
		st = match_classes(a, d[0], d[1], both, classes, of_test);
	for (int i = 0; i < 2; i++) {
		if (st == OK)
			n[i] = data_samples(d[i]);
		data_close(d[i]);
	}
	return st;
}
