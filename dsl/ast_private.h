/* ast_private: the trees that parsing makes. Expr (formulas) and Decl (everything that stands in a
 * block, from `dim` to `expect`) are plain data with the place they were written at; nothing in
 * them is ever changed after parsing. Private to the dsl room, which reads it through
 * dsl_private.h; it knows nothing of axes, values and graphs. */
#ifndef D2V_AST_PRIVATE_H
#define D2V_AST_PRIVATE_H

#include "dsl/dsl.h"

/* ---- ast.c ---------------------------------------------------------------------------------- */

typedef struct Expr Expr;
typedef struct Decl Decl;

typedef struct Name {
	const char  *text; /* NULL: `..` in a shape */
	Loc          loc;
	struct Name *next;
} Name;

typedef struct {
	const char *kind; /* "mask", or NULL: numbers */
	Name       *axes;
	Loc         loc;
} TypeExpr;

typedef struct Argument {
	const char      *name; /* NULL: by position */
	Expr            *value;
	Name            *over;
	Expr            *where;
	Name            *along;
	Loc              loc;
	struct Argument *next;
} Argument;

typedef enum {
	EX_number,
	EX_string,
	EX_name,
	EX_tagged, /* name "text" */
	EX_items,  /* [a, b] */
	EX_neg,
	EX_not,
	EX_binary,
	EX_call,
	EX_member,
	EX_index,
	EX_as,
	EX_at,
	EX_reduce, /* sum(A, B where m) l */
	EX_fold,   /* sum(i in l) r */
	EX_range,
	EX_then,
} ExprKind;

typedef enum {
	BIN_or,
	BIN_and,
	BIN_lt,
	BIN_le,
	BIN_gt,
	BIN_ge,
	BIN_eq,
	BIN_ne,
	BIN_add,
	BIN_sub,
	BIN_mul,
	BIN_div
} BinOp;
extern const char *const bin_text[];

struct Expr {
	ExprKind    kind;
	BinOp       op;
	bool        mean; /* EX_reduce, EX_fold: mean, not sum */
	double      num;
	const char *name; /* EX_name, EX_tagged, EX_member, EX_fold's index, EX_at's axis */
	const char *text; /* EX_string, EX_tagged */
	const char *unit; /* EX_number */
	Expr       *l, *r, *where;
	Expr       *items; /* EX_items: linked by next */
	Argument   *args;  /* EX_call */
	Name       *axes;  /* EX_reduce */
	TypeExpr   *shape; /* EX_as */
	Loc         loc;   /* all of it */
	Loc         mark;  /* the operator, name or unit: what a message points at */
	bool        parens;
	Expr       *next;
};

typedef enum {
	DECL_spec,
	DECL_include,
	DECL_override,
	DECL_dim,
	DECL_let,
	DECL_module,
	DECL_param,
	DECL_use,
	DECL_fn,
	DECL_arg,
	DECL_scan,
	DECL_return,
	DECL_names,
	DECL_entry,
	DECL_model,
	DECL_objective,
	DECL_draw,
	DECL_minimise,
	DECL_watch,
	DECL_feature,
	DECL_optimise,
	DECL_group,
	DECL_after,
	DECL_data,
	DECL_run,
	DECL_setting,
	DECL_expect
} DeclKind;

struct Decl {
	DeclKind    kind;
	Loc         loc; /* of the name */
	const char *name;
	Name     *of; /* use: module; model, names: module or model; dim: `like`; feature: models */
	Name     *axes;  /* module: its axes; use: axes given */
	Name     *nums;  /* module: its numbers */
	Name     *index; /* use name[index in over], scan */
	Name     *over;
	Argument *args; /* use */
	TypeExpr *type;
	Expr     *value; /* settings: values linked by next */
	Expr     *from;  /* scan */
	bool      draws; /* param: `~`, not `=` */
	bool      average;
	int       depth;  /* of includes: 0 in the file that is compiled */
	Decl     *params; /* fn, objective, feature: DECL_arg */
	Decl     *body;
	Decl     *next;
};

