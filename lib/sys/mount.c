/* The mount calls that work on descriptors. */
#include "sys/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/mem.h"

#ifndef MNT_DETACH
#define MNT_DETACH 2 /* <sys/mount.h>, which cannot be had beside <linux/mount.h> */
#endif

_Static_assert(AB_MOUNT_RDONLY == MOUNT_ATTR_RDONLY && AB_MOUNT_NOSUID == MOUNT_ATTR_NOSUID &&
		   AB_MOUNT_NODEV == MOUNT_ATTR_NODEV && AB_MOUNT_NOEXEC == MOUNT_ATTR_NOEXEC,
    "attributes are the kernel's");

int
ab_mount_open(int dirfd, const char *path, enum ab_mount_resolve how)
{
	struct open_how open_how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };

	if (how == AB_MOUNT_BENEATH)
		open_how.resolve |= RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	else if (how == AB_MOUNT_IN_ROOT || how == AB_MOUNT_LINK)
		open_how.resolve |= RESOLVE_IN_ROOT;
	if (how == AB_MOUNT_LINK)
		open_how.flags |= O_NOFOLLOW;
	/* EAGAIN: a rename somewhere made ".." doubtful while it was resolved (openat2(2)). */
	for (int tries = 0;; tries++) {
		int fd = (int)syscall(SYS_openat2, dirfd, path, &open_how, sizeof(open_how));
		if (fd >= 0 || errno != EAGAIN || tries == 100)
			return fd;
	}
}

static int
set_attributes(int mount_fd, uint32_t attributes, int userns_fd, bool deep)
{
	struct mount_attr attr = { .attr_set = attributes, .propagation = MS_PRIVATE };
	unsigned flags = deep ? AT_EMPTY_PATH | AT_RECURSIVE : AT_EMPTY_PATH;

	if (userns_fd >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (unsigned)userns_fd;
	}
	return (int)syscall(SYS_mount_setattr, mount_fd, "", flags, &attr, sizeof(attr));
}

int
ab_mount_copy_mapped(int fd, uint32_t attributes, int userns_fd)
{
	AB_AUTO_CLOSE int copy = (int)syscall(
	    SYS_open_tree, fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (copy < 0)
		return -1;
	if (userns_fd >= 0 && set_attributes(copy, 0, userns_fd, false) < 0)
		return -1;
	if (set_attributes(copy, attributes, -1, true) < 0)
		return -1;
	return ab_steal_fd(&copy);
}

int
ab_mount_copy(int fd, uint32_t attributes)
{
	return ab_mount_copy_mapped(fd, attributes, -1);
}

int
ab_mount_copy_at(int dirfd, const char *path)
{
	return (int)syscall(
	    SYS_open_tree, dirfd, path, AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

int
ab_mount_restrict_below(int mount_fd)
{
	struct mount_attr top = { .attr_clr = MOUNT_ATTR_RDONLY };

	if (set_attributes(mount_fd, AB_MOUNT_RDONLY, -1, true) < 0)
		return -1;
	return (int)syscall(SYS_mount_setattr, mount_fd, "", AT_EMPTY_PATH, &top, sizeof(top));
}

int
ab_mount_restrict(int mount_fd, uint32_t attributes, bool deep)
{
	return set_attributes(mount_fd, attributes, -1, deep);
}

int
ab_mount_new(const char *type, const char *const *options, uint32_t attributes)
{
	AB_AUTO_CLOSE int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);

	if (context < 0)
		return -1;
	for (; options != NULL && options[0] != NULL; options += 2)
		if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[0], options[1], 0) < 0)
			return -1;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
}

int
ab_mount_attach(int mount_fd, int target_fd)
{
	return (int)syscall(
	    SYS_move_mount, mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int
ab_mount_attach_at(int mount_fd, int dirfd, const char *name)
{
	return (int)syscall(SYS_move_mount, mount_fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH);
}

int
ab_mount_pivot(int root_fd)
{
	/* pivot_root(".", ".") stacks the old root on the new one, where umount2(".") finds it:
	 * pivot_root(2), NOTES. */
	if (fchdir(root_fd) < 0)
		return -1;
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return -1;
	if (syscall(SYS_umount2, ".", MNT_DETACH) < 0)
		return -1;
	return chdir("/");
}
