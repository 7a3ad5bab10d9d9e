/* text: growing text, interned names, numbers as text, spelling suggestions. Knows nothing of
 * locales: the programs run in the C locale, so that a number is written the same everywhere. */
#include "compiler/base/base.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- growing text --------------------------------------------------------------------------- */

static void
make_room(Text *t, size_t more)
{
	if (more > SIZE_MAX / 4 || t->n > SIZE_MAX / 4)
		BUG("text of %zu + %zu bytes", t->n, more);
	size_t want = t->n + more + 1;
	if (want <= t->cap)
		return;
	size_t cap = t->cap ? t->cap : 64;
	while (cap < want)
		cap *= 2;
	char *at = realloc(t->at, cap);
	if (!at) {
		fprintf(stderr, "d2v: error: out of memory (asked for %zu bytes) [out-of-memory]\n",
		        cap);
		abort();
	}
	t->at = at;
	t->cap = cap;
}

void
text_append(Text *t, const char *s, size_t n)
{
	make_room(t, n);
	if (n)
		memcpy(t->at + t->n, s, n);
	t->n += n;
	t->at[t->n] = '\0';
}

void
text_vprintf(Text *t, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	make_room(t, 64);
	int n = vsnprintf(t->at + t->n, t->cap - t->n, fmt, ap);
	if (n < 0)
		BUG("bad format `%s`", fmt);
	if ((size_t)n >= t->cap - t->n) {
		make_room(t, (size_t)n);
		vsnprintf(t->at + t->n, t->cap - t->n, fmt, again);
	}
	va_end(again);
	t->n += (size_t)n;
}

void
text_printf(Text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(t, fmt, ap);
	va_end(ap);
}

void
text_json(Text *out, const char *s)
{
	text_append(out, "\"", 1);
	for (const unsigned char *p = (const unsigned char *)s; *p;) {
		/* Bytes of one well-formed UTF-8 character, 0 when it is not one. */
		int n = *p < 0x80                 ? 1
		        : *p >= 0xC2 && *p < 0xE0 ? 2
		        : *p >= 0xE0 && *p < 0xF0 ? 3
		        : *p >= 0xF0 && *p < 0xF5 ? 4
		                                  : 0;
		for (int i = 1; i < n; i++)
			if ((p[i] & 0xC0) != 0x80)
				n = 0;
		if ((*p == 0xE0 && n && p[1] < 0xA0) || (*p == 0xED && n && p[1] >= 0xA0) ||
		    (*p == 0xF0 && n && p[1] < 0x90) || (*p == 0xF4 && n && p[1] >= 0x90))
			n = 0; /* overlong, a surrogate, or past the last character */
		if (n == 0)
			text_printf(out, "\\ufffd");
		else if (*p == '"' || *p == '\\')
			text_printf(out, "\\%c", *p);
		else if (*p == '\n')
			text_printf(out, "\\n");
		else if (*p == '\t')
			text_printf(out, "\\t");
		else if (*p < 0x20 || *p == 0x7f)
			text_printf(out, "\\u%04x", *p);
		else
			text_append(out, (const char *)p, (size_t)n);
		p += n ? n : 1;
	}
	text_append(out, "\"", 1);
}

void
text_free(Text *t)
{
	free(t->at);
	*t = (Text){0};
}

/* ---- interned names ------------------------------------------------------------------------- */

/* Open addressing; the strings live in an arena of their own that is never freed. Worker threads of
 * the runtime may report errors, which intern, hence the lock. */
