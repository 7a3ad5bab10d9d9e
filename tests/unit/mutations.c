/* Changes of one field of a program: by a little, by a lot, or to what stands elsewhere, which
 * looks most like a plan. Everything that is changed is put back afterwards. */
#include "tests/unit/mutations.h"

#include <check.h>
#include <string.h>

static int64_t
pick(Mutant *m, int64_t n)
{
	return stream_int(&m->r, 0, n - 1);
}

/* Remember n bytes, to be put back after the mutant was tried. */
static void
keep(Mutant *m, void *at, size_t n)
{
	ck_assert(m->nundo < COUNT(m->undo) && n <= sizeof m->undo[0].old);
	m->undo[m->nundo].at = at;
	m->undo[m->nundo].n = n;
	memcpy(m->undo[m->nundo++].old, at, n);
}
#define KEEP(m, x) keep(m, &(x), sizeof(x))

void
mutant_undo(Mutant *m)
{
	while (m->nundo > 0) {
		m->nundo--;
		memcpy(m->undo[m->nundo].at, m->undo[m->nundo].old, m->undo[m->nundo].n);
	}
}

bool
mutant_changed(const Mutant *m)
{
	for (int i = 0; i < m->nundo; i++)
		if (memcmp(m->undo[i].at, m->undo[i].old, m->undo[i].n) != 0)
			return true;
	return false;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static void
choose_entry(Mutant *m)
{
	m->e = &m->p->entry[pick(m, m->p->nentry)];
}

static bool
choose_step(Mutant *m, StepKind kind)
{
	choose_entry(m);
	if (m->e->nstep == 0)
		return false;
	for (int tries = 0; tries < 50; tries++) {
		m->s = &m->e->step[pick(m, m->e->nstep)];
		m->g = &m->s->gemm;
		if (m->s->kind == kind)
			return true;
	}
	return false;
}

static Arg *
any_arg(Mutant *m, ArgKind kind)
{
	for (int tries = 0; tries < 50 && m->s->narg > 0; tries++) {
		Arg *a = &m->s->arg[pick(m, m->s->narg)];
		if (a->kind == kind)
			return a;
	}
	return NULL;
}

static bool
choose_pointer(Mutant *m)
{
	return choose_step(m, STEP_launch) && (m->a = any_arg(m, ARG_pointer)) != NULL;
}

static GemmOperand *
any_operand(Mutant *m)
{
	GemmOperand *all[] = {&m->g->a, &m->g->b, &m->g->c};
	return all[pick(m, 3)];
}

/* By a little, or by a lot. */
static int64_t
moved(Mutant *m, int64_t x)
{
	static const int64_t by[] = {1, 2, 4, 8, 16, 32, 64, 96, 128, 256, 512, 1024, 4096};
	int64_t              d = by[pick(m, COUNT(by))];
	return pick(m, 2) ? x + d : x - d;
}

/* To where something else lies, which is the mistake that looks most like a plan. */
static int64_t
another_place(Mutant *m, int slab, int64_t x)
{
	for (int tries = 0; tries < 20 && pick(m, 2); tries++) {
		const ProgStep *s = &m->e->step[pick(m, m->e->nstep)];
		const Arg      *a = s->narg > 0 ? &s->arg[pick(m, s->narg)] : NULL;
		if (a && a->kind == ARG_pointer && a->slab == slab)
			return a->offset;
	}
	return moved(m, x);
}

static int
another_value(Mutant *m, int value)
{
	return pick(m, 4) ? value + (pick(m, 2) ? 1 : -1) : (int)pick(m, 60) - 20;
}

/* ---- mutations: false when there is nothing to change here ---------------------------------- */

static bool
arg_offset(Mutant *m)
{
	if (!choose_pointer(m))
		return false;
	KEEP(m, m->a->offset);
	m->a->offset = another_place(m, m->a->slab, m->a->offset);
	return true;
}

static bool
arg_slab(Mutant *m)
{
	if (!choose_pointer(m))
		return false;
	KEEP(m, m->a->slab);
	m->a->slab = (int)pick(m, m->p->nslab);
	return true;
}

static bool
arg_extent(Mutant *m)
{
	if (!choose_pointer(m))
		return false;
	KEEP(m, m->a->extent);
	int64_t *field[] = {&m->a->extent.bytes, &m->a->extent.rows, &m->a->extent.pitch},
		*x = field[pick(m, 3)];
	*x = pick(m, 3) ? moved(m, *x) : *x * 2;
	return true;
}

static bool
arg_value(Mutant *m)
{
	if (!choose_pointer(m))
		return false;
	KEEP(m, m->a->value);
	m->a->value = another_value(m, m->a->value);
	return true;
}

static bool
arg_at(Mutant *m)
{
	if (!choose_pointer(m))
		return false;
	KEEP(m, m->a->at);
	m->a->at = moved(m, m->a->at);
	return true;
}

/* An update, or, with ACCESS_read, one that reads several values. */
static bool
choose_rare(Mutant *m, Access access)
{
	for (int tries = 0; tries < 400; tries++)
		if (choose_pointer(m) &&
		    (access == ACCESS_update ? m->a->access == access : m->a->nmore > 0))
			return true;
	return false;
}

static bool
arg_before(Mutant *m)
{
	if (!choose_rare(m, ACCESS_update))
		return false;
	KEEP(m, m->a->before);
	KEEP(m, m->a->before_at);
	if (pick(m, 2))
		m->a->before = another_value(m, m->a->before);
	else
		m->a->before_at = moved(m, m->a->before_at);
	return true;
}

static bool
arg_more(Mutant *m)
{
	if (!choose_rare(m, ACCESS_read))
		return false;
	Named *x = &m->a->more[pick(m, m->a->nmore)];
	KEEP(m, *x);
	KEEP(m, m->a->nmore);
	int64_t how = pick(m, 3);
	if (how == 0)
		x->value = another_value(m, x->value);
	else if (how == 1)
		x->at = moved(m, x->at);
	else
		m->a->nmore--;
	return true;
}

static bool
arg_access(Mutant *m)
{
	if (!choose_pointer(m))
		return false;
	KEEP(m, m->a->access);
	m->a->access = (Access)pick(m, 5);
	return true;
}

static bool
arg_padded(Mutant *m)
{
	if (!choose_pointer(m))
		return false;
	KEEP(m, m->a->padded);
	m->a->padded = !m->a->padded;
	return true;
}

static bool
arg_kind(Mutant *m)
{
	if (!choose_pointer(m))
		return false;
	Arg *a = &m->s->arg[pick(m, m->s->narg)];
	KEEP(m, a->kind);
	a->kind = (ArgKind)pick(m, 4);
	return true;
}

static bool
arg_count(Mutant *m)
{
	if (!choose_step(m, STEP_launch) || !(m->a = any_arg(m, ARG_i64)))
		return false;
	KEEP(m, m->a->i);
	m->a->i = pick(m, 3) ? moved(m, m->a->i) : m->a->i * 2;
	return true;
}

static bool
args_swapped(Mutant *m)
{
	if (!choose_step(m, STEP_launch) || m->s->narg < 2)
		return false;
	Arg *x = any_arg(m, ARG_pointer), *y = any_arg(m, ARG_pointer), z;
	if (x == y)
		return false;
	KEEP(m, *x);
	KEEP(m, *y);
	z = *x, *x = *y, *y = z;
	return true;
}

static bool
arg_dropped(Mutant *m)
{
	if (!choose_step(m, STEP_launch))
		return false;
	KEEP(m, m->s->narg);
	m->s->narg--;
	return true;
}

static bool
step_kernel(Mutant *m)
{
	if (!choose_step(m, STEP_launch))
		return false;
	KEEP(m, m->s->kernel);
	m->s->kernel = (int)pick(m, m->p->nkernel);
	return true;
}

static bool
step_seal_bits(Mutant *m)
{
	choose_entry(m);
	m->s = &m->e->step[pick(m, m->e->nstep)];
	KEEP(m, m->s->seal);
	m->s->seal ^= 1u << pick(m, 32);
	return true;
}

static bool
gemm_size(Mutant *m)
{
	if (!choose_step(m, STEP_gemm))
		return false;
	int64_t *field[] = {&m->g->z, &m->g->m, &m->g->n, &m->g->k}, *x = field[pick(m, 4)];
	keep(m, x, sizeof *x);
	*x = pick(m, 2) ? moved(m, *x) : pick(m, 2) ? *x * 2 : *x / 2;
	return true;
}

static bool
gemm_stride(Mutant *m)
{
	if (!choose_step(m, STEP_gemm))
		return false;
	GemmOperand *o = any_operand(m);
	int64_t     *field[] = {&o->sz, &o->s0, &o->s1}, *x = field[pick(m, 3)];
	KEEP(m, o->sz);
	KEEP(m, o->s0);
	KEEP(m, o->s1);
	*x = moved(m, *x);
	if (pick(m, 3) == 0) {
		mutant_undo(m);
		KEEP(m, o->s0);
		KEEP(m, o->s1);
		int64_t s = o->s0;
		o->s0 = o->s1, o->s1 = s; /* transposed */
	}
	return true;
}

static bool
gemm_place(Mutant *m)
{
	if (!choose_step(m, STEP_gemm))
		return false;
	GemmOperand *o = any_operand(m);
	KEEP(m, o->slab);
	KEEP(m, o->offset);
	if (pick(m, 3))
		o->offset = another_place(m, o->slab, o->offset);
	else
		o->slab = (int)pick(m, m->p->nslab);
	return true;
}

static bool
gemm_value(Mutant *m)
{
	if (!choose_step(m, STEP_gemm))
		return false;
	GemmOperand *o = any_operand(m);
	KEEP(m, o->value);
	KEEP(m, o->at);
	if (pick(m, 2))
		o->value = another_value(m, o->value);
	else
		o->at = moved(m, o->at);
	return true;
}

static bool
gemm_dtype(Mutant *m)
{
	if (!choose_step(m, STEP_gemm))
		return false;
	GemmOperand *o = any_operand(m);
	KEEP(m, o->dtype);
	o->dtype = (Dtype)pick(m, DT_COUNT);
	return true;
}

static bool
gemm_flag(Mutant *m)
{
	if (!choose_step(m, STEP_gemm))
		return false;
	bool *field[] = {&m->g->accumulate, &m->g->has_bias, &m->g->b_is_weight},
	     *x = field[pick(m, 3)];
	keep(m, x, sizeof *x);
	*x = !*x;
	return true;
}

static bool
gemm_bias(Mutant *m)
{
	if (!choose_step(m, STEP_gemm) || !m->g->has_bias)
		return false;
	KEEP(m, m->g->bias_offset);
	KEEP(m, m->g->bias_value);
	if (pick(m, 2))
		m->g->bias_offset = another_place(m, m->g->bias_slab, m->g->bias_offset);
	else
		m->g->bias_value = another_value(m, m->g->bias_value);
	return true;
}

static bool
gemm_swapped(Mutant *m)
{
	if (!choose_step(m, STEP_gemm))
		return false;
	KEEP(m, m->g->a);
	KEEP(m, m->g->b);
	GemmOperand a = m->g->a;
	m->g->a = m->g->b, m->g->b = a;
	return true;
}

/* The entry gets a list of steps of its own. */
static void
own_steps(Mutant *m)
{
	ProgStep *list = arena_new_array(m->arena, ProgStep, m->e->nstep + 1);
	memcpy(list, m->e->step, sizeof *list * (size_t)m->e->nstep);
	KEEP(m, *m->e);
	m->e->step = list;
}

static bool
steps_swapped(Mutant *m)
{
	choose_entry(m);
	if (m->e->nstep < 2)
		return false;
	own_steps(m);
	int i = (int)pick(m, m->e->nstep - 1), j = i + 1;
	if (pick(m, 2))
		j = i + 1 + (int)pick(m, m->e->nstep - 1 - i);
	ProgStep s = m->e->step[i];
	m->e->step[i] = m->e->step[j];
	m->e->step[j] = s;
	m->first = i;
	m->second = j;
	return true;
}

static bool
step_lost(Mutant *m)
{
	choose_entry(m);
	own_steps(m);
	int at = (int)pick(m, m->e->nstep);
	memmove(&m->e->step[at], &m->e->step[at + 1],
	        sizeof *m->e->step * (size_t)(m->e->nstep - at - 1));
	m->e->nstep--;
	return true;
}

static bool
step_doubled(Mutant *m)
{
	choose_entry(m);
	own_steps(m);
	int      from = (int)pick(m, m->e->nstep), to = (int)pick(m, m->e->nstep + 1);
	ProgStep s = m->e->step[from];
	memmove(&m->e->step[to + 1], &m->e->step[to], sizeof s * (size_t)(m->e->nstep - to));
	m->e->step[to] = s;
	m->e->nstep++;
	return true;
}

static bool
held_moved(Mutant *m, int *slab, int64_t *offset)
{
	keep(m, slab, sizeof *slab);
	keep(m, offset, sizeof *offset);
	if (pick(m, 4))
		*offset = another_place(m, *slab, *offset);
	else
		*slab = (int)pick(m, m->p->nslab);
	return true;
}

static bool
variable_place(Mutant *m)
{
	Variable *x = &m->p->recipe.var[pick(m, m->p->recipe.nvar)];
	choose_entry(m);
	return held_moved(m, &x->slab, &x->offset);
}

static bool
input_place(Mutant *m)
{
	choose_entry(m);
	Input *x = m->e->ninput ? &m->e->input[pick(m, m->e->ninput)] : NULL;
	return x && held_moved(m, &x->slab, &x->offset);
}

static bool
scalar_place(Mutant *m)
{
	choose_entry(m);
	Scalar *x = m->e->nscalar ? &m->e->scalar[pick(m, m->e->nscalar)] : NULL;
	return x && held_moved(m, &x->slab, &x->offset);
}

static bool
table_place(Mutant *m)
{
	Table *x = &m->p->table[pick(m, m->p->ntable)];
	choose_entry(m);
	return held_moved(m, &x->slab, &x->offset);
}

static bool
output_place(Mutant *m)
{
	choose_entry(m);
	OutputSpec *x = &m->e->output[pick(m, m->e->noutput)];
	return held_moved(m, &x->slab, &x->offset);
}

static bool
output_value(Mutant *m)
{
	choose_entry(m);
	OutputSpec *x = &m->e->output[pick(m, m->e->noutput)];
	KEEP(m, x->value);
	KEEP(m, x->at);
	if (pick(m, 2))
		x->value = another_value(m, x->value);
	else
		x->at = moved(m, x->at);
	return true;
}

static bool
slab_bytes(Mutant *m)
{
	m->slab = &m->p->slab[pick(m, m->p->nslab)];
	KEEP(m, m->slab->bytes);
	m->slab->bytes = moved(m, m->slab->bytes);
	return true;
}

static bool
kernel_type(Mutant *m)
{
	m->kernel = &m->p->kernel[pick(m, m->p->nkernel)];
	if (m->kernel->ntype == 0)
		return false;
	Dtype *type = &m->kernel->type[pick(m, m->kernel->ntype)];
	KEEP(m, *type);
	*type = (Dtype)((*type + 1 + pick(m, DT_COUNT - 1)) % DT_COUNT);
	return true;
}

static bool
kernel_shape(Mutant *m)
{
	if (strcmp(m->p->target, "cuda") != 0)
		return false;
	m->kernel = &m->p->kernel[pick(m, m->p->nkernel)];
	KEEP(m, *m->kernel);
	int64_t how = pick(m, 4);
	if (how == 0)
		m->kernel->block = (int)moved(m, m->kernel->block);
	else
		*(how == 1   ? &m->kernel->shared
		  : how == 2 ? &m->kernel->grid
		             : &m->kernel->per_block) += pick(m, 2) ? 1 : 256;
	return true;
}

const Mutation mutations[] = {
	{"place of an argument", arg_offset},
	{"slab of an argument", arg_slab},
	{"extent", arg_extent},
	{"value", arg_value},
	{"start of a value", arg_at},
	{"value before", arg_before},
	{"further values", arg_more},
	{"access", arg_access},
	{"padded", arg_padded},
	{"kind of argument", arg_kind},
	{"count", arg_count},
	{"arguments swapped", args_swapped},
	{"argument dropped", arg_dropped},
	{"kernel", step_kernel},
	{"seal", step_seal_bits},
	{"size of a gemm", gemm_size},
	{"stride", gemm_stride},
	{"place of an operand", gemm_place},
	{"value of an operand", gemm_value},
	{"dtype of an operand", gemm_dtype},
	{"flag of a gemm", gemm_flag},
	{"bias", gemm_bias},
	{"operands swapped", gemm_swapped},
	{"order of steps", steps_swapped},
	{"step lost", step_lost},
	{"step doubled", step_doubled},
	{"place of a variable", variable_place},
	{"place of an input", input_place},
	{"place of a scalar", scalar_place},
	{"place of a table", table_place},
	{"place of an output", output_place},
	{"value of an output", output_value},
	{"bytes of a slab", slab_bytes},
	{"shape of a kernel", kernel_shape},
	{"types of a kernel", kernel_type},
};
const int mutation_count = COUNT(mutations);
