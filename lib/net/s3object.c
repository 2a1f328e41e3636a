/* Objects and files. */
#include "net/s3object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/id.h"
#include "core/io.h"
#include "core/mem.h"

enum { CHUNK = 128 << 10, MODE = 0600 };

/* ---- files ---- */

/* The directory of a path; the caller frees. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? ab_strdup(".") : slash == path ? ab_strdup("/") : ab_strndup(path, (size_t)(slash - path));
}

/* A file that has no name, so that nothing is left of it whatever ends us. -1 with errno. */
static int
open_nameless(const char *path)
{
	AB_AUTO_FREE char *directory = directory_of(path);

	return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, MODE);
}

/* What becomes a file: nameless, or where the file system has no such files, with a name that is taken away again. */
struct fresh {
	const char *path;
	int fd;
	char *name; /* NULL: it has none yet */
};

static void
release_fresh(struct fresh *fresh)
{
	if (fresh->name != NULL)
		unlink(fresh->name);
	ab_free_indirect(&fresh->name);
	ab_close_indirect(&fresh->fd);
}

static char *
name_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	char id[AB_ID_SIZE];

	return ab_asprintf("%.*s.ab-%s.tmp", slash == NULL ? 0 : (int)(slash + 1 - path), path, ab_id_new(id));
}

static int
open_fresh(struct fresh *fresh, const char *path, struct ab_error *err)
{
	*fresh = (struct fresh){ .path = path, .fd = open_nameless(path) };
	if (fresh->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		fresh->name = name_beside(path);
		fresh->fd = open(fresh->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
		if (fresh->fd < 0)
			ab_free_indirect(&fresh->name);
	}
	return fresh->fd < 0 ? ab_fail_errno(err, errno, "write \"%s\"", path) : 0;
}

/* It takes the path's place, and is on the disk before it does. */
static int
publish(struct fresh *fresh, struct ab_error *err)
{
	char self[64];

	if (fsync(fresh->fd) != 0)
		return ab_fail_errno(err, errno, "write \"%s\"", fresh->path);
	if (fresh->name == NULL) {
		AB_AUTO_FREE char *name = name_beside(fresh->path);
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fresh->fd);
		if (linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) != 0)
			return ab_fail_errno(err, errno, "name \"%s\"", fresh->path);
		fresh->name = ab_steal(&name);
	}
	if (rename(fresh->name, fresh->path) != 0)
		return ab_fail_errno(err, errno, "write \"%s\"", fresh->path);
	ab_free_indirect(&fresh->name);
	return 0;
}

static int
hash_file(int fd, const char *path, struct ab_s3_stored *stored, struct ab_error *err)
{
	AB_AUTO_FREE char *chunk = ab_malloc(CHUNK);
	unsigned char hash[AB_SHA256_SIZE];
	struct ab_sha256_parts parts;
	ssize_t got;

	stored->bytes = 0;
	ab_sha256_begin(&parts);
	while ((got = pread(fd, chunk, CHUNK, stored->bytes)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ab_fail_errno(err, errno, "read \"%s\"", path);
		ab_sha256_add(&parts, chunk, (size_t)got);
		stored->bytes += got;
	}
	ab_sha256_end(&parts, hash);
	ab_sha256_text(stored->sha256, hash);
	return 0;
}

/* ---- put ---- */

static int
open_source(const char *path, struct ab_error *err)
{
	/* Not to wait for the other end of a FIFO. */
	AB_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		return ab_fail_errno(err, errno, "open \"%s\"", path);
	if (S_ISDIR(status.st_mode))
		return ab_fail(err, AB_E_IS_DIRECTORY, "\"%s\" is a directory", path);
	if (!S_ISREG(status.st_mode))
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%s\" is no regular file", path);
	return ab_steal_fd(&fd);
}

static int
compress(int from, const char *path, struct ab_error *err)
{
	AB_AUTO_CLOSE int fd = open_nameless(path);

	if (fd < 0)
		fd = memfd_create("ab-s3", MFD_CLOEXEC);
	if (fd < 0)
		return ab_fail_errno(err, errno, "a temporary file");
	if (ab_compress_file(from, fd, path, "a temporary file", err) < 0)
		return -1;
	return ab_steal_fd(&fd);
}

int
ab_s3_put(struct ab_s3 *s3, const struct ab_s3_place *place, const struct ab_s3_name *name, const struct ab_s3_put *put, struct ab_s3_stored *stored,
    struct ab_error *err)
{
	AB_AUTO_CLOSE int fd = open_source(put->path, err);
	struct ab_s3_outcome outcome;

