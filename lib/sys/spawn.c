/* From a plan to a running command: the parent's side. */
#include "sys/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/io.h"
#include "sys/launch.h"
#include "sys/netgate.h"
#include "sys/proctree.h"
#include "sys/sandbox.h"
#include "sys/view.h"

/* The memory where the kernel put argv and the environment: one block. glibc hands both to constructors, as
 * to main. */
static char *words, *words_end;

__attribute__((constructor)) static void
remember_words(int argc, char **argv, char **envp)
{
#ifdef __GLIBC__
	if (argc <= 0)
		return;
	words = argv[0];
	words_end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	for (; envp != NULL && *envp != NULL; envp++)
		if (*envp == words_end)
			words_end += strlen(*envp) + 1;
#else
	(void)argc, (void)argv, (void)envp;
#endif
}

/* Init processes that are ours and not reaped: at the levels without namespaces every other stranger among
 * our children is an orphan of one that was killed. */
static pid_t *live;
static size_t live_count, live_room;

static void
register_live(pid_t pid)
{
	if (live_count == live_room) {
		live_room = live_room == 0 ? 16 : live_room * 2;
		live = ab_reallocarray(live, live_room, sizeof(*live));
	}
	live[live_count++] = pid;
}

static void
forget_live(pid_t pid)
{
	for (size_t i = 0; i < live_count; i++)
		if (live[i] == pid) {
			live[i] = live[--live_count];
			return;
		}
}

/* The child's descriptors take the places 0, 1 and 2 later: none of ours may stand there. */
static int
make_pipe(int *ours, int *theirs, bool we_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*ours = ab_above_stdio(fds[we_write ? 1 : 0]);
	*theirs = ab_above_stdio(fds[we_write ? 0 : 1]);
	if (*ours < 0 || *theirs < 0)
		return -1;
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int
make_pipes(const struct ab_plan *plan, const struct ab_spawn_io *io, struct ab_child *child, int stdio[3])
{
	if (io->inherit)
		return 0;
	if (io->stdin_pipe && make_pipe(&child->stdin_fd, &stdio[0], true) < 0)
		return -1;
	if (make_pipe(&child->stdout_fd, &stdio[1], false) < 0)
		return -1;
	if (!plan->merge)
		return make_pipe(&child->stderr_fd, &stdio[2], false);
	stdio[2] = fcntl(stdio[1], F_DUPFD_CLOEXEC, 3);
	return stdio[2] < 0 ? -1 : 0;
}

static int
make_channel(int *ours, int *theirs)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -1;
	*ours = ab_above_stdio(fds[0]);
	*theirs = ab_above_stdio(fds[1]);
	return *ours < 0 || *theirs < 0 ? -1 : 0;
}

static uint64_t
namespaces_of(const struct ab_plan *plan)
{
	if (plan->level != AB_LEVEL_NAMESPACE)
		return 0;
	return CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
	       (plan->net.mode == AB_NET_HOST ? 0u : CLONE_NEWNET);
}

/* Linux before 5.3, or a filter that refuses clone3 (Docker's): the older call, and no handler of ours runs
 * in the child. */
static pid_t
clone_by_flags(uint64_t flags, int *pidfd)
{
	sigset_t all, old;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = (pid_t)syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, 0);
	int saved = errno;
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return pid;
}

static pid_t
clone_init(uint64_t flags, int cgroup_fd, int *pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

	if (cgroup_fd > 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)cgroup_fd;
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0 && cgroup_fd <= 0 && (errno == ENOSYS || errno == EPERM))
		pid = clone_by_flags(flags, pidfd);
	return pid;
}

/* The kernel's reasons for not making a sandbox. doctor knows the remedy for each host. */
static int
clone_failed(const struct ab_plan *plan, int errno_value, struct ab_error *err)
{
	if (errno_value == ENOSPC || errno_value == EUSERS) {
		ab_fail(err, AB_E_UNAVAILABLE, "make the sandbox: too many namespaces on this host: %s",
		    strerror(errno_value));
		ab_error_hint(err, "raise /proc/sys/user/max_*_namespaces, or run fewer at once");
		return -1;
	}
	if (errno_value == EAGAIN || errno_value == ENOMEM) {
		ab_fail(err, AB_E_UNAVAILABLE, "make the sandbox: no more processes or memory: %s",
		    strerror(errno_value));
		ab_error_hint(err, "see ulimit -u, pids.max of the cgroup, and free memory");
		return -1;
	}
	if (plan->level != AB_LEVEL_NAMESPACE)
		return ab_fail_errno(err, errno_value, "make the guard process");
	ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "make namespaces: %s", strerror(errno_value));
	ab_error_hint(err, "ab-exec doctor");
	return -1;
}

