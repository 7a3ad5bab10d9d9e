/* d2v cache: where things are kept between runs, how much it is, and how to be rid of it. Refuses
 * to remove what our programs did not write. */
#include "compiler/base/cache.h"
#include "compiler/d2v_private.h"

const OptionRow cache_options[] = {
	ALONE("--path", cache_path, "print only the folder"),
	ALONE("--size", cache_size, "print only the number of bytes"),
	ALONE("--clear", cache_clear, "remove everything that d2v keeps there"),
	TEXT("--cache", cache, "FOLDER",
             "another folder (default: $D2V_CACHE, $XDG_CACHE_HOME/d2v or ~/.cache/d2v)"),
	END,
};

Status
do_cache(Arena *a, const Options *o)
{
	const char *folder = cache_folder(a, o);
	CacheSize   s, removed;
	int64_t     limit;

	TRY(cache_limit(&limit));
	if (o->cache_path) {
		printf("%s\n", folder);
		return OK;
	}
	if (o->cache_clear) {
		TRY(cache_trim(folder, 0, &removed));
		printf("%s: removed %lld entries, %.1f MiB\n", folder, (long long)removed.entries,
		       (double)removed.bytes / (1 << 20));
		return OK;
	}
	TRY(cache_measure(folder, &s));
	if (o->cache_size)
		printf("%lld\n", (long long)s.bytes);
	else
		printf("%s: %lld entries, %.1f MiB of at most %.1f MiB (D2V_CACHE_SIZE)\n", folder,
		       (long long)s.entries, (double)s.bytes / (1 << 20),
		       (double)limit / (1 << 20));
	return OK;
}
