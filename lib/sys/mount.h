/*
 * The mount calls that work on descriptors: open_tree(2), mount_setattr(2), fsopen(2), move_mount(2),
 * openat2(2), pivot_root(2).
 *
 * A mount is made detached, gets its attributes while nobody can see it, and is attached by descriptor, so
 * that no path is resolved twice and nothing is ever visible with the wrong attributes. Linux 5.12 has all of
 * them; before that level namespace is unavailable. Every function returns -1 with errno set on failure,
 * allocates nothing, and may be called between clone(2) and exec. (glibc before 2.36 has no wrappers, and its
 * <sys/mount.h> collides with <linux/mount.h>: raw system calls.)
 */
#ifndef AB_SYS_MOUNT_H
#define AB_SYS_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

/* Attributes, the kernel's MOUNT_ATTR_* (checked in mount.c). They are only ever added: what the source has,
 * stays. */
#define AB_MOUNT_RDONLY 0x1u
#define AB_MOUNT_NOSUID 0x2u
#define AB_MOUNT_NODEV 0x4u
#define AB_MOUNT_NOEXEC 0x8u

/* openat2(2), O_PATH | O_CLOEXEC. BENEATH: relative to dirfd, no link of either kind followed, nothing above
 * it reached. IN_ROOT: links are followed as if dirfd were "/"; LINK: all but the last, which is opened
 * itself. HOST: any path, but no magic link
 * (/proc/x/fd/y). */
enum ab_mount_resolve { AB_MOUNT_BENEATH, AB_MOUNT_IN_ROOT, AB_MOUNT_LINK, AB_MOUNT_HOST };
int ab_mount_open(int dirfd, const char *path, enum ab_mount_resolve how);

/* A detached copy of what is mounted at fd (O_PATH), with everything mounted below it. Private: nothing
 * propagates either way. */
int ab_mount_copy(int fd, uint32_t attributes);
/* As above, and ids mapped by userns_fd (MOUNT_ATTR_IDMAP; the mount itself, not those below it). */
int ab_mount_copy_mapped(int fd, uint32_t attributes, int userns_fd);
/* A detached copy of what is at path below dirfd (a link at its end is not followed), with the attributes it
 * has there: for what we made ourselves and restrict afterwards. */
int ab_mount_copy_at(int dirfd, const char *path);
/* Add attributes to a mount and, when deep, to all below it. */
int ab_mount_restrict(int mount_fd, uint32_t attributes, bool deep);
/* Read-only below the mount, not the mount itself. */
int ab_mount_restrict_below(int mount_fd);

/* A new, detached file system. options: name, value, name, value, …, NULL. */
int ab_mount_new(const char *type, const char *const *options, uint32_t attributes);

/* Attach a detached mount on target_fd (O_PATH), or on the path `name` below dirfd (a link at its end is not
 * followed). */
int ab_mount_attach(int mount_fd, int target_fd);
int ab_mount_attach_at(int mount_fd, int dirfd, const char *name);

/* Make the mount at root_fd, attached somewhere already, the root, and let go of the old one with all below
 * it. Ends in "/". */
int ab_mount_pivot(int root_fd);

#endif
