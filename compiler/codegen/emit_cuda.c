/* A fused kernel as CUDA: the whole function around the nests, its launches, and the target itself.
 * Sums have one order that follows from shapes alone: the same inputs, the same bits. Uses no
 * atomics. */
#include "compiler/codegen/emit_cuda.h"

#include <string.h>

/* ---- writing it twice: to see what there is, then for good ---------------------------------- */

static void
walk_once(Cuda *c, bool dry, int numbers)
{
	Region *r = c->e.r;

	c->e.top.n = c->e.row.n = c->body.n = c->loads.n = c->members.n = c->ends.n = c->stores.n =
		c->arrays.n = 0;
	c->e.hoisted.n = 0;
	r->pointer.n = 0;
	r->number.n = numbers;
	c->dry = dry;
	c->room = 0;
	c->slots = c->meetings = c->stamp = c->inside = c->outside = 0;
	for (int i = 0; i < c->wide.n; i++)
		c->wide.at[i].stamp = -1;
	for (int i = 0; i < c->deal.n; i++)
		c->deal.at[i].wide = c->deal.at[i].plain = 0;
	cuda_nests(c);
}

/* Does a row have elements of 4 bytes along it? Then 4 of them fill an access of 16 bytes. */
static bool
reads_words(const Cuda *c, const Deal *d)
{
	for (int i = 0; i < c->wide.n; i++)
		if (c->wide.at[i].mask == d->mask && c->wide.at[i].by_row &&
		    dtype_bytes[c->wide.at[i].dtype] == 4)
			return true;
	for (int i = 0; i < c->e.r->n; i++) {
		const Node *n = node_at(&c->e, i);

		if (c->e.mask[i] == d->mask && !is_column(&c->e, i) && n->place.slab >= 0 &&
		    dtype_bytes[n->type.dtype] == 4)
			return true;
	}
	return false;
}

/* Narrower pieces where what was hoped for does not fit what is there; false when nothing changed.
 */
static bool
narrow(Cuda *c)
{
	bool changed = false;

	for (int i = 0; i < c->deal.n; i++) {
		Deal *d = &c->deal.at[i];

		if (d->width > 1 && (d->wide == 0 || (c->e.r->flat && d->plain > 0) ||
		                     (c->walk != PACKED && d->width > 4 && reads_words(c, d)))) {
			d->width /= 2;
			changed = true;
		}
	}
	return changed;
}

static void
write_nests(Cuda *c)
{
	int numbers = c->e.r->number.n;

	do {
		c->wide.n = 0;
		walk_once(c, true, numbers);
	} while (narrow(c));
	cuda_choose_geometry(c);
	walk_once(c, false, numbers);
}

/* ---- the whole function --------------------------------------------------------------------- */

static void
signature(const Cuda *c, bool scratch, Text *t)
{
	const Region *r = c->e.r;
	bool          first = true;

	/* how many blocks of a launch that adds up columns share a processor is known: so many
	 * registers they may have */
	if (c->walk == COLUMNS)
		text_printf(t, "extern \"C\" __global__ void __launch_bounds__(%d, %d)\n@N@(",
		            c->block, c->grid > 1 ? cuda_column_share(c->block) : 1);
	else
		text_printf(t, "extern \"C\" __global__ void __launch_bounds__(%d)\n@N@(",
		            c->block);
	for (int i = 0; i < r->pointer.n; i++) {
		const Pointer *p = &r->pointer.at[i];

		text_printf(t, "%s%s%s *__restrict__ p%d", first ? "" : ", ",
		            p->write ? "" : "const ", c_type(p->type.dtype), i);
		first = false;
	}
	if (scratch)
		text_printf(t, ", float *__restrict__ scratch");
	if (r->flat)
		text_printf(t, ", long long count");
	text_printf(t, "@NUMBERS@)\n{\n");
}

static void
decode_rows(const Cuda *c, Text *t, int tabs)
{
	unsigned outer = 0;

	for (int l = 0; l < c->e.r->nloop; l++)
		if (!c->e.r->loop[l].inner)
			outer |= 1u << l;
	decode_loops(c->e.r, t, outer, c->index, "row", tabs);
}

static void
open_packed(const Cuda *c, Text *t)
{
	const Region *r = c->e.r;
	const Deal   *d = cuda_largest(c);
	const char   *cast = strcmp(c->index, "int") ? "(int64_t)" : "";
	int64_t       threads = rows_of(r) * c->lanes;

	if (r->flat) {
		const char *at = d->width > 1 ? "e0" : "i0",
			   *times = d->width > 1 ? arena_printf(r->a, "%d * ", d->width) : "";

		text_printf(
			t,
			"\tconst int64_t %s = %s((int64_t)blockIdx.x * %d + threadIdx.x);\n\tif (%s >= count)\n\t\treturn;\n",
			at, times, c->block, at);
		return;
	}
	if (threads == 1) {
		text_printf(t, "\tif (threadIdx.x > 0)\n\t\treturn;\n");
		return;
	}
	text_printf(t, "\tconst %s thread = %s%s;\n", c->index,
	            c->grid > 1 ? arena_printf(r->a, "%sblockIdx.x * %d + ", cast, c->block) : "",
	            "threadIdx.x");
	if (threads != c->grid * c->block)
		text_printf(t, "\tif (thread >= %lld)\n\t\treturn;\n", (long long)threads);
	if (r->nouter || rows_of(r) > 1) {
		text_printf(t,
		            c->lanes > 1 ? "\tconst %s row = thread / %d;\n"
		                         : "\tconst %s row = thread;\n",
		            c->index, c->lanes);
		if (c->lanes > 1)
			text_printf(t, "\tconst int lane = thread %% %d;\n", c->lanes);
		decode_rows(c, t, 1);
	} else if (c->lanes > 1) {
		text_printf(t, "\tconst int lane = thread;\n");
	}
}

