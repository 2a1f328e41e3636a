/* A look at a tree: the top, and what is below it within bounds. */
#include "sys/picture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "core/time.h"
#include "sys/gitrepo.h"
#include "sys/path.h"
#include "sys/picturelook.h"
#include "sys/protect.h"

#define DEPTH_MAX 4
#define ENTRIES_MAX 20000
#define SURE 32		/* directories that are listed whatever the time */
#define WAITING 10	/* the time of ours alone counts, and ten times as much with what others and the disk take */
#define FILES_MAX 256	/* in one directory of hooks or settings */

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct ab_picture_entry *)a)->path, ((const struct ab_picture_entry *)b)->path);
}

const struct ab_picture_entry *
ab_picture_find(const struct ab_picture *picture, const char *path)
{
	const struct ab_picture_entry key = { .path = (char *)(uintptr_t)path };

	return picture->count == 0 ? NULL : bsearch(&key, picture->entry, picture->count, sizeof(key), by_path);
}

bool
ab_picture_same(const struct ab_picture_entry *a, const struct ab_picture_entry *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->mode == b->mode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
	    a->changed.tv_nsec == b->changed.tv_nsec;
}

/* ---- one thing ---- */

/* A number for the file that a link leads to: `ln -s ../../scripts/pre-commit .git/hooks` makes the script the hook. 0: no file. */
static uint64_t
led_to(const struct look *look, const char *path)
{
	struct statx stx;
	uint64_t number = UINT64_C(0xcbf29ce484222325);

	if (statx(look->tree_fd, path, AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &stx) != 0 || !S_ISREG(stx.stx_mode))
		return 0;
	const uint64_t parts[] = { stx.stx_dev_major, stx.stx_dev_minor, stx.stx_ino, stx.stx_mode, stx.stx_size, (uint64_t)stx.stx_ctime.tv_sec,
		stx.stx_ctime.tv_nsec };
	for (size_t i = 0; i < AB_COUNT_OF(parts); i++)
		number = (number ^ parts[i]) * UINT64_C(0x100000001b3);
	return number;
}

