/* Each call is tried for real in a child that has loaded the filter. */
#include "sys/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "tap.h"

/* What a call gives under a filter: 0, or its errno; -1 when the filter could not be loaded, -2 when the child died. */
static int
under(enum ab_seccomp_filter filter, long (*call)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ab_seccomp_load(filter) != 0)
			_exit(255);
		errno = 0;
		_exit(call() < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -2;
	return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

#define CALL(name, expression) \
	static long name(void) { return (long)(expression); }

CALL(call_uring, syscall(425, 8, (char[256]){ 0 }))
CALL(call_userfaultfd, syscall(SYS_userfaultfd, 1))
CALL(call_bpf, syscall(SYS_bpf, 0, (char[64]){ 0 }, 64))
CALL(call_unshare, unshare(CLONE_NEWUSER))
CALL(call_unshare_files, unshare(CLONE_FILES))
CALL(call_setns, setns(0, 0))
CALL(call_mount, syscall(SYS_mount, "t", "/mnt", "tmpfs", 0, NULL))
CALL(call_umount, syscall(SYS_umount2, "/proc/self/nothing", 2))
CALL(call_init_module, syscall(SYS_init_module, 0, 0, ""))
CALL(call_chroot, chroot("/tmp"))
CALL(call_memfd_secret, syscall(447, 0))
CALL(call_pidfd_getfd, syscall(438, 3, 0, 0))
CALL(call_open_tree, syscall(428, AT_FDCWD, "/", 0))
CALL(call_keyctl, syscall(SYS_keyctl, 0, 0, 0))
CALL(call_perf, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
CALL(call_clone3, syscall(435, NULL, 0))
CALL(call_newest, syscall(463, 0))
CALL(call_far, syscall(5000, 0))
CALL(call_no_number, syscall(-1, 0))
CALL(call_clone_user, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0))
CALL(call_clone_pid, syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0))
CALL(call_getpid, getpid())
CALL(call_landlock, syscall(444, NULL, 0, 1) >= 0 || errno != EPERM ? 0 : -1)

static long
call_fork(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 ? 0 : -1;
}

/* A tracer of its own child: allowed, what gdb and strace do. */
static long
call_ptrace(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	ptrace(PTRACE_CONT, pid, 0, 0);
	return waitpid(pid, &status, 0) == pid ? 0 : -1;
}

static long
call_tiocsti(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	return fd < 0 ? 0 : syscall(SYS_ioctl, fd, TIOCSTI, "x");
}

static long
call_tiocsti_high(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	return fd < 0 ? 0 : syscall(SYS_ioctl, fd, (unsigned long)TIOCSTI | (1ul << 32), "x");
}

CALL(call_tioclinux, syscall(SYS_ioctl, 0, TIOCLINUX, "x"))
CALL(call_persona_ask, personality(0xffffffff))
CALL(call_persona_linux32, personality(PER_LINUX32))
CALL(call_persona_norandom, personality(ADDR_NO_RANDOMIZE))
CALL(call_persona_exec, personality(READ_IMPLIES_EXEC))
CALL(call_persona_page0, personality(MMAP_PAGE_ZERO | ADDR_NO_RANDOMIZE))
CALL(call_unix, socket(AF_UNIX, SOCK_STREAM, 0))
CALL(call_unix_high, syscall(SYS_socket, AF_UNIX | (1ul << 40), SOCK_STREAM, 0))
CALL(call_inet, socket(AF_INET, SOCK_STREAM, 0))
CALL(call_inet_high, syscall(SYS_socket, AF_INET | (1ul << 40), SOCK_STREAM, 0))
CALL(call_inet6, socket(AF_INET6, SOCK_DGRAM, 0))
CALL(call_mptcp, socket(AF_INET, SOCK_STREAM, 262))
CALL(call_route, socket(AF_NETLINK, SOCK_RAW, 0))
CALL(call_audit, socket(AF_NETLINK, SOCK_RAW, 9))
CALL(call_vsock, socket(40, SOCK_STREAM, 0))
CALL(call_alg, socket(38, SOCK_SEQPACKET, 0))
CALL(call_packet, socket(17, SOCK_RAW, 0))
CALL(call_unspecified, socket(0, SOCK_STREAM, 0))
CALL(call_pair_stream, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, (int[2]){ 0 }))
CALL(call_pair_packet, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, (int[2]){ 0 }))
CALL(call_pair_datagram, socketpair(AF_UNIX, SOCK_DGRAM, 0, (int[2]){ 0 }))
CALL(call_open_trunc, open("/proc/self/nothing", O_RDONLY | O_TRUNC))
CALL(call_open_trunc3, open("/proc/self/nothing", O_ACCMODE | O_TRUNC))
CALL(call_open_write, open("/dev/null", O_WRONLY | O_TRUNC))
CALL(call_truncate, truncate("/proc/self/nothing", 0))
CALL(call_openat2, syscall(437, AT_FDCWD, "/", (uint64_t[3]){ O_PATH, 0, 0 }, 24))