static bool
prepares_sources(const struct ab_plan *plan)
{
	return plan->level == AB_LEVEL_NAMESPACE &&
	       (plan->ident.mode == AB_IDENT_SETID || plan->ident.mode == AB_IDENT_IDMAP);
}

/* Between clone and the moment when init may go on. */
static int
settle(const struct ab_plan *plan, const struct ab_spawn_io *io, struct ab_child *child, struct ab_error *err)
{
	struct ab_request go = { .kind = AB_REQUEST_GO };

	if (prepares_sources(plan) && ab_sandbox_map_child(child->pid, &plan->ident, err) < 0)
		return -1;
	if (io->created != NULL)
		io->created(io->data, child->pid);
	if (send(child->channel, &go, sizeof(go), MSG_NOSIGNAL) < 0)
		return ab_fail_errno(err, errno, "let the sandbox begin");
	return 0;
}

static void
close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ab_close_indirect(&fds[i]);
}

/* With everything open: clone. In the child this does not return. */
static int
launch_init(
    struct ab_launch *launch, const struct ab_spawn_io *io, struct ab_child *child, struct ab_error *err)
{
	const struct ab_plan *plan = launch->plan;

	launch->wait = prepares_sources(plan) || io->created != NULL;
	launch->words = words;
	launch->words_end = words_end;
	if (plan->level != AB_LEVEL_NAMESPACE && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return ab_fail_errno(err, errno, "become the reaper of orphans");
	child->pid = clone_init(namespaces_of(plan), io->cgroup_fd, &child->pidfd);
	if (child->pid == 0)
		ab_init_run(launch);
	if (child->pid < 0)
		return clone_failed(plan, errno, err);
	child->reaped = false;
	register_live(child->pid);
	if (launch->wait && settle(plan, io, child, err) < 0)
		return -1;
	return 0;
}

int
ab_spawn(
    const struct ab_plan *plan, const struct ab_spawn_io *io, struct ab_child *child, struct ab_error *err)
{
	struct ab_launch launch = {
		.plan = plan, .channel = -1, .stdio = { -1, -1, -1 }, .inherit = io->inherit
	};
	struct ab_bwrap_start bwrap = { .status_fd = -1 };
	AB_AUTO_FREE int *source = NULL;
	ab_promises missing = 0;
	int status = 0;

	assert(!io->inherit || !ab_level_has_wall(plan->level));
	*child = (struct ab_child){ .pidfd = -1,
		.pid = -1,
		.channel = -1,
		.stdin_fd = -1,
		.stdout_fd = -1,
		.stderr_fd = -1,
		.level = plan->level,
		.reaped = true };
	if (make_channel(&child->channel, &launch.channel) < 0 ||
	    make_pipes(plan, io, child, launch.stdio) < 0)
		status = ab_fail_errno(err, errno, "make pipes for the command");
	if (status == 0 && prepares_sources(plan)) {
		source = ab_calloc(plan->view_count + 1, sizeof(*source));
		status = ab_view_prepare(plan, source, &missing, err);
		launch.source = source;
		launch.missing = missing;
	}
	if (status == 0 && plan->level == AB_LEVEL_BWRAP) {
		status = ab_bwrap_prepare(plan, &bwrap, err);
		launch.bwrap = &bwrap;
		launch.missing = bwrap.missing;
	}
	if (status == 0)
		status = launch_init(&launch, io, child, err);
	if (source != NULL)
		ab_view_prepare_undo(plan, source);
	ab_bwrap_release(&bwrap);
	close_all(launch.stdio, 3);
	ab_close_indirect(&launch.channel);
	if (status < 0)
		ab_child_close(child);
	return status;
}

/* The descriptors that came along; those that do not fit are closed. */
static void
take_fds(struct msghdr *header, int *fds, unsigned *fd_count)
{
	unsigned room = *fd_count, taken = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL; cmsg = CMSG_NXTHDR(header, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (fds != NULL && taken < room)
				fds[taken++] = fd;
			else
				close(fd);
		}
	}
	*fd_count = taken;
}

