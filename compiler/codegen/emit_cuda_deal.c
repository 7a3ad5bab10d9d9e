/* How the elements of a nest are dealt out to the lanes of a row, and the reads of neighbours:
 * several elements at once, where addresses allow it; early, where a later phase of the row needs
 * them too. */
#include "compiler/codegen/emit_cuda.h"

#include <string.h>

/* ---- how elements are dealt out ------------------------------------------------------------- */

Deal *
cuda_deal(Cuda *c, unsigned mask)
{
	const Region *r = c->e.r;
	Deal d = {.mask = mask, .last = -1, .size = mask_size(r, mask), .width = 1, .steps = 1};

	for (int i = 0; i < c->deal.n; i++)
		if (c->deal.at[i].mask == mask)
			return &c->deal.at[i];
	for (int l = 0; l < r->nloop; l++)
		if (mask >> l & 1)
			d.last = l;
	if (d.last >= 0) {
		int most = 4;

		for (int i = 0; i < r->n; i++) /* 16 bytes of the narrowest type */
			if (c->walk != PACKED ||
			    (r->g->node[r->node[i]].place.slab >= 0 &&
			     dtype_bytes[r->g->node[r->node[i]].type.dtype] < 4))
				most = 8;
		while (most > 1 && !r->flat && r->loop[d.last].size % most)
			most /= 2;
		d.width = most;
	}
	vec_push(r->a, &c->deal, d);
	return &c->deal.at[c->deal.n - 1];
}

const char *
cuda_register(const Cuda *c, const Deal *d, const char *name)
{
	return arena_printf(c->e.r->a, "%s%s%s", name, d->steps > 1 ? "[k]" : "",
	                    d->width > 1 ? "[j]" : "");
}

const char *
cuda_dimensions(const Cuda *c, const Deal *d)
{
	const char *k = d->steps > 1 ? arena_printf(c->e.r->a, "[%d]", d->steps) : "";

	return d->width > 1 ? arena_printf(c->e.r->a, "%s[%d]", k, d->width) : k;
}

/* The name of the first of the neighbours that a thread takes along the last loop. */
const char *
cuda_first_name(const Cuda *c, const Deal *d)
{
	const char *var = c->e.r->loop[d->last].var;

	return d->width > 1 ? arena_printf(c->e.r->a, "e%s", var + 1) : var;
}

const char *
cuda_first_index(const Cuda *c, const Deal *d)
{
	Region named = *c->e.r;

	named.loop[d->last].var = cuda_first_name(c, d);
	return index_text(&named, d->mask);
}

/* Lines of `from`, indented; those of the preprocessor are not. */
void
cuda_append_lines(Text *t, const Text *from, int depth)
{
	const char *p = from->n ? from->at : "";

	while (*p) {
		size_t n = strcspn(p, "\n");

		if (*p != '#')
			indent(t, depth);
		text_append(t, p, n);
		text_append(t, "\n", 1);
		p += n + 1;
	}
}

/* Does text mention this name as a whole word? */
bool
cuda_mentions(const Text *t, const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
	size_t            n = strlen(name);

	for (const char *p = t->n ? strstr(t->at, name) : NULL; p; p = strstr(p + 1, name))
		if ((p == t->at || !strchr(letters, p[-1])) &&
		    (p[n] == 0 || !strchr(letters, p[n])))
			return true;
	return false;
}

void
cuda_around(const Cuda *c, const Deal *d, const Text *inside, Text *t)
{
	const Region *r = c->e.r;
	const char   *at, *lane = c->lanes > 1 ? "lane" : "0";
	Region        named = *r;
	int           depth = c->depth;

	if (d->last < 0 || r->flat) {
		cuda_append_lines(t, inside, depth);
		return;
	}
	if (d->steps > 1) {
		text_printf(t, d->steps > 64 ? "#pragma unroll 4\n" : "#pragma unroll\n");
		indent(t, depth++);
		text_printf(t, "for (int k = 0; k < %d; k++) {\n", d->steps);
		lane = c->lanes > 1 ? arena_printf(r->a, "(%d * k + lane)", c->lanes) : "k";
	} else if (c->walk != PACKED && (d->whole || __builtin_popcount(d->mask) > 1)) {
		indent(t, depth++);
		text_printf(t, "{\n");
	}
	named.loop[d->last].var = cuda_first_name(c, d);
	at = d->width > 1 ? arena_printf(r->a, "%d * %s", d->width, lane) : lane;
	if (__builtin_popcount(d->mask) > 1) {
		indent(t, depth);
		text_printf(t, "const int at = %s;\n", at);
		at = "at";
	}
	if (!d->whole) {
		indent(t, depth++);
		text_printf(t, "if (%s < %lld) {\n", at, (long long)d->size);
	}
	if (__builtin_popcount(d->mask) > 1 || cuda_mentions(inside, named.loop[d->last].var))
		decode_loops(&named, t, d->mask, "int", at, depth);
	cuda_append_lines(t, inside, depth);
	while (depth > c->depth) {
		indent(t, --depth);
		text_printf(t, "}\n");
	}
}

/* ---- reads of neighbours -------------------------------------------------------------------- */

