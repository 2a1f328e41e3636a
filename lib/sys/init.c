/*
 * Init: the first process of a sandbox. Applies it, starts the command, reaps, answers, ends what is left.
 *
 * A copy of the parent made by clone(2) that never executes anything: signals blocked, no descriptor but its
 * channel, memory that others could read wiped or not dumpable.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/op.h"
#include "core/time.h"
#include "sys/command.h"
#include "sys/netgate.h"
#include "sys/proctree.h"
#include "sys/sandbox.h"
#include "sys/view.h"

#define SAMPLE_MS 50

struct init {
	const struct ab_launch *launch;
	const struct ab_plan *plan;
	bool namespaces;
	int channel, signal_fd;
	int proc_fd; /* for samples; or -1 */
	int bwrap_fd; /* level bwrap: what it tells; or -1 */
	struct ab_bwrap_status bwrap;
	bool started; /* told */
	struct ab_command command;
	struct ab_fault fault;
	pid_t pid; /* the command */
	bool done; /* it has ended, with wait_status */
	int wait_status;
	uint32_t limits_hit;
	pid_t self, shown_as; /* in its own namespace; in the /proc of the view */
};

static void
send_message(const struct init *init, const struct ab_msg *msg, const int *fds, unsigned fd_count)
{
	struct iovec part = { (void *)(uintptr_t)msg, sizeof(*msg) };
	union {
		char bytes[CMSG_SPACE(sizeof(int) * AB_NETGATE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd_count > 0) {
		memset(&control, 0, sizeof(control));
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * fd_count);
	}
	/* Full: the other side reads when it can; gone: the channel says so when it is looked at next. */
	while (sendmsg(init->channel, &header, MSG_NOSIGNAL) < 0 && (errno == EAGAIN || errno == EINTR)) {
		struct pollfd writable = { .fd = init->channel, .events = POLLOUT };
		(void)poll(&writable, 1, -1);
	}
}

static void
send_kind(const struct init *init, enum ab_msg_kind kind, int wait_status)
{
	struct ab_msg msg = { .kind = kind, .wait_status = wait_status, .missing = init->command.missing };

	send_message(init, &msg, NULL, 0);
}

/* Everything that descends from init, all of which is its child or becomes one. In a pid namespace its exit
 * would do; here the answer comes first. */
static unsigned
end_all(struct init *init)
{
	int status;
	unsigned killed = 0;

	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		continue;
	if (errno == ECHILD)
		return 0;
	if (!init->namespaces) {
		killed = (unsigned)ab_proctree_kill(ab_proctree_is_child_of, &init->self, NULL);
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			continue;
		return killed;
	}
	while (kill(-1, SIGKILL) == 0 || errno == EPERM) {
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno != EINTR)
			break;
		killed += pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	return killed;
}

_Noreturn static void
leave(struct init *init)
{
	if (!init->namespaces)
		(void)end_all(init);
	_exit(0);
}

_Noreturn static void
fail(struct init *init, int errno_value, bool exec_failed, const struct ab_fault *fault)
{
	struct ab_msg msg = { .kind = AB_MSG_FAILED, .errno_value = errno_value, .exec_failed = exec_failed };

	memcpy(msg.step, fault->step, sizeof(msg.step));
	msg.missing = init->command.missing;
	send_message(init, &msg, NULL, 0);
	leave(init);
}

static uint64_t
microseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000u + (uint64_t)time->tv_usec;
}

static void
tell_started(struct init *init)
{
	if (!init->started)
		send_kind(init, AB_MSG_STARTED, 0);
	init->started = true;
}

/* bwrap's sandbox is being made: as near to the start of the command as it tells. */
static void
hear_bwrap(struct init *init)
{
	if (!ab_bwrap_listen(&init->bwrap, init->bwrap_fd))
		ab_close_indirect(&init->bwrap_fd);
	if (ab_bwrap_inside(&init->bwrap) > 0)
		tell_started(init);
}

/* bwrap has ended, the command perhaps was never there. One that was killed took the command along. */
static void
judge_bwrap(struct init *init)
{
	struct ab_fault fault;

	if (init->bwrap_fd >= 0)
		hear_bwrap(init);
	if (ab_bwrap_ended(&init->bwrap, &init->wait_status) || WIFSIGNALED(init->wait_status) || init->limits_hit != 0) {
		tell_started(init);
		return;
	}
	ab_fault_at(&fault, "bwrap did not start the command; its message is on stderr");
	(void)end_all(init);
	fail(init, 0, false, &fault);
}

/* The command has ended: kill what it left, tell, and be gone. (What it left behind in bwrap's process namespace dies with
 * bwrap, and cannot be counted.) */
