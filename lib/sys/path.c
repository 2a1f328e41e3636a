/* Names to descriptors, by openat2(2) or by a walk that gives the same answers. */
#include "sys/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "core/mem.h"

#define LINKS_MAX 40	/* as the kernel: path_resolution(7) */
#define DEPTH_MAX 512	/* descriptors that a walk may hold */
#define NAME_BYTES_MAX 1024
#define RACES_MAX 16 /* EAGAIN: something was renamed meanwhile (openat2(2)) */

static int
fail_open(struct ab_error *err, int errno_value, const char *rel, bool links)
{
	if (errno_value == EXDEV) {
		ab_fail(err, AB_E_SCOPE_ESCAPE, "open \"%s\": the path leads out", rel);
		ab_error_operation(err, "%s", rel);
		return -1;
	}
	if (errno_value == ELOOP) {
		ab_fail(err, AB_E_SCOPE_ESCAPE, "open \"%s\": %s", rel,
		    links ? "too many symbolic links, or one that may not be followed" : "a symbolic link may not be followed here");
		ab_error_operation(err, "%s", rel);
		return -1;
	}
	return ab_fail_errno(err, errno_value, "open \"%s\"", rel);
}

/* ---- the walk ---- */

struct walk {
	int *fd; /* of each directory on the way; fd[0] is borrowed */
	size_t depth;
	char *rest; /* what is still to be resolved */
	unsigned links_left;
	bool links;
};

static void
walk_release(struct walk *walk)
{
	while (walk->depth > 1)
		close(walk->fd[--walk->depth]);
	free(walk->fd);
	free(walk->rest);
}

/* Put a link's target before the rest. */
static int
walk_splice(struct walk *walk, const char *name, bool slash)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(walk->fd[walk->depth - 1], name, target, sizeof(target) - 1);

	if (len < 0)
		return errno;
	target[len] = '\0';
	if (!walk->links || walk->links_left-- == 0)
		return ELOOP;
	if (target[0] == '/')
		return EXDEV;
	char *spliced = ab_asprintf("%s%s%s", target, slash ? "/" : "", walk->rest);
	free(walk->rest);
	walk->rest = spliced;
	return strlen(spliced) >= PATH_MAX ? ENAMETOOLONG : 0;
}

static int
walk_descend(struct walk *walk, const char *name)
{
	struct stat st;
	int fd = openat(walk->fd[walk->depth - 1], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return EBADF;
	}
	if (S_ISLNK(st.st_mode)) {
		close(fd);
		return walk_splice(walk, name, true);
	}
	if (!S_ISDIR(st.st_mode) || walk->depth >= DEPTH_MAX) {
		close(fd);
		return S_ISDIR(st.st_mode) ? ENAMETOOLONG : ENOTDIR;
	}
	walk->fd[walk->depth++] = fd;
	return 0;
}

/* The last component: 0 with *fd, -1 when it was a link that has been spliced in, or an errno. */
static int
walk_last(struct walk *walk, const char *name, bool slash, int flags, mode_t mode, int *fd)
{
	int last_flags = flags | O_NOFOLLOW | O_CLOEXEC | (slash ? O_DIRECTORY : 0);
	bool keep_link = (flags & O_NOFOLLOW) != 0 && !slash;
	struct stat st;

	if (!keep_link && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL) &&
	    fstatat(walk->fd[walk->depth - 1], name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
		int spliced = walk_splice(walk, name, slash);
		return spliced == 0 ? -1 : spliced;
	}
	*fd = openat(walk->fd[walk->depth - 1], name, last_flags, mode);
	return *fd < 0 ? errno : 0;
}

/* One component; -1 to go on, 0 with *fd at the end, or an errno. */
static int
walk_step(struct walk *walk, int flags, mode_t mode, int *fd)
{
	char name[NAME_MAX + 1];
	const char *rest = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(rest, "/");
	bool slash = rest[len] == '/';
	const char *next = rest + len + strspn(rest + len, "/");
	bool last = *next == '\0';

	if (len > NAME_MAX)
		return ENAMETOOLONG;
	memcpy(name, rest, len);
	name[len] = '\0';
	memmove(walk->rest, next, strlen(next) + 1);
	if (strcmp(name, "..") == 0) {
		if (walk->depth == 1)
			return EXDEV;
		close(walk->fd[--walk->depth]);
	}
	if (len == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		if (!last)
			return -1;
		*fd = openat(walk->fd[walk->depth - 1], ".", (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC);
		return *fd < 0 ? errno : 0;
	}
	if (last)
		return walk_last(walk, name, slash, flags, mode, fd);
	int descended = walk_descend(walk, name);
	return descended == 0 ? -1 : descended;
}

int
ab_path_walk(int dirfd, const char *rel, int flags, mode_t mode, bool links, struct ab_error *err)
{
	struct walk walk = { .depth = 1, .links_left = LINKS_MAX, .links = links };
	int fd = -1, status = rel[0] == '/' ? EXDEV : rel[0] == '\0' ? ENOENT : -1;

	walk.fd = ab_calloc(DEPTH_MAX, sizeof(*walk.fd));
	walk.fd[0] = dirfd;
	walk.rest = ab_strdup(rel);
	while (status == -1)
		status = walk_step(&walk, flags, mode, &fd);
	walk_release(&walk);
	return status == 0 ? fd : fail_open(err, status, rel, links);
}

/* ---- openat2 ---- */

/* Old container run-times answer EPERM to every call that they do not know. */
static bool
openat2_works(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	long fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd < 0)
		return false;
	close((int)fd);
	return true;
}

