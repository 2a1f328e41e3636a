/* What a process gives up: ids, capabilities, limits, descriptors. */
#include "sys/sandbox.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "core/op.h"
#include "core/text.h"

#define BEHIND 64 /* processes by which RLIMIT_NPROC stands behind a cgroup, which tells what it refuses */

int
ab_fault_at(struct ab_fault *fault, const char *fmt, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(fault->step, sizeof(fault->step), fmt, args);
	va_end(args);
	if (len >= (int)sizeof(fault->step)) /* cut between characters */
		fault->step[ab_utf8_prefix(fault->step, sizeof(fault->step) - 1)] = '\0';
	errno = saved;
	return -1;
}

/* One write(2): the kernel takes a map only whole. */
static int
write_file(const char *path, const char *text)
{
	AB_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);

	if (fd < 0)
		return -1;
	ssize_t n = write(fd, text, len);
	if (n >= 0 && (size_t)n != len)
		errno = EIO;
	return n == (ssize_t)len ? 0 : -1;
}

int
ab_sandbox_map_self(const struct ab_ident *ident, struct ab_fault *fault)
{
	char text[64];

	snprintf(text, sizeof(text), "%u %u 1\n", ident->inside_uid, ident->kernel_uid);
	if (write_file("/proc/self/uid_map", text) < 0)
		return ab_fault_at(fault, "write uid_map");
	/* A process that could change its groups could shake off one that a file's mode denies:
	 * user_namespaces(7). */
	if (write_file("/proc/self/setgroups", "deny") < 0)
		return ab_fault_at(fault, "deny setgroups");
	snprintf(text, sizeof(text), "%u %u 1\n", ident->inside_gid, ident->kernel_gid);
	if (write_file("/proc/self/gid_map", text) < 0)
		return ab_fault_at(fault, "write gid_map");
	return 0;
}

struct pair {
	uint32_t disk, kernel;
};

/* "inside kernel 1" for the command's own id, and "disk kernel 1" for the tree's other owners but root, so
 * that files show theirs. */
static void
print_map(
    char *text, size_t size, uint32_t inside, uint32_t kernel, const struct pair *others, unsigned count)
{
	size_t len = (size_t)snprintf(text, size, "%u %u 1\n", inside, kernel);

	for (unsigned i = 0; i < count; i++) {
		if (others[i].kernel == kernel || others[i].disk == inside || others[i].disk == 0)
			continue;
		len +=
		    (size_t)snprintf(text + len, size - len, "%u %u 1\n", others[i].disk, others[i].kernel);
		assert(len < size);
	}
}

static int
map_child(pid_t pid, const char *file, const char *text, struct ab_error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return write_file(path, text) < 0 ? ab_fail_errno(err, errno, "write %s of the sandbox", file) : 0;
}

int
ab_sandbox_map_child(pid_t pid, const struct ab_ident *ident, struct ab_error *err)
{
	char text[(AB_IDENT_MAX + 1) * 40];
	struct pair uids[AB_IDENT_MAX] = { { 0, 0 } }, gids[AB_IDENT_MAX] = { { 0, 0 } };
	bool others = ident->mode == AB_IDENT_IDMAP;

	for (unsigned i = 0; others && i < ident->uid_count; i++)
		uids[i] = (struct pair){ ident->uid[i].disk, ident->uid[i].kernel };
	for (unsigned i = 0; others && i < ident->gid_count; i++)
		gids[i] = (struct pair){ ident->gid[i].disk, ident->gid[i].kernel };
	print_map(
	    text, sizeof(text), ident->inside_uid, ident->kernel_uid, uids, others ? ident->uid_count : 0);
	if (map_child(pid, "uid_map", text, err) < 0)
		return -1;
	print_map(
	    text, sizeof(text), ident->inside_gid, ident->kernel_gid, gids, others ? ident->gid_count : 0);
	return map_child(pid, "gid_map", text, err);
}

int
ab_sandbox_become(uid_t uid, gid_t gid, struct ab_fault *fault)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0)
		return ab_fault_at(fault, "drop groups");
	if (syscall(SYS_setresgid, gid, gid, gid) < 0)
		return ab_fault_at(fault, "become group %u", gid);
	if (syscall(SYS_setresuid, uid, uid, uid) < 0)
		return ab_fault_at(fault, "become user %u", uid);
	return 0;
}

int
ab_sandbox_drop_capabilities(struct ab_fault *fault)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0, 0, 0 }, { 0, 0, 0 } };

	/* Until the kernel knows no more (EINVAL), or one has not the right to (EPERM: not from the start,
	 * then). */
	for (unsigned long capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
			if (errno == EINVAL || (errno == EPERM && capability == 0))
				break;
			return ab_fault_at(fault, "drop capability %lu", capability);
		}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return ab_fault_at(fault, "clear ambient capabilities");
	if (syscall(SYS_capset, &header, none) < 0)
		return ab_fault_at(fault, "drop capabilities");
	return 0;
}

static int
limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit old, new;

	if (getrlimit(resource, &old) < 0)
		return -1;
	new.rlim_max = value < old.rlim_max ? value : old.rlim_max;
	new.rlim_cur = new.rlim_max < old.rlim_cur ? new.rlim_max : old.rlim_cur;
	return setrlimit(resource, &new);
}

int
ab_sandbox_limit(const struct ab_plan *plan, struct ab_fault *fault)
{
	const struct ab_limits *limits = &plan->limits;

	/* 0 keeps the kernel from writing a file, but not from starting the host's handler when core_pattern
	   is a pipe; 1 does both (core(5); no file is smaller than a page). */
	if (limit(RLIMIT_CORE, 1) < 0)
		return ab_fault_at(fault, "limit core dumps");
	if (limits->file_size_bytes != AB_UNSET && limit(RLIMIT_FSIZE, (rlim_t)limits->file_size_bytes) < 0)
		return ab_fault_at(fault, "limit the size of files");
	/* Counted for the user namespace: without one it would count what else the user runs. Init is one of
	 * them. */
	if (limits->pids != AB_UNSET && plan->level == AB_LEVEL_NAMESPACE && plan->ident.kernel_uid != 0 &&
	    limit(RLIMIT_NPROC, (rlim_t)limits->pids + (plan->count_pids ? BEHIND : 1)) < 0)
		return ab_fault_at(fault, "limit processes");
	return 0;
}

/* Linux before 5.9, or a filter that does not know close_range(2). */
static void
close_from_listing(const int *keep, size_t count)
{
	DIR *dir = opendir("/proc/self/fd");

	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		bool kept = entry->d_name[0] == '.' || fd == dirfd(dir);
		for (size_t i = 0; i < count && !kept; i++)
			kept = keep[i] == fd;
		if (!kept)
			close(fd);
	}
	closedir(dir);
}

void
ab_sandbox_close_all_but(const int *keep, size_t count)
{
	/* From one kept descriptor to the next above it. */
	for (unsigned from = 0;;) {
		unsigned next = UINT_MAX;
		for (size_t i = 0; i < count; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from &&
		    syscall(SYS_close_range, from, next == UINT_MAX ? UINT_MAX : next - 1, 0) < 0) {
			close_from_listing(keep, count);
			return;
		}
		if (next == UINT_MAX)
			return;
		from = next + 1;
	}
}
