/* Shared by order.c and order_early.c only. */
#ifndef D2V_ORDER_PRIVATE_H
#define D2V_ORDER_PRIVATE_H

#include "compiler/pass/pass_private.h"

/* A better place in the order for each kernel, given kernels numbered in an order that works. */
int *order_early(Graph *g);

#endif
