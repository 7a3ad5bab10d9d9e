/* check_as: the views that the language writes as `as`, `at` and `concat`: which are allowed, and
 * the split, merge, rename, slice and concat nodes that they are. */
#include "dsl/dsl_private.h"
#include <string.h>

enum { MAX_PIECES = 2 * MAX_RANK };
typedef struct {
	Dim        *dim;  /* irreducible */
	const char *axis; /* name of the graph axis that holds it now, once the sources are split */
	int         owner;
	bool        used;
} Piece;

/* An axis as a product of axes that are no product themselves. */
static int
expand(Dim *d, int owner, Piece *out, int n)
{
	while (d->like)
		d = d->like;
	if (d->nfactor == 0) {
		if (n < MAX_PIECES)
			out[n++] = (Piece){.dim = d, .owner = owner};
		return n;
	}
	for (int i = 0; i < d->nfactor; i++)
		n = expand(d->factor[i], owner, out, n);
	return n;
}

static const char *
pieces_text(Arena *a, const Piece *p, int n)
{
	Text t = {0};
	for (int i = 0; i < n; i++)
		text_printf(&t, "%s%s", p[i].dim->axis, i + 1 < n ? " * " : "");
	const char *s = arena_strdup(a, t.at ? t.at : "nothing");
	text_free(&t);
	return s;
}

static Value
as_differ(Cx *cx, const Expr *e, const Axes *from, const Axes *to, const Piece *p, int np,
          const Piece *q, int nq)
{
	diag_error(e->mark, "as-differs",
	           "`as` turns %s into %s, but they are not made of the same axes",
	           dims_text(cx->arena, from), dims_text(cx->arena, to));
	if (np)
		diag_note(e->l->loc, "only on this side: %s", pieces_text(cx->arena, p, np));
	if (nq)
		diag_note(e->shape->loc, "only on this side: %s", pieces_text(cx->arena, q, nq));
	diag_hint("`as` renames, splits and merges; it never adds, drops or selects elements");
	return value_error();
}

/* Split what must be split, rename, merge: the pieces of the sources are dealt to the targets. */
static Val
as_build(Cx *cx, Val v, const Axes *src, const Axes *dst, Piece *p, int np, Piece *q, int nq,
         Loc loc)
{
	Graph *g = cx->g;
	for (int s = 0; s < src->n; s++) {
		Axis part[MAX_PIECES];
		int  n = 0;
		for (int i = 0; i < np; i++) {
			if (p[i].owner != s)
				continue;
			/* the piece takes the name of its target when it is all of it, else its own
			 * when free */
			const char *name = p[i].dim->axis;
			int         alone = 0, t = -1;
			for (int k = 0; k < nq; k++)
				if (q[k].dim == p[i].dim)
					t = q[k].owner;
			for (int k = 0; k < nq; k++)
				alone += q[k].owner == t;
			if (alone == 1)
				name = dst->at[t]->axis;
			else if (type_find(&g->node[v].type, name) >= 0 && name != src->at[s]->axis)
				name = intern_printf("%s_of_%s", name, src->at[s]->axis);
			p[i].axis = name;
			part[n++] = (Axis){name, p[i].dim->size};
		}
		Axis from = dim_axis(src->at[s]);
		if (n > 1)
			v = build_split(g, v, from, part, n, loc);
		else if (part[0].name != from.name && type_find(&g->node[v].type, part[0].name) < 0)
			v = build_rename(g, v, from, part[0], loc);
		else
			for (int i = 0; i < np; i++)
				if (p[i].owner == s)
					p[i].axis = from.name;
	}
	for (int t = 0; t < dst->n; t++) {
		Axis part[MAX_PIECES];
		int  n = 0;
		for (int k = 0; k < nq; k++)
			for (int i = 0; i < np && q[k].owner == t; i++)
				if (p[i].dim == q[k].dim)
					part[n++] = (Axis){p[i].axis, p[i].dim->size};
		if (n > 1)
			v = build_merge(g, v, part, n, dim_axis(dst->at[t]), loc);
		else if (part[0].name != dst->at[t]->axis)
			v = build_rename(g, v, part[0], dim_axis(dst->at[t]), loc);
	}
	return v;
}

