/* Positions as linear forms in loop variables, with a textual rest for what is not linear. */
#include "compiler/codegen/region.h"

Coord
coord_axis(const Region *r, const char *axis)
{
	Coord c = {0};

	for (int i = 0; i < r->nspace; i++)
		if (r->space[i].name == axis) {
			c.coef[i] = 1;
			return c;
		}
	for (int i = 0; i < r->ndropped; i++)
		if (r->dropped[i] == axis)
			return c;
	BUG("kernel %d does not walk axis %s", r->kernel, axis);
}

Coord
coord_scale(const Region *r, Coord c, int64_t by)
{
	if (by == 0)
		return (Coord){0};
	c.c0 *= by;
	c.unit *= by;
	for (int i = 0; i < MAX_LOOPS; i++)
		c.coef[i] *= by;
	if (c.opaque && by != 1)
		c.opaque = arena_printf(r->a, "%lld * (%s)", (long long)by, c.opaque);
	return c;
}

static int64_t
divisor(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

Coord
coord_add(const Region *r, Coord x, Coord y)
{
	x.c0 += y.c0;
	for (int i = 0; i < MAX_LOOPS; i++)
		x.coef[i] += y.coef[i];
	if (x.opaque && y.opaque)
		x.opaque = arena_printf(r->a, "%s + %s", x.opaque, y.opaque);
	else if (y.opaque)
		x.opaque = y.opaque;
	x.unit = divisor(x.unit, y.unit);
	x.touches |= y.touches;
	return x;
}

unsigned
coord_loops(const Region *r, const Coord *c)
{
	unsigned m = 0;

	for (int i = 0; i < r->nspace; i++)
		if (c->coef[i] || (c->touches >> i & 1))
			m |= 1u << r->group[i];
	return m;
}

const char *
coord_text(const Region *r, const Coord *c)
{
	Text        t = {0};
	const char *out;
	int64_t     most = 0;     /* of the sum so far, whose variables may be int */
	bool        wide = false; /* a term of 64 bits makes the sum one, too */

	for (int l = 0; l < r->nloop; l++) {
		int64_t k = 0;

		/* axes merged into one loop have coefficients that nest: the innermost counts */
		for (int i = 0; i < r->nspace; i++)
			if (r->group[i] == l && r->within[i] == 1)
				k = c->coef[i];
		if (k == 0)
			continue;
		text_printf(&t, "%s", t.n ? " + " : "");
		int64_t term = (k < 0 ? -k : k) * r->loop[l].size;
		most += term;
		if (term > INT32_MAX || (most > INT32_MAX && !wide)) {
			text_printf(&t, "%lldll * %s", (long long)k, r->loop[l].var);
			wide = true;
		} else if (k == 1) {
			text_printf(&t, "%s", r->loop[l].var);
		} else {
			text_printf(&t, "%lld * %s", (long long)k, r->loop[l].var);
		}
	}
	if (c->opaque)
		text_printf(&t, "%s%s", t.n ? " + " : "", c->opaque);
	if (c->c0 < 0)
		text_printf(&t, " - %lld", -(long long)c->c0);
	else if (c->c0 || !t.n)
		text_printf(&t, "%s%lld", t.n ? " + " : "", (long long)c->c0);
	out = arena_strdup(r->a, t.at);
	text_free(&t);
	return out;
}
