/* The passes of the front half on small texts: where each acts, where it holds still, and that it
 * finds nothing more to do the second time; then one whole update against AdamW and averaging by
 * hand. */
#include "compiler/pass/pass.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_pass(void);

static Graph *
parsed(Arena *a, const char *text)
{
	Graph *g;

	ck_assert_msg(graph_parse(a, "test.ir", text, &g) == OK, "cannot parse:\n%s", text);
	/* Lines of the text are no part of what is compared. */
	for (int v = 0; v < g->n; v++)
		g->node[v].loc = (Loc){0};
	for (int i = 0; i < g->training.nupdate; i++)
		g->training.update[i].loc = (Loc){0};
	graph_verify(g, "parse", true);
	return g;
}

static char *
printed(const Graph *g)
{
	Text t = {0};

	graph_print(g, &t);
	return t.at;
}

typedef struct {
	const char *passes, *in, *out; /* out NULL: holds still */
} Case;

static void
check_case(const Case *c)
{
	Arena *a = arena_new();
	Graph *g = parsed(a, c->in);
	char  *want = printed(parsed(a, c->out ? c->out : c->in)), *have, *again;

	ck_assert(pass_run(g, c->passes, NULL, NULL) == OK);
	have = printed(g);
	ck_assert_msg(strcmp(want, have) == 0, "%s of\n%s\nwant\n%s\nhave\n%s", c->passes, c->in,
	              want, have);
	ck_assert(pass_run(g, c->passes, NULL, NULL) == OK);
	again = printed(g);
	ck_assert_msg(strcmp(have, again) == 0, "%s twice:\n%s\nthen\n%s", c->passes, have, again);
	free(want);
	free(have);
	free(again);
	arena_free(a);
}

#define X "graph @t { %x = param \"x\" : f32[A:4, B:3] "
#define C(name, x) "%" name " = const " x " : f32[] "
#define AB " : f32[A:4, B:3] "

