/* report: a program as one HTML page - the spec with what each line costs, memory over the step,
 * the graph after each pass, each kernel's source, and of a run its curves and measured times.
 * Includes base, program, ledger, page. Compiles, measures and decides nothing: every number comes
 * from the ledger, the log or the profile. The same input gives the same bytes. */
#ifndef D2V_REPORT_H
#define D2V_REPORT_H

#include "compiler/ledger/ledger.h"
#include "compiler/page/page.h"

/* A file of the spec. Of a program without its spec, only the lines that its kernels quote. */
typedef struct {
	const char  *file;
	int          nline;
	const char **line; /* line[i] is line i + 1; NULL: not known */
	bool         whole;
} SpecText;

/* A graph as text, after a pass. Graphs come one after the other, each from "lower" on. */
typedef struct {
	const char *graph, *pass, *does, *text;
	size_t      n;
} Stage;

/* A row of RUN/profile.json: what was measured of what was predicted. */
typedef struct {
	const char *name;
	int         calls;
	double      ms, floor_ms; /* floor_ms < 0: not known */
} Measured;
typedef struct {
	const char *device;
	int64_t     runs;
	Measured    total;
	Vec(Measured) kinds, roles, lines, kernels;
} MeasuredRun;
/* RUN/profile.json, or NULL in *out when there is none. */
Status measured_read(Arena *a, const char *path, MeasuredRun **out);

typedef struct {
	const char        *title, *settings; /* as the user named it; "--set B=8", or "" */
	const Ledger      *ledger;
	const char *const *text; /* per kernel: its source */
	SpecText          *spec;
	int                nspec;
	const char        *spec_note; /* said above the spec, or NULL */
	Stage             *stage;
	int                nstage;
	const RunLog      *log;      /* of a run, or NULL */
	const RunResults  *results;  /* of a run, or NULL */
	const MeasuredRun *measured; /* or NULL */
} ReportInput;
Status report_page(Arena *a, const ReportInput *in, Text *out);

/* The spec's files as the program's steps and variables name them. read: from the disk, trusted
 * only where the kernels quote the same lines; else as the front end registered them. */
void report_spec(Arena *a, ReportInput *in, const char *main_file, bool read);

#endif