static int
open_resolved(int dirfd, const char *rel, int flags, mode_t mode, bool links, struct ab_error *err)
{
	struct open_how how = {
		.flags = (unsigned long long)(unsigned)(flags | O_CLOEXEC),
		.mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (links ? 0 : RESOLVE_NO_SYMLINKS),
	};
	long fd = -1;

	for (int tries = 0; tries < RACES_MAX; tries++) {
		fd = syscall(SYS_openat2, dirfd, rel, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	int failed = errno;
	if (failed == ENOSYS || (failed == EPERM && !openat2_works()))
		return ab_path_walk(dirfd, rel, flags, mode, links, err);
	return fail_open(err, failed, rel, links);
}

int
ab_path_open(int dirfd, const char *rel, int flags, mode_t mode, struct ab_error *err)
{
	return open_resolved(dirfd, rel, flags, mode, true, err);
}

int
ab_path_open_strict(int dirfd, const char *rel, int flags, mode_t mode, struct ab_error *err)
{
	return open_resolved(dirfd, rel, flags, mode, false, err);
}

/* ---- names ---- */

char *
ab_path_canonical(int dirfd, struct ab_error *err)
{
	char link[64], path[PATH_MAX];
	struct stat at_path, at_fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	if (len < 0) {
		ab_fail_errno(err, errno, "find the path of a directory by \"%s\"", link);
		return NULL;
	}
	path[len] = '\0';
	if (fstat(dirfd, &at_fd) != 0 || stat(path, &at_path) != 0) {
		ab_fail_errno(err, errno, "directory \"%s\"", path);
		return NULL;
	}
	if (path[0] != '/' || at_fd.st_dev != at_path.st_dev || at_fd.st_ino != at_path.st_ino) {
		ab_fail(err, AB_E_NOT_FOUND, "directory \"%s\" has been moved or replaced", path);
		return NULL;
	}
	return ab_strdup(path);
}

int
ab_path_check_name(const char *name, struct ab_error *err)
{
	size_t len = strlen(name);

	if (len == 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "the scope's name is empty");
	if (len > NAME_BYTES_MAX)
		return ab_fail(err, AB_E_INPUT_INVALID, "the scope's name has %zu bytes, more than %d", len, NAME_BYTES_MAX);
	if (name[0] == '/') {
		ab_fail(err, AB_E_SCOPE_ESCAPE, "scope name \"%.200s\" is an absolute path; names are relative to the root", name);
		ab_error_hint(err, "--root '%.400s'", name);
		return -1;
	}
	for (const char *at = name; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return ab_fail(err, AB_E_INPUT_INVALID, "scope name \"%.200s\" holds a control character", name);
	for (const char *part = name;;) {
		size_t part_len = strcspn(part, "/");
		if (part_len == 2 && memcmp(part, "..", 2) == 0)
			return ab_fail(err, AB_E_SCOPE_ESCAPE, "scope name \"%.200s\" holds \"..\"", name);
		if (part_len == 0 || (part_len == 1 && part[0] == '.'))
			return ab_fail(err, AB_E_INPUT_INVALID, "scope name \"%.200s\" is not normalised (an empty part or \".\")", name);
		if (part_len > NAME_MAX)
			return ab_fail(err, AB_E_INPUT_INVALID, "scope name \"%.200s\": a part has more than %d bytes", name, NAME_MAX);
		if (part[part_len] == '\0')
			return 0;
		part += part_len + 1;
	}
}

char *
ab_path_join(const char *dir, const char *name)
{
	return dir[0] == '\0' ? ab_strdup(name) : ab_asprintf("%s/%s", dir, name);
}

bool
ab_path_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1 && dir[0] == '/')
		return path[0] == '/';
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool
is_inside(const char *path, const char *tree)
{
	AB_AUTO_FREE char *real = realpath(path, NULL);

	return real != NULL && ab_path_below(real, tree);
}

bool
ab_path_leads_out(const char *path, const char *tree)
{
	AB_AUTO_FREE char *copy = ab_strdup(path);
	bool inside = path[0] != '/' && is_inside(".", tree);

	for (char *at = copy + strspn(copy, "/"); *at != '\0';) {
		char *end = at + strcspn(at, "/"), was = *end;
		*end = '\0';
		bool still = is_inside(copy, tree);
		if (inside && !still && strcmp(at, "..") != 0)
			return access(copy, F_OK) == 0;
		inside = still;
		*end = was;
		at = end + strspn(end, "/");
	}
	return false;
}

static bool
fd_is_inside(int fd, const char *tree)
{
	char link[64], path[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	path[len < 0 ? 0 : len] = '\0';
	return ab_path_below(path, tree);
}

static int
fail_named(struct ab_error *err, int errno_value, const char *path)
{
	if (errno_value != EXDEV)
		return ab_fail_errno(err, errno_value, "open \"%s\"", path);
	return ab_fail(err, AB_E_SCOPE_ESCAPE, "open \"%s\": a link in the tree leads out of it", path);
}

/* The last part, in a directory of the tree: -1 with errno EXDEV for a link that leads out, or to nothing. */
static int
open_inside(int dirfd, const char *name, const char *tree, int flags, mode_t mode)
{
	char link[64];
	int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);

	if (fd >= 0 || errno != ELOOP)
		return fd;
	AB_AUTO_CLOSE int at = openat(dirfd, name, O_PATH | O_CLOEXEC);
	if (at < 0 || !fd_is_inside(at, tree)) {
		errno = EXDEV;
		return -1;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
	return open(link, (flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_NONBLOCK | O_CLOEXEC);
}

int
ab_path_open_named(const char *path, const char *tree, int flags, mode_t mode, struct ab_error *err)
{
	AB_AUTO_FREE char *copy = ab_strdup(path);
	AB_AUTO_CLOSE int at = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool inside = at >= 0 && fd_is_inside(at, tree);
	char *name = copy + strspn(copy, "/"), *slash;

	while (at >= 0 && (slash = strchr(name, '/')) != NULL && slash[strspn(slash, "/")] != '\0') {
		*slash = '\0';
		int next = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		int failed = errno;
		close(at);
		at = next;
		errno = failed;
		bool still = at >= 0 && fd_is_inside(at, tree);
		if (at >= 0 && inside && !still && strcmp(name, "..") != 0)
			return fail_named(err, EXDEV, path);
		inside = still;
		name = slash + 1 + strspn(slash + 1, "/");
	}
	if (at < 0)
		return fail_named(err, errno, path);
	if (*name == '\0' && path[0] == '/')
		name = copy;
	AB_AUTO_CLOSE int fd = inside ? open_inside(at, name, tree, flags, mode) : openat(at, name, flags | O_CLOEXEC, mode);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		return fail_named(err, errno, path);
	if (inside && S_ISFIFO(st.st_mode))
		return ab_fail(err, AB_E_DENIED_POLICY, "open \"%s\": a FIFO in the tree could keep us waiting", path);
	if (inside)
		(void)fcntl(fd, F_SETFL, flags & O_APPEND); /* not to wait was for the FIFO */
	return ab_steal_fd(&fd);
}

int
ab_path_make_dirs(int dirfd, const char *rel, mode_t mode, struct ab_error *err)
{
	AB_AUTO_CLOSE int at = -1;
	AB_AUTO_FREE char *copy = ab_strdup(rel);
	char *rest = copy, *part;

	if (rel[0] == '/')
		return ab_fail(err, AB_E_SCOPE_ESCAPE, "make \"%s\": the path is absolute", rel);
	while ((part = strsep(&rest, "/")) != NULL) {
		if (part[0] == '\0' || strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0)
			return ab_fail(err, AB_E_SCOPE_ESCAPE, "make \"%s\": the path holds \"..\"", rel);
		int upper = at >= 0 ? at : dirfd;
		if (mkdirat(upper, part, mode) != 0 && errno != EEXIST)
			return ab_fail_errno(err, errno, "make directory \"%s\" of \"%s\"", part, rel);
		int next = openat(upper, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return ab_fail_errno(err, errno, "make \"%s\": \"%s\"", rel, part);
		ab_close_indirect(&at);
		at = next;
	}
	return 0;
}
