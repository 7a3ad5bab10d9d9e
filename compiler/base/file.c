/* file: whole files in and out, and hashes of their contents. Refuses to write in place: a reader
 * sees the old file or the new one, never half of one, even after a power failure. */
#include "compiler/base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* of what is no file on a disk, and may never end: pipes, /dev/zero */
enum { MOST_STREAM = 256 << 20 };

Status
file_read(const char *path, char **text, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return user_error("file-unreadable", "cannot open `%s`: %s", path, strerror(errno));
	/* The size is only a first guess: pipes have none and files may grow. */
	struct stat st = {0};
	size_t      cap = fstat(fd, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size + 1 : 4096;
	size_t      have = 0;
	char       *all = malloc(cap + 1);
	while (all) {
		if (have > MOST_STREAM && !S_ISREG(st.st_mode)) {
			free(all);
			close(fd);
			return user_error(
				"file-unreadable",
				"`%s` does not end: %d MiB were read, and it is no file on a disk",
				path, MOST_STREAM >> 20);
		}
		if (have == cap) {
			cap *= 2;
			char *more = realloc(all, cap + 1);
			if (!more)
				break;
			all = more;
		}
		ssize_t got = read(fd, all + have, cap - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int why = errno;
			free(all);
			close(fd);
			return user_error("file-unreadable", "cannot read `%s`: %s", path,
			                  strerror(why));
		}
		if (got == 0) {
			close(fd);
			all[have] = '\0';
			*text = all;
			if (n)
				*n = have;
			return OK;
		}
		have += (size_t)got;
	}
	free(all);
	close(fd);
	return world_error("out-of-memory", "no memory for the %zu bytes of `%s`", cap, path);
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* The rename is safe only once the folder's own entry has reached the disk. Some file systems
 * cannot sync a folder and say EINVAL, which is no loss of data of ours. */
static int
sync_folder(const char *path)
{
	Text        folder = {0};
	const char *slash = strrchr(path, '/');
	if (!slash)
		text_append(&folder, ".", 1);
	else
		text_append(&folder, path, slash == path ? 1 : (size_t)(slash - path));
	int fd = open(folder.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	text_free(&folder);
	if (fd < 0)
		return -1;
	int bad = fsync(fd) != 0 && errno != EINVAL;
	int why = errno;
	close(fd);
	errno = why;
	return bad ? -1 : 0;
}

Status
file_write_atomic(const char *path, const void *data, size_t n)
{
	Text temp = {0};
	text_printf(&temp, "%s.new-%ld", path, (long)getpid());
	const char *failed = "create";
	int         fd = open(temp.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool        bad = fd < 0;
	struct stat was;
	if (!bad) {
		if (stat(path, &was) == 0)
			(void)fchmod(fd,
			             was.st_mode & 07777); /* as it was, where that is allowed */
		failed = "write";
		bad = write_all(fd, data, n) != 0 || fsync(fd) != 0;
		int why = errno;
		if (close(fd) != 0 && !bad)
			bad = true;
		else
			errno = why;
		if (!bad) {
			failed = "put in place";
			bad = rename(temp.at, path) != 0 || sync_folder(path) != 0;
		}
	}
	if (bad) {
		int why = errno;
		if (fd >= 0)
			unlink(temp.at);
		text_free(&temp);
		return world_error("file-unwritable", "cannot %s `%s`: %s", failed, path,
		                   strerror(why));
	}
	text_free(&temp);
	return OK;
}

Status
file_make_dirs(const char *path)
{
	Text part = {0};
	for (const char *p = path; *p;) {
		const char *end = p;
		while (*end == '/')
			end++;
		while (*end && *end != '/')
			end++;
		text_append(&part, p, (size_t)(end - p));
		p = end;
		struct stat st;
		if (mkdir(part.at, 0777) == 0)
			continue;
		int why = errno;
		if (stat(part.at, &st) == 0 && S_ISDIR(st.st_mode))
			continue;
		Status bad = world_error("file-unwritable", "cannot make the folder `%s`: %s",
		                         part.at, strerror(why));
		text_free(&part);
		return bad;
	}
	text_free(&part);
	return OK;
}

bool
file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

void
hash_hex(const void *data, size_t n, char out[33])
{
	XXH128_hash_t h = XXH3_128bits(data, n);
	snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high64,
	         (unsigned long long)h.low64);
}

uint64_t
hash_name(const char *s)
{
	return XXH64(s, strlen(s), 0);
}
