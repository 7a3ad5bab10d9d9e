/* test_ir: types and rules of every op (each rule of OPS.md has a case here) and
 * verify. Text and graphs are test_graph's business, numbers test_eval's. */
#include "compiler/ir/ir.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_ir(void);

/* ---- what a text of nodes is refused for ---------------------------------------------------- */

#define LEAVES                                                                                     \
	"%x = input \"x\" : f32[B:2, T:3, D:4] %d = input \"d\" : f32[D:4] %h = input \"h\" : "    \
	"bf16[D:4] "                                                                               \
	"%m = input \"m\" : bool[B:2, T:3] %i = input \"i\" : i32[P:2] %s = input \"s\" : "        \
	"u32[B:2] "                                                                                \
	"%n = input \"n\" : u32[] %w = param \"w\" : f32[F:5, D:4] %q = input \"q\" : f32[B:2, "   \
	"H:2, T:3, E:2] "                                                                          \
	"%k = input \"k\" : f32[B:2, H:2, U:3, E:2] %r = param \"r\" : f32[H:2, T:3, U:3] "

/* Parse and verify; the diagnostics as text (freed by the caller), "" when there are none. */
static char *
messages_of(const char *head, const char *nodes)
{
	char  *said = NULL, *text = NULL;
	size_t n;
	FILE  *f = open_memstream(&said, &n);
	Arena *a = arena_new();
	Graph *g;

	ck_assert(asprintf(&text, "graph @t { %s %s }", head, nodes) > 0);
	diag_reset();
	diag_sink(f);
	if (graph_parse(a, "t.ir", text, &g) == OK)
		(void)graph_verify(g, "test", false);
	diag_sink(NULL);
	diag_reset();
	fclose(f);
	free(text);
	arena_free(a);
	return said;
}

typedef struct {
	const char *rule, *nodes;
} Case; /* rule NULL: accepted */

