/* ledger: what a program takes - bytes by owner and by spec line, work, predicted time - before a
 * device is touched; and how two programs differ. Includes base, ir and program. Reads finished
 * programs and changes none; measures nothing. */
#ifndef D2V_LEDGER_H
#define D2V_LEDGER_H

#include "compiler/program/cost.h" /* Rates, StepRole, StepCost */

/* ---- ledger.c: the ledger of one entry ------------------------------------------------------ */

typedef enum {
	OWNER_parameters,
	OWNER_averages,
	OWNER_moments,
	OWNER_gradients,
	OWNER_inputs,
	OWNER_scalars,
	OWNER_tables,
	OWNER_activations,
	OWNER_scratch,
	OWNER_padding,
	OWNERS
} Owner;
extern const char *const owner_name[OWNERS];

/* A value that steps make (program.h: Named), by its number. */
typedef struct {
	/* activations, gradients, scratch; a variable's kind when it becomes one */
	Owner   owner;
	int64_t bytes; /* written, each once */
	/* the first step that writes it; it lives from step `first` to `last` */
	int  made, first, last;
	bool output;
} LedgerValue;

typedef StepCost LedgerStep;

/* Steps that have something in common: kernel, kind, role, line. Sorted by time, longest first. */
typedef struct {
	const char *name; /* "models/vit.d2v:12" for a line */
	Loc         loc;  /* of a line */
	int         steps;
	double      flops, bytes, seconds, role_seconds[ROLES];
	/* bytes of activations its steps made that live at the peak */
	int64_t at_peak;
	int     values_at_peak;
} LedgerRow;
typedef struct {
	LedgerRow *at;
	int        n;
} LedgerRows;

typedef struct {
	const Program *program;
	const Entry   *entry;
	Rates          rates;
	int            cores;
	/* bytes of all slabs: what the device allocates for them */
	int64_t total;
	int64_t owner[OWNERS];         /* adds up to total */
	int64_t (*slab_owner)[OWNERS]; /* per slab: adds up to its bytes */
	int          nvalue;           /* numbers 1 .. nvalue, at value[number] */
	LedgerValue *value;
	/* per step: bytes of activations that live while it runs */
	int64_t    *live;
	int         peak;                  /* the step where most do; -1 when there is none */
	int64_t     peak_bytes, act_bytes; /* what lives there; the slabs that hold it */
	LedgerStep *step;
	double      flops, bytes, seconds;
	LedgerRows  kernels, kinds, roles, lines;
} Ledger;
Ledger *ledger_make(Arena *a, const Program *p, const Entry *e, const Rates *rates, int cores);

/* ---- print.c, json.c ------------------------------------------------------------------------ */
void        ledger_text(const Ledger *l, Text *out);
void        ledger_json(const Ledger *l, Text *out);
void        ledger_trace(const Ledger *l, Text *out); /* for chrome://tracing and Perfetto */
const char *size_text(char out[24], double bytes);    /* 1.5 MiB */
const char *count_text(char out[24], double x);       /* 12.4 G */
const char *time_text(char out[24], double seconds);  /* 12.40 ms */

/* ---- diff.c: two programs ------------------------------------------------------------------- */

/* identical: proved from the programs, every bit (of cuBLASLt's codes for a gemm, the same choice
 * taken for granted). reordered: the same formulas, which another rounding tells apart: sums in
 * another order, a product and a sum fused or not. */
typedef enum { NUMERICS_identical, NUMERICS_reordered, NUMERICS_different } Numerics;
extern const char *const numerics_name[];

/* A program and the text of its kernels: text[i] is that of kernel i. */
typedef struct {
	const char *title; /* as the user named it */
	/* from a spec just now: the program is what the compiler meant */
	bool               compiled;
	const Program     *program;
	const char *const *text;
} Side;

/* was or is NULL: only in the other */
typedef struct {
	const char *topic, *name, *was, *is;
} Change;
typedef struct {
	Side        side[2];
	Ledger     *ledger[2]; /* of "train", or of the first entry */
	Numerics    numerics;
	const char *reason;
	Change     *change;
	int         n;
	/* of one text, and of these launched more or less often; .. */
	int  kernels_same, kernels_launches, kernels_other, kernels_only[2];
	bool all; /* diff_text: every change; set it before */
} ProgramDiff;
ProgramDiff *program_diff(Arena *a, Side x, Side y);
void         diff_text(const ProgramDiff *d, Text *out);
void         diff_json(const ProgramDiff *d, Text *out);

#endif
