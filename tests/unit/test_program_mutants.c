/* Is the plan proved, or only printed? Real programs with one field changed: program_verify must
 * refuse each, or the change must be shown to be harmless here, by other code than the verifier's.
 * Harmless are two things only: steps in another order that touch no byte in common but to read it,
 * and a slab whose length changed by bytes that nothing uses. Not changed, since no checker can
 * know them: numbers that kernels compute with (f32, u64), expressions, initial values, dtypes,
 * labels, costs. Each mutant is tried a second time with its seals made anew, to see what the proof
 * says without them; a seal is needed only where several readings are possible, such as the order
 * of arguments of one shape. */
#include "compiler/codegen/codegen.h"
#include "compiler/pass/pass.h"
#include "dsl/dsl.h"
#include "tests/unit/mutations.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_program_mutants(void);

enum { MUTANTS = 1100 }; /* of each program */

/* ---- harmless: shown byte by byte ----------------------------------------------------------- */

enum { READS = 1, WRITES = 2 };

/* Mark the bytes of every slab that a step touches. */
static void
mark_run(const Program *p, unsigned char *const *slab, int on, int64_t lo, int64_t n, int how)
{
	ck_assert(lo >= 0 && lo + n <= p->slab[on].bytes);
	for (int64_t i = 0; i < n; i++)
		slab[on][lo + i] |= (unsigned char)how;
}

static void
mark_operand(const Program *p, unsigned char *const *slab, const GemmOperand *o, int64_t z,
             int64_t n0, int64_t n1, int how)
{
	int64_t unit = dtype_bytes[o->dtype];
	for (int64_t i = 0; i < z; i++)
		for (int64_t j = 0; j < n0; j++)
			for (int64_t k = 0; k < n1; k++)
				mark_run(p, slab, o->slab,
				         o->offset + unit * (i * o->sz + j * o->s0 + k * o->s1),
				         unit, how);
}

static void
mark_step(const Program *p, const ProgStep *s, unsigned char *const *slab)
{
	const Gemm *g = &s->gemm;
	for (int i = 0; s->kind == STEP_launch && i < s->narg; i++)
		for (int64_t r = 0; s->arg[i].kind == ARG_pointer && r < s->arg[i].extent.rows; r++)
			mark_run(p, slab, s->arg[i].slab,
			         s->arg[i].offset + r * s->arg[i].extent.pitch,
			         s->arg[i].extent.bytes, (int)s->arg[i].access);
	if (s->kind == STEP_launch)
		return;
	mark_operand(p, slab, &g->a, g->z, g->m, g->k, READS);
	mark_operand(p, slab, &g->b, g->z, g->k, g->n, READS);
	mark_operand(p, slab, &g->c, g->z, g->m, g->n, WRITES);
	if (g->has_bias)
		mark_run(p, slab, g->bias_slab, g->bias_offset, 4 * g->n, READS);
}

static unsigned char **
marks_new(const Program *p)
{
	unsigned char **slab = malloc(sizeof *slab * (size_t)p->nslab);
	for (int i = 0; i < p->nslab; i++)
		slab[i] = calloc(1, (size_t)p->slab[i].bytes + 1);
	return slab;
}

static void
marks_free(const Program *p, unsigned char **slab)
{
	for (int i = 0; i < p->nslab; i++)
		free(slab[i]);
	free(slab);
}

/* May the step at `at` change places with each of from .. to - 1? */
static bool
is_free(const Program *p, const Entry *e, int at, int from, int to)
{
	unsigned char **mine = marks_new(p), **others = marks_new(p);
	bool            free_of_all = true;
	mark_step(p, &e->step[at], mine);
	for (int i = from; i < to; i++)
		mark_step(p, &e->step[i], others);
	for (int s = 0; s < p->nslab; s++)
		for (int64_t b = 0; b < p->slab[s].bytes; b++)
			if (((mine[s][b] & WRITES) && others[s][b]) ||
			    (mine[s][b] && (others[s][b] & WRITES)))
				free_of_all = false;
	marks_free(p, mine);
	marks_free(p, others);
	return free_of_all;
}

/* One behind the last byte of a slab that anything uses. */
static int64_t
used_bytes(const Program *p, int on)
{
	int64_t most = 0;
#define USE(at, end)                                                                               \
	do {                                                                                       \
		if ((at) == on && (end) > most)                                                    \
			most = (end);                                                              \
	} while (0)
	for (int i = 0; i < p->recipe.nvar; i++)
		USE(p->recipe.var[i].slab,
		    p->recipe.var[i].offset + type_bytes(&p->recipe.var[i].type));
	for (int i = 0; i < p->ntable; i++)
		USE(p->table[i].slab, p->table[i].offset + 4 * p->table[i].count);
	for (int i = 0; i < p->nentry; i++) {
		const Entry *e = &p->entry[i];
		for (int j = 0; j < e->nscalar; j++)
			USE(e->scalar[j].slab, e->scalar[j].offset + 4);
		for (int j = 0; j < e->ninput; j++)
			USE(e->input[j].slab, e->input[j].offset + type_bytes(&e->input[j].type));
		for (int j = 0; j < e->nstep; j++) {
			const ProgStep *s = &e->step[j];
			const Gemm     *g = &s->gemm;
			for (int k = 0; s->kind == STEP_launch && k < s->narg; k++)
				if (s->arg[k].kind == ARG_pointer)
					USE(s->arg[k].slab, s->arg[k].offset +
					                            (s->arg[k].extent.rows - 1) *
					                                    s->arg[k].extent.pitch +
					                            s->arg[k].extent.bytes);
			if (s->kind == STEP_gemm)
				USE(g->c.slab, g->c.offset + dtype_bytes[g->c.dtype] *
				                                     ((g->z - 1) * g->c.sz +
				                                      (g->m - 1) * g->c.s0 + g->n));
		}
	}
#undef USE
	return most;
}

