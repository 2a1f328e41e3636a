/* The directories of AB_HOME that belong to one tree: its private HOME and its /tmp; and their end. */
#include "ab-exec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/time.h"
#include "sys/home.h"
#include "sys/path.h"
#include "sys/protect.h"

#define TMP_UNUSED_MS (INT64_C(24) * 3600 * 1000)

void
place_init(struct exec_place *place)
{
	memset(place, 0, sizeof(*place));
	place->scope.fd = -1;
	place->tmp_lock = -1;
}

void
place_release(struct exec_place *place)
{
	ab_scope_release(&place->scope);
	free(place->home_path);
	free(place->tmp_path);
	ab_protect_free(place->before);
	ab_close_indirect(&place->tmp_lock);
	place_init(place);
}

/*
 * A directory of AB_HOME for this tree: its path with `/` as `%`, in parts of at most 200 bytes. No two paths share one, and none lies in
 * another's: `=` begins whatever else is written differently, `=+` ends a part that has a next one.
 */
static char *
key_of(const char *path)
{
	AB_AUTO_BUF struct ab_buf key = AB_BUF_INIT(8 * 4096);
	size_t part = 0;

	for (const char *at = path; *at != '\0'; at++) {
		if (part >= 200) {
			ab_buf_puts(&key, "=+/");
			part = 0;
		}
		if (*at == '/')
			ab_buf_putc(&key, '%');
		else if (*at == '%' || *at == '=')
			ab_buf_printf(&key, "=%02x", (unsigned)*at);
		else
			ab_buf_putc(&key, *at);
		part++;
	}
	return ab_buf_take(&key);
}

/* A command may have taken the rights on its directory from everybody; the next one shall have them. By way of /proc: no link is followed. */
static bool
give_back(const char *path)
{
	char link[64];
	struct stat st;
	AB_AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & 0700) == 0700)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return chmod(link, (st.st_mode & 07777) | 0700) == 0;
}

/* AB_HOME/KIND/KEY, made when it is not there; the descriptor is the caller's. */
static int
private_dir(const char *kind, const char *tree, char **path, struct ab_error *err)
{
	AB_AUTO_FREE char *home = ab_home_path(true, err);
	AB_AUTO_FREE char *key = key_of(tree);

	if (home == NULL)
		return -1;
	*path = ab_asprintf("%s/%s/%s", home, kind, key);
	int fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == EACCES && give_back(*path))
		fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return fd;
	AB_AUTO_CLOSE int base = ab_home_dir(kind, err);
	if (base < 0 || ab_path_make_dirs(base, key, 0700, err) < 0)
		return -1;
	fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return ab_fail_errno(err, errno, "open \"%s\"", *path);
	return fd;
}

bool
place_home_is_dir(const char *want)
{
	return want != NULL && strcmp(want, "scope") != 0 && strcmp(want, "private") != 0;
}

