/* shrink: a toy of a spec: the same text with the smallest sizes that still check, for what is too
 * slow at full size. Found by trying, as --set would: lets first (an averaged number of blocks, a
 * mask quota keep dims large), then dims, round after round until nothing gets smaller; lets that
 * made no difference get their own value back. Knows no name and no layer, and refuses an axis of
 * one element where there were more: it would hide mistakes. */
#include "dsl/dsl_private.h"

#include <math.h>
#include <string.h>

enum {
	MOST_TRIES = 1500, /* a spec that needs more stays as small as it got */
	MOST_ROUNDS = 6,
	MOST_SIZES = 128,
	MOST_CANDIDATES = 64,
};

typedef struct {
	const char     *path;
	const Override *set;
	int             nset, tries;
	int             nsize;
	Size            size[MOST_SIZES];
	int             naxis;
	/* of each dim, in the order in which they are found: more than one element as written */
	bool  *wide;
	double work; /* of the smallest found so far */
} Shrink;

/* Made of numbers alone: nothing else changes when it does. */
static bool
is_closed(const Expr *e)
{
	if (e->kind == EX_binary)
		return is_closed(e->l) && is_closed(e->r);
	return e->kind == EX_number && !e->unit;
}

static void
find_sizes(Shrink *s, const Cx *cx)
{
	for (const Global *g = cx->globals; g && s->nsize < MOST_SIZES; g = g->next) {
		double x = g->dim ? (double)g->dim->size : g->cached.num;
		bool   let =
			g->decl->kind == DECL_let && g->cached.kind == V_number && !g->cached.unit;

		if (g->forced || !g->value || !is_closed(g->value) ||
		    (g->dim ? g->dim->like_name != NULL : !let))
			continue;
		if (x > 1 && x < 1e12 && x == floor(x))
			s->size[s->nsize++] =
				(Size){g->decl->name, g->dim != NULL, (int64_t)x, (int64_t)x};
	}
	s->naxis = cx->dims.n;
}

/* About how many operations a step takes before any pass. */
static double
work_of(const Graph *g)
{
	double work = 0;

	for (Val v = 0; v < g->n; v++) {
		const Node *n = &g->node[v];
		double      most = (double)type_elems(&n->type);

		for (int i = 0; i < n->nin; i++)
			most = fmax(most, (double)type_elems(&g->node[n->in[i]].type));
		if (n->op == OP_contract) {
			most = (double)type_elems(&n->type);
			for (int i = 0; i < n->attr.naxes; i++)
				most *= (double)n->attr.axes[i].size;
		}
		/* a mask that promises less leaves less to do, though only to the passes */
		work += most + (n->op == OP_input ? n->attr.index : 0);
	}
	return work;
}

static Status
compile(Arena *a, const Shrink *s, Spec **out)
{
	Override *set = arena_new_array(a, Override, s->nset + s->nsize + 1);
	int       n = 0;

	for (; n < s->nset; n++)
		set[n] = s->set[n];
	for (int i = 0; i < s->nsize; i++)
		if (s->size[i].value != s->size[i].was)
			set[n++] = (Override){s->size[i].name,
			                      arena_printf(a, "%lld", (long long)s->size[i].value)};
	return dsl_compile(a, s->path, set, n, out);
}

/* Does it check as it is now, with every axis that was wide still wide? */
static bool
checks(Shrink *s, double *work)
{
	Arena *a = arena_new();
	Spec  *spec;
	bool   good;

	s->tries++;
	diag_mute();
	good = compile(a, s, &spec) == OK;
	diag_unmute();
	if (good) {
		const Cx *cx = spec->later->cx;

		for (int i = 0; i < cx->dims.n && i < s->naxis; i++)
			good = good && (cx->dims.at[i]->size > 1 || !s->wide[i]);
		*work = work_of(spec->train);
		text_free(&spec->summary);
	}
	arena_free(a);
	return good;
}