	if (fd < 0)
		return -1;
	if (put->zstd) {
		int compressed = compress(fd, put->path, err);
		if (compressed < 0)
			return -1;
		close(fd);
		fd = compressed;
	}
	*stored = (struct ab_s3_stored){ .bytes = 0 };
	if (hash_file(fd, put->path, stored, err) < 0)
		return -1;
	const struct ab_s3_request request = { .method = AB_S3_PUT,
		.name = name,
		.if_match = put->if_match,
		.if_none_match = put->if_absent ? "*" : NULL,
		.body_fd = fd,
		.body_bytes = stored->bytes,
		.body_sha256 = stored->sha256 };
	if (ab_s3_send(s3, place, &request, &outcome, err) < 0)
		return -1;
	snprintf(stored->etag, sizeof(stored->etag), "%s", outcome.etag);
	stored->tries = outcome.tries;
	return 0;
}

/* ---- get ---- */

struct download {
	const struct ab_s3_get *get;
	struct fresh fresh;
	struct ab_decompressor *decompressor; /* NULL: as it is */
	struct ab_sha256_parts parts;
	struct ab_s3_stored *stored;
	int64_t written;
};

static int
begin(void *data, struct ab_error *err)
{
	struct download *download = data;

	download->written = download->stored->bytes = 0;
	ab_sha256_begin(&download->parts);
	if (download->decompressor != NULL)
		ab_decompressor_reset(download->decompressor);
	if (ftruncate(download->fresh.fd, 0) != 0 || lseek(download->fresh.fd, 0, SEEK_SET) < 0)
		return ab_fail_errno(err, errno, "write \"%s\"", download->get->path);
	return 0;
}

static int
keep(void *data, const void *bytes, size_t len, struct ab_error *err)
{
	struct download *download = data;
	const int64_t most = download->get->max_bytes;

	if (most >= 0 && (int64_t)len > most - download->written)
		return ab_fail(err, AB_E_LIMIT_SIZE, "more than the %jd bytes that it may have", (intmax_t)most);
	if (ab_write_all(download->fresh.fd, bytes, len) < 0)
		return ab_fail_errno(err, errno, "write \"%s\"", download->get->path);
	download->written += (int64_t)len;
	return 0;
}

static int
take(void *data, const void *bytes, size_t len, struct ab_error *err)
{
	struct download *download = data;

	ab_sha256_add(&download->parts, bytes, len);
	download->stored->bytes += (int64_t)len;
	if (download->decompressor == NULL)
		return keep(download, bytes, len, err);
	return ab_decompressor_write(download->decompressor, bytes, len, keep, download, err);
}

static int
end(void *data, struct ab_error *err)
{
	struct download *download = data;
	struct ab_s3_stored *stored = download->stored;
	unsigned char hash[AB_SHA256_SIZE];

	ab_sha256_end(&download->parts, hash);
	ab_sha256_text(stored->sha256, hash);
	if (download->get->sha256 != NULL && strcasecmp(download->get->sha256, stored->sha256) != 0)
		return ab_fail(err, AB_E_CORRUPT, "its SHA-256 is %s, and not %s", stored->sha256, download->get->sha256);
	return download->decompressor == NULL ? 0 : ab_decompressor_end(download->decompressor, err);
}

static void
release_download(struct download *download)
{
	release_fresh(&download->fresh);
	ab_decompressor_free(download->decompressor);
}

int
ab_s3_get(struct ab_s3 *s3, const struct ab_s3_place *place, const struct ab_s3_name *name, const struct ab_s3_get *get, struct ab_s3_stored *stored,
    struct ab_error *err)
{
	AB_CLEANUP(release_download) struct download download = { .get = get, .fresh = { .fd = -1 }, .stored = stored };
	const struct ab_s3_sink sink = { .begin = begin, .write = take, .end = end, .data = &download };
	const struct ab_s3_request request = { .method = AB_S3_GET, .name = name, .if_none_match = get->if_none_match, .body_fd = -1, .sink = &sink };
	struct ab_s3_outcome outcome;

	if (get->sha256 != NULL && (strlen(get->sha256) != AB_SHA256_TEXT - 1 || strspn(get->sha256, "0123456789abcdefABCDEF") != AB_SHA256_TEXT - 1))
		return ab_fail(err, AB_E_INPUT_INVALID, "sha256 is no SHA-256: 64 hexadecimal digits");
	if (open_fresh(&download.fresh, get->path, err) < 0)
		return -1;
	if (get->zstd)
		download.decompressor = ab_decompressor_new();
	*stored = (struct ab_s3_stored){ .bytes = 0 };
	if (ab_s3_send(s3, place, &request, &outcome, err) < 0)
		return -1;
	stored->not_modified = outcome.not_modified;
	stored->tries = outcome.tries;
	snprintf(stored->etag, sizeof(stored->etag), "%s", outcome.etag);
	return outcome.not_modified ? 0 : publish(&download.fresh, err);
}

int
ab_s3_delete(struct ab_s3 *s3, const struct ab_s3_place *place, const struct ab_s3_name *name, struct ab_error *err)
{
	const struct ab_s3_request request = { .method = AB_S3_DELETE, .name = name, .body_fd = -1 };
	struct ab_s3_outcome outcome;

	return ab_s3_send(s3, place, &request, &outcome, err);
}
