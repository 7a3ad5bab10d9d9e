/* Shared by plan.c and plan_pack.c only. */
#ifndef D2V_PLAN_PRIVATE_H
#define D2V_PLAN_PRIVATE_H

#include "compiler/pass/pass_private.h"

enum {
	SLAB_params,
	SLAB_averages,
	SLAB_moment1,
	SLAB_moment2,
	SLAB_grads,
	SLAB_host,
	SLAB_input,
	SLAB_table,
	SLAB_act,
	SLAB_COUNT
};
enum {
	PLAN_ALIGN = 64, /* bytes: one cache line, one vector register */
	PLAN_PAD = 32,   /* elements between variables: 64 bytes even for their bf16 copies */
};

/* A value written inside a concat: strides and byte offset relative to the whole. */
typedef struct {
	Val   whole;
	Place place;
} Part;

typedef struct {
	Val     v;
	int64_t bytes, offset;
	int     first, last;
} Want;

typedef struct {
	Graph *g;
	bool  *stored;
	/* per value: kernels between which its bytes are taken, both included */
	int  *first, *last;
	Part *part;
	Vec(Want) want;
	int64_t   used[SLAB_COUNT];
	Variables variables;
	Vec(Val) in_place; /* concats made by pass gemm */
} Plan;

void    plan_weights(Plan *p); /* plan_weights.c */
void    plan_want(Plan *p, Val v, int64_t bytes);
int64_t plan_pack(Plan *p); /* place all wants in slab act; returns its bytes */
/* The place of the value under operand `v` of concat `whole`, which starts at element `along` of
 * the concat's axis. */
void plan_part(const Graph *g, Val v, Val whole, int64_t along, Part *part);

#endif
