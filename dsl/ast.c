/* ast: making tree nodes, and formulas back to text. The printed spelling is what messages quote
 * and what `stop` conditions and equations are shown as; it never changes meaning. */
#include "dsl/dsl_private.h"

const char *const bin_text[] = {"or", "and", "<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/"};

Expr *
expr_new(Arena *a, ExprKind kind, Loc loc)
{
	Expr *e = arena_new_one(a, Expr);
	e->kind = kind;
	e->loc = e->mark = loc;
	return e;
}

Name *
name_new(Arena *a, const char *text, Loc loc)
{
	Name *n = arena_new_one(a, Name);
	n->text = text;
	n->loc = loc;
	return n;
}

Decl *
decl_new(Arena *a, DeclKind kind, const Name *name)
{
	Decl *d = arena_new_one(a, Decl);
	d->kind = kind;
	d->name = name->text;
	d->loc = name->loc;
	return d;
}

Loc
loc_join(Loc first, Loc last)
{
	Loc loc = first;
	loc.end_col = first.line == last.line ? last.end_col : 0;
	return loc;
}

static void
names_print(Text *t, const Name *n)
{
	for (; n; n = n->next)
		text_printf(t, "%s%s", n->text ? n->text : "..", n->next ? ", " : "");
}

static void
arg_print(Text *t, const Argument *x)
{
	if (x->name)
		text_printf(t, "%s = ", x->name);
	expr_print(t, x->value);
	if (x->over) {
		text_printf(t, x->over->next ? " over (" : " over ");
		names_print(t, x->over);
		text_printf(t, x->over->next ? ")" : "");
	}
	if (x->where) {
		text_printf(t, " where ");
		expr_print(t, x->where);
	}
	if (x->along)
		text_printf(t, " along %s", x->along->text);
}

static void
inner_print(Text *t, const Expr *e)
{
	char num[32];
	switch (e->kind) {
	case EX_number:
		text_printf(t, e->unit ? "%s %s" : "%s", text_double(num, e->num), e->unit);
		break;
	case EX_string:
		text_printf(t, "\"%s\"", e->text);
		break;
	case EX_name:
		text_printf(t, "%s", e->name);
		break;
	case EX_tagged:
		text_printf(t, "%s \"%s\"", e->name, e->text);
		break;
	case EX_items:
		text_printf(t, "[");
		for (const Expr *x = e->items; x; x = x->next) {
			expr_print(t, x);
			text_printf(t, x->next ? ", " : "");
		}
		text_printf(t, "]");
		break;
	case EX_neg:
	case EX_not:
		text_printf(t, e->kind == EX_neg ? "-" : "not ");
		expr_print(t, e->l);
		break;
	case EX_binary:
	case EX_range:
	case EX_then:
		expr_print(t, e->l);
		text_printf(t, " %s ",
		            e->kind == EX_range  ? ".."
		            : e->kind == EX_then ? "then"
		                                 : bin_text[e->op]);
		expr_print(t, e->r);
		break;
	case EX_call:
		expr_print(t, e->l);
		text_printf(t, "(");
		for (const Argument *x = e->args; x; x = x->next) {
			arg_print(t, x);
			text_printf(t, x->next ? ", " : "");
		}
		text_printf(t, ")");
		break;
	case EX_member:
		expr_print(t, e->l);
		text_printf(t, ".%s", e->name);
		break;
	case EX_index:
		expr_print(t, e->l);
		text_printf(t, "[");
		expr_print(t, e->r);
		text_printf(t, "]");
		break;
	case EX_as:
		expr_print(t, e->l);
		text_printf(t, " as [");
		names_print(t, e->shape->axes);
		text_printf(t, "]");
		break;
	case EX_at:
		expr_print(t, e->l);
		text_printf(t, " at %s", e->name);
		break;
	case EX_reduce:
		text_printf(t, e->mean ? "mean(" : "sum(");
		names_print(t, e->axes);
		if (e->where) {
			text_printf(t, " where ");
			expr_print(t, e->where);
		}
		text_printf(t, ") ");
		expr_print(t, e->l);
		break;
	case EX_fold:
		text_printf(t, "%s(%s in ", e->mean ? "mean" : "sum", e->name);
		expr_print(t, e->l);
		text_printf(t, ") ");
		expr_print(t, e->r);
		break;
	}
}

void
expr_print(Text *t, const Expr *e)
{
	text_printf(t, e->parens ? "(" : "");
	inner_print(t, e);
	text_printf(t, e->parens ? ")" : "");
}

const char *
expr_text(Arena *a, const Expr *e)
{
	Text t = {0};
	expr_print(&t, e);
	const char *s = arena_strndup(a, t.at ? t.at : "", t.n);
	text_free(&t);
	return s;
}