static const Case fold_acts[] = {
	{"fold", X C("c", "0") "%y = add %x, %c" AB "return %y }", X "return %x }"},
	{"fold", X C("c", "0") "%y = add %c, %x" AB "return %y }", X "return %x }"},
	{"fold", X C("c", "0") "%y = sub %x, %c" AB "return %y }", X "return %x }"},
	{"fold", X C("c", "0") "%y = sub %c, %x" AB "return %y }",
         X "%y = neg %x" AB "return %y }"},
	{"fold", X C("c", "1") "%y = mul %c, %x" AB "return %y }", X "return %x }"},
	{"fold", X C("c", "1") "%y = div %x, %c" AB "return %y }", X "return %x }"},
	{"fold", X C("c", "8") "%y = div %x, %c" AB "return %y }",
         X C("c", "0.125") "%y = mul %x, %c" AB "return %y }"},
	{"fold", X "%y = neg %x" AB "%z = neg %y" AB "return %z }", X "return %x }"},
	{"fold", X "%n = neg %x" AB "%y = add %x, %n" AB "return %y }",
         X "%y = sub %x, %x" AB "return %y }"},
	{"fold", X C("a", "2") C("b", "3") "%y = mul %a, %x" AB "%z = mul %y, %b" AB "return %z }",
         X C("c", "6") "%z = mul %x, %c" AB "return %z }"},
	{"fold",
         X C("a", "9") "%b = sqrt %a : f32[] " C(
		 "d", "1") "%c = sub %b, %d : f32[] %z = mul %x, %c" AB "return %z }",
         X C("c", "2") "%z = mul %x, %c" AB "return %z }"},
	{"fold", X "%c = const 0 : bool[] %e = exp %x" AB "%y = select %c, %e, %x" AB "return %y }",
         X "return %x }"},
	{"fold", X C("z", "0") "%c = const 1 : bool[] %y = select %c, %z, %x" AB "return %y }",
         "graph @t {" C("z", "0") "%y = broadcast %z over A:4, B:3" AB "return %y }"},
	{"fold", X "%y = cast %x" AB "return %y }", X "return %x }"},
	{"fold",
         X "%y = rename %x, A as D:4 : f32[D:4, B:3] %z = rename %y, D as A:4" AB "return %z }",
         X "return %x }"},
	{"fold",
         X "%y = split %x, A as F:2, G:2 : f32[F:2, G:2, B:3] %z = merge %y, F, G as A:4" AB
           "return %z }",
         X "return %x }"},
	{"fold",
         X "%y = merge %x, A, B as D:12 : f32[D:12] %z = split %y, D as A:4, B:3" AB "return %z }",
         X "return %x }"},
	{"fold",
         X "%k = param \"k\" : f32[B:3] %c = concat %k, %x of -, A along T:5 : f32[T:5, B:3] "
           "%y = slice %c, T at 1 as A:4" AB "return %y }",
         X "return %x }"},
	{"fold",
         X "%k = param \"k\" : f32[B:3] %c = concat %k, %x of -, A along T:5 : f32[T:5, B:3] "
           "%y = slice %c, T at 2 as U:2 : f32[U:2, B:3] return %y }",
         X "%y = slice %x, A at 1 as U:2 : f32[U:2, B:3] return %y }"},
	{"fold",
         X "%p = pad %x, A at 2 as T:8 : f32[T:8, B:3] %y = slice %p, T at 2 as A:4" AB
           "return %y }",
         X "return %x }"},
	{"fold",
         X "%p = pad %x, A at 2 as T:8 : f32[T:8, B:3] %y = slice %p, T at 0 as U:2 : f32[U:2, "
           "B:3] return %y }",
         "graph @t {" C("z", "0") "%y = broadcast %z over U:2, B:3 : f32[U:2, B:3] return %y }"},
	{"fold",
         X "%p = broadcast %x over D:5 : f32[D:5, A:4, B:3] %y = sum %p over D, B : f32[A:4] "
           "return %y }",
         X "%s = sum %x over B : f32[A:4] " C("c", "5") "%y = mul %s, %c : f32[A:4] return %y }"},
	{"fold",
         X "%k = param \"k\" : f32[B:3] %b = broadcast %k over A:4" AB "%y = mul %x, %b" AB
           "return %y }",
         X "%k = param \"k\" : f32[B:3] %y = mul %x, %k" AB "return %y }"},
	{"fold",
         X "%b = broadcast %x over D:5 : f32[D:5, A:4, B:3] %y = exp %b : f32[D:5, A:4, B:3] "
           "return %y }",
         X "%e = exp %x" AB "%y = broadcast %e over D:5 : f32[D:5, A:4, B:3] return %y }"},
};

static const Case fold_still[] = {
	{"fold", X C("c", "0") "%y = mul %x, %c" AB "return %y }", NULL}, /* not for inf */
	{"fold", X C("c", "3") "%y = div %x, %c" AB "return %y }", NULL}, /* 1/3 is not exact */
	{"fold", X "%y = sub %x, %x" AB "return %y }", NULL},
	{"fold", "graph @t {" C("a", "1") C("b", "0") "%y = div %a, %b : f32[] return %y }", NULL},
	{"fold", "graph @t {" C("a", "90") "%y = exp %a : f32[] return %y }",
         NULL}, /* too large for f32 */
	{"fold",
         X "%k = param \"k\" : f32[B:3] %c = concat %k, %x of -, A along T:5 : f32[T:5, B:3] "
           "%y = slice %c, T at 0 as U:2 : f32[U:2, B:3] return %y }",
         NULL},
	{"fold", X "%y = cast %x : bf16[A:4, B:3] %z = cast %y" AB "return %z }", NULL},
	{"fold",
         X "%y = split %x, A as F:2, G:2 : f32[F:2, G:2, B:3] %z = merge %y, G, F as A:4" AB
           "return %z }",
         NULL},
};

#define DRAW                                                                                       \
	"%s = input \"sample\" : u32[B:3] %t = host \"step\" : u32[] %k = host \"seed\" : u32[] "
