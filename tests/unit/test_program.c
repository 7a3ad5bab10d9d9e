/* The program's text and its rules: print, parse and print again give the same bytes; every
 * numbered rule of PROGRAM.md is broken alone and must be reported under its number; any bytes are
 * survived. */
#include "compiler/base/base.h"
#include "compiler/program/program.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_program(void);

/* ---- a small program in which everything occurs --------------------------------------------- */

enum { PARAMS, ACT, SLABS };
enum { GAIN, TEACHER, MOMENT1, MOMENT2, VARS };

static ProgSlab    slab[SLABS];
static Variable    var[VARS];
static NameMap     map[2];
static const char *gain_only[] = {"block[0].gain"};
static DrawSpec    draw[1];
static Kernel      kernel[2];
static Dtype       behind[7]; /* the pointers of kernel 1 */
static Table       table[1];
static int32_t     numbers[40];
static Scalar      scalar[1];
static Input       input[3];
static OutputSpec  output[4];
static Arg         arg[10], update[3];
static Named       variables[VARS - 1];
static ProgStep    step[4];
static Entry       entry[2];
static Program     program;

static Type
type2(Dtype dtype, const char *a, int64_t na, const char *b, int64_t nb)
{
	Type t = {.dtype = dtype};
	if (a)
		t.axis[t.rank++] = (Axis){intern(a), na};
	if (b)
		t.axis[t.rank++] = (Axis){intern(b), nb};
	return t;
}

static void
make_variables(void)
{
	static const char *const name[] = {"block[0].gain", "teacher.block[0].gain",
	                                   "moment1.block[0].gain", "moment2.block[0].gain"};
	for (int i = 0; i < VARS; i++)
		var[i] = (Variable){.name = name[i],
		                    .kind = (VarKind)i,
		                    .type = type2(DT_f32, "D", 4, "E", 8),
		                    .of = i ? name[0] : NULL,
		                    .slab = PARAMS,
		                    .offset = 128 * i};
	var[GAIN].init = (Init){.kind = INIT_trunc_normal, .std = 0.02, .cut = 1, .scale = 0.1};
	var[GAIN].group = "rest";
	var[GAIN].loc = (Loc){"models/tiny.d2v", 3, 9, 0};
	var[TEACHER].init = (Init){.kind = INIT_copy, .of = name[0]};
	map[0] = (NameMap){"beit", "blocks.0.gain", 1, gain_only};
	map[1] = (NameMap){"timm", "blocks.0.gain", 1, gain_only};
}

static Arg
pointer(Access access, int value, int on, int64_t offset, int64_t bytes)
{
	return (Arg){.kind = ARG_pointer,
	             .slab = on,
	             .offset = offset,
	             .access = access,
	             .extent = {bytes, 1, 0},
	             .value = value};
}

static int
held(Held kind, int index)
{
	return value_held(kind, index);
}

static void
seal_all(void)
{
	for (int i = 0; i < entry[0].nstep; i++)
		if (step[i].kind != STEP_launch ||
		    (step[i].kernel >= 0 && step[i].kernel < program.nkernel))
			step[i].seal = step_seal(&program, &step[i]);
}

/* What the last launch does: all variables in one go, and the loss. */
static void
make_update(void)
{
	update[0] = pointer(ACCESS_update, 3, PARAMS, 0, 512);
	update[0].before = held(HELD_variable, GAIN);
	update[0].nmore = VARS - 1;
	update[0].more = variables;
	for (int i = 1; i < VARS; i++)
		variables[i - 1] = (Named){held(HELD_variable, i), -128 * i};
	update[1] = pointer(ACCESS_read, 2, ACT, 1024, 48);
	update[2] = pointer(ACCESS_write, 4, ACT, 576, 4);
}

