/* parse: tokens -> AST. The grammar has no conflicts and no precedence declarations: every level of an
 * expression is a nonterminal of its own (GRAMMAR.md shows each with an example). It builds trees and
 * nothing else; names, units and shapes are looked at later, where a message can say more.
 */
%require "3.8"
%define api.prefix {d2v_}
%define api.pure full
%define api.location.type {Loc}
%define parse.error custom
%define parse.lac full
%locations
%lex-param   { void *scanner }
%parse-param { void *scanner } { Source *src }

%code requires {
#include "dsl/dsl_private.h"
typedef struct { Expr *first, *last; } ExprList;
typedef struct { Name *first, *last; } NameList;
typedef struct { Argument *first, *last; } ArgList;
typedef struct { Decl *first, *last; } DeclList;
}

%code provides {
int d2v_lex(D2V_STYPE *value, Loc *loc, void *scanner);
}

%union {
	double      num;
	const char *text;
	Name       *name;
	Expr       *expr;
	Decl       *decl;
	Argument        *arg;
	TypeExpr   *type;
	ExprList    exprs;
	NameList    names;
	ArgList     args;
	DeclList    decls;
	int         op;
}

%code {
#include <string.h>

static void yyerror(Loc *loc, void *scanner, Source *src, const char *what);

#define YYLLOC_DEFAULT(cur, rhs, n) \
	((cur) = (n) ? loc_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n)) \
	             : (Loc){ YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).line, YYRHSLOC(rhs, 0).col, 0 })
#define A (src->arena)
#define APPEND(list, item)                      \
	do {                                    \
		if ((list).last)                \
			(list).last->next = (item); \
		else                            \
			(list).first = (item);  \
		(list).last = (item);           \
	} while (0)
/* Append a chain: `dim A = 1, B = 2` is several declarations. */
#define APPEND_ALL(list, more)                          \
	do {                                            \
		if ((more).first) {                     \
			if ((list).last)                \
				(list).last->next = (more).first; \
			else                            \
				(list).first = (more).first; \
			(list).last = (more).last;      \
		}                                       \
	} while (0)

static Expr *
binary(Source *src, BinOp op, Expr *l, Expr *r, Loc loc, Loc mark)
{
	Expr *e = expr_new(A, EX_binary, loc);
	e->op = op;
	e->l = l;
	e->r = r;
	e->mark = mark;
	return e;
}

static Expr *
unary(Source *src, ExprKind kind, Expr *l, Loc loc, Loc mark)
{
	Expr *e = expr_new(A, kind, loc);
	e->l = l;
	e->mark = mark;
	return e;
}

static Expr *
named(Source *src, ExprKind kind, const char *name, Loc loc)
{
	Expr *e = expr_new(A, kind, loc);
	e->name = name;
	return e;
}

static Argument *
arg_new(Source *src, const char *name, Expr *value, Loc loc)
{
	Argument *x = arena_new_one(A, Argument);
	x->name = name;
	x->value = value;
	x->loc = loc;
	return x;
}

static TypeExpr *
type_new(Source *src, const char *kind, Name *axes, Loc loc)
{
	TypeExpr *t = arena_new_one(A, TypeExpr);
	t->kind = kind;
	t->axes = axes;
	t->loc = loc;
	return t;
}

static Decl *
named_decl(Source *src, DeclKind kind, const char *name, Loc loc)
{
	Name n = { name, loc, NULL };
	return decl_new(A, kind, &n);
}
}

%token START_FILE START_EXPR COMMENT
%token SPEC "`spec`" INCLUDE "`include`" OVERRIDE "`override`" DIM "`dim`" LIKE "`like`" LET "`let`" MODULE "`module`"
%token PARAM "`param`" USE "`use`" FN "`fn`" RETURN "`return`" SCAN "`scan`" FROM "`from`" NAMES "`names`" OF "`of`"
%token MODEL "`model`" AVERAGE "`average`" OBJECTIVE "`objective`" DRAW "`draw`" MINIMISE "`minimise`" WATCH "`watch`"
%token FEATURE "`feature`" OPTIMISE "`optimise`" BY "`by`" GROUP "`group`" WHERE "`where`" AFTER "`after`" UPDATE "`update`"
%token DATA "`data`" RUN "`run`" EXPECT "`expect`" SUM "`sum`" MEAN "`mean`" OVER "`over`" ALONG "`along`" AS "`as`"
%token AT "`at`" IN "`in`" THEN "`then`" AND "`and`" OR "`or`" NOT "`not`"
%token ARROW "`->`" DOTDOT "`..`" LE "`<=`" GE "`>=`" EQ "`==`" NE "`!=`"
%token <text> NAME "a name" STRING "a string"
%token <num> NUMBER "a number"

