/*
 * Deleting a tree (ab_path_remove_tree of sys/path.h).
 *
 * Every directory is opened O_NOFOLLOW beneath its parent's descriptor, so a link is deleted and never followed, whatever is
 * renamed meanwhile. Descriptors of the upper KEPT levels stay open; deeper ones are closed on the way down and reopened as ".."
 * on the way up, and must then be the directory that they were.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "sys/path.h"

#define KEPT 64
#define AGAIN_MAX 100 /* times that a directory may fill up again while it is deleted */

struct frame {
	DIR *dir; /* NULL: closed to save descriptors */
	dev_t dev;
	ino_t ino;
	char *name; /* in its parent */
	unsigned again;
};

struct removal {
	struct frame *frame;
	size_t depth, room;
	unsigned long long mount; /* that everything must lie on; 0 where the kernel does not tell */
	dev_t dev;
	const char *what; /* for messages */
};

static int
open_below(int dirfd, const char *name)
{
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Give ourselves the rights on a directory of our own: through /proc, because chmod by name would follow a link. */
static bool
make_writable(int dirfd, const char *name)
{
	char link[64];
	struct stat st;
	AB_AUTO_CLOSE int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0 || (st.st_mode & 0700) == 0700)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return chmod(link, (st.st_mode & 07777) | 0700) == 0;
}

static unsigned long long
mount_of(int fd)
{
#ifdef STATX_MNT_ID
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) == 0 && (stx.stx_mask & STATX_MNT_ID) != 0)
		return stx.stx_mnt_id + 1;
#else
	(void)fd;
#endif
	return 0;
}

/* Go into directory `name` of dirfd: 0, or -1. */
static int
push(struct removal *removal, int dirfd, const char *name, struct ab_error *err)
{
	struct stat st;
	AB_AUTO_CLOSE int fd = open_below(dirfd, name);

	if (fd < 0 && errno == EACCES && make_writable(dirfd, name))
		fd = open_below(dirfd, name);
	if (fd < 0 || fstat(fd, &st) != 0)
		return ab_fail_errno(err, errno, "delete \"%s\": open directory \"%s\"", removal->what, name);
	if (removal->depth == 0) {
		removal->dev = st.st_dev;
		removal->mount = mount_of(fd);
	} else if (st.st_dev != removal->dev || mount_of(fd) != removal->mount) {
		ab_fail(err, AB_E_IN_USE, "delete \"%s\": something is mounted on its directory \"%s\"", removal->what, name);
		ab_error_hint(err, "umount it first");
		return -1;
	}
	if ((st.st_mode & 0300) != 0300 && fchmod(fd, (st.st_mode & 07777) | 0700) != 0)
		return ab_fail_errno(err, errno, "delete \"%s\": make directory \"%s\" writable", removal->what, name);
	if (removal->depth == removal->room) {
		removal->room = removal->room == 0 ? 16 : removal->room * 2;
		removal->frame = ab_reallocarray(removal->frame, removal->room, sizeof(*removal->frame));
	}
	if (removal->depth >= KEPT) {
		struct frame *old = &removal->frame[removal->depth - KEPT];
		if (old->dir != NULL)
			closedir(old->dir);
		old->dir = NULL;
	}
	DIR *dir = fdopendir(fd);
	if (dir == NULL)
		return ab_fail_errno(err, errno, "delete \"%s\": read directory \"%s\"", removal->what, name);
	ab_steal_fd(&fd);
	removal->frame[removal->depth++] = (struct frame){ .dir = dir, .dev = st.st_dev, .ino = st.st_ino, .name = ab_strdup(name) };
	return 0;
}