static void
make_train(void)
{
	Type number = type2(DT_f32, NULL, 0, NULL, 0);
	scalar[0] = (Scalar){"warmup \"quoted\" \\ step", DT_f32, ACT, 0};
	input[0] = (Input){"image", type2(DT_f32, "B", 2, "X", 48), ACT, 64};
	input[1] = (Input){"m", type2(DT_bool, "B", 2, "N", 4), ACT, 448};
	input[2] = (Input){"sample", type2(DT_u32, "B", 2, NULL, 0), ACT, 512};
	output[0] = (OutputSpec){"loss", number, ACT, 576, 4, 0};
	output[1] = (OutputSpec){"lr", number, ACT, 0, held(HELD_scalar, 0), 0};
	output[2] = (OutputSpec){"feature", input[0].type, ACT, 64, held(HELD_input, 0), 0};
	arg[0] = pointer(ACCESS_read, held(HELD_input, 0), ACT, 64, 384);
	arg[1] = pointer(ACCESS_read, held(HELD_variable, GAIN), PARAMS, 0, 128);
	arg[2] = (Arg){.kind = ARG_f32, .f = 1e-8};
	arg[3] = (Arg){.kind = ARG_i64, .i = 96};
	arg[4] = (Arg){.kind = ARG_u64, .u = UINT64_MAX};
	arg[5] = pointer(ACCESS_read, held(HELD_input, 1), ACT, 448, 8);
	arg[6] = pointer(ACCESS_read, held(HELD_input, 2), ACT, 512, 8);
	arg[7] = pointer(ACCESS_read, held(HELD_table, 0), ACT, 2048, 160);
	arg[8] = pointer(ACCESS_read, held(HELD_scalar, 0), ACT, 0, 4);
	arg[9] = pointer(ACCESS_write, 1, ACT, 1024, 48);
	step[0] = (ProgStep){.kind = STEP_launch,
	                     .kernel = 1,
	                     .narg = COUNT(arg),
	                     .arg = arg,
	                     .what = "forward",
	                     .flops = 1e12,
	                     .bytes = 0.1,
	                     .loc = {"models/tiny.d2v", 12, 5, 0}};
	Gemm *g = &step[1].gemm;
	step[1] = (ProgStep){.kind = STEP_gemm, .what = "backward", .flops = 1536, .bytes = 768};
	g->z = 2, g->m = 4, g->n = 3, g->k = 8;
	g->a = (GemmOperand){PARAMS, 0, DT_f32, 0, 8, 1, held(HELD_variable, GAIN), 0, 0, NULL};
	g->b = (GemmOperand){ACT, 64, DT_f32, 24, 1, 8, held(HELD_input, 0), 0, 0, NULL};
	g->c = (GemmOperand){ACT, 1024, DT_bf16, 12, 3, 1, 2, 0, 0, NULL};
	g->has_bias = true;
	g->bias_slab = PARAMS;
	g->bias_value = held(HELD_variable, GAIN);
	g->accumulate = g->b_is_weight = true;
	g->before = 1;
	make_update();
	step[2] = (ProgStep){.kind = STEP_launch,
	                     .kernel = 0,
	                     .narg = COUNT(update),
	                     .arg = update,
	                     .what = "update"};
}

static void
make_program(void)
{
	slab[PARAMS] = (ProgSlab){"params", 512};
	slab[ACT] = (ProgSlab){"act", 2304};
	make_variables();
	make_train();
	draw[0] = (DrawSpec){"m", "m", "block_mask", 2, 2, 3, 1, 4, 0.3, 3.33};
	kernel[0] = (Kernel){.name = "k0", .file = "k0.c"};
	memcpy(behind, (Dtype[]){DT_f32, DT_f32, DT_bool, DT_u32, DT_i32, DT_f32, DT_f32},
	       sizeof behind);
	kernel[1] = (Kernel){.name = "k1", .file = "k0.c", .ntype = COUNT(behind), .type = behind};
	for (int i = 0; i < COUNT(numbers); i++)
		numbers[i] = i * i - 100;
	table[0] = (Table){ACT, 2048, COUNT(numbers), numbers};
	entry[0] = (Entry){"train", 1, 3, 2, 3, scalar, input, output, step};
	entry[1] = (Entry){"student.features", 0, 1, 1, 0, NULL, input, output + 2, NULL};
	program = (Program){
		.recipe = {.spec_name = "tiny",
	                   .spec_hash = "0123456789abcdef0123456789abcdef",
	                   .edited = "train after gemm",
	                   .nvar = VARS,
	                   .var = var,
	                   .nname = 2,
	                   .name = map,
	                   .ndraw = 1,
	                   .draw = draw,
	                   .length_epochs = 2.5,
	                   .seed = UINT64_MAX,
	                   .ranks = 16,
	                   .checkpoint_epochs = 1,
	                   .checkpoint_keep = 3,
	                   .checkpoint_on_signal = true,
	                   .stop = "!finite(loss) || target_std < 0.01",
	                   .layer_axis = "L",
	                   .data = {.source = "train",
	                            .input = "image",
	                            .batch = 2,
	                            .channels = 3,
	                            .height = 4,
	                            .width = 4,
	                            .ntransform = 3,
	                            .transform = {{"color_jitter", 3, {0.4, 0.4, 0.4}, NULL},
	                                          {"flip", 1, {0.5}, NULL},
	                                          {"resized_crop", 2, {0.08, 1}, "bicubic"}},
	                            .mean = {0.485, 0.456, 0.406},
	                            .std = {0.229, 0.224, 0.225},
	                            .shuffle = true,
	                            .drop_remainder = true}},
		.target = "cpu",
		.nslab = SLABS,
		.slab = slab,
		.nkernel = 2,
		.kernel = kernel,
		.ntable = 1,
		.table = table,
		.nentry = 2,
		.entry = entry,
		.needs = "avx2 fma",
	};
	seal_all();
}