static void
open_rows(const Cuda *c, Text *t)
{
	const Region *r = c->e.r;
	int64_t       rows = rows_of(r);

	if (c->lanes > 1)
		text_printf(t,
		            c->teams > 1 ? "\tconst int lane = threadIdx.x %% %d;\n"
		                         : "\tconst int lane = threadIdx.x;\n",
		            c->lanes);
	if (c->depth == 2) {
		text_printf(t, "\tfor (%s row = blockIdx.x; row < %lld; row += %lld) {\n", c->index,
		            (long long)rows, (long long)c->grid);
	} else if (rows > 1) {
		text_printf(t, "\tconst %s row = %s", c->index,
		            strcmp(c->index, "int") ? "(int64_t)" : "");
		if (c->teams == 1)
			text_printf(t, "blockIdx.x;\n");
		else
			text_printf(t,
			            c->lanes > 1 ? "blockIdx.x * %d + threadIdx.x / %d;\n"
			                         : "blockIdx.x * %d + threadIdx.x;\n",
			            c->teams, c->lanes);
		if (rows % c->teams)
			text_printf(t, "\tif (row >= %lld)\n\t\treturn;\n", (long long)rows);
	} else if (c->teams > 1) {
		text_printf(t, "\tif (threadIdx.x >= %d)\n\t\treturn;\n", c->lanes);
	}
	if (rows > 1)
		decode_rows(c, t, c->depth);
}

static void
open_columns(const Cuda *c, Text *t)
{
	int64_t rows = rows_of(c->e.r);

	if (c->lanes > 1)
		text_printf(t,
		            c->teams > 1 ? "\tconst int lane = threadIdx.x %% %d;\n"
		                         : "\tconst int lane = threadIdx.x;\n",
		            c->lanes);
	if (c->grid > 1)
		text_printf(
			t,
			"\tconst %s first = %s%lld * blockIdx.x / %lld, end = %s%lld * (blockIdx.x + 1) / %lld;\n",
			c->index, strcmp(c->index, "int") ? "(int64_t)" : "", (long long)rows,
			(long long)c->grid, strcmp(c->index, "int") ? "(int64_t)" : "",
			(long long)rows, (long long)c->grid);
	else
		text_printf(t, "\tconst int first = 0, end = %lld;\n", (long long)rows);
	if (!cuda_reduces_rows(c) && !c->staged)
		text_printf(t, "#pragma unroll 4\n");
	if (c->teams == 1)
		text_printf(t, "\tfor (%s row = first; row < end; row++) {\n", c->index);
	else if (c->lanes == 1)
		text_printf(t,
		            "\tfor (%s row = first + (int)threadIdx.x; row < end; row += %d) {\n",
		            c->index, c->teams);
	else
		text_printf(
			t,
			"\tfor (%s row = first + (int)threadIdx.x / %d; row < end; row += %d) {\n",
			c->index, c->lanes, c->teams);
	decode_rows(c, t, 2);
}

static void
append(Text *t, const Text *from)
{
	text_append(t, from->n ? from->at : "", from->n);
}

static void
whole_function(Cuda *c, Builder *b, Source *s, Text *t)
{
	int64_t floats;
	Text    start = {0}, end = {0};

	if (c->walk == COLUMNS) { /* before the signature: both name pointers */
		cuda_column_start(c, &start);
		cuda_column_end(c, &end);
	}
	floats = c->walk == COLUMNS && c->grid > 1 ? cuda_up(c->grid * c->total, 16) : 0;
	signature(c, floats || c->far, t);
	if (c->slots)
		text_printf(t, "\tD2V_SHARED(float, part, %d);\n", c->slots * c->lanes / 32);
	if (c->room && c->far)
		text_printf(
			t,
			"\tunsigned char *const room = (unsigned char *)(scratch + %lld) + %lldll * blockIdx.x;\n",
			(long long)floats, (long long)c->room);
	else if (c->room)
		text_printf(t, "\tD2V_DYNAMIC_SHARED(room);\n");
	append(t, &c->arrays);
	append(t, &start);
	if (c->depth == 2)
		append(t, &c->e.top);
	if (c->walk == PACKED)
		open_packed(c, t);
	else if (c->walk == ROWS)
		open_rows(c, t);
	else
		open_columns(c, t);
	if (c->depth == 1)
		append(t, &c->e.top);
	append(t, &c->e.row);
	append(t, &c->body);
	if (c->depth == 2) {
		if (c->meetings == 1 || c->staged)
			text_printf(t, "\t\td2v_barrier();\n");
		text_printf(t, "\t}\n");
	}
	append(t, &end);
	text_printf(t, "}\n");
	text_free(&start);
	text_free(&end);
	s->shared = c->far ? 0 : c->room;
	if (c->far)
		floats += cuda_up(c->room * c->grid, 4) / 4;
	if (floats)
		vec_push(b->a, &c->e.r->pointer, scratch_pointer(b, 0, floats, true));
}

