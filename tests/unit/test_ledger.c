/* The ledger of tiny specs, in both precisions, for both targets, with little and much computed
 * again: owners add up to the slabs, lives and the peak are those of an independent count byte by
 * byte, work is what the formulas of a transformer say, bytes are those that the program's own
 * extents cover, and every list adds up to the whole. */
#include "compiler/ledger/ledger.h"
#include "tests/support/spec_program.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_ledger(void);

static const char gray[] = "tests/e2e/specs/gray.d2v", small[] = "tests/golden/plan/small.d2v";
static const struct {
	const char *spec, *set, *target, *recompute;
} trials[] = {
	{gray, "", "cpu", "cheap"},
	{gray, "precision=bf16", "cpu", "blocks"},
	{gray, "B=4,L=3", "cpu", "blocks"},
	{gray, "D=16,H=4,B=3", "cuda", "cheap"},
	{gray, "precision=bf16,L=3", "cuda", "blocks"},
	{small, "", "cpu", "cheap"},
	{small, "L=2,B=4", "cuda", "cheap"},
};
/* Each step of one operation or one byte takes another time. */
static const Rates rates = {"test", 2e9, 3e9, 5e9, 7e9, 11e9, 13e9, false, "a test"};

/* ---- what a step touches, from the program alone -------------------------------------------- */

typedef struct {
	bool         read, write;
	int          slab, value, before;
	int64_t      offset, bytes, rows, pitch;
	const Named *more;
	int          nmore;
} Spot;

static Spot
operand_place(const GemmOperand *o, int64_t n0, int64_t n1)
{
	int64_t size = dtype_bytes[o->dtype];
	bool    rows = o->s1 == 1;

	return (Spot){.read = true,
	              .slab = o->slab,
	              .value = o->value,
	              .offset = o->offset,
	              .bytes = size * (rows ? n1 : n0),
	              .rows = rows ? n0 : n1,
	              .pitch = size * (rows ? o->s0 : o->s1),
	              .more = o->more,
	              .nmore = o->nmore};
}

/* Only gemms of one matrix: the specs here have no others. */
static int
places_of(const ProgStep *s, Spot out[64])
{
	const Gemm *g = &s->gemm;
	int         n = 0;

	if (s->kind == STEP_gemm) {
		ck_assert_int_eq(g->z, 1);
		out[n++] = operand_place(&g->a, g->m, g->k);
		out[n++] = operand_place(&g->b, g->k, g->n);
		if (g->has_bias)
			out[n++] = (Spot){.read = true,
			                  .slab = g->bias_slab,
			                  .value = g->bias_value,
			                  .offset = g->bias_offset,
			                  .bytes = 4 * g->n,
			                  .rows = 1};
		out[n] = operand_place(&g->c, g->m, g->n);
		out[n].read = g->accumulate;
		out[n].write = true;
		out[n++].before = g->before;
		return n;
	}
	for (int i = 0; i < s->narg; i++) {
		const Arg *x = &s->arg[i];

		if (x->kind != ARG_pointer)
			continue;
		ck_assert_int_lt(n, 64);
		out[n++] = (Spot){x->access & ACCESS_read,
		                  x->access & ACCESS_write,
		                  x->slab,
		                  x->value,
		                  x->before,
		                  x->offset,
		                  x->extent.bytes,
		                  x->extent.rows,
		                  x->extent.pitch,
		                  x->more,
		                  x->nmore};
	}
	return n;
}

/* ---- each trial ----------------------------------------------------------------------------- */

static Arena  *arena;
static Ledger *ledger;

static Ledger *
trial(int i)
{
	SpecProgram s;

	ck_assert(spec_program(arena, trials[i].spec, trials[i].set, trials[i].target,
	                       trials[i].recompute, &s) == OK);
	return ledger = ledger_make(arena, s.p, program_entry(s.p, "train"), &rates, 1);
}

static void
begin(void)
{
	arena = arena_new();
}

static void
end(void)
{
	arena_free(arena);
}

