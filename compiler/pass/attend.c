/* pass_attend: attention written out becomes one node.
 *     %q = mul %query, 0.125
 *     %1 = contract %q, %k over E   %2 = add %1, %r   %3 = softmax %2 over U   %4 = contract %3, %v over U
 *         ==>   %4 = attend %query, %k, %v, %r over E, U scale 0.125
 * The factor may stand on the scores, on the queries or on the keys, as * or / by a constant; r may be
 * missing; between softmax and the last contraction may stand dropout as the front end writes it,
 * select(p <= uniform, probabilities, 0) * (1 / (1 - p)). attr.axes[2..] then keeps the order of the
 * draw's axes, since attend redraws by element index.
 * needs: nothing.  keeps: values.  holds still, and leaves a remark that says why: when anything between the two contractions is
 * used elsewhere too, when axes do not fit attend (infer_attend), when the device has no kernel for heads of this size, when the
 * draw does not cover the scores. */
#include "compiler/pass/pass.h"
#include "compiler/pass/rules.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* bytes; longer sequences stay written out: softmax over stored scores */
enum { ATTEND_STACK = 4 << 20 };

typedef struct {
	const Graph *g;
	const int   *uses;
	Val          q, k, v, r; /* r: NO_VAL when there is no bias */
	Val          uniform;    /* NO_VAL without dropout */
	double       scale, rate;
	Axis         e, u;
	bool         whole_draw; /* every score has a draw of its own */
	/* it is attention, but not of a kind that a kernel computes: the reason */
	const char *why;
} Match;

static bool
used_once(const Match *m, Val v)
{
	return m->uses[v] == 1;
}

/* The match ends here, for a reason that the user is told. */
static bool PRINTF(2, 3) refuse(Match *m, const char *fmt, ...)
{
	va_list ap;
	Text    t = {0};

	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	m->why = arena_strdup(m->g->arena, t.at);
	text_free(&t);
	return false;
}

/* v = x * c or x / c with a constant c: x, and the factor through *c. */
static Val
scaled(const Graph *g, Val v, double *c)
{
	const Node *n = &g->node[v];

	if (n->op == OP_mul && fold_const(g, n->in[1], c))
		return n->in[0];
	if (n->op == OP_mul && fold_const(g, n->in[0], c))
		return n->in[1];
	if (n->op == OP_div && fold_const(g, n->in[1], c) && *c != 0) {
		*c = 1 / *c;
		return n->in[0];
	}
	return NO_VAL;
}

/* The one axis of a that b lacks; NULL when there are none or several. */
static const Axis *
lone_axis(const Type *a, const Type *b)
{
	const Axis *found = NULL;

	for (int i = 0; i < a->rank; i++)
		if (type_find(b, a->axis[i].name) < 0) {
			if (found)
				return NULL;
			found = &a->axis[i];
		}
	return found;
}

/* dropout(s): the s; rate and draw into m. */
static Val
match_dropout(Match *m, Val v)
{
	const Graph *g = m->g;
	double       c, p, zero;
	const Node  *choice, *test;
	Val          s = scaled(g, v, &c);

	if (s == NO_VAL || !used_once(m, s))
		return NO_VAL;
	choice = &g->node[s];
	if (choice->op != OP_select || !fold_const(g, choice->in[2], &zero) || zero != 0)
		return NO_VAL;
	test = &g->node[choice->in[0]];
	if (test->op != OP_le || !fold_const(g, test->in[0], &p) || !(p > 0 && p < 1))
		return NO_VAL;
	if (g->node[test->in[1]].op != OP_uniform || fabs(c * (1 - p) - 1) > 1e-6)
		return NO_VAL;
	m->whole_draw = type_same_axes(&g->node[test->in[1]].type, &g->node[choice->in[1]].type);
	m->uniform = test->in[1];
	m->rate = p;
	return choice->in[1];
}

/* The scores before softmax: [scale *] contract(q, k over E) [+ r]. */
static bool
match_scores(Match *m, Val s)
{
	const Graph *g = m->g;
	const Node  *n = &g->node[s];
	Val          side[2] = {s, NO_VAL}, inner;
	double       c;
	int          nside = 1;

	if (n->op == OP_add) {
		side[0] = n->in[0];
		side[1] = n->in[1];
		nside = 2;
	}
	for (int i = 0; i < nside; i++) {
		Val  x = side[i];
		bool once = used_once(m, x);

		m->scale = 1;
		inner = scaled(g, x, &c);
		if (inner != NO_VAL) {
			once = once && used_once(m, inner);
			m->scale = c;
			x = inner;
		}
		if (g->node[x].op != OP_contract || !type_same_axes(&g->node[x].type, &n->type))
			continue;
		if (!once)
			return refuse(m, "its products of queries and keys are used elsewhere too");
		if (g->node[x].attr.naxes != 1)
			return refuse(m, "queries and keys are multiplied over %d axes, not one",
			              g->node[x].attr.naxes);
		m->e = g->node[x].attr.axes[0];
		m->q = g->node[x].in[0];
		m->k = g->node[x].in[1];
		m->r = nside == 2 ? side[1 - i] : NO_VAL;
		return true;
	}
	return false;
}

/* Which operand is q is decided by U; a constant factor on either side joins the scale. */
static bool
settle_sides(Match *m)
{
	const Graph *g = m->g;
	double       c;
	Val          x;

	if (type_find(&g->node[m->q].type, m->u.name) >= 0) {
		x = m->q;
		m->q = m->k;
		m->k = x;
	}
	for (int i = 0; i < 2; i++) {
		Val *side = i ? &m->k : &m->q;

		x = scaled(g, *side, &c);
		if (x != NO_VAL && used_once(m, *side) &&
		    type_same_axes(&g->node[x].type, &g->node[*side].type)) {
			m->scale *= c;
			*side = x;
		}
	}
	return true;
}

