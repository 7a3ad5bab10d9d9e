/* test_eval: the evaluator against numbers worked out by hand for every op of ops.def, attend
 * against its expansion, attend_grad against central differences of attend. */
#include "compiler/ir/ir.h"
#include "tests/support/random_graph.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_eval(void);

/* nodes: the last value, %y, is compared; feeds: "name=1,2,3 other=4"; want: "1,2". */
typedef struct {
	Op          op;
	const char *nodes, *feeds, *want;
} Case;

#define A3 "%a = input \"a\" : f32[D:3] "
#define AB "%a = input \"a\" : f32[B:2, D:3] %b = input \"b\" : f32[D:3] "
#define M1 "%m = input \"m\" : bool[B:2] "
#define M2 "%m = input \"m\" : bool[B:2] %o = input \"o\" : bool[B:2] "
#define AB_FEED "a=1,2,3,4,5,6 b=10,20,-30"
#define QKV                                                                                        \
	"%q = input \"q\" : f32[T:1, E:2] %k = input \"k\" : f32[U:2, E:2] %v = input \"v\" : "    \
	"f32[E:2, U:2] "
#define QKV_FEED "q=1,0 k=1,0,0,1 v=1,3,2,4 "

static const Case cases[] = {
	{OP_input, "%y = input \"a\" : f32[B:2]", "a=3,-4", "3,-4"},
	{OP_host, "%y = host \"1 / step\" : f32[] ", "", "?"},
	{OP_param, "%y = param \"w\" : f32[B:2]", "w=1,2", "1,2"},
	{OP_const, "%y = const 0.1 : f32[]", "", "0.1"},
	{OP_table, "%y = table grid_offsets(1, 2) : i32[T:3, U:3]", "", "5,3,3,4,1,0,4,2,1"},
	{OP_table, "%y = table iota(3) : i32[D:3]", "", "0,1,2"},
	{OP_add, AB "%y = add %a, %b : f32[B:2, D:3]", AB_FEED, "11,22,-27,14,25,-24"},
	{OP_add, AB "%y = add %a, %b : f32[D:3, B:2]", AB_FEED, "11,14,22,25,-27,-24"},
	{OP_sub, AB "%y = sub %b, %a : f32[D:3, B:2]", AB_FEED, "9,6,18,15,-33,-36"},
	{OP_mul, AB "%y = mul %a, %b : f32[B:2, D:3]", AB_FEED, "10,40,-90,40,100,-180"},
	{OP_div, AB "%y = div %b, %a : f32[D:3, B:2]", AB_FEED, "10,2.5,10,4,-10,-5"},
	{OP_min, AB "%y = min %a, %b : f32[B:2, D:3]", AB_FEED, "1,2,-30,4,5,-30"},
	{OP_max, AB "%y = max %a, %b : f32[B:2, D:3]", AB_FEED, "10,20,3,10,20,6"},
	{OP_neg, A3 "%y = neg %a : f32[D:3]", "a=1,0,-2", "-1,0,2"},
	{OP_abs, A3 "%y = abs %a : f32[D:3]", "a=1,0,-2", "1,0,2"},
	{OP_sign, A3 "%y = sign %a : f32[D:3]", "a=1.5,0,-2", "1,0,-1"},
	{OP_exp, A3 "%y = exp %a : f32[D:3]", "a=0,1,-1",
         "1,2.718281828459045,0.36787944117144233"},
	{OP_log, A3 "%y = log %a : f32[D:3]", "a=1,2,0.5",
         "0,0.6931471805599453,-0.6931471805599453"},
	{OP_sqrt, A3 "%y = sqrt %a : f32[D:3]", "a=0,4,2.25", "0,2,1.5"},
	{OP_rsqrt, A3 "%y = rsqrt %a : f32[D:3]", "a=1,4,0.25", "1,0.5,2"},
	{OP_erf, A3 "%y = erf %a : f32[D:3]", "a=0,1,-1",
         "0,0.8427007929497149,-0.8427007929497149"},
	{OP_tanh, A3 "%y = tanh %a : f32[D:3]", "a=0,1,-1",
         "0,0.7615941559557649,-0.7615941559557649"},
	{OP_lt, AB "%y = lt %a, %b : bool[B:2, D:3]", "a=1,2,3,4,5,6 b=2,2,2", "1,0,0,0,0,0"},
	{OP_le, AB "%y = le %a, %b : bool[B:2, D:3]", "a=1,2,3,4,5,6 b=2,2,2", "1,1,0,0,0,0"},
	{OP_eq, AB "%y = eq %a, %b : bool[B:2, D:3]", "a=1,2,3,4,5,6 b=2,2,3", "0,1,1,0,0,0"},
	{OP_and, M2 "%y = and %m, %o : bool[B:2]", "m=1,1 o=0,1", "0,1"},
	{OP_or, M2 "%y = or %m, %o : bool[B:2]", "m=0,1 o=0,1", "0,1"},
	{OP_not, M1 "%y = not %m : bool[B:2]", "m=0,1", "1,0"},
	{OP_select, M1 AB "%y = select %m, %a, %b : f32[B:2, D:3]", "m=0,1 " AB_FEED,
         "10,20,-30,4,5,6"},
	/* ties to even */
	{OP_cast, A3 "%y = cast %a : bf16[D:3]", "a=1,1.00390625,1.01171875", "1,1,1.015625"},
	{OP_cast, M1 "%y = cast %m : f32[B:2]", "m=0,1", "0,1"},
	/* bf16 results round */
	{OP_mul, "%a = input \"a\" : bf16[] %y = mul %a, %a : bf16[]", "a=1.0078125", "1.015625"},
	{OP_sum, AB "%y = sum %a over D : f32[B:2]", AB_FEED, "6,15"},
	{OP_sum, AB "%y = sum %a over B, D : f32[]", AB_FEED, "21"},
	{OP_rmax, AB "%y = rmax %b over D : f32[]", AB_FEED, "20"},
	{OP_rmax, AB "%n = neg %a : f32[B:2, D:3] %y = rmax %n over B : f32[D:3]", AB_FEED,
         "-1,-2,-3"},
	{OP_sum_squares, AB "%c = const 3 : f32[] %y = sum_squares %a, %b, %c : f32[]", AB_FEED,
         "1500"},
	{OP_contract, AB "%y = contract %a, %b over D : f32[B:2]", AB_FEED, "-40,-40"},
	{OP_contract, AB "%y = contract %a, %a over B : f32[D:3]", AB_FEED, "17,29,45"},
	{OP_contract, A3 "%c = input \"c\" : f32[F:2] %y = contract %a, %c : f32[F:2, D:3]",
         "a=1,2,3 c=1,10", "1,2,3,10,20,30"},
	{OP_gemm,
         AB "%w = param \"w\" : f32[F:2, D:3] %c = param \"c\" : f32[F:2] %y = gemm %a, %w, %c "
            "over D : f32[B:2, F:2]",
         AB_FEED " w=1,0,0,0,1,1 c=100,200", "101,205,104,211"},
	{OP_gemm, AB "%y = gemm %a, %b over D : f32[B:2]", AB_FEED, "-40,-40"},
	{OP_rename, AB "%y = rename %a, D as V:3 : f32[V:3, B:2]", AB_FEED, "1,4,2,5,3,6"},
	{OP_split, "%a = input \"a\" : f32[X:6] %y = split %a, X as G:2, P:3 : f32[P:3, G:2]",
         "a=0,1,2,3,4,5", "0,3,1,4,2,5"},
	{OP_merge, AB "%y = merge %a, D, B as X:6 : f32[X:6]", AB_FEED, "1,4,2,5,3,6"},
	{OP_slice, AB "%y = slice %a, D at 1 as N:2 : f32[B:2, N:2]", AB_FEED, "2,3,5,6"},
	{OP_slice, AB "%y = slice %a, D at 2 : f32[B:2]", AB_FEED, "3,6"},
	{OP_pad, AB "%y = pad %a, D at 1 as T:5 : f32[B:2, T:5]", AB_FEED, "0,1,2,3,0,0,4,5,6,0"},
	{OP_pad, AB "%y = pad %b, at 1 as C:3 : f32[D:3, C:3]", AB_FEED, "0,10,0,0,20,0,0,-30,0"},
	{OP_concat,
         AB "%c = const 7 : f32[] %y = concat %c, %a, %c of -, D, - along T:5 : f32[B:2, T:5]",
         AB_FEED, "7,1,2,3,7,7,4,5,6,7"},
	{OP_concat, AB "%y = concat %a, %b of B, - along C:3 : f32[C:3, D:3]", AB_FEED,
         "1,2,3,4,5,6,10,20,-30"},
	{OP_concat,
         A3 "%e = input \"e\" : f32[D:3] %y = concat %a, %e of D, - along C:4 : f32[C:4, D:3]",
         "a=1,2,3 e=4,5,6",
         "1,1,1,2,2,2,3,3,3,4,5,6"}, /* D is a part in one operand, an axis in the other */
	{OP_broadcast, A3 "%y = broadcast %a over B:2 : f32[D:3, B:2]", "a=1,2,3", "1,1,2,2,3,3"},
	{OP_reorder, AB "%y = reorder %a : f32[D:3, B:2]", AB_FEED, "1,4,2,5,3,6"},
	{OP_pick, AB "%i = input \"i\" : i32[P:4] %y = pick %a, %i along D : f32[P:4, B:2]",
         AB_FEED " i=2,0,0,1", "3,6,1,4,1,4,2,5"},
	{OP_pick, AB "%i = input \"i\" : i32[D:3] %y = pick %a, %i along D : f32[B:2, D:3]",
         AB_FEED " i=2,1,0", "3,2,1,6,5,4"},
	{OP_scatter_add,
         AB "%i = input \"i\" : i32[D:3] %y = scatter_add %a, %i into R:4 : f32[B:2, R:4]",
         AB_FEED " i=3,0,3", "2,0,0,4,5,0,0,10"},
	/* each row its own places; nothing where there is none */
	{OP_pick, AB "%i = input \"i\" : i32[P:2, B:2] %y = pick %a, %i along D : f32[B:2, P:2]",
         AB_FEED " i=2,0,-1,1", "3,0,4,5"},
	{OP_scatter_add,
         AB "%i = input \"i\" : i32[D:3, B:2] %y = scatter_add %a, %i into R:4 keeping B : "
            "f32[B:2, R:4]",
         AB_FEED " i=3,0,-1,1,3,0", "0,0,0,4,10,5,0,0"},
	{OP_places,
         "%m = input \"m\" : bool[N:4, B:2] %y = places %m, N at 1 as S:3 : i32[B:2, S:3]",
         "m=0,1,1,1,0,1,1,1", "2,4,-1,1,2,3"},
	{OP_ranks,
         "%m = input \"m\" : bool[N:4, B:2] %y = ranks %m, N at 1 as T:6 of S:3 : i32[B:2, T:6]",
         "m=0,1,1,1,0,1,1,1", "-1,-1,0,-1,1,-1,-1,0,1,2,-1,-1"},
	{OP_ranks, "%m = input \"m\" : bool[B:2] %y = ranks %m, B at 0 as B:2 of S:1 : i32[B:2]",
         "m=1,1", "0,-1"},
	{OP_uniform,
         "%s = input \"s\" : u32[B:2] %n = host \"step\" : u32[] %d = host \"seed\" : u32[] "
         "%y = uniform %s, %n, %d site \"a\" over T, D : f32[D:3, B:2, T:2]",
         "s=5,9 step=3 seed=77", "?"},
	{OP_assign,
         "%w = param \"w\" : f32[B:2] %a = input \"a\" : f32[B:2] %y = assign %a to \"w\" : "
         "f32[B:2]",
         "w=1,2 a=3,4", "3,4"},
	{OP_standardise, AB "%y = standardise %a over D eps 0 : f32[B:2, D:3]", AB_FEED,
         "-1.224744871391589,0,1.224744871391589,-1.224744871391589,0,1.224744871391589"},
	{OP_standardise, AB "%y = standardise %a over B, D eps 1 : f32[D:3, B:2]",
         "a=1,1,1,3,3,3 b=0,0,0",
         "-0.7071067811865475,0.7071067811865475,-0.7071067811865475,0.7071067811865475,-0."
         "7071067811865475,0.7071067811865475"},
	{OP_softmax, A3 "%y = softmax %a over D : f32[D:3]", "a=1000,1000,-1000", "0.5,0.5,0"},
	{OP_softmax, "%a = input \"a\" : f32[D:2, B:2] %y = softmax %a over B : f32[D:2, B:2]",
         "a=0,0.6931471805599453,5,5", "0.3333333333333333,0.6666666666666667,0.5,0.5"},
	{OP_gelu, A3 "%y = gelu %a : f32[D:3]", "a=0,1,-1",
         "0,0.8413447460685429,-0.15865525393145707"},
	{OP_smooth_l1, A3 "%y = smooth_l1 %a beta 2 : f32[D:3]", "a=1,-2,3", "0.25,1,2"},
	{OP_attend, QKV "%y = attend %q, %k, %v over E, U scale 1 : f32[T:1, E:2]", QKV_FEED,
         "1.5378828427399902,2.5378828427399904"},
	{OP_attend,
         QKV "%r = input \"r\" : f32[U:2, T:1] %y = attend %q, %k, %v, %r over E, U scale 1 : "
             "f32[E:2, T:1]",
         QKV_FEED "r=0,1", "2,3"}, /* the bias evens the scores out */
	{OP_attend_grad,
         QKV "%g = input \"g\" : f32[T:1, E:2] %y = attend_grad %q, %k, %v, %g over E, U scale 1 : "
             "f32[T:1, E:2]",
         QKV_FEED "g=1,0", "-0.3932238664829637,0.3932238664829637"},
	{OP_result,
         QKV "%g = input \"g\" : f32[T:1, E:2] %t = attend_grad %q, %k, %v, %g over E, U scale 1 : "
             "f32[T:1, E:2] "
             "%y = result %t, 2 : f32[U:2, E:2]",
         QKV_FEED "g=1,0", "0.7310585786300049,0,0.2689414213699951,0"},
};

