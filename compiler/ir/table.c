/* table: constant index tables by generator name. A generator is a function of its arguments
 * alone. */
#include "compiler/ir/ir_private.h"

#include <string.h>

typedef struct {
	const char *name;
	int         nargs, rank;
	void (*size)(const int64_t *args, int64_t *size, int64_t *limit);
	void (*fill)(const int64_t *args, int32_t *out);
} Generator;

/* Largest argument: sizes made of two such numbers squared still fit in 32 bits. */
enum { MAX_ARG = 128 };

/* Token 0 is the class token, token 1 + gx * y + x the patch at (y, x). Patches at distance (dy,
 * dx) have entry (dy + Gy - 1) * (2 Gx - 1) + dx + Gx - 1; then three entries for: class to patch,
 * patch to class, class to class. */
static void
grid_offsets_size(const int64_t *args, int64_t *size, int64_t *limit)
{
	size[0] = size[1] = 1 + args[0] * args[1];
	*limit = (2 * args[0] - 1) * (2 * args[1] - 1) + 3;
}

static void
grid_offsets_fill(const int64_t *args, int32_t *out)
{
	int64_t gy = args[0], gx = args[1], t, u, limit, size[2], dy, dx;

	grid_offsets_size(args, size, &limit);
	for (t = 0; t < size[0]; t++)
		for (u = 0; u < size[1]; u++) {
			int64_t entry;

			if (t == 0 || u == 0) {
				entry = t == 0 && u == 0 ? limit - 1
				        : t == 0         ? limit - 3
				                         : limit - 2;
			} else {
				dy = (t - 1) / gx - (u - 1) / gx;
				dx = (t - 1) % gx - (u - 1) % gx;
				entry = (dy + gy - 1) * (2 * gx - 1) + dx + gx - 1;
			}
			out[t * size[1] + u] = (int32_t)entry;
		}
}

static void
iota_size(const int64_t *args, int64_t *size, int64_t *limit)
{
	size[0] = *limit = args[0];
}

static void
iota_fill(const int64_t *args, int32_t *out)
{
	int64_t i;

	for (i = 0; i < args[0]; i++)
		out[i] = (int32_t)i;
}

static const Generator generator[] = {
	{"grid_offsets", 2, 2, grid_offsets_size, grid_offsets_fill},
	{"iota", 1, 1, iota_size, iota_fill},
};

static const Generator *
find(const char *name, const int64_t *args, int nargs)
{
	int i, k;

	for (i = 0; i < COUNT(generator); i++) {
		const Generator *p = &generator[i];
		if (strcmp(p->name, name) != 0 || p->nargs != nargs)
			continue;
		for (k = 0; k < nargs; k++)
			if (args[k] < 1 || args[k] > (nargs == 1 ? INT32_MAX : MAX_ARG))
				return NULL;
		return p;
	}
	return NULL;
}

Status
table_type(const char *name, const int64_t *args, int nargs, int *rank, int64_t size[MAX_RANK],
           int64_t *limit)
{
	const Generator *p = find(name, args, nargs);

	if (!p)
		return FAIL;
	*rank = p->rank;
	p->size(args, size, limit);
	return OK;
}

void
table_fill(const char *name, const int64_t *args, int nargs, int32_t *out)
{
	const Generator *p = find(name, args, nargs);

	if (!p)
		BUG("there is no table %s with these %d arguments", name, nargs);
	p->fill(args, out);
}
