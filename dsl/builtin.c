/* builtin: the functions the language brings along, one row each: name, formals, what it makes.
 * Functions of tensors become nodes here; those that only describe something (images, every, warmup
 * ..) become a form that the section they stand in reads. Layers and losses are not built in: they
 * are written in models/lib. */
#include "dsl/dsl_private.h"
#include <math.h>
#include <string.h>

#define LEFT_OUT NAN
static const Builtin table[] = {
	{.name = "sqrt",
         .make = make_un,
         .formal = {{"x", 't', 0, 0}},
         .op = OP_sqrt,
         .number = sqrt},
	{.name = "rsqrt", .make = make_un, .formal = {{"x", 't', 0, 0}}, .op = OP_rsqrt},
	{.name = "exp", .make = make_un, .formal = {{"x", 't', 0, 0}}, .op = OP_exp, .number = exp},
	{.name = "log", .make = make_un, .formal = {{"x", 't', 0, 0}}, .op = OP_log, .number = log},
	{.name = "abs",
         .make = make_un,
         .formal = {{"x", 't', 0, 0}},
         .op = OP_abs,
         .number = fabs},
	{.name = "erf", .make = make_un, .formal = {{"x", 't', 0, 0}}, .op = OP_erf, .number = erf},
	{.name = "tanh",
         .make = make_un,
         .formal = {{"x", 't', 0, 0}},
         .op = OP_tanh,
         .number = tanh},
	{.name = "min",
         .make = make_extreme,
         .formal = {{"a", 't', 0, 0}, {"b", 't', 0, 0}},
         .op = OP_min},
	{.name = "max",
         .make = make_extreme,
         .formal = {{"a", 't', 0, 0}, {"b", 't', 0, 0}},
         .op = OP_max},
	{.name = "gelu", .make = make_composite, .formal = {{"x", 't', 0, 0}}, .op = OP_gelu},
	{.name = "smooth_l1",
         .make = make_composite,
         .formal = {{"x", 't', 0, 0}, {"beta", 'n', 0, 0}},
         .op = OP_smooth_l1},
	{.name = "softmax",
         .make = make_composite,
         .formal = {{"x", 't', 0, 0}},
         .over = true,
         .op = OP_softmax},
	{.name = "standardise",
         .make = make_composite,
         .formal = {{"x", 't', 0, 0}, {"eps", 'n', 0, 0}},
         .over = true,
         .op = OP_standardise},
	{.name = "std",
         .make = make_std,
         .formal = {{"x", 't', 0, 0}},
         .over = true,
         .where = true},
	{.name = "choose",
         .make = make_choose,
         .formal = {{"m", 'm', 0, 0}, {"a", 't', 0, 0}, {"b", 't', 0, 0}}},
	{.name = "concat", .make = make_concat, .formal = {{"x", 't', 0, 0}}, .along = true},
	{.name = "pick",
         .make = make_pick,
         .formal = {{"x", 't', 0, 0}, {"table", 'T', 0, 0}},
         .over = true},
	{.name = "grid_offsets",
         .make = make_table,
         .formal = {{"rows", 'n', 0, 0}, {"columns", 'n', 0, 0}}},
	{.name = "dropout", .make = make_dropout, .formal = {{"x", 't', 0, 0}, {"p", 'n', 0, 0}}},
	{.name = "drop_path", .make = make_dropout, .formal = {{"x", 't', 0, 0}, {"p", 'n', 0, 0}}},
	{.name = "normal", .make = make_init, .formal = {{"std", 'n', 0, 0}}},
	{.name = "trunc_normal",
         .make = make_init,
         .formal = {{"std", 'n', 0, 0}, {"cut", 'n', 0, 0}}},
	{.name = "constant",
         .make = make_segment,
         .formal = {{"value", 'n', 0, 0}, {"over", 'q', 1, LEFT_OUT}}},
	{.name = "warmup",
         .make = make_segment,
         .formal = {{"over", 'q', 0, 0}, {"from", 'n', 1, 0}, {"to", 'n', 0, 0}}},
	{.name = "linear",
         .make = make_segment,
         .formal = {{"from", 'n', 1, LEFT_OUT}, {"to", 'n', 0, 0}, {"over", 'q', 1, LEFT_OUT}}},
	{.name = "cosine",
         .make = make_segment,
         .formal = {{"from", 'n', 1, LEFT_OUT}, {"to", 'n', 0, 0}, {"over", 'q', 1, LEFT_OUT}}},
	{.name = "block_mask",
         .make = make_form,
         .formal = {{"rows", 'n', 0, 0},
                    {"columns", 'n', 0, 0},
                    {"at_most", 'n', 0, 0},
                    {"area", 'r', 0, 0},
                    {"aspect", 'r', 0, 0}}},
	{.name = "images", .make = make_form, .formal = {{"source", 's', 0, 0}}},
	{.name = "color_jitter",
         .make = make_form,
         .formal = {{"brightness", 'n', 0, 0}, {"contrast", 'n', 0, 0}, {"saturation", 'n', 0, 0}}},
	{.name = "flip", .make = make_form, .formal = {{"p", 'n', 0, 0}}},
	{.name = "resized_crop",
         .make = make_form,
         .formal = {{"rows", 'n', 0, 0},
                    {"columns", 'n', 0, 0},
                    {"scale", 'r', 0, 0},
                    {"filter", 'w', 0, 0}}},
	{.name = "mean_std",
         .make = make_form,
         .formal = {{"mean", 'N', 0, 0}, {"std", 'N', 0, 0}}},
	{.name = "shuffle",
         .make = make_form,
         .formal = {{"each", 'w', 0, 0}, {"remainder", 'w', 0, 0}}},
	{.name = "every",
         .make = make_form,
         .formal = {{"period", 'q', 0, 0}, {"keep", 'n', 0, 0}, {"on_signal", 'w', 1, LEFT_OUT}}},
	{.name = "when", .make = make_form, .formal = {{"condition", 'c', 0, 0}}},
	{.name = "adamw",
         .make = make_form,
         .formal = {{"beta1", 'n', 0, 0}, {"beta2", 'n', 0, 0}, {"eps", 'n', 0, 0}}},
	{.name = "global_norm", .make = make_form, .formal = {{"limit", 'n', 0, 0}}},
	{.name = "bf16", .make = make_form, .formal = {{"keep_f32", 'W', 0, 0}}},
	{.name = "mixed",
         .make = make_form,
         .formal = {{"operands", 'w', 0, 0}, {"keep_f32", 'W', 0, 0}}},
};

