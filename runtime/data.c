/* data: samples -> batches, ahead of the step. Workers decode and augment into a ring of
 * batches; data_next hands them out in order.
 *
 * What a batch holds is a function of (seed, step) and the files alone: the order of an epoch is
 * one permutation drawn from (seed, "order", 0, epoch), every augmentation is drawn from (seed,
 * "augment", sample, epoch), every mask from (seed, site, sample, epoch). So neither the number
 * of workers nor a restart changes anything. Memory is the ring, plus the image each worker has
 * in hand.
 *
 * A file that cannot be read is named once and replaced by the next readable one of the sorted
 * list (around its end), wherever it would have stood; the batch's sample id is then the
 * replacement's, and in evaluation its label -1. More than max_bad of them fail the run. Refuses
 * to print from a worker: messages wait for data_next. */
#include "runtime/data_private.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WANTED "the program wants %ld x %ld, and its `augment` has no `resized_crop`"

enum { CHUNK = 4, MAX_WORKERS = 64, KEEP_BYTES = 16 << 20 };

/* A batch of the ring. FREE -> FILLING (samples given to workers) -> READY -> HELD by the caller
 * -> FREE. */
typedef enum { SLOT_FREE, SLOT_FILLING, SLOT_READY, SLOT_HELD } SlotState;
typedef struct {
	Batch     b; /* first: data_done casts back */
	SlotState state;
	int64_t   index;         /* number of the batch since the start of the run */
	int64_t   claimed, left; /* samples given out, not yet finished */
} Slot;

struct Data {
	const Recipe   *r;
	DataOptions     o;
	Arena          *arena;
	Source          src;
	int64_t         n;      /* samples used: src.n, or the subset's size */
	uint32_t       *subset; /* ids, ascending, or NULL */
	int64_t         end;    /* number of batches; INT64_MAX when training */
	float           level[4][256];
	int             depth, nworker;
	Slot           *slot;
	pthread_t       worker[MAX_WORKERS];
	pthread_mutex_t lock;
	pthread_cond_t  work,
		ready; /* a slot became free; a batch became ready or something failed */
	/* under lock: */
	int64_t   next_fill, next_give;
	uint32_t *order;
	int64_t   order_epoch;
	bool      stop, failed;
	Text      news, fault; /* for the caller's thread: bad files, one a line; why it failed */
	/* without lock: */
	_Atomic uint8_t *bad;
	_Atomic int64_t  nbad;
};

/* ---- order ---------------------------------------------------------------------------------- */

static void
shuffle(Stream *s, uint32_t *at, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		at[i] = (uint32_t)i;
	for (int64_t i = n - 1; i > 0; i--) {
		int64_t  j = stream_int(s, 0, i);
		uint32_t t = at[i];
		at[i] = at[j];
		at[j] = t;
	}
}

static int
by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static uint32_t
sample_at(Data *d, int64_t epoch, int64_t position)
{
	if (!d->o.train)
		return d->subset ? d->subset[position] : (uint32_t)position;
	if (!d->r->data.shuffle)
		return (uint32_t)position;
	if (d->order_epoch != epoch) {
		Stream s = stream_open(d->o.seed, "order", 0, (uint32_t)epoch);
		shuffle(&s, d->order, d->n);
		d->order_epoch = epoch;
	}
	return d->order[position];
}

static void
slot_begin(Data *d, Slot *s)
{
	int64_t batch = d->r->data.batch, spe = data_steps_per_epoch(d);
	s->state = SLOT_FILLING;
	s->index = d->next_fill;
	s->claimed = 0;
	s->left = batch;
	s->b.step = s->index;
	s->b.epoch = d->o.train ? s->index / spe : 0;
	int64_t from = (d->o.train ? s->index % spe : s->index) * batch;
	s->b.n = (int)(d->n - from < batch ? d->n - from : batch);
	for (int64_t i = 0; i < batch; i++)
		s->b.sample[i] =
			i < s->b.n ? sample_at(d, s->b.epoch, from + i) : s->b.sample[s->b.n - 1];
}

/* ---- one sample ----------------------------------------------------------------------------- */

/* The sample itself or the next readable one; *bytes grows by what was decoded. false: no more
 * than max_bad was promised, or none is readable. */