START_TEST(owners)
{
	static const Owner of[] = {[VAR_param] = OWNER_parameters,
	                           [VAR_average] = OWNER_averages,
	                           [VAR_moment1] = OWNER_moments,
	                           [VAR_moment2] = OWNER_moments};
	const Ledger      *l = trial(_i);
	const Program     *p = l->program;
	int64_t            total = 0, sum[OWNERS] = {0}, own[OWNERS] = {0};

	for (int s = 0; s < p->nslab; s++) {
		int64_t slab = 0;

		for (int o = 0; o < OWNERS; o++) {
			ck_assert_int_ge(l->slab_owner[s][o], 0);
			slab += l->slab_owner[s][o];
			sum[o] += l->slab_owner[s][o];
		}
		ck_assert_int_eq(slab, p->slab[s].bytes);
		total += slab;
	}
	ck_assert_int_eq(l->total, total);
	for (int o = 0; o < OWNERS; o++)
		ck_assert_int_eq(l->owner[o], sum[o]);
	for (int i = 0; i < p->recipe.nvar; i++)
		own[of[p->recipe.var[i].kind]] += type_bytes(&p->recipe.var[i].type);
	for (int o = OWNER_parameters; o <= OWNER_moments; o++)
		ck_assert_int_eq(l->owner[o], own[o]);
	ck_assert_int_ge(l->owner[OWNER_gradients], own[OWNER_parameters]);
	ck_assert_int_lt(l->owner[OWNER_padding], 64 * (2 * p->recipe.nvar + 32));
	ck_assert_int_gt(l->owner[OWNER_activations], l->total / 10);
}
END_TEST

/* The life of one byte: since when, and until when at least. */
typedef struct {
	int born, used;
} Life;

/* What was in a byte until step `end` wrote over it: it lived until its last reader, or, when that
 * is the writer too, until then. */
static void
count_life(int64_t *alive, Life life, int end)
{
	for (int i = life.born; i >= 0 && i <= life.used && (i < end || i == life.born); i++)
		alive[i]++;
}

/* Bytes of slab act alive in each step: from a write to the last read of what it wrote, byte by
 * byte. */
static int64_t *
alive_bytes(const Ledger *l)
{
	const Entry   *e = l->entry;
	const Program *p = l->program;
	int            act = 0;
	int64_t       *alive = arena_new_array(arena, int64_t, e->nstep + 1);
	Life          *life;
	Spot           at[64];

	while (strcmp(p->slab[act].name, "act") != 0)
		act++;
	life = arena_new_array(arena, Life, p->slab[act].bytes);
	for (int64_t b = 0; b < p->slab[act].bytes; b++)
		life[b].born = life[b].used = -1;
	for (int i = 0; i < e->nstep; i++) {
		int n = places_of(&e->step[i], at);

		for (int w = 0; w < 2; w++) /* all reads of a step come before its writes */
			for (int k = 0; k < n; k++)
				for (int64_t b = 0;
				     at[k].slab == act && (w ? at[k].write : at[k].read) &&
				     b < at[k].bytes * at[k].rows;
				     b++) {
					Life *x =
						&life[at[k].offset + b / at[k].bytes * at[k].pitch +
					              b % at[k].bytes];

					if (w) {
						count_life(alive, *x, i);
						x->born = i;
					}
					x->used = i;
				}
	}
	for (int k = 0; k < e->noutput; k++)
		for (int64_t b = 0; e->output[k].slab == act && b < type_bytes(&e->output[k].type);
		     b++)
			life[e->output[k].offset + b].used = e->nstep - 1;
	for (int64_t b = 0; b < p->slab[act].bytes; b++)
		count_life(alive, life[b], e->nstep);
	return alive;
}

/* A step that reads and writes a byte counts it once; a value counts as a whole while any part of
 * it is wanted. */
START_TEST(lives)
{
	const Ledger *l = trial(_i);
	int64_t      *alive = alive_bytes(l), most = 0;

	ck_assert_int_gt(l->nvalue, 40);
	for (int i = 0; i < l->entry->nstep; i++) {
		ck_assert_msg(alive[i] <= l->live[i] && l->live[i] <= alive[i] + alive[i] / 8 + 64,
		              "trial %d, step %d of %d: %lld bytes alive, the ledger says %lld", _i,
		              i, l->entry->nstep, (long long)alive[i], (long long)l->live[i]);
		ck_assert_int_le(l->live[i], l->peak_bytes);
		most = alive[i] > most ? alive[i] : most;
	}
	ck_assert_int_eq(l->live[l->peak], l->peak_bytes);
	ck_assert_int_le(l->peak_bytes, l->act_bytes);
	ck_assert_msg(alive[l->peak] >= most - most / 50, "the peak is elsewhere: %lld, %lld",
	              (long long)alive[l->peak], (long long)most);
}
END_TEST