static const char *const words[] = {"none", "f32",   "bf16", "yes",     "no",      "copy",
                                    "eval", "epoch", "drop", "bicubic", "bilinear"};

const Builtin *
builtin_find(const char *name)
{
	for (int i = 0; i < COUNT(table); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

int
builtin_names(const char **out, int cap)
{
	int n = 0;
	for (int i = 0; i < COUNT(table) && n < cap; i++)
		out[n++] = table[i].name;
	return n;
}

int
builtin_words(const char **out, int cap)
{
	int n = 0;
	for (; n < COUNT(words) && n < cap; n++)
		out[n] = words[n];
	return n;
}

bool
builtin_is_word(const char *name)
{
	for (int i = 0; i < COUNT(words); i++)
		if (!strcmp(words[i], name))
			return true;
	return false;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static int
formals(const Builtin *b)
{
	int n = 0;
	while (n < MAX_FORMAL && b->formal[n].name)
		n++;
	return n;
}

/* How the function is called, for messages: standardise(x over .., eps). */
static const char *
usage(Frame *f, const Builtin *b)
{
	Text t = {0};
	text_printf(&t, "%s(", b->name);
	for (int i = 0; i < formals(b); i++) {
		text_printf(&t, "%s%s", i ? ", " : "", b->formal[i].name);
		if (i == 0)
			text_printf(&t, "%s%s%s", b->over ? " over .." : "",
			            b->where ? " where .." : "", b->along ? ", .. along .." : "");
		if (b->formal[i].optional)
			text_printf(&t, " = ..");
	}
	text_printf(&t, ")");
	const char *s = arena_strdup(f->cx->arena, t.at);
	text_free(&t);
	return s;
}

static Value
word_list(Frame *f, const Expr *e)
{
	Value v = {.kind = V_items, .loc = e->loc};
	if (e->kind != EX_items)
		REFUSE(e->loc, "argument-kind", "a list in brackets is needed here");
	for (const Expr *x = e->items; x; x = x->next)
		v.n++;
	v.item = arena_new_array(f->cx->arena, Value, v.n + 1);
	int n = 0;
	for (const Expr *x = e->items; x; x = x->next) {
		if (x->kind != EX_name)
			REFUSE(x->loc, "argument-kind", "a word is needed here");
		v.item[n++] = (Value){.kind = V_word, .text = x->name, .loc = x->loc};
	}
	return v;
}

static Value
argument(Frame *f, const Formal *p, const Expr *e)
{
	if (p->kind == 'c')
		return (Value){.kind = V_form, .text = "condition", .expr = e, .loc = e->loc};
	if (p->kind == 'W')
		return word_list(f, e);
	if (p->kind == 's') {
		if (e->kind != EX_tagged || strcmp(e->name, "source") != 0)
			REFUSE(e->loc, "argument-kind",
			       "a source is written `source \"name\"`; the name is bound on the "
			       "command line");
		return (Value){.kind = V_string, .text = e->text, .loc = e->loc};
	}
	Value       v = lower(f, e);
	bool        ok = true;
	const char *need = "";
	switch (p->kind) {
	case 't':
		ok = v.kind == V_number || v.kind == V_tensor || v.kind == V_list;
		need = "a tensor or a number";
		break;
	case 'm':
		ok = v.kind == V_none ||
		     (v.kind == V_tensor && f->cx->g->node[v.val].type.dtype == DT_bool);
		need = "a mask or `none`";
		break;
	case 'n':
		ok = v.kind == V_number && !v.unit;
		need = "a plain number";
		break;
	case 'q':
		ok = v.kind == V_number && v.unit &&
		     (!strcmp(v.unit, "epochs") || !strcmp(v.unit, "steps"));
		need = "a number of epochs or steps";
		break;
	case 'w':
		ok = v.kind == V_word;
		need = "a word";
		break;
	case 'r':
		ok = v.kind == V_range;
		need = "a range such as `0.3 .. 3.33`";
		break;
	case 'T':
		ok = v.kind == V_table || v.kind == V_tensor;
		need = "a table";
		break;
	case 'N':
		ok = v.kind == V_items;
		for (int i = 0; ok && i < v.n; i++)
			ok = v.item[i].kind == V_number;
		need = "a list of numbers";
		break;
	}
	if (v.kind != V_error && !ok)
		REFUSE(e->loc, "argument-kind", "`%s` must be %s, and this is %s", p->name, need,
		       value_text(f->cx, &v));
	return v;
}

/* Which formal an argument is for, or -1 after a message. */
static int
formal_of(Frame *f, const Builtin *b, const Argument *x, int position, Loc call)
{
	const char *list[MAX_FORMAL];
	int         n = formals(b);
	if (!x->name) {
		if (position < n || b->along)
			return position;
		diag_error(call, "arguments", "`%s` takes %d argument%s, and more are given",
		           b->name, n, n == 1 ? "" : "s");
		diag_hint("%s", usage(f, b));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		list[i] = b->formal[i].name;
		if (!strcmp(b->formal[i].name, x->name))
			return i;
	}
	diag_error(x->loc, "unknown-argument", "`%s` has no argument `%s`", b->name, x->name);
	const char *near = text_nearest(x->name, list, n);
	if (near)
		diag_hint("did you mean `%s`?", near);
	else
		diag_hint("%s", usage(f, b));
	return -1;
}

static Status
bind_arguments(Frame *f, const Builtin *b, const Expr *call, Call *c)
{
	int position = 0;
	for (const Argument *x = call->args; x; x = x->next) {
		int i = formal_of(f, b, x, position, call->loc);
		if (i < 0)
			return FAIL;
		if (i >= MAX_OPERAND)
			return diag_error(x->loc, "arguments", "more than %d operands",
			                  MAX_OPERAND);
		if (c->given[i])
			return diag_error(x->loc, "arguments", "`%s` is given twice",
			                  b->formal[i].name);
		c->v[i] = argument(f, &b->formal[b->along ? 0 : i], x->value);
		c->loc[i] = x->value->loc;
		c->given[i] = true;
		if (c->v[i].kind == V_error)
			return FAIL;
		if (i >= c->n)
			c->n = i + 1;
		position += !x->name;
		if (x->over) {
			if (!b->over || i != 0)
				return diag_error(x->over->loc, "arguments",
				                  "`%s` takes no `over` here", b->name);
			TRY(scope_axes(f, x->over, "`over`", &c->over));
			c->has_over = true;
			c->over_loc = x->over->loc;
		}
		if (x->where && !b->where)
			return diag_error(x->where->loc, "arguments", "`%s` takes no `where`",
			                  b->name);
		c->where = x->where ? x->where : c->where;
		if (x->along && !b->along)
			return diag_error(x->along->loc, "arguments", "`%s` takes no `along`",
			                  b->name);
		c->along = x->along ? x->along : c->along;
	}
	return OK;
}

Value
builtin_call(Frame *f, const Builtin *b, const Expr *call)
{
	Call        c = {.loc_all = call->loc};
	const Axes *want = f->want;
	int         n = formals(b);
	f->want = NULL; /* arguments are not what was declared */
	if (bind_arguments(f, b, call, &c) != OK)
		return value_error();
	f->want = want;
	for (int i = 0; i < n; i++) {
		if (c.given[i])
			continue;
		if (!b->formal[i].optional) {
			diag_error(call->loc, "arguments", "`%s` needs the argument `%s`", b->name,
			           b->formal[i].name);
			diag_hint("%s", usage(f, b));
			return value_error();
		}
		c.v[i] = value_number(b->formal[i].dflt, call->loc);
		c.loc[i] = call->loc;
		if (i >= c.n)
			c.n = i + 1;
	}
	if (b->over && !c.has_over) {
		diag_error(call->loc, "arguments", "`%s` must say over which axes", b->name);
		diag_hint("%s", usage(f, b));
		return value_error();
	}
	if (b->along && !c.along) {
		diag_error(call->loc, "arguments", "`%s` must say along which axis", b->name);
		diag_hint("%s", usage(f, b));
		return value_error();
	}
	/* Nothing that makes nodes can stand where there is no graph: sizes, settings. */
	bool nodes = b->formal[0].kind == 't' || b->formal[0].kind == 'm';
	bool numbers = true;
	for (int i = 0; i < c.n; i++)
		numbers &= c.v[i].kind == V_number;
	if (nodes && !f->cx->g && !(numbers && (b->number || b->make == make_extreme)))
		REFUSE(call->loc, "no-tensors-here",
		       "`%s` makes a tensor, and only numbers can stand here", b->name);
	return b->make(f, b, &c);
}
