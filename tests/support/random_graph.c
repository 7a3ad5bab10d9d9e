/* random_graph: grows a graph from leaves by one op after another, then gives it what a train graph
 * has: a loss in which everything counts, outputs, and an update for each parameter. Knows no op by
 * itself: random_graph_ops.c and random_graph_rare.c make them. */
#include "tests/support/random_graph_private.h"

#include <string.h>

/* Everything nobody uses, squashed and averaged, makes the loss; so each parameter matters. */
static Val
make_loss(Gen *x)
{
	int *uses = graph_uses(x->g, x->a), n = x->g->n, i, k;
	Val  loss = gen_constant(x, 0.5);
	Attr beta = {.num = 1};

	for (i = 0; i < n; i++) {
		const Node *node = &x->g->node[i];
		Axis        over[MAX_RANK];
		Val         v = i;
		if (uses[i] || node->type.dtype != DT_f32)
			continue;
		memcpy(over, node->type.axis, sizeof over);
		k = node->type.rank;
		v = gen_below(x, 2) ? build_un(x->g, OP_tanh, v, gen_here(x))
		                    : build(x->g, OP_smooth_l1, &v, 1, &beta, NULL, gen_here(x));
		loss = build_bin(x->g, OP_add, loss, build_mean(x->g, v, over, k, gen_here(x)),
		                 gen_here(x));
	}
	return loss;
}

static void
make_training(Gen *x, Val loss)
{
	Training *t = &x->g->training;
	Type      scalar = {.dtype = DT_f32};
	Val       lr = build_leaf(x->g, OP_host, "0.1 / (step + 1)", &scalar, gen_here(x));
	Val ema = build_leaf(x->g, OP_host, "min(0.9, step / 10)", &scalar, gen_here(x)), decay[2];
	int i;

	decay[0] = gen_constant(x, 0);
	decay[1] = gen_constant(x, 0.05);
	*t = (Training){.present = true,
	                .loss = loss,
	                .beta1 = 0.9,
	                .beta2 = 0.95,
	                .eps = 1e-3,
	                .clip = gen_below(x, 2) ? 1.5 : 0,
	                .nupdate = x->nparam};
	t->update = arena_new_array(x->g->arena, Update, x->nparam + 1);
	for (i = 0; i < x->nparam; i++) {
		Update *u = &t->update[i];
		*u = (Update){.param = x->param[i],
		              .group = intern(i % 2 ? "plain" : "rest"),
		              .lr = lr,
		              .decay = decay[i % 2],
		              .average_decay = NO_VAL,
		              .grad = NO_VAL,
		              .loc = gen_here(x)};
		if (i % 3 == 0) {
			u->average = intern_printf("teacher.%s", x->param[i]);
			u->average_decay = ema;
		}
	}
}

/* The teacher's variables that are updated must be read: here, as a target. */
static Val
teacher_term(Gen *x, Val loss)
{
	int i, n = x->nparam;

	for (i = 0; i < n; i += 3) {
		Type t = *gen_type_of(x, x->param_val[i]);
		Val  target = build_leaf(x->g, OP_param, intern_printf("teacher.%s", x->param[i]),
		                         &t, gen_here(x));
		Val  off = build_bin(x->g, OP_sub, x->param_val[i], target, gen_here(x));
		off = build_bin(x->g, OP_mul, off, off, gen_here(x));
		loss = build_bin(x->g, OP_add, loss,
		                 build_mean(x->g, off, t.axis, t.rank, gen_here(x)), gen_here(x));
	}
	return loss;
}

static Graph *
make_graph(Arena *a, uint64_t seed, int size, bool all)
{
	static void (*const make[])(Gen *) = {gen_unary,    gen_binary,   gen_binary, gen_reduce,
	                                      gen_contract, gen_contract, gen_view,   gen_view,
	                                      gen_view,     gen_pick,     gen_attend, gen_rare,
	                                      gen_rare,     gen_rare,     gen_rare};
	enum { RARE = 4 };
	Gen  x = {.a = a,
	          .g = graph_new(a, "train"),
	          .s = stream_open(seed, "random_graph", 0, 0),
	          .all = all};
	Type u32 = {.dtype = DT_u32}, samples;
	Val  loss;
	int  i;

	gen_vary_sizes(&x);
	samples = gen_type(DT_u32, "B");
	x.g->batch_axis = intern("B");
	x.sample = build_leaf(x.g, OP_input, "sample", &samples, gen_here(&x));
	x.step = build_leaf(x.g, OP_host, "step", &u32, gen_here(&x));
	x.seed = build_leaf(x.g, OP_host, "seed", &u32, gen_here(&x));
	gen_keep(&x, gen_new_param(&x, gen_type(DT_f32, "DF")));
	gen_keep(&x, gen_new_input(&x, gen_type(DT_f32, "BTD")));
	for (i = 0; i < 3; i++)
		gen_keep(&x, gen_leaf(&x));
	for (i = 0; i < size; i++) {
		if (gen_below(&x, 6) == 0)
			gen_keep(&x, gen_leaf(&x));
		make[gen_below(&x, COUNT(make) - (all ? 0 : RARE))](&x);
	}
	if (all)
		gen_masks(&x, seed);
	loss = teacher_term(&x, make_loss(&x));
	graph_output(x.g, "loss", loss);
	graph_output(x.g, "watch", gen_any(&x));
	for (i = all ? gen_below(&x, 4) : 0; i > 0; i--)
		graph_output(x.g, intern_printf("watch%d", i), gen_any(&x));
	make_training(&x, loss);
	graph_commit(x.g);
	(void)graph_verify(x.g, "random_graph", true);
	return x.g;
}

Graph *
random_graph(Arena *a, uint64_t seed, int size)
{
	return make_graph(a, seed, size, false);
}

Graph *
random_graph_all(Arena *a, uint64_t seed, int size)
{
	return make_graph(a, seed, size, true);
}
