/* The verb train: what its files share. train.c the loop and the command line, train_setup.c
 * everything before the first step, train_finite.c a step that is no good. */
#ifndef D2V_TRAIN_PRIVATE_H
#define D2V_TRAIN_PRIVATE_H

#include "runtime/finite.h"
#include "runtime/run_private.h"

#include <stdbool.h>

typedef struct {
	const char *folder, *data, *out, *steps, *until, *seed, *threads, *workers, *device, *cache;
	bool        resume, profile, quiet;
} TrainOptions;

extern const RunVerb train_verb; /* train.c */

enum { MAX_VALUES = 64, MAX_AHEAD = 4 };

typedef struct {
	Arena              *a;
	const TrainOptions *opt;
	Exec               *x;
	const Recipe       *r;
	const Entry        *e;
	Feeds              *feeds;
	Data               *data;
	Log                *log;
	char               *from; /* checkpoint to start from, or NULL */
	uint64_t            seed;
	int64_t             asked_seed, workers;
	int64_t             start, total, until, spe, save_every,
		saved;            /* saved: step of the newest checkpoint, -1 none */
	int64_t     samples;      /* of the run that is resumed; 0: a new run */
	char        data_was[33]; /* fingerprint of its data */
	int         nvalue;       /* value[0] is the epoch, the others are the scalar outputs */
	const char *name[MAX_VALUES];
	double      value[MAX_VALUES];
	int64_t     enqueued, done;   /* steps given to the device, steps whose values are known */
	double      epoch[MAX_AHEAD]; /* of the steps between the two */
	double      clock, rate; /* when the last step was done; samples per second, smoothed */
	int         loss;        /* index of the loss, or -1 */
	Guard       guard;
	uint32_t   *ids; /* samples of the step given to the device last */
	bool        has_stop;
	Expr        stop;
	double     *seconds; /* --profile: per step of the entry */
} Train;

/* ---- train_setup.c -------------------------------------------------------------------------- */
/* what the command line alone can get wrong; FAIL means EXIT_USAGE */
Status train_numbers(Train *t);
Status train_setup(Train *t);
Status train_open_data(Train *t, int64_t first); /* batches from step `first` on */
/* the variables of step t->start: t->from, or initial values */
Status train_start_state(Train *t);

/* ---- train.c -------------------------------------------------------------------------------- */
Status train_save(Train *t, int64_t done);
/* the batch and the scalars of a step; t->data must be there */
Status train_put(Train *t, int64_t step);
bool   train_signalled(void);

/* ---- train_finite.c ------------------------------------------------------------------------- */
/* Step t->done has no finite loss or gradient norm, seen in t->guard. Goes back to the state before
 * it if it must, saves that, and says where the first bad value is. Gives the exit code. */
int train_bad_step(Train *t);

#endif
