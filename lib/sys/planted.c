/* What runs later, before and after a run: two pictures, and what differs (ab_protect_before, ab_protect_planted of sys/protect.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/time.h"
#include "sys/gitconfig.h"
#include "sys/gitrepo.h"
#include "sys/path.h"
#include "sys/protect.h"

#define DEPTH_MAX 4
#define ENTRIES_MAX 20000
#define BEFORE_US 300	/* of a run that takes about 2,000; some eighty directories */
#define AFTER_US 400	/* enough for what the first look saw, and a little growth */
#define AFTER_CUT_US 120 /* when the first look was cut off, and the run was short */
#define SURE 32		/* directories that are listed whatever the time */
#define WAITING 10	/* the time of ours alone counts, and ten times as much with what others and the disk take */
#define AFTER_SHARE 20	/* and always a twentieth of the time that the run took */
#define FILES_MAX 256	 /* in one directory of hooks or settings */
#define MODULES_MAX 1024
#define MODULES_DEEP 8
#define GITMODULES_MAX (256 * 1024)

enum kind {
	FILE_THAT_RUNS,
	CONFIG,	    /* counts by the commands in it */
	REPOSITORY, /* a directory: counts by its identity */
};

struct entry {
	char *path;
	enum kind kind;
	bool deep; /* found by the bounded scan */
	uint64_t dev, ino, size;
	uint64_t commands; /* of a CONFIG; or what a link leads to */
	uint32_t mode;
	struct statx_timestamp changed, born;
};

struct picture {
	struct entry *entry;
	size_t count, room;
	bool complete;
};

struct ab_protect {
	char *tree;
	char **unprotect;
	struct picture before;
	bool unhurried, deep;
	int64_t started_us;
	struct timespec started; /* coarse, as the kernel stamps files */
};

/* One look at the tree. */
struct look {
	int tree_fd;
	const char *tree;
	char *const *unprotect;
	const struct picture *before; /* to save reading what has not changed; NULL: the first look */
	struct picture *picture;
	int64_t deadline_us, deadline_cpu_us;
	size_t entries_left, modules_left, listed;
	bool deep;
};

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static const struct entry *
find(const struct picture *picture, const char *path)
{
	const struct entry key = { .path = (char *)(uintptr_t)path };

	return picture->count == 0 ? NULL : bsearch(&key, picture->entry, picture->count, sizeof(key), by_path);
}

static bool
same(const struct entry *a, const struct entry *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->mode == b->mode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
	    a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool
is_unprotected(const struct look *look, const char *path)
{
	for (char *const *at = look->unprotect; at != NULL && *at != NULL; at++) {
		const char *rel = strncmp(*at, "./", 2) == 0 ? *at + 2 : *at;
		size_t len = strlen(rel);
		while (len > 0 && rel[len - 1] == '/')
			len--;
		if (len > 0 && strncmp(path, rel, len) == 0 && (path[len] == '\0' || path[len] == '/'))
			return true;
	}
	return false;
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

/* Its type, 0 when it is not there. A thing of another type than what runs (a directory named .bashrc) is not taken. */
static uint32_t
add(struct look *look, const char *path, enum kind kind)
{
	struct statx stx;
	struct entry entry = { .kind = kind, .deep = look->deep };

	if (statx(look->tree_fd, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &stx) != 0)
		return 0;
	if ((kind == REPOSITORY) != S_ISDIR(stx.stx_mode) || (kind != CONFIG && is_unprotected(look, path)))
		return stx.stx_mode & S_IFMT;
	entry.dev = (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
	entry.ino = stx.stx_ino;
	entry.size = stx.stx_size;
	entry.mode = stx.stx_mode;
	entry.changed = stx.stx_ctime;
	entry.born = stx.stx_btime;
	if (kind == FILE_THAT_RUNS && S_ISLNK(stx.stx_mode))
		entry.commands = led_to(look, path);
	if (kind == CONFIG) {
		const struct entry *old = look->before == NULL || S_ISLNK(stx.stx_mode) ? NULL : find(look->before, path);
		entry.commands = old != NULL && same(old, &entry) ? old->commands : ab_gitrepo_commands(look->tree_fd, path);
	}
	struct picture *picture = look->picture;
	if (picture->count == picture->room) {
		picture->room = picture->room == 0 ? 64 : picture->room * 2;
		picture->entry = ab_reallocarray(picture->entry, picture->room, sizeof(*picture->entry));
	}
	entry.path = ab_strdup(path);
	picture->entry[picture->count++] = entry;
	return stx.stx_mode & S_IFMT;
}

static uint32_t
add_joined(struct look *look, const char *dir, const char *name, enum kind kind)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] == '\0' ? "" : "/", name);

	return len < 0 || (size_t)len >= sizeof(path) ? 0 : add(look, path, kind);
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

/* Open a directory in the tree to list it; links that stay inside are followed, as who runs what is in it would. */
static DIR *
list(const struct look *look, const char *path)
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
	DIR *dir = list(look, path);
	unsigned left = FILES_MAX;

	if (dir == NULL)
		return;
	for (struct dirent *entry; left > 0 && (entry = readdir(dir)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || is_sample(entry->d_name))
			continue;
		left--;
		add_joined(look, path, entry->d_name, FILE_THAT_RUNS);
	}
	closedir(dir);
	if (left == 0)
		look->picture->complete = false;
}

