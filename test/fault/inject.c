/*
 * LD_PRELOAD: make the nth call of one function fail.
 *
 * AB_FAULT="CALL:N:ERRNO", for example "pipe2:1:EMFILE". CALL is a wrapper below, or the name of a system call that is made
 * through syscall(2) ("clone3", "move_mount"). Calls are counted over the process and all that it forks, so that a fault can also
 * strike in init, which has neither descriptors nor rights: the count lives in a mapping of the file that AB_FAULT_LOG names,
 * two native 64-bit integers: calls seen, faults struck. Whoever walks N = 1, 2, … knows by the second when there was no Nth call
 * any more. ld.so(8), syscall(2), mmap(2).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static const struct {
	const char *name;
	int value;
} errnos[] = { { "EMFILE", EMFILE }, { "ENOMEM", ENOMEM }, { "EAGAIN", EAGAIN }, { "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EPERM", EPERM },
	{ "EACCES", EACCES }, { "EINVAL", EINVAL }, { "ENOSYS", ENOSYS }, { "EINTR", EINTR }, { "EBUSY", EBUSY } };

static const struct {
	const char *name;
	long number;
} calls[] = {
#ifdef SYS_clone3
	{ "clone3", SYS_clone3 },
#endif
	{ "clone", SYS_clone },
	{ "umount2", SYS_umount2 },
	{ "mount", SYS_mount },
#ifdef SYS_open_tree
	{ "open_tree", SYS_open_tree },
	{ "move_mount", SYS_move_mount },
	{ "fsopen", SYS_fsopen },
	{ "fsconfig", SYS_fsconfig },
	{ "fsmount", SYS_fsmount },
#endif
#ifdef SYS_mount_setattr
	{ "mount_setattr", SYS_mount_setattr },
#endif
#ifdef SYS_openat2
	{ "openat2", SYS_openat2 },
#endif
	{ "pivot_root", SYS_pivot_root },
#ifdef SYS_close_range
	{ "close_range", SYS_close_range },
#endif
#ifdef SYS_pidfd_open
	{ "pidfd_open", SYS_pidfd_open },
#endif
	{ "capset", SYS_capset },
	{ "seccomp", SYS_seccomp },
#ifdef SYS_landlock_restrict_self
	{ "landlock_create_ruleset", SYS_landlock_create_ruleset },
	{ "landlock_add_rule", SYS_landlock_add_rule },
	{ "landlock_restrict_self", SYS_landlock_restrict_self },
#endif
};

static char target[64];
static long target_number = -1; /* of syscall(2) */
static unsigned long nth;
static int fault_errno = EIO;
static struct {
	unsigned long seen, struck;
} *count; /* shared with everything that is forked */

static long real_syscall(long number, long a, long b, long c, long d, long e, long f);

__attribute__((constructor)) static void
configure(void)
{
	const char *text = getenv("AB_FAULT"), *log = getenv("AB_FAULT_LOG");
	char name[32] = "";

	if (text == NULL || sscanf(text, "%63[^:]:%lu:%31s", target, &nth, name) != 3)
		return;
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (strcmp(errnos[i].name, name) == 0)
			fault_errno = errnos[i].value;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, target) == 0)
			target_number = calls[i].number;
	if (log == NULL)
		return;
	long fd = real_syscall(SYS_openat, AT_FDCWD, (long)log, O_RDWR | O_CREAT | O_CLOEXEC, 0666, 0, 0);
	if (fd < 0 || ftruncate((int)fd, sizeof(*count)) != 0)
		abort();
	void *page = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	if (page == MAP_FAILED)
		abort();
	count = page;
	real_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* The real function. Looked up when first needed; glibc's dlsym takes no lock that a fork of a single thread could hold. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static long
real_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	static long (*real)(long, ...);

	if (real == NULL)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return real(number, a, b, c, d, e, f);
}

static int
strikes(void)
{
	if (count == NULL || __atomic_add_fetch(&count->seen, 1, __ATOMIC_SEQ_CST) != nth)
		return 0;
	__atomic_add_fetch(&count->struck, 1, __ATOMIC_SEQ_CST);
	errno = fault_errno;
	return 1;
}

#define FAULT(name) (strcmp(target, name) == 0 && strikes())

long
syscall(long number, ...)
{
	va_list args;
	long a[6];

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == target_number && strikes())
		return -1;
	return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

pid_t
fork(void)
{
	return FAULT("fork") ? -1 : REAL(fork)();
}

int
pipe2(int fds[2], int flags)
{
	return FAULT("pipe2") ? -1 : REAL(pipe2)(fds, flags);
}

int
socketpair(int domain, int type, int protocol, int fds[2])
{
	return FAULT("socketpair") ? -1 : REAL(socketpair)(domain, type, protocol, fds);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	return FAULT("write") ? -1 : REAL(write)(fd, data, len);
}

int
mkdirat(int dirfd, const char *path, mode_t mode)
{
	return FAULT("mkdirat") ? -1 : REAL(mkdirat)(dirfd, path, mode);
}

int
mkdir(const char *path, mode_t mode)
{
	return FAULT("mkdir") ? -1 : REAL(mkdir)(path, mode);
}

int
mount(const char *source, const char *to, const char *type, unsigned long flags, const void *data)
{
	return FAULT("mount") ? -1 : REAL(mount)(source, to, type, flags, data);
}

int
umount2(const char *to, int flags)
{
	return FAULT("umount2") ? -1 : REAL(umount2)(to, flags);
}

static mode_t
mode_argument(int flags, va_list args)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	mode_t mode = mode_argument(flags, args);
	va_end(args);
	return FAULT("openat") ? -1 : REAL(openat)(dirfd, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	mode_t mode = mode_argument(flags, args);
	va_end(args);
	return FAULT("open") ? -1 : REAL(open)(path, flags, mode);
}

int
epoll_create1(int flags)
{
	return FAULT("epoll_create1") ? -1 : (int)real_syscall(SYS_epoll_create1, flags, 0, 0, 0, 0, 0);
}
