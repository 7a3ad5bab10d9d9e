/* Checkpoints and fed weights on a device that is a piece of host memory: saving, loading, every
 * refusal (with nothing changed on the device), which files are kept; names tables, stacked
 * tensors, converted dtypes; batches and dumps of `d2v step`. */
#include "runtime/files_private.h"
#include "tests/unit/scratch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_checkpoint(void);

enum { SLAB_BYTES = 1024, SLABS = 2 };

struct Dev {
	char slab[SLABS][SLAB_BYTES];
};

static Status
fake_put(Dev *d, int slab, int64_t offset, const void *from, int64_t bytes)
{
	ck_assert(slab >= 0 && slab < SLABS && offset >= 0 && offset + bytes <= SLAB_BYTES);
	memcpy(d->slab[slab] + offset, from, (size_t)bytes);
	return OK;
}

static Status
fake_get(Dev *d, int slab, int64_t offset, void *to, int64_t bytes)
{
	ck_assert(slab >= 0 && slab < SLABS && offset >= 0 && offset + bytes <= SLAB_BYTES);
	memcpy(to, d->slab[slab] + offset, (size_t)bytes);
	return OK;
}

static const Device fake = {.name = "fake", .put = fake_put, .get = fake_get};

/* q, k [H, D] stacked as qkv.weight; head [V, D] with no teacher; teacher of q, k; moments of all.
 */
enum { H = 2, D = 3, V = 2, VARS = 11 };
static Variable          var[VARS];
static const char *const stack[] = {"q", "k"}, *const one[] = {"head"};
static NameMap    map[2];
static DrawSpec   draw = {"m", "masked_regression.m", "block_mask", 2, 2, 3, 1, 4, 0.3, 3.3};
static Input      input[3];
static OutputSpec output[4];
static Scalar     scalar[2];
static Entry      entry;
static Program    program;
static Exec       exec;
static Dev        dev;

static Arena *arena;
static char   folder[SCRATCH];
static char  *said;
static size_t said_bytes;
static FILE  *said_file;

static Variable
variable(const char *name, VarKind kind, const char *of, const char *outer, int i)
{
	Variable v = {.name = name, .kind = kind, .of = of, .slab = 0, .offset = 32 * i};
	v.type = (Type){DT_f32, 2, {{outer, 2}, {"D", D}}};
	v.init = kind == VAR_average ? (Init){.kind = INIT_copy, .of = of}
	                             : (Init){.kind = INIT_const};
	return v;
}

static void
listening(void)
{
	said_file = open_memstream(&said, &said_bytes);
	diag_sink(said_file);
}

static void
hush(void)
{
	diag_sink(NULL);
	diag_reset();
	fclose(said_file);
	free(said);
}

static void
begin(void)
{
	static const struct {
		const char *name;
		VarKind     kind;
		const char *of;
	} rows[VARS] = {
		{"q", VAR_param, NULL},
		{"k", VAR_param, NULL},
		{"head", VAR_param, NULL},
		{"teacher.q", VAR_average, "q"},
		{"teacher.k", VAR_average, "k"},
		{"moment1.q", VAR_moment1, "q"},
		{"moment1.k", VAR_moment1, "k"},
		{"moment1.head", VAR_moment1, "head"},
		{"moment2.q", VAR_moment2, "q"},
		{"moment2.k", VAR_moment2, "k"},
		{"moment2.head", VAR_moment2, "head"},
	};
	for (int i = 0; i < VARS; i++)
		var[i] =
			variable(rows[i].name, rows[i].kind, rows[i].of, rows[i].of ? "H" : "V", i);
	map[0] = (NameMap){"pub", "attn.qk.weight", 2, (const char **)(uintptr_t)stack};
	map[1] = (NameMap){"pub", "lm_head.weight", 1, (const char **)(uintptr_t)one};
	input[0] = (Input){"image", {DT_f32, 2, {{"B", 2}, {"X", 3}}}, 1, 0};
	input[1] = (Input){"m", {DT_bool, 2, {{"B", 2}, {"N", 4}}}, 1, 64};
	input[2] = (Input){"sample", {DT_u32, 1, {{"B", 2}}}, 1, 128};
	scalar[0] = (Scalar){"0.1 * step", DT_f32, 1, 192};
	scalar[1] = (Scalar){"step", DT_u32, 1, 200};
	output[0] = (OutputSpec){"loss", {.dtype = DT_f32}, 1, 256, 0, 0};
	output[1] = (OutputSpec){"lr", {.dtype = DT_f32}, 1, 192, 0, 0};
	output[2] = (OutputSpec){"grad.q", var[0].type, 1, 320, 0, 0};
	output[3] = (OutputSpec){"grad.k", var[1].type, 1, 352, 0, 0};
	entry = (Entry){"train", 2, 3, 4, 0, scalar, input, output, NULL};
	program = (Program){.recipe = {.spec_name = "tiny",
	                               .spec_hash = "0123",
	                               .nvar = VARS,
	                               .var = var,
	                               .nname = 2,
	                               .name = map,
	                               .ndraw = 1,
	                               .draw = &draw,
	                               .data = {.batch = 2, .input = "image"}},
	                    .nentry = 1,
	                    .entry = &entry};
	exec = (Exec){.p = &program, .device = &fake, .dev = &dev, .steps = 10, .spe = 2};
	for (int i = 0; i < SLAB_BYTES; i++)
		dev.slab[0][i] = (char)(i * 7);
	memset(dev.slab[1], 0, SLAB_BYTES);
	arena = arena_new();
	scratch_folder(folder, "checkpoint");
	listening();
}