CALL(call_chmod, chmod("/proc/self/nothing", 04755))
CALL(call_fchmodat, syscall(SYS_fchmodat, AT_FDCWD, "/proc/self/nothing", 06755 | (1ul << 40)))
CALL(call_fchmodat2, syscall(452, AT_FDCWD, "/proc/self/nothing", 04755, 0))
CALL(call_chmod_group, chmod("/proc/self/nothing", 02755))
/* Changes nothing: the new limits are not given, the priorities are those of a process that is not there. */
CALL(call_limits_init, syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, NULL, NULL))
CALL(call_limits_own, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, NULL))
CALL(call_limits_other, syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, NULL))
CALL(call_scheduler_init, syscall(SYS_sched_setscheduler, 1, -1, NULL))
CALL(call_affinity_init, syscall(SYS_sched_setaffinity, 1, 0, NULL))
CALL(call_affinity_other, syscall(SYS_sched_setaffinity, 0x7fffffff, 0, NULL))
CALL(call_priority_init, syscall(SYS_setpriority, PRIO_PROCESS, 1, 0))
CALL(call_priority_user, syscall(SYS_setpriority, PRIO_USER, 0x7ffffff0, 0))
CALL(call_priority_own, syscall(SYS_setpriority, PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0)))
CALL(call_io_priority_init, syscall(SYS_ioprio_set, 1, 1, 0))
CALL(call_io_priority_user, syscall(SYS_ioprio_set, 3, 0x7ffffff0, 0))

CALL(call_shmat, syscall(SYS_shmat, -1, NULL, 0))
CALL(call_semget, syscall(SYS_semget, 0x7ffffff0, 0, 0))
CALL(call_msgget, syscall(SYS_msgget, 0x7ffffff0, 0))
CALL(call_mq_unlink, syscall(SYS_mq_unlink, "ab-test-none"))

struct expectation {
	const char *name;
	long (*call)(void);
	int want;
};

static void
check_all(enum ab_seccomp_filter filter, const struct expectation *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int got = under(filter, list[i].call);
		if (!CHECK_INT(got, list[i].want))
			printf("#   call %s under filter %d\n", list[i].name, (int)filter);
	}
}

#define EXPECT(call, want) { #call, call, want }

static void
refuses_what_changes_the_machine(void)
{
	static const struct expectation list[] = {
		EXPECT(call_uring, ENOSYS), EXPECT(call_userfaultfd, EPERM), EXPECT(call_bpf, EPERM),
		EXPECT(call_unshare, EPERM), EXPECT(call_unshare_files, EPERM), EXPECT(call_setns, EPERM),
		EXPECT(call_mount, EPERM), EXPECT(call_umount, EPERM), EXPECT(call_init_module, EPERM),
		EXPECT(call_chroot, EPERM), EXPECT(call_memfd_secret, ENOSYS), EXPECT(call_pidfd_getfd, ENOSYS),
		EXPECT(call_open_tree, ENOSYS), EXPECT(call_keyctl, EPERM), EXPECT(call_perf, EPERM),
		EXPECT(call_clone3, ENOSYS), EXPECT(call_newest, ENOSYS), EXPECT(call_far, ENOSYS),
		EXPECT(call_no_number, ENOSYS), EXPECT(call_clone_user, EPERM), EXPECT(call_clone_pid, EPERM),
		EXPECT(call_tiocsti, EPERM), EXPECT(call_tiocsti_high, EPERM), EXPECT(call_tioclinux, EPERM),
		EXPECT(call_persona_exec, EPERM), EXPECT(call_persona_page0, EPERM),
		EXPECT(call_chmod, EPERM), EXPECT(call_fchmodat, EPERM), EXPECT(call_fchmodat2, EPERM),
		EXPECT(call_limits_init, EPERM), EXPECT(call_scheduler_init, EPERM), EXPECT(call_priority_init, EPERM),
		EXPECT(call_priority_user, EPERM), EXPECT(call_io_priority_init, EPERM), EXPECT(call_io_priority_user, EPERM),
	};

	for (int filter = 0; filter < AB_SECCOMP_COUNT; filter++)
		check_all((enum ab_seccomp_filter)filter, list, AB_COUNT_OF(list));
}

