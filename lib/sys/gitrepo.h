/*
 * What a launcher must know about a git repository: which of its files make git run something later, and where they are.
 *
 * gitrepository-layout(5), git-config(1), githooks(5), git-worktree(1). git itself is never run. Everything is read bounded, and beneath
 * the descriptor that is given; only a configuration file is followed wherever a link leads, because git does that too.
 */
#ifndef AB_SYS_GITREPO_H
#define AB_SYS_GITREPO_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"

/*
 * Whether a variable of a configuration file makes git run a program, or read another configuration (which may): key as
 * ab_gitconfig_each gives it. `true` and `false` (core.fsmonitor) run nothing. A key so long that it was cut counts as one.
 */
bool ab_gitrepo_runs(const char *key, const char *value);

/*
 * The text of the configuration file rel beneath dirfd, without a byte order mark, which git passes over; text->max bounds it. False
 * when there is none or it is no regular file: a command may have left a FIFO or a device there, on which open(2) or read(2) would
 * never end. *big (also false): it is longer than that.
 */
bool ab_gitrepo_read(int dirfd, const char *rel, struct ab_buf *text, bool *big);

/* A number that stands for all variables of that kind in the file rel beneath dirfd; 0 when there are none, or no such file. A file
 * that is too big to be read (1 MiB) counts as one that has some. */
uint64_t ab_gitrepo_commands(int dirfd, const char *rel);

/*
 * Call each(data, path) for every path in the tree that the configuration at rel (relative to tree_fd) makes git run or read:
 * the directory core.hooksPath, include.path, and the program of a command (or an interpreter's script). path is relative to the tree,
 * normalised, and exists without a link in it. Included files in the tree are followed, three deep. tree: the canonical path of
 * the tree. At most 64 calls.
 */
void ab_gitrepo_references(int tree_fd, const char *tree, const char *rel, void (*each)(void *data, const char *path), void *data);

/* The same for a repository outside the tree, whose worktree or submodule the tree is: gitdir is absolute, the paths that its
 * configuration names start from the tree. */
void ab_gitrepo_outside(int tree_fd, const char *tree, const char *gitdir, void (*each)(void *data, const char *path), void *data);

/* The path in a `.git` file ("gitdir: PATH") or, when prefix is "", in a file of one line (commondir, gitdir); NULL when it is none.
 * The caller frees. */
char *ab_gitrepo_pointer(int dirfd, const char *rel, const char *prefix);

/* The canonical path of the directory that such a file names, a relative one from where the file lies, wherever it is; NULL when it is
 * none. The caller frees. */
char *ab_gitrepo_pointed(int dirfd, const char *rel, const char *prefix);

#define AB_GITREPO_PARTS 3
extern const char *const ab_gitrepo_part[AB_GITREPO_PARTS]; /* HEAD, objects, refs */

/* Whether the directory rel beneath dirfd is what git takes for a repository: it has those parts. */
bool ab_gitrepo_is(int dirfd, const char *rel);

#endif