static void
end(void)
{
	hush();
	ck_assert_int_eq(system(arena_printf(arena, "rm -r %s", folder)), 0);
	arena_free(arena);
}

static void
ck_said(const char *words)
{
	fflush(said_file);
	ck_assert_msg(strstr(said, words) != NULL, "`%s` was not said, but: %s", words, said);
	hush();
	listening();
}

static const char *
in_folder(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static float *
value_of(const char *name)
{
	const Variable *v = exec_variable(&exec, name);
	ck_assert_ptr_nonnull(v);
	return (float *)(void *)(dev.slab[v->slab] + v->offset);
}

/* ---- checkpoints ---------------------------------------------------------------------------- */

START_TEST(save_and_load)
{
	Dev      before = dev;
	int64_t  step;
	uint64_t seed;
	char    *path;
	ck_assert_int_eq(checkpoint_latest(arena, in_folder("none"), &path, &step), OK);
	ck_assert_ptr_null(path);
	ck_assert_int_eq(checkpoint_save(&exec, in_folder("run"), 12, UINT64_MAX, 2), OK);
	ck_assert_int_eq(checkpoint_latest(arena, in_folder("run"), &path, &step), OK);
	ck_assert_str_eq(path, in_folder("run/checkpoint-00000012.safetensors"));
	ck_assert_int_eq(step, 12);
	memset(dev.slab[0], 0, SLAB_BYTES);
	ck_assert_int_eq(checkpoint_load(&exec, path, &step, &seed), OK);
	ck_assert_int_eq(step, 12);
	ck_assert(seed == UINT64_MAX);
	for (int i = 0; i < VARS; i++)
		ck_assert(!memcmp(dev.slab[0] + var[i].offset, before.slab[0] + var[i].offset, 24));
	StFile *f;
	ck_assert_int_eq(st_read(arena, path, &f), OK);
	ck_assert_int_eq(f->ntensor, VARS);
	ck_assert_str_eq(st_meta(f, "spec_name"), "tiny");
	ck_assert_str_eq(st_meta(f, "data_position"), "24");
}
END_TEST

START_TEST(keep_newest)
{
	char   *path;
	int64_t step;
	for (int i = 1; i <= 5; i++) {
		FILE *f = fopen(in_folder("checkpoint-00000009.safetensors.tmp"), "w");
		fputs("half", f);
		fclose(f);
		ck_assert_int_eq(checkpoint_save(&exec, folder, i, 0, 2), OK);
	}
	ck_assert(!file_exists(in_folder("checkpoint-00000003.safetensors")));
	ck_assert(file_exists(in_folder("checkpoint-00000004.safetensors")));
	ck_assert(!file_exists(in_folder("checkpoint-00000009.safetensors.tmp")));
	/* An older step saved later is kept, whatever else is there. */
	ck_assert_int_eq(checkpoint_save(&exec, folder, 2, 0, 1), OK);
	ck_assert(file_exists(in_folder("checkpoint-00000002.safetensors")));
	ck_assert(!file_exists(in_folder("checkpoint-00000004.safetensors")));
	ck_assert_int_eq(checkpoint_save(&exec, folder, 100000000, 0, 0), OK);
	ck_assert_int_eq(checkpoint_latest(arena, folder, &path, &step), OK);
	ck_assert_int_eq(step, 100000000);
	/* A newest file cut short is passed over, aloud. */
	ck_assert_int_eq(truncate(path, 700), 0);
	ck_assert_int_eq(checkpoint_latest(arena, folder, &path, &step), OK);
	ck_assert_int_eq(step, 2);
	ck_said("is not complete");
	ck_assert_int_eq(truncate(path, 7), 0);
	ck_assert_int_eq(checkpoint_latest(arena, folder, &path, &step), FAIL);
	ck_said("none of its 2 checkpoints is complete");
}
END_TEST

/* Loading fails with these words and changes nothing. */
static void
refused(const char *path, const char *words)
{
	int64_t  step;
	uint64_t seed;
	Dev      before = dev;
	ck_assert_int_eq(checkpoint_load(&exec, path, &step, &seed), FAIL);
	ck_said(words);
	ck_assert(!memcmp(&before, &dev, sizeof dev));
}

START_TEST(load_refuses)
{
	char   *path, *bytes;
	int64_t step;
	size_t  n;
	ck_assert_int_eq(checkpoint_save(&exec, folder, 1, 5, 2), OK);
	ck_assert_int_eq(checkpoint_latest(arena, folder, &path, &step), OK);
	memset(dev.slab[0], 1, SLAB_BYTES);

	program.recipe.spec_hash = "4567";
	program.recipe.spec_name = "other";
	refused(path, "was written by the spec tiny (hash 0123), but this program is the spec "
	              "other (hash 4567)");
	program.recipe.spec_hash = "0123";

	/* Saved without a fingerprint; and with another one. Who does not train does not ask. */
	exec.data_hash = "89ab";
	refused(path, "other training data (fingerprint missing, of this data 89ab)");
	ck_assert_int_eq(checkpoint_save(&exec, folder, 1, 5, 2), OK);
	exec.data_hash = "cdef";
	refused(path, "other training data (fingerprint 89ab, of this data cdef)");
	exec.data_hash = NULL;

	program.recipe.nvar = VARS - 1;
	refused(path, "not in the program: moment2.head");
	program.recipe.nvar = VARS;
	var[1].name = "key";
	refused(path, "missing: key\n    not in the program: k");
	var[1].name = "k";
	var[2].type.axis[0].size = 4;
	refused(path, "head: F32 [2, 3], but the program has F32 [4, 3]");
	var[2].type.axis[0].size = V;
	var[2].type.dtype = DT_i32;
	refused(path, "head: F32 [2, 3], but the program has I32 [2, 3]");
	var[2].type.dtype = DT_f32;

	/* One bit of one weight, or one digit of the step: both are seen. */
	ck_assert_int_eq(file_read(path, &bytes, &n), OK);
	bytes[n - 5] ^= 1;
	ck_assert_int_eq(file_write_atomic(in_folder("bit"), bytes, n), OK);
	refused(in_folder("bit"), "was changed or damaged");
	bytes[n - 5] ^= 1;
	char *step_digit = (char *)memmem(bytes, n, "\"step\":\"1\"", 10) + 8;
	*step_digit = '2';
	ck_assert_int_eq(file_write_atomic(in_folder("step"), bytes, n), OK);
	refused(in_folder("step"), "was changed or damaged");
	*step_digit = 'x';
	ck_assert_int_eq(file_write_atomic(in_folder("step"), bytes, n), OK);
	refused(in_folder("step"), "`step` is not a number: x");
	*step_digit = '1';
	for (size_t cut = 0; cut < n; cut += 37) {
		ck_assert_int_eq(file_write_atomic(in_folder("cut"), bytes, cut), OK);
		refused(in_folder("cut"), "truncated");
	}
	free(bytes);
	StFile f = {0};
	ck_assert_int_eq(st_write(in_folder("plain"), &f), OK);
	refused(in_folder("plain"), "not a checkpoint of a run");
	refused(in_folder("nowhere"), "nowhere");
}
END_TEST

/* ---- fed weights ---------------------------------------------------------------------------- */

static const float ramp[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                               12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

static Status
feed(const StTensor *t, int n, const char *table)
{
	StFile f = {.ntensor = n, .tensor = (StTensor *)(uintptr_t)t};
	ck_assert_int_eq(st_write(in_folder("w"), &f), OK);
	return feed_load(&exec, in_folder("w"), table, 0);
}

START_TEST(feed_by_spec_names)
{
	const StTensor t[] = {{"q", "F32", 2, {2, 3}, ramp, 24},
	                      {"k", "F32", 1, {6}, ramp + 6, 24},
	                      {"head", "F32", 4, {1, 2, 1, 3}, ramp + 12, 24}};
	ck_assert_int_eq(feed(t, 3, NULL), OK);
	ck_assert(value_of("q")[5] == 5 && value_of("k")[0] == 6 && value_of("head")[5] == 17);
	ck_assert(value_of("teacher.k")[5] == 11 && value_of("moment2.head")[0] == 0);
	ck_assert_int_eq(feed_init(&exec, in_folder("w"), 0), OK);
}
END_TEST

START_TEST(feed_by_table)
{
	/* Two variables in one tensor; a teacher of its own; an index table and a teacher's head
	 * nobody needs. */
	const int64_t  index[2] = {1, 2};
	const StTensor t[] = {{"attn.qk.weight", "F32", 2, {4, 3}, ramp, 48},
	                      {"lm_head.weight", "F32", 2, {2, 3}, ramp, 24},
	                      {"teacher/attn.qk.weight", "F32", 3, {2, 2, 3}, ramp + 8, 48},
	                      {"teacher/lm_head.weight", "F32", 2, {2, 3}, ramp, 24},
	                      {"teacher.head", "F32", 2, {2, 3}, ramp, 24},
	                      {"index", "I64", 1, {2}, index, 16}};
	ck_assert_int_eq(feed(t, COUNT(t), "pub"), OK);
	ck_said("index I64");
	ck_assert(value_of("q")[0] == 0 && value_of("k")[0] == 6 && value_of("k")[5] == 11);
	ck_assert(value_of("teacher.q")[0] == 8 && value_of("teacher.k")[5] == 19);
	ck_assert_int_eq(feed(t, COUNT(t), NULL), OK);
	ck_assert_int_eq(feed(t, COUNT(t), "bup"), FAIL);
	ck_said("no `names` table `bup`");
}
END_TEST

START_TEST(feed_refuses)
{
	StTensor t[] = {{"q", "F32", 2, {2, 3}, ramp, 24},
	                {"k", "F32", 2, {2, 3}, ramp, 24},
	                {"head", "F32", 2, {2, 3}, ramp, 24},
	                {"teacher.q", "F32", 2, {2, 3}, ramp, 24},
	                {"attn.qk.weight", "F32", 2, {4, 3}, ramp, 48}};
	Dev      before = dev;
	ck_assert_int_eq(feed(t, 2, NULL), FAIL);
	ck_said("parameters are missing:\n    head");
	ck_assert_int_eq(feed(t, 4, NULL), FAIL);
	ck_said("teacher weights are missing:\n    teacher.k");
	t[3] = t[4];
	ck_assert_int_eq(feed(t, 4, NULL), FAIL);
	ck_said("another tensor has set");
	t[3] = (StTensor){"heed", "F32", 2, {2, 3}, ramp, 24};
	ck_assert_int_eq(feed(t, 4, NULL), FAIL);
	ck_said("no parameters of these names:\n    heed");
	t[2].dim[0] = 3;
	t[2].dim[1] = 2;
	ck_assert_int_eq(feed(t, 3, NULL), FAIL);
	ck_said("the axes are not in the same order");
	t[2].dim[1] = 3;
	t[2].bytes = 36;
	ck_assert_int_eq(feed(t, 3, NULL), FAIL);
	ck_said("9 elements, but head has [2, 3] and 6 are wanted");
	const int32_t whole[6] = {0};
	t[2] = (StTensor){"head", "I32", 2, {2, 3}, whole, 24};
	ck_assert_int_eq(feed(t, 3, NULL), FAIL);
	ck_said("`head` is I32, but F32");
	t[2] = (StTensor){"head", "F32", 2, {2, 3}, ramp, 24};
	StTensor half[] = {t[0],
	                   t[1],
	                   t[2],
	                   {"moment2.q", "F32", 2, {2, 3}, ramp, 24},
	                   {"moment2.k", "F32", 2, {2, 3}, ramp, 24},
	                   {"moment2.head", "F32", 2, {2, 3}, ramp, 24}};
	ck_assert_int_eq(feed(half, COUNT(half), NULL), FAIL);
	ck_said("there are second moments, but no first moments");
	ck_assert(!memcmp(&before, &dev, sizeof dev));
}
END_TEST

START_TEST(shapes)
{
	const struct {
		int64_t a[4];
		int     n;
		int64_t b[4];
		int     m;
		bool    agree;
	} rows[] = {
		{{6}, 1, {2, 3}, 2, true},
		{{2, 3}, 2, {3, 2}, 2, false},
		{{1, 1, 6}, 3, {6}, 1, true},
		{{768, 3072}, 2, {3072, 768}, 2, false},
		{{2304, 768}, 2, {12, 64, 768}, 3, true},
		{{3, 12, 64, 768}, 4, {12, 64, 768}, 3, true},
		{{36}, 1, {12}, 1, true},
		{{5}, 1, {6}, 1, false},
		{{768, 3, 16, 16}, 4, {768, 768}, 2, true},
		{{4, 6}, 2, {4, 2, 3}, 3, true},
		{{1}, 0, {1}, 1, true},
		{{6, 4}, 2, {2, 12}, 2, false},
	};
	for (int i = 0; i < COUNT(rows); i++)
		ck_assert_msg(st_shapes_agree(rows[i].a, rows[i].n, rows[i].b, rows[i].m) ==
		                      rows[i].agree,
		              "row %d", i);
}
END_TEST

START_TEST(conversions)
{
	static const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0x03ff, 0x7bff};
	static const float    half_value[] = {
		   1, -2, 5.9604644775390625e-8f, INFINITY, 6.09755516e-5f, 65504};
	float    f[6];
	uint8_t  b[3];
	uint32_t u[2];
	int32_t  s[2];
	StTensor t = {"x", "F16", 1, {6}, half, 12};
	ck_assert_int_eq(st_convert("f", &t, 0, 6, DT_f32, f), OK);
	ck_assert(!memcmp(f, half_value, sizeof f));
	const double wide[] = {0.1, -3};
	t = (StTensor){"x", "F64", 1, {2}, wide, 16};
	ck_assert_int_eq(st_convert("f", &t, 0, 2, DT_f32, f), OK);
	ck_assert(f[0] == 0.1f && f[1] == -3);
	const int64_t big[] = {4294967295, 1, 0, -1, 4294967296};
	t = (StTensor){"x", "I64", 1, {5}, big, 40};
	ck_assert_int_eq(st_convert("f", &t, 0, 2, DT_u32, u), OK);
	ck_assert(u[0] == UINT32_MAX && u[1] == 1);
	ck_assert_int_eq(st_convert("f", &t, 2, 2, DT_i32, s), OK);
	ck_assert(s[1] == -1);
	ck_assert_int_eq(st_convert("f", &t, 2, 2, DT_u32, u), FAIL);
	ck_said("element 3 is -1, which is no u32");
	ck_assert_int_eq(st_convert("f", &t, 4, 1, DT_u32, u), FAIL);
	ck_said("4294967296");
	ck_assert_int_eq(st_convert("f", &t, 1, 2, DT_bool, b), OK);
	ck_assert(b[0] == 1 && b[1] == 0);
	const uint8_t bad[] = {1, 2};
	t = (StTensor){"x", "BOOL", 1, {2}, bad, 2};
	ck_assert_int_eq(st_convert("f", &t, 0, 2, DT_bool, b), FAIL);
	ck_said("is 2, which is no bool");
	ck_assert_int_eq(st_convert("f", &t, 0, 2, DT_f32, f), FAIL);
	ck_said("`x` is BOOL");
}
END_TEST

/* ---- batches and dumps of `d2v step` -------------------------------------------------------- */

static Status
open_batch(const StTensor *t, int n, int64_t steps, StepBatch **b)
{
	StFile    f = {.ntensor = n, .tensor = (StTensor *)(uintptr_t)t};
	StepRange range = {steps, 4, 9};
	ck_assert_int_eq(st_write(in_folder("f"), &f), OK);
	return step_batch_open(arena, &exec, &entry, in_folder("f"), &range, b);
}

START_TEST(batch_forms)
{
	const int64_t  ids[4] = {7, 8, 9, 10};
	const uint8_t  mask[8] = {1, 0, 0, 1, 0, 1, 1, 0};
	const StTensor t[] = {
		{"image", "F32", 3, {2, 2, 3}, ramp, 48},  {"sample.0", "I64", 1, {2}, ids, 16},
		{"sample.1", "I64", 1, {2}, ids + 2, 16},  {"m", "U8", 3, {2, 2, 2}, mask, 8},
		{"scalar:lr", "F32", 1, {2}, ramp + 1, 8}, {"scalar:step", "I64", 0, {0}, ids, 8}};
	StepBatch *b;
	float      lr;
	uint32_t   step, id[2];
	ck_assert_int_eq(open_batch(t, COUNT(t), 2, &b), OK);
	for (int k = 0; k < 2; k++) {
		ck_assert_int_eq(step_batch_put(b, k), OK);
		ck_assert(!memcmp(dev.slab[1], ramp + 6 * k, 24));
		ck_assert(!memcmp(dev.slab[1] + 64, mask, 8));
		memcpy(id, dev.slab[1] + 128, 8);
		ck_assert(id[0] == ids[2 * k] && id[1] == ids[2 * k + 1]);
		memcpy(&lr, dev.slab[1] + 192, 4);
		memcpy(&step, dev.slab[1] + 200, 4);
		ck_assert(lr == 1 + (float)k && step == 7);
	}
}
END_TEST

START_TEST(batch_defaults)
{
	const StTensor t[] = {{"image", "F32", 2, {2, 3}, ramp, 24}};
	StepBatch     *b;
	uint32_t       id[2];
	ck_assert_int_eq(open_batch(t, 1, 3, &b), OK);
	ck_assert_int_eq(step_batch_put(b, 1), OK);
	memcpy(id, dev.slab[1] + 128, 8);
	ck_assert(id[0] == 10 && id[1] == 11); /* step 5, two a step */
	uint8_t mask[8];
	Stream  s = stream_open(9, draw.site, 11, 2); /* epoch: step 5 of 2 a epoch */
	draw_block_mask(&draw, &s, mask);
	ck_assert(!memcmp(dev.slab[1] + 64 + 4, mask, 4));
}
END_TEST

/* A program that reads no ids still draws by them. */
START_TEST(batch_ids_of_draws)
{
	const int64_t  ids[2] = {70, 80};
	const StTensor t[] = {{"image", "F32", 2, {2, 3}, ramp, 24},
	                      {"sample", "I64", 1, {2}, ids, 16}};
	StepBatch     *b;
	uint8_t        mask[8];
	entry.ninput = 2;
	ck_assert_int_eq(open_batch(t, 2, 1, &b), OK);
	ck_assert_int_eq(step_batch_put(b, 0), OK);
	Stream s = stream_open(9, draw.site, 80, 2);
	draw_block_mask(&draw, &s, mask);
	ck_assert(!memcmp(dev.slab[1] + 64 + 4, mask, 4));
}
END_TEST

START_TEST(batch_refuses)
{
	StepBatch     *b;
	const uint8_t  mask[8] = {1, 0, 2, 1, 0, 1, 1, 0};
	const StTensor image = {"image", "F32", 2, {2, 3}, ramp, 24};
	const StTensor t[][2] = {
		{image, {"imagee", "F32", 1, {1}, ramp, 4}},
		{image, {"m", "U8", 2, {2, 4}, mask, 8}},
		{image, {"m", "U8", 1, {4}, mask, 4}},
		{image, {"scalar:wd", "F32", 0, {0}, ramp, 4}},
		{image, {"image.0", "F32", 2, {2, 3}, ramp, 24}},
		{image, {"scalar:lr", "F32", 1, {1}, ramp, 4}},
		{image, {"sample.0", "F32", 1, {2}, ramp, 8}},
		{{"image.1", "F32", 2, {2, 3}, ramp, 24}, {"image.01", "F32", 2, {2, 3}, ramp, 24}},
	};
	const char *words[] = {"did you mean `image`?",
	                       "element 2 is 2",
	                       "`m` has the shape [4]; [2, 4] for all steps",
	                       "no host scalar `wd`",
	                       "both as a whole and step by step",
	                       "[] or [2] is wanted",
	                       "`sample.1` is missing",
	                       "are both for one step"};
	for (int i = 0; i < COUNT(t); i++) {
		ck_assert_int_eq(open_batch(t[i], 2, 2, &b), FAIL);
		ck_said(words[i]);
	}
	ck_assert_int_eq(open_batch(NULL, 0, 2, &b), FAIL);
	ck_said("no data for the input `image`");
	StepRange range = {1, 0, 0};
	ck_assert_int_eq(step_batch_open(arena, &exec, &entry, NULL, &range, &b), FAIL);
	ck_said("--feed must name a file");
}
END_TEST

START_TEST(dump_all)
{
	StepDump *d;
	StFile   *f;
	ck_assert_int_eq(step_dump_open(arena, &exec, &entry, "pub", 2, &d), OK);
	for (int k = 0; k < 2; k++) {
		float loss = 0.5f + (float)k;
		memcpy(dev.slab[1] + 256, &loss, 4);
		memcpy(dev.slab[1] + 320, ramp + k, 64);
		ck_assert_int_eq(step_dump_take(d, k), OK);
	}
	ck_assert(step_dump_value(d, "loss", 1) == 1.5f && isnan(step_dump_value(d, "x", 0)));
	ck_assert_int_eq(step_dump_write(d, in_folder("o")), OK);
	ck_assert_int_eq(st_read(arena, in_folder("o"), &f), OK);
	/* 4 outputs, 11 variables; qk as itself, gradient, teacher, two moments; head without
	 * gradient and teacher. */
	ck_assert_int_eq(f->ntensor, 4 + VARS + 5 + 3);
	const StTensor *loss = st_find(f, "loss"), *qk = st_find(f, "grad/attn.qk.weight"),
		       *w = st_find(f, "attn.qk.weight");
	ck_assert(loss->ndim == 1 && loss->dim[0] == 2 && ((const float *)loss->data)[1] == 1.5f);
	ck_assert(qk->ndim == 2 && qk->dim[0] == 4 && qk->dim[1] == D);
	/* k's gradient lies 32 bytes after q's, so it begins with ramp[8]. */
	ck_assert(((const float *)qk->data)[5] == 5 && ((const float *)qk->data)[6] == 8);
	ck_assert(!memcmp((const char *)w->data + 24, value_of("k"), 24));
	ck_assert_ptr_null(st_find(f, "teacher/lm_head.weight"));
	/* What was dumped can be fed again. */
	StTensor again[] = {*st_find(f, "attn.qk.weight"), *st_find(f, "lm_head.weight"),
	                    *st_find(f, "teacher/attn.qk.weight")};
	Dev      before = dev;
	ck_assert_int_eq(feed(again, 3, "pub"), OK);
	ck_assert(!memcmp(before.slab[0], dev.slab[0], 32 * 4 + 24));
}
END_TEST

Suite *
suite_checkpoint(void)
{
	Suite *s = suite_create("checkpoint");
	TCase *t = tcase_create("checkpoint");
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, save_and_load);
	tcase_add_test(t, keep_newest);
	tcase_add_test(t, load_refuses);
	tcase_add_test(t, feed_by_spec_names);
	tcase_add_test(t, feed_by_table);
	tcase_add_test(t, feed_refuses);
	tcase_add_test(t, shapes);
	tcase_add_test(t, conversions);
	tcase_add_test(t, batch_forms);
	tcase_add_test(t, batch_defaults);
	tcase_add_test(t, batch_ids_of_draws);
	tcase_add_test(t, batch_refuses);
	tcase_add_test(t, dump_all);
	suite_add_tcase(s, t);
	return s;
}
