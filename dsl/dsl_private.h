/* dsl_private: what the files of the dsl room share beside the trees (ast_private.h): values,
 * scopes, and what each file offers. Nobody else includes it.
 *
 * Checking and lowering are one walk (lower): a module has no type of its own, its body is checked
 * once per use with the axes that the use gives it, and every rule about axes lives in check.c. */
#ifndef D2V_DSL_PRIVATE_H
#define D2V_DSL_PRIVATE_H

#include "dsl/ast_private.h"

typedef struct Dim      Dim;
typedef struct Instance Instance;
typedef struct Value    Value;

/* ---- import.c ------------------------------------------------------------------------------- */

/* All files of a spec in one list of declarations; *hash_text collects their text in order. */
Status import_spec(Arena *a, const char *path, Decl **out, Text *hash_text);

/* ---- scope.c: dims, names, values ----------------------------------------------------------- */

typedef struct {
	Dim    *dim; /* NULL: an anonymous number of elements */
	int64_t size;
} DimPart;

typedef enum { DIM_new, DIM_busy, DIM_done, DIM_bad } DimState;

struct Dim {
	const char *name; /* as declared */
	const char *axis; /* its name in graphs: unique */
	Loc         loc;
	const Expr *eq; /* or `like` */
	Dim        *like;
	Name       *like_name;
	Instance   *in; /* where local dims look names up; NULL: the top level */
	DimState    state;
	int64_t     size;
	int         npart, nfactor;
	DimPart     part[8];   /* T = 1 + N */
	Dim        *factor[8]; /* N = Gy * Gx */
	bool        set;       /* by the command line */
};

typedef struct {
	int  n;
	Dim *at[MAX_RANK];
} Axes;

typedef enum {
	V_error,
	V_number,
	V_truth,
	V_word,
	V_string,
	V_none,
	V_tensor,
	V_list, /* compile-time array along an axis */
	V_range,
	V_items,
	V_init,
	V_form,     /* a call that describes something: images(..), every(..) */
	V_schedule, /* item: one form per segment */
	V_table,    /* a constant table whose axes have no names yet */
} ValueKind;

struct Value {
	ValueKind kind;
	double    num, hi; /* number, truth; range: num .. hi; list: hi = 1 when item[-1] exists */
	const char *unit;  /* of a number, or NULL */
	const char *text;  /* word, string; form and table: the function's name */
	Val         val;   /* tensor */
	Dim        *axis;  /* list */
	int         n;
	Value      *item; /* list, items, schedule; form: arguments in order of its formals */
	Init        init;
	const Expr *expr; /* a condition that is kept as written: when(..) */
	Loc         loc;
};

typedef struct {
	const char *path; /* "block[3].attend.q" */
	const Decl *decl;
	Axes        axes;
	Init        init;
	bool        norm; /* of a module that standardises */
	bool        reached, averaged;
	const char *group;
	Loc         loc;
} Param;

typedef enum {
	BIND_nothing,
	BIND_value,
	BIND_dim,
	BIND_param,
	BIND_instance,
	BIND_instances,
	BIND_fn,
	BIND_model
} BindKind;

typedef struct Model Model;
typedef struct Binding {
	BindKind        kind;
	const char     *name;
	Loc             loc;
	Value           value;
	Dim            *dim; /* BIND_dim; BIND_instances: its axis */
	int             param;
	int             n;
	Instance      **inst; /* one, or n */
	const Decl     *fn;
	Instance       *owner; /* fn, param: whose */
	Model          *model;
	struct Binding *next;
} Binding;

struct Instance {
	const Decl *module;
	const char *path; /* "" for a model's root */
	Binding    *names;
};

struct Model {
	const char *name;
	const Decl *decl;
	Instance   *root;
	Model      *of;   /* average: the model it follows */
	bool        eval; /* never drops out */
	Value       decay;
};

/* A top-level name. */
typedef struct Global {
	const Decl    *decl;
	const Expr    *value;  /* dim, let: after overrides */
	bool           forced; /* by --set */
	DimState       state;  /* let */
	Value          cached;
	Dim           *dim;
	struct Global *next;
} Global;

/* A parameter group of `optimise`. */
typedef struct {
	const char *name;
	const Decl *decl; /* NULL: what no group takes */
	Val         lr, decay;
	const char *lr_text, *decay_text;
	bool        decays;
	int         tensors;
	int64_t     elems;
} Group;

