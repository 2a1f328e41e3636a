/* Processes as /proc tells them. */
#include "sys/proctree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "core/mem.h"
#include "core/time.h"

/* Read /proc/PID/stat. The name in it may hold anything, so the fields count from the last ')'. */
static bool
read_stat(int proc_fd, pid_t pid, struct ab_process *process)
{
	char path[32], text[1024];
	uint64_t utime, stime, start;
	int64_t cutime, cstime, rss;
	int ppid, sid;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	AB_AUTO_CLOSE int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	char *at = strrchr(text, ')');
	if (at == NULL ||
	    sscanf(at + 1,
		" %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64
		" %*d %*d %*d %*d %" SCNu64 " %*u %" SCNd64,
		&process->state, &ppid, &sid, &utime, &stime, &cutime, &cstime, &start, &rss) != 9)
		return false;
	process->pid = pid;
	process->ppid = ppid;
	process->sid = sid;
	process->start = start;
	process->cpu_ticks = utime + stime + (uint64_t)cutime + (uint64_t)cstime;
	process->rss_bytes = (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE);
	process->chosen = false;
	return true;
}

struct ab_process *
ab_proctree_list(int proc_fd, size_t *count)
{
	struct ab_process *list = NULL;
	size_t room = 0;
	int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	*count = 0;
	if (dir == NULL) {
		ab_close_indirect(&fd);
		return NULL;
	}
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (*count == room) {
			room = room == 0 ? 64 : room * 2;
			list = ab_reallocarray(list, room, sizeof(*list));
		}
		if (read_stat(proc_fd, (pid_t)strtol(entry->d_name, NULL, 10), &list[*count]))
			(*count)++;
	}
	closedir(dir);
	return list;
}

static int
by_pid(const void *a, const void *b)
{
	const struct ab_process *first = a, *second = b;

	return (first->pid > second->pid) - (first->pid < second->pid);
}

size_t
ab_proctree_choose(
    struct ab_process *list, size_t count, bool (*root)(const struct ab_process *, void *), void *data)
{
	size_t chosen = 0;

	if (count == 0)
		return 0;
	qsort(list, count, sizeof(*list), by_pid);
	for (size_t i = 0; i < count; i++)
		if (root(&list[i], data)) {
			list[i].chosen = true;
			chosen++;
		}
	/* In order of numbers a child mostly comes after its parent: one round, and one more for each time
	 * the numbers wrapped. */
	for (bool more = chosen > 0; more;) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			const struct ab_process key = { .pid = list[i].ppid };
			const struct ab_process *parent =
			    list[i].chosen ? NULL : bsearch(&key, list, count, sizeof(*list), by_pid);
			if (parent == NULL || !parent->chosen)
				continue;
			list[i].chosen = more = true;
			chosen++;
		}
	}
	return chosen;
}

/* Signal through a pidfd that was checked to be of the process that was seen; 0 = it is gone. */
static bool
signal_one(int proc_fd, const struct ab_process *process, int signo)
{
	struct ab_process now;
	AB_AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);

	if (pidfd < 0 && errno != ENOSYS && errno != EPERM)
		return false;
	if (!read_stat(proc_fd, process->pid, &now) || now.start != process->start)
		return false;
	if (pidfd < 0) /* Linux before 5.3, or a filter that does not know it */
		return kill(process->pid, signo) == 0;
	return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) == 0;
}

static void
forbid_forking(const struct ab_process *process)
{
	const struct rlimit none = { 0, 0 };

	(void)prlimit(process->pid, RLIMIT_NPROC, &none, NULL);
}

/* One look: signal what is chosen and alive; SIGSTOP only what is not stopped yet. Returns how many that
 * were. */
static size_t
signal_chosen(bool (*root)(const struct ab_process *, void *), void *data, int signo, bool no_forking)
{
	size_t count, hit = 0;
	AB_AUTO_CLOSE int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AB_AUTO_FREE struct ab_process *list = proc_fd < 0 ? NULL : ab_proctree_list(proc_fd, &count);

	if (list == NULL)
		return 0;
	ab_proctree_choose(list, count, root, data);
	for (size_t i = 0; i < count; i++) {
		if (!list[i].chosen || list[i].state == 'Z' || list[i].state == 'X' ||
		    (signo == SIGSTOP && list[i].state == 'T'))
			continue;
		if (no_forking)
			forbid_forking(&list[i]);
		hit += signal_one(proc_fd, &list[i], signo);
	}
	return hit;
}

size_t
ab_proctree_signal(bool (*root)(const struct ab_process *, void *), void *data, int signo)
{
	return signal_chosen(root, data, signo, false);
}

/* Reap children of ours that `root` chooses and that are dead. Others are somebody else's to reap. */
static void
reap_chosen(bool (*root)(const struct ab_process *, void *), void *data)
{
	size_t count;
	AB_AUTO_CLOSE int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AB_AUTO_FREE struct ab_process *list = proc_fd < 0 ? NULL : ab_proctree_list(proc_fd, &count);

	if (list == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		if (list[i].state == 'Z' && list[i].ppid == getpid() && root(&list[i], data))
			(void)waitpid(list[i].pid, NULL, WNOHANG);
}

size_t
ab_proctree_kill(bool (*root)(const struct ab_process *, void *), void *data, size_t *left)
{
	const struct timespec pause = { 0, 500 * 1000 };
	size_t killed = 0, now = 0;

	for (int64_t deadline = ab_deadline(2000); ab_now_ms() < deadline;) {
		/* First all of them stand still: a storm cannot fork between the look and the kill then. */
		for (unsigned looks = 0; looks < 50; looks++)
			if (signal_chosen(root, data, SIGSTOP, looks >= 3) == 0)
				break;
		now = signal_chosen(root, data, SIGKILL, false);
		killed = now > killed ? now : killed; /* later rounds meet the dying again: a lower bound */
		if (now == 0)
			break;
		nanosleep(&pause, NULL);
		reap_chosen(root, data);
	}
	reap_chosen(root, data);
	if (left != NULL)
		*left = now;
	return killed;
}

bool
ab_proctree_is_child_of(const struct ab_process *process, void *data)
{
	return process->ppid == *(const pid_t *)data;
}

uint64_t
ab_proctree_pss(int proc_fd, const struct ab_process *process)
{
	char path[48], text[1024];
	uint64_t kib;

	snprintf(path, sizeof(path), "%d/smaps_rollup", (int)process->pid);
	AB_AUTO_CLOSE int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return process->rss_bytes;
	text[n] = '\0';
	const char *at = strstr(text, "\nPss:");
	return at != NULL && sscanf(at + 5, "%" SCNu64, &kib) == 1 ? kib * 1024 : process->rss_bytes;
}
