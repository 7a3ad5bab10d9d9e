/* print: a Program as the text of program.d2p (PROGRAM.md). The text is canonical: equal programs
 * give equal bytes, and nothing but the program goes into it. Refuses nothing; verify.c judges. */
#include "compiler/program/program_private.h"

#include <string.h>

const Entry *
program_entry(const Program *p, const char *name)
{
	for (int i = 0; i < p->nentry; i++)
		if (p->entry[i].name && strcmp(p->entry[i].name, name) == 0)
			return &p->entry[i];
	return NULL;
}

const char *const var_kind_name[] = {
	[VAR_param] = "param",
	[VAR_average] = "average",
	[VAR_moment1] = "moment1",
	[VAR_moment2] = "moment2",
};
const char *const init_kind_name[] = {
	[INIT_const] = "const",
	[INIT_normal] = "normal",
	[INIT_trunc_normal] = "trunc_normal",
	[INIT_copy] = "copy",
};
const char *const arg_kind_name[] = {
	[ARG_pointer] = "pointer",
	[ARG_f32] = "f32",
	[ARG_i64] = "i64",
	[ARG_u64] = "u64",
};

const char *const access_name[] = {
	[ACCESS_read] = "in",
	[ACCESS_write] = "out",
	[ACCESS_update] = "update",
};
const char held_letter[] = {
	[HELD_variable] = 'v',
	[HELD_table] = 't',
	[HELD_scalar] = 's',
	[HELD_input] = 'i',
};

/* ---- pieces of a line ----------------------------------------------------------------------- */

/* " NAME "text"", or nothing when the text is NULL. */
static void
put_string(Text *out, const char *before, const char *s)
{
	if (!s)
		return;
	text_printf(out, "%s\"", before);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			text_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			text_printf(out, "\\x%02x", c);
		else
			text_append(out, s, 1);
	}
	text_append(out, "\"", 1);
}

static void
put_number(Text *out, const char *before, double x)
{
	char digits[32];
	text_printf(out, "%s%s", before, text_double(digits, x));
}

static void
put_place(Text *out, const char *before, const Program *p, int slab, int64_t offset)
{
	if (slab < 0 || slab >= p->nslab)
		BUG("slab %d of %d", slab, p->nslab);
	text_printf(out, "%s%s+%lld", before, p->slab[slab].name, (long long)offset);
}

static void
put_type(Text *out, const char *before, const Type *t)
{
	text_printf(out, "%s", before);
	type_print(out, t);
}

/* The end of a line; the place in the spec that it comes from, where there is one. */
static void
put_loc(Text *out, Loc loc)
{
	if (loc.file && loc.line > 0) {
		text_printf(out, "  # ");
		for (const char *s = loc.file; *s; s++)
			text_append(out, (unsigned char)*s < 0x20 ? "?" : s, 1);
		text_printf(out, ":%d:%d", loc.line, loc.col);
	}
	text_append(out, "\n", 1);
}

static void
put_switch(Text *out, const char *name, bool on)
{
	text_printf(out, "  %s %s\n", name, on ? "yes" : "no");
}

/* ---- sections ------------------------------------------------------------------------------- */

static void
put_recipe(Text *out, const Recipe *r)
{
	text_printf(out, "\nrecipe\n");
	put_string(out, "  spec ", r->spec_name ? r->spec_name : "");
	put_string(out, "\n  hash ", r->spec_hash ? r->spec_hash : "");
	if (r->edited)
		put_string(out, "\n  edited ", r->edited);
	put_number(out, "\n  epochs ", r->length_epochs);
	text_printf(out, "\n  steps %lld\n  seed %llu\n  ranks %d\n  checkpoint_steps %lld",
	            (long long)r->length_steps, (unsigned long long)r->seed, r->ranks,
	            (long long)r->checkpoint_steps);
	put_number(out, "\n  checkpoint_epochs ", r->checkpoint_epochs);
	text_printf(out, "\n  checkpoint_keep %d\n", r->checkpoint_keep);
	put_switch(out, "checkpoint_on_signal", r->checkpoint_on_signal);
	put_string(out, "  stop ", r->stop ? r->stop : "");
	put_string(out, "\n  layer_axis ", r->layer_axis);
	text_append(out, "\n", 1);
}

