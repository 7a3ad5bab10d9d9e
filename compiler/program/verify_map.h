/* verify_map: which write each byte of a slab stems from, for verify_flow.c. */
#ifndef D2V_VERIFY_MAP_H
#define D2V_VERIFY_MAP_H

#include "compiler/base/base.h"

/* `rows` runs of `bytes`, `pitch` apart, from `lo` on; rows 1: pitch says nothing, else pitch >=
 * bytes. */
typedef struct {
	int64_t lo, bytes, rows, pitch;
} Stripe;

typedef struct Map Map;
typedef void       MapSeen(void *context, int writer, int64_t lo, int64_t hi);

Map *map_new(Arena *a, int64_t bytes); /* all of it from writer 0 */
/* Every writer of whom a byte lies in the stripe, at least once, with a stretch that holds those
 * bytes. */
void    map_read(const Map *m, Stripe s, MapSeen *seen, void *context);
void    map_write(Map *m, Stripe s, int writer);
int64_t stripe_end(Stripe s);                           /* one behind its last byte */
bool    stripe_meets(Stripe s, int64_t lo, int64_t hi); /* is a byte of it in lo .. hi - 1? */
bool    stripes_overlap(Stripe x, Stripe y);

#endif
