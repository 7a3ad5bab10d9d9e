/* parse_private: what parse.c, parse_recipe.c and parse_entry.c share. */
#ifndef D2V_PARSE_PRIVATE_H
#define D2V_PARSE_PRIVATE_H

#include "compiler/program/program_private.h"

typedef struct {
	Scan     s;
	Program *p;
	Arena   *arena;
	bool     seen[16]; /* sections read, by their place in `section` */
	bool     known;    /* the first line named the version that is read here */
	bool     ended;
	Vec(ProgSlab) slab;
	Vec(Variable) var;
	Vec(NameMap) name;
	Vec(DrawSpec) draw;
	Vec(Kernel) kernel;
	Vec(Table) table;
	Vec(Entry) entry;
	Vec(int32_t) number; /* of the table being read */
	int64_t wanted;      /* how many numbers it announced */
	Loc     table_loc;
	Vec(Scalar) scalar; /* of the entry being read */
	Vec(Input) input;
	Vec(OutputSpec) output;
	Vec(ProgStep) step;
} Parse;

/* Pieces of a line; parse.c. Each reports what it wanted and FAILs. */
Status parse_place(Parse *x, int *slab, int64_t *offset) MUST_USE; /* slab+offset */
Status parse_dtype(Parse *x, Dtype *out) MUST_USE;
Status parse_type(Parse *x, Type *t) MUST_USE;                          /* f32[B:8, T:197] */
Status parse_at(Parse *x, int *slab, int64_t *offset) MUST_USE;         /* at slab+offset */
Status parse_setting(Parse *x, const char *name, double *out) MUST_USE; /* name=number */
Status parse_size(Parse *x, const char *name, int64_t *out) MUST_USE;   /* name=1 or more */

/* One line of a section. */
Status recipe_line(Parse *x) MUST_USE; /* parse_recipe.c */
Status variable_line(Parse *x) MUST_USE;
Status name_line(Parse *x) MUST_USE;
Status data_line(Parse *x) MUST_USE;
Status draw_line(Parse *x) MUST_USE;
Status entry_line(Parse *x) MUST_USE; /* parse_entry.c */
void   entry_finish(Parse *x);        /* the lines read since belong to the last entry */

#endif
