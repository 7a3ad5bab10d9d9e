/* Who walks the rows of a fused kernel, how many threads share one, how many blocks there are.
 * Decided from shapes and from what the kernel keeps in registers; cuda_tuning has the numbers. */
#include "compiler/codegen/emit_cuda.h"

CudaTuning cuda_tuning = {
	.block = 256,
	.row_warps = 4,
	.live_most = 64,
	.column_most = 8,
	.shared_most = 96 << 10,
	.far_grid = 264,
	.column_threads = 132 * CUDA_SHARE,
	.column_rows = 4,
	.one_block = 16384,
	.row_blocks = 132 * 8,
};

/* ---- what the region is like ---------------------------------------------------------------- */

static bool
has_reductions(const Region *r)
{
	for (int i = 0; i < r->n; i++)
		if (is_reduce(&r->g->node[r->node[i]]))
			return true;
	return false;
}

static bool
node_has_loop(const Region *r, const Node *n, int l)
{
	for (int i = 0; i < r->nspace; i++)
		if (r->group[i] == l && type_find(&n->type, r->space[i].name) >= 0)
			return true;
	return false;
}

/* A loop that every result has need not be inside; without reductions all but the last are outside,
 * if every value has all. */
Walk
cuda_choose_loops(Region *r)
{
	bool every = true;

	for (int l = 0; l < r->nloop && !r->columns; l++) {
		bool all = true;

		for (int i = 0; i < r->n; i++)
			all = all && node_has_loop(r, &r->g->node[r->node[i]], l);
		every = every && all;
		if (all)
			r->loop[l].inner = false;
	}
	if (!has_reductions(r) && every) {
		if (r->nloop)
			r->loop[r->nloop - 1].inner = true;
		return PACKED;
	}
	return r->columns ? COLUMNS : ROWS;
}

/* ---- how it is dealt out -------------------------------------------------------------------- */

const Deal *
cuda_largest(const Cuda *c)
{
	const Deal *best = NULL;

	for (int i = 0; i < c->deal.n; i++)
		if (!best || c->deal.at[i].size > best->size)
			best = &c->deal.at[i];
	return best;
}

/* Register arrays of a thread with an element for each of its elements of a row. */
static int
live_arrays(const Cuda *c)
{
	int n = 0;

	for (int i = 0; i < c->wide.n; i++)
		n += c->wide.at[i].early;
	for (int i = 0; i < c->e.r->n; i++)
		n += (c->e.kept[i] && c->e.mask[i] && !is_reduce(node_at(&c->e, i))) ||
		     (is_column(&c->e, i) && c->e.mask[i]);
	return n;
}

bool
cuda_reduces_rows(const Cuda *c)
{
	for (int i = 0; i < c->e.r->n; i++)
		if (is_reduce(node_at(&c->e, i)) && !is_column(&c->e, i) && c->e.nest[i])
			return true;
	return false;
}

int64_t
cuda_up(int64_t n, int64_t by)
{
	return (n + by - 1) / by * by;
}

/* Warps that share a row so that its values fit the registers. */
static int
warps_for(int64_t slots, int width, int live, int most)
{
	int n = 1;

	for (; n < 32; n++) {
		int64_t own = width * (cuda_up(slots, 32 * n) / (32 * n));

		if (own * (live ? live : 1) <= cuda_tuning.live_most && own <= most)
			break;
	}
	return n;
}

static void
geometry_rows(Cuda *c)
{
	const Deal *d = cuda_largest(c);
	int64_t     slots = d->size / d->width + (d->size % d->width > 0);
	int         live = live_arrays(c);

	if (!c->staged && (c->outside > c->inside || d->size <= 8) &&
	    (live == 0 || d->size * live <= cuda_tuning.live_most)) {
		c->lanes = 1;
		c->teams = cuda_tuning.block;
	} else if (c->staged) {
		c->lanes = (int)cuda_up(slots < cuda_tuning.block ? slots : cuda_tuning.block, 32);
		while (c->lanes < 1024 && cuda_up(slots, c->lanes) / c->lanes * d->width * live >
		                                  cuda_tuning.live_most)
			c->lanes += 32;
		c->teams = 1;
	} else {
		int warps =
			warps_for(slots, d->width, live, live ? cuda_tuning.live_most : 1 << 30);

		/* a few long rows: more warps for each */
		while (warps < 32 && rows_of(c->e.r) * warps < cuda_tuning.row_blocks &&
		       slots > 32 * warps)
			warps *= 2;
		c->lanes = 32 * (warps < 32 ? warps : 32);
		c->teams = warps == 1 ? cuda_tuning.row_warps : 1;
	}
	c->block = c->lanes * c->teams;
	c->grid = cuda_up(rows_of(c->e.r), c->teams) / c->teams;
}

