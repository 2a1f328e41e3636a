/*
 * Build-time generator: prints seccomp_filter.h, the filters as arrays of struct sock_filter. bpf(4),
 * seccomp(2).
 *
 * libseccomp gives the numbers of the calls on this machine's architecture; the program is laid out here,
 * because two things that matter cannot be said to libseccomp: "every number from 463 up", and several values
 * of one argument in one rule. A balanced tree over the numbers also loads faster than a chain: the kernel
 * runs the filter once for every call number to find those that are always allowed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Calls from here on are newer than the lists below: ENOSYS, and programs fall back. */
#define FIRST_UNKNOWN 463
#define INSNS_MAX 1024

#define NEW_NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
/*
 * personality(2): 32-bit machine name, 2.6 release name, no address randomisation (gdb); all else weakens
 * memory protection.
 */
#define HARMLESS_PERSONALITY (0x0008u | 0x20000u | 0x40000u)

enum verdict {
	ALLOW,
	DENY,
	UNKNOWN,
	CLONE,
	IOCTL,
	PERSONALITY,
	SOCKET,
	SOCKETPAIR,
	OPEN,
	OPENAT,
	CHMOD,	  /* the mode is argument 1 */
	CHMODAT,  /* argument 2 */
	OTHER,	  /* a process as argument 0: its limits, its scheduling */
	PRIORITY, /* what a number names as argument 0, the number as argument 1 */
	IO_PRIORITY,
	VERDICT_COUNT
};

struct variant {
	const char *name;
	bool landlock; /* no network namespace, no view of its own */
	bool net;      /* the host's network may be used */
	bool old;      /* Landlock does not see truncation (before ABI 3) */
	bool unix_ok;  /* unix sockets are confined otherwise */
};

/* In the order of enum ab_seccomp_filter. */
static const struct variant variants[] = {
	{ "namespace", false, true, false, true },
	{ "no_net_old", true, false, true, false },
	{ "no_net", true, false, false, false },
	{ "no_net_unix", true, false, false, true },
	{ "net_old", true, true, true, false },
	{ "net", true, true, false, false },
	{ "net_unix", true, true, false, true },
};

/*
 * EPERM: what changes the machine, and the kernel's wide side doors. Names that an architecture does not have
 * are skipped.
 */
static const char *const denied[] = {
	"acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module",
	"fanotify_init", "fanotify_mark", "finit_module", "init_module", "ioperm", "iopl",
	"kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "migrate_pages",
	"modify_ldt", "mount", "move_pages", "name_to_handle_at", "nfsservctl", "open_by_handle_at",
	"perf_event_open", "pivot_root", "quotactl", "quotactl_fd", "reboot", "request_key",
	"set_mempolicy", "set_mempolicy_home_node", "setns", "settimeofday", "stime", "swapoff", "swapon",
	"_sysctl", "sysfs", "syslog", "umount", "umount2", "unshare", "uselib", "userfaultfd", "ustat",
	"vhangup", "vm86", "vm86old",
};

/*
 * EPERM without an IPC namespace: segments, semaphores and queues of everything that the user runs. No path leads to them, so Landlock
 * does not see them; and a private one is reached by the same calls.
 */
static const char *const host_ipc[] = {
	"ipc", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv",
	"msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
};

/* ENOSYS: callers have an older way. clone3 hides its flags from a filter; glibc falls back to clone. */
static const char *const unknown[] = {
	"clone3", "fsconfig", "fsmount", "fsopen", "fspick", "io_uring_enter", "io_uring_register", "io_uring_setup",
	"memfd_secret", "mount_setattr", "move_mount", "open_tree", "pidfd_getfd",
};

static const struct {
	const char *name;
	enum verdict verdict;
} checked[] = {
	{ "chmod", CHMOD },
	{ "clone", CLONE },
	{ "fchmod", CHMOD },
	{ "fchmodat", CHMODAT },
	{ "fchmodat2", CHMODAT },
	{ "ioctl", IOCTL },
	{ "ioprio_set", IO_PRIORITY },
	{ "personality", PERSONALITY },
	{ "prlimit64", OTHER },
	{ "sched_setattr", OTHER },
	{ "sched_setparam", OTHER },
	{ "sched_setscheduler", OTHER },
	{ "setpriority", PRIORITY },
	{ "socket", SOCKET },
	{ "socketpair", SOCKETPAIR },
};

struct program {
	struct sock_filter insn[INSNS_MAX];
	unsigned count;
	/* jumps to a body that is laid out later */
	struct {
		unsigned at;
		enum verdict body;
	} pending[INSNS_MAX];
	unsigned pending_count;
};

static void
emit(struct program *program, unsigned code, uint32_t k, unsigned if_true, unsigned if_false)
{
	if (program->count == INSNS_MAX || if_true > UINT8_MAX || if_false > UINT8_MAX) {
		fprintf(stderr, "seccomp-gen: the program is too long\n");
		exit(1);
	}
	program->insn[program->count++] =
	    (struct sock_filter){ .code = (uint16_t)code, .jt = (uint8_t)if_true, .jf = (uint8_t)if_false, .k = k };
}