/* ---- what is reported ----------------------------------------------------------------------- */

static char  *said;
static size_t said_bytes;
static FILE  *said_file;

static void
quiet_on(void)
{
	diag_reset();
	said_file = open_memstream(&said, &said_bytes);
	diag_sink(said_file);
}

static void
quiet_off(void)
{
	diag_sink(NULL);
	diag_reset();
	fclose(said_file);
}

static void
parse_fails(const char *text, const char *expected)
{
	Arena   *a = arena_new();
	Program *p;
	quiet_on();
	Status s = program_parse(a, "program.d2p", text, &p);
	quiet_off();
	ck_assert_msg(s == FAIL, "accepted:\n%s", text);
	ck_assert_msg(strstr(said, expected) != NULL, "expected `%s`, got:\n%s", expected, said);
	free(said);
	arena_free(a);
}

/* ---- text ----------------------------------------------------------------------------------- */

START_TEST(round_trip)
{
	Text     first = {0}, second = {0};
	Arena   *a = arena_new();
	Program *again;
	make_program();
	ck_assert(program_verify(&program) == OK);
	program_print(&program, &first);
	ck_assert(program_parse(a, "program.d2p", first.at, &again) == OK);
	ck_assert(program_verify(again) == OK);
	program_print(again, &second);
	ck_assert_str_eq(first.at, second.at);
	ck_assert_str_eq(again->entry[0].scalar[0].expr, scalar[0].expr);
	ck_assert_str_eq(again->recipe.edited, "train after gemm");
	ck_assert(again->entry[0].step[0].arg[4].u == UINT64_MAX);
	ck_assert(again->recipe.var[GAIN].loc.line == 3 && again->recipe.var[GAIN].loc.col == 9);
	ck_assert(memcmp(again->table[0].data, numbers, sizeof numbers) == 0);
	ck_assert(program_entry(again, "student.features") == &again->entry[1]);
	ck_assert(program_entry(again, "none") == NULL);
	text_free(&first);
	text_free(&second);
	arena_free(a);
}
END_TEST

/* What no sound program holds is still text. */
START_TEST(extremes)
{
	Text     first = {0}, second = {0};
	Arena   *a = arena_new();
	Program *again;
	make_program();
	arg[3].i = INT64_MIN;
	arg[0].extent = (Extent){12, 3, 99};
	arg[0].at = -7;
	arg[0].padded = true;
	kernel[0].block = 128;
	kernel[0].shared = 4096;
	kernel[1].grid = 7;
	kernel[1].per_block = 1024;
	program_print(&program, &first);
	ck_assert(program_parse(a, "program.d2p", first.at, &again) == OK);
	program_print(again, &second);
	ck_assert_str_eq(first.at, second.at);
	const Arg *x = again->entry[0].step[0].arg;
	ck_assert(x[3].i == INT64_MIN && x[0].extent.bytes == 12 && x[0].extent.rows == 3 &&
	          x[0].extent.pitch == 99 && x[0].at == -7 && x[0].padded);
	ck_assert(again->kernel[0].block == 128 && again->kernel[0].shared == 4096 &&
	          again->kernel[1].grid == 7 && again->kernel[1].per_block == 1024);
	text_free(&first);
	text_free(&second);
	arena_free(a);
}
END_TEST