%type <decls> items item dims lets members member stmts stmt ostmts settings oitems entries params params1 overrides
%type <decl> dim_item let_item param_item setting
%type <names> names shape_items idents opt_axes opt_nums
%type <name> name ident
%type <type> type shape
%type <args> args args1 opt_args
%type <arg> arg
%type <expr> expr or and notx cmp range add red mul unary postfix primary value
%type <exprs> exprs values
%type <op> cmp_op fold_op

%%

start:
	START_FILE items                         { src->decls = $2.first; }
|	START_EXPR value                         { src->expr = $2; }
;

items:
	%empty                                   { $$ = (DeclList){ 0 }; }
|	items item                               { $$ = $1; APPEND_ALL($$, $2); }
|	items error                              { $$ = $1; }
;

item:
	SPEC name ';'                            { Decl *d = decl_new(A, DECL_spec, $2); $$ = (DeclList){ d, d }; }
|	INCLUDE STRING ';'                       { Decl *d = named_decl(src, DECL_include, $2, @2); $$ = (DeclList){ d, d }; }
|	OVERRIDE overrides ';'                   { $$ = $2; }
|	DIM dims ';'                             { $$ = $2; }
|	LET lets ';'                             { $$ = $2; }
|	MODULE name opt_axes opt_nums '{' members '}' {
		Decl *d = decl_new(A, DECL_module, $2);
		d->axes = $3.first;
		d->nums = $4.first;
		d->body = $6.first;
		$$ = (DeclList){ d, d };
	}
|	FN name '(' params ')' ARROW type '=' expr ';' {
		Decl *d = decl_new(A, DECL_fn, $2);
		d->params = $4.first;
		d->type = $7;
		d->value = $9;
		$$ = (DeclList){ d, d };
	}
|	FN name '(' params ')' ARROW type '{' stmts '}' {
		Decl *d = decl_new(A, DECL_fn, $2);
		d->params = $4.first;
		d->type = $7;
		d->body = $9.first;
		$$ = (DeclList){ d, d };
	}
|	NAMES name OF name '{' entries '}'       {
		Decl *d = decl_new(A, DECL_names, $2);
		d->of = $4;
		d->body = $6.first;
		$$ = (DeclList){ d, d };
	}
|	MODEL name '=' name ';'                  {
		Decl *d = decl_new(A, DECL_model, $2);
		d->of = $4;
		$$ = (DeclList){ d, d };
	}
|	MODEL name '=' AVERAGE OF name '{' settings '}' {
		Decl *d = decl_new(A, DECL_model, $2);
		d->of = $6;
		d->average = true;
		d->body = $8.first;
		$$ = (DeclList){ d, d };
	}
|	OBJECTIVE name '(' params ')' '{' ostmts '}' {
		Decl *d = decl_new(A, DECL_objective, $2);
		d->params = $4.first;
		d->body = $7.first;
		$$ = (DeclList){ d, d };
	}
|	FEATURE name '(' params ')' OF names ARROW type '=' expr ';' {
		Decl *d = decl_new(A, DECL_feature, $2);
		d->params = $4.first;
		d->of = $7.first;
		d->type = $9;
		d->value = $11;
		$$ = (DeclList){ d, d };
	}
|	OPTIMISE name BY expr '{' oitems '}'     {
		Decl *d = decl_new(A, DECL_optimise, $2);
		d->value = $4;
		d->body = $6.first;
		$$ = (DeclList){ d, d };
	}
|	DATA name '{' settings '}'               { Decl *d = decl_new(A, DECL_data, $2); d->body = $4.first; $$ = (DeclList){ d, d }; }
|	RUN '{' settings '}'                     { Decl *d = named_decl(src, DECL_run, "run", @1); d->body = $3.first; $$ = (DeclList){ d, d }; }
|	EXPECT expr ';'                          { Decl *d = named_decl(src, DECL_expect, "expect", $2->loc); d->value = $2; $$ = (DeclList){ d, d }; }
;

overrides:
	let_item                                 { $1->kind = DECL_override; $$ = (DeclList){ $1, $1 }; }