static const char *
about(const Cuda *c)
{
	Region     *r = c->e.r;
	const Deal *d = cuda_largest(c);
	Text        t = {0};
	const char *out;

	if (r->flat)
		text_printf(&t, " * Elementwise, %d a thread.\n", d->width);
	else if (c->walk == PACKED)
		text_printf(&t, " * Elementwise over %lld x %lld, %d a thread.\n",
		            (long long)rows_of(r), (long long)d->size, d->width);
	else
		text_printf(&t, " * %lld rows of %lld elements%s: %s a row%s.\n",
		            (long long)rows_of(r), (long long)d->size,
		            c->walk == COLUMNS ? ", sums of columns" : "",
		            c->lanes == 1    ? "a thread"
		            : c->lanes == 32 ? "a warp"
		                             : arena_printf(r->a, "%d threads", c->lanes),
		            c->walk != COLUMNS ? ""
		            : c->grid > 1
		                    ? arena_printf(r->a,
		                                   ", %lld blocks whose sums the next kernel adds",
		                                   (long long)c->grid)
		                    : ", one block");
	text_printf(&t, " * Shapes (where it is launched several times, those of the first):\n");
	for (int i = 0; i < r->pointer.n; i++) {
		const Pointer *p = &r->pointer.at[i];

		text_printf(&t, " *   p%d  ", i);
		type_print(&t, &p->type);
		text_printf(&t, "%s\n",
		            p->read && p->write ? "  read and written"
		            : p->write          ? "  written"
		                                : "");
	}
	out = arena_strdup(r->a, t.at);
	text_free(&t);
	return out;
}

static void
region_cuda(Builder *b, Region *r, Drafts *out)
{
	Cuda   c = {.e = {.element = cuda_element}};
	Source s = {.first_number = r->flat,
	            .kind = r->flat      ? "flat"
	                    : r->columns ? "columns"
	                    : r->nouter  ? "rows"
	                                 : "small"};
	Draft  d = {0};
	Text   t = {0};
	int    nouter = 0;

	c.walk = cuda_choose_loops(r);
	for (int l = 0; l < r->nloop; l++)
		nouter += !r->loop[l].inner;
	r->nouter = nouter;
	emit_begin(&c.e, r);
	c.depth = c.walk == COLUMNS ? 2 : 1;
	c.e.top_tabs = "\t";
	c.e.row_tabs = c.depth == 2 ? "\t\t" : "\t";
	r->on_load = cuda_load;
	r->on_load_arg = &c;
	write_nests(&c);
	if (c.far && c.walk == ROWS) { /* again: blocks loop over rows */
		c.depth = 2;
		c.e.row_tabs = "\t\t";
		walk_once(&c, false, r->flat);
	}
	s.about = about(&c);
	region_cost(r, &s.flops, &s.bytes);
	whole_function(&c, b, &s, &t);
	s.body = arena_strdup(b->a, t.at);
	s.nnumber = r->number.n;
	s.block = c.block;
	s.grid = c.grid;
	s.per_block = r->flat ? (int64_t)cuda_largest(&c)->width * c.block : 0;
	d.npointer = r->pointer.n;
	d.pointer = r->pointer.at;
	d.number = r->number.at;
	launch_add(b, &s, &d, out);
	if (c.walk == COLUMNS && c.grid > 1)
		cuda_finish(&c, b, out);
	text_free(&t);
	text_free(&c.body);
	text_free(&c.loads);
	text_free(&c.members);
	text_free(&c.ends);
	text_free(&c.stores);
	text_free(&c.arrays);
	emit_end(&c.e);
}

/* ---- the target ----------------------------------------------------------------------------- */

static void
declare_numbers(const Source *s, Text *t)
{
	for (int k = s->first_number; k < s->nnumber; k++)
		if (s->varies[k])
			text_printf(t, ", %s arg%d",
			            s->number[k].kind == ARG_f32   ? "float"
			            : s->number[k].kind == ARG_i64 ? "long long"
			                                           : "unsigned long long",
			            k);
}

static void
include_prelude(const char *hash, Text *t)
{
	text_printf(t, "#include \"prelude.cuh\" // %s\n\n", hash);
}

const TargetCode cuda_code = {
	.region = region_cuda,
	.attend = single_attend_cuda,
	.sum_squares = single_sum_squares_cuda,
	.scatter = single_scatter_cuda,
	.order = single_order_cuda,
	.declare = declare_numbers,
	.head = include_prelude,
	.infinity = "d2v_infinity()",
	.nan = "d2v_nan()",
	.sorts = true,
};
