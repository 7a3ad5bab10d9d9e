/* Shared by the files of the runtime that read and write files: safetensors.c, checkpoint.c,
 * feed.c, step.c, log.c, events.c, report.c, report_html.c. Nobody else includes it. */
#ifndef D2V_RUNTIME_FILES_PRIVATE_H
#define D2V_RUNTIME_FILES_PRIVATE_H

#include "compiler/page/page.h"
#include "runtime/runtime.h"

/* ---- checkpoint.c --------------------------------------------------------------------------- */

/* Names for a message, one a line, that stays readable when there are hundreds. */
typedef struct {
	Text text;
	int  n;
} NameList;
void        names_add(NameList *l, const char *fmt, ...) PRINTF(2, 3);
const char *names_end(NameList *l); /* the lines; text_free(&l->text) afterwards */

/* ---- feed.c --------------------------------------------------------------------------------- */

/* feed_init with a chosen names table (NULL: any table of the program). */
Status         feed_load(Exec *x, const char *path, const char *table, uint64_t seed);
Status         feed_check_table(const Recipe *r, const char *table); /* NULL is always right */
const NameMap *feed_name_row(const Recipe *r, const char *table, const char *foreign);
/* its average or moment, or NULL */
const Variable *feed_companion(const Recipe *r, const Variable *param, VarKind kind);

/* ---- step_batch.c: what a feed file gives each step ----------------------------------------- */

typedef struct StepBatch StepBatch;
typedef struct {
	int64_t  steps, first; /* how many, and the number of the first */
	uint64_t seed;
} StepRange;
/* Read and check everything the steps will need; then fill the inputs of the k-th step (from 0),
 * after exec_scalars, whose values fed scalars replace. path NULL: nothing is fed. */
Status step_batch_open(Arena *a, Exec *x, const Entry *e, const char *path, const StepRange *range,
                       StepBatch **out);
Status step_batch_put(StepBatch *b, int64_t k);
/* The name of an output that is this scalar, or NULL. */
const char *step_scalar_name(const Entry *e, const Scalar *s);

/* ---- step_dump.c: what a dump file holds ---------------------------------------------------- */

typedef struct StepDump StepDump;
Status
step_dump_open(Arena *a, Exec *x, const Entry *e, const char *table, int64_t steps, StepDump **out);
Status step_dump_take(StepDump *d, int64_t k); /* outputs, after step k */
/* a rank-0 f32 output; NaN when absent */
float  step_dump_value(const StepDump *d, const char *name, int64_t k);
Status step_dump_write(StepDump *d, const char *path); /* with the variables as they are now */

/* ---- events.c ------------------------------------------------------------------------------- */

uint32_t crc32c(const void *data, size_t n);
/* One framed record each: the version line that opens a file, and the scalars of one step. */
void events_header(Text *out, double wall_time);
void events_scalars(Text *out, double wall_time, int64_t step, const char *const *names,
                    const double *values, int n);

/* ---- log.c ---------------------------------------------------------------------------------- */

void json_number(Text *out, double x); /* "NaN", "Infinity", "-Infinity" quoted */

/* ---- report.c -> report_html.c -------------------------------------------------------------- */

/* What the page is made of. */
typedef struct {
	const Program *p;
	RunLog         log;
	RunResults     results;
	int64_t        steps; /* of this run, which --steps may have set; 0: not known */
} Report;

void report_html(Arena *a, const Report *r, Text *out);

#endif
