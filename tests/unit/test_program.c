/* The program's text and its rules: print, parse and print again give the same bytes; every numbered rule of
 * PROGRAM.md is broken alone and must be reported under its number; any bytes are survived. */
#include "compiler/base/base.h"
#include "compiler/program/program.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_program(void);

/* ---- a small program in which everything occurs --------------------------------------------------- */

enum { PARAMS, ACT, SLABS };
enum { GAIN, TEACHER, MOMENT1, MOMENT2, VARS };

static ProgSlab    slab[SLABS];
static Variable    var[VARS];
static NameMap     map[2];
static const char *gain_only[] = {"block[0].gain"};
static DrawSpec    draw[1];
static Kernel      kernel[2];
static Table       table[1];
static int32_t     numbers[40];
static Scalar      scalar[1];
static Input       input[3];
static OutputSpec  output[2];
static Arg         arg[5];
static ProgStep    step[2];
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

static void
make_train(void)
{
	scalar[0] = (Scalar){"warmup \"quoted\" \\ step", DT_f32, ACT, 0};
	input[0] = (Input){"image", type2(DT_f32, "B", 2, "X", 48), ACT, 64};
	input[1] = (Input){"m", type2(DT_bool, "B", 2, "N", 4), ACT, 448};
	input[2] = (Input){"sample", type2(DT_u32, "B", 2, NULL, 0), ACT, 512};
	output[0] = (OutputSpec){"loss", type2(DT_f32, NULL, 0, NULL, 0), ACT, 576};
	output[1] = (OutputSpec){"lr", type2(DT_f32, NULL, 0, NULL, 0), ACT, 0};
	arg[0] = (Arg){.kind = ARG_pointer, .slab = ACT, .offset = 64};
	arg[1] = (Arg){.kind = ARG_pointer, .slab = PARAMS, .offset = 0};
	arg[2] = (Arg){.kind = ARG_f32, .f = 1e-8};
	arg[3] = (Arg){.kind = ARG_i64, .i = INT64_MIN};
	arg[4] = (Arg){.kind = ARG_u64, .u = UINT64_MAX};
	step[0] = (ProgStep){.kind = STEP_launch,
	                     .kernel = 1,
	                     .narg = 5,
	                     .arg = arg,
	                     .what = "forward",
	                     .flops = 1e12,
	                     .bytes = 0.1,
	                     .loc = {"models/tiny.d2v", 12, 5, 0}};
	Gemm *g = &step[1].gemm;
	step[1] = (ProgStep){.kind = STEP_gemm, .what = "backward", .flops = 1536, .bytes = 768};
	g->z = 2, g->m = 4, g->n = 3, g->k = 8;
	g->a = (GemmOperand){.slab = PARAMS, .dtype = DT_f32, .s0 = 8, .s1 = 1};
	g->b = (GemmOperand){.slab = ACT, .offset = 64, .dtype = DT_f32, .sz = 24, .s0 = 1, .s1 = 8};
	g->c = (GemmOperand){.slab = ACT, .offset = 1024, .dtype = DT_bf16, .sz = 12, .s0 = 3, .s1 = 1};
	g->has_bias = true;
	g->bias_slab = PARAMS;
	g->accumulate = g->b_is_weight = true;
}

static void
make_program(void)
{
	slab[PARAMS] = (ProgSlab){"params", 512};
	slab[ACT] = (ProgSlab){"act", 4096};
	make_variables();
	make_train();
	draw[0] = (DrawSpec){"m", "m", "block_mask", 2, 2, 3, 1, 4, 0.3, 3.33};
	kernel[0] = (Kernel){.name = "k0", .file = "k0.c"};
	kernel[1] = (Kernel){.name = "k1", .file = "k0.c"};
	for (int i = 0; i < COUNT(numbers); i++)
		numbers[i] = i * i - 100;
	table[0] = (Table){ACT, 2048, COUNT(numbers), numbers};
	entry[0] = (Entry){"train", 1, 3, 2, 2, scalar, input, output, step};
	entry[1] = (Entry){"student.features", 0, 1, 1, 0, NULL, input, output, NULL};
	program = (Program){
		.recipe = {.spec_name = "tiny",
	                   .spec_hash = "0123456789abcdef0123456789abcdef",
	                   .nvar = VARS,
	                   .var = var,
	                   .nname = 2,
	                   .name = map,
	                   .ndraw = 1,
	                   .draw = draw,
	                   .length_epochs = 2.5,
	                   .seed = UINT64_MAX,
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
}

/* ---- what is reported ------------------------------------------------------------------------------- */

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

/* ---- text --------------------------------------------------------------------------------------------- */

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
	ck_assert(again->entry[0].step[0].arg[3].i == INT64_MIN &&
	          again->entry[0].step[0].arg[4].u == UINT64_MAX);
	ck_assert(again->recipe.var[GAIN].loc.line == 3 && again->recipe.var[GAIN].loc.col == 9);
	ck_assert(memcmp(again->table[0].data, numbers, sizeof numbers) == 0);
	ck_assert(program_entry(again, "student.features") == &again->entry[1]);
	ck_assert(program_entry(again, "none") == NULL);
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
		{"d2v-program 1", "d2v-program 2",
	         "program.d2p:1:13: error: the version of the format is 2"},
		{"d2v-program 1", "ELF", "program.d2p:1:1: error: this is no program"},
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
		{"transform flip", "transform \x01", "this character cannot stand here"},
	};
	for (int i = 0; i < COUNT(cases); i++) {
		char *text = with(cases[i].from, cases[i].to);
		parse_fails(text, cases[i].expected);
		free(text);
	}
}
END_TEST

/* Random damage to a sound text: nothing may crash, and what is still accepted prints and parses alike. */
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

/* ---- rules -------------------------------------------------------------------------------------------- */

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
#undef R
};

START_TEST(rule)
{
	char slug[32];
	make_program();
	rules[_i].damage();
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
	g->a = (GemmOperand){.slab = ACT, .offset = 1024, .dtype = DT_f32, .s0 = 16, .s1 = 1};
	g->b = (GemmOperand){.slab = ACT, .offset = 64, .dtype = DT_f32, .s0 = 1, .s1 = 8};
	g->c = (GemmOperand){.slab = ACT, .offset = 1024 + 32, .dtype = DT_f32, .s0 = 16, .s1 = 1};
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