|	overrides ',' let_item                   { $3->kind = DECL_override; $$ = $1; APPEND($$, $3); }
;

dims:
	dim_item                                 { $$ = (DeclList){ $1, $1 }; }
|	dims ',' dim_item                        { $$ = $1; APPEND($$, $3); }
;

dim_item:
	name '=' expr                            { $$ = decl_new(A, DECL_dim, $1); $$->value = $3; }
|	name LIKE name                           { $$ = decl_new(A, DECL_dim, $1); $$->of = $3; }
;

lets:
	let_item                                 { $$ = (DeclList){ $1, $1 }; }
|	lets ',' let_item                        { $$ = $1; APPEND($$, $3); }
;

let_item:
	name '=' value                           { $$ = decl_new(A, DECL_let, $1); $$->value = $3; }
;

members:
	%empty                                   { $$ = (DeclList){ 0 }; }
|	members member                           { $$ = $1; APPEND_ALL($$, $2); }
;

member:
	DIM dims ';'                             { $$ = $2; }
|	LET lets ';'                             { $$ = $2; }
|	PARAM param_item ';'                     {
		/* `param q, k, v : ..` is three declarations that share a type and an initial value */
		$$ = (DeclList){ 0 };
		for (Name *n = $2->of; n; n = n->next) {
			Decl *d = decl_new(A, DECL_param, n);
			d->type = $2->type;
			d->value = $2->value;
			d->draws = $2->draws;
			APPEND($$, d);
		}
	}
|	USE names ':' name opt_axes opt_args ';' {
		$$ = (DeclList){ 0 };
		for (Name *n = $2.first; n; n = n->next) {
			Decl *d = decl_new(A, DECL_use, n);
			d->of = $4;
			d->axes = $5.first;
			d->args = $6.first;
			APPEND($$, d);
		}
	}
|	USE name '[' name IN name ']' ':' name opt_axes opt_args ';' {
		Decl *d = decl_new(A, DECL_use, $2);
		d->index = $4;
		d->over = $6;
		d->of = $9;
		d->axes = $10.first;
		d->args = $11.first;
		$$ = (DeclList){ d, d };
	}
|	FN name '(' params ')' ARROW type '=' expr ';' {
		Decl *d = decl_new(A, DECL_fn, $2);
		d->params = $4.first;
		d->type = $7;
		d->value = $9;
		$$ = (DeclList){ d, d };
	}
|	FN name '(' params ')' ARROW type '{' stmts '}' {
		Decl *d = decl_new(A, DECL_fn, $2);
		d->params = $4.first;
		d->type = $7;
		d->body = $9.first;
		$$ = (DeclList){ d, d };
	}
;

param_item:
	names ':' shape                          { $$ = named_decl(src, DECL_param, NULL, @1); $$->of = $1.first; $$->type = $3; }
|	names ':' shape '=' expr                 { $$ = named_decl(src, DECL_param, NULL, @1); $$->of = $1.first; $$->type = $3; $$->value = $5; }
|	names ':' shape '~' expr                 { $$ = named_decl(src, DECL_param, NULL, @1); $$->of = $1.first; $$->type = $3; $$->value = $5; $$->draws = true; }
;

opt_axes:
	%empty                                   { $$ = (NameList){ 0 }; }
|	'[' names ']'                            { $$ = $2; }
;

opt_nums:
	%empty                                   { $$ = (NameList){ 0 }; }
|	'(' names ')'                            { $$ = $2; }
;

opt_args:
	%empty                                   { $$ = (ArgList){ 0 }; }
|	'(' args ')'                             { $$ = $2; }
;

params:
	%empty                                   { $$ = (DeclList){ 0 }; }
|	params1
;

params1:
	name ':' type                            { Decl *d = decl_new(A, DECL_arg, $1); d->type = $3; $$ = (DeclList){ d, d }; }
|	params1 ',' name ':' type                { Decl *d = decl_new(A, DECL_arg, $3); d->type = $5; $$ = $1; APPEND($$, d); }
;

type:
	shape
|	NAME shape                               { $$ = type_new(src, $1, $2->axes, @$); }
;

shape:
	'[' ']'                                  { $$ = type_new(src, NULL, NULL, @$); }
|	'[' shape_items ']'                      { $$ = type_new(src, NULL, $2.first, @$); }
;

shape_items:
	ident                                    { $$ = (NameList){ $1, $1 }; }
