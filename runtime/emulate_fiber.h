/* emulate: the threads of a block as fibers, and what is known of them. Second part of emulate.h,
 * which says what all of it is for. Decides nothing about order. */
#ifndef D2V_EMULATE_FIBER_H
#define D2V_EMULATE_FIBER_H

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#ifndef D2V_EMULATE_TOUCH_H
#include "runtime/emulate_touch.h"
#endif

#define EMULATE_FORGET                                                                             \
	__asm__ volatile("" ::: "memory") /* others ran: what was read may have changed */
#define EMULATE_STATE __attribute__((visibility("hidden"))) inline
/* What these touch themselves is not a kernel's access (emulate_watch.h). */
#define EMULATE_OUTLINE                                                                            \
	__attribute__((visibility("hidden"), noinline, no_sanitize("thread"))) inline

struct EmulateIndex {
	unsigned x;
};
EMULATE_STATE EmulateIndex threadIdx, blockIdx, blockDim, gridDim;

namespace emulate
{

/* ---- state: one launch at a time ------------------------------------------------------------ */

enum { LANES = 32, MOST_THREADS = 1024, MOST_SHARED = 64, GUARD = 64 };
#if defined(__SANITIZE_ADDRESS__)
enum { STACK = 256 << 10, PAGE = 4096 };
#else
enum { STACK = 128 << 10, PAGE = 4096 };
#endif

struct Fiber {
	char  *stack; /* its lowest byte; the page below is out of bounds */
	Fiber *next;  /* free ones */
	void  *sp, *fake;
#if !defined(__x86_64__)
	ucontext_t context;
#endif
};

enum What { READY, BARRIER, SHUFFLE, MMA, LDMATRIX, ENDED };

struct Copy {
	void       *to;
	const void *from, *pc;
	unsigned    group;
};

struct Thread {
	Fiber   *fiber; /* NULL: not begun, or ended */
	What     what;  /* READY, or where it waits */
	int      line;
	bool     begun;
	int      number; /* shuffle: the lane read; ldmatrix: matrices, negative when transposed */
	uint32_t value, *out;
	float   *c;
	const uint32_t *a, *b;
	const void     *row, *pc; /* pc: of an ldmatrix */
	Copy           *copy;     /* asynchronous copies that have not landed, in order */
	int             ncopy, room;
	unsigned        group; /* groups committed so far */
};

struct State {
	const char *kernel;
	Watch      *watch; /* NULL: nobody */
	unsigned    block_began;
	void (*body)(void *);
	void              *arg;
	int                block; /* threads */
	long long          shared_bytes;
	char              *shared; /* dynamic; GUARD bytes lie behind it */
	long long          shared_room;
	unsigned long long epoch; /* counts blocks, over all launches */
	int                nstatic;
	struct {
		char  *at;
		size_t bytes;
	} fixed[MOST_SHARED]; /* static shared arrays of this block */
	Thread *thread;       /* MOST_THREADS */
	Fiber  *free, *running;
	int     current;          /* thread, -1: none */
	int     batch, batch_end; /* places in lane[] whose threads the running fiber may begin */
	int     warp[LANES], lane[LANES]; /* orders */
	enum { FORWARD, REVERSE, SHUFFLED } order;
	uint64_t    random;
	void       *main_sp, *main_fake;
	const void *main_bottom;
	size_t      main_size;
#if !defined(__x86_64__)
	ucontext_t main_context;
#endif
	bool failed;
	char said[512];
};
EMULATE_STATE State state;

/* ---- changing places ------------------------------------------------------------------------ */

#if defined(__x86_64__)
/* What a call keeps is pushed, the stack pointer is stored in *save, and the same is taken from the
 * other stack. */
__attribute__((naked, noinline, visibility("hidden"))) inline void
swap_stacks(__attribute__((unused)) void **save, __attribute__((unused)) void *to)
{
	__asm__("pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq "
	        "%r15\n\t"
	        "movq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n\t"
	        "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq "
	        "%rbp\n\tret");
}
#endif

/* From the scheduler into a fiber, and back when it meets somebody or has nothing left to run. */
EMULATE_OUTLINE void
enter(Fiber *f)
{
	State &s = state;
	s.running = f;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(&s.main_fake, f->stack, STACK);
#endif
#if defined(__x86_64__)
	swap_stacks(&s.main_sp, f->sp);
#else
	swapcontext(&s.main_context, &f->context);
#endif
	EMULATE_FORGET;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(s.main_fake, NULL, NULL);
#endif
	s.running = NULL;
	s.current = -1;
}

EMULATE_OUTLINE void
leave(void)
{
	State &s = state;
	Fiber *f = s.running;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(&f->fake, s.main_bottom, s.main_size);
#endif
#if defined(__x86_64__)
	swap_stacks(&f->sp, s.main_sp);
#else
	swapcontext(&f->context, &s.main_context);
#endif
	EMULATE_FORGET;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(f->fake, &s.main_bottom, &s.main_size);
#endif
}

/* The life of a fiber: begin threads of the batch, one after the other, as long as they end without
 * meeting anybody; hand the rest back. A thread that does meet somebody keeps the stack, and the
 * scheduler goes on with the batch on another one. */
EMULATE_OUTLINE void
fiber_main(void)
{
	State &s = state;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(NULL, &s.main_bottom, &s.main_size);
#endif
	for (;;) {
		while (s.batch < s.batch_end) {
			int     t = s.lane[s.batch++];
			Thread &me = s.thread[t];
			Fiber  *f = s.running;
			me.begun = true;
			me.fiber = f;
			s.current = t;
			threadIdx.x = (unsigned)t;
			s.body(s.arg);
			me.what = ENDED;
			me.fiber = NULL;
		}
		s.running->next = s.free;
		s.free = s.running;
		leave();
	}
}

EMULATE_OUTLINE void
fiber_begin(Fiber *f)
{
#if defined(__SANITIZE_ADDRESS__)
	__asan_unpoison_memory_region(f->stack, STACK);
#endif
	f->fake = NULL;
#if defined(__x86_64__)
	void **top = (void **)(f->stack + STACK);
	void (*entry)(void) = fiber_main;
	top[-1] = NULL; /* where a caller's address would be */
	memcpy(&top[-2], &entry, sizeof entry);
	for (int i = 3; i <= 8; i++)
		top[-i] = NULL;
	f->sp = top - 8;
#else
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK;
	f->context.uc_link = NULL;
	makecontext(&f->context, fiber_main, 0);
#endif
}

EMULATE_OUTLINE Fiber *
fiber_take(void)
{
	State &s = state;
	Fiber *f = s.free;
	if (f) {
		s.free = f->next;
		return f;
	}
	char *at = (char *)mmap(NULL, PAGE + STACK, PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	f = (Fiber *)calloc(1, sizeof *f);
	if (at == MAP_FAILED || f == NULL) {
		fprintf(stderr, "emulate: no memory for the stacks of threads\n");
		abort();
	}
	mprotect(at, PAGE, PROT_NONE);
	f->stack = at + PAGE;
	fiber_begin(f);
	return f;
}

/* ---- what goes wrong ------------------------------------------------------------------------ */

/* In a thread this does not come back; in the scheduler it does. The first mistake is the one that
 * is told. */
__attribute__((format(printf, 1, 2))) EMULATE_OUTLINE void
wrong(const char *format, ...)
{
	State &s = state;
	if (!s.failed) {
		int     n = snprintf(s.said, sizeof s.said, "kernel %s, block %u", s.kernel,
		                     blockIdx.x);
		va_list v;
		if (s.current >= 0)
			n += snprintf(s.said + n, sizeof s.said - (size_t)n, ", thread %d",
			              s.current);
		n += snprintf(s.said + n, sizeof s.said - (size_t)n, ": ");
		va_start(v, format);
		vsnprintf(s.said + n, sizeof s.said - (size_t)n, format, v);
		va_end(v);
	}
	s.failed = true;
	if (s.running)
		leave();
}

static inline const char *
what_name(What what)
{
	static const char *const name[] = {
		"is ready",         "waits at the barrier",  "waits at the shuffle",
		"waits at the mma", "waits at the ldmatrix", "has ended"};
	return name[what];
}

/* Two threads that should be at the same place and are not. */
EMULATE_OUTLINE void
wrong_meeting(int a, int b)
{
	const Thread &x = state.thread[a], &y = state.thread[b];
	char          place[2][32] = {"", ""};
	const Thread *both[2] = {&x, &y};
	for (int i = 0; i < 2; i++)
		if (both[i]->what != ENDED)
			snprintf(place[i], sizeof place[i], " of line %d", both[i]->line);
	wrong("thread %d %s%s, but thread %d %s%s", a, what_name(x.what), place[0], b,
	      what_name(y.what), place[1]);
}

#if !defined(__SANITIZE_ADDRESS__)
/* A fault inside a thread ends the launch with a sentence; any other is not ours. */
EMULATE_OUTLINE void
on_fault(int number, siginfo_t *info, void *)
{
	if (state.current < 0) {
		signal(number, SIG_DFL);
		return;
	}
	if (info->si_code == SI_KERNEL)
		wrong("reads or writes 16 bytes at an address that is not a multiple of 16, or at "
		      "no address at all");
	else
		wrong("touches address %p, which is outside all memory", info->si_addr);
}
#endif

} // namespace emulate

#endif
