/* /proc and /dev of the sandbox. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/op.h"
#include "sys/landlock.h"
#include "sys/mount.h"
#include "sys/view.h"

#define QUIET (AB_MOUNT_NOSUID | AB_MOUNT_NODEV | AB_MOUNT_NOEXEC)

const struct ab_kernelfs_cover ab_kernelfs_covers[] = {
	{ "/proc/sys", false, false },
	{ "/proc/sysrq-trigger", false, false },
	{ "/proc/irq", false, true },
	{ "/proc/bus", false, true },
	{ "/proc/fs", false, true },
	{ "/proc/acpi", false, true },
	{ "/proc/latency_stats", true, false },
	{ "/proc/keys", true, false },
	{ "/proc/kcore", true, true },
	{ "/proc/sched_debug", true, true },
	{ "/proc/vmcore", true, true },
	{ "/proc/timer_list", true, true },
	{ "/proc/kpagecount", true, true },
	{ "/proc/kpageflags", true, true },
	{ "/proc/kpagecgroup", true, true },
	{ "/proc/slabinfo", true, true },
	{ "/proc/vmallocinfo", true, true },
	{ "/proc/pagetypeinfo", true, true },
	{ "/proc/mtrr", true, true },
	{ "/proc/kmsg", true, true },
	{ NULL, false, false },
};

/* Lay a copy of itself over each that exists: a mount of its own, which becomes read-only below. */
static int
separate_all(int root_fd, bool root, struct ab_fault *fault)
{
	for (const struct ab_kernelfs_cover *cover = ab_kernelfs_covers; cover->path != NULL; cover++) {
		if (cover->masked || (cover->root && !root))
			continue;
		AB_AUTO_CLOSE int copy = ab_mount_copy_at(root_fd, cover->path + 1);
		if (copy < 0 && errno == ENOENT)
			continue;
		if (copy < 0 || ab_mount_attach_at(copy, root_fd, cover->path + 1) < 0)
			return ab_fault_at(fault, "cover \"%s\"", cover->path);
	}
	return 0;
}

/* Lay the file `mask` over each that exists. A copy that found no place serves for the next. */
static int
mask_all(int root_fd, bool root, const char *mask, struct ab_fault *fault)
{
	AB_AUTO_CLOSE int copy = -1;

	for (const struct ab_kernelfs_cover *cover = ab_kernelfs_covers; cover->path != NULL; cover++) {
		if (!cover->masked || (cover->root && !root))
			continue;
		if (copy < 0)
			copy = ab_mount_copy_at(root_fd, mask);
		if (copy < 0)
			return ab_fault_at(fault, "make masks");
		if (ab_mount_attach_at(copy, root_fd, cover->path + 1) == 0)
			ab_close_indirect(&copy);
		else if (errno != ENOENT)
			return ab_fault_at(fault, "mask \"%s\"", cover->path);
	}
	return 0;
}

/*
 * The outer /proc shows processes outside; /proc/PID/root of one that has our uid would lead out. Landlock
 * refuses that (it denies ptrace access out of the domain), a kuid of our own as well. Without either there
 * is no /proc.
 */
static int
outer_proc(int root_fd, const struct ab_plan *plan, struct ab_view_result *result, struct ab_fault *fault)
{
	if (plan->ident.mode != AB_IDENT_IDMAP && ab_landlock_abi() < 1)
		return 0;
	AB_AUTO_CLOSE int fd = ab_mount_open(AT_FDCWD, "/proc", AB_MOUNT_HOST);
	if (fd < 0)
		return errno == ENOENT ? 0 : ab_fault_at(fault, "open \"/proc\"");
	AB_AUTO_CLOSE int copy = ab_mount_copy(fd, QUIET | AB_MOUNT_RDONLY);
	if (copy < 0 || ab_mount_attach_at(copy, root_fd, "proc") < 0)
		return ab_fault_at(fault, "attach \"/proc\"");
	result->outer_proc = true;
	return 0;
}

int
ab_kernelfs_proc(int root_fd, const struct ab_plan *plan, const char *mask, struct ab_view_result *result,
    struct ab_fault *fault)
{
	bool root = plan->ident.kernel_uid == 0 || plan->ident.inside_uid == 0;