#define U(name, site) "%" name " = uniform %s, %t, %k site \"" site "\" over A : f32[A:4, B:3] "

static const Case cse_cases[] = {
	{"cse",
         X "%k = param \"k\" : f32[B:3] %a = add %x, %k" AB
           "%b = add %k, %x : f32[B:3, A:4] %y = mul %a, %b" AB "return %y }",
         X "%k = param \"k\" : f32[B:3] %a = add %x, %k" AB "%y = mul %a, %a" AB "return %y }"},
	{"cse",
         X "%a = exp %x" AB "%b = exp %x" AB "%c = neg %a" AB "%d = neg %b" AB "%y = sub %c, %d" AB
           "return %y }",
         X "%a = exp %x" AB "%c = neg %a" AB "%y = sub %c, %c" AB "return %y }"},
	{"cse",
         "graph @t { %x = param \"x\" : f32[] %y = param \"x\" : f32[] %z = add %x, %y : f32[] "
         "return %z }",
         "graph @t { %x = param \"x\" : f32[] %z = add %x, %x : f32[] return %z }"},
	{"cse", "graph @t {" DRAW U("a", "one") U("b", "one") "%y = sub %a, %b" AB "return %y }",
         "graph @t {" DRAW U("a", "one") "%y = sub %a, %a" AB "return %y }"},
	{"cse", "graph @t {" DRAW U("a", "one") U("b", "two") "%y = sub %a, %b" AB "return %y }",
         NULL},
	{"cse",
         X "%k = param \"k\" : f32[B:3] %a = sub %x, %k" AB
           "%b = sub %k, %x : f32[B:3, A:4] %y = mul %a, %b" AB "return %y }",
         NULL},
	{"cse",
         X C("a", "0") C("b", "-0") "%c = mul %x, %a" AB "%d = mul %x, %b" AB "return %c, %d }",
         NULL},
	{"cse",
         X "%k = param \"k\" : f32[A:4, B:3] %a = assign %x to \"x\"" AB
           "%b = assign %x to \"k\"" AB "return %k }",
         NULL},
	{"dce", X "%a = exp %x" AB "%y = neg %x" AB "return %y }",
         X "%y = neg %x" AB "return %y }"},
	{"dce", X "%a = exp %x" AB "%b = assign %a to \"x\"" AB "return %x }", NULL},
};

/* ---- attention ------------------------------------------------------------------------------ */

#define QKV                                                                                        \
	"graph @t { %q = param \"q\" : f32[B:2, H:3, T:4, E:5] %k = param \"k\" : f32[B:2, H:3, "  \
	"U:4, E:5] "                                                                               \
	"%v = param \"v\" : f32[B:2, H:3, U:4, E:5] %r = param \"r\" : f32[H:3, T:4, U:4] "
#define S " : f32[B:2, H:3, T:4, U:4] "
#define OUT " : f32[B:2, H:3, T:4, E:5] "
#define KEYS                                                                                       \
	"%ids = input \"sample\" : u32[B:2] %t = host \"step\" : u32[] %seed = host \"seed\" : "   \
	"u32[] "
#define DROP(draw)                                                                                 \
	KEYS "%un = uniform %ids, %t, %seed site \"drop\" over " draw                              \
	     " %rate = const 0.25 : f32[] "                                                        \
	     "%keep = le %rate, %un : bool[B:2, H:3, T:4, U:4] %nil = const 0 : f32[] %p0 = "      \
	     "select %keep, %p, %nil" S                                                            \
	     "%up = const 1.3333333333333333 : f32[] %pd = mul %p0, %up" S