static void
put_init(Text *out, const Init *init)
{
	text_printf(out, " init %s", init_kind_name[init->kind]);
	switch (init->kind) {
	case INIT_const:
		put_number(out, " ", init->value);
		break;
	case INIT_normal:
		put_number(out, " std=", init->std);
		put_number(out, " scale=", init->scale);
		break;
	case INIT_trunc_normal:
		put_number(out, " std=", init->std);
		put_number(out, " cut=", init->cut);
		put_number(out, " scale=", init->scale);
		break;
	case INIT_copy:
		put_string(out, " ", init->of ? init->of : "");
		break;
	}
}

static void
put_variables(Text *out, const Program *p)
{
	text_printf(out, "\nvariables\n");
	for (int i = 0; i < p->recipe.nvar; i++) {
		const Variable *v = &p->recipe.var[i];
		text_printf(out, "  %s", var_kind_name[v->kind]);
		put_string(out, " ", v->name ? v->name : "");
		put_type(out, " ", &v->type);
		put_place(out, " at ", p, v->slab, v->offset);
		put_init(out, &v->init);
		put_string(out, " of ", v->of);
		put_string(out, " group ", v->group);
		put_loc(out, v->loc);
	}
}

static void
put_names(Text *out, const Recipe *r)
{
	text_printf(out, "\nnames\n");
	for (int i = 0; i < r->nname; i++) {
		put_string(out, "  ", r->name[i].table ? r->name[i].table : "");
		put_string(out, " ", r->name[i].foreign ? r->name[i].foreign : "");
		text_printf(out, " =");
		for (int j = 0; j < r->name[i].nvar; j++)
			put_string(out, " ", r->name[i].var[j]);
		text_append(out, "\n", 1);
	}
}

static void
put_data(Text *out, const DataSpec *d)
{
	if (!d->source)
		return;
	text_printf(out, "\ndata\n");
	put_string(out, "  source ", d->source);
	put_string(out, "\n  input ", d->input ? d->input : "");
	text_printf(out, "\n  batch %lld\n  size %lld %lld %lld\n", (long long)d->batch,
	            (long long)d->channels, (long long)d->height, (long long)d->width);
	for (int i = 0; i < d->ntransform && i < COUNT(d->transform); i++) {
		const Transform *t = &d->transform[i];
		text_printf(out, "  transform %s", t->name ? t->name : "?");
		for (int j = 0; j < t->narg && j < COUNT(t->arg); j++)
			put_number(out, " ", t->arg[j]);
		if (t->filter)
			text_printf(out, " filter %s", t->filter);
		text_append(out, "\n", 1);
	}
	text_printf(out, "  mean");
	for (int i = 0; i < COUNT(d->mean); i++)
		put_number(out, " ", d->mean[i]);
	text_printf(out, "\n  std");
	for (int i = 0; i < COUNT(d->std); i++)
		put_number(out, " ", d->std[i]);
	text_append(out, "\n", 1);
	put_switch(out, "shuffle", d->shuffle);
	put_switch(out, "drop_remainder", d->drop_remainder);
}

static void
put_draws(Text *out, const Recipe *r)
{
	text_printf(out, "\ndraws\n");
	for (int i = 0; i < r->ndraw; i++) {
		const DrawSpec *d = &r->draw[i];
		text_printf(out, "  %s", d->generator ? d->generator : "?");
		put_string(out, " input ", d->input ? d->input : "");
		put_string(out, " site ", d->site ? d->site : "");
		text_printf(out, " grid %lld %lld at_most %lld area %lld %lld", (long long)d->gy,
		            (long long)d->gx, (long long)d->at_most, (long long)d->area_lo,
		            (long long)d->area_hi);
		put_number(out, " aspect ", d->aspect_lo);
		put_number(out, " ", d->aspect_hi);
		text_append(out, "\n", 1);
	}
}