int
cuda_column_share(int block)
{
	return (CUDA_SHARE + block - 1) / block;
}

static void
geometry_columns(Cuda *c)
{
	const Deal *d = cuda_largest(c);
	int64_t     slots = d->size / d->width, rows = rows_of(c->e.r);
	int         live = live_arrays(c);

	if (c->staged) {
		c->lanes = (int)cuda_up(slots < cuda_tuning.block ? slots : cuda_tuning.block, 32);
		while (c->lanes < 1024 && cuda_up(slots, c->lanes) / c->lanes * d->width * live >
		                                  cuda_tuning.live_most)
			c->lanes += 32;
		c->teams = 1;
	} else if (slots <= 32 && !cuda_reduces_rows(c)) {
		for (c->lanes = 1; c->lanes < slots;)
			c->lanes *= 2;
		c->teams = cuda_tuning.block / c->lanes;
	} else {
		c->lanes = 32 * warps_for(slots, d->width, live, cuda_tuning.column_most);
		c->teams = c->lanes == 32 ? cuda_tuning.block / 32 : 1;
	}
	c->block = c->lanes * c->teams;
	/* as many on each processor: one more block on some would take as long as one more on all
	 */
	c->grid = cuda_tuning.column_threads / CUDA_SHARE * cuda_column_share(c->block);
	if (c->grid > rows / (c->teams * cuda_tuning.column_rows))
		c->grid = rows / (c->teams * cuda_tuning.column_rows);
	if (c->grid < 1 || rows * d->size <= cuda_tuning.one_block)
		c->grid = 1;
}

static void
geometry_packed(Cuda *c)
{
	const Region *r = c->e.r;
	const Deal   *d = cuda_largest(c);
	int64_t       threads;

	c->lanes = (int)(d->size / d->width);
	threads = rows_of(r) * c->lanes;
	c->teams = 1;
	c->block = r->flat || threads >= cuda_tuning.block ? cuda_tuning.block
	                                                   : (int)cuda_up(threads, 32);
	c->grid = r->flat ? 0 : cuda_up(threads, c->block) / c->block;
}

void
cuda_choose_geometry(Cuda *c)
{
	Region *r = c->e.r;
	int64_t most = r->farthest;

	for (int i = 0; i < c->wide.n; i++)
		c->wide.at[i].early =
			c->walk != PACKED && c->wide.at[i].last > 0 && c->wide.at[i].by_row;
	if (c->walk == PACKED)
		geometry_packed(c);
	else if (c->walk == ROWS)
		geometry_rows(c);
	else
		geometry_columns(c);
	c->far = c->room > cuda_tuning.shared_most;
	if (c->far && c->walk == ROWS && c->grid > cuda_tuning.far_grid)
		c->grid = cuda_tuning.far_grid;
	for (int i = 0; i < c->deal.n; i++) {
		Deal   *d = &c->deal.at[i];
		int64_t turn = (int64_t)d->width * c->lanes;

		d->steps =
			c->walk == PACKED || d->last < 0 ? 1 : (int)(cuda_up(d->size, turn) / turn);
		d->whole = c->walk == PACKED || d->last < 0 || d->size % turn == 0;
	}
	for (int i = 0; i < r->n; i++) {
		int64_t elems = type_elems(&node_at(&c->e, i)->type);

		most = node_at(&c->e, i)->op == OP_uniform && elems > most ? elems : most;
	}
	if (c->grid * c->block > most)
		most = c->grid * c->block;
	if (c->walk == COLUMNS && rows_of(r) * (c->grid + 1) > most)
		most = rows_of(r) * (c->grid + 1);
	c->index = most < INT32_MAX - 65536 ? "int" : "int64_t";
}