|	shape_items ',' ident                    { $$ = $1; APPEND($$, $3); }
;

ident:
	name
|	DOTDOT                                   { $$ = name_new(A, NULL, @1); }
;

names:
	name                                     { $$ = (NameList){ $1, $1 }; }
|	names ',' name                           { $$ = $1; APPEND($$, $3); }
;

name:
	NAME                                     { $$ = name_new(A, $1, @1); }
;

stmts:
	%empty                                   { $$ = (DeclList){ 0 }; }
|	stmts stmt                               { $$ = $1; APPEND_ALL($$, $2); }
|	stmts RETURN expr ';'                    {
		Decl *d = named_decl(src, DECL_return, "return", @2);
		d->value = $3;
		$$ = $1;
		APPEND($$, d);
	}
;

stmt:
	LET name ':' type '=' expr ';'           { Decl *d = decl_new(A, DECL_let, $2); d->type = $4; d->value = $6; $$ = (DeclList){ d, d }; }
|	LET name '=' expr ';'                    { Decl *d = decl_new(A, DECL_let, $2); d->value = $4; $$ = (DeclList){ d, d }; }
|	SCAN name '[' name IN name ']' '=' expr FROM expr ';' {
		Decl *d = decl_new(A, DECL_scan, $2);
		d->index = $4;
		d->over = $6;
		d->value = $9;
		d->from = $11;
		$$ = (DeclList){ d, d };
	}
;

ostmts:
	%empty                                   { $$ = (DeclList){ 0 }; }
|	ostmts stmt                              { $$ = $1; APPEND_ALL($$, $2); }
|	ostmts DRAW name ':' type '=' expr ';'   { Decl *d = decl_new(A, DECL_draw, $3); d->type = $5; d->value = $7; $$ = $1; APPEND($$, d); }
|	ostmts MINIMISE expr ';'                 { Decl *d = named_decl(src, DECL_minimise, "minimise", @2); d->value = $3; $$ = $1; APPEND($$, d); }
|	ostmts WATCH name '=' expr ';'           { Decl *d = decl_new(A, DECL_watch, $3); d->value = $5; $$ = $1; APPEND($$, d); }
;

entries:
	%empty                                   { $$ = (DeclList){ 0 }; }
|	entries STRING '=' expr ';'              { Decl *d = named_decl(src, DECL_entry, $2, @2); d->value = $4; $$ = $1; APPEND($$, d); }
;

settings:
	%empty                                   { $$ = (DeclList){ 0 }; }
|	settings setting                         { $$ = $1; APPEND($$, $2); }
;

setting:
	name '=' values ';'                      { $$ = decl_new(A, DECL_setting, $1); $$->value = $3.first; }
;

oitems:
	%empty                                   { $$ = (DeclList){ 0 }; }
|	oitems setting                           { $$ = $1; APPEND($$, $2); }
|	oitems GROUP name WHERE expr '{' settings '}' { Decl *d = decl_new(A, DECL_group, $3); d->value = $5; d->body = $7.first; $$ = $1; APPEND($$, d); }
|	oitems AFTER UPDATE name ';'             { Decl *d = decl_new(A, DECL_after, $4); $$ = $1; APPEND($$, d); }
;

values:
	value                                    { $$ = (ExprList){ $1, $1 }; }
|	values ',' value                         { $$ = $1; APPEND($$, $3); }
;

value:
	expr
|	value THEN expr                          { $$ = binary(src, BIN_or, $1, $3, @$, @2); $$->kind = EX_then; }
;

exprs:
	%empty                                   { $$ = (ExprList){ 0 }; }
|	expr                                     { $$ = (ExprList){ $1, $1 }; }
|	exprs ',' expr                           { $$ = $1; APPEND($$, $3); }
;

expr:
	or
;

or:
	and
|	or OR and                                { $$ = binary(src, BIN_or, $1, $3, @$, @2); }
;

and:
	notx
|	and AND notx                             { $$ = binary(src, BIN_and, $1, $3, @$, @2); }
;

notx:
	cmp
|	NOT notx                                 { $$ = unary(src, EX_not, $2, @$, @1); }
;

cmp:
	range
|	range cmp_op range                       { $$ = binary(src, (BinOp)$2, $1, $3, @$, @2); }
;

cmp_op:
	'<'                                      { $$ = BIN_lt; }