static Graph *
parse(Arena *a, const char *nodes)
{
	Graph *g;

	ck_assert_int_eq(graph_parse(a, "t.ir", arena_printf(a, "graph @t { %s }", nodes), &g), OK);
	ck_assert_int_eq(graph_verify(g, "test", false), OK);
	return g;
}

static const char *
numbers(const char *s, double *to, int64_t n)
{
	int64_t i;

	for (i = 0; i < n; i++) {
		char *end;
		to[i] = strtod(s, &end);
		ck_assert_msg(end > s && (i + 1 == n || *end == ','),
		              "%lld numbers must stand in %s", (long long)n, s);
		s = end + (i + 1 < n);
	}
	return s;
}

/* Values for the leaves, in the order of their types. */
static Feed *
feeds(Arena *a, const Graph *g, const char *text, int *n)
{
	Feed *feed = arena_new_array(a, Feed, g->n + 1);
	Val   v;

	*n = 0;
	for (v = 0; v < g->n; v++) {
		const Node *node = &g->node[v];
		char       *key;
		const char *at;
		if (node->op != OP_input && node->op != OP_param && node->op != OP_host)
			continue;
		key = arena_printf(a, "%s=", node->attr.name);
		for (at = strstr(text, key); at && at > text && at[-1] != ' ';
		     at = strstr(at + 1, key))
			;
		if (!at)
			continue;
		feed[*n] = (Feed){node->attr.name, tensor_new(a, &node->type)};
		numbers(at + strlen(key), feed[*n].tensor.at, type_elems(&node->type));
		++*n;
	}
	return feed;
}