static void
emit_return(struct program *program, uint32_t errno_value)
{
	emit(program, BPF_RET | BPF_K, errno_value == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | errno_value, 0, 0);
}

/* If the accumulator equals (has any bit of) k: end with that errno (0: allow); else go on. */
static void
emit_if(struct program *program, unsigned test, uint32_t k, uint32_t errno_value)
{
	emit(program, BPF_JMP | test | BPF_K, k, 0, 1);
	emit_return(program, errno_value);
}

/*
 * The low 32 bits: the kernel takes int or unsigned int for all arguments that are looked at, and ignores the
 * rest (a 64-bit comparison was CVE-2019-10063).
 */
static void
emit_load_arg(struct program *program, unsigned arg)
{
	size_t at = offsetof(struct seccomp_data, args) + 8 * arg + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);

	emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0);
}

static void
set_verdict(uint8_t verdicts[static FIRST_UNKNOWN], const char *name, enum verdict verdict)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number >= 0 && number < FIRST_UNKNOWN)
		verdicts[number] = (uint8_t)verdict;
}

static void
fill_verdicts(const struct variant *variant, uint8_t verdicts[static FIRST_UNKNOWN])
{
	memset(verdicts, ALLOW, FIRST_UNKNOWN);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		set_verdict(verdicts, denied[i], DENY);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		set_verdict(verdicts, unknown[i], UNKNOWN);
	for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++)
		set_verdict(verdicts, checked[i].name, checked[i].verdict);
	if (!variant->landlock)
		set_verdict(verdicts, "sched_setaffinity", OTHER);
	for (size_t i = 0; variant->landlock && i < sizeof(host_ipc) / sizeof(host_ipc[0]); i++)
		set_verdict(verdicts, host_ipc[i], DENY);
	if (variant->old) {
		set_verdict(verdicts, "truncate", DENY);
		set_verdict(verdicts, "truncate64", DENY);
		set_verdict(verdicts, "openat2", UNKNOWN);
		set_verdict(verdicts, "open", OPEN);
		set_verdict(verdicts, "openat", OPENAT);
	}
}

static void
emit_leaf(struct program *program, enum verdict verdict)
{
	if (verdict == ALLOW || verdict == DENY || verdict == UNKNOWN) {
		emit_return(program, verdict == ALLOW ? 0 : verdict == DENY ? EPERM : ENOSYS);
		return;
	}
	program->pending[program->pending_count].at = program->count;
	program->pending[program->pending_count++].body = verdict;
	emit(program, BPF_JMP | BPF_JA, 0, 0, 0);
}

struct range {
	unsigned first;
	enum verdict verdict;
};

static void
emit_tree(struct program *program, const struct range *range, unsigned count)
{
	if (count == 1) {
		emit_leaf(program, range->verdict);
		return;
	}
	unsigned at = program->count, half = count / 2;
	emit(program, BPF_JMP | BPF_JGE | BPF_K, range[half].first, 0, 0);
	emit_tree(program, range, half);
	unsigned distance = program->count - at - 1;
	if (distance > UINT8_MAX) {
		fprintf(stderr, "seccomp-gen: the tree is too wide\n");
		exit(1);
	}
	program->insn[at].jt = (uint8_t)distance;
	emit_tree(program, range + half, count - half);
}

/* Families that programs need; NETLINK only for routes (getifaddrs(3)). */
static void
emit_socket(struct program *program, const struct variant *variant)
{
	emit_load_arg(program, 0);
	emit_if(program, BPF_JEQ, AF_UNIX, variant->unix_ok ? 0 : EACCES);
	emit_if(program, BPF_JEQ, AF_INET, variant->net ? 0 : EACCES);
	emit_if(program, BPF_JEQ, AF_INET6, variant->net ? 0 : EACCES);
	if (variant->net) {
		emit(program, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 4);
		emit_load_arg(program, 2);
		emit_if(program, BPF_JEQ, 0, 0);
		emit_return(program, EPROTONOSUPPORT);
	}
	emit_return(program, EAFNOSUPPORT);
}

/* A pair of datagram sockets can be connected anew to any path; streams cannot. */
static void
emit_socketpair(struct program *program, const struct variant *variant)
{
	emit_load_arg(program, 0);
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0);
	emit_return(program, EAFNOSUPPORT);
	if (!variant->unix_ok) {
		emit_load_arg(program, 1);
		emit(program, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0); /* SOCK_TYPE_MASK of the kernel */
		emit_if(program, BPF_JEQ, SOCK_STREAM, 0);
		emit_if(program, BPF_JEQ, SOCK_SEQPACKET, 0);
		emit_return(program, EACCES);
		return;
	}
	emit_return(program, 0);
}

/*
 * O_TRUNC without the right to write empties a file that Landlock lets be read. Access mode 3 asks for
 * neither right.
 */
static void
emit_open(struct program *program, unsigned flags_arg)
{
	emit_load_arg(program, flags_arg);
	emit(program, BPF_ALU | BPF_AND | BPF_K, O_ACCMODE | O_TRUNC, 0, 0);
	emit_if(program, BPF_JEQ, O_TRUNC | O_RDONLY, EPERM);
	emit_if(program, BPF_JEQ, O_TRUNC | O_ACCMODE, EPERM);
	emit_return(program, 0);
}

