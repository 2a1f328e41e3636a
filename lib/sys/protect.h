/*
 * Own trees: what would run later on the owner's behalf is read-only inside, and what cannot be locked is watched.
 *
 * Guaranteed for the top repository (`.git` pinned as a mount; hooks, config, config.worktree, modules/x/{hooks,config},
 * info/attributes locked, and what its configuration runs or reads in the tree) and for `.envrc .vscode .idea .mcp.json`; locked
 * when they are found and detected (reported as `planted`) for nested and new repositories. The scan for nested ones is bounded: depth 4, 20,000 entries, and a time,
 * because a command that takes a millisecond cannot wait for a tree of 30,000 directories; the bound reached is missing
 * protect.deep. The top repository, its submodules (.gitmodules), and the rc files at the top are outside of the bounds.
 *
 * Within the bounds a picture from before the run is compared with one from after it. Beyond them the second picture still counts
 * whatever changed (ctime, birth time) since the first: a command that ran long pays for a deeper look (a twentieth of its time), one
 * that was short does not, and nobody is told that it was complete when it was not.
 */
#ifndef AB_SYS_PROTECT_H
#define AB_SYS_PROTECT_H

#include "sys/plan.h"

struct ab_protect; /* opaque: the picture taken before the run */

/* Add PIN and LOCK entries for the tree to the plan (and BINDs for a worktree's gitdir outside, when its own gitdir file points back).
 * unprotect: relative paths left writable with all below them, NULL-ended, or NULL. O(1) in the size of the tree. Every directory
 * above a locked path is pinned: a locked one that could be renamed away would protect nothing.
 * before: the picture (NULL: none); the nested repositories that it found, the first 16, are locked as well. */
int ab_protect_plan(struct ab_plan *plan, int tree_fd, char *const *unprotect, const struct ab_protect *before, struct ab_error *err) AB_MUST_USE;

/* Take the picture: path -> (dev, ino, type, mode, size, ctime) of the files that run later. *deep is false when the bound was
 * reached. tree: its canonical path. unprotect as above: not reported, but for commands in a git configuration. The caller frees. */
struct ab_protect *ab_protect_before(int tree_fd, const char *tree, char *const *unprotect, bool *deep);
/* As above without the bound in time: for a caller that requires protect.deep. */
struct ab_protect *ab_protect_before_deep(int tree_fd, const char *tree, char *const *unprotect, bool *deep);
/* Compare with now: relative paths that are new, changed or replaced, sorted, NULL-ended; the caller frees (ab_strv_free). A git
 * configuration is reported only when the commands in it changed. */
char **ab_protect_planted(struct ab_protect *before, int tree_fd);
/* The gitdirs of nested repositories in the picture, relative paths; NULL when number is past the last one. */
const char *ab_protect_nested(const struct ab_protect *before, size_t number);
/* Whether both looks were complete; after ab_protect_planted(). */
bool ab_protect_deep(const struct ab_protect *before);
void ab_protect_free(struct ab_protect *before);

/* Names of files and directories at the top of a tree that run later: locked always, and (rc files of shells, editors, debuggers)
 * watched, in a home directory locked. Both NULL-ended. A directory's name stands for the files in it. */
extern const char *const ab_protect_locked_names[];
extern const char *const ab_protect_watched_names[];

/* Whether rel, relative to the tree, is one of unprotect (as above) or lies below one. */
bool ab_protect_exempts(char *const *unprotect, const char *rel);

#endif