_Noreturn static void
finish(struct init *init, bool nobody_left)
{
	struct rusage usage;
	struct ab_msg msg = { .kind = AB_MSG_EXITED, .limits_hit = init->limits_hit };
	bool bwrap = init->launch->bwrap != NULL;

	if (bwrap)
		judge_bwrap(init);
	msg.wait_status = init->wait_status;
	unsigned killed = nobody_left ? 0 : end_all(init);
	msg.survivors = bwrap ? 0 : killed;
	getrusage(RUSAGE_CHILDREN, &usage);
	msg.user_us = microseconds(&usage.ru_utime);
	msg.sys_us = microseconds(&usage.ru_stime);
	msg.max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024u;
	send_message(init, &msg, NULL, 0);
	leave(init);
}

/* Reap what is dead; ends init when that was all there is to wait for. */
static void
reap(struct init *init)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED | __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			finish(init, true);
		if (pid == 0)
			break;
		if (pid != init->pid)
			continue;
		if (WIFSTOPPED(status))
			send_kind(init, AB_MSG_STOPPED, status);
		else if (WIFCONTINUED(status))
			send_kind(init, AB_MSG_CONTINUED, status);
		else {
			init->done = true;
			init->wait_status = status;
		}
	}
	if (init->done && !init->plan->leftover_wait)
		finish(init, false);
}

static void
signal_group(struct init *init, int signo)
{
	if (init->done)
		return; /* its number may be somebody else's by now */
	pid_t inside = ab_bwrap_inside(&init->bwrap);
	(void)kill(init->launch->inherit ? init->pid : inside > 0 ? -inside : -init->pid, signo);
}

static void
signal_all(struct init *init, int signo)
{
	pid_t inside = ab_bwrap_inside(&init->bwrap);

	if (init->namespaces)
		(void)kill(-1, signo);
	else if (signo != SIGKILL && inside > 0) /* bwrap itself would die of it, and all at once with it */
		(void)ab_proctree_signal(ab_proctree_is_child_of, &inside, signo);
	else
		(void)ab_proctree_signal(ab_proctree_is_child_of, &init->self, signo);
}

static void
take_request(struct init *init)
{
	struct ab_request request;
	ssize_t n = recv(init->channel, &request, sizeof(request), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		leave(init); /* nobody is there to answer to */
	if (n != sizeof(request))
		return;
	if (request.kind == AB_REQUEST_SIGNAL_GROUP)
		signal_group(init, request.signo);
	else if (request.kind == AB_REQUEST_SIGNAL_ALL)
		signal_all(init, request.signo);
}

static bool
is_inside(const struct ab_process *process, void *data)
{
	const struct init *init = data;

	return init->shown_as == 1 ? process->pid != 1 : process->ppid == init->shown_as;
}

/* Memory: the plain sum first; only when it is too much, the one where shared pages count once. */
static bool
over_memory(const struct init *init, const struct ab_process *list, size_t count)
{
	uint64_t sum = 0, most = (uint64_t)init->plan->limits.memory_bytes;

	for (size_t i = 0; i < count; i++)
		sum += list[i].chosen ? list[i].rss_bytes : 0;
	if (sum <= most)
		return false;
	sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += list[i].chosen ? ab_proctree_pss(init->proc_fd, &list[i]) : 0;
	return sum > most;
}

static bool
over_cpu(const struct init *init, const struct ab_process *list, size_t count)
{
	struct rusage usage;
	uint64_t ticks = 0;

	getrusage(RUSAGE_CHILDREN, &usage);
	for (size_t i = 0; i < count; i++)
		ticks += list[i].chosen ? list[i].cpu_ticks : 0;
	uint64_t us = microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime) +
		      ticks * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	return us / 1000 > (uint64_t)init->plan->limits.cpu_time_ms;
}

static void
sample(struct init *init)
{
	const struct ab_plan *plan = init->plan;
	size_t count;
	AB_AUTO_FREE struct ab_process *list = ab_proctree_list(init->proc_fd, &count);

	if (list == NULL)
		return;
	ab_proctree_choose(list, count, is_inside, init);
	if (plan->sample_memory && plan->limits.memory_bytes != AB_UNSET && over_memory(init, list, count))
		init->limits_hit |= 1u << 0;
	if (plan->sample_cpu && plan->limits.cpu_time_ms != AB_UNSET && over_cpu(init, list, count))
		init->limits_hit |= 1u << 1;
	if (init->limits_hit != 0)
		signal_all(init, SIGKILL);
}