static void
put_tables(Text *out, const Program *p)
{
	enum { A_LINE = 16 };
	text_printf(out, "\ntables\n");
	for (int i = 0; i < p->ntable; i++) {
		const Table *t = &p->table[i];
		put_place(out, "  table ", p, t->slab, t->offset);
		text_printf(out, " count %lld\n", (long long)t->count);
		for (int64_t j = 0; j < t->count; j++)
			text_printf(out, "%s%d%s", j % A_LINE ? " " : "    ", (int)t->data[j],
			            j % A_LINE == A_LINE - 1 || j == t->count - 1 ? "\n" : "");
	}
}

static void
put_kernels(Text *out, const Program *p)
{
	text_printf(out, "\nkernels\n");
	for (int i = 0; i < p->nkernel; i++) {
		const Kernel *k = &p->kernel[i];
		const struct {
			const char *name;
			int64_t     value;
		} shape[] = {{"block", k->block},
		             {"shared", k->shared},
		             {"grid", k->grid},
		             {"per_block", k->per_block}};
		text_printf(out, "  %s", k->name);
		put_string(out, " ", k->file ? k->file : "");
		for (int j = 0; j < k->ntype; j++)
			text_printf(out, "%s%s%s", j ? ", " : " (", dtype_name[k->type[j]],
			            j == k->ntype - 1 ? ")" : "");
		for (int j = 0; j < COUNT(shape); j++)
			if (shape[j].value != 0)
				text_printf(out, " %s=%lld", shape[j].name,
				            (long long)shape[j].value);
		text_append(out, "\n", 1);
	}
}

/* ---- entries -------------------------------------------------------------------------------- */

/* %12 or %v3; with the bytes between its start and the place: %12+64. */
static void
put_value(Text *out, const char *before, int value, int64_t at)
{
	if (value < 0)
		text_printf(out, "%s%%%c%d", before, held_letter[held_kind(value)],
		            held_index(value));
	else
		text_printf(out, "%s%%%d", before, value);
	if (at != 0)
		text_printf(out, "%+lld", (long long)at);
}

/* All that is read at one place, by address. */
static void
put_values(Text *out, const char *before, int value, int64_t at, const Named *more, int nmore)
{
	put_value(out, before, value, at);
	for (int i = 0; i < nmore; i++)
		put_value(out, "&", more[i].value, more[i].at);
}

/* " NAME VALUES PLACE DTYPE[STRIDES]" */
static void
put_operand(Text *out, const char *name, const Program *p, const GemmOperand *o)
{
	text_printf(out, " %s", name);
	put_values(out, " ", o->value, o->at, o->more, o->nmore);
	put_place(out, " ", p, o->slab, o->offset);
	text_printf(out, " %s[%lld, %lld, %lld]", dtype_name[o->dtype], (long long)o->sz,
	            (long long)o->s0, (long long)o->s1);
}

static void
put_pointer(Text *out, const Program *p, const Arg *a)
{
	text_printf(out, "%s", access_name[a->access & ACCESS_update]);
	if (a->access == ACCESS_update) {
		put_values(out, " ", a->before, a->before_at, a->more, a->nmore);
		put_value(out, ">", a->value, a->at);
	} else {
		put_values(out, " ", a->value, a->at, a->more, a->nmore);
	}
	put_place(out, a->padded ? " padded " : " ", p, a->slab, a->offset);
	text_printf(out, ":%lld", (long long)a->extent.bytes);
	if (a->extent.rows != 1 || a->extent.pitch != 0)
		text_printf(out, "*%lld@%lld", (long long)a->extent.rows,
		            (long long)a->extent.pitch);
}