START_TEST(test_by_hand)
{
	static double quarter = 0.25;
	const Case   *c = &cases[_i];
	Arena        *a = arena_new();
	Graph        *g = parse(a, c->nodes);
	Tensor       *result = arena_new_array(a, Tensor, g->n), y;
	Feed         *feed;
	double       *want;
	int64_t       i, count;
	int           nfeed;

	feed = feeds(a, g, c->feeds, &nfeed);
	if (c->op == OP_host)
		feed[nfeed++] = (Feed){"1 / step", {{.dtype = DT_f32}, &quarter}};
	ck_assert_int_eq(eval_graph(a, g, feed, nfeed, result), OK);
	y = result[g->n - 1];
	ck_assert_int_eq(g->node[g->n - 1].op, c->op);
	count = type_elems(&y.type);
	want = arena_new_array(a, double, count);
	if (c->op == OP_host)
		want[0] = quarter;
	else if (c->op == OP_uniform) /* y[d][b][t]; elements are counted over T, D */
		for (i = 0; i < count; i++)
			want[i] = philox_uniform(77, hash_name("a"), 3, i / 2 % 2 ? 9 : 5,
			                         (uint32_t)(i % 2 * 3 + i / 4));
	else
		numbers(c->want, want, count);
	for (i = 0; i < count; i++)
		ck_assert_msg(fabs(y.at[i] - want[i]) <= 1e-14 * (1 + fabs(want[i])),
		              "%s\nelement %lld: %.17g, not %.17g", c->nodes, (long long)i, y.at[i],
		              want[i]);
	arena_free(a);
}
END_TEST

