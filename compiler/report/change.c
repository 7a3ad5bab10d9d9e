/* Which node of a graph was which before a pass. Passes renumber, so nodes are told by what they
 * are: first by their whole tree of operands, then by their own line alone, at last by operation
 * and place in the spec. Guesses are for display; nothing is compiled from them. */
#include "compiler/report/report_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_tree, KEY_line, KEY_place, KEYS };
typedef struct {
	bool     node;
	uint64_t key[KEYS], full; /* full: as KEY_line, with kernel and place in memory */
} LineKey;
typedef struct {
	LineKey *at;
	int      n;
} Keys;

/* FNV-1a, 64 bits */
static uint64_t
mix(uint64_t h, const void *data, size_t n)
{
	for (const unsigned char *c = data; n--; c++)
		h = (h ^ *c) * 1099511628211u;
	return h;
}
#define SEED 14695981039346656037u

/* Where `kernel 5 at act+0 strides(..)` begins: behind the type, before the place in the spec. */
static const char *
suffix(const char *at, const char *end, const char **loc)
{
	const char *type = NULL;

	*loc = end;
	for (const char *c = at; c + 2 < end; c++) {
		if (memcmp(c, " # ", 3) == 0)
			*loc = c;
		if (memcmp(c, " : ", 3) == 0 && *loc == end)
			type = c;
	}
	if (type && (type = memchr(type, ']', (size_t)(*loc - type))))
		return type + 1;
	return *loc;
}

static LineKey
line_key(const char *at, const char *end, const Keys *before, int first)
{
	const char *loc, *stop = suffix(at, end, &loc);
	const char *op = at + strspn(at, " ");
	LineKey     k = {.node = op < end && *op == '%', .key = {SEED, SEED, SEED}, .full = SEED};

	if (k.node)
		op = memchr(op, '=', (size_t)(end - op))
		             ? (const char *)memchr(op, '=', (size_t)(end - op)) + 2
		             : op;
	for (const char *c = op; c < end;) {
		if (*c == '%' && c + 1 < end && isdigit((unsigned char)c[1])) {
			char *after;
			long  v = strtol(c + 1, &after, 10);

			if (v + first < before->n && v >= 0)
				k.key[KEY_tree] =
					mix(k.key[KEY_tree], &before->at[v + first].key[KEY_tree],
				            sizeof(uint64_t));
			c = after;
			continue;
		}
		k.full = mix(k.full, c, 1);
		/* these are renumbered too */
		if (c >= stop && c < loc && strncmp(c, "kernel ", 7) == 0)
			c += 6 + strspn(c + 7, "0123456789");
		if (c < stop || c >= loc) {
			k.key[KEY_tree] = mix(k.key[KEY_tree], c, 1);
			k.key[KEY_line] = mix(k.key[KEY_line], c, 1);
		}
		c++;
	}
	if (k.node) {
		k.key[KEY_place] = mix(k.key[KEY_place], op, strcspn(op, " "));
		k.key[KEY_place] = mix(k.key[KEY_place], loc, (size_t)(end - loc));
	} else {
		/* a head line is itself or gone */
		k.key[KEY_place] = mix(k.key[KEY_line], "header", 6);
	}
	return k;
}

static Keys
keys_of(Arena *a, const Stage *s)
{
	Keys k = {0};
	int  lines = 0, first = 0;

	for (size_t i = 0; i < s->n; i++)
		lines += s->text[i] == '\n';
	k.at = arena_new_array(a, LineKey, lines + 1);
	for (const char *at = s->text, *end; at < s->text + s->n; at = end + 1) {
		if (!(end = memchr(at, '\n', (size_t)(s->text + s->n - at))))
			break;
		k.at[k.n] = line_key(at, end, &k, first);
		if (!k.at[k.n].node && strncmp(at, "}", 1) != 0 && strncmp(at, "  return", 8) != 0)
			first = k.n + 1;
		k.n++;
	}
	return k;
}

/* ---- pairs ---------------------------------------------------------------------------------- */

typedef struct {
	uint64_t key;
	int      line;
} Entry64;

static int
by_key(const void *a, const void *b)
{
	const Entry64 *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->line - y->line;
}

static int
unpaired(const Keys *k, const int *pair, int which, Entry64 *out)
{
	int n = 0;

	for (int i = 0; i < k->n; i++)
		if (pair[i] < 0)
			out[n++] = (Entry64){k->at[i].key[which], i};
	qsort(out, (size_t)n, sizeof *out, by_key);
	return n;
}

/* The first of equal keys with the first, the second with the second. */
static void
pair_up(Arena *a, const Keys *was, const Keys *is, int which, int *to, int *from)
{
	Entry64 *x = arena_new_array(a, Entry64, was->n + 1),
		*y = arena_new_array(a, Entry64, is->n + 1);
	int nx = unpaired(was, to, which, x), ny = unpaired(is, from, which, y);

	for (int i = 0, j = 0; i < nx && j < ny;) {
		if (x[i].key == y[j].key) {
			to[x[i].line] = y[j].line;
			from[y[j++].line] = x[i++].line;
		} else if (x[i].key < y[j].key) {
			i++;
		} else {
			j++;
		}
	}
}

/* The longest run of pairs in the same order has stayed where it was; all others moved. */
static void
find_moved(Arena *a, StageChange *c)
{
	int *tail = arena_new_array(a, int, c->nnew + 1),
	    *back = arena_new_array(a, int, c->nnew + 1), n = 0;

	for (int j = 0; j < c->nnew; j++) {
		int lo = 0, hi = n;

		if (c->from[j] < 0)
			continue;
		c->moved[j] = true;
		while (lo < hi) {
			int mid = (lo + hi) / 2;

			if (c->from[tail[mid]] < c->from[j])
				lo = mid + 1;
			else
				hi = mid;
		}
		back[j] = lo ? tail[lo - 1] : -1;
		tail[lo] = j;
		n += lo == n;
	}
	for (int j = n ? tail[n - 1] : -1; j >= 0; j = back[j])
		c->moved[j] = false;
}

StageChange *
stage_change(Arena *a, const Stage *was, const Stage *is)
{
	StageChange *c = arena_new_one(a, StageChange);
	Keys         x = was ? keys_of(a, was) : (Keys){0}, y = keys_of(a, is);
	int         *to = arena_new_array(a, int, x.n + 1);

	c->nold = x.n;
	c->nnew = y.n;
	c->from = arena_new_array(a, int, y.n + 1);
	c->changed = arena_new_array(a, bool, y.n + 1);
	c->moved = arena_new_array(a, bool, y.n + 1);
	memset(to, -1, sizeof *to * (size_t)(x.n + 1));
	memset(c->from, -1, sizeof *c->from * (size_t)(y.n + 1));
	for (int k = 0; k < KEYS; k++)
		pair_up(a, &x, &y, k, to, c->from);
	find_moved(a, c);
	for (int i = 0; i < x.n; i++)
		c->removed += to[i] < 0 && x.at[i].node;
	for (int j = 0; j < y.n; j++) {
		c->changed[j] = c->from[j] >= 0 && x.at[c->from[j]].full != y.at[j].full;
		if (!y.at[j].node)
			continue;
		c->nodes++;
		c->added += c->from[j] < 0;
		c->nchanged += c->changed[j];
		c->nmoved += c->moved[j] && !c->changed[j];
	}
	return c;
}
