/* What the files of the room report share. */
#ifndef D2V_REPORT_PRIVATE_H
#define D2V_REPORT_PRIVATE_H

#include "compiler/report/report.h"

/* ---- words.c: numbers for people, and what links hang on ------------------------------------ */
const char *say_bytes(Arena *a, double bytes);           /* 1.5 MiB */
const char *say_count(Arena *a, double x);               /* 12.3 G */
const char *say_seconds(Arena *a, double s);             /* 12.40 ms */
const char *say_share(Arena *a, double part, double of); /* 12.3 % */
/* <a href=..>vit.d2v:36</a>, or text */
const char *line_link(Arena *a, const ReportInput *in, Loc loc);
const char *line_says(Arena *a, const ReportInput *in, Loc loc); /* the line's text, or "" */
const char *kernel_link(Arena *a, const ReportInput *in, const char *name);
int         kernel_row(const Ledger *l, const char *name); /* its number on the page, or -1 */
/* a JSON string that may stand inside <script> */
void json_safe(Text *t, const char *s);

/* ---- the sections, in the order of the page ------------------------------------------------- */
void report_measured(Arena *a, const ReportInput *in, Text *out);
void report_lines(Arena *a, const ReportInput *in, Text *out);
void report_memory(Arena *a, const ReportInput *in, Text *out);
void report_passes(Arena *a, const ReportInput *in, Text *out);
void report_kernels(Arena *a, const ReportInput *in, Text *out);

/* ---- change.c: which line of a graph's text was which before a pass ------------------------- */
typedef struct {
	int   nold, nnew;
	int  *from;                                    /* per new line: the old one, or -1: added */
	bool *changed, *moved;                         /* per new line that has an old one */
	int   nodes, added, removed, nchanged, nmoved; /* nodes: of the new text */
} StageChange;
/* was: NULL for the first */
StageChange *stage_change(Arena *a, const Stage *was, const Stage *is);

extern const char page_css[], page_js[];

#endif
