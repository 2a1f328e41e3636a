/*
 * The system-call filter. seccomp(2); the programs are made at build time by seccomp_gen.c, which also holds
 * the lists.
 *
 * A deny-list: programs that developers run are too many to be allowed call by call. Refused are what changes
 * the machine (mount, modules, clock, swap), what opens the kernel's wide side doors (bpf, io_uring, keyctl,
 * userfaultfd, perf), new namespaces, typing into a terminal (TIOCSTI), socket families other than UNIX,
 * INET, INET6 and NETLINK_ROUTE, programs that run as their owner (chmod u+s: the host would honour it), the
 * limits and the priority of processes that are not the command's but have its uid (init; without a pid
 * namespace all of the user's), other architectures, and every call newer than the list. ptrace and
 * process_vm_* are allowed: in an own process and user namespace they reach only the command's own processes,
 * and gdb, strace and LeakSanitizer need them (Docker does the same).
 */
#ifndef AB_SYS_SECCOMP_H
#define AB_SYS_SECCOMP_H

#include "sys/plan.h"

/*
 * Load the filter into the calling thread, just before execve(2); no_new_privs is set already.
 *
 * landlock_level: there is no network namespace and no view of its own, so with plan->net none every socket
 * family is refused (MPTCP and Fast Open would pass Landlock's TCP rules), and unix sockets are refused
 * whatever the network where Landlock cannot confine connect(2) to a path (before ABI 9); socketpair(2) of
 * streams stays. Does nothing when plan->missing holds `seccomp` (known before the run). -1: errno, and *step
 * (static) says what was being done.
 */
int ab_seccomp_apply(bool landlock_level, const struct ab_plan *plan, const char **step) AB_MUST_USE;

/* The programs, by name; ab_seccomp_apply chooses. */
enum ab_seccomp_filter {
	AB_SECCOMP_NAMESPACE,
	AB_SECCOMP_NO_NET_OLD,  /* landlock level, no network; Landlock before ABI 3 (open and truncate without
				   right to write, too) */
	AB_SECCOMP_NO_NET,      /* … ABI 3 to 8 */
	AB_SECCOMP_NO_NET_UNIX, /* … ABI 9: unix sockets are Landlock's */
	AB_SECCOMP_NET_OLD,     /* landlock level, the host's network */
	AB_SECCOMP_NET,
	AB_SECCOMP_NET_UNIX,
	AB_SECCOMP_COUNT
};
enum ab_seccomp_filter ab_seccomp_choose(bool landlock_level, enum ab_net_mode net, int landlock_abi);
/* One as the kernel takes it: an array of struct sock_filter, *len bytes (for bwrap --seccomp). */
const void *ab_seccomp_program(enum ab_seccomp_filter filter, size_t *len);
/* Load one. -1 and errno. */
int ab_seccomp_load(enum ab_seccomp_filter filter) AB_MUST_USE;

/* Whether the kernel takes filters; asks, changes nothing. */
bool ab_seccomp_available(void);

#endif