START_TEST(comments_and_ends_of_lines)
{
	Text     text = {0}, windows = {0}, again = {0};
	Arena   *a = arena_new();
	Program *p;
	make_program();
	program_print(&program, &text);
	text_printf(&windows, "# made by hand\r\n\r\n");
	for (const char *s = text.at; *s; s++) {
		if (*s == '\n')
			text_printf(&windows, "\r");
		text_append(&windows, s, 1);
	}
	ck_assert(program_parse(a, "program.d2p", windows.at, &p) == OK);
	program_print(p, &again);
	ck_assert_str_eq(text.at, again.at);
	text_free(&text);
	text_free(&windows);
	text_free(&again);
	arena_free(a);
}
END_TEST

/* Replace the first `from` of the printed program. */
static char *
with(const char *from, const char *to)
{
	Text text = {0}, out = {0};
	make_program();
	program_print(&program, &text);
	const char *at = strstr(text.at, from);
	ck_assert_msg(at != NULL, "no `%s` in the program", from);
	text_append(&out, text.at, (size_t)(at - text.at));
	text_printf(&out, "%s%s", to, at + strlen(from));
	text_free(&text);
	return out.at;
}

START_TEST(messages)
{
	static const struct {
		const char *from, *to, *expected;
	} cases[] = {
		{"d2v-program 2", "d2v-program 1",
	         "program.d2p:1:13: error: this program is of format 1, but format 2 is read "
	         "here: compile its spec again [program-version]"},
		{"d2v-program 2", "ELF", "program.d2p:1:1: error: this is no program"},
		{"\nend\n", "\n",
	         "program.d2p: error: the program has no line `end`: it was cut off "
	         "[program-truncated]"},
		{"\nend\n", "\nend\nmore\n", "nothing can stand behind `end`"},
		{"\ndraws\n", "\ndrawings\n", "`drawings` stands where a section"},
		{"\ndraws\n", "\nkernels\n", "there are two sections `kernels`"},
		{"act+0", "none+0", "there is no slab `none`"},
		{"act+0", "act", "a place in memory should stand here"},
		{"act+0", "act+9x", "is not a number"},
		{"act+0", "act+99999999999999999999", "a place in memory should stand here"},
		{" k1 (", " k7 (", "there is no kernel `k7`"},
		{"k0 \"k0.c\"", "k0 \"k0.c", "this string has no end"},
		{"count 40", "count 41", "announces 41 numbers, but 40 follow"},
		{"count 40", "count 39", "more than the 39 numbers"},
		{"f32[D:4, E:8]", "f32[D:4, E:0]", "the size of an axis is 0"},
		{"f32[D:4, E:8]", "f16[D:4, E:8]",
	         "`f16` stands where a dtype (f32 bf16 i32 u32 bool)"},
		{"f32[D:4, E:8]", "f32[a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1,j:1,k:1]",
	         "at most 10 axes"},
		{"flops=1536", "flops=fast", "`fast` stands where flops should stand"},
		{"batch 2", "batch 99999999999", "must lie in 0 .. 16777216"},
		{"shuffle yes", "shuffle maybe", "yes or no"},
		{"u64 18446744073709551615", "u64 18446744073709551616", "must fit in 64 bits"},
		{"z=2 m=4", "m=4 z=2", "`m` stands where `z` should stand"},
		{"in %i0 act+64", "in %x0 act+64", "a value should stand here"},
		{"in %i0 act+64", "in 0 act+64", "a value should stand here"},
		{"in %i0 act+64", "in %i0+ act+64", "a value should stand here"},
		{"in %i0 act+64", "in %i0>%1 act+64", "a value should stand here"},
		{"in %i0 act+64", "in %99999999999 act+64", "a value should stand here"},
		{"in %i0 act+64", "from %i0 act+64", "`from` stands where an argument"},
		{"act+64:384", "act+64", "`:` should stand"},
		{"act+64:384", "act+64:384*2", "the bytes of the argument should stand here"},
		{"act+64:384", "act+64:0", "no or too many bytes"},
		{">%3 params", " params", "a value should stand here"},
		{"out %1 act", "out %1&%2 act", "a value should stand here"},
		{"seal=", "seal=0", "a seal is 8 hex digits"},
		{"\"k0.c\"", "\"k0.c\" block=0", "block is 0, but must lie in"},
		{"transform flip", "transform \x01", "this character cannot stand here"},
	};
	for (int i = 0; i < COUNT(cases); i++) {
		char *text = with(cases[i].from, cases[i].to);
		parse_fails(text, cases[i].expected);
		free(text);
	}
}
END_TEST

