/* emulate: an access of a kernel to memory, and who is told of it. C and C++ in one, for the kernels' side (emulate_launch.h,
 * which is text that a compiler gets with each program) and the device's (device_emulate_race.c). */
#ifndef D2V_EMULATE_TOUCH_H
#define D2V_EMULATE_TOUCH_H

#include <stdbool.h>

typedef struct {
	const void *at, *pc;
	long long   shared; /* place in the shared memory of the block, -1: not there */
	unsigned    bytes, interval, block_began;
	int         thread;
	bool        writes;
} Touch;

/* `tell` gives NULL, or the sentence with which the launch ends. */
typedef struct {
	const char *(*tell)(void *with, const Touch *a);
	void    *with;
	unsigned interval; /* one begins with each block and behind each barrier */
} Watch;

#endif