int
ab_child_receive(struct ab_child *child, struct ab_msg *msg, int *fds, unsigned *fd_count)
{
	struct iovec part = { msg, sizeof(*msg) };
	union {
		char bytes[CMSG_SPACE(sizeof(int) * AB_NETGATE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct msghdr header = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control) };
	unsigned none = 0;
	ssize_t n;

	do
		n = recvmsg(child->channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (fd_count != NULL)
			*fd_count = 0;
		return errno == EAGAIN ? 0 : -1;
	}
	take_fds(&header, fds, fd_count != NULL ? fd_count : &none);
	if (n != sizeof(*msg))
		return -1;
	msg->step[sizeof(msg->step) - 1] = '\0';
	return 1;
}

void
ab_child_signal(struct ab_child *child, int signo, enum ab_child_scope scope)
{
	struct ab_request request = {
		.kind = scope == AB_SIGNAL_GROUP ? AB_REQUEST_SIGNAL_GROUP : AB_REQUEST_SIGNAL_ALL,
		.signo = signo,
	};

	if (child->channel >= 0)
		(void)send(child->channel, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Below this init; or left behind by one that was killed: a child of ours in a session that is not ours (init
 * began one, and what descends from it cannot come back) and no init. */
static bool
is_stray(const struct ab_process *process, void *data)
{
	const struct ab_child *child = data;

	if (process->ppid == child->pid && !child->reaped)
		return true;
	if (process->ppid != getpid() || process->sid == getsid(0))
		return false;
	for (size_t i = 0; i < live_count; i++)
		if (live[i] == process->pid)
			return false;
	return true;
}

/* waitid(2) as the kernel has it: with the usage, which glibc's leaves out. */
static bool
wait_for_init(struct ab_child *child, int options)
{
	siginfo_t info = { .si_pid = 0 };
	struct rusage usage;

	while (syscall(SYS_waitid, P_PID, child->pid, &info, WEXITED | options, &usage) < 0) {
		if (errno == EINTR)
			continue;
		memset(&usage, 0, sizeof(usage)); /* ECHILD: somebody else reaped it */
		info.si_pid = child->pid;
		break;
	}
	if (info.si_pid == 0)
		return false;
	child->reaped = true;
	forget_live(child->pid);
	child->user_us = (uint64_t)usage.ru_utime.tv_sec * 1000000u + (uint64_t)usage.ru_utime.tv_usec;
	child->sys_us = (uint64_t)usage.ru_stime.tv_sec * 1000000u + (uint64_t)usage.ru_stime.tv_usec;
	child->max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024u;
	return true;
}

bool
ab_child_reap(struct ab_child *child)
{
	return child->reaped || wait_for_init(child, WNOHANG);
}

static void
kill_init(const struct ab_child *child)
{
	if (child->pidfd < 0 || syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0) < 0)
		(void)kill(child->pid, SIGKILL); /* not reaped: the number is still its own */
}

void
ab_child_kill(struct ab_child *child)
{
	bool namespaces = child->level == AB_LEVEL_NAMESPACE;

	if (child->pid <= 0)
		return;
	if (!namespaces)
		(void)ab_proctree_kill(is_stray, child, NULL);
	if (child->reaped)
		return;
	kill_init(child);
	/* In a pid namespace init is dead only when everything in it is. */
	(void)wait_for_init(child, 0);
	if (!namespaces)
		(void)ab_proctree_kill(is_stray, child, NULL);
}

void
ab_child_close(struct ab_child *child)
{
	if (!ab_child_reap(child))
		ab_child_kill(child);
	ab_close_indirect(&child->pidfd);
	ab_close_indirect(&child->channel);
	ab_close_indirect(&child->stdin_fd);
	ab_close_indirect(&child->stdout_fd);
	ab_close_indirect(&child->stderr_fd);
}
