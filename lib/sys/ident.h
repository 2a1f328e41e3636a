/*
 * Who the command is: the number it sees, the number the kernel sees, and a name.
 *
 * An ordinary caller keeps its number. Root becomes 1000 inside (0 when --user root asks), because files of others cannot be
 * unpacked by a lone uid 0, and because a process of host root's kernel uid may write /proc/sys whatever namespace it is in. So the
 * kernel uid, in this order: (1) the tree belongs to somebody else: that one; (2) the tree is root's and its file system takes an
 * idmapped mount (mount_setattr(2)): a private one that nobody owns; (3) root's, without capabilities: missing `kuid`.
 */
#ifndef AB_SYS_IDENT_H
#define AB_SYS_IDENT_H

#include "sys/probe.h"

/* Kernel ids of idmapped mounts: AB_IDENT_BASE + the id on disk; above the ranges that systemd hands to containers. */
#define AB_IDENT_BASE 0x70000000u
#define AB_IDENT_SPAN 0x0ffd0000u

/*
 * Fill plan->ident; call it when plan->level and the tree are known. plan->missing gets `kuid` or loses nothing; it gets `owners`
 * when the first 256 entries of the tree belong to more owners than can be carried over. tree_fd: O_PATH is enough; borrowed.
 */
int ab_ident_choose(struct ab_plan *plan, int tree_fd, const struct ab_probe *probe, bool inside_root, struct ab_error *err) AB_MUST_USE;

/*
 * A user namespace that turns the disk ids of ident into its kernel ids, for MOUNT_ATTR_IDMAP; the caller closes the descriptor.
 * Needs root. -1 and errno.
 */
int ab_ident_userns(const struct ab_ident *ident) AB_MUST_USE;

/*
 * Login name and primary group of a uid from a file in the form of /etc/passwd (passwd(5)), read directly: NSS costs more than
 * the rest of the start. false when there is none; then name is "user". gid may be NULL.
 */
bool ab_ident_lookup(const char *passwd, uid_t uid, char name[static 64], gid_t *gid);

#endif
