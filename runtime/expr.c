/* The host expression language of Scalar.expr and Recipe.stop: numbers, names, functions, all in
 * doubles.
 *
 *     step < 500 ? 2e-3 * step / 499 : 1e-3 * (1 + cos(pi * (step - 500) / (steps - 500)))
 *
 * Loosest to tightest: ?:  ||  &&  one comparison  + -  * /  - ! (prefix)  ^ (right to left).
 * True is 1, false is 0. An expression is parsed once into postfix code and run every step; both
 * sides of ?: && || are computed (nothing has side effects). Refuses unknown names, `a < b < c`,
 * nesting beyond 64 levels and code beyond EXPR_MAX operations. */
#include "runtime/runtime.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NESTING = 64 };

typedef enum {
	E_number,
	E_name,
	E_neg,
	E_not,
	E_add,
	E_sub,
	E_mul,
	E_div,
	E_pow,
	E_lt,
	E_le,
	E_gt,
	E_ge,
	E_eq,
	E_ne,
	E_and,
	E_or,
	E_select,
	E_sin,
	E_cos,
	E_exp,
	E_log,
	E_sqrt,
	E_floor,
	E_abs,
	E_finite,
	E_min,
	E_max,
} ExprOp;

static const struct {
	const char *name;
	ExprOp      op;
	int         nargs;
} functions[] = {
	{"sin", E_sin, 1},   {"cos", E_cos, 1},     {"exp", E_exp, 1}, {"log", E_log, 1},
	{"sqrt", E_sqrt, 1}, {"floor", E_floor, 1}, {"abs", E_abs, 1}, {"finite", E_finite, 1},
	{"min", E_min, 2},   {"max", E_max, 2},     {"pow", E_pow, 2},
};

static const struct {
	const char *text;
	ExprOp      op;
} comparisons[] = {{"<=", E_le}, {">=", E_ge}, {"==", E_eq},
                   {"!=", E_ne}, {"<", E_lt},  {">", E_gt}};

typedef struct {
	const char    *text, *at;
	const Binding *b;
	int            nb, nesting;
	Expr          *out;
} Parser;

static Status parse_select(Parser *p);

static Status
wrong(const Parser *p, const char *what)
{
	return user_error("expression", "%s at column %d of the expression `%.200s`", what,
	                  (int)(p->at - p->text) + 1, p->text);
}

static Status
emit(Parser *p, ExprOp op, int which, double value)
{
	Expr *e = p->out;
	if (e->n == EXPR_MAX)
		return wrong(p, "more operations than an expression may have");
	e->at[e->n].op = op;
	e->at[e->n].which = which;
	e->at[e->n].value = value;
	e->n++;
	return OK;
}

