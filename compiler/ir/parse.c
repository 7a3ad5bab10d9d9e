/* parse: text to graph, the inverse of graph_print; also accepts free line breaks, comments and any
 * names for values, so that graphs can be written by hand. Stops at the first error. Types are
 * checked by infer, everything else that makes a graph legal by graph_verify, which the caller
 * runs. */
#include "compiler/ir/parse_private.h"

#include <string.h>

enum { MAX_SLABS = 64, MAX_KERNELS = 1 << 20 };

static Status
read_operands(Parse *p, Node *n)
{
	Vec(Val) in = {0};
	int want = op_info[n->op].nin;

	while (want < 0 || in.n < want) {
		Val v;
		if (in.n > 0 && want < 0 && !parse_is_punct(p, ','))
			break;
		if (in.n > 0)
			TRY(parse_expect_punct(p, ','));
		TRY(parse_read_value(p, &v));
		vec_push(p->g->arena, &in, v);
	}
	n->in = in.at;
	n->nin = in.n;
	return OK;
}

static Status
read_place(Parse *p, Node *n)
{
	const char *name;
	int64_t     number;
	int         i;

	if (parse_accept_word(p, "kernel")) {
		TRY(parse_read_int(p, "a kernel number", -1000, INT32_MAX, &number));
		if (number > MAX_KERNELS && number < KERNEL_MARK)
			return diag_error(parse_loc(p), "ir-number",
			                  "a graph has at most %d kernels", MAX_KERNELS);
		n->kernel = (int)number;
		if (n->kernel < KERNEL_MARK && n->kernel >= p->g->nkernel)
			p->g->nkernel = n->kernel + 1;
	}
	if (parse_accept_word(p, "at")) {
		Loc     loc = parse_loc(p);
		int64_t stride = 1;
		TRY(parse_read_name(p, "a slab", &name));
		for (i = 0; i < p->g->nslab && p->g->slab[i].name != name; i++)
			;
		if (i == p->g->nslab)
			return diag_error(loc, "ir-slab", "there is no slab %s", name);
		n->place.slab = i;
		TRY(parse_expect_punct(p, '+'));
		TRY(parse_read_int(p, "an offset", 0, INT64_MAX, &n->place.offset));
		for (i = n->type.rank; i-- > 0; stride *= n->type.axis[i].size)
			n->place.stride[i] = stride;
	}
	if (!parse_accept_word(p, "strides"))
		return OK;
	TRY(parse_expect_punct(p, '('));
	for (i = 0; i < n->type.rank; i++) {
		if (i > 0)
			TRY(parse_expect_punct(p, ','));
		TRY(parse_read_int(p, "a stride", -max_size, max_size, &n->place.stride[i]));
	}
	return parse_expect_punct(p, ')');
}

static Status
read_node(Parse *p)
{
	Node        n = {.kernel = -1, .place.slab = -1};
	const char *name = p->tok.name, *op_name, *why;
	Loc         at = parse_loc(p), op_at;
	Type        given;
	int         i, k;

	parse_next(p);
	TRY(parse_expect_punct(p, '='));
	op_at = parse_loc(p);
	if (p->tok.kind != TOK_name)
		return parse_expected(p, "an op");
	op_name = p->tok.name;
	parse_next(p);
	n.op = op_find(op_name);
	if (n.op == OP_COUNT) {
		const char *all[OP_COUNT], *near;
		for (i = 0; i < OP_COUNT; i++)
			all[i] = op_info[i].name;
		near = text_nearest(op_name, all, OP_COUNT);
		return diag_error(op_at, "ir-op",
		                  near ? "there is no op %s; did you mean %s?"
		                       : "there is no op %s",
		                  op_name, near);
	}
	TRY(read_operands(p, &n));
	TRY(parse_read_attr(p, &n));
	TRY(parse_expect_punct(p, ':'));
	TRY(parse_read_type(p, &given));
	for (i = 0; n.op == OP_uniform && i < n.attr.naxes; i++)
		if ((k = type_find(&given, n.attr.axes[i].name)) >= 0)
			n.attr.axes[i].size = given.axis[k].size;
	if (infer_node(p->g->arena, p->g, n.op, n.in, n.nin, &n.attr, &given, &n.type, &why) != OK)
		return diag_error(op_at, "ir-type", "%s", why);
	TRY(read_place(p, &n));
	n.loc = parse_comment_loc(p);
	return parse_define_value(p, name, graph_push(p->g, &n), at);
}

static Status
read_training(Parse *p)
{
	Training *t = &p->g->training;
	Loc       loc = parse_loc(p);

	if (t->present)
		return diag_error(loc, "ir-training", "there is a training line already");
	t->present = true;
	parse_next(p);
	TRY(parse_expect_word(p, "loss"));
	TRY(parse_read_value(p, &t->loss));
	TRY(parse_expect_word(p, "adamw"));
	TRY(parse_expect_punct(p, '('));
	TRY(parse_read_real(p, "beta1", &t->beta1));
	TRY(parse_expect_punct(p, ','));
	TRY(parse_read_real(p, "beta2", &t->beta2));
	TRY(parse_expect_punct(p, ','));
	TRY(parse_read_real(p, "eps", &t->eps));
	TRY(parse_expect_punct(p, ')'));
	if (parse_accept_word(p, "clip"))
		TRY(parse_read_real(p, "the largest norm", &t->clip));
	t->differentiated = parse_accept_word(p, "differentiated");
	return OK;
}

