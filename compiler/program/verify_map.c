/* verify_map: a slab as a sorted list of stretches, each from one writer, or, where writers take
 * turns row by row (the parts of a concat written in place), with the columns of each. So a write
 * of 25 000 rows costs as much as one of a single row. Exact; where stretches of different pitch
 * meet it goes row by row. */
#include "compiler/program/verify_map.h"

#include <string.h>

/* Columns up to `to` of every row. */
typedef struct {
	int64_t to;
	int     writer;
} Band;

typedef struct {
	int64_t lo, hi;
	int64_t pitch; /* 0: all of it is from `writer`; else hi - lo is a multiple of it */
	int     writer;
	int     nband; /* the last ends at pitch */
	Band   *band;
} Stretch;

struct Map {
	Arena *arena;
	Vec(Stretch) s;
};

Map *
map_new(Arena *a, int64_t bytes)
{
	Map *m = arena_new_one(a, Map);
	m->arena = a;
	vec_push(a, &m->s, (Stretch){.hi = bytes > 0 ? bytes : 1});
	return m;
}

int64_t
stripe_end(Stripe s)
{
	return s.lo + (s.rows - 1) * s.pitch + s.bytes;
}

/* The first row of s that ends behind x. */
static int64_t
row_behind(Stripe s, int64_t x)
{
	int64_t before = x - s.lo - s.bytes;
	return s.rows == 1 || before < 0 ? 0 : before / s.pitch + 1;
}

bool
stripe_meets(Stripe s, int64_t lo, int64_t hi)
{
	int64_t r = row_behind(s, lo);
	if (s.rows == 1)
		return s.lo < hi && lo < s.lo + s.bytes;
	return r < s.rows && s.lo + r * s.pitch < hi;
}

static int64_t
modulo(int64_t x, int64_t n)
{
	return x % n < 0 ? x % n + n : x % n;
}

bool
stripes_overlap(Stripe x, Stripe y)
{
	if (stripe_end(x) <= y.lo || stripe_end(y) <= x.lo)
		return false;
	if (x.rows > y.rows)
		return stripes_overlap(y, x);
	if (x.rows > 1 && x.pitch == y.pitch) {
		int64_t from = modulo(y.lo - x.lo, x.pitch);
		if (from >= x.bytes && from + y.bytes <= x.pitch)
			return false;
	}
	for (int64_t r = 0; r < x.rows; r++)
		if (stripe_meets(y, x.lo + r * x.pitch, x.lo + r * x.pitch + x.bytes))
			return true;
	return false;
}