static bool
is_harmless(Mutant *m)
{
	if (m->first >=
	    0) { /* the list is the changed one: each of the two against all that it passed */
		int lo = m->first, hi = m->second;
		return is_free(m->p, m->e, lo, lo + 1, hi + 1) && is_free(m->p, m->e, hi, lo, hi);
	}
	return m->slab && m->slab->bytes >= used_bytes(m->p, (int)(m->slab - m->p->slab));
}

/* ---- trying --------------------------------------------------------------------------------- */

static Status
judge(const Program *p, FILE *nowhere)
{
	diag_reset();
	diag_sink(nowhere);
	Status s = program_verify(p);
	diag_sink(NULL);
	diag_reset();
	return s;
}

/* Seals of all steps as the changed program would have them; `kept` holds the old ones. */
static void
seal_again(Mutant *m, uint32_t *kept)
{
	for (int i = 0; i < m->p->nentry; i++)
		for (int j = 0; j < m->p->entry[i].nstep; j++) {
			ProgStep *s = &m->p->entry[i].step[j];
			*kept++ = s->seal;
			s->seal = step_seal(m->p, s);
		}
}

static void
seal_back(Mutant *m, const uint32_t *kept)
{
	for (int i = 0; i < m->p->nentry; i++)
		for (int j = 0; j < m->p->entry[i].nstep; j++)
			m->p->entry[i].step[j].seal = *kept++;
}

typedef struct {
	int tried, refused, proved, harmless;
} Tally;

static void
try_one(Mutant *m, int kind, Tally *t, FILE *nowhere, uint32_t *kept)
{
	m->first = m->second = -1;
	m->kernel = NULL;
	m->slab = NULL;
	arena_reset(m->arena);
	if (!mutations[kind].change(m) || !mutant_changed(m)) {
		mutant_undo(m);
		return;
	}
	t->tried++;
	if (judge(m->p, nowhere) == FAIL) {
		t->refused++;
		seal_again(m, kept);
		t->proved += judge(m->p, nowhere) == FAIL;
		seal_back(m, kept);
	} else {
		ck_assert_msg(is_harmless(m), "accepted: %s, in entry `%s`", mutations[kind].name,
		              m->e ? m->e->name : "");
		t->harmless++;
	}
	mutant_undo(m);
}

static void
try_program(Program *p, const char *name)
{
	Mutant m = {.p = p, .arena = arena_new(), .r = stream_open(1, name, 0, 0)};
	Tally  tally[MOST_MUTATIONS] = {{0}};
	FILE  *nowhere = fopen("/dev/null", "w");
	int    nstep = 0;
	for (int i = 0; i < p->nentry; i++)
		nstep += p->entry[i].nstep + 1;
	uint32_t *kept = malloc(sizeof *kept * (size_t)nstep);
	ck_assert(program_verify(p) == OK && mutation_count <= MOST_MUTATIONS);
	for (int i = 0; i < MUTANTS; i++)
		try_one(&m, i % mutation_count, &tally[i % mutation_count], nowhere, kept);
	ck_assert_msg(program_verify(p) == OK, "a mutant was not put back");
	for (int i = 0; i < mutation_count; i++)
		if (getenv("D2V_TEST_TALLY"))
			printf("%-24s %-24s tried %4d refused %4d (without seals %4d) harmless "
			       "%4d\n",
			       name, mutations[i].name, tally[i].tried, tally[i].refused,
			       tally[i].proved, tally[i].harmless);
	fclose(nowhere);
	free(kept);
	arena_free(m.arena);
}

static const char *const files[] = {"generated/fashion-cpu/program.d2p",
                                    "generated/tiny_vit-cpu/program.d2p"};

START_TEST(generated)
{
	Arena   *a = arena_new();
	char    *text;
	size_t   n;
	Program *p;
	ck_assert(file_read(files[_i], &text, &n) == OK);
	ck_assert(program_parse(a, files[_i], text, &p) == OK);
	try_program(p, files[_i]);
	arena_free(a);
	free(text);
}
END_TEST

START_TEST(compiled_for_cuda)
{
	Arena    *a = arena_new();
	Spec     *spec;
	Compiled *c;
	ck_assert(dsl_compile(a, "models/tiny/dropout.d2v", NULL, 0, &spec) == OK);
	Graph **g = arena_new_array(a, Graph *, spec->nfeature + 1);
	g[0] = spec->train;
	ck_assert(pass_run(spec->train, NULL, NULL, NULL) == OK);
	for (int i = 0; i < spec->nfeature; i++) {
		g[i + 1] = spec->feature[i];
		spec->feature[i]->variables_from = spec->train;
		ck_assert(pass_run(spec->feature[i], NULL, NULL, NULL) == OK);
	}
	ck_assert(codegen(a, &spec->recipe, g, spec->nfeature + 1, &target_cuda, &c) == OK);
	try_program(c->program, "dropout-cuda");
	text_free(&spec->summary);
	arena_free(a);
}
END_TEST

Suite *
suite_program_mutants(void)
{
	Suite *s = suite_create("program_mutants");
	TCase *t = tcase_create("mutants");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, generated, 0, COUNT(files));
	tcase_add_test(t, compiled_for_cuda);
	suite_add_tcase(s, t);
	return s;
}
