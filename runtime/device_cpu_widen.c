/* Gemms of bf16 where the processor has no instructions for them: operands are widened to f32 in the
 * workspace, a gemm of f32 follows, and a result of bf16 is rounded from f32. A product of two bf16 numbers
 * is exact in f32, so this is what the instructions compute but for the order of sums; it takes as long as
 * f32, and the copies besides. So the cpu device does it only when told to, by D2V_BF16:
 *     native  (default) instructions for bf16, or a refusal
 *     widen   always widened
 *     any     instructions where there are some, else widened */
#include "runtime/device_cpu.h"

#include <stdlib.h>
#include <string.h>

static bool
processor_multiplies(void)
{
#ifdef __x86_64__
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512bf16") != 0;
#else
	return false;
#endif
}

Status
bf16_ask(Bf16 *out)
{
	static const struct {
		const char *word;
		bool        instructions, widened;
	} choice[] = {{"native", true, false}, {"widen", false, true}, {"any", true, true}};
	const char *word = getenv("D2V_BF16");

	for (int i = 0; i < COUNT(choice); i++)
		if (strcmp(word && *word ? word : "native", choice[i].word) == 0) {
			bool native = choice[i].instructions && processor_multiplies();

			*out = native ? BF16_native : choice[i].widened ? BF16_widened : BF16_none;
			return OK;
		}
	return user_error("bf16", "D2V_BF16 is native, widen or any, not `%s`", word);
}

/* The matrices of a dense copy lie as those of the original do: the axis that had the stride 1
 * keeps it. */
Wide
wide_of(int64_t z, int64_t rows, int64_t cols, const int64_t s[3], char *narrow)
{
	Wide w = {.narrow = narrow, .z = s[0] == 0 ? 1 : z, .rows = rows, .cols = cols};

	memcpy(w.from, s, sizeof w.from);
	w.to[0] = s[0] == 0 ? 0 : rows * cols;
	w.to[1] = s[2] == 1 ? cols : 1;
	w.to[2] = s[2] == 1 ? 1 : rows;
	return w;
}

int64_t
wide_bytes(const Wide *w)
{
	return (w->z * w->rows * w->cols * (int64_t)sizeof(float) + 63) / 64 * 64;
}

/* to[i] = from[i], a line being the elements side by side in both. */
static void
line_widen(float *to, const uint16_t *from, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t u = (uint32_t)from[i] << 16;

		memcpy(to + i, &u, sizeof u);
	}
}

/* To nearest, ties to even, as d2v_to_bf16 of the kernels. */
static void
line_narrow(uint16_t *to, const float *from, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t u;

		memcpy(&u, from + i, sizeof u);
		to[i] = (uint16_t)((from[i] == from[i] ? u + 0x7fff + (u >> 16 & 1) : 0x7fc00000) >>
		                   16);
	}
}

enum { WIDEN, NARROW };

static void
convert(const Wide *w, int direction)
{
	bool      by_rows = w->from[2] == 1;
	int64_t   lines = by_rows ? w->rows : w->cols, length = by_rows ? w->cols : w->rows;
	int64_t   narrow_step = w->from[by_rows ? 1 : 2], wide_step = w->to[by_rows ? 1 : 2];
	uint16_t *narrow = (uint16_t *)w->narrow;
#pragma omp parallel for collapse(2) schedule(static)
	for (int64_t z = 0; z < w->z; z++)
		for (int64_t l = 0; l < lines; l++) {
			uint16_t *n = narrow + z * w->from[0] + l * narrow_step;
			float    *f = w->wide + z * w->to[0] + l * wide_step;

			if (direction == WIDEN)
				line_widen(f, n, length);
			else
				line_narrow(n, f, length);
		}
}

void
wide_read(const Wide *w)
{
	convert(w, WIDEN);
}

void
wide_write(const Wide *w)
{
	convert(w, NARROW);
}