static const Case cases[] = {
	/* every op once as it should be; test_every_op_accepted counts them */
	{NULL, "%1 = input \"a\" : f32[B:2]"},
	{NULL, "%1 = host \"1 / step\" : f32[]"},
	{NULL, "%1 = param \"a\" : f32[B:2]"},
	{NULL, "%1 = const 1 : bool[] %2 = const -1.5e-07 : f32[] %3 = const -inf : f32[] %4 = "
               "const nan : f32[]"},
	{NULL, "%1 = table grid_offsets(1, 2) : i32[T:3, U:3] %2 = table iota(4) : i32[D:4]"},
	{NULL, "%1 = add %d, %x : f32[D:4, B:2, T:3] %2 = sub %d, %x : f32[T:3, B:2, D:4]"},
	{NULL, "%1 = mul %h, %h : bf16[D:4] %2 = div %d, %d : f32[D:4] %3 = min %d, %d : f32[D:4]"},
	{NULL, "%1 = max %d, %d : f32[D:4] %2 = neg %d : f32[D:4] %3 = abs %d : f32[D:4] %4 = sign "
               "%d : f32[D:4]"},
	{NULL, "%1 = exp %d : f32[D:4] %2 = log %d : f32[D:4] %3 = sqrt %d : f32[D:4] %4 = rsqrt "
               "%d : f32[D:4]"},
	{NULL, "%1 = erf %d : f32[D:4] %2 = tanh %d : f32[D:4] %3 = gelu %h : bf16[D:4]"},
	{NULL, "%1 = lt %x, %d : bool[B:2, T:3, D:4] %2 = le %i, %i : bool[P:2] %3 = eq %m, %m : "
               "bool[B:2, T:3]"},
	{NULL, "%1 = not %m : bool[B:2, T:3] %2 = and %m, %1 : bool[B:2, T:3] %3 = or %1, %m : "
               "bool[T:3, B:2]"},
	{NULL, "%1 = select %m, %d, %x : f32[B:2, T:3, D:4]"},
	{NULL, "%1 = cast %m : f32[B:2, T:3] %2 = cast %h : f32[D:4] %3 = cast %i : f32[P:2] %4 = "
               "cast %d : bf16[D:4]"},
	{NULL, "%1 = sum %x over D, B : f32[T:3] %2 = rmax %x over T : f32[B:2, D:4]"},
	{NULL, "%1 = sum_squares %x, %d, %w : f32[]"},
	{NULL, "%1 = contract %x, %w over D : f32[B:2, T:3, F:5] %2 = contract %x, %w over D : "
               "bf16[F:5, B:2, T:3]"},
	{NULL, "%1 = contract %d, %n1 : f32[D:4, F:5]"},
	{NULL, "%1 = param \"b\" : f32[F:5] %2 = gemm %x, %w, %1 over D : f32[B:2, T:3, F:5] %3 = "
               "gemm %x, %w over D : f32[F:5, B:2, T:3]"},
	{NULL,
         "%1 = rename %d, D as V:4 : f32[V:4] %2 = split %d, D as Dh:2, Dl:2 : f32[Dh:2, Dl:2]"},
	{NULL, "%1 = merge %x, T, B as TB:6 : f32[TB:6, D:4]"},
	{NULL,
         "%1 = slice %x, T at 1 as N:2 : f32[B:2, N:2, D:4] %2 = slice %x, T at 2 : f32[B:2, D:4]"},
	{NULL, "%1 = pad %d, D at 1 as Dp:6 : f32[Dp:6] %2 = pad %d, at 2 as T:3 : f32[T:3, D:4]"},
	{NULL, "%1 = concat %d, %x of -, T along Tc:4 : f32[D:4, B:2, Tc:4] %2 = concat %d, %d of "
               "-, - along B:2 : f32[B:2, D:4]"},
	{NULL, "%1 = broadcast %d over B:2, T:3 : f32[B:2, T:3, D:4]"},
	{NULL, "%1 = reorder %x : f32[D:4, T:3, B:2]"},
	{NULL, "%1 = pick %x, %i along T : f32[B:2, P:2, D:4] %2 = scatter_add %1, %i into T:3 : "
               "f32[B:2, T:3, D:4]"},
	{NULL,
         "%1 = places %m, T at 1 as S:2 : i32[B:2, S:2] %2 = pick %x, %1 along T : f32[B:2, S:2, "
         "D:4] %3 = scatter_add %2, %1 into T:3 keeping B : f32[B:2, T:3, D:4]"},
	{NULL,
         "%1 = ranks %m, T at 0 as T:3 of S:2 : i32[T:3, B:2] %2 = ranks %m, B at 1 as V:5 of S:2 "
         ": i32[V:5, T:3]"},
	{NULL, "%1 = input \"a\" at_most 1 over D:4 : bool[D:4]"},
	{NULL, "%1 = uniform %s, %n, %n site \"a\" over T, D : f32[D:4, B:2, T:3]"},
	{NULL, "%1 = assign %w to \"w\" : f32[F:5, D:4]"},
	{NULL, "%1 = standardise %x over D eps 1e-6 : f32[B:2, T:3, D:4] %2 = softmax %x over T, D "
               ": f32[B:2, T:3, D:4]"},
	{NULL, "%1 = smooth_l1 %x beta 2 : f32[B:2, T:3, D:4]"},
	{NULL, "%1 = attend %q, %k, %k over E, U scale 0.5 : f32[B:2, H:2, T:3, E:2] %2 = attend "
               "%q, %k, %k, %r over E, U scale 1 : bf16[B:2, T:3, H:2, E:2]"},
	{NULL, "%1 = attend %q, %k, %k, %r, %s, %n, %n over E, U, U, T, H scale 1 rate 0.1 site "
               "\"p\" : f32[B:2, H:2, T:3, E:2]"},
	{NULL, "%1 = attend_grad %q, %k, %k, %r, %q over E, U scale 1 : f32[B:2, H:2, T:3, E:2] %2 "
               "= result %1, 1 : f32[U:3, B:2, H:2, E:2] %3 = result %1, 3 : f32[H:2, T:3, U:3]"},
	/* rules common to all */
	{"any_c1", "%1 = gemm %x over D : f32[B:2, T:3]"},
	{"any_c2", "%1 = input \"a\" : f32[B:2, B:2]"},
	{"any_c3", "%1 = add %d, %x : f32[D:4]"},
	{"any_c3", "%1 = add %d, %d : bf16[D:4]"},
	{"any_c3", "%1 = reorder %x : f32[D:4, B:2]"},
	{"any_c4", "%1 = input \"a\" : f32[D:5] %2 = add %1, %d : f32[D:5]"},
	{"any_c5", "%1 = input \"a\" : f32[a:1, b:1, c:1, e:1, f:1, g:1, h:1] %2 = input \"b\" : "
                   "f32[i:1, j:1, k:1, l:1] %3 = add %1, %2 : f32[a:1]"},
	{"any_c5",
         "%1 = input \"a\" : f32[a:100000000000] %2 = broadcast %1 over b:100000 : f32[]"},
	{"any_c7", "%1 = sum %x over T, T : f32[B:2, D:4]"},
	{"any_c8", "%1 = assign %w to \"w\" : f32[F:5, D:4] %2 = neg %1 : f32[F:5, D:4]"},
	{"any_c8", "%1 = attend_grad %q, %k, %k, %q over E, U scale 1 : f32[B:2, H:2, T:3, E:2] %2 "
                   "= neg %1 : f32[B:2, H:2, T:3, E:2]"},
	/* leaves, state */
	{"input_c1", "%1 = input \"\" : f32[]"},
	{"input_c2", "%1 = input \"a\" at_most 1 over D:4 : f32[D:4]"},
	{"input_c2", "%1 = input \"a\" at_most 1 over V:4 : bool[D:4]"},
	{"input_c2", "%1 = input \"a\" at_most 5 over D:4 : bool[D:4]"},
	{"host_c1", "%1 = host \"\" : f32[]"},
	{"host_c2", "%1 = host \"step\" : i32[]"},
	{"param_c1", "%1 = param \"\" : f32[]"},
	{"param_c2", "%1 = param \"a\" : bf16[]"},
	{"const_c1", "%1 = const 1 : i32[]"},
	{"const_c2", "%1 = const 2 : bool[]"},
	{"table_c1", "%1 = table nothing(1) : i32[B:2]"},
	{"table_c1", "%1 = table iota(0) : i32[B:2]"},
	{"table_c2", "%1 = table grid_offsets(1, 2) : i32[T:3]"},
	{"assign_c1", "%1 = assign %w to \"\" : f32[F:5, D:4]"},
	{"assign_c2", "%1 = assign %h to \"w\" : bf16[D:4]"},
	{"assign_c3",
         "%1 = assign %w to \"w\" : f32[F:5, D:4] %2 = assign %w to \"w\" : f32[F:5, D:4]"},
	{"assign_c3", "%1 = assign %d to \"w\" : f32[D:4]"},
	{"assign_c3", "%1 = assign %d to \"x\" : f32[D:4]"},
	/* elementwise: X_c1 of arithmetic is test_elementwise_dtypes */
	{"smooth_l1_c2", "%1 = smooth_l1 %x beta 0 : f32[B:2, T:3, D:4]"},
	{"lt_c1", "%1 = lt %m, %m : bool[B:2, T:3]"},
	{"le_c1", "%1 = le %d, %h : bool[D:4]"},
	{"eq_c1", "%1 = eq %d, %h : bool[D:4]"},
	{"select_c1", "%1 = select %d, %d, %d : f32[D:4]"},
	{"select_c2", "%1 = select %m, %d, %h : f32[B:2, T:3, D:4]"},
	{"cast_c1", "%1 = cast %d : bool[D:4]"},
	{"cast_c1", "%1 = cast %d : i32[D:4]"},
	{"cast_c1", "%1 = cast %i : u32[P:2]"},
	/* reductions, contractions */
	{"sum_c1", "%1 = sum %h over D : f32[]"},
	{"sum_c2", "%1 = sum %d : f32[D:4]"},
	{"rmax_c1", "%1 = rmax %m over B : bool[T:3]"},
	{"rmax_c2", "%1 = rmax %d : f32[D:4]"},
	{"sum_squares_c1", "%1 = sum_squares %d, %h : f32[]"},
	{"standardise_c1", "%1 = standardise %h over D eps 1 : bf16[D:4]"},
	{"standardise_c2", "%1 = standardise %d eps 1 : f32[D:4]"},
	{"standardise_c3", "%1 = standardise %d over D eps -1 : f32[D:4]"},
	{"softmax_c1", "%1 = softmax %h over D : bf16[D:4]"},
	{"softmax_c2", "%1 = softmax %d : f32[D:4]"},
	{"contract_c1", "%1 = contract %d, %h over D : f32[]"},
	{"contract_c2", "%1 = contract %d, %w over F : f32[D:4]"},
	{"gemm_c1", "%1 = gemm %d, %h over D : f32[]"},
	{"gemm_c2", "%1 = gemm %d, %w over F : f32[D:4]"},
	{"gemm_c3", "%1 = gemm %x, %w, %h over D : f32[B:2, T:3, F:5]"},
	{"gemm_c4", "%1 = gemm %x, %w, %d over D : f32[B:2, T:3, F:5]"},
	/* views; rules the parser itself rules out are in test_direct */
	{"rename_c2", "%1 = rename %d, D as V:5 : f32[V:5]"},
	{"rename_c3", "%1 = rename %q, H as T:2 : f32[B:2, T:2, E:2]"},
	{"split_c2", "%1 = split %d, D as a:2, b:3 : f32[a:2, b:3]"},
	{"split_c3", "%1 = split %x, D as B:2, b:2 : f32[B:2, T:3, b:2]"},
	{"merge_c2", "%1 = merge %x, B, T as a:5 : f32[a:5, D:4]"},
	{"merge_c3", "%1 = merge %x, B, T as D:6 : f32[D:6]"},
	{"slice_c3", "%1 = slice %x, T at 2 as N:2 : f32[B:2, N:2, D:4]"},
	{"slice_c3", "%1 = slice %x, T at 3 : f32[B:2, D:4]"},
	{"slice_c4", "%1 = slice %x, T at 0 as T:3 : f32[B:2, T:3, D:4]"},
	{"pad_c3", "%1 = pad %d, D at 2 as a:5 : f32[a:5]"},
	{"pad_c4", "%1 = pad %x, at 0 as D:4 : f32[B:2, T:3, D:4]"},
	{"concat_c1", "%1 = concat %d, %d of D along a:4 : f32[a:4]"},
	{"concat_c3", "%1 = concat %d, %h of D, D along a:8 : f32[a:8]"},
	{"concat_c4", "%1 = concat %x, %d of D, - along T:5 : f32[T:5]"},
	{"concat_c5", "%1 = concat %d, %d of D, - along a:8 : f32[a:8]"},
	{"broadcast_c2", "%1 = broadcast %x over T:3 : f32[B:2, T:3, D:4]"},
	/* indexing, random */
	{"pick_c1", "%1 = pick %x, %s along T : f32[B:2, D:4]"},
	{"places_c1", "%1 = places %d, D at 0 as S:2 : i32[S:2]"},
	{"places_c4", "%1 = places %m, T at 2147483647 as S:2 : i32[B:2, S:2]"},
	{"places_c5", "%1 = places %m, T at 0 as B:2 : i32[B:2]"},
	{"ranks_c1", "%1 = ranks %d, D at 0 as V:4 of S:2 : i32[V:4]"},
	{"ranks_c4", "%1 = ranks %m, T at 1 as V:3 of S:2 : i32[B:2, V:3]"},
	{"ranks_c5", "%1 = ranks %m, B at 0 as T:3 of S:2 : i32[T:3]"},
	{"any_c4", "%1 = ranks %m, T at 0 as T:4 of S:2 : i32[B:2, T:4]"},
	{"any_c7", "%1 = ranks %m, T at 0 as T:3 of T:3 : i32[B:2, T:3]"},
	{"scatter_add_c1", "%1 = scatter_add %x, %s into R:3 : f32[T:3, D:4, R:3]"},
	{"scatter_add_c2", "%1 = scatter_add %x, %i into R:3 : f32[T:3, D:4, R:3]"},
	{"scatter_add_c3", "%1 = pick %x, %i along T : f32[B:2, P:2, D:4] %2 = scatter_add %1, %i "
                           "into D:4 : f32[B:2, D:4]"},
	{"scatter_add_c5", "%1 = pick %x, %i along T : f32[B:2, P:2, D:4] %2 = scatter_add %1, %i "
                           "into R:3 keeping D : f32[B:2, R:3, D:4]"},
	{"scatter_add_c4",
         "%1 = pick %h, %i along D : bf16[P:2] %2 = scatter_add %1, %i into D:4 : bf16[D:4]"},
	{"uniform_c1", "%1 = uniform %n, %n, %n site \"a\" : f32[]"},
	{"uniform_c2", "%1 = uniform %s, %n, %n site \"\" : f32[B:2]"},
	{"uniform_c3", "%1 = uniform %s, %n, %n site \"a\" : bf16[B:2]"},
	{"uniform_c4", "%1 = uniform %s, %n, %n site \"a\" over T : f32[T:3]"},
	{"uniform_c5", "%1 = uniform %s, %n, %n site \"a\" : f32[B:2, T:3]"},
	{"uniform_c5", "%1 = uniform %s, %n, %n site \"a\" over B : f32[B:2, T:3]"},
	/* graphs */
	{"graph_c3", "%1 = input \"a\" : f32[D:5]"},
	{"graph_c4", "%1 = input \"x\" : f32[D:4]"},
	{"graph_c4", "%1 = param \"x\" : f32[B:2, T:3, D:4]"},
	{"graph_c5", "%1 = assign %w to \"w\" : f32[F:5, D:4] return a = %1"},
	{"graph_c6", "training loss %d adamw(0.9, 0.99, 1e-8)"},
	{"graph_c6", "%1 = const 1 : f32[] training loss %1 adamw(0.9, 0.99, 1e-8) update \"w\" "
                     "group a lr %1 decay %1 update \"w\" group a lr %1 decay %1"},
	{"graph_c6", "%1 = const 1 : f32[] training loss %1 adamw(0.9, 0.99, 1e-8) differentiated "
                     "update \"w\" group a lr %1 decay %1 grad %d"},
	{"graph_c7", "%1 = neg %d : f32[D:4] kernel 0 %2 = neg %1 : f32[D:4] kernel 1 %3 = add %1, "
                     "%2 : f32[D:4] kernel 0"},
	{"graph_c7", "%1 = neg %d : f32[D:4] kernel 0 %2 = rename %1, D as V:4 : f32[V:4] %3 = exp "
                     "%2 : f32[V:4] %4 = contract %3, %1 : f32[V:4, D:4] kernel 0"},
	{NULL, "%1 = neg %d : f32[D:4] kernel 0 %2 = rename %1, D as V:4 : f32[V:4] %3 = mul %1, "
               "%2 : f32[D:4, V:4] kernel 0"},
	{NULL, "%1 = const 1 : f32[] training loss %1 adamw(0.9, 0.99, 1e-8) differentiated update "
               "\"w\" group a lr %1 decay %1 average \"t\" by %1 grad %w"},
	/* the parser's own */
	{"there is no op gelo; did you mean gelu?", "%1 = gelo %x : f32[]"},
	{"is not defined above", "%1 = neg %2 : f32[D:4]"},
	{"is defined twice", "%x = neg %d : f32[D:4]"},
	{"has an axis Z", "%1 = sum %x over Z : f32[]"},
	{"there is no slab act", "%1 = neg %d : f32[D:4] at act+0"},
	{"must stand here", "%1 = neg %d, %d : f32[D:4]"},
	{"must stand here", "%1 = neg %d : f64[D:4]"},
	{"must lie in", "%1 = neg %d : f32[D:0]"},
	{"the text ends", "%1 = neg %d : f32[D #"},
	{"returned twice", "return a = %d, a = %x"},
};

