/* test_graph: graphs as text both ways, garbled text, replacement and commit, long concats, index
 * tables. */
#include "compiler/ir/ir.h"
#include "tests/support/random_graph.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_graph(void);

/* ---- text ----------------------------------------------------------------------------------- */

static const char canonical[] =
	"graph @\"a b\" {\n"
	"  batch B\n"
	"  matmul bf16 average f32\n"
	"  slab params 64\n"
	"  slab act 8192\n"
	"  %0 = input \"x\\\"\\\\\\x0a\" : f32[B:2, T:5, D:4]\n"
	"  %1 = param \"w\" : f32[F:3, D:4] at params+0\n"
	"  %2 = slice %0, T at 1 as N:4 : f32[B:2, N:4, D:4] at act+64 strides(20,4,1) # "
	"models/a.d2v:3:7\n"
	"  %3 = contract %2, %1 over D : f32[N:4, B:2, F:3] kernel 0 at act+512\n"
	"  %4 = sum %3 over B, N, F : f32[] kernel 1\n"
	"  %5 = const 0.01 : f32[] # my models/a:b.d2v:12:1\n"
	"  %6 = concat %1, %1 of F, F along \"F*2\":6 : f32[\"F*2\":6, D:4] kernel -2\n"
	"  training loss %4 adamw(0.9, 0.999, 1e-8) clip 3\n"
	"  update \"w\" group plain lr %5 decay %5 average \"teacher.w\" by %5 # models/a.d2v:2:9\n"
	"  return loss = %4, \"a-b\" = %6\n"
	"}\n";

static void
round_trip(const char *text, const char *want)
{
	Arena *a = arena_new();
	Text   printed = {0};
	Graph *g;

	ck_assert_int_eq(graph_parse(a, "t.ir", text, &g), OK);
	graph_print(g, &printed);
	ck_assert_str_eq(printed.at, want);
	text_free(&printed);
	graph_print(graph_copy(a, g), &printed);
	ck_assert_str_eq(printed.at, want);
	text_free(&printed);
	arena_free(a);
}

START_TEST(test_text)
{
	round_trip(canonical, canonical);
	round_trip("graph @f{ # c\n %x = input \"x\" : f32[D:4] # a comment\n\n%z=const 0:f32[] %0 "
	           "= add %x,\n %z : f32[D:4] return %0, z=%z}",
	           "graph @f {\n  %0 = input \"x\" : f32[D:4]\n  %1 = const 0 : f32[]\n"
	           "  %2 = add %0, %1 : f32[D:4]\n  return out0 = %2, z = %1\n}\n");
}
END_TEST

START_TEST(test_ops_md_text)
{
	char  *text, *start, *end;
	size_t n;

	ck_assert_int_eq(file_read("compiler/ir/OPS.md", &text, &n), OK);
	start = strstr(text, "```\ngraph");
	ck_assert_ptr_nonnull(start);
	start += 4;
	end = strstr(start, "```");
	*end = '\0';
	round_trip(start, start);
	free(text);
}
END_TEST

START_TEST(test_text_random)
{
	Arena *a = arena_new();
	Text   one = {0}, two = {0};
	Graph *g = random_graph(a, (uint64_t)_i, 20), *back;

	graph_print(g, &one);
	ck_assert_int_eq(graph_parse(a, "t.ir", one.at, &back), OK);
	ck_assert_int_eq(graph_verify(back, "parse", false), OK);
	graph_print(back, &two);
	ck_assert_str_eq(one.at, two.at);
	ck_assert_int_eq(back->training.nupdate, g->training.nupdate);
	text_free(&one);
	text_free(&two);
	arena_free(a);
}
END_TEST

