/* phase: where the time until the first step goes. With D2V_PHASES=1 each call writes one line to
 * standard error: what has just ended, milliseconds since the call before, processor time of all
 * threads in them, milliseconds since the process first called. */
#include "compiler/base/base.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static double
seconds(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void
phase(const char *what)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int             wanted = -1;
	static double          first, wall, cpu;
	pthread_mutex_lock(&lock);
	if (wanted < 0) {
		const char *asked = getenv("D2V_PHASES");
		wanted = asked && *asked && *asked != '0';
		first = wall = seconds(CLOCK_MONOTONIC);
		cpu = 0; /* what loading the program took counts */
	}
	if (wanted) {
		double w = seconds(CLOCK_MONOTONIC), c = seconds(CLOCK_PROCESS_CPUTIME_ID);
		fprintf(stderr, "phase %8.2f ms  cpu %8.2f ms  at %8.2f ms  %s\n", 1e3 * (w - wall),
		        1e3 * (c - cpu), 1e3 * (w - first), what);
		wall = w;
		cpu = c;
	}
	pthread_mutex_unlock(&lock);
}