/* %n1 is a second vector for the outer product. */
#define HEAD LEAVES "%n1 = input \"n1\" : f32[F:5] "

START_TEST(test_rules)
{
	const Case *c = &cases[_i];
	char       *said = messages_of(HEAD, c->nodes);

	if (c->rule)
		ck_assert_msg(strstr(said, c->rule) != NULL,
		              "%s\nshould be refused for %s, but: %s", c->nodes, c->rule,
		              *said ? said : "accepted");
	else
		ck_assert_msg(*said == '\0', "%s\n%s", c->nodes, said);
	free(said);
}
END_TEST

/* Is `word` in an accepted case as a whole word? */
static bool
accepted_case(const char *word)
{
	char spaced[64];
	int  i;

	snprintf(spaced, sizeof spaced, "= %s ", word);
	for (i = 0; i < COUNT(cases); i++)
		if (!cases[i].rule && strstr(cases[i].nodes, spaced))
			return true;
	return false;
}

START_TEST(test_every_op_accepted)
{
	int op;

	for (op = 0; op < OP_COUNT; op++)
		ck_assert_msg(accepted_case(op_info[op].name), "no accepted case for %s",
		              op_info[op].name);
	ck_assert_int_eq(op_find("gelu"), OP_gelu);
	ck_assert_int_eq(op_find("gel"), OP_COUNT);
}
END_TEST

