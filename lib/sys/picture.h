/*
 * A picture of a tree: the files in it that run later on somebody's behalf, each with what tells whether it is still the same.
 *
 * Three kinds count: files that run or say what runs (hooks, rc files, settings, what a git configuration names), git's
 * configurations (only the commands in them count), and the directories that are repositories. Nothing in the tree is run, and what
 * is named in it is read only as git would, bounded, and never waited for.
 *
 * The top is looked at whatever it takes: its repository with worktrees and submodules (1,024 in the whole tree, eight deep), and the
 * names of sys/protect.h. Below it directories are listed breadth first, four deep, 20,000 entries, and for a time, behind the first 32
 * of them. In one directory of hooks or settings 256 files count. Links are followed where git or a shell would follow them to what runs
 * (a directory of hooks, a configuration), never to look for more below.
 */
#ifndef AB_SYS_PICTURE_H
#define AB_SYS_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum ab_picture_kind {
	AB_PICTURE_FILE,       /* runs, or says what runs; a link too */
	AB_PICTURE_CONFIG,     /* of git: counts by the commands in it */
	AB_PICTURE_REPOSITORY, /* a directory: counts by its identity */
};

struct ab_picture_entry {
	char *path; /* relative to the tree, normalised */
	enum ab_picture_kind kind;
	bool deep; /* found below the top: within the bounds, not for sure */
	uint64_t dev, ino, size;
	uint64_t commands; /* of a CONFIG (ab_gitrepo_commands); of a link, a number for the file that it leads to, 0: none */
	uint32_t mode;
	struct statx_timestamp changed, born; /* statx(2): ctime, btime */
};

struct ab_picture {
	struct ab_picture_entry *entry; /* by path, each once */
	size_t count, room;
	bool complete; /* no bound was met: below the top, among modules, among hooks or settings; and all could be read */
};

/*
 * Look at the tree beneath tree_fd; tree: its canonical path. unprotect: relative paths that do not count with all below them, but for
 * git's configurations; NULL-ended, or NULL. before: an earlier picture of the tree, to save reading the configurations that have not
 * changed since, or NULL. time_us: for what is below the top, of this thread's own time and ten times as much by the clock;
 * AB_NEVER: no bound in time. The caller releases the picture.
 */
void ab_picture_take(int tree_fd, const char *tree, char *const *unprotect, const struct ab_picture *before, int64_t time_us, struct ab_picture *picture);

/* The entry at a path, the picture's own; NULL when there is none. */
const struct ab_picture_entry *ab_picture_find(const struct ab_picture *picture, const char *path);

/* Whether both are one file that nobody has written or replaced between: device, inode, mode, size, ctime. */
bool ab_picture_same(const struct ab_picture_entry *a, const struct ab_picture_entry *b);

/* All in it is freed; an empty picture (zeroes) is left. */
void ab_picture_release(struct ab_picture *picture);

#endif