/* Random damage to a sound text: nothing may crash, and what is still accepted prints and parses
 * alike. */
START_TEST(any_bytes)
{
	Text whole = {0};
	make_program();
	program_print(&program, &whole);
	Stream r = stream_open(1, "any_bytes", 0, 0);
	for (int round = 0; round < 1000; round++) {
		Arena   *a = arena_new();
		Program *p, *q;
		char    *text = arena_strndup(a, whole.at, whole.n);
		for (int64_t i = stream_int(&r, 1, 4); i > 0; i--) {
			int64_t at = stream_int(&r, 0, (int64_t)whole.n - 1),
				from = stream_int(&r, 0, (int64_t)whole.n - 1);
			if (stream_int(&r, 0, 1))
				text[at] = (char)stream_int(&r, 0, 255);
			else
				for (int64_t j = stream_int(&r, 1, 60);
				     j > 0 && at < (int64_t)whole.n && from < (int64_t)whole.n; j--)
					text[at++] = whole.at[from++];
		}
		quiet_on();
		if (program_parse(a, "program.d2p", text, &p) == OK) {
			Text   one = {0}, two = {0};
			Status sound = program_verify(p);
			program_print(p, &one);
			ck_assert_msg(program_parse(a, "program.d2p", one.at, &q) == OK, "%s",
			              one.at);
			ck_assert(program_verify(q) == sound);
			program_print(q, &two);
			ck_assert_str_eq(one.at, two.at);
			text_free(&one);
			text_free(&two);
		}
		quiet_off();
		free(said);
		arena_free(a);
	}
	text_free(&whole);
}
END_TEST

START_TEST(cut_anywhere)
{
	Text whole = {0};
	make_program();
	program_print(&program, &whole);
	for (size_t n = 0; n + 1 < whole.n; n += 7) {
		Arena   *a = arena_new();
		Program *p;
		quiet_on();
		ck_assert(program_parse(a, "program.d2p", arena_strndup(a, whole.at, n), &p) ==
		          FAIL);
		quiet_off();
		free(said);
		arena_free(a);
	}
	text_free(&whole);
}
END_TEST

/* ---- rules ---------------------------------------------------------------------------------- */

