/* emulate: a launch. Where threads meet, and in which order they run until they do. Third part of
 * emulate.h, which says what all of it is for. Knows no kernel. */
#ifndef D2V_EMULATE_LAUNCH_H
#define D2V_EMULATE_LAUNCH_H

#ifndef D2V_EMULATE_FIBER_H
#include "runtime/emulate_fiber.h"
#endif

namespace emulate
{

/* ---- shared memory -------------------------------------------------------------------------- */

/* The first thread of a block that comes to a static shared array fills it. */
EMULATE_OUTLINE void
shared_fill(unsigned long long *epoch, void *at, size_t bytes)
{
	State &s = state;
	*epoch = s.epoch;
	memset(at, 0xFF, bytes);
	if (s.nstatic == MOST_SHARED)
		wrong("more than %d shared arrays", (int)MOST_SHARED);
	s.fixed[s.nstatic].at = (char *)at;
	s.fixed[s.nstatic++].bytes = bytes;
}
static inline void
shared_enter(unsigned long long *epoch, void *at, size_t bytes)
{
	if (*epoch != state.epoch)
		shared_fill(epoch, at, bytes);
}

EMULATE_OUTLINE bool
is_shared(const void *at, size_t bytes)
{
	const State &s = state;
	const char  *p = (const char *)at;
	if (p >= s.shared && p + bytes <= s.shared + s.shared_bytes)
		return true;
	for (int i = 0; i < s.nstatic; i++)
		if (p >= s.fixed[i].at && p + bytes <= s.fixed[i].at + s.fixed[i].bytes)
			return true;
	return false;
}

/* ---- who is told ---------------------------------------------------------------------------- */

/* Static shared arrays lie behind the dynamic one, in the order in which they were entered. */
EMULATE_OUTLINE long long
shared_place(const void *at)
{
	const State &s = state;
	const char  *p = (const char *)at;
	long long    before = s.shared_bytes;
	if (p >= s.shared && p < s.shared + s.shared_bytes)
		return p - s.shared;
	for (int i = 0; i < s.nstatic; i++) {
		if (p >= s.fixed[i].at && p < s.fixed[i].at + s.fixed[i].bytes)
			return before + (p - s.fixed[i].at);
		before += (long long)s.fixed[i].bytes;
	}
	return -1;
}

EMULATE_OUTLINE void
touch_as(int thread, const void *at, unsigned bytes, bool writes, const void *pc)
{
	State &s = state;
	if (s.watch == NULL || thread < 0)
		return;
	const Touch a = {at,     pc,    shared_place(at), bytes, s.watch->interval, s.block_began,
	                 thread, writes};
	const char *said = s.watch->tell(s.watch->with, &a);
	if (said) {
		s.current = thread; /* a collective's accesses are its lanes' */
		wrong("%s", said);
		s.current = -1;
	}
}

EMULATE_OUTLINE void
touch(const void *at, unsigned bytes, bool writes, const void *pc)
{
	touch_as(state.current, at, bytes, writes, pc);
}

/* ---- where threads meet --------------------------------------------------------------------- */

EMULATE_OUTLINE Thread &
here(void)
{
	return state.thread[state.current];
}

EMULATE_OUTLINE void
meet(What what, int line)
{
	State &s = state;
	int    t = s.current;
	s.thread[t].what = what;
	s.thread[t].line = line;
	leave();
}

static inline float
bf16_to_float(uint32_t bits)
{
	float x;
	bits <<= 16;
	memcpy(&x, &bits, 4);
	return x;
}

/* c += a b for one 16 x 8 tile, k = 16: products of bf16 are exact in double, and the sum is
 * rounded once. */
EMULATE_OUTLINE void
warp_mma(Thread *lane)
{
	static double a[16][16], b[16][8], c[16][8];
	for (int l = 0; l < LANES; l++) {
		int row = l / 4, col = l % 4 * 2;
		for (int i = 0; i < 4; i++)
			for (int h = 0; h < 2; h++)
				a[row + i % 2 * 8][col + i / 2 * 8 + h] =
					bf16_to_float(lane[l].a[i] >> 16 * h & 0xFFFF);
		for (int i = 0; i < 2; i++)
			for (int h = 0; h < 2; h++)
				b[col + i * 8 + h][row] =
					bf16_to_float(lane[l].b[i] >> 16 * h & 0xFFFF);
		for (int i = 0; i < 4; i++)
			c[row + i / 2 * 8][col + i % 2] = lane[l].c[i];
	}
	for (int m = 0; m < 16; m++)
		for (int k = 0; k < 16; k++)
			for (int n = 0; n < 8; n++)
				c[m][n] += a[m][k] * b[k][n];
	for (int l = 0; l < LANES; l++)
		for (int i = 0; i < 4; i++)
			lane[l].c[i] = (float)c[l / 4 + i / 2 * 8][l % 4 * 2 + i % 2];
}

/* Matrix j's row r lies at the address that lane 8 j + r gave. */
EMULATE_OUTLINE void
warp_ldmatrix(Thread *lane, int first)
{
	int  count = abs(lane[0].number);
	bool trans = lane[0].number < 0;
	for (int l = 0; l < 8 * count; l++) {
		if ((uintptr_t)lane[l].row % 16)
			return wrong("ldmatrix of line %d: thread %d gives an address that is not "
			             "16-byte aligned",
			             lane[l].line, first + l);
		if (!is_shared(lane[l].row, 16))
			return wrong("ldmatrix of line %d: the 16 bytes at thread %d's address are "
			             "not in shared memory",
			             lane[l].line, first + l);
	}
	for (int l = 0; l < LANES; l++)
		for (int j = 0; j < count; j++) {
			uint16_t half[2];
			for (int h = 0; h < 2; h++) {
				int row = trans ? l % 4 * 2 + h : l / 4,
				    col = trans ? l / 4 : l % 4 * 2 + h;
				const char *from = (const char *)lane[8 * j + row].row + 2 * col;
				touch_as(first + l, from, 2, false, lane[l].pc);
				memcpy(&half[h], from, 2);
			}
			lane[l].out[j] = half[0] | (uint32_t)half[1] << 16;
		}
}

/* All lanes are at the same collective: do it. */
EMULATE_OUTLINE void
collective(Thread *lane, int first)
{
	uint32_t value[LANES];
	switch (lane[0].what) {
	case SHUFFLE:
		for (int l = 0; l < LANES; l++)
			value[l] = lane[lane[l].number & (LANES - 1)].value;
		for (int l = 0; l < LANES; l++)
			lane[l].value = value[l];
		break;
	case MMA:
		warp_mma(lane);
		break;
	case LDMATRIX:
		warp_ldmatrix(lane, first);
		break;
	case READY:
	case BARRIER:
	case ENDED:
		break;
	}
	for (int l = 0; l < LANES; l++)
		lane[l].what = READY;
}

/* ---- orders --------------------------------------------------------------------------------- */

EMULATE_OUTLINE uint32_t
draw(uint32_t below)
{
	uint64_t z = state.random += 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return (uint32_t)((z ^ z >> 31) % below);
}

/* first .. first + n - 1 in the order that was asked for */
EMULATE_OUTLINE void
ordered(int *out, int first, int n)
{
	const State &s = state;
	for (int i = 0; i < n; i++)
		out[i] = first + (s.order == State::REVERSE ? n - 1 - i : i);
	if (s.order == State::SHUFFLED)
		for (int i = n - 1; i > 0; i--) {
			int j = (int)draw((uint32_t)i + 1), keep = out[i];
			out[i] = out[j];
			out[j] = keep;
		}
}

EMULATE_OUTLINE bool
order_read(void)
{
	State      &s = state;
	const char *order = getenv("D2V_EMULATE_ORDER");
	s.random = 0;
	s.order = State::FORWARD;
	if (order == NULL || *order == 0 || strcmp(order, "forward") == 0)
		return true;
	if (strcmp(order, "reverse") == 0) {
		s.order = State::REVERSE;
		return true;
	}
	s.order = State::SHUFFLED;
	if (strcmp(order, "shuffle") == 0)
		return true;
	char *end = NULL;
	if (strncmp(order, "shuffle:", 8) == 0 && order[8] >= '0' && order[8] <= '9')
		s.random = strtoull(order + 8, &end, 10);
	if (end && *end == 0)
		return true;
	snprintf(s.said, sizeof s.said,
	         "D2V_EMULATE_ORDER is forward, reverse or shuffle[:SEED], not `%s`", order);
	return false;
}

/* ---- the scheduler -------------------------------------------------------------------------- */

/* Each lane of the warp runs until it waits or has ended. */
EMULATE_OUTLINE void
warp_advance(int first, int lanes)
{
	State &s = state;
	ordered(s.lane, first, lanes);
	if (!s.thread[first].begun) {
		s.batch = 0;
		s.batch_end = lanes;
		while (s.batch < s.batch_end && !s.failed)
			enter(fiber_take());
		s.batch_end = 0;
		return;
	}
	for (int i = 0; i < lanes && !s.failed; i++) {
		Thread &t = s.thread[s.lane[i]];
		if (t.what != READY)
			continue;
		s.current = s.lane[i];
		threadIdx.x = (unsigned)s.current;
		enter(t.fiber);
	}
}

/* The warp runs until all its lanes are at the barrier, or all have ended. */
EMULATE_OUTLINE void
warp_run(int first)
{
	State  &s = state;
	int     lanes = s.block - first < LANES ? s.block - first : (int)LANES;
	Thread *t = s.thread + first;
	for (;;) {
		warp_advance(first, lanes);
		if (s.failed)
			return;
		for (int l = 1; l < lanes; l++)
			if (t[l].what != t[0].what ||
			    (t[l].what != ENDED && t[l].line != t[0].line))
				return wrong_meeting(first, first + l);
		if (t[0].what == BARRIER || t[0].what == ENDED)
			return;
		if (lanes < LANES)
			return wrong("thread %d %s of line %d, but its warp has only %d threads",
			             first, what_name(t[0].what), t[0].line, lanes);
		for (int l = 1; t[0].what == LDMATRIX && l < lanes; l++)
			if (t[l].number != t[0].number)
				return wrong("lanes load different numbers of matrices in line %d",
				             t[l].line);
		collective(t, first);
		if (s.failed)
			return;
	}
}

EMULATE_OUTLINE void
block_run(void)
{
	State &s = state;
	int    warps = (s.block + LANES - 1) / LANES;
	s.epoch++;
	s.nstatic = 0;
	if (s.watch)
		s.block_began = ++s.watch->interval;
	if (s.shared_bytes)
		memset(s.shared, 0xFF, (size_t)s.shared_bytes);
	for (int t = 0; t < s.block; t++) {
		Thread &x = s.thread[t];
		x.begun = false;
		x.fiber = NULL;
		x.what = READY;
		x.ncopy = 0;
		x.group = 0;
	}
	for (;;) {
		ordered(s.warp, 0, warps);
		for (int w = 0; w < warps && !s.failed; w++)
			warp_run(s.warp[w] * LANES);
		if (s.failed)
			return;
		for (int t = 1; t < s.block; t++)
			if (s.thread[t].what != s.thread[0].what ||
			    (s.thread[t].what == BARRIER && s.thread[t].line != s.thread[0].line))
				return wrong_meeting(0, t);
		if (s.thread[0].what == ENDED)
			break;
		for (int t = 0; t < s.block; t++)
			s.thread[t].what = READY;
		if (s.watch)
			s.watch->interval++;
	}
#if !defined(__SANITIZE_ADDRESS__)
	for (int i = 0; i < GUARD; i++)
		if (s.shared && s.shared[s.shared_bytes + i] != (char)0xA5)
			return wrong("was written %d bytes behind the %lld bytes of dynamic shared "
			             "memory",
			             i, s.shared_bytes);
#endif
}

EMULATE_OUTLINE bool
prepare(long long grid, int block, long long shared)
{
	State &s = state;
	if (grid < 1 || grid > 0x7FFFFFFF || block < 1 || block > MOST_THREADS || shared < 0 ||
	    shared > 1 << 20) {
		snprintf(s.said, sizeof s.said,
		         "kernel %s cannot start: %lld blocks of %d threads with %lld bytes of "
		         "shared memory",
		         s.kernel, grid, block, shared);
		return false;
	}
	if (!order_read())
		return false;
	if (s.thread == NULL)
		s.thread = (Thread *)calloc(MOST_THREADS, sizeof *s.thread);
#if defined(__SANITIZE_ADDRESS__)
	if (s.shared)
		__asan_unpoison_memory_region(s.shared, (size_t)s.shared_room);
#endif
	if (s.shared == NULL || shared + GUARD > s.shared_room) {
		free(s.shared);
		s.shared_room = (shared + GUARD + 127) / 128 * 128;
		s.shared = (char *)aligned_alloc(128, (size_t)s.shared_room);
	}
	if (s.thread == NULL || s.shared == NULL) {
		snprintf(s.said, sizeof s.said, "no memory for the threads of a block");
		return false;
	}
	s.shared_bytes = shared;
	memset(s.shared + shared, 0xA5, (size_t)(s.shared_room - shared));
#if defined(__SANITIZE_ADDRESS__)
	__asan_poison_memory_region(s.shared + shared, (size_t)(s.shared_room - shared));
#endif
	s.block = block;
	blockDim.x = (unsigned)block;
	gridDim.x = (unsigned)grid;
	return true;
}

/* Blocks in order: shuffled by walking with a step that has no common divisor with their number. */
EMULATE_OUTLINE void
blocks_run(unsigned grid)
{
	State   &s = state;
	uint64_t step = 1, first = 0;
	if (s.order == State::REVERSE) {
		step = grid - 1; /* -1 modulo grid */
		first = grid - 1;
	} else if (s.order == State::SHUFFLED) {
		first = draw(grid);
		for (bool common = true; common;) {
			uint64_t a = grid, b = step = 1 + draw(grid);
			while (b) {
				uint64_t rest = a % b;
				a = b;
				b = rest;
			}
			common = a != 1;
		}
	}
	for (unsigned i = 0; i < grid && !s.failed; i++) {
		blockIdx.x = (unsigned)((first + i * step) % grid);
		block_run();
	}
}

/* body(arg) is what each thread does. NULL, or what went wrong. */
EMULATE_OUTLINE const char *
launch(const char *kernel, long long grid, int block, long long shared, Watch *watch,
       void (*body)(void *), void *arg)
{
	State &s = state;
	s.kernel = kernel;
	s.watch = watch;
	s.body = body;
	s.arg = arg;
	s.failed = false;
	s.current = -1;
	s.running = NULL;
	if (!prepare(grid, block, shared))
		return s.said;
#if !defined(__SANITIZE_ADDRESS__)
	static char      fault_stack[16 << 10];
	stack_t          own = {}, kept_stack;
	struct sigaction act = {}, kept[2];
	own.ss_sp = fault_stack;
	own.ss_size = sizeof fault_stack;
	act.sa_sigaction = on_fault;
	act.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	sigaltstack(&own, &kept_stack);
	sigaction(SIGSEGV, &act, &kept[0]);
	sigaction(SIGBUS, &act, &kept[1]);
#endif
	blocks_run((unsigned)grid);
#if !defined(__SANITIZE_ADDRESS__)
	sigaction(SIGSEGV, &kept[0], NULL);
	sigaction(SIGBUS, &kept[1], NULL);
	sigaltstack(&kept_stack, NULL);
#endif
	if (!s.failed)
		return NULL;
	for (int t = 0; t < block; t++) { /* threads that will never end */
		Fiber *f = s.thread[t].fiber;
		if (f == NULL)
			continue;
		s.thread[t].fiber = NULL;
		fiber_begin(f);
		f->next = s.free;
		s.free = f;
	}
	return s.said;
}

template <class F>
static inline const char *
run(const char *kernel, long long grid, int block, long long shared, Watch *watch, F f)
{
	return launch(
		kernel, grid, block, shared, watch, [](void *p) { (*(F *)p)(); }, &f);
}

/* An address that becomes whatever pointer a kernel's parameter is. */
struct Pointer {
	void *at;
	template <class T>
	operator T *() const
	{
		return (T *)at;
	}
};
union Number {
	double   f;
	int64_t  i;
	uint64_t u;
};

} // namespace emulate

#endif
