/* profile.c for the verbs that measure: train --profile and bench. */
#ifndef D2V_PROFILE_H
#define D2V_PROFILE_H

#include "compiler/program/cost.h"
#include "runtime/run_private.h"

typedef struct {
	Arena         *a;
	const Program *p;
	const Entry   *e;
	const char    *device;
	const double  *seconds; /* per step of the entry, summed over runs */
	int64_t        runs;
	const Rates   *rates; /* NULL: unknown */
	bool           all;   /* every row as text */
} Profile;
/* What the device of x reaches; *out is NULL when that is unknown. Takes part of a second on a
 * processor. */
Status profile_rates(Arena *a, Exec *x, const Rates **out);
void   profile_text(FILE *to, const Profile *f);
void   profile_json(Text *t, const Profile *f); /* members of an object, without braces */
/* What a run measured: as text on stderr, and all of it into RUN/profile.json. */
Status profile_run(Arena *a, Exec *x, const Entry *e, const double *seconds, int64_t runs,
                   const char *run);

#endif