/* Each breaks one rule of a sound program and nothing else. */
/* clang-format off */
static void p1(void) { program.target = "c p u"; }
static void p1_needs(void) { program.needs = "avx2;reboot"; }
static void p2(void) { slab[ACT].name = "params"; }
static void p2_bytes(void) { slab[ACT].bytes = -1; }
static void p3(void) { var[GAIN].type.axis[1].name = intern("D"); }
static void p3_size(void) { output[0].type = type2(DT_f32, "Z", 0, NULL, 0); }
static void p4(void) { var[MOMENT2].name = var[MOMENT1].name; }
static void p5(void) { var[MOMENT2].offset += 4; }
static void p5_align(void) { slab[PARAMS].bytes += 2, var[MOMENT2].offset += 2; }
static void p6(void) { var[MOMENT2].offset -= 4; }
static void p7(void) { var[MOMENT2].of = "block[0].bias"; }
static void p7_shape(void) { var[TEACHER].init = (Init){0}, var[TEACHER].type = type2(DT_f32, "D", 4, "F", 8); }
static void p7_init(void) { var[GAIN].init.cut = 0; }
static void p7_copy(void) { var[TEACHER].init.of = "teacher.block[0].gain"; }
static void p8(void) { map[1].table = "beit"; }
static void p8_variable(void) { static const char *none[] = {"block[0].bias"}; map[1].var = none; }
static void p9(void) { program.recipe.data.height = 5; }
static void p9_transform(void) { program.recipe.data.transform[1].name = "flop"; }
static void p9_filter(void) { program.recipe.data.transform[2].filter = NULL; }
static void p9_std(void) { program.recipe.data.std[2] = 0; }
static void p9_drop(void) { program.recipe.data.drop_remainder = false; }
static void p10(void) { draw[0].at_most = 5; }
static void p10_generator(void) { draw[0].generator = "noise"; }
static void p10_input(void) { input[1].type = type2(DT_bool, "B", 2, "N", 5); }
static void p11(void) { program.recipe.length_steps = 1; }
static void p11_ranks(void) { program.recipe.ranks = 0; }
static void p11_hash(void) { program.recipe.spec_hash = "0123"; }
static void p12(void) { kernel[1].name = "k0"; }
static void p12_file(void) { kernel[1].file = "../k1.c"; }
static void p12_name(void) { kernel[1].name = "system(1)"; }
static void p13(void) { table[0].offset = 4000; }
static void p13_variable(void) { table[0].slab = PARAMS, table[0].offset = 0; }
static void p14(void) { entry[1].name = "train"; }
static void p14_none(void) { program.nentry = 0; }
static void p15(void) { scalar[0].offset = 2; }
static void p15_dtype(void) { scalar[0].dtype = DT_bf16; }
static void p16(void) { input[2].name = "label"; }
static void p16_bounds(void) { input[2].offset = 4092; }
static void p17(void) { entry[1].noutput = 0; }
static void p17_bounds(void) { output[0].offset = 4096; }
static void p17_twice(void) { output[1].name = "loss"; }
static void p18(void) { input[2].offset = 440; }
static void p18_variable(void) { input[2].slab = PARAMS, input[2].offset = 8; }
static void p18_output(void) { output[0].slab = PARAMS, output[0].offset = 8; }
static void p19(void) { arg[0].offset = 4096; }
static void p19_kernel(void) { step[0].kernel = 2; }
static void p19_nothing(void) { step[0].narg = 0; }
static void p20(void) { step[1].gemm.a.s1 = 2; }
static void p20_result(void) { step[1].gemm.c.s1 = 3, step[1].gemm.c.s0 = 1; }
static void p20_dtype(void) { step[1].gemm.b.dtype = DT_i32; }
static void p20_both(void) { step[1].gemm.b.dtype = DT_bf16; }
static void p20_size(void) { step[1].gemm.k = 0; }
static void p21(void) { step[1].gemm.a.s0 = 64; }
static void p21_align(void) { step[1].gemm.c.offset = 1025; }
static void p21_bias(void) { step[1].gemm.bias_offset = 504; }
static void p21_absurd(void) { step[1].gemm.a.s0 = INT64_MAX; }
static void p22(void) { step[1].gemm.c.offset = 64; }
static void p22_bias(void) { step[1].gemm.bias_slab = ACT, step[1].gemm.bias_offset = 1024; }
static void p23(void) { step[1].gemm.c.s0 = 2; }
static void p23_z(void) { step[1].gemm.c.sz = 9; }
static void p24(void) { step[1].gemm.c.offset = 2048; }
static void p24_variable(void) { step[1].gemm.c.slab = PARAMS, step[1].gemm.c.offset = 256; }
static void p25(void) { step[0].what = "sideways"; }
static void p25_flops(void) { step[1].flops = -1; }
static void p26(void) { arg[0].access = 0; }
static void p26_extent(void) { arg[0].extent.rows = 2; }
static void p26_before(void) { arg[0].before = 1; }
static void p26_padded(void) { arg[9].padded = true; }
static void p26_more(void) { arg[9].nmore = 1, arg[9].more = variables; }
static void p27(void) { arg[3].i = 95; }
static void p27_types(void) { kernel[1].ntype--; }
static void p27_part(void) { behind[2] = DT_f32, arg[5].extent.bytes = 6; }
static void p27_unused(void) { step[0].kernel = 0; }
static void p28(void) { kernel[0].block = 32; }
static void p28_cuda(void) { program.target = "cuda", kernel[0].block = kernel[1].block = 48, kernel[0].grid = kernel[1].grid = 1; }
static void p28_both(void) { program.target = "cuda", kernel[0].block = kernel[1].block = 64, kernel[0].grid = kernel[1].grid = kernel[1].per_block = 1; }
static void p28_shared(void) { p28_both(), kernel[1].per_block = 0, kernel[1].shared = 227 * 1024 + 1; }
static void p28_count(void) { p28_both(), kernel[1].per_block = 0, kernel[0].grid = 0, kernel[0].per_block = 8; }
static void p29(void) { step[0].seal++; }
static void p29_order(void) { Arg x = arg[5]; arg[5] = arg[6]; arg[6] = x; }
static void p30(void) { arg[0].at = 4; }
static void p30_none(void) { arg[0].value = held(HELD_input, 3); }
static void p30_zero(void) { arg[9].value = 0; }
static void p30_far(void) { step[1].gemm.c.value = 6; }
static void p30_begin(void) { update[1].at = step[1].gemm.c.at = 64; }
static void p31(void) { update[1].value = 1; }
static void p31_order(void) { ProgStep s = step[0]; step[0] = step[1]; step[1] = s; }
static void p31_lost(void) { step[0] = step[1], step[1] = step[2], entry[0].nstep = 2, kernel[1].name = NULL, program.nkernel = 1; }
static void p31_unread(void) { static Named old = {1, 0}; update[1].nmore = 1, update[1].more = &old; }
static void p31_padded(void) { update[1].padded = true; }
static void p31_table(void) { update[1].extent.bytes = 64; }
static void p32(void) { update[2].offset = output[0].offset = 0, entry[0].noutput = 1; }
static void p32_entry(void) { entry[0].name = "other"; }
static void p32_twice(void) { step[3] = step[2], step[2] = step[1], step[1] = step[0], entry[0].nstep = 4; }
static void p32_behind(void) { slab[PARAMS].bytes = 512, var[MOMENT2].type = type2(DT_f32, "D", 2, "E", 8); for (int i = 0; i < VARS; i++) var[i].type = var[MOMENT2].type; arg[1].extent.bytes = 64, update[0].extent.bytes = 448, step[1].gemm.a.s0 = 0; update[2].slab = output[0].slab = PARAMS, update[2].offset = output[0].offset = 480; }
static void p33(void) { update[2].offset = output[0].offset = 1028; }
static void p34(void) { output[0].value = 2, output[0].at = 576 - 1024; }
static void p34_lost(void) { output[0].value = 2, output[0].at = 0, output[0].offset = 1024, output[0].type = type2(DT_f32, "Z", 13, NULL, 0); }
static void p35(void) { update[0].extent.bytes = 384, update[0].nmore = 2; }
static void p36(void) { entry[0].output = output + 1, entry[0].noutput = 1; }
static void p36_input(void) { arg[5] = arg[0]; }
static void p36_table(void) { arg[7] = arg[0]; }
static void p37(void) { static Input late; late = (Input){"m", type2(DT_bool, "B", 2, "N", 4), ACT, 1072}; update[1].padded = true, update[1].extent.bytes = 64; entry[1].input = &late; entry[1].output = output + 3; output[3] = (OutputSpec){"m", late.type, ACT, 1072, held(HELD_input, 0), 0}; }
static void p38(void) { slab[ACT].bytes += 128; }
/* clang-format on */