/*
 * A program that runs as the tree's owner (root's, perhaps) for everybody on the host: nosuid holds inside only. A mode given when
 * a file is made needs no look: writing to it takes the bit away again.
 */
static void
emit_chmod(struct program *program, unsigned mode_arg)
{
	emit_load_arg(program, mode_arg);
	emit_if(program, BPF_JSET, S_ISUID, EPERM);
	emit_return(program, 0);
}

/*
 * Processes that have the same uid, and are not the command's: init, whose poll(2) fails when it may have no descriptors and who does
 * not get to run when it is made idle; and without a pid namespace everything of the user. The kernel asks for no more than the uid
 * (prlimit(2), sched(7)). Threads set their own affinity by number, so without a pid namespace that one is not looked at.
 */
static void
emit_other(struct program *program, const struct variant *variant, unsigned argument)
{
	emit_load_arg(program, argument);
	if (variant->landlock) {
		emit_if(program, BPF_JEQ, 0, 0);
		emit_return(program, EPERM);
		return;
	}
	emit_if(program, BPF_JEQ, 1, EPERM);
	emit_return(program, 0);
}

/* setpriority(2) counts what a number names (process, group, user) from 0, ioprio_set(2) from 1. */
static void
emit_priority(struct program *program, const struct variant *variant, bool of_io)
{
	emit_load_arg(program, 0);
	emit_if(program, BPF_JEQ, of_io ? 3 : PRIO_USER, EPERM);
	if (variant->landlock)
		emit_if(program, BPF_JEQ, of_io ? 2 : PRIO_PGRP, EPERM);
	emit_other(program, variant, 1);
}

static void
emit_body(struct program *program, enum verdict verdict, const struct variant *variant)
{
	switch (verdict) {
	case CLONE:
		emit_load_arg(program, 0);
		emit_if(program, BPF_JSET, NEW_NAMESPACES, EPERM);
		emit_return(program, 0);
		break;
	case IOCTL:
		emit_load_arg(program, 1);
		emit_if(program, BPF_JEQ, TIOCSTI, EPERM);
		emit_if(program, BPF_JEQ, TIOCLINUX, EPERM);
		emit_return(program, 0);
		break;
	case PERSONALITY:
		emit_load_arg(program, 0);
		emit_if(program, BPF_JEQ, 0xffffffffu, 0); /* the question */
		emit_if(program, BPF_JSET, ~HARMLESS_PERSONALITY, EPERM);
		emit_return(program, 0);
		break;
	case SOCKET:
		emit_socket(program, variant);
		break;
	case SOCKETPAIR:
		emit_socketpair(program, variant);
		break;
	case OPEN:
	case OPENAT:
		emit_open(program, verdict == OPEN ? 1 : 2);
		break;
	case CHMOD:
	case CHMODAT:
		emit_chmod(program, verdict == CHMOD ? 1 : 2);
		break;
	case OTHER:
		emit_other(program, variant, 0);
		break;
	case PRIORITY:
	case IO_PRIORITY:
		emit_priority(program, variant, verdict == IO_PRIORITY);
		break;
	default:
		abort();
	}
}

static void
emit_bodies(struct program *program, const struct variant *variant)
{
	for (enum verdict verdict = CLONE; verdict < VERDICT_COUNT; verdict++) {
		bool wanted = false;
		for (unsigned i = 0; i < program->pending_count; i++)
			if (program->pending[i].body == verdict) {
				unsigned at = program->pending[i].at;
				program->insn[at].k = program->count - at - 1;
				wanted = true;
			}
		if (wanted)
			emit_body(program, verdict, variant);
	}
}

static void
build(struct program *program, const struct variant *variant)
{
	uint8_t verdicts[FIRST_UNKNOWN];
	struct range range[FIRST_UNKNOWN + 1];
	unsigned count = 0;

	fill_verdicts(variant, verdicts);
	for (unsigned number = 0; number < FIRST_UNKNOWN; number++)
		if (number == 0 || verdicts[number] != verdicts[number - 1])
			range[count++] = (struct range){ number, verdicts[number] };
	range[count++] = (struct range){ FIRST_UNKNOWN, UNKNOWN }; /* with x32, whose numbers begin at 0x40000000 */

	program->count = program->pending_count = 0;
	emit(program, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 1, 0);
	emit_return(program, ENOSYS); /* 32-bit calls */
	emit(program, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	emit_tree(program, range, count);
	emit_bodies(program, variant);
}

int
main(void)
{
	static struct program program;

	printf("/* Generated by lib/sys/seccomp_gen.c for audit architecture 0x%08x. */\n", seccomp_arch_native());
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		build(&program, &variants[i]);
		printf("static const struct sock_filter filter_%s[] = {\n", variants[i].name);
		for (unsigned n = 0; n < program.count; n++) {
			const struct sock_filter *insn = &program.insn[n];
			printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", insn->code, insn->jt, insn->jf, insn->k);
		}
		printf("};\n");
	}
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}