static bool
accept(Parser *p, const char *token)
{
	size_t n = strlen(token);
	while (isspace((unsigned char)*p->at))
		p->at++;
	if (strncmp(p->at, token, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* ---- parsing: one function per level -------------------------------------------------------- */

static Status
parse_number(Parser *p)
{
	const char *s = p->at;
	while (isdigit((unsigned char)*s))
		s++;
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++)
			;
	if (*s == 'e' || *s == 'E') {
		const char *e = s + 1 + (s[1] == '+' || s[1] == '-');
		if (isdigit((unsigned char)*e)) {
			while (isdigit((unsigned char)*e))
				e++;
			s = e;
		}
	}
	char   digits[64];
	size_t n = (size_t)(s - p->at);
	if (n >= sizeof digits)
		return wrong(p, "a number of more than 63 characters");
	if (n == 1 && *p->at == '.')
		return wrong(p, "a lone `.`");
	if (isalnum((unsigned char)*s) || *s == '_' || *s == '.')
		return wrong(p, "a malformed number");
	memcpy(digits, p->at, n);
	digits[n] = 0;
	p->at = s;
	return emit(p, E_number, 0, strtod(digits, NULL));
}

static Status
parse_call(Parser *p, const char *name, size_t n)
{
	for (int i = 0; i < COUNT(functions); i++) {
		if (strlen(functions[i].name) != n || memcmp(functions[i].name, name, n) != 0)
			continue;
		for (int k = 0; k < functions[i].nargs; k++) {
			if (k && !accept(p, ","))
				return wrong(p, "`,` and another argument expected");
			TRY(parse_select(p));
		}
		if (!accept(p, ")"))
			return wrong(p, "`)` expected");
		return emit(p, functions[i].op, 0, 0);
	}
	p->at = name;
	return wrong(p, "an unknown function");
}

static Status
parse_name(Parser *p)
{
	const char *name = p->at;
	while (isalnum((unsigned char)*p->at) || *p->at == '_' || *p->at == '.')
		p->at++;
	size_t n = (size_t)(p->at - name);
	if (accept(p, "("))
		return parse_call(p, name, n);
	for (int i = 0; i < p->nb; i++)
		if (strlen(p->b[i].name) == n && memcmp(p->b[i].name, name, n) == 0)
			return emit(p, E_name, i, 0);
	if (n == 2 && memcmp(name, "pi", 2) == 0)
		return emit(p, E_number, 0, 3.14159265358979323846);
	p->at = name;
	return wrong(p, "an unknown name");
}

static Status
parse_primary(Parser *p)
{
	if (accept(p, "(")) {
		TRY(parse_select(p));
		return accept(p, ")") ? OK : wrong(p, "`)` expected");
	}
	if (isdigit((unsigned char)*p->at) || *p->at == '.')
		return parse_number(p);
	if (isalpha((unsigned char)*p->at) || *p->at == '_')
		return parse_name(p);
	return wrong(p, "a number, a name or `(` expected");
}

static Status
parse_prefix(Parser *p)
{
	if (++p->nesting > MAX_NESTING)
		return wrong(p, "deeper nesting than 64 levels");
	if (accept(p, "-")) {
		TRY(parse_prefix(p));
		TRY(emit(p, E_neg, 0, 0));
	} else if (accept(p, "!")) {
		TRY(parse_prefix(p));
		TRY(emit(p, E_not, 0, 0));
	} else {
		TRY(parse_primary(p));
		if (accept(p, "^")) {
			TRY(parse_prefix(p));
			TRY(emit(p, E_pow, 0, 0));
		}
	}
	p->nesting--;
	return OK;
}

static Status
parse_product(Parser *p)
{
	TRY(parse_prefix(p));
	for (;;) {
		bool mul = accept(p, "*");
		if (!mul && !accept(p, "/"))
			return OK;
		TRY(parse_prefix(p));
		TRY(emit(p, mul ? E_mul : E_div, 0, 0));
	}
}

static Status
parse_sum(Parser *p)
{
	TRY(parse_product(p));
	for (;;) {
		bool add = accept(p, "+");
		if (!add && !accept(p, "-"))
			return OK;
		TRY(parse_product(p));
		TRY(emit(p, add ? E_add : E_sub, 0, 0));
	}
}

static Status
parse_comparison(Parser *p)
{
	TRY(parse_sum(p));
	int found = 0;
	for (int i = 0; i < COUNT(comparisons); i++) {
		if (!accept(p, comparisons[i].text))
			continue;
		if (found++)
			return wrong(p, "two comparisons in a row");
		TRY(parse_sum(p));
		TRY(emit(p, comparisons[i].op, 0, 0));
		i = -1;
	}
	return OK;
}

static Status
parse_and(Parser *p)
{
	TRY(parse_comparison(p));
	while (accept(p, "&&")) {
		TRY(parse_comparison(p));
		TRY(emit(p, E_and, 0, 0));
	}
	return OK;
}

static Status
parse_select(Parser *p)
{
	if (++p->nesting > MAX_NESTING)
		return wrong(p, "deeper nesting than 64 levels");
	TRY(parse_and(p));
	while (accept(p, "||")) {
		TRY(parse_and(p));
		TRY(emit(p, E_or, 0, 0));
	}
	if (accept(p, "?")) {
		TRY(parse_select(p));
		if (!accept(p, ":"))
			return wrong(p, "`:` expected");
		TRY(parse_select(p));
		TRY(emit(p, E_select, 0, 0));
	}
	p->nesting--;
	return OK;
}

Status
expr_parse(const char *expr, const Binding *b, int nb, Expr *out)
{
	Parser p = {.text = expr, .at = expr, .b = b, .nb = nb, .out = out};
	out->n = 0;
	TRY(parse_select(&p));
	accept(&p, "");
	return *p.at ? wrong(&p, "something left over") : OK;
}

/* ---- running -------------------------------------------------------------------------------- */

static double
unary(int op, double x)
{
	switch (op) {
	case E_neg:
		return -x;
	case E_not:
		return x == 0;
	case E_sin:
		return sin(x);
	case E_cos:
		return cos(x);
	case E_exp:
		return exp(x);
	case E_log:
		return log(x);
	case E_sqrt:
		return sqrt(x);
	case E_floor:
		return floor(x);
	case E_abs:
		return fabs(x);
	case E_finite:
		return isfinite(x) != 0;
	}
	BUG("expression code %d", op);
}

static double
binary(int op, double x, double y)
{
	switch (op) {
	case E_add:
		return x + y;
	case E_sub:
		return x - y;
	case E_mul:
		return x * y;
	case E_div:
		return x / y;
	case E_pow:
		return pow(x, y);
	case E_lt:
		return x < y;
	case E_le:
		return x <= y;
	case E_gt:
		return x > y;
	case E_ge:
		return x >= y;
	case E_eq:
		return x == y;
	case E_ne:
		return x != y;
	case E_and:
		return x != 0 && y != 0;
	case E_or:
		return x != 0 || y != 0;
	/* Unlike fmin and fmax: what is not a number stays visible. */
	case E_min:
		return isnan(x) || isnan(y) ? x + y : x < y ? x : y;
	case E_max:
		return isnan(x) || isnan(y) ? x + y : x > y ? x : y;
	}
	BUG("expression code %d", op);
}

double
expr_run(const Expr *e, const double *value)
{
	double stack[EXPR_MAX + 1];
	int    n = 0;
	for (int i = 0; i < e->n; i++) {
		int op = e->at[i].op;
		if (op == E_number) {
			stack[n++] = e->at[i].value;
		} else if (op == E_name) {
			stack[n++] = value[e->at[i].which];
		} else if (op == E_select) {
			n -= 2;
			stack[n - 1] = stack[n - 1] != 0 ? stack[n] : stack[n + 1];
		} else if (op == E_neg || op == E_not || (op >= E_sin && op <= E_finite)) {
			stack[n - 1] = unary(op, stack[n - 1]);
		} else {
			n--;
			stack[n - 1] = binary(op, stack[n - 1], stack[n]);
		}
	}
	return stack[0];
}

Status
expr_eval(const char *expr, const Binding *b, int nb, double *out)
{
	Expr   e;
	double value[64];
	if (nb > COUNT(value))
		BUG("%d names for an expression", nb);
	TRY(expr_parse(expr, b, nb, &e));
	for (int i = 0; i < nb; i++)
		value[i] = b[i].value;
	*out = expr_run(&e, value);
	return OK;
}
