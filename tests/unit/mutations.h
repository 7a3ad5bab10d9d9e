/* Changes of one field of a program, for test_program_mutants.c. */
#ifndef D2V_MUTATIONS_H
#define D2V_MUTATIONS_H

#include "compiler/program/program.h"

typedef struct {
	Program  *p;
	Arena    *arena;
	Stream    r;
	Entry    *e; /* the entry, step and pointer chosen for this mutant */
	ProgStep *s;
	Arg      *a;
	Gemm     *g;
	int       first, second; /* steps that changed places; -1: none */
	Kernel   *kernel;
	ProgSlab *slab;
	struct {
		void  *at;
		size_t n;
		char   old[512];
	} undo[4];
	int nundo;
} Mutant;

typedef struct {
	const char *name;
	bool (*change)(Mutant *m); /* false when there is nothing to change here */
} Mutation;
extern const Mutation mutations[];
extern const int      mutation_count;
enum { MOST_MUTATIONS = 64 };

bool mutant_changed(const Mutant *m);
void mutant_undo(Mutant *m);

#endif