static const char *const arithmetic[] = {"add",  "sub",  "mul",       "div", "min",  "max",   "neg",
                                         "abs",  "sign", "exp",       "log", "sqrt", "rsqrt", "erf",
                                         "tanh", "gelu", "smooth_l1", "and", "or",   "not"};

START_TEST(test_elementwise_dtypes)
{
	const char *op = arithmetic[_i];
	bool        logic = !strcmp(op, "and") || !strcmp(op, "or") || !strcmp(op, "not");
	bool        two = op_info[op_find(op)].nin == 2;
	const char *wrong = logic ? "%d" : "%i";
	char        nodes[200], rule[40];
	char       *said;

	snprintf(rule, sizeof rule, "%s_c1", op);
	snprintf(nodes, sizeof nodes, "%%1 = %s %s%s%s%s : f32[D:4]", op, wrong, two ? ", " : "",
	         two ? wrong : "", strcmp(op, "smooth_l1") ? "" : " beta 1");
	said = messages_of(HEAD, nodes);
	ck_assert_msg(strstr(said, rule) != NULL, "%s: %s", nodes, said);
	free(said);
	if (!two)
		return;
	snprintf(nodes, sizeof nodes, "%%1 = %s %s, %%h : f32[D:4]", op, logic ? "%m" : "%d");
	said = messages_of(HEAD, nodes);
	ck_assert_msg(strstr(said, rule) != NULL, "%s: %s", nodes, said);
	free(said);
}
END_TEST