static bool
sample_find(Data *d, Arena *scratch, uint32_t *id, Image *im, int64_t *bytes)
{
	char why[WHY];
	for (int64_t tries = 0; tries < d->src.n; tries++, *id = (uint32_t)((*id + 1) % d->src.n)) {
		if (atomic_load(&d->bad[*id]))
			continue;
		*im = (Image){0};
		bool ok = source_read(&d->src, scratch, *id, (int)d->r->data.channels, im, why);
		*bytes += im->w * im->h * im->c;
		if (ok)
			return true;
		if (atomic_exchange(&d->bad[*id], 1))
			continue; /* another worker has told of it */
		int64_t count = atomic_fetch_add(&d->nbad, 1) + 1;
		pthread_mutex_lock(&d->lock);
		text_printf(&d->news, "%s: %s\n", d->src.path[*id], why);
		if (count > d->o.max_bad && d->fault.n == 0)
			text_printf(&d->fault,
			            "%ld of %ld images cannot be read, more than the %d that are "
			            "tolerated",
			            (long)count, (long)d->src.n, d->o.max_bad);
		pthread_mutex_unlock(&d->lock);
		if (count > d->o.max_bad)
			return false;
	}
	pthread_mutex_lock(&d->lock);
	if (d->fault.n == 0)
		text_printf(&d->fault, "none of the %ld images can be read", (long)d->src.n);
	pthread_mutex_unlock(&d->lock);
	return false;
}

static bool
sample_make(Data *d, Arena *scratch, Batch *b, int64_t i, int64_t *bytes)
{
	const DataSpec *spec = &d->r->data;
	uint32_t        id = b->sample[i];
	Image           im;
	if (!sample_find(d, scratch, &id, &im, bytes))
		return false;
	bool counts = d->o.train || id == b->sample[i]; /* nothing is judged by a replacement */
	b->sample[i] = id;
	b->label[i] = d->src.label && counts ? d->src.label[id] : -1;
	if (d->o.train) {
		Stream s = stream_open(d->o.seed, "augment", id, (uint32_t)b->epoch);
		augment_train(scratch, spec, &s, &im);
		for (int m = 0; m < d->r->ndraw; m++) {
			const DrawSpec *draw = &d->r->draw[m];
			s = stream_open(d->o.seed, draw->site, id, (uint32_t)b->epoch);
			draw_block_mask(draw, &s, b->mask[m] + i * draw->gy * draw->gx);
		}
	} else
		augment_eval(scratch, spec, &im);
	if (im.w != spec->width || im.h != spec->height) {
		pthread_mutex_lock(&d->lock);
		if (d->fault.n == 0)
			text_printf(&d->fault, "%s is %ld x %ld, " WANTED,
			            data_sample_name(d, scratch, id), (long)im.w, (long)im.h,
			            (long)spec->width, (long)spec->height);
		pthread_mutex_unlock(&d->lock);
		return false;
	}
	augment_floats(&im, d->level, b->image + i * spec->channels * spec->height * spec->width);
	return true;
}

/* ---- workers -------------------------------------------------------------------------------- */

/* The next few samples nobody works on; NULL when there is nothing more to do. Holds the lock. */
static Slot *
work_claim(Data *d, int64_t *from, int64_t *to)
{
	for (;;) {
		if (d->stop || d->failed || d->next_fill == d->end)
			return NULL;
		Slot *s = &d->slot[d->next_fill % d->depth];
		if (s->state == SLOT_FREE)
			slot_begin(d, s);
		if (s->state == SLOT_FILLING && s->index == d->next_fill) {
			int64_t batch = d->r->data.batch;
			*from = s->claimed;
			*to = *from + CHUNK < batch ? *from + CHUNK : batch;
			s->claimed = *to;
			if (s->claimed == batch)
				d->next_fill++;
			return s;
		}
		pthread_cond_wait(&d->work, &d->lock);
	}
}

/* Pages of an ordinary image are kept for the next one; those of a huge one are given back. */
static Arena *
scratch_next(Arena *scratch, int64_t bytes)
{
	if (bytes <= KEEP_BYTES) {
		arena_reset(scratch);
		return scratch;
	}
	arena_free(scratch);
	return arena_new();
}