static const Case attend_cases[] = {
	{"attend",
         QKV "%a = contract %q, %k over E" S "%s = add %a, %r" S "%p = softmax %s over U" S
             "%y = contract %p, %v over U" OUT "return %y }",
         QKV "%y = attend %q, %k, %v, %r over E, U scale 1" OUT "return %y }"},
	{"attend",
         QKV "%c = const 0.5 : f32[] %w = mul %q, %c" OUT "%a = contract %k, %w over E" S
             "%s = add %r, %a" S "%p = softmax %s over U" S "%y = contract %v, %p over U" OUT
             "return %y }",
         QKV "%y = attend %q, %k, %v, %r over E, U scale 0.5" OUT "return %y }"},
	{"attend",
         QKV "%c = const 5 : f32[] %a = contract %q, %k over E" S "%b = div %a, %c" S
             "%s = add %b, %r" S "%p = softmax %s over U" S "%y = contract %p, %v over U" OUT
             "return %y }",
         QKV "%y = attend %q, %k, %v, %r over E, U scale 0.2" OUT "return %y }"},
	{"attend",
         QKV "%a = contract %q, %k over E" S "%p = softmax %a over U" S
             "%y = contract %p, %v over U" OUT "return %y, %r }",
         QKV "%y = attend %q, %k, %v over E, U scale 1" OUT "return %y, %r }"},
	{"attend",
         QKV "%a = contract %q, %k over E" S "%s = add %a, %r" S "%p = softmax %s over U" S DROP(
		 "U, H, T : f32[B:2, H:3, T:4, U:4]") "%y = contract %pd, %v over U" OUT
                                                      "return %y }",
         QKV KEYS "%y = attend %q, %k, %v, %r, %ids, %t, %seed over E, U, U, H, T scale 1 rate "
                  "0.25 site \"drop\"" OUT "return %y }"},
	/* The scores are wanted elsewhere. */
	{"attend",
         QKV "%a = contract %q, %k over E" S "%s = add %a, %r" S "%p = softmax %s over U" S
             "%y = contract %p, %v over U" OUT "return %y, %p }",
         NULL},
	{"attend",
         QKV "%a = contract %q, %k over E" S "%s = add %a, %r" S "%p = softmax %s over U" S
             "%y = contract %p, %v over U" OUT "return %y, %a }",
         NULL},
	/* Softmax over the queries is something else. */
	{"attend",
         QKV "%a = contract %q, %k over E" S "%s = add %a, %r" S "%p = softmax %s over T" S
             "%y = contract %p, %v over U" OUT "return %y }",
         NULL},
	/* The factor stands over the bias, too. */
	{"attend",
         QKV "%c = const 5 : f32[] %a = contract %q, %k over E" S "%b = add %a, %r" S
             "%s = mul %b, %c" S "%p = softmax %s over U" S "%y = contract %p, %v over U" OUT
             "return %y }",
         NULL},
	/* A bias without keys. */
	{"attend",
         QKV "%b = sum %r over U : f32[H:3, T:4] %a = contract %q, %k over E" S "%s = add %a, %b" S
             "%p = softmax %s over U" S "%y = contract %p, %v over U" OUT "return %y }",
         NULL},
};

/* ---- expand, cast --------------------------------------------------------------------------- */

static const Case expand_cases[] = {
	{"expand", X "%y = softmax %x over B" AB "return %y }",
         X "%m = rmax %x over B : f32[A:4] %d = sub %x, %m" AB "%e = exp %d" AB
           "%s = sum %e over B : f32[A:4] %y = div %e, %s" AB "return %y }"},
	{"expand", X "%y = smooth_l1 %x beta 2" AB "return %y }",
         X "%s = abs %x" AB "%q = mul %x, %x" AB C("c", "0.25") "%near = mul %q, %c" AB
                 C("one", "1") "%far = sub %s, %one" AB C(
			 "beta",
			 "2") "%in = lt %s, %beta : bool[A:4, B:3] %y = select %in, %near, %far" AB
                              "return %y }"},
	{"expand", X "%y = exp %x" AB "return %y }", NULL},
	{"expand", QKV "%y = attend %q, %k, %v, %r over E, U scale 1" OUT "return %y }", NULL},
};

#define M                                                                                          \
	"graph @t { matmul bf16 average f32 %x = input \"x\" : f32[B:2, D:3] %w = param \"w\" : "  \
	"f32[F:4, D:3] "