/* HOME of a tree: private, and owned by whom the kernel will see (an idmapped mount sees to that itself). */
int
place_home(struct exec_place *place, const struct ab_plan *plan, const char *want, struct ab_error *err)
{
	if (want == NULL)
		want = plan->managed ? "scope" : "private";
	if (strcmp(want, "scope") == 0)
		return 0;
	if (place_home_is_dir(want)) {
		AB_AUTO_CLOSE int fd = open(want, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return ab_fail_errno(err, errno, "--home \"%s\"", want);
		place->home_path = ab_path_canonical(fd, err);
		return place->home_path == NULL ? -1 : 0;
	}
	AB_AUTO_CLOSE int fd = private_dir("homes", plan->tree, &place->home_path, err);
	struct stat st;
	if (fd < 0)
		return -1;
	(void)give_back(place->home_path);
	if (plan->ident.mode == AB_IDENT_SETID && fstat(fd, &st) == 0 && st.st_uid != plan->ident.kernel_uid &&
	    fchown(fd, plan->ident.kernel_uid, plan->ident.kernel_gid) < 0)
		return ab_fail_errno(err, errno, "give \"%s\" to uid %u", place->home_path, (unsigned)plan->ident.kernel_uid);
	return 0;
}

/*
 * /tmp of the scope. The directory above it carries the time of last use and a lock: shared while a run uses it, exclusive to
 * empty it after a day without use.
 */
int
place_tmp(struct exec_place *place, const struct ab_plan *plan, const char *want, struct ab_error *err)
{
	AB_AUTO_FREE char *above = NULL;
	struct stat st;

	if (strcmp(want, "fresh") == 0 && ab_level_has_view(plan->level))
		return 0;
	place->tmp_lock = private_dir("tmp", plan->tree, &above, err);
	if (place->tmp_lock < 0)
		return -1;
	if (fstat(place->tmp_lock, &st) < 0)
		return ab_fail_errno(err, errno, "stat \"%s\"", above);
	bool stale = ab_now_unix_ms() - (int64_t)st.st_mtim.tv_sec * 1000 > TMP_UNUSED_MS;
	bool fresh = strcmp(want, "fresh") == 0, alone = (stale || fresh) && flock(place->tmp_lock, LOCK_EX | LOCK_NB) == 0;
	if (fresh && !alone) {
		ab_fail(err, AB_E_BUSY, "--tmp fresh: another run of this scope is using its /tmp, and this level has no other");
		ab_error_hint(err, "wait for it to end, or leave out --tmp fresh");
		return -1;
	}
	if (alone) {
		struct ab_error ignored = AB_ERROR_INIT;
		if (ab_path_remove_tree(place->tmp_lock, "tmp", &ignored) < 0 && ignored.code != AB_E_NOT_FOUND) {
			*err = ignored;
			return -1;
		}
	}
	if (flock(place->tmp_lock, LOCK_SH) < 0)
		return ab_fail_errno(err, errno, "lock \"%s\"", above);
	if (mkdirat(place->tmp_lock, "tmp", 0700) == 0) {
		if (fchmodat(place->tmp_lock, "tmp", 01777, 0) < 0)
			return ab_fail_errno(err, errno, "chmod \"%s/tmp\"", above);
	} else if (errno != EEXIST) {
		return ab_fail_errno(err, errno, "make \"%s/tmp\"", above);
	}
	(void)futimens(place->tmp_lock, NULL);
	place->tmp_path = ab_asprintf("%s/tmp", above);
	(void)give_back(place->tmp_path);
	return 0;
}

/* key_of() undone, for a key of one part. NULL when it is none. */
static char *
path_of(const char *key)
{
	AB_AUTO_BUF struct ab_buf path = AB_BUF_INIT(8 * 4096);

	if (key[0] != '%')
		return NULL;
	for (const char *at = key; *at != '\0'; at++) {
		if (strncmp(at, "=25", 3) == 0 || strncmp(at, "=3d", 3) == 0) {
			ab_buf_putc(&path, at[1] == '2' ? '%' : '=');
			at += 2;
		} else {
			ab_buf_putc(&path, *at == '%' ? '/' : *at);
		}
	}
	return ab_buf_take(&path);
}

/* Whether the tree that a directory was made for is gone. A key in several parts is left alone. */
static bool
is_orphan(int kind_fd, const char *key)
{
	AB_AUTO_FREE char *path = path_of(key);
	struct stat st;
	size_t len = strlen(key);

	if (path == NULL || (len >= 2 && strcmp(key + len - 2, "=+") == 0))
		return false;
	if (lstat(path, &st) == 0 || errno != ENOENT)
		return false;
	AB_AUTO_CLOSE int fd = openat(kind_fd, key, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

int
place_gc(bool dry_run, struct ab_error *err)
{
	static const char *const kinds[] = { "homes", "tmp" };
	int deleted = 0;

	for (size_t i = 0; i < AB_COUNT_OF(kinds); i++) {
		AB_AUTO_CLOSE int kind_fd = ab_home_dir(kinds[i], err);
		if (kind_fd < 0)
			return -1;
		AB_AUTO_CLOSE int fd = openat(kind_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *dir = fd < 0 ? NULL : fdopendir(fd);
		if (dir == NULL)
			return ab_fail_errno(err, errno, "list AB_HOME/%s", kinds[i]);
		(void)ab_steal_fd(&fd);
		for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
			struct ab_error ignored = AB_ERROR_INIT;
			if (entry->d_name[0] == '.' || !is_orphan(dirfd(dir), entry->d_name))
				continue;
			if (dry_run || ab_path_remove_tree(dirfd(dir), entry->d_name, &ignored) == 0)
				deleted++;
		}
		closedir(dir);
	}
	return deleted;
}