_Noreturn static void
serve(struct init *init)
{
	struct pollfd watched[] = { { .fd = init->channel, .events = POLLIN },
		{ .fd = init->signal_fd, .events = POLLIN }, { .fd = init->bwrap_fd, .events = POLLIN } };
	struct signalfd_siginfo caught[8];
	int64_t next_sample = init->proc_fd >= 0 ? ab_now_ms() + SAMPLE_MS : AB_NEVER;

	for (;;) {
		int64_t wait_ms = next_sample == AB_NEVER ? -1 : next_sample - ab_now_ms();
		int ready = poll(
		    watched, AB_COUNT_OF(watched), wait_ms < 0 && next_sample != AB_NEVER ? 0 : (int)wait_ms);
		if (ready < 0 && errno != EINTR)
			leave(init); /* blind: everything ends, and the parent sees that it was not the command's end */
		if (ready > 0 && watched[2].revents != 0) {
			hear_bwrap(init);
			watched[2].fd = init->bwrap_fd;
		}
		if (ready > 0 && watched[0].revents != 0)
			take_request(init);
		if (ready > 0 && watched[1].revents != 0) {
			(void)!read(init->signal_fd, caught, sizeof(caught));
			reap(init);
		}
		if (next_sample != AB_NEVER && ab_now_ms() >= next_sample) {
			sample(init);
			next_sample = ab_now_ms() + SAMPLE_MS;
		}
	}
}

/* 0, 1, 2 become the command's; all else but the channel and the detached mounts is closed: also what belongs
 * to other runs. */
static void
take_descriptors(struct init *init)
{
	const struct ab_launch *launch = init->launch;
	size_t views = launch->source == NULL ? 0 : init->plan->view_count, count = 0;
	size_t given = launch->bwrap == NULL ? 0 : launch->bwrap->fd_count;
	AB_AUTO_FREE int *keep = ab_calloc(views + given + 5, sizeof(*keep));

	keep[count++] = launch->channel;
	for (int fd = 0; fd < 3; fd++) {
		/* stdin without a pipe: its number is held until there is a /dev/null */
		if (!launch->inherit)
			(void)dup2(launch->stdio[fd] >= 0 ? launch->stdio[fd] : launch->channel, fd);
		keep[count++] = fd;
	}
	for (size_t i = 0; i < views; i++)
		keep[count++] = launch->source[i];
	for (size_t i = 0; i < given; i++)
		keep[count++] = launch->bwrap->fd[i];
	keep[count++] = init->bwrap_fd;
	ab_sandbox_close_all_but(keep, count);
}

static bool
parent_is_gone(const struct init *init)
{
	struct pollfd channel = { .fd = init->channel, .events = 0 };

	return poll(&channel, 1, 0) > 0 && (channel.revents & (POLLHUP | POLLERR)) != 0;
}