static const struct {
	const char *name;
	int         rule;
	void (*damage)(void);
} rules[] = {
#define R(n, f)                                                                                    \
	{                                                                                          \
#f, n, f                                                                           \
	}
	R(1, p1),
	R(1, p1_needs),
	R(2, p2),
	R(2, p2_bytes),
	R(3, p3),
	R(3, p3_size),
	R(4, p4),
	R(5, p5),
	R(5, p5_align),
	R(6, p6),
	R(7, p7),
	R(7, p7_shape),
	R(7, p7_init),
	R(7, p7_copy),
	R(8, p8),
	R(8, p8_variable),
	R(9, p9),
	R(9, p9_transform),
	R(9, p9_filter),
	R(9, p9_std),
	R(9, p9_drop),
	R(10, p10),
	R(10, p10_generator),
	R(10, p10_input),
	R(11, p11),
	R(11, p11_ranks),
	R(11, p11_hash),
	R(12, p12),
	R(12, p12_file),
	R(12, p12_name),
	R(13, p13),
	R(13, p13_variable),
	R(14, p14),
	R(14, p14_none),
	R(15, p15),
	R(15, p15_dtype),
	R(16, p16),
	R(16, p16_bounds),
	R(17, p17),
	R(17, p17_bounds),
	R(17, p17_twice),
	R(18, p18),
	R(18, p18_variable),
	R(18, p18_output),
	R(19, p19),
	R(19, p19_kernel),
	R(19, p19_nothing),
	R(20, p20),
	R(20, p20_result),
	R(20, p20_dtype),
	R(20, p20_both),
	R(20, p20_size),
	R(21, p21),
	R(21, p21_align),
	R(21, p21_bias),
	R(21, p21_absurd),
	R(22, p22),
	R(22, p22_bias),
	R(23, p23),
	R(23, p23_z),
	R(24, p24),
	R(24, p24_variable),
	R(25, p25),
	R(25, p25_flops),
	R(26, p26),
	R(26, p26_extent),
	R(26, p26_before),
	R(26, p26_padded),
	R(26, p26_more),
	R(27, p27),
	R(27, p27_unused),
	R(27, p27_types),
	R(27, p27_part),
	R(28, p28),
	R(28, p28_cuda),
	R(28, p28_both),
	R(28, p28_shared),
	R(28, p28_count),
	R(29, p29),
	R(29, p29_order),
	R(30, p30),
	R(30, p30_none),
	R(30, p30_zero),
	R(30, p30_far),
	R(30, p30_begin),
	R(31, p31),
	R(31, p31_order),
	R(31, p31_lost),
	R(31, p31_unread),
	R(31, p31_padded),
	R(31, p31_table),
	R(32, p32),
	R(32, p32_entry),
	R(32, p32_twice),
	R(32, p32_behind),
	R(33, p33),
	R(34, p34),
	R(34, p34_lost),
	R(35, p35),
	R(36, p36),
	R(36, p36_input),
	R(36, p36_table),
	R(37, p37),
	R(38, p38),
#undef R
};

