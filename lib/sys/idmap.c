/* User namespaces for idmapped mounts. */
#include "sys/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io.h"

static int
write_map(pid_t pid, const char *file, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	AB_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

static int
write_maps(pid_t pid, const struct ab_ident *ident)
{
	char text[AB_IDENT_MAX * 40] = "";
	size_t len = 0;

	if (ident->mode == AB_IDENT_IDMAP) {
		snprintf(text, sizeof(text), "0 %u %u\n", AB_IDMAP_BASE, AB_IDMAP_SPAN);
		return write_map(pid, "uid_map", text) == 0 ? write_map(pid, "gid_map", text) : -1;
	}

	for (unsigned i = 0; i < ident->uid_count; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%u %u 1\n", ident->uid[i].disk, ident->uid[i].kernel);
	if (write_map(pid, "uid_map", text) != 0)
		return -1;
	len = 0;
	for (unsigned i = 0; i < ident->gid_count; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%u %u 1\n", ident->gid[i].disk, ident->gid[i].kernel);
	return write_map(pid, "gid_map", text);
}

/* The process that holds a user namespace until it has been opened; killed then, and waited for when that costs nothing. */
static struct {
	_Alignas(16) char stack[16384];
	pid_t pid, parent; /* pid 0: none */
} holder;

/* It shares the caller's memory (copying that would be most of its cost) and so does nothing but system calls on a stack of its own. */
static int
hold_namespace(void *unused)
{
	(void)unused;
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while (syscall(SYS_getppid) == holder.parent)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
	return 0;
}

void
ab_idmap_reap(void)
{
	int saved = errno;

	while (holder.pid > 0 && waitpid(holder.pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	holder.pid = 0;
	errno = saved;
}

int
ab_idmap_userns(const struct ab_ident *ident)
{
	char path[64];

	ab_idmap_reap();
	holder.parent = getpid();
	holder.pid = clone(hold_namespace, holder.stack + sizeof(holder.stack), CLONE_NEWUSER | CLONE_VM | SIGCHLD, NULL);
	if (holder.pid < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)holder.pid);
	int fd = write_maps(holder.pid, ident) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	int saved = errno;
	kill(holder.pid, SIGKILL);
	errno = saved;
	return fd;
}
