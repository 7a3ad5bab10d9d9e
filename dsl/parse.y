/* parse: tokens -> AST. The grammar has no conflicts and no precedence declarations: every level of
 * an expression is a nonterminal of its own (GRAMMAR.md shows each with an example). One grammar is
 * one file, however long. It builds trees (tree.c) and nothing else; names, units and shapes are
 * looked at later, where a message can say more. */
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
#include "dsl/ast_private.h"
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
	Argument   *arg;
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
	             : (Loc){ YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).line, \
	                      YYRHSLOC(rhs, 0).col, 0 })
#define A (src->arena)

/* Several names with one type and value; taken apart in `member`. */
static Decl *
param(Source *src, Loc loc, NameList names, TypeExpr *type, Expr *value)
{
	Decl *d = tree_word(src, DECL_param, NULL, loc, value);
	d->of = names.first;
	d->type = type;
	return d;
}

static Decl *
use(Source *src, const Name *name, Name *module, NameList axes, ArgList args)
{
	Decl *d = tree_decl(src, DECL_use, name, NULL, NULL);
	d->of = module;
	d->axes = axes.first;
	d->args = args.first;
	return d;
}

static Expr *
reduce(Source *src, int mean, NameList axes, Expr *where, Expr *body, Loc loc, Loc mark)
{
	Expr *e = tree_unary(src, EX_reduce, body, loc, mark);
	e->mean = mean;
	e->axes = axes.first;
	e->where = where;
	return e;
}
}

%token START_FILE START_EXPR COMMENT
%token SPEC "`spec`" INCLUDE "`include`" OVERRIDE "`override`" DIM "`dim`" LIKE "`like`"
%token LET "`let`" MODULE "`module`" PARAM "`param`" USE "`use`" FN "`fn`" RETURN "`return`"
%token SCAN "`scan`" FROM "`from`" NAMES "`names`" OF "`of`" MODEL "`model`" AVERAGE "`average`"
%token OBJECTIVE "`objective`" DRAW "`draw`" MINIMISE "`minimise`" WATCH "`watch`"
%token FEATURE "`feature`" OPTIMISE "`optimise`" BY "`by`" GROUP "`group`" WHERE "`where`"
%token AFTER "`after`" UPDATE "`update`" DATA "`data`" RUN "`run`" EXPECT "`expect`" SUM "`sum`"
%token MEAN "`mean`" OVER "`over`" ALONG "`along`" AS "`as`" AT "`at`" IN "`in`" THEN "`then`"
%token AND "`and`" OR "`or`" NOT "`not`"
%token ARROW "`->`" DOTDOT "`..`" LE "`<=`" GE "`>=`" EQ "`==`" NE "`!=`"
%token <text> NAME "a name" STRING "a string"
%token <num> NUMBER "a number"

%type <decls> items item dims lets members member function stmts stmt ostmts settings oitems entries
%type <decls> params params1 overrides
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
	START_FILE items                { src->decls = $2.first; }
|	START_EXPR value                { src->expr = $2; }
;

items:
	%empty                          { $$ = (DeclList){ 0 }; }
|	items item                      { $$ = tree_add($1, $2.first); }
|	items error                     { $$ = $1; }
;

item:
	SPEC name ';'
		{ $$ = tree_list(tree_decl(src, DECL_spec, $2, NULL, NULL)); }
|	INCLUDE STRING ';'
		{ $$ = tree_list(tree_word(src, DECL_include, $2, @2, NULL)); }
|	OVERRIDE overrides ';'          { $$ = $2; }
|	DIM dims ';'                    { $$ = $2; }
|	LET lets ';'                    { $$ = $2; }
|	MODULE name opt_axes opt_nums '{' members '}' {
		$$ = tree_block(src, DECL_module, $2, $6);
		$$.first->axes = $3.first;
		$$.first->nums = $4.first;
	}