|	LE                                       { $$ = BIN_le; }
|	'>'                                      { $$ = BIN_gt; }
|	GE                                       { $$ = BIN_ge; }
|	EQ                                       { $$ = BIN_eq; }
|	NE                                       { $$ = BIN_ne; }
;

range:
	add
|	add DOTDOT add                           { $$ = binary(src, BIN_or, $1, $3, @$, @2); $$->kind = EX_range; }
;

add:
	red
|	add '+' red                              { $$ = binary(src, BIN_add, $1, $3, @$, @2); }
|	add '-' red                              { $$ = binary(src, BIN_sub, $1, $3, @$, @2); }
;

red:
	mul
|	fold_op '(' names ')' red                { $$ = unary(src, EX_reduce, $5, @$, @1); $$->mean = $1; $$->axes = $3.first; }
|	fold_op '(' names WHERE expr ')' red     { $$ = unary(src, EX_reduce, $7, @$, @1); $$->mean = $1; $$->axes = $3.first; $$->where = $5; }
|	fold_op '(' name IN range ')' red        {
		$$ = unary(src, EX_fold, $5, @$, @1);
		$$->mean = $1;
		$$->name = $3->text;
		$$->r = $7;
	}
;

fold_op:
	SUM                                      { $$ = 0; }
|	MEAN                                     { $$ = 1; }
;

mul:
	unary
|	mul '*' unary                            { $$ = binary(src, BIN_mul, $1, $3, @$, @2); }
|	mul '/' unary                            { $$ = binary(src, BIN_div, $1, $3, @$, @2); }
;

unary:
	postfix
|	'-' unary                                { $$ = unary(src, EX_neg, $2, @$, @1); }
;

postfix:
	primary
|	postfix '(' args ')'                     { $$ = unary(src, EX_call, $1, @$, @1); $$->args = $3.first; }
|	postfix '.' NAME                         { $$ = unary(src, EX_member, $1, @$, @3); $$->name = $3; }
|	postfix '[' expr ']'                     { $$ = unary(src, EX_index, $1, @$, @3); $$->r = $3; }
|	postfix AS shape                         { $$ = unary(src, EX_as, $1, @$, @2); $$->shape = $3; }
|	postfix AT NAME                          { $$ = unary(src, EX_at, $1, @$, @3); $$->name = $3; }
;

primary:
	NUMBER                                   { $$ = expr_new(A, EX_number, @$); $$->num = $1; }
|	NUMBER NAME                              { $$ = expr_new(A, EX_number, @$); $$->num = $1; $$->unit = $2; $$->mark = @2; }
|	STRING                                   { $$ = expr_new(A, EX_string, @$); $$->text = $1; }
|	NAME                                     { $$ = named(src, EX_name, $1, @$); }
|	NAME STRING                              { $$ = named(src, EX_tagged, $1, @$); $$->text = $2; $$->mark = @1; }
|	'(' expr ')'                             { $$ = $2; $$->parens = true; $$->loc = @$; }
|	'[' exprs ']'                            { $$ = expr_new(A, EX_items, @$); $$->items = $2.first; }
;

args:
	%empty                                   { $$ = (ArgList){ 0 }; }
|	args1
;

args1:
	arg                                      { $$ = (ArgList){ $1, $1 }; }
|	args1 ',' arg                            { $$ = $1; APPEND($$, $3); }
;

arg:
	expr                                     { $$ = arg_new(src, NULL, $1, @$); }
|	expr OVER idents                         { $$ = arg_new(src, NULL, $1, @$); $$->over = $3.first; }
|	expr OVER idents WHERE expr              { $$ = arg_new(src, NULL, $1, @$); $$->over = $3.first; $$->where = $5; }
|	expr ALONG name                          { $$ = arg_new(src, NULL, $1, @$); $$->along = $3; }
|	NAME '=' expr                            { $$ = arg_new(src, $1, $3, @$); }
|	FROM '=' expr                            { $$ = arg_new(src, intern("from"), $3, @$); }
|	OVER '=' expr                            { $$ = arg_new(src, intern("over"), $3, @$); }
;

idents:
	name                                     { $$ = (NameList){ $1, $1 }; }
|	'(' names ')'                            { $$ = $2; }
;

%%

static bool
is_expected(const yysymbol_kind_t *expected, int n, yysymbol_kind_t k)
{
	for (int i = 0; i < n; i++)
		if (expected[i] == k)
			return true;
	return false;
}

