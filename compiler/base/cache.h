/* cache: what is kept between runs because it can be made again: kernels, compiled programs,
 * choices of gemm code. One folder; every reader calls cache_touch, so that what was used longest
 * ago goes first. Includes base.h only. */
#ifndef D2V_CACHE_H
#define D2V_CACHE_H

#include "compiler/base/base.h"

typedef struct {
	int64_t entries, bytes;
} CacheSize;

/* Used just now. Silent: a cache that cannot be written still works. */
void cache_touch(const char *path);

/* D2V_CACHE_SIZE: a number with K, M, G or T (powers of 1024) behind it or none; without it 8 GiB.
 */
Status cache_limit(int64_t *bytes);

/* A missing folder has nothing in it. */
Status cache_measure(const char *folder, CacheSize *out);

/* Remove what was used longest ago until `keep` bytes or less are left, but nothing that was used
 * in the last ten minutes: some process is at work with it. keep 0: remove everything. Only what
 * our own programs write is counted or removed, by its name; removed may be NULL. */
Status cache_trim(const char *folder, int64_t keep, CacheSize *removed);

#endif