|	function
|	NAMES name OF name '{' entries '}' {
		$$ = tree_block(src, DECL_names, $2, $6);
		$$.first->of = $4;
	}
|	MODEL name '=' name ';'         {
		$$ = tree_block(src, DECL_model, $2, (DeclList){ 0 });
		$$.first->of = $4;
	}
|	MODEL name '=' AVERAGE OF name '{' settings '}' {
		$$ = tree_block(src, DECL_model, $2, $8);
		$$.first->of = $6;
		$$.first->average = true;
	}
|	OBJECTIVE name '(' params ')' '{' ostmts '}' {
		$$ = tree_block(src, DECL_objective, $2, $7);
		$$.first->params = $4.first;
	}
|	FEATURE name '(' params ')' OF names ARROW type '=' expr ';' {
		Decl *d = tree_decl(src, DECL_feature, $2, $9, $11);
		d->params = $4.first;
		d->of = $7.first;
		$$ = tree_list(d);
	}
|	OPTIMISE name BY expr '{' oitems '}' {
		$$ = tree_block(src, DECL_optimise, $2, $6);
		$$.first->value = $4;
	}
|	DATA name '{' settings '}'      { $$ = tree_block(src, DECL_data, $2, $4); }
|	RUN '{' settings '}'            {
		$$ = tree_list(tree_word(src, DECL_run, "run", @1, NULL));
		$$.first->body = $3.first;
	}
|	EXPECT expr ';'
		{ $$ = tree_list(tree_word(src, DECL_expect, "expect", $2->loc, $2)); }
;

overrides:
	let_item                        { $1->kind = DECL_override; $$ = tree_list($1); }
|	overrides ',' let_item          { $3->kind = DECL_override; $$ = tree_add($1, $3); }
;

dims:
	dim_item                        { $$ = tree_list($1); }
|	dims ',' dim_item               { $$ = tree_add($1, $3); }
;

dim_item:
	name '=' expr                   { $$ = tree_decl(src, DECL_dim, $1, NULL, $3); }
|	name LIKE name
		{ $$ = tree_decl(src, DECL_dim, $1, NULL, NULL); $$->of = $3; }
;

lets:
	let_item                        { $$ = tree_list($1); }
|	lets ',' let_item               { $$ = tree_add($1, $3); }
;

let_item:
	name '=' value                  { $$ = tree_decl(src, DECL_let, $1, NULL, $3); }
;

members:
	%empty                          { $$ = (DeclList){ 0 }; }
|	members member                  { $$ = tree_add($1, $2.first); }
;

member:
	DIM dims ';'                    { $$ = $2; }
|	LET lets ';'                    { $$ = $2; }
|	PARAM param_item ';'            {
		/* `param q, k, v : ..`: three declarations that share type and initial value */
		$$ = (DeclList){ 0 };
		for (Name *n = $2->of; n; n = n->next) {
			$$ = tree_add($$, tree_decl(src, DECL_param, n, $2->type, $2->value));
			$$.last->draws = $2->draws;
		}
	}
|	USE names ':' name opt_axes opt_args ';' {
		$$ = (DeclList){ 0 };
		for (Name *n = $2.first; n; n = n->next)
			$$ = tree_add($$, use(src, n, $4, $5, $6));
	}
|	USE name '[' name IN name ']' ':' name opt_axes opt_args ';' {
		$$ = tree_list(use(src, $2, $9, $10, $11));
		$$.first->index = $4;
		$$.first->over = $6;
	}
|	function
;

function:
	FN name '(' params ')' ARROW type '=' expr ';' {
		Decl *d = tree_decl(src, DECL_fn, $2, $7, $9);
		d->params = $4.first;
		$$ = tree_list(d);
	}
|	FN name '(' params ')' ARROW type '{' stmts '}' {
		Decl *d = tree_decl(src, DECL_fn, $2, $7, NULL);
		d->params = $4.first;
		d->body = $9.first;
		$$ = tree_list(d);
	}
