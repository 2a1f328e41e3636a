/* How much a directory holds. */
#include "sys/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/mem.h"

#define DEPTH_MAX 1000
#define KEPT 64 /* levels whose descriptors stay open */

struct level {
	DIR *dir; /* NULL: closed, at `offset` */
	long offset;
	dev_t dev;
	ino_t ino;
};

struct file_id {
	dev_t dev;
	ino_t ino; /* 0: empty slot */
};

struct ab_usage {
	struct ab_usage_total total;
	struct level *level;
	size_t depth;
	dev_t dev;
	struct file_id *seen; /* files with several names: open addressing, a power of two */
	size_t seen_count, seen_room;
};

/* ---- files with several names ---- */

static size_t
slot_of(const struct file_id *table, size_t room, dev_t dev, ino_t ino)
{
	uint64_t hash = ((uint64_t)ino ^ (uint64_t)dev << 32) * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (size_t)(hash >> 20) & (room - 1);

	while (table[at].ino != 0 && (table[at].ino != ino || table[at].dev != dev))
		at = (at + 1) & (room - 1);
	return at;
}

static void
grow(struct ab_usage *usage)
{
	size_t room = usage->seen_room == 0 ? 256 : usage->seen_room * 2;
	struct file_id *table = ab_calloc(room, sizeof(*table));

	for (size_t i = 0; i < usage->seen_room; i++)
		if (usage->seen[i].ino != 0)
			table[slot_of(table, room, usage->seen[i].dev, usage->seen[i].ino)] = usage->seen[i];
	free(usage->seen);
	usage->seen = table;
	usage->seen_room = room;
}

/* Whether the file was met before; remembers it. */
static bool
met(struct ab_usage *usage, const struct stat *st)
{
	if (usage->seen_count * 2 >= usage->seen_room)
		grow(usage);
	size_t at = slot_of(usage->seen, usage->seen_room, st->st_dev, st->st_ino);
	if (usage->seen[at].ino != 0)
		return true;
	usage->seen[at] = (struct file_id){ .dev = st->st_dev, .ino = st->st_ino };
	usage->seen_count++;
	return false;
}

/* ---- levels ---- */

static bool
push(struct ab_usage *usage, int fd, const struct stat *st)
{
	DIR *dir = usage->depth < DEPTH_MAX ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		close(fd);
		return false;
	}
	if (usage->depth >= KEPT) {
		struct level *old = &usage->level[usage->depth - KEPT];
		if (old->dir != NULL) {
			old->offset = telldir(old->dir);
			closedir(old->dir);
		}
		old->dir = NULL;
	}
	usage->level[usage->depth++] = (struct level){ .dir = dir, .dev = st->st_dev, .ino = st->st_ino };
	return true;
}

/* The directory above is opened anew when it had been closed, and must be the one that it was. */
static void
pop(struct ab_usage *usage)
{
	struct level *level = &usage->level[--usage->depth], *upper = level - 1;
	struct stat st;

	if (usage->depth > 0 && upper->dir == NULL) {
		AB_AUTO_CLOSE int fd = openat(dirfd(level->dir), "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == upper->dev && st.st_ino == upper->ino)
			upper->dir = fdopendir(fd);
		if (upper->dir != NULL) {
			ab_steal_fd(&fd);
			seekdir(upper->dir, upper->offset);
		}
	}
	closedir(level->dir);
	/* Moved meanwhile: what is above cannot be counted to its end. */
	while (usage->depth > 0 && usage->level[usage->depth - 1].dir == NULL) {
		usage->depth--;
		usage->total.unreadable++;
	}
}

static void
enter(struct ab_usage *usage, const char *name)
{
	struct stat st;
	int fd = openat(dirfd(usage->level[usage->depth - 1].dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_dev != usage->dev) {
		usage->total.unreadable += fd < 0;
		ab_close_indirect(&fd);
		return;
	}
	if (!push(usage, fd, &st))
		usage->total.unreadable++;
}

static void
count(struct ab_usage *usage, const char *name)
{
	struct stat st;

	if (fstatat(dirfd(usage->level[usage->depth - 1].dir), name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return; /* gone meanwhile */
	bool directory = S_ISDIR(st.st_mode);
	if (!directory && st.st_nlink > 1 && met(usage, &st))
		return;
	if (directory && st.st_dev != usage->dev)
		return;
	usage->total.directories += directory;
	usage->total.files += !directory;
	usage->total.bytes += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	usage->total.allocated_bytes += (uint64_t)st.st_blocks * 512;
	if (directory)
		enter(usage, name);
}

struct ab_usage *
ab_usage_open(int dirfd, struct ab_error *err)
{
	struct stat st;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0) {
		ab_fail_errno(err, errno, "read the directory");
		ab_close_indirect(&fd);
		return NULL;
	}
	struct ab_usage *usage = ab_calloc(1, sizeof(*usage));
	usage->level = ab_calloc(DEPTH_MAX, sizeof(*usage->level));
	usage->dev = st.st_dev;
	usage->total.allocated_bytes = (uint64_t)st.st_blocks * 512;
	if (push(usage, fd, &st))
		return usage;
	ab_fail_errno(err, errno, "read the directory");
	ab_usage_close(usage);
	return NULL;
}

bool
ab_usage_step(struct ab_usage *usage, unsigned entries)
{
	while (usage->depth > 0 && entries-- > 0) {
		const struct dirent *entry = readdir(usage->level[usage->depth - 1].dir);
		if (entry == NULL)
			pop(usage);
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			count(usage, entry->d_name);
	}
	return usage->depth > 0;
}

const struct ab_usage_total *
ab_usage_total(const struct ab_usage *usage)
{
	return &usage->total;
}

void
ab_usage_close(struct ab_usage *usage)
{
	if (usage == NULL)
		return;
	for (size_t i = 0; i < usage->depth; i++)
		if (usage->level[i].dir != NULL)
			closedir(usage->level[i].dir);
	free(usage->level);
	free(usage->seen);
	free(usage);
}