#define BF " : f32[B:2, F:4] "
static const Case cast_cases[] = {
	{"cast", M "%y = contract %x, %w over D" BF "return %y }",
         M "%a = cast %x : bf16[B:2, D:3] %b = cast %w : bf16[F:4, D:3] %y = contract %a, %b over "
           "D" BF "return %y }"},
	/* A value is cast once, below the ways to look at it; a result read by matrix work alone is
           bf16. */
	{"cast",
         M "%h = contract %x, %w over D" BF
           "%r = rename %w, F as G:4 : f32[G:4, D:3] %z = contract %x, %r over D : f32[B:2, G:4] "
           "%y = contract %h, %w over F : f32[B:2, D:3] return %z, %y }",
         M "%a = cast %x : bf16[B:2, D:3] %b = cast %w : bf16[F:4, D:3] %h = contract %a, %b over "
           "D : bf16[B:2, F:4] "
           "%r = rename %b, F as G:4 : bf16[G:4, D:3] %z = contract %a, %r over D : f32[B:2, G:4] "
           "%y = contract %h, %b over F : f32[B:2, D:3] return %z, %y }"},
	/* An average's matrix work stays f32. */
	{"cast",
         M "%e = param \"e\" : f32[F:4, D:3] %y = contract %x, %e over D" BF
           "%u = add %e, %w : f32[F:4, D:3] "
           "%v = assign %u to \"e\" : f32[F:4, D:3] return %y }",
         NULL},
	{"cast",
         "graph @t { %x = input \"x\" : f32[B:2, D:3] %w = param \"w\" : f32[F:4, D:3] %y = "
         "contract %x, %w over D" BF "return %y }",
         NULL},
	{"cast",
         "graph @t { matmul bf16 average bf16 "
         "%q = param \"q\" : f32[T:4, E:5] %k = param \"k\" : f32[U:4, E:5] "
         "%v = param \"v\" : f32[U:4, E:5] %r = param \"r\" : f32[T:4, U:4] %y = attend %q, %k, "
         "%v, %r over E, U scale 1 : f32[T:4, E:5] "
         "%z = exp %y : f32[T:4, E:5] return %z }",
         "graph @t { matmul bf16 average bf16 "
         "%q = param \"q\" : f32[T:4, E:5] %k = param \"k\" : f32[U:4, E:5] "
         "%v = param \"v\" : f32[U:4, E:5] %r = param \"r\" : f32[T:4, U:4] %a = cast %q : "
         "bf16[T:4, E:5] %b = cast %k : bf16[U:4, E:5] "
         "%c = cast %v : bf16[U:4, E:5] %y = attend %a, %b, %c, %r over E, U scale 1 : bf16[T:4, "
         "E:5] %f = cast %y : f32[T:4, E:5] "
         "%z = exp %f : f32[T:4, E:5] return %z }"},
};