;

param_item:
	names ':' shape                 { $$ = param(src, @1, $1, $3, NULL); }
|	names ':' shape '=' expr        { $$ = param(src, @1, $1, $3, $5); }
|	names ':' shape '~' expr        { $$ = param(src, @1, $1, $3, $5); $$->draws = true; }
;

opt_axes:
	%empty                          { $$ = (NameList){ 0 }; }
|	'[' names ']'                   { $$ = $2; }
;

opt_nums:
	%empty                          { $$ = (NameList){ 0 }; }
|	'(' names ')'                   { $$ = $2; }
;

opt_args:
	%empty                          { $$ = (ArgList){ 0 }; }
|	'(' args ')'                    { $$ = $2; }
;

params:
	%empty                          { $$ = (DeclList){ 0 }; }
|	params1
;

params1:
	name ':' type                   { $$ = tree_list(tree_decl(src, DECL_arg, $1, $3, NULL)); }
|	params1 ',' name ':' type
		{ $$ = tree_add($1, tree_decl(src, DECL_arg, $3, $5, NULL)); }
;

type:
	shape
|	NAME shape                      { $$ = tree_type(src, $1, $2->axes, @$); }
;

shape:
	'[' ']'                         { $$ = tree_type(src, NULL, NULL, @$); }
|	'[' shape_items ']'             { $$ = tree_type(src, NULL, $2.first, @$); }
;

shape_items:
	ident                           { $$ = tree_add_name((NameList){ 0 }, $1); }
|	shape_items ',' ident           { $$ = tree_add_name($1, $3); }
;

ident:
	name
|	DOTDOT                          { $$ = name_new(A, NULL, @1); }
;

names:
	name                            { $$ = tree_add_name((NameList){ 0 }, $1); }
|	names ',' name                  { $$ = tree_add_name($1, $3); }
;

name:
	NAME                            { $$ = name_new(A, $1, @1); }
;

stmts:
	%empty                          { $$ = (DeclList){ 0 }; }
|	stmts stmt                      { $$ = tree_add($1, $2.first); }
|	stmts RETURN expr ';'           {
		$$ = tree_add($1, tree_word(src, DECL_return, "return", @2, $3));
	}
;

stmt:
	LET name ':' type '=' expr ';'  { $$ = tree_list(tree_decl(src, DECL_let, $2, $4, $6)); }
|	LET name '=' expr ';'           { $$ = tree_list(tree_decl(src, DECL_let, $2, NULL, $4)); }
|	SCAN name '[' name IN name ']' '=' expr FROM expr ';' {
		$$ = tree_list(tree_decl(src, DECL_scan, $2, NULL, $9));
		$$.first->index = $4;
		$$.first->over = $6;
		$$.first->from = $11;
	}
;

ostmts:
	%empty                          { $$ = (DeclList){ 0 }; }
|	ostmts stmt                     { $$ = tree_add($1, $2.first); }
|	ostmts DRAW name ':' type '=' expr ';'
		{ $$ = tree_add($1, tree_decl(src, DECL_draw, $3, $5, $7)); }
|	ostmts MINIMISE expr ';'
		{ $$ = tree_add($1, tree_word(src, DECL_minimise, "minimise", @2, $3)); }
|	ostmts WATCH name '=' expr ';'
		{ $$ = tree_add($1, tree_decl(src, DECL_watch, $3, NULL, $5)); }
;

entries:
	%empty                          { $$ = (DeclList){ 0 }; }
|	entries STRING '=' expr ';'
		{ $$ = tree_add($1, tree_word(src, DECL_entry, $2, @2, $4)); }
;

settings:
	%empty                          { $$ = (DeclList){ 0 }; }
|	settings setting                { $$ = tree_add($1, $2); }
;

setting:
	name '=' values ';'             { $$ = tree_decl(src, DECL_setting, $1, NULL, $3.first); }
