/* parse_attr: what stands between the operands of an op and its type; OPS.md section 9 lists the
 * forms. Checks only what it needs to go on: infer has the rules. */
#include "compiler/ir/parse_private.h"

/* The axis of that name among the operands, for text that does not repeat sizes. */
static Status
read_known(Parse *p, const Node *n, Axis *out)
{
	Loc loc = parse_loc(p);
	int i, at;

	TRY(parse_read_name(p, "an axis", &out->name));
	for (i = 0; i < n->nin; i++) {
		at = type_find(&p->g->node[n->in[i]].type, out->name);
		if (at >= 0) {
			out->size = p->g->node[n->in[i]].type.axis[at].size;
			return OK;
		}
	}
	return diag_error(loc, "ir-axis", "no operand of %s has an axis %s", op_info[n->op].name,
	                  out->name);
}

typedef enum { AXES_known, AXES_sized } AxesForm;

static Status
read_axes(Parse *p, Node *n, AxesForm form)
{
	Attr *a = &n->attr;

	do {
		if (a->naxes == MAX_RANK)
			return diag_error(parse_loc(p), "ir-axis", "at most %d axes can be listed",
			                  MAX_RANK);
		TRY(form == AXES_sized ? parse_read_axis(p, &a->axes[a->naxes])
		                       : read_known(p, n, &a->axes[a->naxes]));
		a->naxes++;
	} while (parse_accept_punct(p, ','));
	return OK;
}

static Status
read_over(Parse *p, Node *n)
{
	return parse_accept_word(p, "over") ? read_axes(p, n, AXES_known) : OK;
}

static Status
read_table(Parse *p, Attr *a)
{
	TRY(parse_read_name(p, "the name of a table", &a->name));
	TRY(parse_expect_punct(p, '('));
	do {
		if (a->nargs == COUNT(a->args))
			return diag_error(parse_loc(p), "ir-number",
			                  "a table has at most %d arguments", COUNT(a->args));
		TRY(parse_read_int(p, "an argument", -max_size, max_size, &a->args[a->nargs++]));
	} while (parse_accept_punct(p, ','));
	return parse_expect_punct(p, ')');
}

/* slice: `, T at 1 as N:196`, `, T at 0`;  pad: `, N at 1 as T:197`, `, at 0 as T:197` */
static Status
read_cut(Parse *p, Node *n)
{
	Attr *a = &n->attr;
	Axis  first = {0};

	TRY(parse_expect_punct(p, ','));
	if (n->op == OP_slice || !parse_is_word(p, "at"))
		TRY(read_known(p, n, &first));
	TRY(parse_expect_word(p, "at"));
	TRY(parse_read_int(p, "the offset", 0, max_size, &a->offset));
	if (n->op == OP_slice) {
		a->axis = first;
		if (!parse_accept_word(p, "as"))
			return OK;
		a->naxes = 1;
		return parse_read_axis(p, &a->axes[0]);
	}
	a->naxes = first.name ? 1 : 0;
	a->axes[0] = first;
	TRY(parse_expect_word(p, "as"));
	return parse_read_axis(p, &a->axis);
}

/* `, N at 1 as S:8`, `, N at 1 as T:17 of S:8` */
static Status
read_order(Parse *p, Node *n)
{
	Attr *a = &n->attr;

	TRY(parse_expect_punct(p, ','));
	TRY(read_known(p, n, &a->axis));
	TRY(parse_expect_word(p, "at"));
	TRY(parse_read_int(p, "the offset", 0, max_size, &a->offset));
	TRY(parse_expect_word(p, "as"));
	TRY(parse_read_axis(p, &a->axes[0]));
	a->naxes = 1;
	if (n->op == OP_places)
		return OK;
	TRY(parse_expect_word(p, "of"));
	a->naxes = 2;
	return parse_read_axis(p, &a->axes[1]);
}

/* `"m"`, `"m" at_most 8 over N:16` */
static Status
read_input(Parse *p, Attr *a)
{
	int64_t most;

	TRY(parse_read_string(p, "a name in quotes", &a->name));
	if (!parse_accept_word(p, "at_most"))
		return OK;
	TRY(parse_read_int(p, "how many are true", 1, INT32_MAX, &most));
	a->index = (int)most;
	TRY(parse_expect_word(p, "over"));
	return parse_read_axis(p, &a->axis);
}

