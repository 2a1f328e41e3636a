/*
 * User namespaces that turn the owners on disk into kernel ids of our own: what an idmapped mount is made with (mount_setattr(2),
 * MOUNT_ATTR_IDMAP; user_namespaces(7)). Needs root.
 */
#ifndef AB_SYS_IDMAP_H
#define AB_SYS_IDMAP_H

#include "sys/plan.h"

/*
 * Kernel ids of idmapped mounts: AB_IDMAP_BASE + the id on disk; between the ranges that systemd hands to
 * containers and those that it calls foreign (systemd's UIDS-GIDS.md).
 */
#define AB_IDMAP_BASE 0x70000000u
#define AB_IDMAP_SPAN 0x0ffd0000u

/*
 * A user namespace for MOUNT_ATTR_IDMAP that turns disk ids into kernel ids; the caller closes the
 * descriptor. Mode IDMAP: all of them, AB_IDMAP_BASE above (so that no owner in the depth of the tree is left
 * out); other modes: the pairs that ident lists. Needs root. -1 and errno.
 */
int ab_idmap_userns(const struct ab_ident *ident) AB_MUST_USE;
/* Wait for the process that held that namespace: killed by then, and gone at no cost when something else was done meanwhile. To be
 * called after each ab_idmap_userns(), which calls it for the one before. */
void ab_idmap_reap(void);

#endif