/* Attention, once for attend and once for attend_grad (which has d out as its last operand). */
static const Case attend_cases[] = {
	{"c1", "%q, %k over E, U scale 1"},
	{"c2", "%q, %k, %hk over E, U scale 1"},
	{"c3", "%q, %q, %q over E, T scale 1"},
	{"c3", "%q, %k, %k over E, U, T scale 1"},
	{"c3", "%q, %k, %k over E scale 1"},
	{"c4", "%q, %short, %short over E, U scale 1"},
	{"c4", "%qu, %k, %k over E, U scale 1"},
	{"c5", "%q, %k, %longk over E, U scale 1"},
	{"c6", "%q, %k, %k, %d over E, U scale 1"},
	{"c6", "%q, %k, %k, %k over E, U scale 1"},
	{"c7", "%q, %k, %k, %n, %n, %n over E, U scale 1 rate 0.5 site \"a\""},
	{"c7", "%q, %k, %k, %st, %n, %n over E, U scale 1 rate 0.5 site \"a\""},
	{"c8", "%q, %k, %k over E, U scale 1 rate 1 site \"a\""},
	{"c8", "%q, %k, %k, %s, %n, %n over E, U scale 1 rate 0.5 site \"\""},
	{"c9", "%q, %k, %k, %s, %n, %n over E, U, T, U scale 1 rate 0.5 site \"a\""},
	{"c9", "%q, %k, %k, %s, %n, %n over E, U, B, T, U scale 1 rate 0.5 site \"a\""},
	{"c9", "%q5, %k5, %k5, %s, %n, %n over E, U scale 1 rate 0.5 site \"a\""},
	{NULL, "%q5, %k5, %k5, %s, %n, %n over E, U, U, T, G, H scale 1 rate 0.5 site \"a\""},
};