;

oitems:
	%empty                          { $$ = (DeclList){ 0 }; }
|	oitems setting                  { $$ = tree_add($1, $2); }
|	oitems GROUP name WHERE expr '{' settings '}' {
		DeclList group = tree_block(src, DECL_group, $3, $7);
		group.first->value = $5;
		$$ = tree_add($1, group.first);
	}
|	oitems AFTER UPDATE name ';'
		{ $$ = tree_add($1, tree_decl(src, DECL_after, $4, NULL, NULL)); }
;

values:
	value                           { $$ = tree_add_expr((ExprList){ 0 }, $1); }
|	values ',' value                { $$ = tree_add_expr($1, $3); }
;

value:
	expr
|	value THEN expr
		{ $$ = tree_binary(src, BIN_or, $1, $3, @$, @2); $$->kind = EX_then; }
;

exprs:
	%empty                          { $$ = (ExprList){ 0 }; }
|	expr                            { $$ = tree_add_expr((ExprList){ 0 }, $1); }
|	exprs ',' expr                  { $$ = tree_add_expr($1, $3); }
;

expr:
	or
;

or:
	and
|	or OR and                       { $$ = tree_binary(src, BIN_or, $1, $3, @$, @2); }
;

and:
	notx
|	and AND notx                    { $$ = tree_binary(src, BIN_and, $1, $3, @$, @2); }
;

notx:
	cmp
|	NOT notx                        { $$ = tree_unary(src, EX_not, $2, @$, @1); }
;

cmp:
	range
|	range cmp_op range              { $$ = tree_binary(src, (BinOp)$2, $1, $3, @$, @2); }
;

cmp_op:
	'<'                             { $$ = BIN_lt; }
|	LE                              { $$ = BIN_le; }
|	'>'                             { $$ = BIN_gt; }
|	GE                              { $$ = BIN_ge; }
|	EQ                              { $$ = BIN_eq; }
|	NE                              { $$ = BIN_ne; }
;

range:
	add
|	add DOTDOT add
		{ $$ = tree_binary(src, BIN_or, $1, $3, @$, @2); $$->kind = EX_range; }
;

add:
	red
|	add '+' red                     { $$ = tree_binary(src, BIN_add, $1, $3, @$, @2); }
|	add '-' red                     { $$ = tree_binary(src, BIN_sub, $1, $3, @$, @2); }
;

red:
	mul
|	fold_op '(' names ')' red
		{ $$ = reduce(src, $1, $3, NULL, $5, @$, @1); }
|	fold_op '(' names WHERE expr ')' red
		{ $$ = reduce(src, $1, $3, $5, $7, @$, @1); }
|	fold_op '(' name IN range ')' red {
		$$ = tree_unary(src, EX_fold, $5, @$, @1);
		$$->mean = $1;
		$$->name = $3->text;
		$$->r = $7;
	}
;

fold_op:
	SUM                             { $$ = 0; }
|	MEAN                            { $$ = 1; }
;

mul:
	unary
|	mul '*' unary                   { $$ = tree_binary(src, BIN_mul, $1, $3, @$, @2); }
|	mul '/' unary                   { $$ = tree_binary(src, BIN_div, $1, $3, @$, @2); }
;

unary:
	postfix
|	'-' unary                       { $$ = tree_unary(src, EX_neg, $2, @$, @1); }
;

postfix:
	primary
|	postfix '(' args ')'
		{ $$ = tree_unary(src, EX_call, $1, @$, @1); $$->args = $3.first; }
|	postfix '.' NAME
		{ $$ = tree_unary(src, EX_member, $1, @$, @3); $$->name = $3; }
|	postfix '[' expr ']'            { $$ = tree_unary(src, EX_index, $1, @$, @3); $$->r = $3; }
|	postfix AS shape                { $$ = tree_unary(src, EX_as, $1, @$, @2); $$->shape = $3; }
|	postfix AT NAME                 { $$ = tree_unary(src, EX_at, $1, @$, @3); $$->name = $3; }
;