/* From the numbers of values alone: when each is written first, and read or written last. */
START_TEST(values)
{
	const Ledger *l = trial(_i);
	const Entry  *e = l->entry;
	Spot          at[64];

	for (int v = 1; v <= l->nvalue; v++) {
		int first = -1, last = -1, n;

		for (int i = 0; i < e->nstep; i++) {
			n = places_of(&e->step[i], at);
			for (int k = 0; k < n; k++) {
				bool reads = at[k].read && !at[k].write && at[k].value == v,
				     writes = at[k].write && at[k].value == v;

				for (int m = 0; m < at[k].nmore; m++)
					reads = reads || (at[k].read && !at[k].write &&
					                  at[k].more[m].value == v);
				if (writes && first < 0)
					first = i;
				if (reads || writes)
					last = i > last ? i : last;
				/* it goes on under its next number */
				if (at[k].read && at[k].write && at[k].before == v)
					last = i - 1 > last ? i - 1 : last;
			}
		}
		for (int i = 0; i < e->noutput; i++)
			if (e->output[i].value == v)
				last = e->nstep - 1;
		ck_assert_int_eq(l->value[v].first, first);
		ck_assert_int_eq(l->value[v].last, last);
	}
}
END_TEST

static bool
close_to(double x, double y)
{
	return x - y < 1e-9 * (x + y) && y - x < 1e-9 * (x + y);
}

START_TEST(sums)
{
	const Ledger     *l = trial(_i);
	const LedgerRows *all[] = {&l->kernels, &l->kinds, &l->roles, &l->lines};
	double            flops = 0, bytes = 0, seconds = 0;

	for (int i = 0; i < l->entry->nstep; i++) {
		flops += l->entry->step[i].flops;
		bytes += l->entry->step[i].bytes;
		seconds += l->step[i].seconds;
	}
	ck_assert(close_to(l->flops, flops) && close_to(l->bytes, bytes) &&
	          close_to(l->seconds, seconds) && seconds > 0);
	for (int k = 0; k < COUNT(all); k++) {
		double  row[3] = {0}, role = 0, before = 1e300;
		int     steps = 0, at_peak = 0;
		int64_t peak = 0;

		for (int i = 0; i < all[k]->n; i++) {
			const LedgerRow *r = &all[k]->at[i];

			row[0] += r->flops;
			row[1] += r->bytes;
			row[2] += r->seconds;
			steps += r->steps;
			peak += r->at_peak;
			at_peak += r->values_at_peak;
			for (int o = 0; o < ROLES; o++)
				role += r->role_seconds[o];
			ck_assert(r->seconds <= before);
			before = r->seconds;
		}
		ck_assert(close_to(row[0], flops) && close_to(row[1], bytes) &&
		          close_to(row[2], seconds) && close_to(role, seconds));
		ck_assert_int_eq(steps, l->entry->nstep);
		ck_assert_int_eq(peak, all[k] == &l->lines ? l->peak_bytes : 0);
		ck_assert(all[k] != &l->lines || at_peak > 0);
	}
}
END_TEST

START_TEST(times)
{
	const Ledger *l = trial(_i);

	for (int i = 0; i < l->entry->nstep; i++) {
		const ProgStep *s = &l->entry->step[i];
		bool bf16 = strstr(trials[_i].set, "bf16") != NULL, gemm = s->kind == STEP_gemm,
		     attend = !gemm && strstr(l->step[i].kind, "attend") &&
		              !strstr(l->step[i].kind, "finish");
		double rate = gemm     ? (bf16 ? 3e9 : 2e9)
		              : attend ? (bf16 ? 7e9 : 5e9)
		                       : 11e9,
		       work = s->flops / rate, moved = s->bytes / 13e9;

		ck_assert(close_to(l->step[i].seconds, work > moved ? work : moved));
		ck_assert_int_eq(l->step[i].by_work, work > moved);
		ck_assert(s->bytes > 0);
	}
}
END_TEST

/* The bytes of a step are those of its extents, but for sums over columns (partial ones, and on
 * cuda all), and scalars that several launches shared before they were joined. */
START_TEST(traffic)
{
	const Ledger *l = trial(_i);
	Spot          at[64];

	for (int i = 0; i < l->entry->nstep; i++) {
		int    n = places_of(&l->entry->step[i], at);
		double touched = 0, scratch = 0;

		for (int k = 0; k < n; k++) {
			double bytes =
				(double)(at[k].bytes * at[k].rows) * (at[k].read + at[k].write);

			touched += bytes;
			if (at[k].write &&
			    (strcmp(l->program->slab[at[k].slab].name, "scratch") == 0 ||
			     strcmp(l->step[i].kind, "columns") == 0))
				scratch += bytes;
		}
		if (strcmp(l->step[i].kind, "scatter") == 0 ||
		    strncmp(l->step[i].kind, "sum_squares", 11) == 0)
			continue;
		/* a joined launch walks over the padding between its arrays too */
		if (strcmp(l->step[i].kind, "flat") == 0)
			scratch = touched;
		ck_assert_msg(l->entry->step[i].bytes >= touched - scratch - 4 * n &&
		                      l->entry->step[i].bytes <= touched + 512,
		              "trial %d, step %d, %s: %g bytes, touches %g, scratch %g", _i, i,
		              l->step[i].name, l->entry->step[i].bytes, touched, scratch);
	}
}
END_TEST