Expr       *expr_new(Arena *a, ExprKind kind, Loc loc);
Decl       *decl_new(Arena *a, DeclKind kind, const Name *name);
Name       *name_new(Arena *a, const char *text, Loc loc);
Loc         loc_join(Loc first, Loc last);
void        expr_print(Text *t, const Expr *e); /* canonical spelling */
const char *expr_text(Arena *a, const Expr *e);

/* ---- lex.l, parse.y ------------------------------------------------------------------------- */

/* What scanner and parser share about one text. */
typedef struct {
	Arena      *arena;
	const char *file;
	int         line, col;
	int         start;    /* token to hand out first: START_FILE or START_EXPR, then 0 */
	bool        comments; /* hand out COMMENT tokens (the formatter) */
	bool   skip; /* after a syntax error: drop all up to the next section keyword in column 1 */
	bool   bad;  /* a syntax error was reported */
	Loc    last; /* the token before the current one */
	Loc    here; /* the current one */
	size_t begin, end; /* its bytes */
	Decl  *decls;      /* results */
	Expr  *expr;
} Source;

/* Parse a whole file's text (decls) or one expression. FAIL after messages. */
Status source_parse(Arena *a, const char *file, const char *text, bool expression, Source *out);
/* The formatter's view: next token's kind (0 at the end), its bytes in s->begin .. s->end. */
typedef enum {
	TOK_end,
	TOK_name,
	TOK_keyword,
	TOK_number,
	TOK_string,
	TOK_punct,
	TOK_comment
} TokKind;
typedef struct {
	TokKind kind;
	size_t  begin, end;
	int     line;
} Tok;
Status source_tokens(Arena *a, const char *file, const char *text, Tok **out, int *n);

/* ---- tree.c: what the grammar's actions build ----------------------------------------------- */

typedef struct {
	Expr *first, *last;
} ExprList;
typedef struct {
	Name *first, *last;
} NameList;
typedef struct {
	Argument *first, *last;
} ArgList;
typedef struct {
	Decl *first, *last;
} DeclList;

Expr     *tree_binary(Source *src, BinOp op, Expr *l, Expr *r, Loc loc, Loc mark);
Expr     *tree_unary(Source *src, ExprKind kind, Expr *l, Loc loc, Loc mark);
Expr     *tree_number(Source *src, double x, Loc loc);
Expr     *tree_named(Source *src, ExprKind kind, const char *name, Loc loc);
Argument *tree_arg(Source *src, const char *name, Expr *value, Loc loc);
TypeExpr *tree_type(Source *src, const char *kind, Name *axes, Loc loc);
/* A declaration that a name, or a word at a place, opens; type and value may be NULL. */
Decl    *tree_decl(Source *src, DeclKind kind, const Name *name, TypeExpr *type, Expr *value);
Decl    *tree_word(Source *src, DeclKind kind, const char *word, Loc loc, Expr *value);
DeclList tree_list(Decl *d);
DeclList tree_block(Source *src, DeclKind kind, const Name *name, DeclList body);
DeclList tree_add(DeclList list, Decl *more); /* one, or a chain: `dim A = 1, B = 2` is several */
NameList tree_add_name(NameList list, Name *n);
ArgList  tree_add_arg(ArgList list, Argument *x);
ExprList tree_add_expr(ExprList list, Expr *e);

/* ---- syntax.c ------------------------------------------------------------------------------- */

/* What the parser knows where it cannot go on. */
typedef struct {
	Loc         loc;
	const char *found;                    /* as it was written, in quotes */
	bool        at_end, is_name, is_fold; /* found: nothing more, a name, `sum` or `mean` */
	bool section, expression, operator, semicolon; /* what could stand here */
	int         n;
	const char *want[64]; /* every token that could, as messages call them */
} Unexpected;
void syntax_report(Source *src, const Unexpected *u);

#endif