/* The stretch that holds byte x. */
static int
find(const Map *m, int64_t x)
{
	int from = 0, to = m->s.n - 1;
	while (from < to) {
		int middle = from + (to - from + 1) / 2;
		if (m->s.at[middle].lo <= x)
			from = middle;
		else
			to = middle - 1;
	}
	return from;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Columns from .. to - 1 of a stretch with bands; to may lie in the next row. */
static void
read_columns(const Stretch *n, int64_t from, int64_t to, int64_t lo, int64_t hi, MapSeen *seen,
             void *context)
{
	int64_t start = 0;
	for (int i = 0; i < n->nband; i++) {
		int64_t end = n->band[i].to;
		if ((start < to && from < end) || (start + n->pitch < to))
			seen(context, n->band[i].writer, lo, hi);
		start = end;
	}
}

static void
read_run(const Stretch *n, int64_t lo, int64_t hi, MapSeen *seen, void *context)
{
	lo = lo > n->lo ? lo : n->lo;
	hi = hi < n->hi ? hi : n->hi;
	if (lo >= hi)
		return;
	if (n->pitch == 0) {
		seen(context, n->writer, lo, hi);
		return;
	}
	int64_t column = (lo - n->lo) % n->pitch;
	read_columns(n, column, column + (hi - lo), lo, hi, seen, context);
}

static void
read_rows(const Stretch *n, Stripe s, MapSeen *seen, void *context)
{
	if (!stripe_meets(s, n->lo, n->hi))
		return;
	if (n->pitch == 0) {
		seen(context, n->writer, n->lo, n->hi);
		return;
	}
	int64_t column = modulo(s.lo - n->lo, n->pitch);
	if (n->pitch == s.pitch && column + s.bytes <= s.pitch) {
		read_columns(n, column, column + s.bytes, n->lo, n->hi, seen, context);
		return;
	}
	for (int64_t r = row_behind(s, n->lo); r < s.rows && s.lo + r * s.pitch < n->hi; r++)
		read_run(n, s.lo + r * s.pitch, s.lo + r * s.pitch + s.bytes, seen, context);
}

void
map_read(const Map *m, Stripe s, MapSeen *seen, void *context)
{
	int64_t end = stripe_end(s);
	for (int i = find(m, s.lo); i < m->s.n && m->s.at[i].lo < end; i++) {
		if (s.rows == 1)
			read_run(&m->s.at[i], s.lo, end, seen, context);
		else
			read_rows(&m->s.at[i], s, seen, context);
	}
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Stretches from .. to - 1 give way to n others. */
static void
replace(Map *m, int from, int to, const Stretch *by, int n)
{
	int tail = m->s.n - to;
	for (int i = to - from; i < n; i++)
		vec_push(m->arena, &m->s, (Stretch){0});
	memmove(&m->s.at[from + n], &m->s.at[to], sizeof *by * (size_t)tail);
	memcpy(&m->s.at[from], by, sizeof *by * (size_t)n);
	m->s.n = from + n + tail;
}

/* Rows of a stretch with bands, as a stretch of its own. */
static Stretch
rows_of(const Stretch *n, int64_t lo, int64_t hi)
{
	Stretch part = *n;
	part.lo = lo;
	part.hi = hi;
	return part;
}

/* Make x the start of a stretch. */
static void
split(Map *m, int64_t x)
{
	int     at = find(m, x);
	Stretch n = m->s.at[at];
	if (x <= n.lo || x >= n.hi)
		return;
	if (n.pitch == 0 || (x - n.lo) % n.pitch == 0) {
		replace(m, at, at + 1, (Stretch[]){rows_of(&n, n.lo, x), rows_of(&n, x, n.hi)}, 2);
		return;
	}
	/* the row that x cuts falls into its columns */
	int64_t  row = x - (x - n.lo) % n.pitch, start = row;
	Stretch *part = arena_new_array(m->arena, Stretch, n.nband + 3);
	int      count = 0;
	if (row > n.lo)
		part[count++] = rows_of(&n, n.lo, row);
	for (int i = 0; i < n.nband; i++) {
		int64_t end = row + n.band[i].to;
		if (start < x && x < end) {
			part[count++] = (Stretch){.lo = start, .hi = x, .writer = n.band[i].writer};
			start = x;
		}
		part[count++] = (Stretch){.lo = start, .hi = end, .writer = n.band[i].writer};
		start = end;
	}
	if (start < n.hi)
		part[count++] = rows_of(&n, start, n.hi);
	replace(m, at, at + 1, part, count);
}

static void
write_run(Map *m, int64_t lo, int64_t hi, int writer)
{
	if (lo >= hi)
		return;
	split(m, lo);
	split(m, hi);
	int from = find(m, lo), to = find(m, hi - 1) + 1;
	replace(m, from, to, &(Stretch){.lo = lo, .hi = hi, .writer = writer}, 1);
}

/* Columns from .. to - 1 of all its rows; to <= pitch. */
static void
write_columns(Map *m, Stretch *n, int64_t from, int64_t to, int writer)
{
	Band   *band = arena_new_array(m->arena, Band, n->nband + 2);
	int     count = 0;
	int64_t start = 0;
	for (int i = 0; i < n->nband; i++) {
		Band b = n->band[i];
		if (start < from)
			band[count++] = (Band){b.to < from ? b.to : from, b.writer};
		if (start < to && b.to >= to)
			band[count++] = (Band){to, writer};
		if (b.to > to)
			band[count++] = b;
		start = b.to;
	}
	n->band = band;
	n->nband = count;
}

/* The rows of s in the stretch at index `at`, which lies between the first and the last byte of s.
 */
static void
write_rows(Map *m, int at, Stripe s, int writer)
{
	Stretch n = m->s.at[at];
	int64_t whole = (n.hi - n.lo) / s.pitch * s.pitch, column = modulo(s.lo - n.lo, s.pitch);
	int64_t from = n.lo;
	if (whole > 0 && (n.pitch == 0 || n.pitch == s.pitch)) {
		Stretch part = rows_of(&n, n.lo, n.lo + whole);
		if (part.pitch == 0) {
			part.pitch = s.pitch;
			part.nband = 1;
			part.band = arena_new_one(m->arena, Band);
			part.band[0] = (Band){s.pitch, n.writer};
		}
		if (column + s.bytes <= s.pitch) {
			write_columns(m, &part, column, column + s.bytes, writer);
		} else {
			write_columns(m, &part, column, s.pitch, writer);
			write_columns(m, &part, 0, column + s.bytes - s.pitch, writer);
		}
		from = part.hi;
		if (from < n.hi)
			replace(m, at, at + 1, (Stretch[]){part, rows_of(&n, from, n.hi)}, 2);
		else
			replace(m, at, at + 1, &part, 1);
	}
	for (int64_t r = row_behind(s, from); r < s.rows && s.lo + r * s.pitch < n.hi; r++) {
		int64_t lo = s.lo + r * s.pitch, hi = lo + s.bytes;
		write_run(m, lo > from ? lo : from, hi < n.hi ? hi : n.hi, writer);
	}
}

void
map_write(Map *m, Stripe s, int writer)
{
	int64_t end = stripe_end(s);
	if (s.rows == 1) {
		write_run(m, s.lo, end, writer);
		return;
	}
	split(m, s.lo);
	split(m, end);
	for (int64_t x = s.lo, next; x < end; x = next) {
		int at = find(m, x);
		next = m->s.at[at].hi;
		if (stripe_meets(s, m->s.at[at].lo, next))
			write_rows(m, at, s, writer);
	}
}
