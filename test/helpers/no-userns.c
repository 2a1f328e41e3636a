/*
 * no-userns COMMAND…: run a command as in a container without privileges.
 *
 * The filter of Docker's default profile in what concerns us: no new namespaces (clone, unshare: EPERM; clone3: ENOSYS, so that
 * libraries fall back), no mounts. Needs nothing but the kernel's headers; exit status 126 when it cannot be set up.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "unknown architecture"
#endif

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
#define NR_OPEN_TREE 428
#define NR_FSPICK 433
#define NR_CLONE3 435
#define NR_MOUNT_SETATTR 442

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define REFUSE(number, errno_value) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), RETURN(SECCOMP_RET_ERRNO | (errno_value))

int
main(int argc, char **argv)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		LOAD(nr),
		REFUSE(NR_CLONE3, ENOSYS),
		REFUSE(SYS_unshare, EPERM),
		REFUSE(SYS_setns, EPERM),
		REFUSE(SYS_mount, EPERM),
		REFUSE(SYS_umount2, EPERM),
		REFUSE(SYS_pivot_root, EPERM),
		REFUSE(NR_MOUNT_SETATTR, EPERM),
		/* open_tree, move_mount, fsopen, fsconfig, fsmount, fspick: neighbours */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NR_OPEN_TREE, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NR_FSPICK, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (argc < 2) {
		fprintf(stderr, "usage: no-userns COMMAND…\n");
		return 126;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
		fprintf(stderr, "no-userns: %s\n", strerror(errno));
		return 126;
	}
	execvp(argv[1], argv + 1);
	fprintf(stderr, "no-userns: \"%s\": %s\n", argv[1], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