/* What to try for something that is `now`: three first, so that an axis has a middle; the smallest
 * before the larger. */
static int
candidates(int64_t now, int64_t out[MOST_CANDIDATES])
{
	int n = 0, halvings = 0;

	for (int64_t x = 3; x <= 64 && x < now; x += x < 10 ? 1 : x < 36 ? 2 : 4) {
		out[n++] = x;
		if (x == 3)
			out[n++] = 2;
	}
	if (now == 3)
		out[n++] = 2;
	while ((now >> halvings) % 2 == 0 && now >> (halvings + 1) > 64)
		halvings++;
	for (; halvings > 0 && n < MOST_CANDIDATES; halvings--)
		out[n++] = now >> halvings;
	return n;
}

/* Gives size i the first value that checks and takes no more work; `alike`: all of its kind that
 * equal it, too. */
static bool
shrink_one(Shrink *s, int i, bool alike)
{
	Size    before[MOST_SIZES];
	int64_t now = s->size[i].value, to[MOST_CANDIDATES];
	int     n = candidates(now, to);

	memcpy(before, s->size, sizeof before);
	for (int k = 0; k < n && s->tries < MOST_TRIES; k++) {
		double work = 0;
		int    changed = 0;

		for (int j = 0; j < s->nsize; j++)
			if (j == i || (alike && s->size[j].dim == s->size[i].dim &&
			               s->size[j].value == now)) {
				s->size[j].value = to[k];
				changed++;
			}
		if (changed == 1 && alike)
			return memcpy(s->size, before, sizeof before), false;
		if (checks(s, &work) && work <= s->work) {
			s->work = work;
			return true;
		}
		memcpy(s->size, before, sizeof before);
	}
	return false;
}

/* A let that is as good at its own value gets it back. */
static void
restore_lets(Shrink *s)
{
	for (int i = 0; i < s->nsize; i++) {
		int64_t now = s->size[i].value;
		double  work = 0;

		if (s->size[i].dim || now == s->size[i].was)
			continue;
		s->size[i].value = s->size[i].was;
		if (!checks(s, &work) || work > s->work)
			s->size[i].value = now;
	}
}

static void
search(Shrink *s)
{
	enum { FLOOR_DIM = 3, FLOOR_LET = 2 };
	bool changed = true;

	for (int round = 0; changed && round < MOST_ROUNDS; round++) {
		changed = false;
		for (int alike = 0; alike < 2; alike++)
			for (int dims = 0; dims < 2; dims++)
				for (int i = 0; i < s->nsize; i++)
					if (s->size[i].dim == dims &&
					    s->size[i].value > (dims ? FLOOR_DIM : FLOOR_LET))
						changed = shrink_one(s, i, alike) || changed;
	}
	restore_lets(s);
}

Status
dsl_shrink(Arena *a, const char *path, const Override *set, int nset, Shrunk *out)
{
	Arena    *first = arena_new();
	Shrink   *s = arena_new_one(a, Shrink);
	Spec     *spec;
	const Cx *cx;
	Status    status;

	*s = (Shrink){.path = path, .set = set, .nset = nset};
	if (dsl_compile(first, path, set, nset, &spec) != OK) {
		arena_free(first);
		return FAIL;
	}
	cx = spec->later->cx;
	find_sizes(s, cx);
	s->wide = arena_new_array(a, bool, s->naxis + 1);
	for (int i = 0; i < s->naxis; i++)
		s->wide[i] = cx->dims.at[i]->size > 1;
	s->work = work_of(spec->train);
	text_free(&spec->summary);
	arena_free(first);
	search(s);
	diag_mute(); /* claims about the full size, and about it alone */
	status = compile(a, s, &out->spec);
	diag_unmute();
	if (status != OK)
		BUG("a spec that checked when it was tried does not check any more");
	out->size = s->size;
	out->nsize = s->nsize;
	out->tries = s->tries;
	out->work = s->work;
	return OK;
}
