/* Kernels, gemms, scalars, streams of random numbers, work and memory, compared. Kernels are
 * compared by their text, so that other numbers in their names are no difference. */
#include "compiler/ledger/diff_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- kernels -------------------------------------------------------------------------------- */

/* otherwise: the kernel of the same text that the other side launches more or less often. */
typedef struct Known {
	uint64_t            hash;
	int                 launches;
	const char         *name, *kind;
	Loc                 loc;
	bool                paired;
	const struct Known *otherwise;
} Known;

static Known *
kernels_of(Arena *a, const Side *side)
{
	const Program *p = side->program;
	Known         *all = arena_new_array(a, Known, p->nkernel + 1);

	for (int k = 0; k < p->nkernel; k++)
		all[k] = (Known){.hash = kernel_hash(p, k, side->text[k]),
		                 .name = p->kernel[k].name,
		                 .kind = p->kernel[k].name};
	for (int e = 0; e < p->nentry; e++)
		for (int i = 0; i < p->entry[e].nstep; i++) {
			const ProgStep *s = &p->entry[e].step[i];

			if (s->kind != STEP_launch)
				continue;
			if (!all[s->kernel].launches++)
				all[s->kernel].loc = s->loc;
			all[s->kernel].kind = step_kind(p, s);
		}
	return all;
}

static const char *
known_text(Arena *a, const Known *k)
{
	const char *at = k->loc.file ? arena_printf(a, ", %s:%d", k->loc.file, k->loc.line) : "";

	return arena_printf(a, "%s, %d launch%s%s", k->name, k->launches,
	                    k->launches == 1 ? "" : "es", at);
}

/* same: 0 the text, 1 the kind and the spec line of the first launch */
static Known *
partner(const Known *x, Known *y, int n, int same)
{
	for (int i = 0; i < n; i++) {
		if (y[i].paired)
			continue;
		if (same == 0 ? y[i].hash == x->hash
		              : y[i].kind == x->kind && y[i].loc.file == x->loc.file &&
		                        y[i].loc.line == x->loc.line)
			return &y[i];
	}
	return NULL;
}

static void
compare_kernels(Compare *c)
{
	int    nx = c->side[0].program->nkernel, ny = c->side[1].program->nkernel;
	Known *x = kernels_of(c->a, &c->side[0]), *y = kernels_of(c->a, &c->side[1]), *z;

	for (int i = 0; i < nx; i++) {
		x[i].kind = intern(x[i].kind);
		if (x[i].loc.file)
			x[i].loc.file = intern(x[i].loc.file);
	}
	for (int i = 0; i < ny; i++) {
		y[i].kind = intern(y[i].kind);
		if (y[i].loc.file)
			y[i].loc.file = intern(y[i].loc.file);
	}
	for (int same = 0; same < 2; same++)
		for (int i = 0; i < nx; i++) {
			if (x[i].paired || !(z = partner(&x[i], y, ny, same)))
				continue;
			x[i].paired = z->paired = true;
			c->same += same == 0;
			c->launches += same == 0 && x[i].launches != z->launches;
			c->other += same == 1;
			if (same == 1)
				compare(c, "kernels",
				        arena_printf(c->a, "%s, other text", x[i].kind),
				        known_text(c->a, &x[i]), known_text(c->a, z));
			else if (x[i].launches != z->launches)
				x[i].otherwise = z;
		}
	for (int i = 0; i < nx; i++)
		if (!x[i].paired) {
			compare(c, "kernels", x[i].kind, known_text(c->a, &x[i]), NULL);
			c->only[0]++;
		}
	for (int i = 0; i < ny; i++)
		if (!y[i].paired) {
			compare(c, "kernels", y[i].kind, NULL, known_text(c->a, &y[i]));
			c->only[1]++;
		}
	for (int i = 0; i < nx; i++)
		if (x[i].otherwise)
			compare(c, "kernels", arena_printf(c->a, "%s, same text", x[i].kind),
			        known_text(c->a, &x[i]), known_text(c->a, x[i].otherwise));
}

/* ---- what occurs how often ------------------------------------------------------------------ */