START_TEST(test_every_op_has_a_case)
{
	int op, i;

	for (op = 0; op < OP_COUNT; op++) {
		for (i = 0; i < COUNT(cases) && (int)cases[i].op != op; i++)
			;
		ck_assert_msg(i < COUNT(cases), "no numeric case for %s", op_info[op].name);
	}
}
END_TEST

START_TEST(test_missing_feed)
{
	Arena *a = arena_new();
	Graph *g = parse(a, "%0 = input \"a\" : f32[B:2]");
	Type   wrong = {.dtype = DT_f32, .rank = 1, .axis = {{intern("B"), 3}}};
	Feed   feed = {"a", tensor_new(a, &wrong)};
	Tensor result[1];
	FILE  *null = fopen("/dev/null", "w");

	diag_sink(null);
	ck_assert_int_eq(eval_graph(a, g, NULL, 0, result), FAIL);
	ck_assert_int_eq(eval_graph(a, g, &feed, 1, result), FAIL);
	diag_sink(NULL);
	diag_reset();
	fclose(null);
	arena_free(a);
}
END_TEST

/* ---- attention ------------------------------------------------------------------------------ */

static const char attend_leaves[] =
	"%q = input \"q\" : f32[B:2, T:3, H:2, E:3] %k = input \"k\" : f32[B:2, H:2, U:5, E:3] "
	"%v = input \"v\" : f32[U:5, B:2, H:2, E:3] %r = input \"r\" : f32[H:2, T:3, U:5] "
	"%s = input \"s\" : u32[B:2] %n = host \"step\" : u32[] %d = host \"seed\" : u32[] "
	"%g = input \"g\" : f32[E:3, B:2, T:3, H:2] ";

