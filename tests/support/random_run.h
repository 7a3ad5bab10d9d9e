/* random_run: many random graphs through the checks of random_check.h, for the unit test and for
 * the program random-graphs. */
#ifndef D2V_RANDOM_RUN_H
#define D2V_RANDOM_RUN_H

#include "tests/support/random_check.h"

enum { RANDOM_BATCH = 24 }; /* graphs of one run of the C compiler */

typedef struct {
	uint64_t    first;
	int64_t     count;   /* seeds from `first` on; 0: until the seconds are over */
	double      seconds; /* 0: all of count */
	const char *device;  /* NULL: passes and code generation only; "cpu", "emulate": programs
	                        run, too */
	int         jobs;
	bool        progress; /* a line on stderr, redrawn */
} RunOptions;

typedef struct {
	int64_t done, refused, failed;
	int     ops[2][OP_COUNT]; /* nodes before the first pass; nodes after each pass */
} RunResult;

/* golden: text of a golden test for each graph that failed. FAIL only when it cannot be done at all
 * (reported). */
Status random_run(const RunOptions *o, RunResult *out, Text *golden);

#endif