static void
compare_entries(Compare *c)
{
	Counts gemms = {0}, scalars = {0}, outputs = {0};

	for (int i = 0; i < 2; i++) {
		const Program *p = c->side[i].program;

		for (int e = 0; e < p->nentry; e++) {
			const Entry *x = &p->entry[e];

			for (int k = 0; k < x->nstep; k++)
				if (x->step[k].kind == STEP_gemm)
					count_add(c->a, &gemms, step_name(c->a, p, &x->step[k]), i);
			for (int k = 0; k < x->nscalar; k++)
				count_add(c->a, &scalars,
				          arena_printf(c->a, "%s: %s", x->name, x->scalar[k].expr),
				          i);
			for (int k = 0; k < x->noutput; k++)
				count_add(c->a, &outputs,
				          arena_printf(c->a, "%s/%s", x->name, x->output[k].name),
				          i);
		}
	}
	compare_counts(c, "outputs", &outputs);
	compare_counts(c, "scalars", &scalars);
	compare_counts(c, "gemms", &gemms);
}

static void
stream_add(Arena *a, Counts *all, const ProgStep *s, uint64_t site, int side)
{
	count_add(a, all,
	          arena_printf(a, "drawn by kernels, %s, site %016llx", step_line(s->loc),
	                       (unsigned long long)site),
	          side);
}

/* Sites of draws inside kernels are 64-bit hashes of their names: arguments, or numbers in the text
 * that end in ull. */
static void
streams_of(Arena *a, const Side *side, int i, Counts *all)
{
	const Program *p = side->program;

	for (int e = 0; e < p->nentry; e++)
		for (int k = 0; k < p->entry[e].nstep; k++) {
			const ProgStep *s = &p->entry[e].step[k];

			for (int n = 0; n < s->narg; n++)
				if (s->arg[n].kind == ARG_u64)
					stream_add(a, all, s, s->arg[n].u, i);
			if (s->kind != STEP_launch)
				continue;
			for (const char *t = side->text[s->kernel]; (t = strstr(t, "ull"));
			     t += 3) {
				const char *from = t;

				while (from > side->text[s->kernel] &&
				       isdigit((unsigned char)from[-1]))
					from--;
				if (from < t && strtoull(from, NULL, 10) > UINT32_MAX)
					stream_add(a, all, s, strtoull(from, NULL, 10), i);
			}
		}
}

static void
compare_streams(Compare *c)
{
	Counts all = {0};

	for (int i = 0; i < 2; i++)
		streams_of(c->a, &c->side[i], i, &all);
	compare_counts(c, "random streams", &all);
}

/* ---- amounts -------------------------------------------------------------------------------- */

static void
amount(Compare *c, const char *topic, const char *name, double x, double y)
{
	char s[32];

	if (x != y)
		compare(c, topic, name, arena_strdup(c->a, text_double(s, x)),
		        arena_strdup(c->a, text_double(s, y)));
}

static int
steps_of_kind(const Entry *e, StepKind kind)
{
	int n = 0;

	for (int i = 0; i < e->nstep; i++)
		n += e->step[i].kind == kind;
	return n;
}

/* "f32", "bf16", "f32 and bf16": what the gemms of training multiply. */
static const char *
products_text(Arena *a, const Entry *e)
{
	const char *out = NULL;

	for (int t = 0; t < DT_COUNT; t++)
		for (int i = 0; i < e->nstep; i++)
			if (e->step[i].kind == STEP_gemm && e->step[i].gemm.a.dtype == (Dtype)t) {
				out = out ? arena_printf(a, "%s and %s", out, dtype_name[t])
				          : dtype_name[t];
				break;
			}
	return out;
}

void
compare_steps(Compare *c, Ledger *const l[2])
{
	compare(c, "target", "device", l[0]->program->target, l[1]->program->target);
	compare(c, "target", "needs",
	        l[0]->program->needs && *l[0]->program->needs ? l[0]->program->needs : NULL,
	        l[1]->program->needs && *l[1]->program->needs ? l[1]->program->needs : NULL);
	compare(c, "precision", "products", products_text(c->a, l[0]->entry),
	        products_text(c->a, l[1]->entry));
	compare_entries(c);
	compare_streams(c);
	compare_kernels(c);
	amount(c, "step", "launches", steps_of_kind(l[0]->entry, STEP_launch),
	       steps_of_kind(l[1]->entry, STEP_launch));
	amount(c, "step", "gemms", steps_of_kind(l[0]->entry, STEP_gemm),
	       steps_of_kind(l[1]->entry, STEP_gemm));
	amount(c, "step", "operations", l[0]->flops, l[1]->flops);
	amount(c, "step", "bytes moved", l[0]->bytes, l[1]->bytes);
	for (int o = 0; o < OWNERS; o++)
		amount(c, "memory", owner_name[o], (double)l[0]->owner[o], (double)l[1]->owner[o]);
	amount(c, "memory", "total", (double)l[0]->total, (double)l[1]->total);
}