START_TEST(test_attend_rules)
{
	static const char head[] = HEAD
		"%hk = input \"hk\" : bf16[B:2, H:2, U:3, E:2] %short = input \"short\" : f32[B:2, "
		"U:3, E:2] "
		"%qu = input \"qu\" : f32[B:2, H:2, E:2] %longk = input \"longk\" : f32[B:2, H:2, "
		"U:3, E:2, G:1] "
		"%st = input \"st\" : u32[T:3] %q5 = input \"q5\" : f32[G:1, B:2, H:2, T:3, E:2] "
		"%k5 = input \"k5\" : f32[G:1, B:2, H:2, U:3, E:2] ";
	const Case *c = &attend_cases[_i];
	int         grad;

	for (grad = 0; grad < 2; grad++) {
		char        nodes[300], rule[40];
		const char *over = strstr(c->nodes, " over"),
			   *out = strstr(c->nodes, "q5") ? "%q5" : "%q";
		char *said;
		snprintf(nodes, sizeof nodes,
		         "%%1 = attend%s %.*s%s%s%s : f32[%sB:2, H:2, T:3, E:2]",
		         grad ? "_grad" : "", (int)(over - c->nodes), c->nodes, grad ? ", " : "",
		         grad ? out : "", over, strstr(c->nodes, "q5") ? "G:1, " : "");
		snprintf(rule, sizeof rule, "attend%s_%s:", grad ? "_grad" : "",
		         c->rule ? c->rule : "");
		said = messages_of(head, nodes);
		if (c->rule)
			ck_assert_msg(strstr(said, rule) != NULL, "%s\n%s: %s", nodes, rule, said);
		else
			ck_assert_msg(*said == '\0', "%s\n%s", nodes, said);
		free(said);
	}
}
END_TEST

/* ---- rules that text cannot break ----------------------------------------------------------- */

/* "f32 B:2 T:3" */
static Type
ty(const char *s)
{
	Type      t = {0};
	char      word[32];
	long long size;
	int       n;

	for (t.dtype = 0; strncmp(s, dtype_name[t.dtype], strlen(dtype_name[t.dtype])); t.dtype++)
		;
	for (s += strlen(dtype_name[t.dtype]); sscanf(s, " %31[^:]:%lld%n", word, &size, &n) == 2;
	     s += n)
		t.axis[t.rank++] = (Axis){intern(word), size};
	return t;
}

