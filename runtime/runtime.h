/* runtime: runs a compiled program folder. No parser of .d2v and no compiler inside. Includes base,
 * program.
 *
 * d2v-run VERB FOLDER [options]; `d2v train|step|eval` compile (or find the program in the cache)
 * and exec it. Sections, one per .c file. */
#ifndef D2V_RUNTIME_H
#define D2V_RUNTIME_H

#include "compiler/base/base.h"
#include "compiler/base/safetensors.h"
#include "compiler/program/program.h"

/* ---- device.c: devices by name, each a shared object d2v-NAME.so found beside the binary ---- */

struct Rates;           /* compiler/program/cost.h */
typedef struct Dev Dev; /* opaque, the device's own */
/* One call at a time, from any thread. */
typedef struct {
	const char *name;
	/* Load the program: allocate each slab once (zeroed, 64-byte aligned), compile and load
	 * kernels from `folder`/kernels (objects cached in `cache` by content), create every gemm
	 * plan, write constant tables. Reports and FAILs with the missing feature or library by
	 * name. */
	Status (*open)(Dev **, const Program *p, const char *folder, const char *cache);
	void (*close)(Dev *);
	Status (*put)(Dev *, int slab, int64_t offset, const void *from, int64_t bytes);
	Status (*get)(Dev *, int slab, int64_t offset, void *to, int64_t bytes);
	Status (*run)(Dev *, const Entry *e); /* all steps of an entry, in order */
	/* As run, adding each step's seconds to seconds[0 .. e->nstep-1]. */
	Status (*profile)(Dev *, const Entry *e, double *seconds);
	/* Only the steps first .. end - 1, which are done when it returns. */
	Status (*part)(Dev *, const Entry *e, int first, int end);
	int64_t (*allocated)(Dev *); /* bytes it allocated for slabs */
	/* bytes beside the slabs: scratch of its libraries */
	int64_t (*workspace)(Dev *);
	/* The rest may be NULL, and then exec.c does it with put and get. A device that has them
	 * may still be at work when run returns; put, stage, run, get, ask, clear and copy take
	 * effect in the order in which they are called. stage: where to write these bytes; they count from the
	 * next call on. *to is NULL when they are too many: use put. */
	Status (*stage)(Dev *, int slab, int64_t offset, int64_t bytes, void **to);
	/* ask: for up to 64 bytes as everything called before leaves them (0: only whether that is
	 * done); take: wait for the oldest that was asked for. At most 256 at a time. */
	Status (*ask)(Dev *, int slab, int64_t offset, int64_t bytes);
	Status (*take)(Dev *, void *to);
	/* Zeros to a place; bytes from one place to another, which do not overlap. */
	Status (*clear)(Dev *, int slab, int64_t offset, int64_t bytes);
	Status (*copy)(Dev *, int slab, int64_t offset, int from, int64_t from_offset,
	               int64_t bytes);
	/* bytes by which the device's own count of free memory fell while slabs were allocated */
	int64_t (*taken)(Dev *);
	/* Operations and bytes a second that it reaches at best, measured now or known (cost.h);
	 * out->device is NULL where neither can be had. */
	Status (*rates)(Dev *, struct Rates *out);
} Device;
Status device_load(const char *name, const Device **out); /* dlopen + symbol d2v_device */

/* ---- exec.c: a program on a device, with its host scalars ----------------------------------- */

typedef struct {
	Program      *p;
	const Device *device;
	Dev          *dev;
	/* total steps of the run; steps per epoch: for host expressions */
	double steps, spe;
	/* per entry: its scalars' expressions, parsed by exec_open */
	const struct Expr *const *scalar;
	const char               *folder; /* of the program */
	/* data_fingerprint of what it trains on; NULL: nothing, or nobody should care */
	const char *data_hash;
	/* exec_move.c: what was asked for and not taken, memory of exec_stage */
	struct ExecMove *move;
} Exec;
/* parse + verify + open */
Status exec_open(Arena *a, const char *folder, const char *device, const char *cache, Exec **out);
void   exec_close(Exec *x);
/* evaluate and put every host scalar */
Status exec_scalars(Exec *x, const Entry *e, int64_t step);
/* get one output; FAIL when absent */
Status exec_output(Exec *x, const Entry *e, const char *name, float *to);
/* Numbers of a step without waiting for it: ask for the n named outputs (scalars, f32) after a run;
 * take gives those of the oldest request. exec_ahead: how many requests a loop should leave open
 * (0: the device is done when run returns). */
Status exec_ask(Exec *x, const Entry *e, const char *const *name, int n);
Status exec_take(Exec *x, int n, double *to);
int    exec_ahead(const Exec *x);
/* Bytes for the next run, written in place where the device allows it: fill *to, then exec_staged.
 */
Status          exec_stage(Exec *x, int slab, int64_t offset, int64_t bytes, void **to);
Status          exec_staged(Exec *x);
const Variable *exec_variable(const Exec *x, const char *name); /* NULL when absent */
/* What names of the average's variables begin with, such as `teacher.`; "" without an average. */
const char *exec_average_prefix(Arena *a, const Recipe *r);
/* Whose gradient an output is, NULL for no gradient. Its axes may be in another order. */
const Variable *exec_gradient_of(const Exec *x, const OutputSpec *o);

/* ---- expr.c: the host expression language of Scalar.expr and Recipe.stop -------------------- */
typedef struct {
	const char *name;
	double      value;
} Binding;
/* sin cos exp log sqrt floor abs min max pow finite; + - * / ^ ! && || < <= > >= == != ?: ( )
 * numbers pi. FAIL + report on a syntax error or unknown name. */
Status expr_eval(const char *expr, const Binding *b, int nb, double *out);
/* The same in two halves, so that a step parses nothing: parse once (only the names of b matter),
 * run with values in that order. */