/* Texts cut and garbled: always an answer, and a text that is accepted prints and reads again. */
START_TEST(test_garbled)
{
	static const char bytes[] = "%=:[](),{}+-\"#@0 9\\\n\xff eBD.x";
	Stream            s = stream_open(1, "garbled", (uint64_t)_i, 0);
	FILE             *null = fopen("/dev/null", "w");
	Arena            *a = arena_new();
	int               i, k, n = (int)sizeof canonical - 1;

	diag_sink(null);
	for (i = 0; i < 400; i++) {
		char   text[sizeof canonical];
		Graph *g;
		memcpy(text, canonical, sizeof text);
		if (_i == 0)
			text[stream_int(&s, 0, n)] = '\0';
		for (k = 0; k < _i; k++)
			text[stream_int(&s, 0, n - 1)] = bytes[stream_int(&s, 0, COUNT(bytes) - 2)];
		diag_reset();
		if (graph_parse(a, "t.ir", text, &g) == OK) {
			Text once = {0}, twice = {0};
			graph_print(g, &once);
			ck_assert_int_eq(graph_parse(a, "t.ir", once.at, &g), OK);
			graph_print(g, &twice);
			ck_assert_str_eq(once.at, twice.at);
			(void)graph_verify(g, "test", false);
			text_free(&once);
			text_free(&twice);
		} else {
			ck_assert_int_gt(diag_errors(), 0);
		}
	}
	diag_sink(NULL);
	diag_reset();
	fclose(null);
	arena_free(a);
}
END_TEST

/* ---- graphs --------------------------------------------------------------------------------- */

START_TEST(test_commit)
{
	Arena *a = arena_new();
	Graph *g = graph_new(a, "t");
	Type   t = {.dtype = DT_f32, .rank = 1, .axis = {{intern("B"), 2}}},
	     other = {.dtype = DT_f32};
	Loc    no = {0};
	Val    x = build_leaf(g, OP_input, "x", &t, no), w = build_leaf(g, OP_param, "w", &t, no);
	Val    y = build_un(g, OP_neg, x, no), z = build_un(g, OP_exp, y, no);
	Val    lr = build_leaf(g, OP_host, "lr", &other, no);
	Update update = {.param = intern("w"),
	                 .lr = lr,
	                 .decay = lr,
	                 .average_decay = NO_VAL,
	                 .grad = NO_VAL};
	Text   text = {0};
	int   *uses, i;

	build_un(g, OP_abs, z, no); /* dead */
	graph_output(g, "z", z);
	graph_output(g, "y", y);
	g->training = (Training){
		.present = true, .loss = build_const(g, 1, no), .nupdate = 1, .update = &update};
	build_assign(g, "w", z, no);
	for (i = 0; i < 100; i++) /* the table of replacements must grow along */
		if (i == 3)
			graph_replace(g, y, build_bin(g, OP_add, x, w, no));
		else
			build_un(g, OP_abs, x, no);
	graph_replace(g, lr, build_const(g, 0.5, no));
	graph_replace(g, z, y); /* a chain: z -> y -> x + w */
	graph_commit(g);
	graph_print(g, &text);
	ck_assert_str_eq(
		text.at,
		"graph @t {\n  %0 = input \"x\" : f32[B:2]\n  %1 = param \"w\" : f32[B:2]\n"
		"  %2 = const 1 : f32[]\n  %3 = add %0, %1 : f32[B:2]\n"
		"  %4 = assign %3 to \"w\" : f32[B:2]\n  %5 = const 0.5 : f32[]\n"
		"  training loss %2 adamw(0, 0, 0)\n  update \"w\" group \"\" lr %5 decay %5\n"
		"  return z = %3, y = %3\n}\n");
	uses = graph_uses(g, a);
	ck_assert_int_eq(uses[3], 3);
	ck_assert_int_eq(uses[5], 2);
	ck_assert_int_eq(uses[0], 1);
	graph_commit(g);
	ck_assert_int_eq(g->n, 6);
	text_free(&text);
	arena_free(a);
}
END_TEST

