/* Descriptors: in full, in files, atomically. */
#include "core/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static char directory[] = "/tmp/ab-io-test-XXXXXX";
static int dir_fd;

/* A child that writes `total` bytes into a pipe slowly enough that a non-blocking reader has to wait. */
static int
slow_writer(size_t total, pid_t *pid)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		abort();
	*pid = fork();
	if (*pid == 0) {
		char byte = 'x';
		for (size_t i = 0; i < total; i++) {
			usleep(2000);
			if (ab_write_all(fds[1], &byte, 1) != 0)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	return fds[0];
}

static void
test_read_all(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(5);
	pid_t pid;
	int fd = slow_writer(5, &pid);

	CHECK_INT(ab_set_nonblocking(fd), 0);
	CHECK_INT(ab_set_nonblocking(fd), 0);
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	CHECK_INT(ab_read_all(fd, &buf, "pipe", &err), 0);
	CHECK_STRING(buf.data, "xxxxx");
	close(fd);
	waitpid(pid, NULL, 0);
}

static void
test_read_all_limits(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_BUF struct ab_buf small = AB_BUF_INIT(4), empty = AB_BUF_INIT(4);
	pid_t pid;
	int fd = slow_writer(5, &pid);

	CHECK_INT(ab_read_all(fd, &small, "pipe", &err), -1);
	CHECK_INT(err.code, AB_E_LIMIT_SIZE);
	CHECK_STRING(err.msg, "read \"pipe\": more than 4 bytes");
	close(fd);
	waitpid(pid, NULL, 0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK_INT(ab_read_all(fd, &empty, "null", &err), 0);
	CHECK_STRING(empty.data, "");
	close(fd);
	fd = open("/", O_RDONLY | O_CLOEXEC);
	CHECK_INT(ab_read_all(fd, &empty, "/", &err), -1);
	CHECK_INT(err.code, AB_E_IS_DIRECTORY);
	CHECK_STRING(err.msg, "read \"/\": Is a directory");
	close(fd);
}

/* A full non-blocking pipe makes the writer wait, and all arrives. */
static void
test_write_all(void)
{
	enum { TOTAL = 300000 };
	AB_AUTO_FREE char *data = ab_malloc(TOTAL);
	int fds[2];

	memset(data, 'y', TOTAL);
	CHECK_INT(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		_exit(ab_write_all(fds[1], data, TOTAL) == 0 ? 0 : 1);
	}
	close(fds[1]);
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_BUF struct ab_buf back = AB_BUF_INIT(TOTAL);
	CHECK_INT(ab_read_all(fds[0], &back, "pipe", &err), 0);
	CHECK_INT(back.len, TOTAL);
	CHECK(memcmp(back.data, data, TOTAL) == 0);
	int status = -1;
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	close(fds[0]);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CHECK_INT(ab_write_all(full, data, 1), -1);
	CHECK_INT(errno, ENOSPC);
	close(full);
}

static void
file_is(const char *path, const char *want, mode_t mode)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(100);
	struct stat st;

	CHECK_INT(ab_read_file(dir_fd, path, &buf, &err), 0);
	CHECK_STRING(buf.data, want);
	CHECK_INT(fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_INT(st.st_mode & 07777, mode);
}

static void
test_atomic(void)
{
	struct ab_error err = AB_ERROR_INIT;

	umask(022);
	CHECK_INT(mkdirat(dir_fd, "sub", 0755), 0);
	CHECK_INT(ab_write_file_atomic(dir_fd, "sub/a", "one", 3, 0666, &err), 0);
	file_is("sub/a", "one", 0644);
	CHECK_INT(fchmodat(dir_fd, "sub/a", 0751, 0), 0);
	CHECK_INT(ab_write_file_atomic(dir_fd, "sub/a", "", 0, 0600, &err), 0);
	file_is("sub/a", "", 0751);
	/* a link is replaced, what it points to is not touched */
	CHECK_INT(symlinkat("sub/a", dir_fd, "link"), 0);
	CHECK_INT(ab_write_file_atomic(dir_fd, "link", "two", 3, 0600, &err), 0);
	file_is("link", "two", 0600);
	file_is("sub/a", "", 0751);
}

static void
test_atomic_failures(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(2);

	CHECK_INT(ab_write_file_atomic(dir_fd, "none/a", "x", 1, 0600, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_STRING(err.msg, "write \"none/a\": No such file or directory");
	CHECK_INT(ab_write_file_atomic(dir_fd, "sub", "x", 1, 0600, &err), -1);
	CHECK_INT(err.code, AB_E_IS_DIRECTORY);
	CHECK_INT(ab_read_file(dir_fd, "none", &buf, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_STRING(err.msg, "open \"none\": No such file or directory");
	CHECK_INT(ab_read_file(dir_fd, "link", &buf, &err), -1);
	CHECK_INT(err.code, AB_E_LIMIT_SIZE);
	/* nothing is left beside them: these succeed only on empty directories */
	CHECK_INT(unlinkat(dir_fd, "sub/a", 0), 0);
	CHECK_INT(unlinkat(dir_fd, "link", 0), 0);
	CHECK_INT(unlinkat(dir_fd, "sub", AT_REMOVEDIR), 0);
}

static void
test_memory(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(100);
	AB_AUTO_CLOSE int fd = ab_memory_file("some", "a\0b", 3), empty = ab_memory_file("none", "", 0);
	char name[64] = "";

	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK_INT(ab_read_all(fd, &buf, "memory", &err), 0);
	CHECK(buf.len == 3 && memcmp(buf.data, "a\0b", 3) == 0);
	AB_AUTO_FREE char *link = ab_asprintf("/proc/self/fd/%d", fd);
	CHECK(readlink(link, name, sizeof(name) - 1) > 0);
	CHECK(strstr(name, "memfd:some") != NULL);
	CHECK_INT(lseek(empty, 0, SEEK_END), 0);
}

/* In a child, whose standard input, output and error nobody misses. */
static void
test_above_stdio(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int low = fcntl(dir_fd, F_DUPFD, 10), moved = ab_above_stdio(low);
		bool good = low == moved && (fcntl(low, F_GETFD) & FD_CLOEXEC) == 0;
		for (int fd = 0; fd < 3; fd++) {
			moved = ab_above_stdio(dup2(dir_fd, fd));
			good &= moved > 2 && (fcntl(moved, F_GETFD) & FD_CLOEXEC) != 0 && fcntl(fd, F_GETFD) < 0;
		}
		_exit(good && ab_above_stdio(-1) == -1 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "read to the end of a slow pipe", test_read_all },
		{ "read: limits and failures", test_read_all_limits },
		{ "write all of it", test_write_all },
		{ "a file in memory", test_memory },
		{ "above standard error", test_above_stdio },
		{ "replace a file", test_atomic },
		{ "replace a file: failures leave nothing", test_atomic_failures },
	};
	if (mkdtemp(directory) == NULL)
		return 1;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status = tap_run(tests, AB_COUNT_OF(tests));
	close(dir_fd);
	return rmdir(directory) == 0 ? status : 1;
}