primary:
	NUMBER                          { $$ = tree_number(src, $1, @$); }
|	NUMBER NAME
		{ $$ = tree_number(src, $1, @$); $$->unit = $2; $$->mark = @2; }
|	STRING                          { $$ = expr_new(A, EX_string, @$); $$->text = $1; }
|	NAME                            { $$ = tree_named(src, EX_name, $1, @$); }
|	NAME STRING
		{ $$ = tree_named(src, EX_tagged, $1, @$); $$->text = $2; $$->mark = @1; }
|	'(' expr ')'                    { $$ = $2; $$->parens = true; $$->loc = @$; }
|	'[' exprs ']'                   { $$ = expr_new(A, EX_items, @$); $$->items = $2.first; }
;

args:
	%empty                          { $$ = (ArgList){ 0 }; }
|	args1
;

args1:
	arg                             { $$ = tree_add_arg((ArgList){ 0 }, $1); }
|	args1 ',' arg                   { $$ = tree_add_arg($1, $3); }
;

arg:
	expr                            { $$ = tree_arg(src, NULL, $1, @$); }
|	expr OVER idents                { $$ = tree_arg(src, NULL, $1, @$); $$->over = $3.first; }
|	expr OVER idents WHERE expr
		{ $$ = tree_arg(src, NULL, $1, @$); $$->over = $3.first; $$->where = $5; }
|	expr ALONG name                 { $$ = tree_arg(src, NULL, $1, @$); $$->along = $3; }
|	NAME '=' expr                   { $$ = tree_arg(src, $1, $3, @$); }
|	FROM '=' expr                   { $$ = tree_arg(src, intern("from"), $3, @$); }
|	OVER '=' expr                   { $$ = tree_arg(src, intern("over"), $3, @$); }
;

idents:
	name                            { $$ = tree_add_name((NameList){ 0 }, $1); }
|	'(' names ')'                   { $$ = $2; }
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

/* Collects what syntax.c makes a message of. */
static int
yyreport_syntax_error(const yypcontext_t *ctx, void *scanner, Source *src)
{
	yysymbol_kind_t want[YYNTOKENS], got = yypcontext_token(ctx);
	int             n = yypcontext_expected_tokens(ctx, want, YYNTOKENS);
	Unexpected      u = { .loc = *yypcontext_location(ctx) };
	(void)scanner;
	u.found = found_text(src, ctx, u.loc);
	u.at_end = got == YYSYMBOL_YYEOF;
	u.is_name = got == YYSYMBOL_NAME;
	u.is_fold = got == YYSYMBOL_SUM || got == YYSYMBOL_MEAN;
	u.section = is_expected(want, n, YYSYMBOL_MODULE);
	/* After `error` anything may follow. */
	if (is_expected(want, n, YYSYMBOL_YYUNDEF) && !(u.section && u.is_name))
		n = 0;
	u.semicolon = is_expected(want, n, (yysymbol_kind_t)YYTRANSLATE(';'));
	u.expression = is_expected(want, n, YYSYMBOL_NUMBER) &&
	               is_expected(want, n, (yysymbol_kind_t)YYTRANSLATE('('));
	u.operator = is_expected(want, n, (yysymbol_kind_t)YYTRANSLATE('*')) &&
	             is_expected(want, n, (yysymbol_kind_t)YYTRANSLATE('+'));
	for (int i = 0; i < n && u.n < COUNT(u.want); i++)
		u.want[u.n++] = spelled(src, want[i]);
	syntax_report(src, &u);
	return 0;
}

static void
yyerror(Loc *loc, void *scanner, Source *src, const char *what)
{
	(void)scanner;
	src->bad = true;
	diag_error(*loc, "syntax", "%s", what);
}
