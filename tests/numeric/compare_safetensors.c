/* compare_safetensors: has one file every tensor of another, with the same values up to a
 * tolerance?
 *
 *     compare_safetensors HAVE WANT [--tolerance T] [--only PREFIX]
 *
 * For each tensor of WANT, the tensor of that name in HAVE must have as many elements, and
 *     error = max |have - want| / max |want|      (of the tensor; max |have| where want is zero)
 * must not exceed the tolerance (default 1e-4). --only looks at names that begin so. Prints the
 * tensors that fail, then how many were compared and the worst one. Tensors that only HAVE has are
 * no concern. Exit code 0 when all are near enough, 1 when not, 2 for wrong usage. Refuses to call
 * a comparison of nothing a success; a value that is no number is never near. */
#include "runtime/runtime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	const char *file[2], *only;
	double      tolerance;
} Options;

static const struct {
	const char *name;
	int         bytes;
} kinds[] = {{"F32", 4}, {"F64", 8}, {"BF16", 2}, {"BOOL", 1},
             {"U8", 1},  {"I32", 4}, {"U32", 4},  {"I64", 8}};

static int
kind_of(const StTensor *t)
{
	for (int i = 0; i < COUNT(kinds); i++)
		if (!strcmp(kinds[i].name, t->dtype))
			return i;
	return -1;
}

/* One element as a double: exact for all kinds but I64 beyond 2^53. */
static double
element(const StTensor *t, int kind, int64_t i)
{
	const char *at = (const char *)t->data + i * kinds[kind].bytes;
	union {
		float    f32;
		double   f64;
		int32_t  i32;
		uint32_t u32;
		int64_t  i64;
	} x = {0};
	memcpy(&x, at, (size_t)kinds[kind].bytes);
	switch (kind) {
	case 0:
		return x.f32;
	case 1:
		return x.f64;
	case 2:
		x.u32 <<= 16;
		return x.f32; /* little-endian: the two bytes were the low ones */
	case 3:
	case 4:
		return *(const uint8_t *)at;
	case 5:
		return x.i32;
	case 6:
		return x.u32;
	default:
		return (double)x.i64;
	}
}

/* The error of one tensor; infinite where the two cannot be compared or a value is no number. */
static double
compare(const StTensor *have, const StTensor *want, int64_t *where)
{
	int     h = kind_of(have), w = kind_of(want);
	int64_t n = w < 0 ? 0 : want->bytes / kinds[w].bytes;
	double  far = 0, large = 0, largest_have = 0;
	*where = -1;
	if (h < 0 || w < 0 || have->bytes / kinds[h].bytes != n)
		return INFINITY;
	for (int64_t i = 0; i < n; i++) {
		double a = element(have, h, i), b = element(want, w, i);
		if (!isfinite(a) || !isfinite(b)) {
			*where = i;
			return INFINITY;
		}
		if (fabs(a - b) > far) {
			far = fabs(a - b);
			*where = i;
		}
		large = fmax(large, fabs(b));
		largest_have = fmax(largest_have, fabs(a));
	}
	if (far == 0)
		return 0;
	return far / (large > 0 ? large : largest_have);
}

/* FAIL: something is too far off, and was printed. */
static Status
compare_files(const Options *o, const StFile *have, const StFile *want)
{
	int         compared = 0, bad = 0;
	double      worst = -1;
	const char *name = "";
	int64_t     where, worst_where = 0;
	for (int i = 0; i < want->ntensor; i++) {
		const StTensor *w = &want->tensor[i], *h;
		if (o->only && strncmp(w->name, o->only, strlen(o->only)))
			continue;
		h = st_find(have, w->name);
		if (!h) {
			printf("%s: not in %s\n", w->name, o->file[0]);
			bad++;
			continue;
		}
		double error = compare(h, w, &where);
		compared++;
		if (!(error <= o->tolerance)) {
			printf("%s: error %.3g%s", w->name, error,
			       where < 0 ? " (other sizes or kinds)\n" : "");
			if (where >= 0)
				printf(" at element %lld: %.9g, not %.9g\n", (long long)where,
				       element(h, kind_of(h), where),
				       element(w, kind_of(w), where));
			bad++;
		}
		if (error > worst) {
			worst = error;
			worst_where = where;
			name = w->name;
		}
	}
	printf("%d tensors, %d wrong; largest error %.3g in %s at element %lld\n", compared, bad,
	       worst, name, (long long)worst_where);
	return bad == 0 && compared > 0 ? OK : FAIL;
}

static bool
number(const char *text, double *out)
{
	char *end;
	*out = strtod(text, &end);
	return end != text && !*end && *out >= 0;
}

static bool
read_options(int argc, char **argv, Options *o)
{
	int nfile = 0;
	*o = (Options){.tolerance = 1e-4};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--tolerance") && i + 1 < argc) {
			if (!number(argv[++i], &o->tolerance))
				return false;
		} else if (!strcmp(argv[i], "--only") && i + 1 < argc) {
			o->only = argv[++i];
		} else if (argv[i][0] != '-' && nfile < 2) {
			o->file[nfile++] = argv[i];
		} else {
			return false;
		}
	}
	return nfile == 2;
}

int
main(int argc, char **argv)
{
	Options o;
	StFile *have, *want;
	if (!read_options(argc, argv, &o)) {
		fprintf(stderr,
		        "usage: compare_safetensors HAVE WANT [--tolerance T] [--only PREFIX]\n");
		return EXIT_USAGE;
	}
	Arena *a = arena_new();
	bool   read = st_read(a, o.file[0], &have) == OK && st_read(a, o.file[1], &want) == OK;
	Status s = read ? compare_files(&o, have, want) : FAIL;
	arena_free(a);
	if (!read)
		return diag_exit_code();
	return s == OK ? EXIT_OK : EXIT_USER;
}