static void *
worker(void *arg)
{
	Data   *d = arg;
	Arena  *scratch = arena_new();
	int64_t from, to;
	pthread_mutex_lock(&d->lock);
	for (Slot *s; (s = work_claim(d, &from, &to));) {
		bool ok = true;
		pthread_mutex_unlock(&d->lock);
		for (int64_t i = from; i < to && ok; i++) {
			int64_t bytes = 0;
			ok = sample_make(d, scratch, &s->b, i, &bytes);
			scratch = scratch_next(scratch, bytes);
		}
		pthread_mutex_lock(&d->lock);
		/* What failed stays unfinished: another worker's last sample must not make the
		 * batch ready. */
		if (ok)
			s->left -= to - from;
		if (!ok) {
			d->failed = true;
			pthread_cond_broadcast(&d->work);
			pthread_cond_broadcast(&d->ready);
		} else if (s->left == 0) {
			s->state = SLOT_READY;
			pthread_cond_broadcast(&d->ready);
		}
	}
	pthread_mutex_unlock(&d->lock);
	arena_free(scratch);
	return NULL;
}

/* Signals go to the caller's threads: a worker must not be the one that runs the handler. */
static Status
workers_start(Data *d, int wanted)
{
	sigset_t all, before;
	int      e = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (d->nworker < wanted &&
	       !(e = pthread_create(&d->worker[d->nworker], NULL, worker, d)))
		d->nworker++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e ? world_error("threads", "cannot start loader thread %d: %s", d->nworker + 1,
	                       strerror(e))
	         : OK;
}

/* ---- open and close ------------------------------------------------------------------------- */

static Status
spec_check(const Recipe *r, const Data *d, const char *path)
{
	const DataSpec *s = &r->data;
	if (s->channels != 1 && s->channels != 3)
		return user_error(
			"data-channels",
			"the program wants images with %ld channels; the loader makes 1 or 3",
			(long)s->channels);
	if (s->batch < 1 || s->width < 1 || s->height < 1)
		BUG("batch %ld of %ld x %ld", (long)s->batch, (long)s->width, (long)s->height);
	for (int i = 0; i < r->ndraw; i++)
		if (strcmp(r->draw[i].generator, "block_mask") != 0)
			return user_error("draw-unknown",
			                  "the program asks for the draw `%s`, which the loader "
			                  "does not know",
			                  r->draw[i].generator);
	TRY(augment_check(s));
	/* Known before anything starts where all images have one size. */
	bool other = d->src.pixels && (d->src.w != s->width || d->src.h != s->height);
	if (d->o.train && other && !augment_fits(s))
		return user_error("data-size", "%s: its images are %ld x %ld, " WANTED, path,
		                  (long)d->src.w, (long)d->src.h, (long)s->width, (long)s->height);
	if (d->src.n > UINT32_MAX)
		return user_error("data-too-many",
		                  "%s: holds %ld samples; sample numbers have 32 bits", path,
		                  (long)d->src.n);
	if (d->o.train && d->n < s->batch)
		return user_error("data-few", "%s: holds %ld samples, fewer than one batch of %ld",
		                  path, (long)d->n, (long)s->batch);
	return OK;
}

static void
subset_choose(Data *d)
{
	if (d->o.train || d->o.limit <= 0 || d->o.limit >= d->src.n)
		return;
	Stream s = stream_open(d->o.seed, "subset", 0, 0);
	d->n = d->o.limit;
	d->subset = arena_new_array(d->arena, uint32_t, d->src.n);
	shuffle(&s, d->subset, d->src.n);
	qsort(d->subset, (size_t)d->n, sizeof *d->subset, by_id);
}

static void
ring_make(Data *d)
{
	const DataSpec *spec = &d->r->data;
	Arena          *a = d->arena;
	d->slot = arena_new_array(a, Slot, d->depth);
	for (int i = 0; i < d->depth; i++) {
		Batch *b = &d->slot[i].b;
		b->image = arena_new_array(
			a, float, spec->batch * spec->channels * spec->height * spec->width);
		b->sample = arena_new_array(a, uint32_t, spec->batch);
		b->label = arena_new_array(a, int32_t, spec->batch);
		if (!d->o.train || d->r->ndraw == 0)
			continue;
		b->mask = arena_new_array(a, uint8_t *, d->r->ndraw);
		for (int m = 0; m < d->r->ndraw; m++)
			b->mask[m] = arena_alloc(
				a, (size_t)(spec->batch * d->r->draw[m].gy * d->r->draw[m].gx));
	}
}