typedef struct Site Site;
typedef struct {
	Arena      *arena;
	const char *path; /* of the spec, as given */
	Decl       *decls;
	Spec       *spec;
	Global     *globals;
	bool        any_set;
	Vec(Dim *) dims;
	Vec(Param) params;
	Vec(Model *) models;
	const Site *stack; /* functions being evaluated */
	int         exact; /* > 0: inside a dim's equation, `/` must be exact */
	const Decl *instancing[32];
	int         ninstancing;
	bool        norm_module; /* the module being instanced standardises */
	Vec(Group) groups;
	Model *average; /* the teacher, or NULL */
	Val    lr, ema; /* in the train graph */
	/* the graph being built */
	Graph *g;
	Val   *leaf; /* [model][param] */
	Val    sample, step, seed;
	Dim   *batch;
	bool   eval; /* features: nothing drops out */
} Cx;

/* Where an expression is evaluated. */
typedef struct {
	Cx         *cx;
	Instance   *in;
	Model      *model;
	Binding    *locals;
	Axes        rest; /* what `..` stands for */
	bool        has_rest;
	const char *path; /* of draw sites: "block[3].attend" */
	const char *fn;
	int         ndropout, ndrop_path;
	const Axes *want; /* declared axes of the value being made, or NULL */
} Frame;

struct Site {
	const Decl     *fn;
	const Instance *in;
	const Model    *model;
	const Site     *up;
};

static inline Value
value_error(void)
{
	return (Value){.kind = V_error};
}
static inline Value
value_number(double x, Loc loc)
{
	return (Value){.kind = V_number, .num = x, .loc = loc};
}
/* Report and yield the error value: one mistake, one message. */
#define REFUSE(...) return (diag_error(__VA_ARGS__), value_error())

Status   scope_globals(Cx *cx, const Override *set, int nset);
Binding  scope_find(Frame *f, const char *name); /* BIND_nothing when unknown; may evaluate a let */
Status   scope_unknown(Frame *f, Loc loc, const char *slug, const char *what,
                       const char *name);                /* reports, with "did you mean" */
Dim     *scope_dim(Frame *f, const char *name, Loc loc); /* resolved; NULL after a message */
Dim     *scope_axis(Cx *cx, const char *axis);           /* by graph name */
Dim     *scope_local_dim(Cx *cx, Instance *in, const Decl *d);
Status   scope_axes(Frame *f, const Name *names, const char *what, Axes *out);
Status   scope_module(Cx *cx, const Name *name, const Decl **out);
Binding *binding_push(Arena *a, Binding **list, BindKind kind, const char *name, Loc loc);
const Global *scope_global(Cx *cx, const char *name);

/* ---- check.c: the rules about axes, and their messages -------------------------------------- */

Axes        dims_of(Cx *cx, Val v);
bool        dims_has(const Axes *a, const Dim *d);
bool        dims_same(const Axes *a, const Axes *b);
void        dims_add(Axes *a, Dim *d);
const char *dims_text(Arena *a, const Axes *x);
Axis        dim_axis(const Dim *d);
Type        dims_type(const Axes *x, Dtype dtype);
const char *dim_text(Arena *a, const Dim *d); /* "T = 1 + N = 197" */
void        note_dim(Cx *cx, const Dim *d);
const char *value_text(Cx *cx, const Value *v); /* what it is: "[B, T, D]", "a number" */
Status check_join(Cx *cx, const char *op, Loc loc, Val a, Val b); /* the rule of + - / < min max */
Status check_over(Cx *cx, const Axes *over, Val v, Loc loc,
                  const char *what); /* every axis of over is one of v */
Status
check_declared(Cx *cx, const char *what, Loc loc, Loc declared, const Axes *want, const Value *v);
Value check_as(Frame *f, const Expr *e, Value v);
Value check_at(Frame *f, const Expr *e, Value v);
Value check_concat(Frame *f, Loc loc, const Name *along, const Value *v, const Loc *locs, int n);

/* ---- builtin.c ------------------------------------------------------------------------------ */

typedef struct Builtin Builtin;
enum { MAX_FORMAL = 8, MAX_OPERAND = 10 };

/* kind: t tensor or number, m mask or none, n number, q number with a unit, w word, r range, N list
 * of numbers, W list of bare words, c condition kept as written, s source "name", T table. `dflt`
 * counts when an optional one is left out. */
typedef struct {
	const char *name;
	char        kind;
	bool        optional;
	double      dflt;
} Formal;

typedef struct {
	Value       v[MAX_OPERAND];
	Loc         loc[MAX_OPERAND];
	bool        given[MAX_OPERAND];
	int         n;
	Axes        over;
	bool        has_over;
	Loc         over_loc;
	const Expr *where;
	const Name *along;
	Loc         loc_all;
} Call;

struct Builtin {
	const char *name;
	Value (*make)(Frame *, const Builtin *, Call *);
	Formal formal[MAX_FORMAL];
	bool   over, where, along;
	Op     op; /* plain functions */
	double (*number)(double);
};

