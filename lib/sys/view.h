/*
 * The view: from the plan's entries to the root directory of the sandbox. Level namespace.
 *
 * The new root is an empty tmpfs. It gets /proc and /dev, then the plan's entries in their order, and becomes
 * read-only before it becomes the root. Everything is attached by descriptor; a target is looked up without
 * following links, and is made only where nothing of the host would see it (sys/plan.h).
 */
#ifndef AB_SYS_VIEW_H
#define AB_SYS_VIEW_H

#include "sys/launch.h"

struct ab_view_result {
	int tree_fd;	 /* O_PATH of the tree in the final view, or -1 */
	bool outer_proc; /* /proc is the outer one, read-only: bearable only with Landlock, or as a kuid that
			    nobody else has */
	ab_promises missing;
};

/*
 * In the parent, as root (SETID and IDMAP): a detached mount for each BIND, since the command's uid may not
 * reach the sources, and mapping ids needs privilege. source[i] is set for each entry: -1 where there is
 * nothing to prepare; the caller closes them. 0, or -1 with everything closed.
 */
int ab_view_prepare(
    const struct ab_plan *plan, int *source, ab_promises *missing, struct ab_error *err) AB_MUST_USE;
void ab_view_prepare_undo(const struct ab_plan *plan, int *source);

/* In init: build it and move in. 0, or -1 with errno and fault. */
int ab_view_enter(
    const struct ab_launch *launch, struct ab_view_result *result, struct ab_fault *fault) AB_MUST_USE;

/*
 * What of /proc is guarded by uid and not by capability: a process of kuid 0 may write and read these whatever namespace it
 * is in, and uid 0 inside the settings of its own namespaces. For everybody else their modes say no; what stays is a second
 * lock on the door. For kernelfs.c and bwrap.c; a NULL path ends them. Which of them there are depends on the kernel.
 */
struct ab_kernelfs_cover {
	const char *path;
	bool masked; /* empty; else read-only */
	bool root;   /* only for uid 0 is more to be feared than the modes allow */
};
extern const struct ab_kernelfs_cover ab_kernelfs_covers[];

/*
 * For view.c alone (kernelfs.c): /proc and /dev in the directory root_fd, which is attached. mask: the path
 * below it of an empty file to lay over what must not be read.
 */
int ab_kernelfs_proc(int root_fd, const struct ab_plan *plan, const char *mask, struct ab_view_result *result,
    struct ab_fault *fault) AB_MUST_USE;
int ab_kernelfs_dev(int root_fd, const struct ab_plan *plan, struct ab_fault *fault) AB_MUST_USE;

#endif