static Status
data_start(Data *d, const char *path, const char *part)
{
	int64_t batch = d->r->data.batch;
	TRY(source_open(d->arena, path, part, &d->src));
	d->n = d->src.n;
	TRY(spec_check(d->r, d, path));
	subset_choose(d);
	augment_levels(&d->r->data, d->level);
	d->bad = arena_alloc(d->arena, (size_t)d->src.n * sizeof *d->bad);
	d->order = arena_new_array(d->arena, uint32_t, d->n);
	d->order_epoch = -1;
	d->end = d->o.train ? INT64_MAX : (d->n + batch - 1) / batch;
	d->next_fill = d->next_give = d->o.start_step < d->end ? d->o.start_step : d->end;
	int64_t wanted = d->o.workers;
	if (wanted <= 0)
		wanted = sysconf(_SC_NPROCESSORS_ONLN) < 16 ? sysconf(_SC_NPROCESSORS_ONLN) : 16;
	wanted = wanted < 1 ? 1 : wanted > MAX_WORKERS ? MAX_WORKERS : wanted;
	d->depth = (int)(3 + (wanted * CHUNK + batch - 1) /
	                             batch); /* one held, one ready, the rest to keep all busy */
	ring_make(d);
	return workers_start(d, (int)wanted);
}

Status
data_open(const Recipe *r, const char *path, const char *part, const DataOptions *o, Data **out)
{
	Arena *a = arena_new();
	Data  *d = arena_new_one(a, Data);
	d->arena = a;
	d->r = r;
	d->o = *o;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->work, NULL);
	pthread_cond_init(&d->ready, NULL);
	*out = NULL;
	if (data_start(d, path, part) != OK) {
		data_close(d);
		return FAIL;
	}
	*out = d;
	return OK;
}

void
data_close(Data *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_broadcast(&d->work);
	pthread_mutex_unlock(&d->lock);
	for (int i = 0; i < d->nworker; i++)
		pthread_join(d->worker[i], NULL);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->ready);
	text_free(&d->news);
	text_free(&d->fault);
	arena_free(d->arena);
}

/* ---- what callers ask ----------------------------------------------------------------------- */

int64_t
data_samples(const Data *d)
{
	return d->n;
}

int64_t
data_steps_per_epoch(const Data *d)
{
	return d->n / d->r->data.batch;
}

const char *
data_fingerprint(const Data *d)
{
	return d->src.fingerprint;
}

int
data_classes(const Data *d)
{
	return d->src.classes;
}

const char *
data_class_name(const Data *d, int label)
{
	return label >= 0 && label < d->src.classes ? d->src.class_name[label] : "?";
}

const char *
data_sample_name(const Data *d, Arena *a, uint32_t sample)
{
	if (sample >= d->src.n)
		return "?";
	return d->src.path ? d->src.path[sample]
	                   : arena_printf(a, "image %u of %s", sample, d->src.file);
}

int64_t
data_bad(const Data *d)
{
	return atomic_load(&((Data *)d)->nbad);
}

/* Name the bad files found since the last call. Holds the lock. */
static void
tell_news(Data *d)
{
	char *line = d->news.at, *end;
	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		diag_warning((Loc){0}, "data-unreadable", "%s; %s", line,
		             d->o.train ? "another image takes its place" : "it is left out");
	}
	text_free(&d->news);
}

Status
data_next(Data *d, Batch **out)
{
	Status st = OK;
	*out = NULL;
	pthread_mutex_lock(&d->lock);
	if (d->next_give < d->end) {
		Slot *s = &d->slot[d->next_give % d->depth];
		while (!(s->state == SLOT_READY && s->index == d->next_give) && !d->failed)
			pthread_cond_wait(&d->ready, &d->lock);
		if (s->state == SLOT_READY && s->index == d->next_give) {
			s->state = SLOT_HELD;
			d->next_give++;
			*out = &s->b;
		} else
			st = FAIL;
	}
	tell_news(d);
	if (st != OK)
		user_error("data-failed", "%s", d->fault.at);
	pthread_mutex_unlock(&d->lock);
	return st;
}

void
data_done(Data *d, Batch *b)
{
	Slot *s = (Slot *)b;
	pthread_mutex_lock(&d->lock);
	if (s->state != SLOT_HELD)
		BUG("batch %ld was given back twice", (long)s->index);
	s->state = SLOT_FREE;
	pthread_cond_broadcast(&d->work);
	pthread_mutex_unlock(&d->lock);
}
