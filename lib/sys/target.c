/* The place where an entry of the view is attached. */
#include "sys/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/mount.h"

static bool
at_or_below(const char *path, const char *dir, size_t len)
{
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

enum ab_target_ground
ab_target_ground(const struct ab_target_place *place, const char *path, size_t *base)
{
	for (size_t i = place->index; i-- > 0;) {
		const struct ab_view *entry = &place->plan->view[i];
		size_t len = strlen(entry->target);
		if (!place->attached[i] || !at_or_below(path, entry->target, len))
			continue;
		*base = len;
		if (entry->kind == AB_VIEW_TMPFS)
			return AB_GROUND_OWN;
		if (entry->kind == AB_VIEW_BIND && entry->writable &&
		    strcmp(entry->source, entry->target) != 0)
			return AB_GROUND_PRIVATE;
		return AB_GROUND_HOST;
	}
	*base = 0;
	return AB_GROUND_OWN;
}

/* One step of the walk: open `name` in dir, after making it when that is allowed. An earlier command may have
 * left a file or a link in the way in a private directory: it goes. */
static int
step(int dir, const char *name, bool directory, bool make, bool clear)
{
	struct stat st;

	for (int tries = 0; tries < 2; tries++) {
		if (make && directory && mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
			return -1;
		if (make && !directory) {
			AB_AUTO_CLOSE int made =
			    openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
			if (made < 0 && errno != EEXIST)
				return -1;
		}
		AB_AUTO_CLOSE int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -1;
		if (!S_ISLNK(st.st_mode) && S_ISDIR(st.st_mode) == directory)
			return ab_steal_fd(&fd);
		if (!make || !clear || unlinkat(dir, name, 0) < 0)
			break;
	}
	errno = directory ? ENOTDIR : EISDIR;
	return -1;
}

/* Walk from the root, one component at a time, making what is missing beyond the first `base` bytes of path.
 */
static int
make_path(const struct ab_target_place *place, const char *path, size_t base, bool directory, bool clear)
{
	AB_AUTO_CLOSE int owned = -1;
	int dir = place->root;
	char name[NAME_MAX + 1];

	for (const char *at = path + 1;;) {
		size_t len = strcspn(at, "/");
		bool last = at[len] == '\0';
		if (len == 0 || len > NAME_MAX) {
			errno = len == 0 ? EINVAL : ENAMETOOLONG;
			return -1;
		}
		memcpy(name, at, len);
		name[len] = '\0';
		if (strcmp(name, "..") == 0 || strcmp(name, ".") == 0) {
			errno = EINVAL;
			return -1;
		}
		int next = step(dir, name, directory || !last, (size_t)(at - path) > base, clear);
		if (next < 0)
			return -1;
		ab_close_indirect(&owned);
		owned = dir = next;
		if (last)
			return ab_steal_fd(&owned);
		at += len + 1;
	}
}

int
ab_target_open(const struct ab_target_place *place, const char *path, bool directory)
{
	size_t base;
	enum ab_target_ground ground = ab_target_ground(place, path, &base);

	/* In the empty root a directory is usually new: one call instead of a failed look-up and a walk. A
	   path of several parts could lead through a link, and an absolute link out to the host: those are
	   walked. */
	if (base == 0 && directory && strchr(path + 1, '/') == NULL)
		(void)mkdirat(place->root, path + 1, 0755);
	AB_AUTO_CLOSE int fd = ab_mount_open(place->root, path + 1, AB_MOUNT_BENEATH);
	bool in_the_way = ground == AB_GROUND_PRIVATE && fd < 0 && (errno == ENOTDIR || errno == ELOOP);
	if (fd >= 0 && ground == AB_GROUND_PRIVATE) {
		struct stat st;
		if (fstat(fd, &st) < 0)
			return -1;
		in_the_way = S_ISDIR(st.st_mode) != directory;
	}
	if (fd >= 0 && !in_the_way)
		return ab_steal_fd(&fd);
	if ((!in_the_way && errno != ENOENT) || ground == AB_GROUND_HOST)
		return -1;
	return make_path(place, path, base, directory, ground == AB_GROUND_PRIVATE);
}

/* The text of the link at path (in the view), as an absolute path without ".." in `to`. -1 when it is none.
 */
static int
read_link(int root, const char *path, char to[PATH_MAX])
{
	char text[PATH_MAX], joined[2 * PATH_MAX];
	AB_AUTO_CLOSE int link = ab_mount_open(root, path + 1, AB_MOUNT_LINK);
	ssize_t len = link < 0 ? -1 : readlinkat(link, "", text, sizeof(text) - 1);

	if (len < 0)
		return -1;
	text[len] = '\0';
	const char *slash = strrchr(path, '/');
	if (text[0] == '/')
		snprintf(joined, sizeof(joined), "%s", text);
	else
		snprintf(joined, sizeof(joined), "%.*s/%s", (int)(slash - path), path, text);
	size_t end = 0;
	for (char *at = joined, *save = NULL; (at = strtok_r(at, "/", &save)) != NULL; at = NULL) {
		if (strcmp(at, ".") == 0)
			continue;
		if (strcmp(at, "..") == 0) {
			while (end > 0 && to[--end] != '/')
				continue;
			continue;
		}
		size_t part = strlen(at);
		if (end + part + 2 > PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		to[end++] = '/';
		memcpy(to + end, at, part);
		end += part;
	}
	to[end] = '\0';
	return end == 0 ? -1 : 0;
}

int
ab_target_follow(const struct ab_target_place *place, const char *path)
{
	char current[PATH_MAX], next[PATH_MAX];

	snprintf(current, sizeof(current), "%s", path);
	for (int links = 0; links < 8; links++) {
		int fd = ab_mount_open(place->root, current + 1, AB_MOUNT_IN_ROOT);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT)
			return -1;
		if (read_link(place->root, current, next) < 0)
			return ab_target_open(place, current, false);
		memcpy(current, next, sizeof(current));
	}
	errno = ELOOP;
	return -1;
}

int
ab_target_link(const struct ab_target_place *place, const char *text, const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t base;

	if (ab_target_ground(place, path, &base) == AB_GROUND_HOST) {
		errno = EROFS;
		return -1;
	}
	if (slash == path)
		return symlinkat(text, place->root, slash + 1);
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	AB_AUTO_CLOSE int dir = ab_target_open(place, parent, true);
	return dir < 0 ? -1 : symlinkat(text, dir, slash + 1);
}