static void
refused(const char *rule, Op op, const char *in0, const char *in1, Attr attr)
{
	Arena      *a = arena_new();
	Type        in[2] = {ty(in0 ? in0 : "f32"), ty(in1 ? in1 : "f32")}, out;
	const char *why = "accepted";

	ck_assert_msg(infer(a, op, in, !!in0 + !!in1, &attr, NULL, &out, &why) == FAIL,
	              "%s: accepted", rule);
	ck_assert_msg(strncmp(why, rule, strlen(rule)) == 0 && why[strlen(rule)] == ':', "%s: %s",
	              rule, why);
	arena_free(a);
}

static const char *const direct_rules[] = {
	"any_c6",   "rename_c1", "split_c1",  "merge_c1",  "slice_c1",
	"slice_c2", "pad_c1",    "pad_c2",    "concat_c2", "broadcast_c1",
	"pick_c2",  "places_c2", "places_c3", "ranks_c2",  "ranks_c3",
	"graph_c1", "graph_c2",  "result_c1", "result_c2", "attend_grad_c10"};

START_TEST(test_direct)
{
	Axis z = {intern("Z"), 2}, t = {intern("T"), 3}, y = {intern("Y"), 9};

	refused("any_c6", OP_input, NULL, NULL, (Attr){.name = "a"});
	refused("any_c6", OP_cast, "f32 B:2", NULL, (Attr){0});
	refused("any_c6", OP_reorder, "f32 B:2", NULL, (Attr){0});
	refused("any_c1", OP_add, "f32", NULL, (Attr){0});
	refused("any_c1", OP_sum_squares, NULL, NULL, (Attr){0});
	refused("rename_c1", OP_rename, "f32 T:3", NULL,
	        (Attr){.axis = z, .naxes = 1, .axes = {y}});
	refused("split_c1", OP_split, "f32 T:3", NULL, (Attr){.axis = z, .naxes = 1, .axes = {y}});
	refused("merge_c1", OP_merge, "f32 T:3", NULL, (Attr){.axis = y, .naxes = 1, .axes = {z}});
	refused("merge_c2", OP_merge, "f32 T:3", NULL, (Attr){.axis = y});
	refused("slice_c1", OP_slice, "f32 T:3", NULL, (Attr){.axis = z});
	refused("slice_c2", OP_slice, "f32 T:3", NULL,
	        (Attr){.axis = t, .naxes = 2, .axes = {z, y}});
	refused("slice_c3", OP_slice, "f32 T:3", NULL, (Attr){.axis = t, .offset = -1});
	refused("slice_c3", OP_slice, "f32 T:3", NULL,
	        (Attr){.axis = t, .offset = INT64_MAX, .naxes = 1, .axes = {z}});
	refused("pad_c1", OP_pad, "f32 T:3", NULL, (Attr){.axis = y, .naxes = 1, .axes = {z}});
	refused("pad_c2", OP_pad, "f32 T:3", NULL, (Attr){.axis = y, .naxes = 2, .axes = {t, z}});
	refused("concat_c2", OP_concat, "f32 T:3", "f32 T:3",
	        (Attr){.axis = y, .naxes = 2, .axes = {t, z}});
	refused("broadcast_c1", OP_broadcast, "f32 T:3", NULL, (Attr){0});
	refused("any_c7", OP_broadcast, "f32 T:3", NULL, (Attr){.naxes = 11});
	refused("pick_c2", OP_pick, "f32 T:3", "i32 P:2", (Attr){.axis = z});
	refused("places_c2", OP_places, "bool T:3", NULL,
	        (Attr){.axis = z, .naxes = 1, .axes = {y}});
	refused("places_c3", OP_places, "bool T:3", NULL, (Attr){.axis = t});
	refused("ranks_c2", OP_ranks, "bool T:3", NULL,
	        (Attr){.axis = y, .naxes = 2, .axes = {z, t}});
	refused("ranks_c3", OP_ranks, "bool T:3", NULL, (Attr){.axis = t, .naxes = 1, .axes = {z}});
	refused("any_c4", OP_sum, "f32 T:3", NULL, (Attr){.naxes = 1, .axes = {{t.name, 4}}});
}
END_TEST

START_TEST(test_tuples)
{
	static const char grad[] =
		"%1 = attend_grad %q, %k, %k, %q over E, U scale 1 : f32[B:2, H:2, T:3, E:2] ";
	char text[400], *said;

	snprintf(text, sizeof text, "%s %%2 = result %%1, 3 : f32[]", grad);
	said = messages_of(HEAD, text);
	ck_assert_ptr_nonnull(strstr(said, "result_c2"));
	free(said);
	said = messages_of(HEAD, "%2 = result %q, 0 : f32[]");
	ck_assert_ptr_nonnull(strstr(said, "result_c1"));
	free(said);
	said = messages_of(
		HEAD,
		"%1 = attend_grad %q, %k, %k, %k over E, U scale 1 : f32[B:2, H:2, T:3, E:2]");
	ck_assert_ptr_nonnull(strstr(said, "attend_grad_c10"));
	free(said);
}
END_TEST

