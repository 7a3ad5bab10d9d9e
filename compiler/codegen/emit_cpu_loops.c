/* Along which loop a processor's vectors run. A row is summed over the axes that its reductions
 * name; where these lie far apart in memory (the tokens of a channel) and an outer loop's
 * neighbours lie side by side (the channels), that loop becomes the innermost one, a piece at a
 * time: what was one number for each row becomes an array of `lane`s, and every load reads whole
 * vectors. Changes nothing where the elements of a row are neighbours, which is nearly everywhere.
 */
#include "compiler/codegen/emit_cpu.h"

enum {
	LANES_LEAST = 16, /* a vector of AVX-512 */
	LANES_MOST = 128,
	PIECE_WANTED = 16 << 10, /* bytes of a piece's arrays: half of a first-level cache */
	PIECE_MOST = 128 << 10,  /* with the fewest lanes; more is left as it is */
};

/* Loads and stores whose neighbours along loop l are neighbours in memory. */
static int
contiguous(const Region *r, int l)
{
	int n = 0;

	for (int i = 0; i < r->nspace; i++)
		for (int k = 0; k < r->seen.n && r->group[i] == l && r->within[i] == 1; k++)
			n += r->seen.at[k].coef[i] == 1;
	return n;
}

/* The outer loop that most accesses run along, if more than run along the innermost one; or -1. */
static int
better_loop(const Region *r)
{
	int best = -1, most = r->nloop ? contiguous(r, r->nloop - 1) : 0;

	for (int l = 0; l < r->nloop; l++)
		if (!r->loop[l].inner && r->loop[l].size >= LANES_LEAST &&
		    contiguous(r, l) > most) {
			best = l;
			most = contiguous(r, l);
		}
	return best;
}

static void
move_innermost(Region *r, int l)
{
	Loop moved = r->loop[l];
	int  last = r->nloop - 1;

	for (int i = l; i < last; i++)
		r->loop[i] = r->loop[i + 1];
	moved.inner = true;
	moved.piece = 1;
	r->loop[last] = moved;
	r->nouter--;
	for (int i = 0; i < r->nspace; i++)
		r->group[i] = r->group[i] == l ? last : r->group[i] - (r->group[i] > l);
}

/* Bytes of the arrays of one lane. */
static int64_t
lane_bytes(const Emit *e)
{
	int64_t bytes = 0;

	for (int i = 0; i < e->r->n; i++)
		if (e->kept[i] || (is_reduce(node_at(e, i)) && !is_column(e, i)))
			bytes += 4 * mask_size(e->r, e->mask[i]);
	return bytes;
}

void
cpu_begin(Emit *e, Region *r)
{
	Region  before = *r;
	int     l = r->flat ? -1 : better_loop(r);
	int64_t bytes, piece = LANES_MOST;

	if (l >= 0)
		move_innermost(r, l);
	emit_begin(e, r);
	if (l < 0)
		return;
	bytes = lane_bytes(e);
	if (bytes * LANES_LEAST > PIECE_MOST) {
		*r = before;
		emit_begin(e, r);
		return;
	}
	while (piece > LANES_LEAST &&
	       (piece * bytes > PIECE_WANTED || piece > r->loop[r->nloop - 1].size))
		piece /= 2;
	r->loop[r->nloop - 1].piece = piece;
}

const Loop *
cpu_lanes(const Region *r)
{
	const Loop *last = r->nloop ? &r->loop[r->nloop - 1] : NULL;

	return last && last->piece ? last : NULL;
}

int64_t
cpu_pieces(const Region *r)
{
	const Loop *lanes = cpu_lanes(r);

	return lanes ? (lanes->size + lanes->piece - 1) / lanes->piece : 1;
}

/* Its outer loops, and where its piece begins, from the number of a row. */
void
cpu_decode_rows(const Region *r, Text *t)
{
	unsigned    outer = 0;
	const Loop *lanes = cpu_lanes(r);
	int64_t     pieces = cpu_pieces(r);

	for (int l = 0; l < r->nloop; l++)
		if (!r->loop[l].inner)
			outer |= 1u << l;
	decode_loops(r, t, outer, "int64_t",
	             pieces > 1 ? arena_printf(r->a, "row / %lld", (long long)pieces) : "row", 2);
	if (!lanes)
		return;
	text_printf(t, "\t\tconst int64_t first = row %% %lld * %lld;\n", (long long)pieces,
	            (long long)lanes->piece);
	if (lanes->size % lanes->piece)
		text_printf(
			t, "\t\tconst int64_t lanes = %lld - first < %lld ? %lld - first : %lld;\n",
			(long long)lanes->size, (long long)lanes->piece, (long long)lanes->size,
			(long long)lanes->piece);
}

const char *
cpu_length(const Region *r, int l)
{
	const Loop *x = &r->loop[l];

	if (r->flat)
		return "count";
	if (x->piece && x->size % x->piece)
		return "lanes";
	return arena_printf(r->a, "%lld", (long long)(x->piece ? x->piece : x->size));
}

void
cpu_for(const Region *r, int l, Text *t, int depth)
{
	const Loop *x = &r->loop[l];
	const char *var = x->piece ? "lane" : x->var;

	indent(t, depth);
	text_printf(t, "for (int64_t %s = 0; %s < %s; %s++) {\n", var, var, cpu_length(r, l), var);
	if (!x->piece)
		return;
	indent(t, depth + 1);
	text_printf(t, "const int64_t %s = first + lane;\n", x->var);
}
