/* tree: what the actions of the grammar build: nodes with their place, and lists in the order of
 * the text. Looks at nothing that a node means. */
#include "dsl/ast_private.h"

Expr *
tree_binary(Source *src, BinOp op, Expr *l, Expr *r, Loc loc, Loc mark)
{
	Expr *e = expr_new(src->arena, EX_binary, loc);
	e->op = op;
	e->l = l;
	e->r = r;
	e->mark = mark;
	return e;
}

Expr *
tree_unary(Source *src, ExprKind kind, Expr *l, Loc loc, Loc mark)
{
	Expr *e = expr_new(src->arena, kind, loc);
	e->l = l;
	e->mark = mark;
	return e;
}

Expr *
tree_number(Source *src, double x, Loc loc)
{
	Expr *e = expr_new(src->arena, EX_number, loc);
	e->num = x;
	return e;
}

Expr *
tree_named(Source *src, ExprKind kind, const char *name, Loc loc)
{
	Expr *e = expr_new(src->arena, kind, loc);
	e->name = name;
	return e;
}

Argument *
tree_arg(Source *src, const char *name, Expr *value, Loc loc)
{
	Argument *x = arena_new_one(src->arena, Argument);
	x->name = name;
	x->value = value;
	x->loc = loc;
	return x;
}

TypeExpr *
tree_type(Source *src, const char *kind, Name *axes, Loc loc)
{
	TypeExpr *t = arena_new_one(src->arena, TypeExpr);
	t->kind = kind;
	t->axes = axes;
	t->loc = loc;
	return t;
}

Decl *
tree_decl(Source *src, DeclKind kind, const Name *name, TypeExpr *type, Expr *value)
{
	Decl *d = decl_new(src->arena, kind, name);
	d->type = type;
	d->value = value;
	return d;
}

Decl *
tree_word(Source *src, DeclKind kind, const char *word, Loc loc, Expr *value)
{
	Name n = {word, loc, NULL};
	return tree_decl(src, kind, &n, NULL, value);
}

DeclList
tree_list(Decl *d)
{
	return (DeclList){d, d};
}

#define ADD(list, item)                                                                            \
	do {                                                                                       \
		if ((list).last)                                                                   \
			(list).last->next = (item);                                                \
		else                                                                               \
			(list).first = (item);                                                     \
		(list).last = (item);                                                              \
	} while (0)

DeclList
tree_add(DeclList list, Decl *more)
{
	for (Decl *next; more; more = next) {
		next = more->next;
		ADD(list, more);
	}
	return list;
}

DeclList
tree_block(Source *src, DeclKind kind, const Name *name, DeclList body)
{
	Decl *d = tree_decl(src, kind, name, NULL, NULL);
	d->body = body.first;
	return tree_list(d);
}

NameList
tree_add_name(NameList list, Name *n)
{
	ADD(list, n);
	return list;
}

ArgList
tree_add_arg(ArgList list, Argument *x)
{
	ADD(list, x);
	return list;
}

ExprList
tree_add_expr(ExprList list, Expr *e)
{
	ADD(list, e);
	return list;
}