START_TEST(rule)
{
	char slug[32];
	make_program();
	rules[_i].damage();
	if (rules[_i].rule != 29)
		seal_all();
	quiet_on();
	Status s = program_verify(&program);
	quiet_off();
	snprintf(slug, sizeof slug, "[program-p%d]\n", rules[_i].rule);
	ck_assert_msg(s == FAIL && strstr(said, slug) != NULL, "%s: expected %s, got: %s",
	              rules[_i].name, slug, said);
	for (const char *at = said; (at = strstr(at, "[program-p")) != NULL; at++)
		ck_assert_msg(strncmp(at, slug, strlen(slug)) == 0, "%s: more than one rule: %s",
		              rules[_i].name, said);
	free(said);
}
END_TEST

/* q, k and v side by side: a result between the rows of an operand touches none of them. */
START_TEST(interleaved_operands)
{
	make_program();
	Gemm *g = &step[1].gemm;
	g->z = 1, g->m = 4, g->n = 3, g->k = 8;
	g->a = (GemmOperand){ACT, 1024, DT_f32, 0, 16, 1, 1, 0, 0, NULL};
	g->b = (GemmOperand){ACT, 64, DT_f32, 0, 1, 8, held(HELD_input, 0), 0, 0, NULL};
	g->c = (GemmOperand){ACT, 1024 + 32, DT_f32, 0, 16, 1, 2, 0, 0, NULL};
	g->accumulate = false;
	g->before = 0;
	arg[9].extent = (Extent){32, 4, 64};
	update[1].offset = 1024 + 32;
	update[1].extent = (Extent){12, 4, 64};
	seal_all();
	ck_assert(program_verify(&program) == OK);
	g->c.offset -= 4;
	quiet_on();
	ck_assert(program_verify(&program) == FAIL);
	quiet_off();
	ck_assert_ptr_nonnull(strstr(said, "[program-p22]"));
	free(said);
}
END_TEST

Suite *
suite_program(void)
{
	Suite *s = suite_create("program");
	TCase *text = tcase_create("text"), *sound = tcase_create("rules");
	tcase_add_test(text, round_trip);
	tcase_add_test(text, extremes);
	tcase_add_test(text, comments_and_ends_of_lines);
	tcase_add_test(text, messages);
	tcase_add_test(text, any_bytes);
	tcase_add_test(text, cut_anywhere);
	tcase_set_timeout(text, 60);
	suite_add_tcase(s, text);
	tcase_add_loop_test(sound, rule, 0, COUNT(rules));
	tcase_add_test(sound, interleaved_operands);
	suite_add_tcase(s, sound);
	return s;
}