/* The parent has written the maps, or put init into its cgroup. */
static void
wait_for_parent(struct init *init)
{
	struct ab_request request = { .kind = 0 };
	struct pollfd channel = { .fd = init->channel, .events = POLLIN };

	while (request.kind != AB_REQUEST_GO) {
		(void)poll(&channel, 1, -1);
		ssize_t n = recv(init->channel, &request, sizeof(request), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			_exit(0);
	}
}

static int
make_network(struct init *init)
{
	int fds[AB_NETGATE_FDS_MAX];
	const char *step = "make the network";

	if (init->plan->net.mode == AB_NET_HOST)
		return 0;
	int count = ab_netgate_inside(&init->plan->net, fds, &step);
	if (count < 0)
		return ab_fault_at(&init->fault, "%s", step);
	struct ab_msg msg = { .kind = AB_MSG_NET, .fd_count = (uint32_t)count };
	if (count > 0)
		send_message(init, &msg, fds, (unsigned)count);
	for (int i = 0; i < count; i++)
		close(fds[i]);
	return 0;
}

/* No one inside may read init's memory: it is a copy of the parent's, which has seen other requests and the
 * caller's environment. The words of the command line and the environment are readable through /proc even
 * then. */
static int
hide_memory(const struct ab_launch *launch, struct ab_fault *fault)
{
	if (launch->words != NULL)
		explicit_bzero(launch->words, (size_t)(launch->words_end - launch->words));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return ab_fault_at(fault, "hide memory");
	return 0;
}

/* From the first instruction in the new namespaces to the point where the command can be started. */
static int
enter_namespaces(struct init *init)
{
	const struct ab_plan *plan = init->plan;
	const struct ab_ident *ident = &plan->ident;
	bool own_map = ident->mode == AB_IDENT_SELF || ident->mode == AB_IDENT_ROOT;
	const char *hostname = plan->hostname != NULL ? plan->hostname : "ab";
	struct ab_view_result view;

	if (own_map && ab_sandbox_map_self(ident, &init->fault) < 0)
		return -1;
	if (!own_map && ab_sandbox_become(ident->inside_uid, ident->inside_gid, &init->fault) < 0)
		return -1;
	if (sethostname(hostname, strlen(hostname)) < 0)
		return ab_fault_at(&init->fault, "set the host name");
	if (make_network(init) < 0)
		return -1;
	if (ab_view_enter(init->launch, &view, &init->fault) < 0)
		return -1;
	init->command.tree_fd = view.tree_fd;
	init->command.outer_proc = view.outer_proc;
	init->command.missing |= view.missing;
	if (ab_sandbox_drop_capabilities(&init->fault) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ab_fault_at(&init->fault, "set no_new_privs");
	return 0;
}

/* Every level but namespace: whatever the command forks or detaches stays below init. */
static int
become_subreaper(struct init *init)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return ab_fault_at(&init->fault, "become the reaper");
	return 0;
}

static void
open_samples(struct init *init)
{
	const struct ab_plan *plan = init->plan;

	if (!plan->sample_memory && !plan->sample_cpu)
		return;
	if (!init->namespaces || plan->fresh_proc || init->command.outer_proc)
		init->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char number[16];
	ssize_t len = readlinkat(init->proc_fd, "self", number, sizeof(number) - 1);
	number[len > 0 ? len : 0] = '\0';
	init->shown_as = (pid_t)strtol(number, NULL, 10);
	if (init->shown_as <= 0)
		ab_close_indirect(&init->proc_fd);
	if (init->proc_fd < 0)
		init->command.missing |= (plan->sample_memory ? AB_PROMISE_BIT(AB_PROMISE_MEMORY) : 0) |
					 (plan->sample_cpu ? AB_PROMISE_BIT(AB_PROMISE_CPU) : 0);
}

/* /dev/null of the view, not the caller's: its owner could change the host's node through a descriptor. */
static int
open_stdin(struct init *init)
{
	if (init->launch->inherit || init->launch->stdio[0] >= 0)
		return 0;
	AB_AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0)
		return ab_fault_at(&init->fault, "open \"/dev/null\"");
	return 0;
}

static int
prepare(struct init *init, const sigset_t *all)
{
	if (!init->launch->inherit)
		(void)setsid();
	if ((init->namespaces ? enter_namespaces(init) : become_subreaper(init)) < 0)
		return -1;
	if (hide_memory(init->launch, &init->fault) < 0)
		return -1;
	/* A change of ids clears it, so late; the parent may have died before: look. Without a pid namespace
	   init must outlive the parent, to end the command. */
	if (init->namespaces && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return ab_fault_at(&init->fault, "tie init to its parent");
	if (parent_is_gone(init))
		_exit(0);
	open_samples(init);
	if (open_stdin(init) < 0)
		return -1;
	init->signal_fd = signalfd(-1, all, SFD_CLOEXEC | SFD_NONBLOCK);
	return init->signal_fd < 0 ? ab_fault_at(&init->fault, "watch signals") : 0;
}

_Noreturn void
ab_init_run(const struct ab_launch *launch)
{
	struct init init = {
		.launch = launch,
		.plan = launch->plan,
		.namespaces = launch->plan->level == AB_LEVEL_NAMESPACE,
		.channel = launch->channel,
		.signal_fd = -1,
		.proc_fd = -1,
		.bwrap_fd = launch->bwrap != NULL ? launch->bwrap->status_fd : -1,
		.command = { .launch = launch, .tree_fd = -1, .missing = launch->missing },
	};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* Every change of ids clears it; better than nothing until they are settled. */
	if (init.namespaces)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	take_descriptors(&init);
	init.command.umask = umask(0);
	if (launch->wait)
		wait_for_parent(&init);
	init.self = (pid_t)syscall(SYS_getpid);
	if (prepare(&init, &all) < 0)
		fail(&init, errno, false, &init.fault);
	init.pid = ab_command_start(&init.command);
	if (init.pid < 0)
		fail(&init, errno, false, &init.command.fault);
	if (init.command.errno_value != 0)
		fail(&init, init.command.errno_value, init.command.exec_failed, &init.command.fault);
	/* The command has its own copies; ours would keep its pipes from ending when it closes them. */
	ab_sandbox_close_all_but((int[]){ init.channel, init.signal_fd, init.proc_fd, init.bwrap_fd }, 4);
	send_kind(&init, AB_MSG_READY, 0);
	if (launch->bwrap == NULL)
		tell_started(&init);
	serve(&init);
}
