/* emulate: each access of a kernel to memory, told to whoever watches. Last part of emulate.h, and empty unless the compiler puts
 * a call before every access (-fsanitize=thread when compiling, not when linking: these functions stand in for the library that
 * would look for races between threads of the host). What is a conflict between threads of a block, or blocks, is decided by
 * device_emulate_race.c. */
#ifndef D2V_EMULATE_WATCH_H
#define D2V_EMULATE_WATCH_H

#if defined(__SANITIZE_THREAD__)
#define EMULATE_CALLED                                                                             \
	extern "C" __attribute__((visibility("hidden"), used, noinline,                            \
	                          no_sanitize("thread"))) inline void
#define EMULATE_ACCESS(name, bytes, writes)                                                        \
	EMULATE_CALLED __tsan_##name(void *at)                                                     \
	{                                                                                          \
		if (emulate::state.current >= 0)                                                   \
			emulate::touch(at, bytes, writes, __builtin_return_address(0));            \
	}
EMULATE_ACCESS(read1, 1, false)
EMULATE_ACCESS(read2, 2, false)
EMULATE_ACCESS(read4, 4, false)
EMULATE_ACCESS(read8, 8, false)
EMULATE_ACCESS(read16, 16, false)
EMULATE_ACCESS(write1, 1, true)
EMULATE_ACCESS(write2, 2, true)
EMULATE_ACCESS(write4, 4, true)
EMULATE_ACCESS(write8, 8, true)
EMULATE_ACCESS(write16, 16, true)

EMULATE_CALLED
__tsan_read_range(void *at, unsigned long bytes)
{
	if (emulate::state.current >= 0)
		emulate::touch(at, (unsigned)bytes, false, __builtin_return_address(0));
}
EMULATE_CALLED
__tsan_write_range(void *at, unsigned long bytes)
{
	if (emulate::state.current >= 0)
		emulate::touch(at, (unsigned)bytes, true, __builtin_return_address(0));
}
EMULATE_CALLED
__tsan_init()
{
}
EMULATE_CALLED
__tsan_func_entry(void *)
{
}
EMULATE_CALLED
__tsan_func_exit()
{
}
#endif

#endif
