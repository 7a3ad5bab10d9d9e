/* Checkpoints: RUN/checkpoint-00001234.safetensors holds every variable of the program under its
 * name, written straight from the device, one variable in host memory at a time.
 *
 * Loading is all or nothing: no byte of the device changes before the whole file was checked.
 * Refused, with the reason: files of another spec, of other training data or of another format
 * version, missing, surplus or misshapen tensors, files cut short, and files that were changed
 * after they were written (a hash over header and tensors). */
#define XXH_STATIC_LINKING_ONLY
#include "runtime/files_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define FORMAT "d2v-checkpoint-1"
#define NO_HASH "00000000000000000000000000000000"

enum { HASH_DIGITS = 32, SHOWN = 6 };

/* ---- content hash: the header with zeros for the hash itself, then all tensors in order ----- */

static void
hash_digits(XXH3_state_t *h, char out[HASH_DIGITS + 1])
{
	XXH128_canonical_t c;
	XXH128_canonicalFromHash(&c, XXH3_128bits_digest(h));
	for (int i = 0; i < HASH_DIGITS / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", c.digest[i]);
}

static void
hash_header(XXH3_state_t *h, const StFile *sorted)
{
	Text t = {0};
	XXH3_128bits_reset(h);
	st_header(sorted, &t);
	XXH3_128bits_update(h, t.at, t.n);
	text_free(&t);
}

static void
set_meta(StFile *f, const char *key, const char *value)
{
	for (int i = 0; i < f->nmeta; i++)
		if (!strcmp(f->meta[i].key, key))
			f->meta[i].value = value;
}

/* ---- saving --------------------------------------------------------------------------------- */

static StFile *
checkpoint_shape(Arena *a, const Exec *x, int64_t step, uint64_t seed)
{
	const Recipe *r = &x->p->recipe;
	const struct {
		const char *key, *value;
	} meta[] = {
		{"content_hash", NO_HASH},
		{"data_hash", x->data_hash ? x->data_hash : ""},
		{"data_position", arena_printf(a, "%" PRId64, step * r->data.batch)},
		{"format", FORMAT},
		{"seed", arena_printf(a, "%" PRIu64, seed)},
		{"spec_hash", r->spec_hash},
		{"spec_name", r->spec_name},
		{"step", arena_printf(a, "%" PRId64, step)},
		{"steps_per_epoch", arena_printf(a, "%.17g", x->spe)},
	};
	StFile *f = arena_new_one(a, StFile);
	f->nmeta = COUNT(meta);
	f->meta = arena_alloc(a, sizeof *f->meta * (size_t)f->nmeta);
	for (int i = 0; i < f->nmeta; i++) {
		f->meta[i].key = meta[i].key;
		f->meta[i].value = meta[i].value;
	}
	f->ntensor = r->nvar;
	f->tensor = arena_new_array(a, StTensor, r->nvar + 1);
	for (int i = 0; i < r->nvar; i++)
		f->tensor[i] = st_tensor(r->var[i].name, &r->var[i].type, NULL);
	return f;
}

static Status
save_tensors(Arena *a, Exec *x, StFile *f, StWriter *w)
{
	XXH3_state_t h;
	int64_t      largest = 0;
	for (int i = 0; i < f->ntensor; i++)
		largest = f->tensor[i].bytes > largest ? f->tensor[i].bytes : largest;
	char *buffer = arena_alloc(a, (size_t)largest);
	hash_header(&h, f);
	for (int i = 0; i < f->ntensor; i++) {
		const Variable *v = exec_variable(x, f->tensor[i].name);
		TRY(x->device->get(x->dev, v->slab, v->offset, buffer, f->tensor[i].bytes));
		XXH3_128bits_update(&h, buffer, (size_t)f->tensor[i].bytes);
		TRY(st_append(w, buffer, f->tensor[i].bytes));
	}
	/* The hash is known last but stands first: its key sorts before all others, so the first
	 * run of zeros is it. */
	char digits[HASH_DIGITS + 1];
	hash_digits(&h, digits);
	Text t = {0};
	st_header(f, &t);
	int64_t at = (char *)memmem(t.at, t.n, NO_HASH, HASH_DIGITS) - t.at;
	text_free(&t);
	return st_patch(w, at, digits, HASH_DIGITS);
}

static Status
save_to(Arena *a, Exec *x, const char *path, int64_t step, uint64_t seed)
{
	StFile  *f;
	StWriter w;
	TRY(st_sorted(a, path, checkpoint_shape(a, x, step, seed), &f));
	TRY(st_begin(a, path, f, &w));
	if (save_tensors(a, x, f, &w) != OK) {
		st_abandon(&w);
		return FAIL;
	}
	return st_finish(&w);
}

/* ---- the checkpoints of a run --------------------------------------------------------------- */

typedef struct {
	int64_t step;
	char   *path;
} Found;
typedef Vec(Found) FoundList;

/* `checkpoint-DIGITS.safetensors` and nothing else; -1 when it is something else. */
static int64_t
name_step(const char *name, const char *tail)
{
	static const char head[] = "checkpoint-";
	if (strncmp(name, head, sizeof head - 1))
		return -1;
	const char *digits = name + sizeof head - 1;
	size_t      n = strspn(digits, "0123456789");
	if (n < 8 || n > 18 || strcmp(digits + n, tail))
		return -1;
	return strtoll(digits, NULL, 10);
}

static int
newest_first(const void *x, const void *y)
{
	const Found *a = x, *b = y;
	return (a->step < b->step) - (a->step > b->step);
}

static Status
list_checkpoints(Arena *a, const char *run, const char *tail, FoundList *out)
{
	DIR *d = opendir(run);
	if (!d && errno == ENOENT)
		return OK;
	if (!d)
		return world_error("checkpoint", "cannot read the folder %s: %s", run,
		                   strerror(errno));
	for (struct dirent *e; (e = readdir(d));) {
		int64_t step = name_step(e->d_name, tail);
		if (step >= 0)
			vec_push(a, out, (Found){step, arena_printf(a, "%s/%s", run, e->d_name)});
	}
	closedir(d);
	if (out->n)
		qsort(out->at, (size_t)out->n, sizeof *out->at, newest_first);
	return OK;
}

/* Older ones beyond `keep` go, and temporary files of saves that were cut off; the one just written
 * stays whatever else is there. */
static Status
prune(Arena *a, const char *run, int64_t step, int keep)
{
	FoundList old = {0}, temporary = {0};
	TRY(list_checkpoints(a, run, ".safetensors", &old));
	TRY(list_checkpoints(a, run, ".safetensors.tmp", &temporary));
	for (int i = 0; i < temporary.n; i++)
		unlink(temporary.at[i].path);
	int kept = 1;
	for (int i = 0; keep > 0 && i < old.n; i++) {
		if (old.at[i].step == step || kept++ < keep)
			continue;
		if (unlink(old.at[i].path) && errno != ENOENT)
			return world_error("checkpoint", "cannot remove the old checkpoint %s: %s",
			                   old.at[i].path, strerror(errno));
	}
	return OK;
}

Status
checkpoint_save(Exec *x, const char *run, int64_t step, uint64_t seed, int keep)
{
	Arena *a = arena_new();
	char  *path = arena_printf(a, "%s/checkpoint-%08" PRId64 ".safetensors", run, step);
	Status s = file_make_dirs(run);
	if (s == OK)
		s = save_to(a, x, path, step, seed);
	if (s == OK)
		s = prune(a, run, step, keep);
	arena_free(a);
	return s;
}

/* Is the file as long as its header says? Cheap, so that looking for the newest does not read
 * gigabytes; checkpoint_load checks the rest. */
static bool
is_complete(const char *path)
{
	unsigned char b[8];
	struct stat   st;
	uint64_t      header = 0, last = 0;
	int           fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = !fstat(fd, &st) && S_ISREG(st.st_mode) && pread(fd, b, 8, 0) == 8;
	for (int i = 7; ok && i >= 0; i--)
		header = header << 8 | b[i];
	ok = ok && header < (uint64_t)st.st_size;
	if (ok) {
		Arena *a = arena_new();
		char  *text = arena_alloc(a, header + 1);
		ok = pread(fd, text, header, 8) == (ssize_t)header;
		static const char key[] = "\"data_offsets\":[";
		for (char *c = text; ok && (c = strstr(c, key));) {
			char    *comma = strchr(c += sizeof key - 1, ',');
			uint64_t end = comma ? strtoull(comma + 1, NULL, 10) : 0;
			last = end > last ? end : last;
		}
		arena_free(a);
	}
	close(fd);
	return ok && (uint64_t)st.st_size == 8 + header + last;
}

Status
checkpoint_latest(Arena *a, const char *run, char **path, int64_t *step)
{
	FoundList all = {0};
	*path = NULL;
	*step = 0;
	TRY(list_checkpoints(a, run, ".safetensors", &all));
	for (int i = 0; i < all.n; i++) {
		if (is_complete(all.at[i].path)) {
			*path = all.at[i].path;
			*step = all.at[i].step;
			return OK;
		}
		diag_warning((Loc){0}, "checkpoint", "%s is not complete; looking for an older one",
		             all.at[i].path);
	}
	/* Starting again at step 0 would throw away what the run has logged. */
	return all.n ? user_error("checkpoint", "%s: none of its %d checkpoints is complete", run,
	                          all.n)
	             : OK;
}

/* ---- loading -------------------------------------------------------------------------------- */

static Status
meta_number(const StFile *f, const char *path, const char *key, uint64_t *out)
{
	const char *text = st_meta(f, key);
	char       *end = NULL;
	errno = 0;
	*out = text ? strtoull(text, &end, 10) : 0;
	if (!text || !*text || *end || errno || *text == '-')
		return user_error("checkpoint", "%s: its `%s` is %s%s", path, key,
		                  text ? "not a number: " : "missing", text ? text : "");
	return OK;
}

static Status
check_identity(const Exec *x, const StFile *f, const char *path)
{
	const Recipe *r = &x->p->recipe;
	const char   *format = st_meta(f, "format"), *hash = st_meta(f, "spec_hash"),
		   *name = st_meta(f, "spec_name");
	if (!format || strncmp(format, "d2v-checkpoint-", 15) || !hash || !name)
		return user_error("checkpoint",
		                  "%s is a safetensors file, but not a checkpoint of a run", path);
	if (strcmp(format, FORMAT))
		return user_error("checkpoint", "%s has the format %s; this program reads " FORMAT,
		                  path, format);
	const char *data = st_meta(f, "data_hash");
	if (x->data_hash && strcmp(hash, r->spec_hash) == 0 &&
	    (!data || strcmp(data, x->data_hash)))
		return user_error("checkpoint",
		                  "%s was written by a run on other training data (fingerprint %s, "
		                  "of this data %s); "
		                  "a run keeps its data",
		                  path, data && *data ? data : "missing", x->data_hash);
	if (strcmp(hash, r->spec_hash))
		return user_error("checkpoint",
		                  "%s was written by the spec %s (hash %s), but this program is "
		                  "the spec %s (hash %s)",
		                  path, name, hash, r->spec_name, r->spec_hash);
	return OK;
}

void
names_add(NameList *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (l->n++ < SHOWN) {
		text_printf(&l->text, "\n    ");
		text_vprintf(&l->text, fmt, ap);
	}
	va_end(ap);
}

const char *
names_end(NameList *l)
{
	if (l->n > SHOWN)
		text_printf(&l->text, "\n    and %d more", l->n - SHOWN);
	return l->text.n ? l->text.at : "";
}

static Status
check_tensors(Arena *a, const Exec *x, const StFile *f, const char *path)
{
	const Recipe *r = &x->p->recipe;
	NameList      list = {0};
	for (int i = 0; i < r->nvar; i++) {
		const Variable *v = &r->var[i];
		const StTensor *t = st_find(f, v->name);
		StTensor        want = st_tensor(v->name, &v->type, NULL);
		if (!t)
			names_add(&list, "missing: %s", v->name);
		else if (strcmp(t->dtype, want.dtype) || t->ndim != want.ndim ||
		         memcmp(t->dim, want.dim, sizeof *t->dim * (size_t)t->ndim))
			names_add(&list, "%s: %s %s, but the program has %s %s", v->name, t->dtype,
			          st_shape_text(a, t->dim, t->ndim), want.dtype,
			          st_shape_text(a, want.dim, want.ndim));
	}
	for (int i = 0; i < f->ntensor; i++)
		if (!exec_variable(x, f->tensor[i].name))
			names_add(&list, "not in the program: %s", f->tensor[i].name);
	Status s = OK;
	if (list.n)
		s = user_error("checkpoint", "%s: its tensors are not those of the program:%s",
		               path, names_end(&list));
	text_free(&list.text);
	return s;
}

static Status
check_content(StFile *f, const char *path)
{
	const char *stated = st_meta(f, "content_hash");
	if (!stated || strlen(stated) != HASH_DIGITS)
		return user_error("checkpoint", "%s: its `content_hash` is missing", path);
	XXH3_state_t h;
	char         digits[HASH_DIGITS + 1];
	set_meta(f, "content_hash", NO_HASH);
	hash_header(&h, f);
	set_meta(f, "content_hash", stated);
	for (int i = 0; i < f->ntensor; i++)
		XXH3_128bits_update(&h, f->tensor[i].data, (size_t)f->tensor[i].bytes);
	hash_digits(&h, digits);
	if (strcmp(digits, stated))
		return user_error("checkpoint",
		                  "%s was changed or damaged after it was written (content hash "
		                  "%s, stated %s)",
		                  path, digits, stated);
	return OK;
}

static Status
load_from(Arena *a, Exec *x, const char *path, int64_t *step, uint64_t *seed)
{
	StFile  *f;
	uint64_t at, seed_was;
	TRY(st_read(a, path, &f));
	TRY(check_identity(x, f, path));
	TRY(check_tensors(a, x, f, path));
	TRY(meta_number(f, path, "step", &at));
	TRY(meta_number(f, path, "seed", &seed_was));
	TRY(check_content(f, path));
	if (at > INT64_MAX)
		return user_error("checkpoint", "%s: its `step` is too large", path);
	for (int i = 0; i < f->ntensor; i++) {
		const Variable *v = exec_variable(x, f->tensor[i].name);
		TRY(x->device->put(x->dev, v->slab, v->offset, f->tensor[i].data,
		                   f->tensor[i].bytes));
	}
	*step = (int64_t)at;
	*seed = seed_was;
	return OK;
}

Status
checkpoint_load(Exec *x, const char *path, int64_t *step, uint64_t *seed)
{
	Arena *a = arena_new();
	Status s = load_from(a, x, path, step, seed);
	arena_free(a);
	return s;
}