static const struct {
	const char *operands, *attr;
	int         nin;
} variants[] = {
	{"%q, %k, %v", "", 3},
	{"%q, %k, %v, %r", "", 4},
	{"%q, %k, %v, %s, %n, %d", " rate 0.4 site \"p\"", 3},
	{"%q, %k, %v, %r, %s, %n, %d", " rate 0.4 site \"p\"", 4},
};

static double
weighted(Arena *a, const Graph *g, const Feed *feed, int nfeed, Val v)
{
	Tensor *result = arena_new_array(a, Tensor, g->n);

	ck_assert_int_eq(eval_graph(a, g, feed, nfeed, result), OK);
	return result[v].at[0];
}

/* d/dx of sum(g * attend) by (f(x + h) - f(x - h)) / 2h. Error: h^2 f''' / 6 from the formula,
 * about 1e-10 here, and 1e-16 / h = 1e-11 from rounding. */
START_TEST(test_attend_grad)
{
	static const char *const leaf[] = {"q", "k", "v", "r"};
	static const char *const types[] = {"f32[B:2, T:3, H:2, E:3]", "f32[B:2, H:2, U:5, E:3]",
	                                    "f32[U:5, B:2, H:2, E:3]", "f32[H:2, T:3, U:5]"};
	const char              *over = "over E, U scale 0.7", *type = "f32[B:2, T:3, H:2, E:3]";
	Arena                   *a = arena_new();
	char                    *nodes = arena_printf(a,
	                                              "%s%%o = attend %s %s%s : %s %%w = mul %%o, %%g : %s "
	                                                                 "%%f = sum %%w over B, T, H, E : f32[] ",
	                                              attend_leaves, variants[_i].operands, over, variants[_i].attr,
	                                              type, type);
	Graph                   *g;
	Tensor                  *result;
	Feed                    *feed;
	int                      nfeed, i, k;
	Val                      loss;
	const double             h = 1e-5;

	nodes = arena_printf(a, "%s %%t = attend_grad %s, %%g %s%s : %s ", nodes,
	                     variants[_i].operands, over, variants[_i].attr, type);
	for (i = 0; i < variants[_i].nin; i++)
		nodes = arena_printf(a, "%s %%r%d = result %%t, %d : %s ", nodes, i, i, types[i]);
	g = parse(a, nodes);
	for (loss = 0; g->node[loss].op != OP_sum; loss++)
		;
	result = arena_new_array(a, Tensor, g->n);
	feed = random_feed(a, g, 11, &nfeed);
	ck_assert_int_eq(eval_graph(a, g, feed, nfeed, result), OK);
	for (i = 0; i < variants[_i].nin; i++) {
		Tensor  d = result[g->n - variants[_i].nin + i], *x;
		int64_t e;
		for (k = 0; strcmp(feed[k].name, leaf[i]) != 0; k++)
			;
		x = &feed[k].tensor;
		for (e = 0; e < type_elems(&d.type); e++) {
			Arena *tmp = arena_new();
			double at = x->at[e], up, down;
			x->at[e] = at + h;
			up = weighted(tmp, g, feed, nfeed, loss);
			x->at[e] = at - h;
			down = weighted(tmp, g, feed, nfeed, loss);
			x->at[e] = at;
			ck_assert_msg(fabs((up - down) / (2 * h) - d.at[e]) < 2e-9,
			              "d%s[%lld]: %.12g, not %.12g", leaf[i], (long long)e, d.at[e],
			              (up - down) / (2 * h));
			arena_free(tmp);
		}
	}
	arena_free(a);
}
END_TEST

