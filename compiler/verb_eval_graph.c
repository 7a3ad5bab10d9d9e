/* d2v eval-graph: any graph text on the oracle, in double precision, so that what a text means can be seen and tested. Slow; for
 * graphs a person reads. Runs no kernel. */
#include "compiler/base/safetensors.h"
#include "compiler/d2v_private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 24, EDGE = 4 }; /* so many elements are printed whole; of more, the first few */

const OptionRow eval_graph_options[] = {
	TEXT("--feed", feed, "FILE", "values of inputs, host scalars and params by name, a safetensors file"),
	TEXT("--random", random, "SEED", "random values for everything that is not fed; a name and a seed give the same values in any graph"),
	TEXT("--out", out, "FILE", "write the results there too, as F64 in a safetensors file"),
	END,
};

/* ---- values in ----------------------------------------------------------------------------------------- */

static Status
convert(Arena *a, const char *path, const StTensor *t, const Node *n, Feed *out)
{
	int64_t count = type_elems(&n->type), dim[MAX_RANK];
	Tensor  x = tensor_new(a, &n->type);
	char   *raw = arena_alloc(a, (size_t)(count * dtype_bytes[n->type.dtype]) + 1);

	for (int i = 0; i < n->type.rank; i++)
		dim[i] = n->type.axis[i].size;
	if (t->bytes / st_bytes(&(StTensor){.dtype = t->dtype}) != count ||
	    !st_shapes_agree(t->dim, t->ndim, dim, n->type.rank))
		return user_error("feed-shape", "%s: `%s` is %s, but the graph wants %s", path, t->name,
		                  st_shape_text(a, t->dim, t->ndim), st_shape_text(a, dim, n->type.rank));
	TRY(st_convert(path, t, 0, count, n->type.dtype, raw));
	for (int64_t i = 0; i < count; i++)
		switch (n->type.dtype) {
		case DT_f32: x.at[i] = ((float *)(void *)raw)[i]; break;
		case DT_bf16: x.at[i] = bf16_to_f32(((uint16_t *)(void *)raw)[i]); break;
		case DT_i32: x.at[i] = ((int32_t *)(void *)raw)[i]; break;
		case DT_u32: x.at[i] = ((uint32_t *)(void *)raw)[i]; break;
		case DT_bool: x.at[i] = raw[i] != 0; break;
		default: BUG("dtype %d", (int)n->type.dtype);
		}
	*out = (Feed){n->attr.name, x};
	return OK;
}

static bool
is_leaf(const Node *n)
{
	return n->op == OP_input || n->op == OP_host || n->op == OP_param;
}

static Status
no_value(const Graph *g, const Node *n, const char *feed)
{
	Text t = {0};

	type_print(&t, &n->type);
	if (feed)
		user_error("feed-missing", "%s holds no `%s`, which graph %s reads as %s", feed, n->attr.name, g->name, t.at);
	else
		user_error("feed-missing", "graph %s reads `%s` : %s, and nothing gives it a value", g->name, n->attr.name, t.at);
	diag_hint("--random=1 gives random values to everything that --feed does not");
	text_free(&t);
	return FAIL;
}

static Status
feed_leaves(Arena *a, const Options *o, const Graph *g, Feed **out, int *nfeed)
{
	StFile *file = NULL;
	Feed   *any = NULL, *feed = arena_new_array(a, Feed, g->n + 1);
	int     nany = 0, used = 0;

	*nfeed = 0;
	if (o->feed)
		TRY(st_read(a, o->feed, &file));
	if (o->random) {
		char    *end;
		uint64_t seed;

		errno = 0;
		seed = strtoull(o->random, &end, 10);
		if (errno || *end || end == o->random || *o->random == '-')
			return user_error("bad-number", "--random is a whole number from 0, not `%s`", o->random);
		any = random_feed(a, g, seed, &nany);
	}
	for (Val v = 0; v < g->n; v++) {
		const Node     *n = &g->node[v];
		const StTensor *t = file && is_leaf(n) ? st_find(file, n->attr.name) : NULL;

		if (!is_leaf(n))
			continue;
		used += t != NULL;
		if (!t && !any)
			return no_value(g, n, o->feed);
		if (t)
			TRY(convert(a, o->feed, t, n, &feed[(*nfeed)++]));
		for (int i = 0; !t && i < nany; i++)
			if (any[i].name == n->attr.name) {
				feed[(*nfeed)++] = any[i];
				break;
			}
	}
	for (int i = 0; file && used < file->ntensor && i < file->ntensor; i++) {
		bool known = false;

		for (Val v = 0; v < g->n; v++)
			known = known || (is_leaf(&g->node[v]) && strcmp(g->node[v].attr.name, file->tensor[i].name) == 0);
		if (!known)
			return user_error("feed-unknown", "%s: graph %s reads nothing called `%s`", o->feed, g->name,
			                  file->tensor[i].name);
	}
	*out = feed;
	return OK;
}

