/*
 * What a process gives up: ids, capabilities, limits. The view is sys/view's, Landlock and the filter have
 * rooms of their own.
 *
 * All of it runs between clone(2) and execve(2): errno and a step, no allocation.
 */
#ifndef AB_SYS_SANDBOX_H
#define AB_SYS_SANDBOX_H

#include "sys/launch.h"

/* The uid_map and gid_map of a new user namespace (user_namespaces(7)). By the child itself: one id,
 * setgroups denied (SELF, ROOT). */
int ab_sandbox_map_self(const struct ab_ident *ident, struct ab_fault *fault) AB_MUST_USE;
/* By the parent, as root: the command's id, and the other owners of the tree under their own numbers (SETID,
 * IDMAP). */
int ab_sandbox_map_child(pid_t pid, const struct ab_ident *ident, struct ab_error *err) AB_MUST_USE;

/* Become uid and gid, without supplementary groups. (Raw system calls: glibc's would look for threads.) */
int ab_sandbox_become(uid_t uid, gid_t gid, struct ab_fault *fault) AB_MUST_USE;

/* Bounding, ambient, inheritable, permitted and effective set, all empty. Without CAP_SETPCAP the bounding
 * set stays: it cannot give anything to a process that has no_new_privs. */
int ab_sandbox_drop_capabilities(struct ab_fault *fault) AB_MUST_USE;

/* No core dumps, the size of files, and (where the kernel counts for this user namespace: a kuid other than
 * 0) processes. Never raised above the caller's hard limit. */
int ab_sandbox_limit(const struct ab_plan *plan, struct ab_fault *fault) AB_MUST_USE;

/* Close every descriptor but the `count` in keep (any order). */
void ab_sandbox_close_all_but(const int *keep, size_t count);

#endif