static void
allows_what_developers_need(void)
{
	static const struct expectation list[] = {
		EXPECT(call_getpid, 0), EXPECT(call_fork, 0), EXPECT(call_ptrace, 0), EXPECT(call_persona_ask, 0),
		EXPECT(call_persona_linux32, 0), EXPECT(call_persona_norandom, 0), EXPECT(call_pair_stream, 0),
		EXPECT(call_pair_packet, 0), EXPECT(call_open_write, 0), EXPECT(call_landlock, 0),
		EXPECT(call_chmod_group, ENOENT), EXPECT(call_limits_own, 0), EXPECT(call_priority_own, 0),
	};

	for (int filter = 0; filter < AB_SECCOMP_COUNT; filter++)
		check_all((enum ab_seccomp_filter)filter, list, AB_COUNT_OF(list));
}

static void
namespace_families(void)
{
	static const struct expectation list[] = {
		EXPECT(call_unix, 0), EXPECT(call_inet, 0), EXPECT(call_inet6, 0), EXPECT(call_route, 0),
		EXPECT(call_pair_datagram, 0), EXPECT(call_audit, EPROTONOSUPPORT), EXPECT(call_vsock, EAFNOSUPPORT),
		EXPECT(call_alg, EAFNOSUPPORT), EXPECT(call_packet, EAFNOSUPPORT), EXPECT(call_unspecified, EAFNOSUPPORT),
		EXPECT(call_open_trunc, ENOENT), EXPECT(call_truncate, ENOENT), EXPECT(call_openat2, 0),
		EXPECT(call_limits_other, 0), EXPECT(call_affinity_init, EPERM),
	};

	check_all(AB_SECCOMP_NAMESPACE, list, AB_COUNT_OF(list));
}

static void
landlock_without_network(void)
{
	static const struct expectation list[] = {
		EXPECT(call_unix, EACCES), EXPECT(call_unix_high, EACCES), EXPECT(call_inet, EACCES),
		EXPECT(call_inet_high, EACCES), EXPECT(call_inet6, EACCES), EXPECT(call_mptcp, EACCES),
		EXPECT(call_route, EAFNOSUPPORT), EXPECT(call_vsock, EAFNOSUPPORT), EXPECT(call_pair_datagram, EACCES),
	};

	CHECK_INT(under(AB_SECCOMP_NO_NET, call_limits_other), EPERM);
	CHECK_INT(under(AB_SECCOMP_NO_NET, call_affinity_other), ESRCH); /* how threads set their own */
	check_all(AB_SECCOMP_NO_NET, list, AB_COUNT_OF(list));
	check_all(AB_SECCOMP_NO_NET_OLD, list, AB_COUNT_OF(list));
	check_all(AB_SECCOMP_NO_NET_UNIX, list + 2, AB_COUNT_OF(list) - 3);
	CHECK_INT(under(AB_SECCOMP_NO_NET_UNIX, call_unix), 0);
	CHECK_INT(under(AB_SECCOMP_NO_NET_UNIX, call_pair_datagram), 0);
}

static void
landlock_without_ipc_namespace(void)
{
	static const struct expectation list[] = {
		EXPECT(call_shmat, EPERM), EXPECT(call_semget, EPERM), EXPECT(call_msgget, EPERM), EXPECT(call_mq_unlink, EPERM),
	};

	for (int filter = AB_SECCOMP_NAMESPACE + 1; filter < AB_SECCOMP_COUNT; filter++)
		check_all((enum ab_seccomp_filter)filter, list, AB_COUNT_OF(list));
	CHECK_INT(under(AB_SECCOMP_NAMESPACE, call_shmat), EINVAL);
	CHECK_INT(under(AB_SECCOMP_NAMESPACE, call_mq_unlink), ENOENT);
}