uint32_t
ab_picturelook_add(struct look *look, const char *path, enum ab_picture_kind kind)
{
	struct statx stx;
	struct ab_picture_entry entry = { .kind = kind, .deep = look->deep };

	if (statx(look->tree_fd, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &stx) != 0)
		return 0;
	if ((kind == AB_PICTURE_REPOSITORY) != S_ISDIR(stx.stx_mode) || (kind != AB_PICTURE_CONFIG && ab_protect_exempts(look->unprotect, path)))
		return stx.stx_mode & S_IFMT;
	entry.dev = (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
	entry.ino = stx.stx_ino;
	entry.size = stx.stx_size;
	entry.mode = stx.stx_mode;
	entry.changed = stx.stx_ctime;
	entry.born = stx.stx_btime;
	if (kind == AB_PICTURE_FILE && S_ISLNK(stx.stx_mode))
		entry.commands = led_to(look, path);
	if (kind == AB_PICTURE_CONFIG) {
		const struct ab_picture_entry *old = look->before == NULL || S_ISLNK(stx.stx_mode) ? NULL : ab_picture_find(look->before, path);
		entry.commands = old != NULL && old->kind == AB_PICTURE_CONFIG && ab_picture_same(old, &entry) ? old->commands : ab_gitrepo_commands(look->tree_fd, path);
	}
	struct ab_picture *picture = look->picture;
	if (picture->count == picture->room) {
		picture->room = picture->room == 0 ? 64 : picture->room * 2;
		picture->entry = ab_reallocarray(picture->entry, picture->room, sizeof(*picture->entry));
	}
	entry.path = ab_strdup(path);
	picture->entry[picture->count++] = entry;
	return stx.stx_mode & S_IFMT;
}

/* On the stack, for what is asked of every name. */
static bool
join(char path[static PATH_MAX], const char *dir, const char *name)
{
	int len = snprintf(path, PATH_MAX, "%s%s%s", dir, dir[0] == '\0' ? "" : "/", name);

	return len > 0 && len < PATH_MAX;
}

uint32_t
ab_picturelook_add_joined(struct look *look, const char *dir, const char *name, enum ab_picture_kind kind)
{
	char path[PATH_MAX];

	return join(path, dir, name) ? ab_picturelook_add(look, path, kind) : 0;
}

/* A link that comes back to the tree by an absolute path, or through what is outside. */
static int
open_back(const struct look *look, const char *path)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_CLOSE int at = openat(look->tree_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AB_AUTO_FREE char *real = at < 0 ? NULL : ab_path_canonical(at, &ignored);

	return real != NULL && ab_path_below(real, look->tree) ? openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

DIR *
ab_picturelook_list(const struct look *look, const char *path)
{
	struct ab_error ignored = AB_ERROR_INIT;
	int fd = ab_path_open(look->tree_fd, path, O_RDONLY | O_DIRECTORY, 0, &ignored);
	if (fd < 0 && ignored.code == AB_E_SCOPE_ESCAPE)
		fd = open_back(look, path);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL)
		ab_close_indirect(&fd);
	return dir;
}

static bool
is_sample(const char *name)
{
	size_t len = strlen(name);

	return len > 7 && strcmp(name + len - 7, ".sample") == 0;
}

/* The files of a directory of hooks or settings. */
static void
add_files(struct look *look, const char *path)
{
	DIR *dir = ab_picturelook_list(look, path);
	unsigned left = FILES_MAX;

	if (dir == NULL)
		return;
	for (struct dirent *entry; left > 0 && (entry = readdir(dir)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || is_sample(entry->d_name))
			continue;
		left--;
		ab_picturelook_add_joined(look, path, entry->d_name, AB_PICTURE_FILE);
	}
	closedir(dir);
	if (left == 0)
		look->picture->complete = false;
}

void
ab_picturelook_add_either(struct look *look, const char *dir, const char *name)
{
	uint32_t type = ab_picturelook_add_joined(look, dir, name, AB_PICTURE_FILE);

	if (type != S_IFDIR && type != S_IFLNK)
		return;
	AB_AUTO_FREE char *path = ab_path_join(dir, name);
	add_files(look, path);
}

/* ---- the top: always, whatever it takes ---- */

/* linux/dirent.h, getdents64(2) */
struct record {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static const char *const *const NAMES[] = { ab_protect_locked_names, ab_protect_watched_names };

/* rc files of a directory: name is one of the tables, or the first part of one. */
static void
look_name(struct look *look, const char *dir, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < AB_COUNT_OF(NAMES); i++)
		for (const char *const *at = NAMES[i]; *at != NULL; at++)
			if (strncmp(*at, name, len) == 0 && ((*at)[len] == '\0' || (*at)[len] == '/'))
				ab_picturelook_add_either(look, dir, *at);
}

/* A directory whose names fit into one buffer tells at once which of the tables' are there; of a larger one each is asked for. */
static void
look_names(struct look *look)
{
	_Alignas(struct record) char buf[16 * 1024], end[sizeof(buf)];
	AB_AUTO_CLOSE int fd = openat(look->tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long len = fd < 0 ? -1 : syscall(SYS_getdents64, fd, buf, sizeof(buf));
	const struct record *record;

	if (len < 0 || syscall(SYS_getdents64, fd, end, sizeof(end)) != 0) {
		for (size_t i = 0; i < AB_COUNT_OF(NAMES); i++)
			for (const char *const *at = NAMES[i]; *at != NULL; at++)
				ab_picturelook_add_either(look, "", *at);
		return;
	}
	for (long at = 0; at < len; at += record->reclen) {
		record = (const struct record *)(const void *)(buf + at);
		look_name(look, "", record->name);
	}
}

static void
look_top(struct look *look)
{
	ab_picturelook_top(look);
	look_names(look);
	ab_picturelook_submodules(look);
}

/* ---- below: within bounds ---- */

/* Directories still to be listed, breadth first: what lies near the top is met first. */
struct queue {
	char **path; /* NULL-ended */
	unsigned char *depth;
	size_t count, room, at;
};

static void
enqueue(struct queue *queue, const char *dir, const char *name, unsigned depth)
{
	if (queue->count == queue->room) {
		queue->room = queue->room == 0 ? 256 : queue->room * 2;
		queue->path = ab_reallocarray(queue->path, queue->room, sizeof(*queue->path));
		queue->depth = ab_reallocarray(queue->depth, queue->room, 1);
	}
	queue->path[queue->count] = ab_path_join(dir, name);
	queue->depth[queue->count++] = (unsigned char)depth;
}

static bool
is_dir(const struct look *look, const char *dir, const struct record *record)
{
	char path[PATH_MAX];
	struct stat st;

	if (record->type != DT_UNKNOWN)
		return record->type == DT_DIR;
	return join(path, dir, record->name) && fstatat(look->tree_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* One name in a directory below the top. parts: which of ab_gitrepo_part have been met. */
static void
look_record(struct look *look, struct queue *queue, const char *dir, unsigned depth, const struct record *record, unsigned *parts)
{
	const char *name = record->name;

	if (name[0] == '.') {
		if (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))
			return;
		if (strcmp(name, ".git") == 0) {
			if (dir[0] != '\0')
				ab_picturelook_git(look, dir);
			return;
		}
		if (dir[0] != '\0')
			look_name(look, dir, name);
	}
	for (unsigned i = 0; i < AB_GITREPO_PARTS; i++)
		if (strcmp(name, ab_gitrepo_part[i]) == 0)
			*parts |= 1u << i;
	if (!is_dir(look, dir, record))
		return;
	if (depth < DEPTH_MAX)
		enqueue(queue, dir, name, depth + 1);
	else
		look->picture->complete = false;
}

/* The bound in time holds behind the first directories: how busy the machine is must not decide about a small tree. */
static bool
is_late(const struct look *look)
{
	return look->deadline_us != AB_NEVER && look->listed > SURE && (ab_now_cpu_us() >= look->deadline_cpu_us || ab_now_us() >= look->deadline_us);
}

/* List one directory; false when a bound was reached. */
static bool
look_directory(struct look *look, struct queue *queue, const char *dir, unsigned depth)
{
	_Alignas(struct record) char buf[32 * 1024];
	AB_AUTO_CLOSE int fd = openat(look->tree_fd, dir[0] == '\0' ? "." : dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	unsigned parts = 0;
	size_t queued = queue->count;

	look->listed++;
	if (fd < 0) {
		/* gone meanwhile; what cannot be read is a gap, and hides nothing beside it */
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			look->picture->complete = false;
		return true;
	}
	for (;;) {
		if (is_late(look))
			return false;
		long len = syscall(SYS_getdents64, fd, buf, sizeof(buf));
		if (len <= 0)
			break;
		const struct record *record;
		for (long at = 0; at < len; at += record->reclen) {
			record = (const struct record *)(const void *)(buf + at);
			if (look->entries_left-- == 0)
				return false;
			look_record(look, queue, dir, depth, record, &parts);
		}
	}
	if (parts == (1u << AB_GITREPO_PARTS) - 1 && dir[0] != '\0' && ab_gitrepo_is(look->tree_fd, dir)) {
		/* A repository without a work tree; its objects are not looked through. */
		while (queue->count > queued)
			free(queue->path[--queue->count]);
		ab_picturelook_repository(look, dir, 0);
	}
	return true;
}

static void
look_below(struct look *look)
{
	struct queue queue = { 0 };
	bool going = look_directory(look, &queue, "", 0);

	for (; going && queue.at < queue.count; queue.at++)
		going = look_directory(look, &queue, queue.path[queue.at], queue.depth[queue.at]);
	if (!going)
		look->picture->complete = false;
	for (size_t i = 0; i < queue.count; i++)
		free(queue.path[i]);
	free(queue.path);
	free(queue.depth);
}

/* ---- pictures ---- */

void
ab_picture_release(struct ab_picture *picture)
{
	for (size_t i = 0; i < picture->count; i++)
		free(picture->entry[i].path);
	free(picture->entry);
	*picture = (struct ab_picture){ 0 };
}

void
ab_picture_take(int tree_fd, const char *tree, char *const *unprotect, const struct ab_picture *before, int64_t time_us, struct ab_picture *picture)
{
	struct look look = {
		.tree_fd = tree_fd, .tree = tree, .unprotect = unprotect, .before = before, .picture = picture, .entries_left = ENTRIES_MAX,
		.modules_left = AB_PICTURELOOK_MODULES
	};

	*picture = (struct ab_picture){ .complete = true };
	look_top(&look);
	look.deep = true;
	look.deadline_us = time_us == AB_NEVER ? AB_NEVER : ab_now_us() + time_us * WAITING;
	look.deadline_cpu_us = ab_now_cpu_us() + (time_us == AB_NEVER ? 0 : time_us);
	look_below(&look);
	/* What was met twice (a submodule) counts as it was met first: qsort is not stable, so the shallow one is looked for. */
	if (picture->count > 0)
		qsort(picture->entry, picture->count, sizeof(*picture->entry), by_path);
	size_t kept = 0;
	for (size_t i = 0; i < picture->count; i++) {
		struct ab_picture_entry *last = kept == 0 ? NULL : &picture->entry[kept - 1];
		if (last != NULL && strcmp(last->path, picture->entry[i].path) == 0) {
			last->deep = last->deep && picture->entry[i].deep;
			free(picture->entry[i].path);
			continue;
		}
		picture->entry[kept++] = picture->entry[i];
	}
	picture->count = kept;
}
