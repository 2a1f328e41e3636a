/*
 * Landlock: what a process and its descendants may still do with files, sockets and signals. landlock(7),
 * Documentation/userspace-api/landlock.rst.
 *
 * Two uses. In the final view (level namespace, after pivot_root) it is the second wall: the mounts decide
 * already, and a mount that were wrong would still not be writable. On the host's own view (level landlock)
 * it is the only wall: what the plan's view names can be read and executed, what it calls writable can be
 * written, nothing else can be opened.
 *
 * What it cannot do, whatever the version: chmod, chown, utime and extended attributes outside (promise
 * `metadata`), a path denied below one that is allowed (PIN and LOCK are left to detection; MASK is kept by
 * allowing the siblings one by one).
 */
#ifndef AB_SYS_LANDLOCK_H
#define AB_SYS_LANDLOCK_H

#include "sys/plan.h"

/* Versions of the interface that decide something here. */
#define AB_LANDLOCK_ABI_TRUNCATE 3 /* Linux 6.2 */
#define AB_LANDLOCK_ABI_SCOPE 6	   /* Linux 6.12: abstract unix sockets and signals */
#define AB_LANDLOCK_ABI_UNIX 9	   /* Linux 7.1: unix sockets that have a path */

/* The version that the kernel speaks; 0 when it has none or it is switched off. One system call. */
int ab_landlock_abi(void);

/*
 * Confine the calling process; no_new_privs is set already (or it has CAP_SYS_ADMIN).
 *
 * tree_fd: the tree, opened O_PATH in the view that counts, or -1 (then it is opened by its path).
 * final_view: see above. Returns 0. At level namespace a kernel without Landlock is no error: *missing gets
 * `landlock`. -1: errno says why and *step (static) what was being done; ESTALE means that a source is not
 * the one that was judged (dev, ino).
 */
int ab_landlock_apply(const struct ab_plan *plan, int tree_fd, bool final_view, ab_promises *missing,
    const char **step) AB_MUST_USE;

#endif