static Value
as_table(Frame *f, const Expr *e, Value v)
{
	Axes    want;
	int     rank = 0;
	int64_t size[MAX_RANK], limit, args[4];
	for (int i = 0; i < v.n; i++)
		args[i] = (int64_t)v.item[i].num;
	if (scope_axes(f, e->shape->axes, "shape", &want) != OK)
		return value_error();
	if (table_type(v.text, args, v.n, &rank, size, &limit) != OK)
		REFUSE(v.loc, "table-arguments", "there is no table `%s` with these arguments",
		       v.text);
	if (rank != want.n)
		REFUSE(e->shape->loc, "as-differs", "the table `%s` has %d axes, and %s has %d",
		       v.text, rank, dims_text(f->cx->arena, &want), want.n);
	for (int i = 0; i < rank; i++) {
		if (size[i] == want.at[i]->size)
			continue;
		diag_error(e->shape->loc, "as-differs",
		           "axis %d of the table `%s` has %lld elements, and axis %s has %lld",
		           i + 1, v.text, (long long)size[i], want.at[i]->axis,
		           (long long)want.at[i]->size);
		note_dim(f->cx, want.at[i]);
		return value_error();
	}
	Type type = dims_type(&want, DT_i32);
	Attr attr = {.name = v.text, .nargs = v.n};
	memcpy(attr.args, args, sizeof attr.args);
	return value_tensor(build(f->cx->g, OP_table, NULL, 0, &attr, &type, e->loc), e->loc);
}

Value
check_as(Frame *f, const Expr *e, Value v)
{
	Cx   *cx = f->cx;
	Axes  have, want, src = {0}, dst = {0};
	Piece p[MAX_PIECES], q[MAX_PIECES];
	int   np = 0, nq = 0;
	if (v.kind == V_table)
		return as_table(f, e, v);
	if (scope_axes(f, e->shape->axes, "shape", &want) != OK)
		return value_error();
	Val t = lower_tensor(f, v, e->l->loc);
	if (t == NO_VAL)
		return value_error();
	have = dims_of(cx, t);
	for (int i = 0; i < have.n; i++)
		if (!dims_has(&want, have.at[i]))
			dims_add(&src, have.at[i]);
	for (int i = 0; i < want.n; i++)
		if (!dims_has(&have, want.at[i]))
			dims_add(&dst, want.at[i]);
	for (int i = 0; i < src.n; i++)
		np = expand(src.at[i], i, p, np);
	for (int i = 0; i < dst.n; i++)
		nq = expand(dst.at[i], i, q, nq);
	for (int i = 0; i < np; i++)
		for (int k = 0; k < nq; k++)
			if (p[i].dim == q[k].dim && !q[k].used && !p[i].used)
				p[i].used = q[k].used = true;
	int left = 0, right = 0;
	for (int i = 0; i < np; i++)
		if (!p[i].used)
			p[left++] = p[i];
	for (int k = 0; k < nq; k++)
		if (!q[k].used)
			q[right++] = q[k];
	if (left || right)
		return as_differ(cx, e, &have, &want, p, left, q, right);
	for (int i = 0; i < np; i++)
		for (int k = 0; k < i; k++)
			if (p[i].dim == p[k].dim)
				REFUSE(e->mark, "as-ambiguous",
				       "`as` turns %s into %s, and %s occurs twice on each side: "
				       "which is which cannot be told",
				       dims_text(cx->arena, &have), dims_text(cx->arena, &want),
				       p[i].dim->axis);
	return value_tensor(as_build(cx, t, &src, &dst, p, np, q, nq, e->loc), e->loc);
}

/* ---- at, concat ----------------------------------------------------------------------------- */

/* The sum that d is: U like T has the parts of T. */
static const Dim *
parts_of(const Dim *d)
{
	while (d->like)
		d = d->like;
	return d;
}

