/* base: what every room stands on. Includes nothing of ours.
 *
 * Sections, one per .c file, in reading order:
 *   arena.c   memory with a lifetime          text.c   growing text, interned names
 *   diag.c    messages to people, BUG()       file.c   whole files, atomic writes, hashes
 *   type.c    dtypes, named axes, types       philox.c counter-based random numbers
 *   phase.c   where the start's time goes
 */
#ifndef D2V_BASE_H
#define D2V_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* FAIL always means "already reported": whoever returns FAIL first has called diag_error or
 * world_error, and nobody above says it again. */
typedef enum { OK = 0, FAIL = 1 } Status;

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define TRY(e)                                                                                     \
	do {                                                                                       \
		if ((e) != OK)                                                                     \
			return FAIL;                                                               \
	} while (0)
/* A function for each width of vectors, chosen when the program starts. The same bits from each only
 * where its file is built with -ffp-contract=off. */
#if defined __x86_64__ && !defined __clang__ && !defined __SANITIZE_ADDRESS__
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* Exit codes of both programs; only the mains exit. */
enum {
	EXIT_OK = 0,
	EXIT_USER = 1,        /* the spec, the data or a file given by the user is wrong */
	EXIT_USAGE = 2,       /* the command line is wrong */
	EXIT_WORLD = 3,       /* the machine: file system, compiler, library, device */
	EXIT_INTERRUPTED = 4, /* SIGINT or SIGTERM: the run was saved and can be resumed */
	EXIT_STOPPED = 5,     /* a `stop = when(...)` condition of the spec held */
	EXIT_DIFFERENT = 6,   /* d2v diff: compared, and not the same */
};

/* ---- arena.c: memory that is given back all at once ----------------------------------------- */

typedef struct Arena Arena;
Arena               *arena_new(void);
void                 arena_free(Arena *a);  /* NULL is allowed */
void                 arena_reset(Arena *a); /* forget everything, keep the pages */
void *arena_alloc(Arena *a, size_t bytes);  /* zeroed, 16-byte aligned, never NULL (aborts) */
/* copy into a larger zeroed piece */
void *arena_grow(Arena *a, const void *old, size_t old_bytes, size_t new_bytes);
char *arena_strdup(Arena *a, const char *s);
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *fmt, ...) PRINTF(2, 3);
#define arena_new_array(a, T, n) ((T *)arena_alloc((a), sizeof(T) * (size_t)(n)))
#define arena_new_one(a, T) ((T *)arena_alloc((a), sizeof(T)))

/* A growing array in an arena: `Vec(int) v = {0}; vec_push(a, &v, 3);` then v.at[i], v.n. */
#define Vec(T)                                                                                     \
	struct {                                                                                   \
		T  *at;                                                                            \
		int n, cap;                                                                        \
	}
#define vec_push(a, v, ...)                                                                        \
	do {                                                                                       \
		if ((v)->n == (v)->cap) {                                                          \
			int new_cap_ = (v)->cap ? 2 * (v)->cap : 8;                                \
			(v)->at = arena_grow((a), (v)->at, sizeof *(v)->at * (size_t)(v)->cap,     \
			                     sizeof *(v)->at * (size_t)new_cap_);                  \
			(v)->cap = new_cap_;                                                       \
		}                                                                                  \
		(v)->at[(v)->n++] = (__VA_ARGS__);                                                 \
	} while (0)

/* ---- text.c --------------------------------------------------------------------------------- */

/* Text that grows (malloc'd: it may outlive every arena). Zero-initialise; text_free when done. */
typedef struct {
	char  *at; /* NUL-terminated once anything was appended, else NULL */
	size_t n, cap;
} Text;
void text_printf(Text *t, const char *fmt, ...) PRINTF(2, 3);
void text_vprintf(Text *t, const char *fmt, va_list ap);
void text_append(Text *t, const char *s, size_t n);
void json_quote(Text *t, const char *s); /* as a JSON string, quotes included */
/* as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD */
void text_json(Text *t, const char *s);
void text_free(Text *t);

/* One copy of each string for the whole process: equal strings are equal pointers. */
const char *intern(const char *s);
const char *intern_n(const char *s, size_t n);
const char *intern_printf(const char *fmt, ...) PRINTF(1, 2);

/* Number as the shortest decimal text that strtod (float: strtof) reads back to the same bits. */
const char *text_double(char out[32], double x);

/* The candidate nearest to `word` by edit distance, or NULL when none is near ("did you mean"). */
const char *text_nearest(const char *word, const char *const *candidates, int n);

/* ---- diag.c: messages to people ------------------------------------------------------------- */

/* A stretch of source text. `file` is interned; line and column count from 1; 0 = no place.
 * end_col is one past the last column when the stretch lies on one line, else 0. */
typedef struct {
	const char *file;
	int         line, col, end_col;
} Loc;

/* An error in what the user wrote. First line: `file:line:col: error: message [slug]`, then the
 * source line with a caret range. Returns FAIL so that callers may `return diag_error(..)`.
 * At most 20 errors are printed; a second error on the same place is dropped. */
Status diag_error(Loc loc, const char *slug, const char *fmt, ...) PRINTF(3, 4);
void   diag_warning(Loc loc, const char *slug, const char *fmt, ...) PRINTF(3, 4);
/* belongs to the error before it: a second place, shown with its source line */
void diag_note(Loc loc, const char *fmt, ...) PRINTF(2, 3);
/* `help: ...`, belongs to the error before it */
void diag_hint(const char *fmt, ...) PRINTF(1, 2);
int  diag_errors(void); /* how many so far */
void diag_reset(void);
/* Between the two nothing is said, counted or remembered: for trying what may well be wrong. */
void diag_mute(void);
void diag_unmute(void);
/* Register source text, so that messages can quote it (file interned, text kept by the caller for
 * the whole process). */
