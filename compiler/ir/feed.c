/* feed: values for a graph's leaves as text that a person writes, and values as text that a person reads:
 *     x : f32[B:2, D:3] =          a name (in quotes when it is no word), a type, numbers in the order of its axes;
 *       1 2 3                      commas and line ends between them as one likes
 *       4 5 6
 *     w = 0.5                      without a type: the leaf's own; one number alone fills it
 * Refuses names that the graph does not read, other axes than the leaf's, and too few or too many numbers. */
#include "compiler/ir/parse_private.h"

#include <math.h>
#include <string.h>

static bool
is_fed(const Node *n)
{
	return n->op == OP_input || n->op == OP_host || n->op == OP_param;
}

static Status
find_leaf(const Parse *p, const Graph *g, const char *name, Loc loc, const Type **type)
{
	const char **all = arena_new_array(p->scratch, const char *, g->n + 1), *near;
	int          n = 0;

	for (Val v = 0; v < g->n; v++)
		if (is_fed(&g->node[v])) {
			*type = &g->node[v].type;
			if (g->node[v].attr.name == name)
				return OK;
			all[n++] = g->node[v].attr.name;
		}
	diag_error(loc, "feed-name", "graph @%s reads nothing called \"%s\"", g->name, name);
	if ((near = text_nearest(name, all, n)))
		diag_hint("did you mean `%s`?", near);
	return FAIL;
}

static bool
at_number(const Parse *p)
{
	return p->tok.kind == TOK_int || p->tok.kind == TOK_real || parse_is_word(p, "inf") ||
	       parse_is_word(p, "nan");
}

/* Is x a value of the dtype? Floats take any number. */
static bool
is_value(Dtype d, double x)
{
	if (d == DT_bool)
		return x == 0 || x == 1;
	if (d == DT_u32)
		return x >= 0 && x <= UINT32_MAX && x == floor(x);
	return d != DT_i32 || (x >= INT32_MIN && x <= INT32_MAX && x == floor(x));
}

static Status
read_numbers(Parse *p, const char *name, Tensor t)
{
	int64_t want = type_elems(&t.type), n = 0;
	Loc     loc = parse_loc(p), at;
	double  x;

	do {
		at = parse_loc(p);
		TRY(parse_read_real(p, "a number", &x));
		if (!is_value(t.type.dtype, x))
			return diag_error(at, "feed-value", "%g is no %s, the type of \"%s\"", x,
			                  dtype_name[t.type.dtype], name);
		if (n < want)
			t.at[n] = x;
		n++;
		parse_accept_punct(p, ',');
		/* past the last number, `inf` is the next name */
	} while (at_number(p) && (n < want || p->tok.kind != TOK_name));
	if (n == 1)
		for (int64_t i = 1; i < want; i++)
			t.at[i] = x;
	else if (n != want)
		return diag_error(loc, "feed-count",
		                  "\"%s\" has %lld elements, here are %lld numbers", name,
		                  (long long)want, (long long)n);
	return OK;
}

static Status
read_feed(Parse *p, Arena *a, const Graph *g, Feed *out)
{
	const Type *leaf;
	Type        given;
	Loc         loc = parse_loc(p);

	TRY(parse_read_name(p, "the name of an input, host or param", &out->name));
	TRY(find_leaf(p, g, out->name, loc, &leaf));
	given = *leaf;
	loc = parse_loc(p);
	if (parse_accept_punct(p, ':')) {
		loc = parse_loc(p);
		TRY(parse_read_type(p, &given));
		if (!type_same_axes(&given, leaf)) {
			Text t = {0};

			type_print(&t, leaf);
			diag_error(loc, "feed-type", "\"%s\" is %s in graph @%s", out->name, t.at,
			           g->name);
			text_free(&t);
			return FAIL;
		}
	}
	TRY(parse_expect_punct(p, '='));
	out->tensor = tensor_new(a, &given);
	return read_numbers(p, out->name, out->tensor);
}

Status
feed_parse(Arena *a, const Graph *g, const char *file, const char *text, Feed **out, int *nfeed)
{
	Parse  p = {.scratch = arena_new(),
	            .at = text,
	            .start_of_line = text,
	            .line = 1,
	            .file = intern(file)};
	Status status = OK;
	Vec(Feed) feed = {0};

	parse_next(&p);
	while (status == OK && p.tok.kind != TOK_end) {
		Loc  loc = parse_loc(&p);
		Feed f;

		if ((status = read_feed(&p, a, g, &f)) != OK)
			break;
		for (int i = 0; i < feed.n && status == OK; i++)
			if (feed.at[i].name == f.name)
				status = diag_error(loc, "feed-twice", "\"%s\" has a value already",
				                    f.name);
		vec_push(a, &feed, f);
	}
	arena_free(p.scratch);
	*out = feed.at;
	*nfeed = feed.n;
	return status;
}

/* ---- printing ------------------------------------------------------------------------------- */

enum { FIRST_VALUES = 8 };

/* digits > 0: so many; 0: as many as it takes to read the same bits back. */
static int
number_text(char out[48], double x, int digits)
{
	char exact[32];

	if (!isfinite(x))
		return snprintf(out, 48, "%s", isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
	return digits ? snprintf(out, 48, "%.*g", digits, x)
	              : snprintf(out, 48, "%s", text_double(exact, x));
}

static void
print_rows(Text *out, const Tensor *x, int digits)
{
	int64_t n = type_elems(&x->type),
		row = x->type.rank ? x->type.axis[x->type.rank - 1].size : 1;
	int  width = 0, len;
	char buf[48];

	for (int64_t i = 0; i < n; i++)
		if ((len = number_text(buf, x->at[i], digits)) > width)
			width = len;
	for (int64_t i = 0; i < n; i++) {
		number_text(buf, x->at[i], digits);
		if (x->type.rank < 2)
			text_printf(out, " %s", buf);
		else
			text_printf(out, "%s%*s", i % row ? " " : "\n  ", width, buf);
	}
	text_printf(out, "\n");
}

static void
print_summary(Text *out, const Tensor *x, int digits)
{
	int64_t n = type_elems(&x->type);
	double  least = x->at[0], most = x->at[0], sum = 0;
	char    buf[3][48];

	for (int64_t i = 0; i < n; i++) {
		least = x->at[i] < least ? x->at[i] : least;
		most = x->at[i] > most ? x->at[i] : most;
		sum += x->at[i];
	}
	for (int i = 0; i < FIRST_VALUES; i++) {
		number_text(buf[0], x->at[i], digits);
		text_printf(out, " %s", buf[0]);
	}
	number_text(buf[0], least, digits);
	number_text(buf[1], most, digits);
	number_text(buf[2], sum / (double)n, digits);
	text_printf(out, " ..  # %lld values in %s .. %s, mean %s\n", (long long)n, buf[0], buf[1],
	            buf[2]);
}

void
feed_print(Text *out, const char *name, const Tensor *x, int digits, int64_t most)
{
	text_name(out, name);
	text_printf(out, " : ");
	text_type(out, &x->type);
	text_printf(out, " =");
	if (most && type_elems(&x->type) > most)
		print_summary(out, x, digits);
	else
		print_rows(out, x, digits);
}