	if (mkdirat(root_fd, "proc", 0555) < 0)
		return ab_fault_at(fault, "make \"/proc\"");
	if (!plan->fresh_proc)
		return outer_proc(root_fd, plan, result, fault);
	AB_AUTO_CLOSE int proc = ab_mount_new("proc", NULL, QUIET);
	if (proc < 0 || ab_mount_attach_at(proc, root_fd, "proc") < 0)
		return ab_fault_at(fault, "mount \"/proc\"");
	if (separate_all(root_fd, root, fault) < 0 || mask_all(root_fd, root, mask, fault) < 0)
		return -1;
	if (ab_mount_restrict_below(proc) < 0)
		return ab_fault_at(fault, "make parts of \"/proc\" read-only");
	return 0;
}

struct node {
	const char *host, *inside; /* the same place */
	unsigned major, minor;	   /* Documentation/admin-guide/devices.txt */
	bool optional;
};

/* mknod(2) is refused in a user namespace: the host's nodes, when they are what their name says. Read-only
 * keeps their modes and times; writing to the device needs no writable mount. */
static int
attach_node(int root_fd, const struct node *node, struct ab_fault *fault)
{
	struct stat st;
	AB_AUTO_CLOSE int copy = ab_mount_copy_at(AT_FDCWD, node->host);

	if (copy < 0 || fstat(copy, &st) < 0)
		return node->optional ? 0 : ab_fault_at(fault, "open \"%s\"", node->host);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(node->major, node->minor)) {
		errno = ENODEV;
		return node->optional ? 0 : ab_fault_at(fault, "\"%s\" is another device", node->host);
	}
	if (ab_mount_restrict(copy, AB_MOUNT_NOSUID | AB_MOUNT_NOEXEC | AB_MOUNT_RDONLY, false) < 0 ||
	    mknodat(root_fd, node->inside, S_IFREG | 0666, 0) < 0 ||
	    ab_mount_attach_at(copy, root_fd, node->inside) < 0)
		return ab_fault_at(fault, "attach \"%s\"", node->host);
	return 0;
}

static int
attach_new(
    int root_fd, const char *type, const char *const *options, const char *inside, struct ab_fault *fault)
{
	uint32_t attributes = AB_MOUNT_NOSUID | AB_MOUNT_NOEXEC | (type[0] == 't' ? AB_MOUNT_NODEV : 0);
	AB_AUTO_CLOSE int fs =
	    mkdirat(root_fd, inside, 0755) < 0 ? -1 : ab_mount_new(type, options, attributes);

	if (fs < 0 || ab_mount_attach_at(fs, root_fd, inside) < 0)
		return ab_fault_at(fault, "mount \"/%s\"", inside);
	return 0;
}

int
ab_kernelfs_dev(int root_fd, const struct ab_plan *plan, struct ab_fault *fault)
{
	static const struct node nodes[] = {
		{ "/dev/null", "dev/null", 1, 3, false }, { "/dev/zero", "dev/zero", 1, 5, false },
		{ "/dev/full", "dev/full", 1, 7, true }, { "/dev/random", "dev/random", 1, 8, true },
		{ "/dev/urandom", "dev/urandom", 1, 9, false },
		{ "/dev/tty", "dev/tty", 5, 0,
		    true }, /* no terminal behind it: the command is in a session without one */
	};
	static const char *const links[][2] = { { "/proc/self/fd", "dev/fd" },
		{ "/proc/self/fd/0", "dev/stdin" }, { "/proc/self/fd/1", "dev/stdout" },
		{ "/proc/self/fd/2", "dev/stderr" }, { "pts/ptmx", "dev/ptmx" } };
	static const char *const pts_options[] = { "ptmxmode", "0666", "mode", "0620", NULL };
	char size[32] = "50%";
	const char *const shm_options[] = { "mode", "1777", "size", size, NULL };

	if (plan->limits.memory_bytes != AB_UNSET)
		snprintf(size, sizeof(size), "%lld", (long long)plan->limits.memory_bytes);
	if (mkdirat(root_fd, "dev", 0755) < 0)
		return ab_fault_at(fault, "make \"/dev\"");
	for (size_t i = 0; i < AB_COUNT_OF(nodes); i++)
		if (attach_node(root_fd, &nodes[i], fault) < 0)
			return -1;
	for (size_t i = 0; i < AB_COUNT_OF(links); i++)
		if (symlinkat(links[i][0], root_fd, links[i][1]) < 0)
			return ab_fault_at(fault, "link \"/%s\"", links[i][1]);
	if (attach_new(root_fd, "devpts", pts_options, "dev/pts", fault) < 0)
		return -1;
	return attach_new(root_fd, "tmpfs", shm_options, "dev/shm", fault);
}