/* A file, or a directory and the files in it; the name of a link counts too. */
static void
add_either(struct look *look, const char *dir, const char *name)
{
	uint32_t type = add_joined(look, dir, name, FILE_THAT_RUNS);

	if (type != S_IFDIR && type != S_IFLNK)
		return;
	AB_AUTO_FREE char *path = ab_asprintf("%s%s%s", dir, dir[0] == '\0' ? "" : "/", name);
	add_files(look, path);
}

/* ---- repositories ---- */

static void look_modules(struct look *look, const char *dir, unsigned deep);

static void
add_reference(void *data, const char *path)
{
	struct look *look = data;

	add_either(look, "", path);
}

static void
look_worktrees(struct look *look, const char *dir)
{
	AB_AUTO_FREE char *path = ab_asprintf("%s%sworktrees", dir, dir[0] == '\0' ? "" : "/");
	DIR *stream = list(look, path);

	if (stream == NULL)
		return;
	for (struct dirent *entry; look->modules_left > 0 && (entry = readdir(stream)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		look->modules_left--;
		AB_AUTO_FREE char *one = ab_asprintf("%s/%s", path, entry->d_name);
		add_joined(look, one, "commondir", FILE_THAT_RUNS);
		add_joined(look, one, "gitdir", FILE_THAT_RUNS);
		add_joined(look, one, "config.worktree", CONFIG);
		add_joined(look, one, "rebase-merge/git-rebase-todo", FILE_THAT_RUNS);
	}
	closedir(stream);
}

/* The parts of a repository that run; dir is its gitdir, "" when that is the tree. */
static void
look_repository(struct look *look, const char *dir, unsigned deep)
{
	if (dir[0] != '\0')
		add(look, dir, REPOSITORY);
	add_joined(look, dir, "config", CONFIG);
	add_joined(look, dir, "config.worktree", CONFIG);
	add_joined(look, dir, "commondir", FILE_THAT_RUNS);
	add_joined(look, dir, "info/attributes", FILE_THAT_RUNS);
	add_joined(look, dir, "rebase-merge/git-rebase-todo", FILE_THAT_RUNS); /* its `exec` lines, at `git rebase --continue` */
	add_either(look, dir, "hooks");
	look_worktrees(look, dir);
	AB_AUTO_FREE char *modules = ab_asprintf("%s%smodules", dir, dir[0] == '\0' ? "" : "/");
	if (deep < MODULES_DEEP)
		look_modules(look, modules, deep + 1);
}

/* Submodules' repositories; their names may hold '/'. */
static void
look_modules(struct look *look, const char *dir, unsigned deep)
{
	DIR *stream = list(look, dir);

	if (stream == NULL)
		return;
	for (struct dirent *entry; look->modules_left > 0 && (entry = readdir(stream)) != NULL;) {
		if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		look->modules_left--;
		AB_AUTO_FREE char *path = ab_asprintf("%s/%s", dir, entry->d_name);
		if (ab_gitrepo_is(look->tree_fd, path))
			look_repository(look, path, deep);
		else if (deep < MODULES_DEEP)
			look_modules(look, path, deep + 1);
		else
			look->picture->complete = false;
	}
	closedir(stream);
	if (look->modules_left == 0)
		look->picture->complete = false;
}

/* A `.git` that is a file: where it points to, when that is in the tree. */
static void
look_pointer(struct look *look, const char *dir, const char *git)
{
	AB_AUTO_FREE char *pointer = ab_gitrepo_pointer(look->tree_fd, git, "gitdir: ");
	AB_AUTO_FREE char *path = NULL;
	struct ab_error ignored = AB_ERROR_INIT;

	if (pointer == NULL)
		return;
	path = pointer[0] == '/' || dir[0] == '\0' ? ab_strdup(pointer) : ab_asprintf("%s/%s", dir, pointer);
	AB_AUTO_CLOSE int fd = openat(look->tree_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AB_AUTO_FREE char *real = fd < 0 ? NULL : ab_path_canonical(fd, &ignored);
	if (real != NULL && ab_path_below(real, look->tree) && strcmp(real, look->tree) != 0)
		look_repository(look, real + strlen(look->tree) + 1, 1);
	else if (real != NULL && dir[0] == '\0')
		ab_gitrepo_outside(look->tree_fd, look->tree, real, add_reference, look);
}

/* What the directory's `.git`, if it has one, makes of it. */
static void
look_git(struct look *look, const char *dir)
{
	AB_AUTO_FREE char *git = ab_asprintf("%s%s.git", dir, dir[0] == '\0' ? "" : "/");
	struct stat st;

	if (fstatat(look->tree_fd, git, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (!S_ISDIR(st.st_mode))
		add(look, git, FILE_THAT_RUNS);
	if (S_ISREG(st.st_mode))
		look_pointer(look, dir, git);
	else if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		look_repository(look, git, 0);
}

static int
each_submodule(void *data, const char *key, const char *value)
{
	struct look *look = data;
	struct ab_error ignored = AB_ERROR_INIT;
	size_t len = strlen(key);

	if (strncmp(key, "submodule.", 10) != 0 || len < 5 || strcmp(key + len - 5, ".path") != 0)
		return 0;
	if (look->modules_left == 0)
		return 1;
	look->modules_left--;
	if (ab_path_check_name(value, &ignored) == 0)
		look_git(look, value);
	return 0;
}

static void
look_submodules(struct look *look)
{
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(GITMODULES_MAX);
	bool big;

	if (faccessat(look->tree_fd, ".gitmodules", R_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (ab_gitrepo_read(look->tree_fd, ".gitmodules", &text, &big))
		ab_gitconfig_each(text.data, text.len, each_submodule, look);
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
				add_either(look, dir, *at);
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
				add_either(look, "", *at);
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
	look_git(look, "");
	ab_gitrepo_references(look->tree_fd, look->tree, ".git/config", add_reference, look);
	ab_gitrepo_references(look->tree_fd, look->tree, ".git/config.worktree", add_reference, look);
	if (ab_gitrepo_is(look->tree_fd, ".")) {
		look_repository(look, "", 0);
		ab_gitrepo_references(look->tree_fd, look->tree, "config", add_reference, look);
	}
	look_names(look);
	look_submodules(look);
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
	queue->path[queue->count] = dir[0] == '\0' ? ab_strdup(name) : ab_asprintf("%s/%s", dir, name);
	queue->depth[queue->count++] = (unsigned char)depth;
}

static bool
is_dir(const struct look *look, const char *dir, const struct record *record)
{
	char path[PATH_MAX];
	struct stat st;

	if (record->type != DT_UNKNOWN)
		return record->type == DT_DIR;
	int len = snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] == '\0' ? "" : "/", record->name);
	return len > 0 && (size_t)len < sizeof(path) && fstatat(look->tree_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* One name in a directory below the top. parts: which of HEAD, objects, refs have been met. */
static void
look_record(struct look *look, struct queue *queue, const char *dir, unsigned depth, const struct record *record, unsigned *parts)
{
	static const char *const part[] = { "HEAD", "objects", "refs" };
	const char *name = record->name;

	if (name[0] == '.') {
		if (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))
			return;
		if (strcmp(name, ".git") == 0) {
			if (dir[0] != '\0')
				look_git(look, dir);
			return;
		}
		if (dir[0] != '\0')
			look_name(look, dir, name);
	}
	for (unsigned i = 0; i < AB_COUNT_OF(part); i++)
		if (strcmp(name, part[i]) == 0)
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
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP; /* gone meanwhile; what cannot be read is a gap */
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
	if (parts == 7 && dir[0] != '\0' && ab_gitrepo_is(look->tree_fd, dir)) {
		/* A repository without a work tree; its objects are not looked through. */
		while (queue->count > queued)
			free(queue->path[--queue->count]);
		look_repository(look, dir, 0);
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

static void
picture_release(struct picture *picture)
{
	for (size_t i = 0; i < picture->count; i++)
		free(picture->entry[i].path);
	free(picture->entry);
	*picture = (struct picture){ 0 };
}

static void
take(const struct ab_protect *protect, int tree_fd, const struct picture *before, int64_t time_us, struct picture *picture)
{
	struct look look = {
		.tree_fd = tree_fd, .tree = protect->tree, .unprotect = protect->unprotect, .before = before, .picture = picture,
		.entries_left = ENTRIES_MAX, .modules_left = MODULES_MAX
	};

	*picture = (struct picture){ .complete = true };
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
		struct entry *last = kept == 0 ? NULL : &picture->entry[kept - 1];
		if (last != NULL && strcmp(last->path, picture->entry[i].path) == 0) {
			last->deep = last->deep && picture->entry[i].deep;
			free(picture->entry[i].path);
			continue;
		}
		picture->entry[kept++] = picture->entry[i];
	}
	picture->count = kept;
}

static struct ab_protect *
before(int tree_fd, const char *tree, char *const *unprotect, bool unhurried, bool *deep)
{
	struct ab_protect *protect = ab_calloc(1, sizeof(*protect));
	size_t count = 0;

	protect->tree = ab_strdup(tree);
	for (; unprotect != NULL && *unprotect != NULL; unprotect++)
		ab_strv_push(&protect->unprotect, &count, *unprotect);
	protect->unhurried = unhurried;
	take(protect, tree_fd, NULL, unhurried ? AB_NEVER : BEFORE_US, &protect->before);
	protect->deep = protect->before.complete;
	protect->started_us = ab_now_us();
	clock_gettime(CLOCK_REALTIME_COARSE, &protect->started);
	*deep = protect->deep;
	return protect;
}

struct ab_protect *
ab_protect_before(int tree_fd, const char *tree, char *const *unprotect, bool *deep)
{
	return before(tree_fd, tree, unprotect, false, deep);
}

struct ab_protect *
ab_protect_before_deep(int tree_fd, const char *tree, char *const *unprotect, bool *deep)
{
	return before(tree_fd, tree, unprotect, true, deep);
}

const char *
ab_protect_nested(const struct ab_protect *protect, size_t number)
{
	for (size_t i = 0; i < protect->before.count; i++) {
		const struct entry *entry = &protect->before.entry[i];
		bool top = strcmp(entry->path, ".git") == 0 || strncmp(entry->path, ".git/", 5) == 0;
		if (entry->kind == REPOSITORY && !top && number-- == 0)
			return entry->path;
	}
	return NULL;
}

bool
ab_protect_deep(const struct ab_protect *protect)
{
	return protect->deep;
}

static bool
since(const struct ab_protect *protect, const struct statx_timestamp *stamp)
{
	return stamp->tv_sec > protect->started.tv_sec ||
	    (stamp->tv_sec == protect->started.tv_sec && (long)stamp->tv_nsec >= protect->started.tv_nsec);
}

static bool
is_planted(const struct ab_protect *protect, const struct entry *now)
{
	const struct entry *was = find(&protect->before, now->path);

	if (was == NULL && now->deep && !protect->before.complete &&
	    !since(protect, now->kind == REPOSITORY ? &now->born : &now->changed))
		return false; /* it may have been there, unseen */
	if (now->kind == CONFIG)
		return now->commands != 0 && (was == NULL || was->commands != now->commands);
	if (was == NULL || was->kind != now->kind)
		return true;
	if (now->kind == REPOSITORY)
		return was->dev != now->dev || was->ino != now->ino;
	return !same(was, now) || was->commands != now->commands;
}

char **
ab_protect_planted(struct ab_protect *protect, int tree_fd)
{
	int64_t time_us = (ab_now_us() - protect->started_us) / AFTER_SHARE, least_us = protect->before.complete ? AFTER_US : AFTER_CUT_US;
	char **planted = ab_calloc(1, sizeof(*planted));
	struct picture now;
	size_t count = 0;

	time_us = protect->unhurried ? AB_NEVER : time_us > least_us ? time_us : least_us;
	take(protect, tree_fd, &protect->before, time_us, &now);
	for (size_t i = 0; i < now.count; i++)
		if (is_planted(protect, &now.entry[i]))
			ab_strv_push(&planted, &count, now.entry[i].path);
	protect->deep = protect->before.complete && now.complete;
	picture_release(&now);
	return planted;
}

void
ab_protect_free(struct ab_protect *protect)
{
	if (protect == NULL)
		return;
	picture_release(&protect->before);
	ab_strv_free(protect->unprotect);
	free(protect->tree);
	free(protect);
}
