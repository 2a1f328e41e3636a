/*
 * Who the command is: the number it sees, the number the kernel sees, and a name.
 *
 * An ordinary caller keeps its number. Root becomes 1000 inside (0 when --user root asks), because files of
 * others cannot be unpacked by a lone uid 0, and because a process of host root's kernel uid may write
 * /proc/sys whatever namespace it is in. So the kernel uid, in this order: (1) the tree belongs to somebody
 * else: that one; (2) the tree is root's and its file system takes an idmapped mount (mount_setattr(2)): a
 * private one that nobody owns; (3) root's, without capabilities: missing `kuid`.
 */
#ifndef AB_SYS_IDENT_H
#define AB_SYS_IDENT_H

#include "sys/probe.h"

/*
 * Fill plan->ident; call it when plan->level and the tree are known (after ab_probe_choose: at level landlock
 * there are no idmapped mounts, and the number inside is the kernel's). Adds to plan->missing what follows
 * from it: `kuid`, `pids` (RLIMIT_NPROC does not count uid 0), and `owners` when one of the first 256 entries
 * of the tree has an owner whose files come out of reach of what root could do with them. Check --require
 * after it (ab_promise_require). tree_fd: O_PATH is enough; borrowed.
 */
int ab_ident_choose(struct ab_plan *plan, int tree_fd, const struct ab_probe *probe, bool inside_root,
    struct ab_error *err) AB_MUST_USE;

/*
 * Login name and primary group of a uid from a file in the form of /etc/passwd (passwd(5)), read directly:
 * NSS costs more than the rest of the start. false when there is none; then name is "user". gid may be NULL.
 */
bool ab_ident_lookup(const char *passwd, uid_t uid, char name[static 64], gid_t *gid);

#endif
