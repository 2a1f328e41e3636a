/*
 * Own trees: what would run later on the owner's behalf is read-only inside, and what cannot be locked is watched.
 *
 * Guaranteed for the top repository (`.git` pinned as a mount; hooks, config, config.worktree, modules/x/{hooks,config},
 * info/attributes locked) and for `.envrc .vscode .idea .mcp.json`; detected (reported as `planted`) for nested and new
 * repositories. The scan for nested ones is bounded: depth 4, 20,000 entries; the bound reached is missing protect.deep.
 */
#ifndef AB_SYS_PROTECT_H
#define AB_SYS_PROTECT_H

#include "sys/plan.h"

struct ab_protect; /* opaque: the picture taken before the run */

/* Add PIN and LOCK entries for the tree to the plan (and BINDs for a worktree's gitdir outside, when its own gitdir file points back).
 * unprotect: relative paths left writable, NULL-ended, or NULL. O(1) in the size of the tree. */
int ab_protect_plan(struct ab_plan *plan, int tree_fd, char *const *unprotect, struct ab_error *err) AB_MUST_USE;
/* Take the picture: path -> (dev, ino, type, mode, size, ctime) of the files that run later. *deep is false when the bound was
 * reached. The caller frees. */
struct ab_protect *ab_protect_before(int tree_fd, const char *tree, char *const *unprotect, bool *deep);
/* Compare with now: relative paths that are new, changed or replaced, sorted, NULL-ended; the caller frees (ab_strv_free). */
char **ab_protect_planted(struct ab_protect *before, int tree_fd);
void ab_protect_free(struct ab_protect *before);

#endif