void        diag_source(const char *file, const char *text);
const char *diag_source_line(const char *file, int line, int *len); /* NULL when unknown */
/* Where messages go (default stderr); tests and `--format=json` redirect. NULL restores stderr. */
void diag_sink(FILE *f);
typedef enum { DIAG_TEXT, DIAG_JSON } DiagFormat;
void diag_format(DiagFormat f);

/* The world failed (file, library, device): `d2v: error: message [slug]`. Returns FAIL; sets the
 * process's exit code hint to EXIT_WORLD (diag_exit_code). */
Status world_error(const char *slug, const char *fmt, ...) PRINTF(2, 3);
/* A file the user gave (data, checkpoint, feed) is wrong: like world_error, exit code EXIT_USER. */
Status user_error(const char *slug, const char *fmt, ...) PRINTF(2, 3);
/* the exit code for what was reported: EXIT_USER unless a world_error came first */
int diag_exit_code(void);

/* We made a mistake: print file, line, the pass that runs and the message, then abort. */
#define BUG(...) bug(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void     bug(const char *file, int line, const char *fmt, ...) PRINTF(3, 4);
extern const char *bug_context; /* name of the running pass, or NULL */

/* ---- file.c --------------------------------------------------------------------------------- */

/* Whole file into malloc'd memory with a NUL after it. Reports and FAILs (user_error) when missing.
 */
Status file_read(const char *path, char **text, size_t *n);
/* Write to a temporary name beside `path`, fsync, rename, fsync the folder: all or nothing. */
Status file_write_atomic(const char *path, const void *data, size_t n);
Status file_make_dirs(const char *path); /* mkdir -p */
bool   file_exists(const char *path);
/* 128-bit content hash (XXH3) as 32 hex digits. */
void     hash_hex(const void *data, size_t n, char out[33]);
uint64_t hash_name(const char *s); /* XXH64 with seed 0: draw sites, parameter streams */

/* ---- streams.c: first and last in a main ---------------------------------------------------- */

/* A standard stream that is closed leads to /dev/null: else the first file opened would get its
 * number, and messages. */
void streams_open(void);
/* The exit code: `code`, or EXIT_WORLD when what was printed on standard output was lost. */
int streams_close(int code);

/* ---- type.c: dtypes, named axes ------------------------------------------------------------- */

/* bool: one byte, 0 or 1 */
typedef enum { DT_f32, DT_bf16, DT_i32, DT_u32, DT_bool, DT_COUNT } Dtype;
extern const char *const dtype_name[DT_COUNT];
extern const int         dtype_bytes[DT_COUNT];

/* A named axis. Names are interned: two axes are the same iff their name pointers are equal,
 * and then their sizes are equal too (verified). */
typedef struct {
	const char *name;
	int64_t     size;
} Axis;

enum { MAX_RANK = 10 };

/* dtype plus distinct axes. Until the layout pass the order of axes means nothing but the order in
 * which they are printed (and the element order of `uniform`); afterwards it is the order in
 * memory, outermost first. */
typedef struct {
	Dtype dtype;
	int   rank;
	Axis  axis[MAX_RANK];
} Type;

int      type_find(const Type *t, const char *axis_name); /* position, or -1 */
int64_t  type_elems(const Type *t);                       /* 1 for rank 0 */
int64_t  type_bytes(const Type *t);
bool     type_same_axes(const Type *a, const Type *b); /* as sets */
void     type_print(Text *t, const Type *type);        /* f32[B:8, T:197] */
float    bf16_to_f32(uint16_t x);
uint16_t f32_to_bf16(float x); /* round to nearest even; NaN stays NaN */

/* ---- philox.c: random numbers as functions of a counter ------------------------------------- */

/* Philox4x32-10 (Salmon et al., SC'11). */
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A sequential stream for host-side draws (masks, augmentation, initial values): a function of
 * (seed, site, a, b) only. By convention a = sample id, b = epoch; parameters use a = b = 0. */
typedef struct {
	uint32_t key[2], counter[4], out[4];
	int      used;
} Stream;
Stream   stream_open(uint64_t seed, const char *site, uint64_t a, uint32_t b);
uint32_t stream_u32(Stream *s);
double   stream_uniform(Stream *s);                       /* [0, 1), 53 bits */
double   stream_between(Stream *s, double lo, double hi); /* lo + (hi - lo) * uniform */
/* What stream_uniform gives of a stream just opened from the first-th on, n of them, any part of it
 * on any thread; and the same stream as if it had given so many. */
void stream_uniforms(const Stream *s, int64_t first, int64_t n, double *out);
void stream_skip(Stream *s, int64_t uniforms);
/* uniform in lo..hi, both included, unbiased */
int64_t stream_int(Stream *s, int64_t lo, int64_t hi);

/* What the op `uniform` means, on every device: the draw for element `elem` of sample `sample`.
 * counter = (elem / 4, sample, step, 0), key = (seed ^ low 32 bits of hash_name(site), high 32
 * bits); lane elem % 4; value = (bits >> 8) * 2^-24, in [0, 1). */
float philox_uniform(uint32_t seed, uint64_t site, uint32_t step, uint32_t sample, uint32_t elem);

/* ---- phase.c: where the time until the first step goes -------------------------------------- */

/* What was done since the call before, for D2V_PHASES=1; else nothing happens. Any thread. */
void phase(const char *what);

/* ---- environment.c -------------------------------------------------------------------------- */
extern const char environment_help[]; /* a part of --help */

#endif
