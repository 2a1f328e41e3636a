/*
 * What the kernel lets us do, by doing it: a child in a full set of namespaces builds a small root and leaves
 * it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "sys/cgroup.h"
#include "sys/idmap.h"
#include "sys/landlock.h"
#include "sys/mount.h"
#include "sys/probe.h"
#include "sys/seccomp.h"

#define SLAVE_DEEP ((1ul << 19) | (1ul << 14)) /* MS_SLAVE | MS_REC; <sys/mount.h> is shadowed by ours */
#define ALL_BUT_NET (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
/*
 * The kernel's fixed inode number of the first process namespace (include/linux/proc_ns.h): any other is a
 * container's.
 */
#define INIT_PID_NS 0xEFFFFFFCu

struct outcome {
	const char *failed_step; /* static text: the child is a copy of us */
	int failed_errno;
	bool fresh_proc, net;
};

static int
put(const char *path, const char *text)
{
	AB_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* One id of the caller's own, as the launcher does it; also for root, who has more rights than that. */
static int
map_self(uid_t uid, gid_t gid, const char **step)
{
	char text[64];

	*step = "write uid_map";
	snprintf(text, sizeof(text), "%u %u 1\n", uid, uid);
	if (put("/proc/self/uid_map", text) != 0)
		return -1;
	*step = "write gid_map";
	snprintf(text, sizeof(text), "%u %u 1\n", gid, gid);
	return put("/proc/self/setgroups", "deny") == 0 && put("/proc/self/gid_map", text) == 0 ? 0 : -1;
}

static bool
raise_loopback(void)
{
	AB_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static int
build_root(struct outcome *outcome, const char **step)
{
	*step = "make mounts private";
	if (syscall(SYS_mount, "none", "/", NULL, SLAVE_DEEP, NULL) != 0)
		return -1;
	*step = "copy a read-only view of \"/usr\"";
	AB_AUTO_CLOSE int usr = ab_mount_open(AT_FDCWD, "/usr", AB_MOUNT_HOST);
	AB_AUTO_CLOSE int copy =
	    usr < 0 ? -1 : ab_mount_copy(usr, AB_MOUNT_RDONLY | AB_MOUNT_NOSUID | AB_MOUNT_NODEV);
	if (copy < 0)
		return -1;
	*step = "mount a tmpfs";
	AB_AUTO_CLOSE int tmpfs = ab_mount_new("tmpfs", NULL, AB_MOUNT_NOSUID | AB_MOUNT_NODEV);
	if (tmpfs < 0 || ab_mount_attach(tmpfs, usr) != 0)
		return -1;
	*step = "attach \"/usr\"";
	if (mkdirat(tmpfs, "usr", 0755) != 0 || mkdirat(tmpfs, "proc", 0755) != 0 ||
	    ab_mount_attach_at(copy, tmpfs, "usr") != 0)
		return -1;
	AB_AUTO_CLOSE int proc = ab_mount_new("proc", NULL, AB_MOUNT_NOSUID | AB_MOUNT_NODEV | AB_MOUNT_NOEXEC);
	outcome->fresh_proc = proc >= 0 && ab_mount_attach_at(proc, tmpfs, "proc") == 0;
	*step = "change the root";
	return ab_mount_pivot(tmpfs);
}

static _Noreturn void
trial_child(int report, uid_t uid, gid_t gid, bool own_net)
{
	struct outcome outcome = { .failed_step = NULL };
	const char *step = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (map_self(uid, gid, &step) == 0 && (!own_net || (outcome.net = raise_loopback(), true)) &&
	    build_root(&outcome, &step) == 0)
		step = NULL;
	outcome.failed_errno = step == NULL ? 0 : errno;
	outcome.failed_step = step;
	_exit(write(report, &outcome, sizeof(outcome)) == (ssize_t)sizeof(outcome) ? 0 : 1);
}

static pid_t
clone_into(uint64_t flags, bool *clone3)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid >= 0)
		return pid;
	*clone3 = errno != ENOSYS;
	return errno == ENOSYS || errno == EPERM ? (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0) : -1;
}

static void
try_namespaces(struct ab_probe *probe, bool own_net)
{
	struct outcome outcome = { .failed_step = "start in namespaces of its own", .failed_errno = ECHILD };
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int report[2];

	if (pipe2(report, O_CLOEXEC) != 0)
		return;
	probe->clone3 = true;
	pid_t pid = clone_into(ALL_BUT_NET | (own_net ? CLONE_NEWNET : 0), &probe->clone3);
	if (pid == 0)
		trial_child(report[1], uid, gid, own_net);
	outcome.failed_errno = pid < 0 ? errno : ECHILD;
	close(report[1]);
	if (pid > 0) {
		struct outcome told;
		if (read(report[0], &told, sizeof(told)) == (ssize_t)sizeof(told))
			outcome = told;
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	close(report[0]);
	probe->namespaces = outcome.failed_step == NULL;
	probe->fresh_proc = probe->namespaces && outcome.fresh_proc;
	probe->net = probe->namespaces && outcome.net;
	probe->failed_errno = outcome.failed_errno;
	snprintf(probe->failed_step, sizeof(probe->failed_step), "%s",
	    outcome.failed_step == NULL ? "" : outcome.failed_step);
}

/*
 * Whether root may map ids of mounts at all: "/" itself need not take it (overlayfs), then the answer is
 * EINVAL.
 */
static bool
try_idmap(void)
{
	struct ab_ident ident = { .mode = AB_IDENT_IDMAP };
	AB_AUTO_CLOSE int userns = ab_idmap_userns(&ident);
	ab_idmap_reap();
	AB_AUTO_CLOSE int root = userns < 0 ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AB_AUTO_CLOSE int copy = root < 0 ? -1 : ab_mount_copy_mapped(root, 0, userns);

	return copy >= 0 || (root >= 0 && errno == EINVAL);
}

static bool
try_openat2(void)
{
	uint64_t how[3] = { O_PATH | O_CLOEXEC, 0, 0 }; /* struct open_how */
	AB_AUTO_CLOSE int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", how, sizeof(how));

	return fd >= 0;
}

static bool
try_pidfd(void)
{
	AB_AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	return fd >= 0;
}

void
ab_probe_try(struct ab_probe *probe)
{
	ab_promises enforced;
	struct stat st;

	*probe = (struct ab_probe){ .landlock_abi = ab_landlock_abi(), .seccomp = ab_seccomp_available() };
	try_namespaces(probe, true);
	if (!probe->namespaces) /* a kernel without network namespaces still gives the rest; --net host is all
				   it can do then */
		try_namespaces(probe, false);
	probe->openat2 = try_openat2();
	probe->pidfd = try_pidfd();
	probe->idmap = geteuid() == 0 && try_idmap();
	ab_cgroup_probe(&probe->cgroup_v2, &enforced);
	probe->cgroup_memory = (enforced & AB_PROMISE_BIT(AB_PROMISE_MEMORY)) != 0;
	probe->cgroup_pids = (enforced & AB_PROMISE_BIT(AB_PROMISE_PIDS)) != 0;
	probe->in_container = stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != INIT_PID_NS;
}
