/* The kernels of a program for cuda as functions of this process: emulate.h before each kernel
 * file, behind it a function per kernel that takes the arrays of device_cpu.h and starts the
 * blocks. Compiling and the cache are device_cpu_load.c's. Refuses kernels whose launches disagree
 * in their arguments. */
#include "runtime/device_emulate.h"

#include <dlfcn.h>
#include <string.h>

/* This object stands alone: the headers are in it, as one text. */
__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        "emulate_header:\n"
        ".incbin \"runtime/emulate_touch.h\"\n"
        ".incbin \"runtime/emulate_fiber.h\"\n"
        ".incbin \"runtime/emulate_launch.h\"\n"
        ".incbin \"runtime/emulate.h\"\n"
        ".incbin \"runtime/emulate_watch.h\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char emulate_header[] __attribute__((visibility("hidden")));

/* Kernels have few instructions, but run them by the million: -O1 compiles in half the time of -O2
 * and runs as fast. NVRTC fuses products and sums (--fmad=true), so it is done here too. */
static const char *const flags[] = {
	"-O1",
	"-march=native",
	"-ffp-contract=fast",
	"-fno-math-errno",
	"-fno-trapping-math",
	"-fno-strict-aliasing",
	"-fno-exceptions",
	"-fno-rtti",
	"-fPIC",
	"-std=c++17",
	"-w",
	"-DD2V_EMULATE",
#ifdef __SANITIZE_ADDRESS__
	"-g",
	"-fno-omit-frame-pointer",
	"-fsanitize=address,undefined",
	"-fno-sanitize-recover=undefined",
#endif
};

/* A call before every access (emulate_watch.h), and lines for what is to be said of one. */
static const char *const watching[] = {"-fsanitize=thread", "-g1", "--param",
                                       "tsan-instrument-func-entry-exit=0"};

static const ProgStep *
first_launch(const Program *p, int kernel)
{
	for (int i = 0; i < p->nentry; i++)
		for (int j = 0; j < p->entry[i].nstep; j++)
			if (p->entry[i].step[j].kind == STEP_launch &&
			    p->entry[i].step[j].kernel == kernel)
				return &p->entry[i].step[j];
	return NULL;
}

/* All launches of a kernel have the arguments of its first one: pointers, then these numbers. */
static Status
launches_check(const Program *p, const ProgStep *const *first)
{
	for (int i = 0; i < p->nentry; i++)
		for (int j = 0; j < p->entry[i].nstep; j++) {
			const ProgStep *s = &p->entry[i].step[j];
			if (s->kind != STEP_launch)
				continue;
			const ProgStep *f = first[s->kernel];
			bool            same = s->narg == f->narg;
			for (int k = 0; same && k < s->narg; k++)
				same = s->arg[k].kind == f->arg[k].kind;
			if (!same)
				return user_error(
					"kernel-arguments",
					"launches of `%s` have different kinds of arguments",
					p->kernel[s->kernel].name);
		}
	return OK;
}

static const char *
wrapper(Arena *a, const Kernel *k, const ProgStep *s)
{
	static const char *const number[] = {
		[ARG_f32] = "(float)n[%d].f",
		[ARG_i64] = "(long long)n[%d].i",
		[ARG_u64] = "(unsigned long long)n[%d].u",
	};
	Text        t = {0};
	int         np = 0, nn = 0;
	const char *comma = "";
	if (s == NULL)
		return "";
	text_printf(&t,
	            "extern \"C\" const char *emulate_%s(void *const *p, const emulate::Number *n, "
	            "long long grid, Watch *watch)\n{\n"
	            "\treturn emulate::run(\"%s\", grid, %d, %lld, watch, [&] { ::%s(",
	            k->name, k->name, k->block, (long long)k->shared, k->name);
	for (int i = 0; i < s->narg; i++)
		if (s->arg[i].kind == ARG_pointer) {
			text_printf(&t, "%semulate::Pointer{p[%d]}", comma, np++);
			comma = ", ";
		}
	for (int i = 0; i < s->narg; i++)
		if (s->arg[i].kind != ARG_pointer) {
			const char *form = number[s->arg[i].kind], *at = strchr(form, '%');
			text_printf(&t, "%s%.*s%d%s", comma, (int)(at - form), form, nn++, at + 2);
			comma = ", ";
		}
	text_printf(&t, "); });\n}\n");
	const char *out = arena_strdup(a, t.at);
	text_free(&t);
	return out;
}

Status
emulate_load(Arena *a, const Program *p, const char *folder, const char *cache, bool watched,
             LaunchFn ***out)
{
	const ProgStep **first = arena_new_array(a, const ProgStep *, p->nkernel + 1);
	const char     **behind = arena_new_array(a, const char *, p->nkernel + 1);
	for (int i = 0; i < p->nkernel; i++)
		first[i] = first_launch(p, i);
	TRY(launches_check(p, first));
	for (int i = 0; i < p->nkernel; i++)
		behind[i] = wrapper(a, &p->kernel[i], first[i]);
	const Toolchain tool = {
		.device = "emulate",
		.language = "C++",
		.cc = "c++",
		.cc_from = "D2V_CXX",
		.flags_from = "D2V_CXXFLAGS",
		.nflag = COUNT(flags),
		.flag = flags,
		.nunlinked = watched ? COUNT(watching) : 0,
		.unlinked = watching,
		.suffix = ".cc",
		.prefix = "emulate_",
		.first = "emulate.h",
		.first_text = emulate_header,
		.behind = behind,
	};
	void **fn, *library;
	*out = arena_new_array(a, LaunchFn *, p->nkernel + 1);
	TRY(kernels_load(a, &tool, p, folder, cache, &library, &fn));
	for (int i = 0; i < p->nkernel; i++)
		memcpy(&(*out)[i], &fn[i], sizeof fn[i]); /* see cpu's launch_prepare */
	return OK;
}