Value
check_at(Frame *f, const Expr *e, Value v)
{
	Cx  *cx = f->cx;
	Dim *part = scope_dim(f, e->name, e->mark), *whole = NULL;
	if (!part)
		return value_error();
	if (v.kind == V_list) {
		Value out = v;
		out.item = arena_new_array(cx->arena, Value, v.n);
		for (int i = 0; i < v.n; i++) {
			out.item[i] = check_at(f, e, v.item[i]);
			if (out.item[i].kind == V_error)
				return value_error();
		}
		out.hi = 0;
		return out;
	}
	Val t = lower_tensor(f, v, e->l->loc);
	if (t == NO_VAL)
		return value_error();
	Axes    have = dims_of(cx, t);
	int64_t offset = 0;
	for (int i = 0; i < have.n; i++) {
		const Dim *s = parts_of(have.at[i]);
		int64_t    o = 0;
		for (int k = 0; k < s->npart; o += s->part[k].size, k++) {
			if (s->part[k].dim != part)
				continue;
			if (whole)
				REFUSE(e->mark, "at-ambiguous", "%s is a part of both %s and %s",
				       part->axis, whole->axis, have.at[i]->axis);
			whole = have.at[i];
			offset = o;
		}
	}
	if (!whole) {
		diag_error(e->mark, "at-nothing", "no axis of %s has the part %s",
		           dims_text(cx->arena, &have), part->axis);
		for (int i = 0; i < have.n; i++)
			if (parts_of(have.at[i])->npart)
				note_dim(cx, have.at[i]);
		diag_hint("`at` selects a part of an axis declared as a sum, such as `dim T = 1 + "
		          "N`");
		return value_error();
	}
	if (dims_has(&have, part))
		REFUSE(e->mark, "axis-twice", "%s already has the axis %s",
		       dims_text(cx->arena, &have), part->axis);
	return value_tensor(build_slice(cx->g, t, dim_axis(whole), offset, dim_axis(part), e->loc),
	                    e->loc);
}

/* The axes in the order of the largest operand, its part in the place of the whole. */
static Val
concat_ordered(Cx *cx, const Val *in, const Axis *part, int n, Dim *whole, Loc loc)
{
	int  most = 0;
	Axes order = {0};
	Attr attr = {.axis = dim_axis(whole), .naxes = n};
	for (int i = 0; i < n; i++)
		attr.axes[i] = part[i];
	for (int i = 0; i < n; i++)
		if (cx->g->node[in[i]].type.rank > cx->g->node[in[most]].type.rank)
			most = i;
	for (int i = -1; i < n; i++) {
		int  from = i < 0 ? most : i;
		Axes x = dims_of(cx, in[from]);
		for (int k = 0; k < x.n; k++)
			dims_add(&order, x.at[k]->axis == part[from].name ? whole : x.at[k]);
	}
	dims_add(&order, whole);
	Type type = dims_type(&order, DT_f32);
	return build(cx->g, OP_concat, in, n, &attr, &type, loc);
}

Value
check_concat(Frame *f, Loc loc, const Name *along, const Value *v, const Loc *locs, int n)
{
	Cx   *cx = f->cx;
	Dim  *whole = scope_dim(f, along->text, along->loc);
	Val   in[MAX_RANK];
	Axis  part[MAX_RANK];
	Dtype dtype = DT_f32;
	if (!whole)
		return value_error();
	const Dim *s = parts_of(whole);
	if (s->npart == 0) {
		diag_error(
			along->loc, "not-a-sum",
			"%s is not declared as a sum, so nothing can be put side by side along it",
			whole->axis);
		note_dim(cx, whole);
		return value_error();
	}
	if (n != s->npart) {
		diag_error(loc, "concat-parts", "`concat` has %d operands, and %s has %d parts", n,
		           whole->axis, s->npart);
		note_dim(cx, whole);
		return value_error();
	}
	for (int i = 0; i < n; i++) {
		in[i] = lower_tensor(f, v[i], locs[i]);
		if (in[i] == NO_VAL)
			return value_error();
		Axes       x = dims_of(cx, in[i]);
		const Dim *d = s->part[i].dim;
		if (d ? !dims_has(&x, d) : s->part[i].size != 1) {
			diag_error(locs[i], "concat-parts",
			           d ? "part %d of %s is %s, and this is %s"
			             : "part %d of %s is %s elements without a name; only 1 can be "
			               "filled (this is %s)",
			           i + 1, whole->axis, d ? d->axis : "several",
			           dims_text(cx->arena, &x));
			note_dim(cx, whole);
			return value_error();
		}
		if (dims_has(&x, whole))
			REFUSE(locs[i], "axis-twice", "%s already has the axis %s",
			       dims_text(cx->arena, &x), whole->axis);
		part[i] = d ? dim_axis(d) : (Axis){0};
		if (cx->g->node[in[i]].type.dtype != DT_bool)
			continue;
		dtype = DT_bool;
	}
	for (int i = 0; i < n; i++)
		if (dtype == DT_bool)
			in[i] = build_cast(cx->g, in[i], DT_f32, locs[i]);
	return value_tensor(concat_ordered(cx, in, part, n, whole, loc), loc);
}