/* Has the device a kernel for so many queries, keys, and this width, and so many heads of all
 * samples? */
static bool
head_fits(Match *m, const Axis *t, const Axis *u, int64_t heads)
{
	const TargetInfo *target = &m->g->target;
	const Axis       *most = t->size > u->size ? t : u;
	double            stack;

	if (target->attend_tokens) {
		if (most->size > target->attend_tokens)
			return refuse(m,
			              "%s is %" PRId64
			              ", and this target's kernel takes at most %" PRId64 " tokens",
			              most->name, most->size, target->attend_tokens);
		if (m->e.size > target->attend_width)
			return refuse(m,
			              "heads are %" PRId64
			              " wide (%s), and this target's kernel takes at most %" PRId64,
			              m->e.size, m->e.name, target->attend_width);
		return true;
	}
	/* a processor keeps a head's keys, values and their gradients, and a block of scores, on a
	 * thread's stack, and how far each head is */
	stack = 20.0 * (double)(u->size + 32) * (double)(m->e.size + 16) +
	        800.0 * (double)(u->size + 32) + 4.0 * (double)heads;
	if (stack > ATTEND_STACK)
		return refuse(
			m,
			"a head of %" PRId64 " keys (%s) of width %" PRId64
			" (%s) takes %.1f MiB of a thread's stack, and this target's kernel has %d",
			u->size, u->name, m->e.size, m->e.name, stack / 1048576.0,
			ATTEND_STACK >> 20);
	return true;
}

/* The rules of attend's types, asked before building. */
static bool
axes_fit(Match *m)
{
	const Type *q = &m->g->node[m->q].type, *k = &m->g->node[m->k].type,
		   *v = &m->g->node[m->v].type;
	const Axis *t = lone_axis(q, k), *u = lone_axis(k, q);

	if (!t || !u || u->name != m->u.name)
		return refuse(m, "queries and keys differ in more axes than one of each");
	if (!type_same_axes(k, v))
		return refuse(m, "keys and values have different axes");
	if (q->dtype != k->dtype || v->dtype != k->dtype)
		return refuse(m, "queries, keys and values have different types");
	if (q->rank - 2 > ATTEND_OUTER)
		return refuse(
			m, "there are %d axes besides %s, %s and %s, and kernels take at most %d",
			q->rank - 2, t->name, u->name, m->e.name, ATTEND_OUTER);
	if (!head_fits(m, t, u, type_elems(q) / (t->size * m->e.size)))
		return false;
	if (m->r != NO_VAL) {
		const Type *r = &m->g->node[m->r].type;

		if (type_find(r, t->name) < 0 || type_find(r, u->name) < 0)
			return refuse(m, "what is added to the scores has not both %s and %s",
			              t->name, u->name);
	}
	if (m->uniform != NO_VAL) { /* the sample axis must be an outer one */
		const Type *sample = &m->g->node[m->g->node[m->uniform].in[0]].type;

		if (!m->whole_draw)
			return refuse(m, "dropout does not draw once for each score");
		if (sample->axis[0].name == t->name || sample->axis[0].name == u->name ||
		    type_find(q, sample->axis[0].name) < 0)
			return refuse(m, "dropout draws by %s, which is no axis of the heads",
			              sample->axis[0].name);
	}
	return true;
}

static bool
match(Match *m, const Node *n)
{
	const Graph *g = m->g;

	if (n->op != OP_contract || n->attr.naxes != 1)
		return false;
	m->u = n->attr.axes[0];
	for (int i = 0; i < 2; i++) {
		Val p = n->in[i], soft, dropped;

		m->v = n->in[1 - i];
		m->uniform = NO_VAL;
		m->rate = 0;
		dropped = match_dropout(m, p);
		soft = dropped == NO_VAL ? p : dropped;
		if (g->node[soft].op != OP_softmax || g->node[soft].attr.naxes != 1 ||
		    g->node[soft].attr.axes[0].name != m->u.name ||
		    !match_scores(m, g->node[soft].in[0]))
			continue;
		if (!used_once(m, p) || !used_once(m, soft))
			return refuse(m, "its probabilities are used elsewhere too");
		if (!used_once(m, g->node[soft].in[0]))
			return refuse(m, "its scores are used elsewhere too");
		return settle_sides(m) && axes_fit(m);
	}
	return false;
}

static Val
build_attend(Graph *g, const Match *m, const Node *n)
{
	Attr attr = {.naxes = 2, .axes = {m->e, m->u}, .scale = m->scale, .rate = m->rate};
	Val  in[8] = {m->q, m->k, m->v};
	Type type = n->type;
	int  nin = 3;

	if (m->r != NO_VAL)
		in[nin++] = m->r;
	if (m->uniform != NO_VAL) {
		const Node *draw = &g->node[m->uniform];

		attr.name = draw->attr.name;
		for (int i = 0; i < 3; i++)
			in[nin++] = draw->in[i];
		for (int i = 0; i < draw->attr.naxes; i++)
			attr.axes[attr.naxes++] = draw->attr.axes[i];
	}
	return build(g, OP_attend, in, nin, &attr, &type, n->loc);
}

Status
pass_attend(Graph *g)
{
	Arena *scratch = arena_new();
	int   *uses = graph_uses(g, scratch), n = g->n;

	for (Val v = 0; v < n; v++) {
		Node  node = g->node[v];
		Match m = {.g = g, .uses = uses};

		if (match(&m, &node))
			graph_replace(g, v, build_attend(g, &m, &node));
		else if (m.why)
			graph_remark(g, "attend: not fused", node.loc, m.why);
	}
	arena_free(scratch);
	graph_commit(g);
	return OK;
}