static Status
read_update(Parse *p)
{
	Training *t = &p->g->training;
	Update    u = {.average_decay = NO_VAL, .grad = NO_VAL};

	if (!t->present)
		return diag_error(parse_loc(p), "ir-training",
		                  "an update must follow the training line");
	parse_next(p);
	TRY(parse_read_string(p, "a variable in quotes", &u.param));
	TRY(parse_expect_word(p, "group"));
	TRY(parse_read_name(p, "the name of a group", &u.group));
	TRY(parse_expect_word(p, "lr"));
	TRY(parse_read_value(p, &u.lr));
	TRY(parse_expect_word(p, "decay"));
	TRY(parse_read_value(p, &u.decay));
	if (parse_accept_word(p, "average")) {
		TRY(parse_read_string(p, "a variable in quotes", &u.average));
		TRY(parse_expect_word(p, "by"));
		TRY(parse_read_value(p, &u.average_decay));
	}
	if (t->differentiated) {
		TRY(parse_expect_word(p, "grad"));
		TRY(parse_read_value(p, &u.grad));
	}
	u.loc = parse_comment_loc(p);
	if ((t->nupdate & (t->nupdate - 1)) == 0) /* full at every power of two */
		t->update = arena_grow(p->g->arena, t->update, sizeof u * (size_t)t->nupdate,
		                       sizeof u * (size_t)(t->nupdate ? 2 * t->nupdate : 1));
	t->update[t->nupdate++] = u;
	return OK;
}

static Status
read_dtype_float(Parse *p, Dtype *out)
{
	if (parse_is_word(p, "f32"))
		*out = DT_f32;
	else if (parse_is_word(p, "bf16"))
		*out = DT_bf16;
	else
		return parse_expected(p, "f32 or bf16");
	parse_next(p);
	return OK;
}

static Status
read_target(Parse *p)
{
	TRY(parse_expect_word(p, "attend_tokens"));
	TRY(parse_read_int(p, "a number of tokens", 0, max_size, &p->g->target.attend_tokens));
	TRY(parse_expect_word(p, "attend_width"));
	return parse_read_int(p, "the width of a head", 0, max_size, &p->g->target.attend_width);
}

static Status
read_slab(Parse *p)
{
	Loc    loc = parse_loc(p);
	Graph *g = p->g;
	Slab   s;
	int    i;

	TRY(parse_read_name(p, "the name of a slab", &s.name));
	TRY(parse_read_int(p, "a number of bytes", 0, INT64_MAX, &s.bytes));
	for (i = 0; i < g->nslab; i++)
		if (g->slab[i].name == s.name)
			return diag_error(loc, "ir-slab", "slab %s is declared twice", s.name);
	if (g->nslab == MAX_SLABS)
		return diag_error(loc, "ir-slab", "a graph has at most %d slabs", MAX_SLABS);
	if (!g->slab)
		g->slab = arena_new_array(g->arena, Slab, MAX_SLABS);
	g->slab[g->nslab++] = s;
	return OK;
}

static Status
read_return(Parse *p)
{
	do {
		Loc         loc = parse_loc(p);
		const char *name;
		Val         v;
		int         i;

		if (p->tok.kind == TOK_value) { /* `return %3`: an output without a name gets one */
			name = intern_printf("out%d", p->g->nout);
		} else {
			TRY(parse_read_name(p, "the name of an output", &name));
			TRY(parse_expect_punct(p, '='));
		}
		for (i = 0; i < p->g->nout; i++)
			if (p->g->out[i].name == name)
				return diag_error(loc, "ir-output", "output %s is returned twice",
				                  name);
		TRY(parse_read_value(p, &v));
		graph_output(p->g, name, v);
	} while (parse_accept_punct(p, ','));
	return OK;
}

static Status
read_recompute(Parse *p)
{
	for (int i = 0; i < RECOMPUTE_COUNT; i++)
		if (parse_accept_word(p, recompute_name[i])) {
			p->g->recompute = (Recompute)i;
			return OK;
		}
	return parse_expected(p, "none, cheap or blocks");
}

static Status
read_graph(Parse *p)
{
	const char *name;

	TRY(parse_expect_word(p, "graph"));
	if (p->tok.kind != TOK_at)
		return parse_expected(p, "@ and the name of the graph");
	parse_next(p);
	TRY(parse_read_name(p, "the name of the graph", &name));
	p->g->name = name;
	TRY(parse_expect_punct(p, '{'));
	while (!parse_accept_punct(p, '}')) {
		if (p->tok.kind == TOK_value)
			TRY(read_node(p));
		else if (parse_accept_word(p, "batch"))
			TRY(parse_read_name(p, "the batch axis", &p->g->batch_axis));
		else if (parse_accept_word(p, "matmul")) {
			TRY(read_dtype_float(p, &p->g->matmul));
			TRY(parse_expect_word(p, "average"));
			TRY(read_dtype_float(p, &p->g->matmul_average));
		} else if (parse_accept_word(p, "target"))
			TRY(read_target(p));
		else if (parse_accept_word(p, "recompute"))
			TRY(read_recompute(p));
		else if (parse_accept_word(p, "slab"))
			TRY(read_slab(p));
		else if (parse_is_word(p, "training"))
			TRY(read_training(p));
		else if (parse_is_word(p, "update"))
			TRY(read_update(p));
		else if (parse_accept_word(p, "return"))
			TRY(read_return(p));
		else
			return parse_expected(p, "a statement or }");
	}
	return p->tok.kind == TOK_end ? OK : parse_expected(p, "the end of the text");
}

Status
graph_parse(Arena *a, const char *file, const char *text, Graph **out)
{
	Parse  p = {.scratch = arena_new(), .at = text, .start_of_line = text, .line = 1};
	Status status;

	p.file = intern(file);
	p.g = graph_new(a, "graph");
	parse_next(&p);
	status = read_graph(&p);
	arena_free(p.scratch);
	*out = status == OK ? p.g : NULL;
	return status;
}