static Status
read_concat(Parse *p, Node *n)
{
	Attr *a = &n->attr;

	TRY(parse_expect_word(p, "of"));
	do {
		if (a->naxes == MAX_RANK || a->naxes == n->nin)
			return diag_error(parse_loc(p), "ir-axis",
			                  "more parts than operands (at most %d)", MAX_RANK);
		if (!parse_accept_punct(p, '-')) {
			const Type *t = &p->g->node[n->in[a->naxes]].type;
			Axis       *axis = &a->axes[a->naxes];
			Loc         loc = parse_loc(p);
			TRY(parse_read_name(p, "an axis or -", &axis->name));
			if (type_find(t, axis->name) < 0)
				return diag_error(loc, "ir-axis",
				                  "operand %d of concat has no axis %s", a->naxes,
				                  axis->name);
			axis->size = t->axis[type_find(t, axis->name)].size;
		}
		a->naxes++;
	} while (parse_accept_punct(p, ','));
	TRY(parse_expect_word(p, "along"));
	return parse_read_axis(p, &a->axis);
}

static Status
read_attend(Parse *p, Node *n)
{
	Attr *a = &n->attr;

	TRY(read_over(p, n));
	TRY(parse_expect_word(p, "scale"));
	TRY(parse_read_real(p, "a number", &a->scale));
	if (!parse_accept_word(p, "rate"))
		return OK;
	TRY(parse_read_real(p, "a number", &a->rate));
	TRY(parse_expect_word(p, "site"));
	return parse_read_string(p, "the site in quotes", &a->name);
}

/* Axes of a draw are those of its type, which comes later in the text: sizes are filled in then. */
static Status
read_uniform(Parse *p, Attr *a)
{
	TRY(parse_expect_word(p, "site"));
	TRY(parse_read_string(p, "the site in quotes", &a->name));
	if (!parse_accept_word(p, "over"))
		return OK;
	do {
		if (a->naxes == MAX_RANK)
			return diag_error(parse_loc(p), "ir-axis", "at most %d axes can be listed",
			                  MAX_RANK);
		TRY(parse_read_name(p, "an axis", &a->axes[a->naxes++].name));
	} while (parse_accept_punct(p, ','));
	return OK;
}

static Status
read_keyed(Parse *p, Node *n, const char *key)
{
	TRY(read_over(p, n));
	TRY(parse_expect_word(p, key));
	return parse_read_real(p, "a number", &n->attr.num);
}

Status
parse_read_attr(Parse *p, Node *n)
{
	Attr   *a = &n->attr;
	int64_t index;

	switch (n->op) {
	case OP_input:
		return read_input(p, a);
	case OP_host:
	case OP_param:
		return parse_read_string(p, "a name in quotes", &a->name);
	case OP_assign:
		TRY(parse_expect_word(p, "to"));
		return parse_read_string(p, "the variable in quotes", &a->name);
	case OP_const:
		return parse_read_real(p, "a number", &a->num);
	case OP_table:
		return read_table(p, a);
	case OP_sum:
	case OP_rmax:
	case OP_contract:
	case OP_gemm:
	case OP_softmax:
		return read_over(p, n);
	case OP_standardise:
		return read_keyed(p, n, "eps");
	case OP_smooth_l1:
		return read_keyed(p, n, "beta");
	case OP_rename:
	case OP_split:
		TRY(parse_expect_punct(p, ','));
		TRY(read_known(p, n, &a->axis));
		TRY(parse_expect_word(p, "as"));
		return read_axes(p, n, AXES_sized);
	case OP_merge:
		TRY(parse_expect_punct(p, ','));
		TRY(read_axes(p, n, AXES_known));
		TRY(parse_expect_word(p, "as"));
		return parse_read_axis(p, &a->axis);
	case OP_slice:
	case OP_pad:
		return read_cut(p, n);
	case OP_concat:
		return read_concat(p, n);
	case OP_broadcast:
		TRY(parse_expect_word(p, "over"));
		return read_axes(p, n, AXES_sized);
	case OP_pick:
		TRY(parse_expect_word(p, "along"));
		return read_known(p, n, &a->axis);
	case OP_scatter_add:
		TRY(parse_expect_word(p, "into"));
		TRY(parse_read_axis(p, &a->axis));
		return parse_accept_word(p, "keeping") ? read_axes(p, n, AXES_known) : OK;
	case OP_places:
	case OP_ranks:
		return read_order(p, n);
	case OP_uniform:
		return read_uniform(p, a);
	case OP_attend:
	case OP_attend_grad:
		return read_attend(p, n);
	case OP_result:
		TRY(parse_expect_punct(p, ','));
		TRY(parse_read_int(p, "the element", 0, 3, &index));
		a->index = (int)index;
		return OK;
	default:
		return OK;
	}
}