/* ---- results out ------------------------------------------------------------------------------------------- */

/* Six digits: what two orders of summation agree on. Neither zero nor nan has a sign here. */
static void
print_value(double x)
{
	if (isnan(x))
		printf("nan");
	else
		printf("%.6g", x == 0 ? 0 : x);
}

/* Elements of axis `axis` on, in brackets as they nest. */
static const double *
print_nested(const Tensor *t, int axis, const double *at)
{
	if (axis == t->type.rank) {
		print_value(*at);
		return at + 1;
	}
	printf("[");
	for (int64_t i = 0; i < t->type.axis[axis].size; i++) {
		if (i)
			printf(", ");
		at = print_nested(t, axis + 1, at);
	}
	printf("]");
	return at;
}

static void
print_summary(const Tensor *t)
{
	int64_t n = type_elems(&t->type), bad = 0;
	double  sum = 0, lo = INFINITY, hi = -INFINITY;

	for (int64_t i = 0; i < n; i++)
		if (isfinite(t->at[i])) {
			sum += t->at[i];
			lo = fmin(lo, t->at[i]);
			hi = fmax(hi, t->at[i]);
		} else {
			bad++;
		}
	for (int i = 0; i < EDGE; i++) {
		print_value(t->at[i]);
		printf(", ");
	}
	printf(".. %lld elements, min ", (long long)n);
	print_value(lo);
	printf(", mean ");
	print_value(sum / (double)(n - bad));
	printf(", max ");
	print_value(hi);
	if (bad)
		printf(", %lld not finite", (long long)bad);
}

static void
print_tensor(const char *name, const Tensor *t)
{
	Text type = {0};

	type_print(&type, &t->type);
	printf("%s : %s = ", name, type.at);
	if (type_elems(&t->type) <= SHOWN)
		print_nested(t, 0, t->at);
	else
		print_summary(t);
	printf("\n");
	text_free(&type);
}

static void
show(StFile *file, const char *name, const Tensor *t)
{
	StTensor *kept = &file->tensor[file->ntensor++];

	print_tensor(name, t);
	*kept = st_tensor(name, &t->type, t->at);
	kept->dtype = "F64";
	kept->bytes = st_bytes(kept);
}

Status
do_eval_graph(Arena *a, const Options *o)
{
	char   *text;
	size_t  n;
	Graph  *g;
	Feed   *feed;
	int     nfeed;
	Tensor *result;
	StFile  file = {0};

	TRY(file_read(o->file, &text, &n));
	diag_source(intern(o->file), text);
	TRY(graph_parse(a, o->file, text, &g));
	TRY(graph_verify(g, "parse", false));
	TRY(feed_leaves(a, o, g, &feed, &nfeed));
	result = arena_new_array(a, Tensor, g->n + 1);
	TRY(eval_graph(a, g, feed, nfeed, result));
	file.tensor = arena_new_array(a, StTensor, g->n + g->nout + 1);
	for (int i = 0; i < g->nout; i++)
		show(&file, g->out[i].name, &result[g->out[i].val]);
	for (Val v = 0; v < g->n; v++)
		if (g->node[v].op == OP_assign)
			show(&file, g->node[v].attr.name, &result[v]);
	return o->out ? st_write(o->out, &file) : OK;
}
