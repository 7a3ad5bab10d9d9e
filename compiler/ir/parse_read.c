/* parse_read: the small pieces of the text form of graphs, each with its own message: words,
 * numbers, values, axes, types. Reads no statement. */
#include "compiler/ir/parse_private.h"

#include <math.h>
#include <string.h>

/* What was read where something else must stand. */
Status
parse_expected(Parse *p, const char *what)
{
	char seen[41];
	int  n = 0;

	for (; n < 40 && p->tok.start + n < p->at; n++) {
		char c = p->tok.start[n];
		seen[n] = (unsigned char)c < 32 || c == 127 ? '?' : c;
	}
	seen[n] = '\0';
	if (p->tok.kind == TOK_end)
		return diag_error(parse_loc(p), "ir-syntax", "%s must stand here, the text ends",
		                  what);
	return diag_error(parse_loc(p), "ir-syntax", "%s must stand here, not `%s`", what, seen);
}

bool
parse_is_punct(const Parse *p, char c)
{
	return p->tok.kind == TOK_punct && p->tok.punct == c;
}

bool
parse_accept_punct(Parse *p, char c)
{
	if (!parse_is_punct(p, c))
		return false;
	parse_next(p);
	return true;
}

Status
parse_expect_punct(Parse *p, char c)
{
	char what[] = "`?`";

	what[1] = c;
	return parse_accept_punct(p, c) ? OK : parse_expected(p, what);
}

bool
parse_is_word(const Parse *p, const char *word)
{
	return p->tok.kind == TOK_name && strcmp(p->tok.name, word) == 0;
}

bool
parse_accept_word(Parse *p, const char *word)
{
	if (!parse_is_word(p, word))
		return false;
	parse_next(p);
	return true;
}

Status
parse_expect_word(Parse *p, const char *word)
{
	char what[32];

	snprintf(what, sizeof what, "`%s`", word);
	return parse_accept_word(p, word) ? OK : parse_expected(p, what);
}

Status
parse_read_name(Parse *p, const char *what, const char **out)
{
	if (p->tok.kind != TOK_name && p->tok.kind != TOK_string)
		return parse_expected(p, what);
	*out = p->tok.name;
	parse_next(p);
	return OK;
}

Status
parse_read_string(Parse *p, const char *what, const char **out)
{
	return p->tok.kind == TOK_string ? parse_read_name(p, what, out) : parse_expected(p, what);
}

Status
parse_read_int(Parse *p, const char *what, int64_t lo, int64_t hi, int64_t *out)
{
	if (p->tok.kind != TOK_int)
		return parse_expected(p, what);
	if (p->tok.whole < lo || p->tok.whole > hi)
		return diag_error(parse_loc(p), "ir-number", "%s must lie in %lld .. %lld", what,
		                  (long long)lo, (long long)hi);
	*out = p->tok.whole;
	parse_next(p);
	return OK;
}

Status
parse_read_real(Parse *p, const char *what, double *out)
{
	if (parse_is_word(p, "inf"))
		*out = INFINITY;
	else if (parse_is_word(p, "nan"))
		*out = NAN;
	else if (p->tok.kind == TOK_int || p->tok.kind == TOK_real)
		*out = p->tok.real;
	else
		return parse_expected(p, what);
	parse_next(p);
	return OK;
}

/* ---- values --------------------------------------------------------------------------------- */

static int
value_slot(const Parse *p, const char *name)
{
	int mask = p->value_cap - 1,
	    i = (int)(((uintptr_t)name >> 4) * 2654435761u & (unsigned)mask);

	while (p->value[i].name && p->value[i].name != name)
		i = (i + 1) & mask;
	return i;
}

Status
parse_define_value(Parse *p, const char *name, Val val, Loc loc)
{
	int i, slot, old_cap = p->value_cap;

	if (2 * p->nvalue >= p->value_cap) {
		void *old = p->value;
		p->value_cap = old_cap ? 2 * old_cap : 64;
		p->value = arena_alloc(p->scratch, sizeof *p->value * (size_t)p->value_cap);
		for (i = 0; i < old_cap; i++) {
			struct {
				const char *name;
				Val         val;
			} *from = old;
			if (!from[i].name)
				continue;
			slot = value_slot(p, from[i].name);
			p->value[slot].name = from[i].name;
			p->value[slot].val = from[i].val;
		}
	}
	slot = value_slot(p, name);
	if (p->value[slot].name)
		return diag_error(loc, "ir-value", "%%%s is defined twice", name);
	p->value[slot].name = name;
	p->value[slot].val = val;
	p->nvalue++;
	return OK;
}

Status
parse_read_value(Parse *p, Val *out)
{
	int slot;

	if (p->tok.kind != TOK_value)
		return parse_expected(p, "a value such as %0");
	slot = p->value_cap ? value_slot(p, p->tok.name) : -1;
	if (slot < 0 || !p->value[slot].name)
		return diag_error(parse_loc(p), "ir-value", "%%%s is not defined above",
		                  p->tok.name);
	*out = p->value[slot].val;
	parse_next(p);
	return OK;
}

/* ---- axes and types ------------------------------------------------------------------------- */

Status
parse_read_axis(Parse *p, Axis *out)
{
	TRY(parse_read_name(p, "an axis", &out->name));
	TRY(parse_expect_punct(p, ':'));
	return parse_read_int(p, "the size of an axis", 1, max_size, &out->size);
}

Status
parse_read_type(Parse *p, Type *out)
{
	int d;

	*out = (Type){0};
	for (d = 0; d < DT_COUNT && !parse_is_word(p, dtype_name[d]); d++)
		;
	if (d == DT_COUNT)
		return parse_expected(p, "a dtype (f32, bf16, i32, u32 or bool)");
	out->dtype = (Dtype)d;
	parse_next(p);
	TRY(parse_expect_punct(p, '['));
	if (parse_accept_punct(p, ']'))
		return OK;
	do {
		if (out->rank == MAX_RANK)
			return diag_error(parse_loc(p), "ir-type", "a type has at most %d axes",
			                  MAX_RANK);
		TRY(parse_read_axis(p, &out->axis[out->rank++]));
	} while (parse_accept_punct(p, ','));
	return parse_expect_punct(p, ']');
}