#define TESTS(name)                                                                                \
	START_TEST(name##_case)                                                                    \
	{                                                                                          \
		check_case(&name[_i]);                                                             \
	}                                                                                          \
	END_TEST
TESTS(fold_acts)
TESTS(fold_still)
TESTS(cse_cases)
TESTS(attend_cases)
TESTS(expand_cases)
TESTS(cast_cases)

/* ---- what the user did wrong ---------------------------------------------------------------- */

static char *
said_by(Graph *g, const char *passes)
{
	char  *text;
	size_t bytes;
	FILE  *f = open_memstream(&text, &bytes);
	Status status;

	diag_sink(f);
	status = pass_run(g, passes, NULL, NULL);
	diag_sink(NULL);
	diag_reset();
	fclose(f);
	ck_assert(status == FAIL);
	return text;
}

START_TEST(unknown_pass_is_refused)
{
	Arena *a = arena_new();
	char  *said = said_by(parsed(a, X "return %x }"), "cse,fould");

	ck_assert_ptr_nonnull(strstr(said, "there is no pass `fould`"));
	ck_assert_ptr_nonnull(strstr(said, "did you mean `fold`"));
	free(said);
	arena_free(a);
}
END_TEST

#define TRAIN " training loss %l adamw(0.9, 0.99, 1e-08) "
#define UPDATE(p) "update \"" p "\" group main lr %lr decay %wd "
START_TEST(untouched_parameter_is_refused)
{
	Arena *a = arena_new();
	char  *said = said_by(
		 parsed(a,
	                X "%k = param \"k\" : f32[B:3] %l = sum %x over A, B : f32[] " C("lr", "0.1")
	                        C("wd", "0") TRAIN UPDATE("x") UPDATE("k") "return %l, %k }"),
		 "autodiff");

	ck_assert_ptr_nonnull(strstr(said, "no-gradient"));
	ck_assert_ptr_nonnull(strstr(said, "`k`"));
	free(said);
	arena_free(a);
}
END_TEST

/* Averages and what does not depend on a trained parameter get no gradient nodes. */
START_TEST(autodiff_leaves_averages_alone)
{
	Arena *a = arena_new();
	Graph *g =
		parsed(a, X "%e = param \"e\"" AB "%f = exp %e" AB "%d = sub %x, %f" AB
	                    "%q = mul %d, %d" AB "%l = sum %q over A, B : f32[] " C("lr", "0.1")
	                            C("wd", "0") C("tau", "0.9")
	                                    TRAIN UPDATE("x") "average \"e\" by %tau return %l }");
	int n = g->n, muls = 0;

	ck_assert(pass_run(g, "autodiff", NULL, NULL) == OK);
	ck_assert(g->training.differentiated);
	for (int v = n; v < g->n; v++)
		muls += g->node[v].op == OP_mul && g->node[v].in[1] >= 0;
	ck_assert_int_eq(muls, 2); /* of d * d, nothing of exp */
	ck_assert(pass_run(g, "autodiff", NULL, NULL) == OK);
	arena_free(a);
}
END_TEST

/* ---- one update by hand --------------------------------------------------------------------- */

enum { NA = 4, NB = 3, NX = NA * NB };

static Feed
feed_scalar(Arena *a, const char *name, double x)
{
	Type   t = {.dtype = DT_f32};
	Tensor v = tensor_new(a, &t);

	v.at[0] = x;
	return (Feed){name, v};
}

static Feed
feed_box(Arena *a, const char *name, double first, double step)
{
	Type   t = {.dtype = DT_f32, .rank = 2, .axis = {{intern("A"), NA}, {intern("B"), NB}}};
	Tensor v = tensor_new(a, &t);

	for (int i = 0; i < NX; i++)
		v.at[i] = first + step * i;
	return (Feed){name, v};
}

/* loss = sum x^2 / 2, so the gradient of x is x. */
static const char update_text[] = X "%e = param \"e\"" AB C(
	"half",
	"0.5") "%q = mul %x, %x" AB "%h = mul %q, %half" AB
	       "%l = sum %h over A, B : f32[] %z = sum %e over A, B : f32[] %lr = host \"rate\" : "
	       "f32[] " C("wd", "0.05")
		       C("tau", "0.75") "training loss %l adamw(0.9, 0.99, 1e-08) clip 2 " UPDATE(
			       "x") "average \"e\" by %tau return loss = %l, z = %z }";

static void
check_update(const char *passes)
{
	enum { STEP = 6 };
	const double lr = 0.01, wd = 0.05, tau = 0.75, b1 = 0.9, b2 = 0.99, eps = 1e-8, clip = 2;
	double       c1 = 1 - pow(b1, STEP + 1), c2 = 1 - pow(b2, STEP + 1), norm = 0, coef;
	Arena       *a = arena_new();
	Graph       *g = parsed(a, update_text);
	Feed         feed[] = {
			feed_box(a, "x", -0.6, 0.25),
			feed_box(a, "e", 0.3, 0.1),
			feed_box(a, "moment1.x", -0.2, 0.05),
			feed_box(a, "moment2.x", 0.01, 0.02),
			feed_scalar(a, "rate", lr),
			feed_scalar(a, "1 - 0.9 ^ (step + 1)", c1),
			feed_scalar(a, "1 - 0.99 ^ (step + 1)", c2),
        };
	Tensor *result;
	int     assigns = 0;

	ck_assert(pass_run(g, passes, NULL, NULL) == OK);
	ck_assert(!g->training.present);
	result = arena_new_array(a, Tensor, g->n);
	ck_assert(eval_graph(a, g, feed, COUNT(feed), result) == OK);
	for (int i = 0; i < NX; i++)
		norm += pow(feed[0].tensor.at[i], 2);
	norm = sqrt(norm);
	coef = fmin(1, clip / (norm + 1e-6));
	for (int i = 0; i < g->nout; i++)
		if (strcmp(g->out[i].name, "grad_norm") == 0)
			ck_assert_double_eq_tol(result[g->out[i].val].at[0], norm, 1e-12);
	ck_assert_str_eq(g->out[g->nout - 1].name, "grad_norm");
	for (int v = 0; v < g->n; v++) {
		const char *name = g->node[v].attr.name;
		Tensor      t;

		if (g->node[v].op != OP_assign)
			continue;
		assigns++;
		t = tensor_reorder(a, result[v], &feed[0].tensor.type);
		for (int i = 0; i < NX; i++) {
			double p = feed[0].tensor.at[i], d = coef * p, want;
			double m = b1 * feed[2].tensor.at[i] + (1 - b1) * d;
			double s = b2 * feed[3].tensor.at[i] + (1 - b2) * d * d;

			p = p * (1 - lr * wd) - lr * (m / c1) / (sqrt(s) / sqrt(c2) + eps);
			want = strcmp(name, "x") == 0           ? p
			       : strcmp(name, "moment1.x") == 0 ? m
			       : strcmp(name, "moment2.x") == 0
			               ? s
			               : tau * feed[1].tensor.at[i] + (1 - tau) * p;
			ck_assert_double_eq_tol(t.at[i], want, 1e-12);
		}
	}
	ck_assert_int_eq(assigns, 4);
	arena_free(a);
}

START_TEST(update_by_hand)
{
	check_update("autodiff,update");
	check_update("fold,cse,dce,attend,autodiff,update,expand,simplify");
}
END_TEST

static int hooked;

static void
count_hook(const Graph *g, int index, const char *name, void *arg)
{
	ck_assert_ptr_nonnull(g);
	ck_assert_ptr_eq(arg, &hooked);
	ck_assert_int_eq(index, hooked);
	ck_assert_str_eq(name, hooked == 0 ? "lower" : hooked == 1 ? "fold" : "cse");
	hooked++;
}

START_TEST(hook_sees_every_pass)
{
	Arena *a = arena_new();

	hooked = 0;
	ck_assert(pass_run(parsed(a, X "return %x }"), "fold,cse", count_hook, &hooked) == OK);
	ck_assert_int_eq(hooked, 3);
	arena_free(a);
}
END_TEST

Suite *
suite_pass(void)
{
	Suite *s = suite_create("pass");
	TCase *t = tcase_create("texts");

	tcase_add_loop_test(t, fold_acts_case, 0, COUNT(fold_acts));
	tcase_add_loop_test(t, fold_still_case, 0, COUNT(fold_still));
	tcase_add_loop_test(t, cse_cases_case, 0, COUNT(cse_cases));
	tcase_add_loop_test(t, attend_cases_case, 0, COUNT(attend_cases));
	tcase_add_loop_test(t, expand_cases_case, 0, COUNT(expand_cases));
	tcase_add_loop_test(t, cast_cases_case, 0, COUNT(cast_cases));
	suite_add_tcase(s, t);
	t = tcase_create("training");
	tcase_add_test(t, unknown_pass_is_refused);
	tcase_add_test(t, untouched_parameter_is_refused);
	tcase_add_test(t, autodiff_leaves_averages_alone);
	tcase_add_test(t, update_by_hand);
	tcase_add_test(t, hook_sees_every_pass);
	suite_add_tcase(s, t);
	return s;
}
