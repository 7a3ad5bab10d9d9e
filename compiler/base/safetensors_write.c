/* Writing safetensors files (the format and the reader are in safetensors.c): whole from memory, or
 * a piece at a time for checkpoints. The bytes depend on names, shapes and values alone. Refuses
 * duplicate names and sizes that do not follow from the shape: such a file could not be read
 * back. */
#include "compiler/base/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

Status
st_sorted(Arena *a, const char *path, const StFile *f, StFile **out)
{
	StFile *s = arena_new_one(a, StFile);
	*s = *f;
	s->tensor = arena_new_array(a, StTensor, f->ntensor + 1);
	s->meta = arena_alloc(a, sizeof *s->meta * (size_t)(f->nmeta + 1));
	if (f->ntensor)
		memcpy(s->tensor, f->tensor, sizeof *s->tensor * (size_t)f->ntensor);
	if (f->nmeta)
		memcpy(s->meta, f->meta, sizeof *s->meta * (size_t)f->nmeta);
	st_sort(s);
	for (int i = 0; i < s->ntensor; i++)
		if (st_bytes(&s->tensor[i]) != s->tensor[i].bytes)
			BUG("%s: tensor %s: %" PRId64 " bytes do not make its shape", path,
			    s->tensor[i].name, s->tensor[i].bytes);
	for (int i = 1; i < s->ntensor; i++)
		if (!strcmp(s->tensor[i - 1].name, s->tensor[i].name))
			return user_error("safetensors", "%s: two tensors would be called `%s`",
			                  path, s->tensor[i].name);
	*out = s;
	return OK;
}

void
st_header(const StFile *f, Text *out)
{
	Text    t = {0};
	int64_t at = 0;
	text_printf(&t, "{");
	for (int i = 0; i < f->nmeta; i++) {
		text_printf(&t, i ? "," : "\"__metadata__\":{");
		json_quote(&t, f->meta[i].key);
		text_printf(&t, ":");
		json_quote(&t, f->meta[i].value);
	}
	if (f->nmeta)
		text_printf(&t, "}");
	for (int i = 0; i < f->ntensor; i++) {
		const StTensor *s = &f->tensor[i];
		if (i || f->nmeta)
			text_printf(&t, ",");
		json_quote(&t, s->name);
		text_printf(&t, ":{\"dtype\":\"%s\",\"shape\":[", s->dtype);
		for (int j = 0; j < s->ndim; j++)
			text_printf(&t, "%s%" PRId64, j ? "," : "", s->dim[j]);
		text_printf(&t, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", at, at + s->bytes);
		at += s->bytes;
	}
	text_printf(&t, "}");
	while (t.n % 8)
		text_printf(&t, " ");
	char length[8];
	for (int i = 0; i < 8; i++)
		length[i] = (char)((uint64_t)t.n >> 8 * i);
	text_append(out, length, sizeof length);
	text_append(out, t.at, t.n);
	text_free(&t);
}

static Status
write_failed(StWriter *w, const char *doing)
{
	int e = errno;
	st_abandon(w);
	return world_error("file-write", "cannot %s %s: %s", doing, w->path, strerror(e));
}

static Status
write_all(StWriter *w, const char *data, size_t n)
{
	while (n) {
		ssize_t put = write(w->fd, data, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return write_failed(w, "write");
		data += put;
		n -= (size_t)put;
	}
	return OK;
}

Status
st_begin(Arena *a, const char *path, const StFile *f, StWriter *w)
{
	*w = (StWriter){.path = arena_strdup(a, path),
	                .temporary = arena_printf(a, "%s.tmp", path)};
	for (int i = 0; i < f->ntensor; i++)
		w->bytes += f->tensor[i].bytes;
	w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (w->fd < 0)
		return write_failed(w, "create");
	Text t = {0};
	st_header(f, &t);
	w->header = (int64_t)t.n;
	Status s = write_all(w, t.at, t.n);
	text_free(&t);
	return s;
}

Status
st_append(StWriter *w, const void *data, int64_t bytes)
{
	w->written += bytes;
	return bytes ? write_all(w, data, (size_t)bytes) : OK;
}

Status
st_patch(StWriter *w, int64_t at, const void *data, size_t n)
{
	if (at < 0 || at + (int64_t)n > w->header)
		BUG("patch outside the header of %s", w->path);
	if (pwrite(w->fd, data, n, at) != (ssize_t)n)
		return write_failed(w, "write");
	return OK;
}

/* A rename is only durable once the folder that holds the name is. */
static Status
sync_folder(const char *path)
{
	Arena *a = arena_new();
	int    fd = open(dirname(arena_strdup(a, path)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems have no way to sync a folder and say EINVAL; there is nothing more to
	 * do then. */
	bool   bad = fd < 0 || (fsync(fd) && errno != EINVAL);
	Status s = bad ? world_error("file-write", "cannot sync the folder of %s: %s", path,
	                             strerror(errno))
	               : OK;
	if (fd >= 0)
		close(fd);
	arena_free(a);
	return s;
}

Status
st_finish(StWriter *w)
{
	if (w->written != w->bytes)
		BUG("%s: %" PRId64 " bytes written, %" PRId64 " announced", w->path, w->written,
		    w->bytes);
	if (fsync(w->fd))
		return write_failed(w, "sync");
	int fd = w->fd;
	w->fd = -1;
	if (close(fd))
		return write_failed(w, "close");
	if (rename(w->temporary, w->path))
		return write_failed(w, "rename a temporary file to");
	return sync_folder(w->path);
}

void
st_abandon(StWriter *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	unlink(w->temporary);
}

static Status
write_tensors(Arena *a, const char *path, const StFile *f)
{
	StFile *s;
	TRY(st_sorted(a, path, f, &s));
	StWriter w;
	TRY(st_begin(a, path, s, &w));
	for (int i = 0; i < s->ntensor; i++)
		TRY(st_append(&w, s->tensor[i].data, s->tensor[i].bytes));
	return st_finish(&w);
}

Status
st_write(const char *path, const StFile *f)
{
	Arena *a = arena_new();
	Status s = write_tensors(a, path, f);
	arena_free(a);
	return s;
}
