/* Bytes in and out of descriptors. */
#include "core/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/id.h"

static void
wait_for(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	while (poll(&poll_fd, 1, -1) < 0 && errno == EINTR)
		continue;
}

int
ab_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n >= 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			wait_for(fd, POLLOUT);
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

/* read(2) through EINTR and EAGAIN. */
static ssize_t
read_some(int fd, void *to, size_t len)
{
	for (;;) {
		ssize_t n = read(fd, to, len);
		if (n >= 0 || (errno != EINTR && errno != EAGAIN))
			return n;
		if (errno == EAGAIN)
			wait_for(fd, POLLIN);
	}
}

int
ab_read_all(int fd, struct ab_buf *buf, const char *what, struct ab_error *err)
{
	for (;;) {
		char beyond, *to = &beyond;
		size_t room = buf->max - buf->len;
		if (room > 0) {
			size_t chunk = buf->len < 4096 ? 4096 : buf->len < 262144 ? buf->len : 262144;
			room = room < chunk ? room : chunk;
			to = ab_buf_reserve(buf, room);
		}
		/* at the maximum one more byte tells the end from too much */
		ssize_t n = read_some(fd, to, room > 0 ? room : 1);
		if (n < 0)
			return ab_fail_errno(err, errno, "read \"%s\"", what);
		if (n == 0)
			break;
		if (room == 0)
			return ab_fail(err, AB_E_LIMIT_SIZE, "read \"%s\": more than %zu bytes", what, buf->max);
		buf->len += (size_t)n;
	}
	/* a buffer that got nothing is a string all the same */
	ab_buf_put(buf, "", 0);
	return 0;
}

int
ab_read_file(int dirfd, const char *path, struct ab_buf *buf, struct ab_error *err)
{
	AB_AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return ab_fail_errno(err, errno, "open \"%s\"", path);
	return ab_read_all(fd, buf, path, err);
}

/* Give the open file its contents and the permissions of the one it replaces, durably. */
static int
fill(int fd, int dirfd, const char *path, const void *data, size_t len)
{
	struct stat old;

	if (fstatat(dirfd, path, &old, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(old.st_mode) &&
	    fchmod(fd, old.st_mode & 07777) != 0)
		return -1;
	if (ab_write_all(fd, data, len) != 0)
		return -1;
	return fsync(fd);
}

int
ab_write_file_atomic(int dirfd, const char *path, const void *data, size_t len, unsigned mode, struct ab_error *err)
{
	char id[AB_ID_SIZE];
	const char *slash = strrchr(path, '/');
	int directory_len = slash == NULL ? 0 : (int)(slash + 1 - path);
	AB_AUTO_FREE char *temporary = ab_asprintf("%.*s.ab-%s.tmp", directory_len, path, ab_id_new(id));
	AB_AUTO_CLOSE int fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);

	if (fd < 0)
		return ab_fail_errno(err, errno, "write \"%s\"", path);
	if (fill(fd, dirfd, path, data, len) != 0 || renameat(dirfd, temporary, dirfd, path) != 0) {
		int failed_errno = errno;
		unlinkat(dirfd, temporary, 0);
		return ab_fail_errno(err, failed_errno, "write \"%s\"", path);
	}
	return 0;
}

int
ab_memory_file(const char *name, const void *data, size_t len)
{
	AB_AUTO_CLOSE int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ab_write_all(fd, data, len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return ab_steal_fd(&fd);
}

int
ab_above_stdio(int fd)
{
	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	AB_AUTO_CLOSE int low = fd;
	return fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

int
ab_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	return (flags & O_NONBLOCK) != 0 ? 0 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}