/* How a token is called in a message. */
static const char *
spelled(Source *src, yysymbol_kind_t k)
{
	const char *s = yysymbol_name(k);
	if (k == YYSYMBOL_YYEOF)
		return "the end of the file";
	if (s[0] == '\'' && strlen(s) == 3)
		return arena_printf(A, "`%c`", s[1]);
	if (s[0] == '"')
		return arena_strndup(A, s + 1, strlen(s) - 2);
	return s;
}

static const char *
found_text(Source *src, const yypcontext_t *ctx, Loc loc)
{
	yysymbol_kind_t k = yypcontext_token(ctx);
	if (k == YYSYMBOL_YYEOF)
		return "the end of the file";
	int         len = 0;
	const char *line = diag_source_line(loc.file, loc.line, &len);
	if (!line || !loc.end_col || loc.end_col - 1 > len)
		return spelled(src, k);
	return arena_printf(A, "`%.*s`", loc.end_col - loc.col, line + loc.col - 1);
}

static const char *const section_words[] = { "spec", "include", "override", "dim", "let", "module", "fn", "names", "model",
	"objective", "feature", "optimise", "data", "run", "expect" };

static int
yyreport_syntax_error(const yypcontext_t *ctx, void *scanner, Source *src)
{
	yysymbol_kind_t want[YYNTOKENS];
	int             n = yypcontext_expected_tokens(ctx, want, YYNTOKENS);
	Loc             loc = *yypcontext_location(ctx);
	const char     *found = found_text(src, ctx, loc);
	bool            top = is_expected(want, n, YYSYMBOL_MODULE);
	(void)scanner;
	if (src->bad && src->skip)
		return 0;
	src->bad = true;
	src->skip = true;
	if (top && yypcontext_token(ctx) == YYSYMBOL_NAME) {
		diag_error(loc, "unknown-section", "%s opens no section of a spec", found);
		char *word = arena_strndup(A, found + 1, strlen(found) - 2);
		const char *near = text_nearest(word, section_words, COUNT(section_words));
		if (near)
			diag_hint("did you mean `%s`?", near);
		else
			diag_hint("sections are: spec include override dim let module fn names model objective feature optimise data run expect");
		return 0;
	}
	if (is_expected(want, n, YYSYMBOL_YYUNDEF))
		n = 0;
	if (is_expected(want, n, (yysymbol_kind_t)YYTRANSLATE(';')) && (loc.line > src->last.line || yypcontext_token(ctx) == YYSYMBOL_YYEOF)) {
		Loc end = src->last;
		if (end.end_col) {
			end.col = end.end_col;
			end.end_col++;
		}
		diag_error(end, "missing-semicolon", "a `;` is missing here, before %s", found);
		return 0;
	}
	/* The sets at the start and at the end of an expression are long; say what they mean. */
	Text t = { 0 };
	bool expr = is_expected(want, n, YYSYMBOL_NUMBER) && is_expected(want, n, (yysymbol_kind_t)YYTRANSLATE('('));
	bool operators = is_expected(want, n, (yysymbol_kind_t)YYTRANSLATE('*')) && is_expected(want, n, (yysymbol_kind_t)YYTRANSLATE('+'));
	int  shown = 0;
	if (expr)
		text_printf(&t, "an expression"), shown++;
	if (operators)
		text_printf(&t, "%san operator", shown++ ? ", " : "");
	for (int i = 0; i < n && !top; i++) {
		const char *s = spelled(src, want[i]);
		bool closer = strchr(";),]}{", s[1]) && s[0] == '`';
		if ((expr || operators) && !closer)
			continue;
		text_printf(&t, "%s%s", shown++ ? ", " : "", s);
	}
	if (top)
		text_printf(&t, "a section such as `module` or `run`");
	diag_error(loc, "syntax", "%s cannot stand here", found);
	yysymbol_kind_t got = yypcontext_token(ctx);
	if (expr && (got == YYSYMBOL_SUM || got == YYSYMBOL_MEAN))
		diag_hint("a sum or mean binds looser than `*`: put it in parentheses");
	else if (t.n)
		diag_hint("what can: %s", t.at);
	text_free(&t);
	return 0;
}

static void
yyerror(Loc *loc, void *scanner, Source *src, const char *what)
{
	(void)scanner;
	src->bad = true;
	diag_error(*loc, "syntax", "%s", what);
}