/* attend is its expansion, and its dropout the draw of `uniform` with the axes H, T, U. */
START_TEST(test_attend_expansion)
{
	Arena *a = arena_new();
	bool   bias = variants[_i].nin == 4, drop = *variants[_i].attr != '\0';
	char  *nodes = arena_printf(
		 a,
		 "%s%%c = const 0.7 : f32[] %%s0 = contract %%q, %%k over E : f32[B:2, T:3, H:2, "
		  "U:5] "
		  "%%s1 = mul %%s0, %%c : f32[B:2, T:3, H:2, U:5] %%s2 = add %%s1, %%r : f32[B:2, "
		  "T:3, H:2, U:5] "
		  "%%p = softmax %s over U : f32[B:2, T:3, H:2, U:5] "
		  "%%u = uniform %%s, %%n, %%d site \"p\" over H, T, U : f32[B:2, T:3, H:2, U:5] "
		  "%%rate = const 0.4 : f32[] %%zero = const 0 : f32[] %%keep = const "
		  "1.6666666666666667 : f32[] "
		  "%%lost = lt %%u, %%rate : bool[B:2, T:3, H:2, U:5] %%more = mul %%p, %%keep : "
		  "f32[B:2, T:3, H:2, U:5] "
		  "%%m = select %%lost, %%zero, %%more : f32[B:2, T:3, H:2, U:5] "
		  "%%x = contract %s, %%v over U : f32[B:2, T:3, H:2, E:3] "
		  "%%y = attend %s over E, U scale 0.7%s : f32[B:2, T:3, H:2, E:3]",
		 attend_leaves, bias ? "%s2" : "%s1", drop ? "%m" : "%p", variants[_i].operands,
		 variants[_i].attr);
	Graph  *g = parse(a, nodes);
	Tensor *result = arena_new_array(a, Tensor, g->n);
	int64_t e;
	int     nfeed;
	Feed   *feed = random_feed(a, g, 5, &nfeed);

	ck_assert_int_eq(eval_graph(a, g, feed, nfeed, result), OK);
	for (e = 0; e < type_elems(&result[g->n - 1].type); e++)
		ck_assert_double_eq_tol(result[g->n - 1].at[e], result[g->n - 2].at[e], 1e-14);
	arena_free(a);
}
END_TEST

/* The order of axes in types and the layout of feeds change no value; the same seed makes the same
 * graph. */
START_TEST(test_random)
{
	Arena  *a = arena_new();
	Graph  *g = random_graph(a, (uint64_t)_i, 25), *same = random_graph(a, (uint64_t)_i, 25);
	Tensor *result = arena_new_array(a, Tensor, g->n);
	Text    one = {0}, two = {0};
	int     nfeed;
	Feed   *feed = random_feed(a, g, 3, &nfeed);

	graph_print(g, &one);
	graph_print(same, &two);
	ck_assert_str_eq(one.at, two.at);
	ck_assert_int_eq(eval_graph(a, g, feed, nfeed, result), OK);
	ck_assert_msg(isfinite(result[g->training.loss].at[0]), "%s", one.at);
	text_free(&one);
	text_free(&two);
	arena_free(a);
}
END_TEST

Suite *
suite_eval(void)
{
	Suite *s = suite_create("eval");
	TCase *hand = tcase_create("by hand"), *attend = tcase_create("attend"),
	      *random = tcase_create("random");

	tcase_add_loop_test(hand, test_by_hand, 0, COUNT(cases));
	tcase_add_test(hand, test_every_op_has_a_case);
	tcase_add_test(hand, test_missing_feed);
	tcase_add_loop_test(attend, test_attend_grad, 0, COUNT(variants));
	tcase_add_loop_test(attend, test_attend_expansion, 0, COUNT(variants));
	tcase_add_loop_test(random, test_random, 0, 20);
	tcase_set_timeout(attend, 60);
	suite_add_tcase(s, hand);
	suite_add_tcase(s, attend);
	suite_add_tcase(s, random);
	return s;
}