static void
put_args(Text *out, const Program *p, const ProgStep *s)
{
	text_printf(out, " (");
	for (int i = 0; i < s->narg; i++) {
		const Arg *a = &s->arg[i];
		text_printf(out, "%s", i ? ", " : "");
		switch (a->kind) {
		case ARG_pointer:
			put_pointer(out, p, a);
			break;
		case ARG_f32:
			put_number(out, "f32 ", a->f);
			break;
		case ARG_i64:
			text_printf(out, "i64 %lld", (long long)a->i);
			break;
		case ARG_u64:
			text_printf(out, "u64 %llu", (unsigned long long)a->u);
			break;
		}
	}
	text_printf(out, ")");
}

static void
put_step(Text *out, const Program *p, const ProgStep *s)
{
	const Gemm *g = &s->gemm;
	text_printf(out, "  %s %s seal=%08x", s->kind == STEP_launch ? "launch" : "gemm",
	            s->what ? s->what : "?", (unsigned)s->seal);
	put_number(out, " flops=", s->flops);
	put_number(out, " bytes=", s->bytes);
	if (s->kind == STEP_launch) {
		if (s->kernel < 0 || s->kernel >= p->nkernel)
			BUG("kernel %d of %d", s->kernel, p->nkernel);
		text_printf(out, " %s", p->kernel[s->kernel].name);
		put_args(out, p, s);
	} else {
		text_printf(out, " z=%lld m=%lld n=%lld k=%lld", (long long)g->z, (long long)g->m,
		            (long long)g->n, (long long)g->k);
		put_operand(out, "a", p, &g->a);
		put_operand(out, "b", p, &g->b);
		put_operand(out, "c", p, &g->c);
		if (g->has_bias) {
			put_values(out, " bias ", g->bias_value, g->bias_at, g->bias_more,
			           g->bias_nmore);
			put_place(out, " ", p, g->bias_slab, g->bias_offset);
		}
		if (g->accumulate)
			put_value(out, " accumulate ", g->before, g->before_at);
		text_printf(out, "%s", g->b_is_weight ? " weight" : "");
	}
	put_loc(out, s->loc);
}

static void
put_entry(Text *out, const Program *p, const Entry *e)
{
	put_string(out, "\nentry ", e->name ? e->name : "");
	text_append(out, "\n", 1);
	for (int i = 0; i < e->nscalar; i++) {
		const Scalar *s = &e->scalar[i];
		text_printf(out, "  scalar %s", dtype_name[s->dtype]);
		put_place(out, " at ", p, s->slab, s->offset);
		put_string(out, " = ", s->expr ? s->expr : "");
		text_append(out, "\n", 1);
	}
	for (int i = 0; i < e->ninput; i++) {
		put_string(out, "  input ", e->input[i].name ? e->input[i].name : "");
		put_type(out, " ", &e->input[i].type);
		put_place(out, " at ", p, e->input[i].slab, e->input[i].offset);
		text_append(out, "\n", 1);
	}
	for (int i = 0; i < e->noutput; i++) {
		put_string(out, "  output ", e->output[i].name ? e->output[i].name : "");
		put_type(out, " ", &e->output[i].type);
		put_value(out, " = ", e->output[i].value, e->output[i].at);
		put_place(out, " at ", p, e->output[i].slab, e->output[i].offset);
		text_append(out, "\n", 1);
	}
	for (int i = 0; i < e->nstep; i++)
		put_step(out, p, &e->step[i]);
}

void
program_print(const Program *p, Text *out)
{
	text_printf(out, "d2v-program %d", PROGRAM_VERSION);
	put_string(out, "\ntarget ", p->target ? p->target : "");
	put_string(out, "\nneeds ", p->needs ? p->needs : "");
	text_append(out, "\n", 1);
	put_recipe(out, &p->recipe);
	text_printf(out, "\nslabs\n");
	for (int i = 0; i < p->nslab; i++)
		text_printf(out, "  %s %lld\n", p->slab[i].name, (long long)p->slab[i].bytes);
	put_variables(out, p);
	put_names(out, &p->recipe);
	put_data(out, &p->recipe.data);
	put_draws(out, &p->recipe);
	put_kernels(out, p);
	put_tables(out, p);
	for (int i = 0; i < p->nentry; i++)
		put_entry(out, p, &p->entry[i]);
	text_printf(out, "\nend\n");
}