static void
landlock_with_network(void)
{
	static const struct expectation list[] = {
		EXPECT(call_inet, 0), EXPECT(call_inet6, 0), EXPECT(call_route, 0), EXPECT(call_vsock, EAFNOSUPPORT),
	};

	check_all(AB_SECCOMP_NET, list, AB_COUNT_OF(list));
	check_all(AB_SECCOMP_NET_OLD, list, AB_COUNT_OF(list));
	check_all(AB_SECCOMP_NET_UNIX, list, AB_COUNT_OF(list));
	CHECK_INT(under(AB_SECCOMP_NET, call_unix), EACCES);
	CHECK_INT(under(AB_SECCOMP_NET_UNIX, call_unix), 0);
}

static void
old_landlock_truncation(void)
{
	static const struct expectation list[] = {
		EXPECT(call_open_trunc, EPERM), EXPECT(call_open_trunc3, EPERM), EXPECT(call_truncate, EPERM),
		EXPECT(call_openat2, ENOSYS), EXPECT(call_open_write, 0),
	};

	check_all(AB_SECCOMP_NO_NET_OLD, list, AB_COUNT_OF(list));
	check_all(AB_SECCOMP_NET_OLD, list, AB_COUNT_OF(list));
}

#ifdef __x86_64__
/* int 0x80 with i386's getpid (20), and x32's getpid. */
static long
call_i386(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "r8", "r9", "r10", "r11", "memory");
	errno = (int)-result;
	return result < 0 ? -1 : 0;
}

CALL(call_x32, syscall(0x40000000 + SYS_getpid))

static void
other_architectures(void)
{
	CHECK_INT(under(AB_SECCOMP_NAMESPACE, call_i386), ENOSYS);
	CHECK_INT(under(AB_SECCOMP_NAMESPACE, call_x32), ENOSYS);
}
#endif

static void
chooses_by_level_network_and_version(void)
{
	CHECK_INT(ab_seccomp_choose(false, AB_NET_NONE, 0), AB_SECCOMP_NAMESPACE);
	CHECK_INT(ab_seccomp_choose(true, AB_NET_NONE, 2), AB_SECCOMP_NO_NET_OLD);
	CHECK_INT(ab_seccomp_choose(true, AB_NET_NONE, 3), AB_SECCOMP_NO_NET);
	CHECK_INT(ab_seccomp_choose(true, AB_NET_NONE, 8), AB_SECCOMP_NO_NET);
	CHECK_INT(ab_seccomp_choose(true, AB_NET_NONE, 9), AB_SECCOMP_NO_NET_UNIX);
	CHECK_INT(ab_seccomp_choose(true, AB_NET_ALLOW, 9), AB_SECCOMP_NO_NET_UNIX);
	CHECK_INT(ab_seccomp_choose(true, AB_NET_HOST, 1), AB_SECCOMP_NET_OLD);
	CHECK_INT(ab_seccomp_choose(true, AB_NET_HOST, 7), AB_SECCOMP_NET);
	CHECK_INT(ab_seccomp_choose(true, AB_NET_HOST, 12), AB_SECCOMP_NET_UNIX);
}

/* With `seccomp` missing beforehand nothing is loaded, and the run goes on. */
static long
apply_missing(void)
{
	struct ab_plan plan = { .missing = AB_PROMISE_BIT(AB_PROMISE_SECCOMP) };
	const char *step = NULL;

	return ab_seccomp_apply(true, &plan, &step) == 0 && prctl(PR_GET_SECCOMP) == 2 && step == NULL ? 0 : -1;
}

static void
apply_respects_what_is_known(void)
{
	/* the filter loaded by `under` itself is the one that PR_GET_SECCOMP sees; a second one would refuse this socket */
	CHECK_INT(under(AB_SECCOMP_NAMESPACE, apply_missing), 0);
	CHECK(ab_seccomp_available());
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "refuses what changes the machine", refuses_what_changes_the_machine },
		{ "allows what developers need", allows_what_developers_need },
		{ "socket families at level namespace", namespace_families },
		{ "socket families at level landlock without network", landlock_without_network },
		{ "socket families at level landlock with network", landlock_with_network },
		{ "landlock: nothing of the host's shared memory, semaphores and queues", landlock_without_ipc_namespace },
		{ "truncation with an old Landlock", old_landlock_truncation },
#ifdef __x86_64__
		{ "other architectures", other_architectures },
#endif
		{ "chooses by level, network and version", chooses_by_level_network_and_version },
		{ "apply respects what is known", apply_respects_what_is_known },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