/* Are `width` elements from here on, along loop l, one aligned piece? */
bool
cuda_is_piece(const Region *r, const Pointer *p, const Coord *at, int l, int width)
{
	int     bytes = dtype_bytes[p->type.dtype];
	int64_t align = width * bytes < 16 ? width * bytes : 16;

	if (width * bytes % 4 && width > 1)
		return false;
	if (p->offset % align || at->c0 * bytes % align || at->unit * bytes % align)
		return false;
	for (int i = 0; i < r->nspace; i++) {
		if (r->group[i] == l && (at->touches >> i & 1))
			return false;
		if (r->within[i] != 1)
			continue;
		if (r->group[i] == l ? at->coef[i] != 1 : at->coef[i] * bytes % align != 0)
			return false;
	}
	return true;
}

/* Do neighbours lie along loop l, one element a step? */
static bool
runs_along(const Region *r, const Coord *at, int l)
{
	for (int i = 0; i < r->nspace; i++)
		if (r->group[i] == l && r->within[i] == 1)
			return at->coef[i] == 1;
	return false;
}

void
cuda_count_access(Cuda *c, const Coord *at)
{
	const Region *r = c->e.r;
	int           inner = -1, outer = -1;

	for (int l = 0; l < r->nloop; l++)
		*(r->loop[l].inner ? &inner : &outer) = l;
	c->inside += inner >= 0 && runs_along(r, at, inner);
	c->outside += outer >= 0 && runs_along(r, at, outer);
}

/* Text with the loop's variable standing for the first neighbour. */
const char *
cuda_first_text(const Cuda *c, const Deal *d, const Coord *at)
{
	Region named = *c->e.r;

	named.loop[d->last].var = cuda_first_name(c, d);
	return coord_text(&named, at);
}

static const char *
wide_name(Cuda *c, int i)
{
	const Wide *w = &c->wide.at[i];
	const Deal  one = {.steps = 1, .width = c->now->width};

	return cuda_register(c, w->early ? c->now : &one, arena_printf(c->e.r->a, "x%d", i));
}

void
cuda_emit_wide(Cuda *c, int i, Text *t, int depth)
{
	const Wide *w = &c->wide.at[i];
	const char *to =
		arena_printf(c->e.r->a, "x%d%s", i, w->early && c->now->steps > 1 ? "[k]" : "");

	if (!w->early) {
		indent(t, depth);
		text_printf(t, "%s %s%s%s;\n", c_type(w->dtype), to,
		            c->now->width > 1 ? arena_printf(c->e.r->a, "[%d]", c->now->width) : "",
		            w->guard ? c->now->width > 1 ? " = {}" : " = 0" : "");
	}
	indent(t, depth);
	if (w->guard) {
		text_printf(t, "if (%s)\n", w->guard);
		indent(t, depth + 1);
	}
	if (c->now->width == 1)
		text_printf(t, "%s = p%d[%s];\n", to, w->pointer, w->from);
	else if (c->e.r->flat)
		text_printf(t, "d2v_load_some(%s, p%d + %s, count - %s);\n", to, w->pointer,
		            w->from, cuda_first_name(c, c->now));
	else
		text_printf(t, "d2v_load(%s, p%d + %s);\n", to, w->pointer, w->from);
}

const char *
cuda_load(Region *r, int pointer, const Coord *at)
{
	Cuda       *c = r->on_load_arg;
	Deal       *d = c->now;
	const char *from;
	unsigned    loops = coord_loops(r, at), outer = 0;
	int         i;

	if (c->dry)
		cuda_count_access(c, at);
	if (!d || d->last < 0 || !(loops >> d->last & 1))
		return NULL;
	if ((r->guard_loops >> d->last & 1) ||
	    !cuda_is_piece(r, &r->pointer.at[pointer], at, d->last, d->width)) {
		d->plain++;
		return NULL;
	}
	for (int l = 0; l < r->nloop; l++)
		if (!r->loop[l].inner)
			outer |= 1u << l;
	from = cuda_first_text(c, d, at);
	for (i = 0; i < c->wide.n; i++) {
		const Wide *w = &c->wide.at[i];

		if (w->pointer == pointer && w->mask == d->mask && strcmp(w->from, from) == 0 &&
		    (w->guard ? r->guard && strcmp(w->guard, r->guard) == 0 : !r->guard))
			break;
	}
	if (i == c->wide.n) {
		Wide w = {.from = from,
		          .guard = r->guard,
		          .dtype = r->pointer.at[pointer].type.dtype,
		          .mask = d->mask,
		          .pointer = pointer,
		          .first = c->phase,
		          .by_row = loops & outer,
		          .stamp = -1};

		if (!c->dry)
			BUG("kernel %d reads p%d + %s only the second time", r->kernel, pointer,
			    from);
		vec_push(r->a, &c->wide, w);
	}
	c->wide.at[i].last = c->phase;
	d->wide++;
	if (d->width == 1 && !c->wide.at[i].early)
		return NULL;
	if (!c->wide.at[i].early && c->wide.at[i].stamp != c->stamp) {
		c->wide.at[i].stamp = c->stamp;
		cuda_emit_wide(c, i, &c->loads, 0);
	}
	return wide_name(c, i);
}
