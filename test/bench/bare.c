/*
 * The bare system calls: what any launcher with this isolation has to do, and nothing else. The denominator of the aim.
 *
 * All seven namespaces in one clone3, id maps, lo up, a private root from descriptors (/usr, /etc and the working directory),
 * /proc, /dev nodes, tmpfs on /tmp, pivot_root, no_new_privs, capabilities dropped, exec. No checks, no pipes, no filter, no
 * report: not a launcher, a measure. usage: bare COMMAND…
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void
must(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		_exit(1);
	}
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd, path);
	must(write(fd, text, strlen(text)), path);
	close(fd);
}

static int
tree(const char *path, unsigned long long attributes)
{
	long fd = syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct mount_attr attr = { .attr_set = attributes };

	must(fd, path);
	must(syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)), "mount_setattr");
	return (int)fd;
}

static void
attach(int fd, int root, const char *path)
{
	must(syscall(SYS_move_mount, fd, "", root, path, MOVE_MOUNT_F_EMPTY_PATH), path);
	close(fd);
}

static int
filesystem(const char *type)
{
	long fs = syscall(SYS_fsopen, type, 0);

	must(fs, type);
	must(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "fsconfig");
	long fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	must(fd, "fsmount");
	close((int)fs);
	return (int)fd;
}

static void
loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd, "socket");
	must(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
	close(fd);
}

static void
make_dirs(int root, char *path)
{
	for (char *at = path; (at = strchr(at, '/')) != NULL; *at++ = '/') {
		*at = '\0';
		mkdirat(root, path, 0755);
	}
	mkdirat(root, path, 0755);
}

static void
view(const char *cwd)
{
	static const char *const system_dirs[] = { "usr", "etc" };
	static const char *const links[] = { "bin", "sbin", "lib", "lib64" };
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	unsigned long long read_only = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	char path[4096];

	must(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL), "slave");
	int root = filesystem("tmpfs");
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/%s", system_dirs[i]);
		mkdirat(root, system_dirs[i], 0755);
		attach(tree(path, read_only), root, system_dirs[i]);
	}
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "usr/%s", links[i]);
		must(symlinkat(path, root, links[i]), links[i]);
	}
	mkdirat(root, "dev", 0755);
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		close(openat(root, path + 1, O_CREAT | O_CLOEXEC | O_WRONLY, 0666));
		attach(tree(path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), root, path + 1);
	}
	mkdirat(root, "proc", 0755);
	attach(filesystem("proc"), root, "proc");
	mkdirat(root, "tmp", 0755);
	attach(filesystem("tmpfs"), root, "tmp");
	mkdirat(root, "run", 0755);
	attach(filesystem("tmpfs"), root, "run");
	snprintf(path, sizeof(path), "%s", cwd + 1);
	make_dirs(root, path);
	attach(tree(cwd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), root, path);
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	must(syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &ro, sizeof(ro)), "root");
	/* A detached mount cannot be pivoted into: it is put somewhere first. */
	must(syscall(SYS_move_mount, root, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH), "root");
	must(fchdir(root), "root");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount");
	must(chdir(cwd), cwd);
}

static void
drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	for (unsigned long cap = 0; cap <= 40; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	must(syscall(SYS_capset, &header, none), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "pdeathsig");
}

int
main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP, .exit_signal = SIGCHLD };
	char cwd[4096], map[64];
	unsigned uid = getuid(), gid = getgid();
	int status;

	if (argc < 2 || getcwd(cwd, sizeof(cwd)) == NULL)
		return 2;
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	must(pid, "clone3");
	if (pid > 0)
		return waitpid((pid_t)pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid == 0 ? 1000 : uid, uid);
	put("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid == 0 ? 1000 : gid, gid);
	put("/proc/self/gid_map", map);
	loopback_up();
	view(cwd);
	drop();
	/* pid 1 stays and reaps, as every launcher's init has to. */
	pid = vfork();
	must(pid, "vfork");
	if (pid == 0) {
		setsid();
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	while (waitpid(-1, &status, 0) != (pid_t)pid)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