START_TEST(test_verify_order)
{
	Arena *a = arena_new();
	Graph *g = graph_new(a, "t");
	Type   t = ty("f32 B:2");
	Val    x = build_leaf(g, OP_input, "x", &t, (Loc){0}), y = build_un(g, OP_neg, x, (Loc){0});
	char  *said = NULL;
	size_t n;
	FILE  *f = open_memstream(&said, &n);

	build_un(g, OP_exp, y, (Loc){0});
	diag_reset();
	diag_sink(f);
	ck_assert_int_eq(graph_verify(g, "test", false), OK);
	g->node[y].in[0] = 2;
	ck_assert_int_eq(graph_verify(g, "test", false), FAIL);
	g->node[y].in[0] = 0;
	g->node[y].type.dtype = DT_bf16;
	diag_reset();
	ck_assert_int_eq(graph_verify(g, "test", false), FAIL);
	diag_sink(NULL);
	diag_reset();
	fclose(f);
	ck_assert_ptr_nonnull(strstr(said, "graph_c1"));
	ck_assert_ptr_nonnull(strstr(said, "graph_c2"));
	free(said);
	arena_free(a);
}
END_TEST

/* Every rule that OPS.md names stands in some case above. */
static bool
has_case(const char *rule)
{
	char built[40];
	int  i, k;

	for (i = 0; i < COUNT(cases); i++)
		if (cases[i].rule && strcmp(cases[i].rule, rule) == 0)
			return true;
	for (i = 0; i < COUNT(direct_rules); i++)
		if (strcmp(direct_rules[i], rule) == 0)
			return true;
	for (i = 0; i < COUNT(arithmetic); i++) {
		snprintf(built, sizeof built, "%s_c1", arithmetic[i]);
		if (strcmp(built, rule) == 0)
			return true;
	}
	for (i = 0; i < COUNT(attend_cases); i++)
		for (k = 0; k < 2 && attend_cases[i].rule; k++) {
			snprintf(built, sizeof built, "attend%s_%s", k ? "_grad" : "",
			         attend_cases[i].rule);
			if (strcmp(built, rule) == 0)
				return true;
		}
	return false;
}

START_TEST(test_ops_md)
{
	char  *text, *p, *end;
	size_t n;
	int    rules = 0;

	ck_assert_int_eq(file_read("compiler/ir/OPS.md", &text, &n), OK);
	for (p = strchr(text, '`'); p && (end = strchr(p + 1, '`')); p = strchr(end + 1, '`')) {
		char *c = p + 1;
		*end = '\0';
		c += strspn(c, "abcdefghijklmnopqrstuvwxyz_0123456789");
		if (*c || !strstr(p + 1, "_c") ||
		    strspn(strrchr(p + 1, '_') + 2, "0123456789") == 0)
			continue;
		rules++;
		ck_assert_msg(has_case(p + 1), "rule %s of OPS.md has no case", p + 1);
	}
	ck_assert_int_gt(rules, 100);
	free(text);
}
END_TEST

START_TEST(test_error_place)
{
	char *said = messages_of("\n\n  %1 = input \"a\" : f32[B:2]\n",
	                         "\n  %2 = sum %1 over\n    Q : f32[]");

	ck_assert_msg(strncmp(said, "t.ir:6:5: error: ", 17) == 0, "%s", said);
	ck_assert_ptr_nonnull(strstr(said, "[ir-axis]"));
	free(said);
}
END_TEST

Suite *
suite_ir(void)
{
	Suite *s = suite_create("ir");
	TCase *rules = tcase_create("rules");

	tcase_add_loop_test(rules, test_rules, 0, COUNT(cases));
	tcase_add_test(rules, test_every_op_accepted);
	tcase_add_loop_test(rules, test_elementwise_dtypes, 0, COUNT(arithmetic));
	tcase_add_loop_test(rules, test_attend_rules, 0, COUNT(attend_cases));
	tcase_add_test(rules, test_direct);
	tcase_add_test(rules, test_tuples);
	tcase_add_test(rules, test_verify_order);
	tcase_add_test(rules, test_ops_md);
	tcase_add_test(rules, test_error_place);
	suite_add_tcase(s, rules);
	return s;
}