static struct {
	pthread_mutex_t lock;
	Arena          *arena;
	const char    **slot;
	size_t          cap, n;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t
hash_bytes(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, 64 bits */
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

static void
names_grow(void)
{
	const char **old = names.slot;
	size_t       old_cap = names.cap;
	names.cap = old_cap ? 2 * old_cap : 1024;
	names.slot = arena_new_array(names.arena, const char *, names.cap);
	for (size_t i = 0; i < old_cap; i++) {
		if (!old[i])
			continue;
		size_t at = hash_bytes(old[i], strlen(old[i])) & (names.cap - 1);
		while (names.slot[at])
			at = (at + 1) & (names.cap - 1);
		names.slot[at] = old[i];
	}
}

const char *
intern_n(const char *s, size_t n)
{
	n = strnlen(s, n); /* a name ends at a NUL, whatever was asked */
	pthread_mutex_lock(&names.lock);
	if (!names.arena)
		names.arena = arena_new();
	if (2 * (names.n + 1) > names.cap)
		names_grow();
	size_t at = hash_bytes(s, n) & (names.cap - 1);
	while (names.slot[at] && (strncmp(names.slot[at], s, n) != 0 || names.slot[at][n] != '\0'))
		at = (at + 1) & (names.cap - 1);
	if (!names.slot[at]) {
		names.slot[at] = arena_strndup(names.arena, s, n);
		names.n++;
	}
	const char *found = names.slot[at];
	pthread_mutex_unlock(&names.lock);
	return found;
}

const char *
intern(const char *s)
{
	return intern_n(s, strlen(s));
}

const char *
intern_printf(const char *fmt, ...)
{
	Text    t = {0};
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	const char *name = intern_n(t.at, t.n);
	text_free(&t);
	return name;
}

/* ---- numbers -------------------------------------------------------------------------------- */

const char *
text_double(char out[32], double x)
{
	if (isnan(x))
		return strcpy(out, "nan");
	if (isinf(x))
		return strcpy(out, x < 0 ? "-inf" : "inf");
	/* Small whole numbers stay whole: 1000 reads better than 1e3. */
	if (x == floor(x) && fabs(x) < 1e6) {
		snprintf(out, 32, "%.0f", x);
		return out;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(out, 32, "%.*g", digits, x);
		if (strtod(out, NULL) == x)
			break;
	}
	char *e = strchr(out, 'e');
	if (e) { /* 1e-05 and 1e+20 are 1e-5 and 1e20 */
		char *to = e + 1, *from = e + 1;
		if (*from == '-')
			*to++ = *from++;
		else if (*from == '+')
			from++;
		while (*from == '0' && from[1])
			from++;
		memmove(to, from, strlen(from) + 1);
	}
	return out;
}

/* ---- spelling ------------------------------------------------------------------------------- */

enum { LONGEST_WORD = 64 };

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/* Damerau-Levenshtein distance (adjacent swaps count once), in half edits: a letter in the wrong
 * case costs 1, every other edit 2. */
static int
distance(const char *a, int na, const char *b, int nb)
{
	int row[3][LONGEST_WORD + 1]; /* rows i - 2, i - 1, i, by i % 3 */
	for (int j = 0; j <= nb; j++)
		row[0][j] = 2 * j;
	for (int i = 1; i <= na; i++) {
		int *now = row[i % 3], *up = row[(i + 2) % 3], *upup = row[(i + 1) % 3];
		now[0] = 2 * i;
		for (int j = 1; j <= nb; j++) {
			unsigned char p = (unsigned char)a[i - 1], q = (unsigned char)b[j - 1];
			int           change = p == q ? 0 : tolower(p) == tolower(q) ? 1 : 2;
			now[j] = least(up[j - 1] + change, least(up[j], now[j - 1]) + 2);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    change)
				now[j] = least(now[j], upup[j - 2] + 2);
		}
	}
	return row[na % 3][nb];
}

const char *
text_nearest(const char *word, const char *const *candidates, int n)
{
	const char *best = NULL;
	int         best_distance = 0;
	size_t      word_bytes = strlen(word);
	if (word_bytes == 0 || word_bytes > LONGEST_WORD)
		return NULL;
	for (int i = 0; i < n; i++) {
		size_t bytes = candidates[i] ? strlen(candidates[i]) : 0;
		if (bytes == 0 || bytes > LONGEST_WORD)
			continue;
		/* One edit for each three letters; names of one or two letters match by case only,
		 * since nearly all axes are that short and any two of them are one edit apart. */
		int longer = (int)(bytes > word_bytes ? bytes : word_bytes);
		int limit = longer < 3 ? 1 : 2 * (longer / 3);
		int d = distance(word, (int)word_bytes, candidates[i], (int)bytes);
		if (d <= limit && (!best || d < best_distance)) {
			best = candidates[i];
			best_distance = d;
		}
	}
	return best;
}

void
json_quote(Text *out, const char *s)
{
	text_append(out, "\"", 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			text_printf(out, "\\%c", c);
		else if (c < 32 || c == 127)
			text_printf(out, "\\u%04x", c);
		else
			text_append(out, s, 1);
	}
	text_append(out, "\"", 1);
}