/* ---- work against the formulas -------------------------------------------------------------- */

static double
flops_of(const Ledger *l, const char *kind, StepRole role)
{
	double sum = 0;

	for (int i = 0; i < l->entry->nstep; i++)
		if (strcmp(l->step[i].kind, kind) == 0 && l->step[i].role == role)
			sum += l->entry->step[i].flops;
	return sum;
}

/* A transformer of L layers, D wide, F hidden, T tokens, N patches of P numbers, a head of V, of
 * which M patches are masked; products of A and B cost 2 m n k. The backward pass has two products
 * for each, but none for the images. What follows attention in the last layer, and the head, see
 * the masked patches only; in the teacher's last layer so many tokens as are wanted: all, where
 * targets are standardised over them. */
static void
check_work(const char *spec, const char *set, const char *target, double B, double L, double D,
           double F, double T, double N, double P, double V, double M, double wanted)
{
	SpecProgram s;
	Ledger     *l;
	double qkv = 6 * B * T * D * D, rest = 2 * B * D * (D + 2 * F), patch = 2 * B * N * P * D,
	       head = 2 * B * M * D * V, attend = 4 * B * T * T * D,
	       layers = L * qkv + ((L - 1) * T + M) * rest,
	       teacher = L * qkv + ((L - 1) * T + wanted) * rest;

	ck_assert(spec_program(arena, spec, set, target, "cheap", &s) == OK);
	l = ledger_make(arena, s.p, program_entry(s.p, "train"), &rates, 1);
	ck_assert_double_eq(flops_of(l, "gemm", ROLE_teacher), teacher + patch);
	ck_assert_double_eq(flops_of(l, "gemm", ROLE_forward), layers + patch + head);
	ck_assert_double_eq(flops_of(l, "gemm", ROLE_backward), 2 * layers + patch + 2 * head);
	ck_assert_double_eq(flops_of(l, "gemm", ROLE_update), 0);
	ck_assert_double_eq(flops_of(l, "attend", ROLE_teacher), L * attend);
	ck_assert_double_eq(flops_of(l, "attend", ROLE_forward), L * attend);
	ck_assert_double_eq(flops_of(l, "attend_grad", ROLE_backward), 2.5 * L * attend);
}

START_TEST(work)
{
	check_work(gray, "", "cpu", 8, 2, 8, 32, 5, 4, 16, 8, 2, 5);
	check_work(gray, "B=3,L=4", "cuda", 3, 4, 8, 32, 5, 4, 16, 8, 2, 5);
	check_work("models/vit_base.d2v", "B=2,expected_batch=32", "cuda", 2, 12, 768, 3072, 197,
	           196, 768, 768, 120, 120);
}
END_TEST

START_TEST(cores)
{
	const Rates *one = rates_find("cpu"), *gpu = rates_find("h200");
	Rates        four = rates_of_cores(one, 4), same = rates_of_cores(gpu, 4);

	ck_assert_double_eq(four.gemm_f32, 4 * one->gemm_f32);
	ck_assert_double_eq(four.bandwidth, 4 * one->bandwidth);
	ck_assert_double_eq(same.gemm_bf16, gpu->gemm_bf16);
	ck_assert_double_eq(same.bandwidth, gpu->bandwidth);
	ck_assert(rates_find("abacus") == NULL);
}
END_TEST

Suite *
suite_ledger(void)
{
	Suite *s = suite_create("ledger");
	TCase *t = tcase_create("trials"), *w = tcase_create("work");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, owners, 0, COUNT(trials));
	tcase_add_loop_test(t, lives, 0, COUNT(trials));
	tcase_add_loop_test(t, values, 0, COUNT(trials));
	tcase_add_loop_test(t, sums, 0, COUNT(trials));
	tcase_add_loop_test(t, times, 0, COUNT(trials));
	tcase_add_loop_test(t, traffic, 0, COUNT(trials));
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(w, begin, end);
	tcase_set_timeout(w, 60);
	tcase_add_test(w, work);
	tcase_add_test(w, cores);
	suite_add_tcase(s, w);
	return s;
}