START_TEST(test_commit_cycle)
{
	Arena *a = arena_new();
	Graph *g = graph_new(a, "t");
	Type   t = {.dtype = DT_f32, .rank = 1, .axis = {{intern("B"), 2}}};
	Val    x = build_leaf(g, OP_input, "x", &t, (Loc){0}), y = build_un(g, OP_neg, x, (Loc){0});

	graph_output(g, "x", x);
	if (_i == 0) { /* aborts in either case */
		graph_replace(g, x, y);
		graph_commit(g);
	} else if (_i == 1) {
		graph_replace(g, x, build_const(g, 1, (Loc){0}));
	} else {
		build_bin(g, OP_add, x, build_bool(g, 1, (Loc){0}), (Loc){0});
	}
}
END_TEST

/* Longer concats than a node can name become concats of concats, in order. */
START_TEST(test_long_concat)
{
	Arena *a = arena_new();
	Graph *g = graph_new(a, "t");
	Type   t = {.dtype = DT_f32, .rank = 1, .axis = {{intern("B"), 2}}};
	Axis   parts[123] = {{0}}, along = {intern("L"), 123};
	Val    in[123], v;
	Tensor result[400];
	int    i;

	for (i = 0; i < 123; i++)
		in[i] = build_const(g, i, (Loc){0});
	v = build_concat(g, in, parts, 123, along, (Loc){0});
	ck_assert_int_eq(graph_verify(g, "test", false), OK);
	ck_assert_int_eq(eval_graph(a, g, NULL, 0, result), OK);
	for (i = 0; i < 123; i++)
		ck_assert_double_eq(result[v].at[i], i);
	v = build_broadcast_to(g, v, &t, (Loc){0});
	ck_assert_int_eq(g->node[v].type.rank, 2);
	ck_assert_int_eq(build_reorder(g, v, &g->node[v].type, (Loc){0}), v);
	ck_assert_int_eq(build_cast(g, v, DT_f32, (Loc){0}), v);
	arena_free(a);
}
END_TEST

/* data2vec-vision.md 1.3 */
START_TEST(test_tables)
{
	static const struct {
		int i, j, want;
	} check[] = {{0, 0, 731}, {0, 1, 729},  {1, 0, 730},  {1, 1, 364}, {1, 2, 363},
	             {2, 1, 365}, {1, 15, 337}, {15, 1, 391}, {1, 196, 0}, {196, 1, 728}};
	static int32_t table[197 * 197];
	int64_t        args[2] = {14, 14}, size[MAX_RANK], limit, sum = 0;
	int            rank, i;

	ck_assert_int_eq(table_type("grid_offsets", args, 2, &rank, size, &limit), OK);
	ck_assert(rank == 2 && size[0] == 197 && size[1] == 197 && limit == 732);
	table_fill("grid_offsets", args, 2, table);
	for (i = 0; i < COUNT(check); i++)
		ck_assert_int_eq(table[check[i].i * 197 + check[i].j], check[i].want);
	for (i = 0; i < 197 * 197; i++) {
		ck_assert(table[i] >= 0 && table[i] < limit);
		sum += table[i];
	}
	ck_assert_int_eq(sum, 14270119);
	ck_assert_int_eq(table_type("grid_offsets", args, 1, &rank, size, &limit), FAIL);
	args[0] = 5;
	ck_assert_int_eq(table_type("iota", args, 1, &rank, size, &limit), OK);
	table_fill("iota", args, 1, table);
	ck_assert(rank == 1 && size[0] == 5 && limit == 5 && table[4] == 4);
}
END_TEST

Suite *
suite_graph(void)
{
	Suite *s = suite_create("graph");
	TCase *words = tcase_create("text"), *graph = tcase_create("graph");

	tcase_add_test(words, test_text);
	tcase_add_test(words, test_ops_md_text);
	tcase_add_loop_test(words, test_text_random, 0, 12);
	tcase_add_loop_test(words, test_garbled, 0, 5);
	tcase_add_test(graph, test_commit);
	tcase_add_loop_test_raise_signal(graph, test_commit_cycle, 6, 0, 3);
	tcase_add_test(graph, test_long_concat);
	tcase_add_test(graph, test_tables);
	suite_add_tcase(s, words);
	suite_add_tcase(s, graph);
	return s;
}