/* builtin_make.c */
Value make_un(Frame *f, const Builtin *b, Call *c);
Value make_extreme(Frame *f, const Builtin *b, Call *c);
Value make_composite(Frame *f, const Builtin *b, Call *c);
Value make_std(Frame *f, const Builtin *b, Call *c);
Value make_choose(Frame *f, const Builtin *b, Call *c);
Value make_concat(Frame *f, const Builtin *b, Call *c);
Value make_pick(Frame *f, const Builtin *b, Call *c);
Value make_table(Frame *f, const Builtin *b, Call *c);
Value make_dropout(Frame *f, const Builtin *b, Call *c);
Value make_init(Frame *f, const Builtin *b, Call *c);
Value make_form(Frame *f, const Builtin *b, Call *c);
Value make_segment(Frame *f, const Builtin *b, Call *c);

const Builtin *builtin_find(const char *name);
int            builtin_names(const char **out, int cap);
Value          builtin_call(Frame *f, const Builtin *b, const Expr *call);
int            builtin_words(const char **out, int cap);
bool           builtin_is_word(const char *name);

/* ---- lower.c: formulas -> nodes ------------------------------------------------------------- */

Value lower(Frame *f, const Expr *e);
Value lower_number(Frame *f, const Expr *e,
                   const char *what); /* a number without unit, or the error value */
Val   lower_tensor(Frame *f, Value v,
                   /* f32 or bool node of a number, tensor or list; NO_VAL after a message */
                   Loc loc);
Val   lower_f32(Frame *f, Value v, Loc loc); /* the same, masks as 0 and 1 */
Value value_tensor(Val v, Loc loc);
Val   lower_like(Cx *cx, Op op, const Val *in, int nin,
                 Loc loc); /* elementwise; axes in the order of the operand that has most */
Binding
      resolve(Frame *f, const Expr *e); /* a path: name, a.b, a[i]; BIND_nothing after a message */
Value reduce_where(Frame *f, Value v, const Axes *over, Val mask, bool mean, Loc loc);
Val   param_leaf(Cx *cx, const Model *m, int param, Loc loc);
/* arith.c */
Status check_rank(Cx *cx, Val a, Val b, Loc loc); /* the union of their axes fits a type */
Status check_elements(Cx *cx, const Axes *x, Loc loc);
Value  lower_binary(Frame *f, const Expr *e);
Value  lower_reduce(Frame *f, const Expr *e);
Value  lower_fold(Frame *f, const Expr *e);
/* path.c */
Value bound_value(Frame *f, const Expr *e, Binding b);
Value lower_name(Frame *f, const Expr *e);
Value lower_index(Frame *f, const Expr *e);
Value lower_call(Frame *f, const Expr *e);
/* call.c: functions, statements */
Value  call_fn(Frame *f, Model *m, Instance *in, const Decl *fn, const Expr *call);
Value  declared(Frame *f, const TypeExpr *type, const Expr *value,
                const char *what); /* evaluate and hold against the declared type */
Value  value_as_declared(Frame *f, const TypeExpr *type, const char *what, Value v, Loc loc);
Status statement(Frame *f, const Decl *d);         /* let, scan */
Val    random_operand(Cx *cx, int which, Loc loc); /* 0 sample, 1 step, 2 seed */

/* ---- model.c: modules -> instances, parameters, names --------------------------------------- */

Status model_all(Cx *cx);
Model *model_find(Cx *cx, const char *name);
Status model_names(Cx *cx);

/* ---- schedule.c ----------------------------------------------------------------------------- */

/* A number or schedule as a rank-0 value: a const, or a host expression. */
Val         schedule_value(Cx *cx, Value v, const char *what, Loc loc);
const char *schedule_expr(Cx *cx, Value v, const char *what, Loc loc); /* NULL after a message */

/* ---- recipe.c, train.c, expect.c: the sections ---------------------------------------------- */

const Decl *section(Cx *cx, DeclKind kind, const char *word, bool required);
const Decl *setting(const Decl *body, const char *name);
Status      settings_known(const Decl *body, const char *where, const char *const *known, int n);
Status      recipe_data(Cx *cx, const Decl *objective);
Status      recipe_run(Cx *cx);
Status      recipe_precision(Cx *cx, Dtype *matmul, Dtype *average);
Status      train_build(Cx *cx); /* the objective's graph */
Status      feature_build(Cx *cx);
Status      optimise_build(Cx *cx); /* updates, variables; the train graph is committed */
void        mark_used(Cx *cx); /* which parameters the graph being built reaches from its outputs */
Status      bind_params(Frame *f, const Decl *params);
void        graph_begin(Cx *cx, const char *name);

/* What an `expect` line may need, kept for dsl_expect. */
typedef struct SpecLater {
	Cx         *cx;
	const Decl *expects;
} SpecLater;
Status expect_check(
	Cx              *cx,
	const PlanFacts *facts); /* NULL: only lines that need no plan; else only those that do */

void summary_write(Cx *cx);

#endif