enum { EXPR_MAX = 200 };
typedef struct Expr {
	int n;
	struct {
		int    op, which;
		double value;
	} at[EXPR_MAX];
} Expr;
Status expr_parse(const char *expr, const Binding *b, int nb, Expr *out);
double expr_run(const Expr *e, const double *value);

/* ---- init.c init_draw.c: starting values (Init's rules), into host memory or the device ------ */
/* elements first .. first + n - 1 of a variable that is drawn */
void init_draw(const Variable *v, uint64_t seed, int64_t first, int64_t n, float *out);
/* not INIT_copy */
Status init_variable(const Recipe *r, const Variable *v, uint64_t seed, float *out);
Status init_all(Exec *x, uint64_t seed); /* every variable, copies included */

/* ---- data.c data_idx.c data_folder.c augment.c: samples -> batches -------------------------- */

typedef struct Data Data;
typedef struct {
	uint64_t seed;
	int      workers;    /* decoding threads; 0 = a sensible number */
	int64_t  start_step; /* first batch wanted (resume) */
	/* shuffle + augment + draws; else file order, resize shorter side + centre crop, no draws,
	 * last batch padded */
	bool train;
	int  max_bad; /* unreadable files tolerated before FAIL (default 100) */
	/* train = false: only so many samples, a subset drawn from the seed, in file order; 0 = all
	 */
	int64_t limit;
} DataOptions;
typedef struct {
	int64_t step, epoch;
	/* real samples; the rest of the batch (evaluation only) repeats the last */
	int       n;
	float    *image;  /* [batch, C, Y, X], scaled by mean and std */
	uint32_t *sample; /* ids: position in the sorted file list or IDX file */
	uint8_t **mask;   /* per Recipe.draw: [batch, gy*gx] */
	int32_t  *label;  /* class index, -1 when unknown */
} Batch;
/* path: an IDX file (images; labels found beside it by name), a folder holding IDX files, or a
 * folder of class folders. part "train" or "test" chooses among the IDX files of a folder. */
Status
data_open(const Recipe *r, const char *path, const char *part, const DataOptions *o, Data **out);
void    data_close(Data *d);
int64_t data_samples(const Data *d);
/* 32 hex digits: the same for the same samples, wherever they lie */
const char *data_fingerprint(const Data *d);
int64_t     data_steps_per_epoch(const Data *d); /* floor(samples / batch) */
int         data_classes(const Data *d);
const char *data_class_name(const Data *d, int label);
/* its file, or its place in an IDX file */
const char *data_sample_name(const Data *d, Arena *a, uint32_t sample);
int64_t     data_bad(const Data *d); /* unreadable files so far */
/* the next batch in order; waits for the workers; *out NULL after the last (evaluation) */
Status data_next(Data *d, Batch **out);
void   data_done(Data *d, Batch *b); /* give the batch back */

/* ---- draw.c: host-side draws ---------------------------------------------------------------- */
/* data2vec-vision.md section 3; mask[gy*gx] */
void draw_block_mask(const DrawSpec *d, Stream *s, uint8_t *mask);

/* ---- checkpoint.c --------------------------------------------------------------------------- */
/* RUN/checkpoint-00001234.safetensors: every variable, metadata step, seed, spec name and hash,
 * format version, data hash, content hash of the tensors. keep: older ones beyond that number are
 * removed after the new one is safe. */
Status checkpoint_save(Exec *x, const char *run, int64_t step, uint64_t seed, int keep);
/* path NULL when there is none */
Status checkpoint_latest(Arena *a, const char *run, char **path, int64_t *step);
/* strict; refuses another spec, other data than x->data_hash, truncated or edited files */
Status checkpoint_load(Exec *x, const char *path, int64_t *step, uint64_t *seed);

/* ---- feed.c: `d2v step` --------------------------------------------------------------------- */
/* Load variables from a safetensors file by spec name or through a `names` table (which: table name
 * or NULL = try both). */
Status feed_init(Exec *x, const char *path, uint64_t seed);

/* ---- log.c events.c report.c ---------------------------------------------------------------- */
typedef struct Log Log;
/* log.jsonl, events file; on resume lines past resume_step are dropped */
Status log_open(const char *run, const Recipe *r, bool resume, int64_t resume_step, Log **out);
void   log_step(Log *l, int64_t step, const char *const *names, const double *values, int n,
                double samples_per_second);
Status log_close(Log *l);
/* one line, redrawn on a terminal; plain lines now and then otherwise */
void
progress(int64_t step, int64_t steps, double loss, double samples_per_second, double seconds_left);
void progress_end(void);
/* RUN/report.html from RUN/log.jsonl (and RUN/eval.json when there): one self-contained file */
Status report_write(const char *run, const Program *p);

/* ---- knn.c probe.c evaluate.c --------------------------------------------------------------- */
/* Features [n][dim] f32, row-major; labels [n]. Deterministic. Accuracies in [0, 1]. */
typedef struct {
	const float   *x;
	const int32_t *y;
	int64_t        n, dim;
} Labelled;
/* cosine, weighted votes exp(s / 0.07) */
Status
knn_accuracy(const Labelled *train, const Labelled *test, int k, int classes, double *accuracy);
/* softmax regression on standardised features, L2 chosen on a held-out tenth of train */
Status probe_accuracy(const Labelled *train, const Labelled *test, int classes, double *accuracy);
/* Wilson, 95 % */
void accuracy_interval(double accuracy, int64_t n, double *lo, double *hi);

/* ---- the verbs: train.c step.c evaluate.c; argv after the verb ------------------------------ */
int verb_train(int argc, char **argv);
int verb_step(int argc, char **argv);
int verb_eval(int argc, char **argv);

#endif