/* The parent of the top frame, reopened when it had been closed. */
static int
reopen_parent(struct removal *removal, struct ab_error *err)
{
	struct frame *frame = &removal->frame[removal->depth - 1], *parent = frame - 1;
	struct stat st;

	if (parent->dir != NULL)
		return 0;
	AB_AUTO_CLOSE int fd = open_below(dirfd(frame->dir), "..");
	if (fd < 0 || fstat(fd, &st) != 0)
		return ab_fail_errno(err, errno, "delete \"%s\": open the directory above \"%s\"", removal->what, frame->name);
	if (st.st_dev != parent->dev || st.st_ino != parent->ino)
		return ab_fail(err, AB_E_CONFLICT, "delete \"%s\": directory \"%s\" was moved meanwhile", removal->what, frame->name);
	parent->dir = fdopendir(fd);
	if (parent->dir == NULL)
		return ab_fail_errno(err, errno, "delete \"%s\"", removal->what);
	ab_steal_fd(&fd);
	return 0;
}

/* The top frame is empty: remove it from its parent. */
static int
pop(struct removal *removal, int top_fd, struct ab_error *err)
{
	struct frame *frame = &removal->frame[removal->depth - 1];

	if (removal->depth > 1 && reopen_parent(removal, err) != 0)
		return -1;
	int upper = removal->depth > 1 ? dirfd((frame - 1)->dir) : top_fd;
	if (unlinkat(upper, frame->name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
		/* Entries came after the stream had passed: read the directory from its beginning. */
		if ((errno == ENOTEMPTY || errno == EEXIST) && frame->again++ < AGAIN_MAX) {
			rewinddir(frame->dir);
			return 0;
		}
		return ab_fail_errno(err, errno, "delete \"%s\": remove directory \"%s\"", removal->what, frame->name);
	}
	closedir(frame->dir);
	free(frame->name);
	removal->depth--;
	return 0;
}

/* Delete entries of the top frame until one is a directory that is not empty (pushed: 1) or all are gone (0). */
static int
sweep(struct removal *removal, struct ab_error *err)
{
	DIR *dir = removal->frame[removal->depth - 1].dir;
	int fd = dirfd(dir);
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (entry->d_type != DT_DIR) {
			if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
				continue;
			if (errno != EISDIR && !(errno == EPERM && entry->d_type == DT_UNKNOWN))
				return ab_fail_errno(err, errno, "delete \"%s\": file \"%s\"", removal->what, name);
		}
		if (unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return ab_fail_errno(err, errno, "delete \"%s\": directory \"%s\"", removal->what, name);
		return push(removal, fd, name, err) == 0 ? 1 : -1;
	}
	return errno == 0 ? 0 : ab_fail_errno(err, errno, "delete \"%s\": read a directory", removal->what);
}

static int
remove_all(struct removal *removal, int top_fd, const char *name, struct ab_error *err)
{
	if (push(removal, top_fd, name, err) != 0)
		return -1;
	while (removal->depth > 0) {
		int pushed = sweep(removal, err);
		if (pushed < 0 || (pushed == 0 && pop(removal, top_fd, err) != 0))
			return -1;
	}
	return 0;
}

int
ab_path_remove_tree(int dirfd, const char *rel, struct ab_error *err)
{
	struct removal removal = { .what = rel };
	AB_AUTO_FREE char *copy = ab_strdup(rel);
	AB_AUTO_CLOSE int upper = -1;
	char *slash = strrchr(copy, '/');
	const char *name = slash == NULL ? copy : slash + 1;

	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "delete \"%s\": the path names no entry of a directory", rel);
	if (slash != NULL) {
		*slash = '\0';
		upper = ab_path_open_strict(dirfd, copy, O_PATH | O_DIRECTORY, 0, err);
		if (upper < 0)
			return -1;
	}
	int top_fd = slash != NULL ? upper : dirfd;
	if (unlinkat(top_fd, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return ab_fail_errno(err, errno, "delete \"%s\"", rel);
	int status = remove_all(&removal, top_fd, name, err);
	for (size_t i = 0; i < removal.depth; i++) {
		if (removal.frame[i].dir != NULL)
			closedir(removal.frame[i].dir);
		free(removal.frame[i].name);
	}
	free(removal.frame);
	return status;
}
