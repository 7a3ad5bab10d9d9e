/* Shared by the files of the runtime that read and write files: safetensors.c, checkpoint.c,
 * feed.c, step.c, log.c, events.c, report.c, report_html.c. Nobody else includes it. */
#ifndef D2V_RUNTIME_FILES_PRIVATE_H
#define D2V_RUNTIME_FILES_PRIVATE_H

#include "compiler/page/page.h"
#include "runtime/runtime.h"

/* ---- safetensors.c, safetensors_write.c: writing a piece at a time, for files larger than memory allows twice --- */

typedef struct {
	int         fd;
	const char *path, *temporary;
	int64_t     header, bytes, written; /* length of header with its size, of all tensors, so far */
} StWriter;

/* A copy with tensors and metadata sorted by name, every tensor's bytes and name checked. */
Status st_sorted(Arena *a, const char *path, const StFile *f, StFile **out);
/* The bytes in front of the tensors: size, JSON, padding. f must come from st_sorted. */
void   st_header(const StFile *f, Text *out);
/* Begin path.tmp with f's header (f from st_sorted; data may be NULL), then append every tensor's
 * bytes in order, then finish: fsync, rename, fsync the folder. On FAIL the temporary file is
 * gone. */
Status st_begin(Arena *a, const char *path, const StFile *f, StWriter *w);
Status st_append(StWriter *w, const void *data, int64_t bytes);
Status st_patch(StWriter *w, int64_t at, const void *data, size_t n); /* overwrite bytes of the header */
Status st_finish(StWriter *w);
void   st_abandon(StWriter *w);

void        st_sort(StFile *f);                   /* tensors and metadata by name */
int64_t     st_bytes(const StTensor *t);          /* what dtype and shape take; -1 when unknown or too large */
const char *st_dtype(Dtype d);                    /* the format's name of one of our dtypes */
StTensor    st_tensor(const char *name, const Type *type, const void *data); /* data as it lies in memory */
char       *st_shape_text(Arena *a, const int64_t *dim, int n);

/* ---- checkpoint.c -------------------------------------------------------------------------- */

/* Names for a message, one a line, that stays readable when there are hundreds. */
typedef struct {
	Text text;
	int  n;
} NameList;
void        names_add(NameList *l, const char *fmt, ...) PRINTF(2, 3);
const char *names_end(NameList *l);               /* the lines; text_free(&l->text) afterwards */

/* ---- feed.c, feed_convert.c ---------------------------------------------------------------- */

/* feed_init with a chosen names table (NULL: any table of the program). */
Status feed_load(Exec *x, const char *path, const char *table, uint64_t seed);
/* count elements of t from first on, converted; FAIL + report when a value or the dtype does not
 * fit. */
Status feed_convert(const char *path, const StTensor *t, int64_t first, int64_t count, Dtype to, void *out);
/* Can a tensor of shape `dim` be read as `want` without moving an element: equal counts, and the
 * axes of one are groups of neighbouring axes of the other; ones do not matter. */
bool   feed_shapes_agree(const int64_t *dim, int n, const int64_t *want, int m);
Status feed_check_table(const Recipe *r, const char *table); /* NULL is always right */
const NameMap *feed_name_row(const Recipe *r, const char *table, const char *foreign);
const Variable *feed_companion(const Recipe *r, const Variable *param, VarKind kind); /* its average or moment, or NULL */

/* ---- step_batch.c: what a feed file gives each step ---------------------------------------- */

typedef struct StepBatch StepBatch;
typedef struct {
	int64_t  steps, first;     /* how many, and the number of the first */
	uint64_t seed;
} StepRange;
/* Read and check everything the steps will need; then fill the inputs of the k-th step (from 0),
 * after exec_scalars, whose values fed scalars replace. path NULL: nothing is fed. */
Status step_batch_open(Arena *a, Exec *x, const Entry *e, const char *path, const StepRange *range, StepBatch **out);
Status step_batch_put(StepBatch *b, int64_t k);
/* The name of an output that is this scalar, or NULL. */
const char *step_scalar_name(const Entry *e, const Scalar *s);

/* ---- step_dump.c: what a dump file holds --------------------------------------------------- */

typedef struct StepDump StepDump;
Status step_dump_open(Arena *a, Exec *x, const Entry *e, const char *table, int64_t steps, StepDump **out);
Status step_dump_take(StepDump *d, int64_t k);            /* outputs, after step k */
float  step_dump_value(const StepDump *d, const char *name, int64_t k); /* a rank-0 f32 output; NaN when absent */
Status step_dump_write(StepDump *d, const char *path);    /* with the variables as they are now */

/* ---- events.c ------------------------------------------------------------------------------ */

uint32_t crc32c(const void *data, size_t n);
/* One framed record each: the version line that opens a file, and the scalars of one step. */
void events_header(Text *out, double wall_time);
void events_scalars(Text *out, double wall_time, int64_t step, const char *const *names,
                    const double *values, int n);

/* ---- log.c --------------------------------------------------------------------------------- */

void json_quote(Text *out, const char *s);
void json_number(Text *out, double x);            /* "NaN", "Infinity", "-Infinity" quoted */

/* ---- report.c -> report_html.c ------------------------------------------------------------- */

/* One figure of RUN/eval.json. */
typedef struct {
	const char *encoder, *metric, *note;
	double      value, lo, hi;       /* lo > hi: no interval */
} ResultRow;

typedef struct {
	const Program  *p;
	RunLog          log;
	Vec(ResultRow)  result;
	const char     *result_note;     /* under which conditions */
} Report;

void report_html(Arena *a, const Report *r, Text *out);

#endif
