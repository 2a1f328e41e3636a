/* Real cgroups where we may make them; without, that nothing is claimed. */
#include "sys/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/op.h"
#include "tap.h"

static const ab_promises memory_bit = AB_PROMISE_BIT(AB_PROMISE_MEMORY), pids_bit = AB_PROMISE_BIT(AB_PROMISE_PIDS);

static struct ab_limits
limits_of(int64_t memory_bytes, int64_t pids)
{
	return (struct ab_limits){ .memory_bytes = memory_bytes, .pids = pids, .cpu_time_ms = AB_UNSET };
}

static bool
have(ab_promises wanted)
{
	ab_promises enforced;
	bool v2;

	ab_cgroup_probe(&v2, &enforced);
	return (enforced & wanted) == wanted;
}

/* Run `body` in a child that the cgroup holds; its wait status. */
static int
run_inside(const struct ab_cgroup *cgroup, int (*body)(void))
{
	int go[2], status = -1;

	if (pipe2(go, O_CLOEXEC) != 0)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		close(go[1]);
		_exit(read(go[0], &byte, 1) == 1 ? body() : 99);
	}
	close(go[0]);
	ab_cgroup_attach(cgroup, pid);
	if (write(go[1], "x", 1) != 1)
		abort();
	close(go[1]);
	waitpid(pid, &status, 0);
	return status;
}

static int
eat_memory(void)
{
	const size_t size = 96 << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(memory, 1, size);
	return 0;
}

static int
fork_much(void)
{
	int made = 0;

	while (made < 50) {
		pid_t pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			break;
		made++;
	}
	return made; /* they are left for ab_cgroup_close */
}

static int
burn(void)
{
	for (volatile unsigned i = 0; i < 200u * 1000 * 1000; i++)
		continue;
	return 0;
}

static bool
all_gone(char *const dirs[], size_t count)
{
	bool gone = true;

	for (size_t i = 0; i < count; i++) {
		gone = gone && (dirs[i] == NULL || access(dirs[i], F_OK) != 0);
		free(dirs[i]);
	}
	return gone;
}

static void
memory_is_limited(void)
{
	struct ab_limits limits = limits_of(32 << 20, AB_UNSET);
	struct ab_cgroup_usage usage;
	struct ab_cgroup cgroup;
	ab_promises enforced;

	if (!have(memory_bit))
		TAP_SKIP("no cgroup can be made here");
	ab_cgroup_open(&cgroup, &limits, &enforced);
	CHECK_INT(enforced, memory_bit);
	int status = run_inside(&cgroup, eat_memory);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ab_cgroup_read(&cgroup, &usage);
	CHECK(usage.oom_kills >= 1);
	CHECK(usage.known && usage.max_rss_bytes > 16 << 20 && usage.max_rss_bytes <= 32 << 20);
	ab_cgroup_close(&cgroup);
}

static void
processes_are_limited_and_killed(void)
{
	struct ab_limits limits = limits_of(AB_UNSET, 20);
	struct ab_cgroup_usage usage;
	struct ab_cgroup cgroup;
	ab_promises enforced;

	if (!have(pids_bit))
		TAP_SKIP("no cgroup can be made here");
	ab_cgroup_open(&cgroup, &limits, &enforced);
	CHECK_INT(enforced, pids_bit);
	int status = run_inside(&cgroup, fork_much);
	CHECK_INT(WEXITSTATUS(status), 20); /* and the one that is like init */
	ab_cgroup_read(&cgroup, &usage);
	CHECK(usage.pids_max_events >= 1);
	CHECK_INT(usage.oom_kills, 0);
	char *dirs[] = { cgroup.v2 == NULL ? NULL : ab_strdup(cgroup.v2), cgroup.pids == NULL ? NULL : ab_strdup(cgroup.pids) };
	ab_cgroup_close(&cgroup);
	CHECK(all_gone(dirs, AB_COUNT_OF(dirs)));
	ab_cgroup_close(&cgroup); /* an empty one */
}

static void
usage_is_counted(void)
{
	struct ab_limits limits = limits_of(256 << 20, AB_UNSET);
	struct ab_cgroup_usage usage;
	struct ab_cgroup cgroup;
	ab_promises enforced;

	if (!have(memory_bit))
		TAP_SKIP("no cgroup can be made here");
	ab_cgroup_open(&cgroup, &limits, &enforced);
	CHECK_INT(run_inside(&cgroup, burn), 0);
	ab_cgroup_read(&cgroup, &usage);
	CHECK(usage.known);
	CHECK(usage.user_us + usage.sys_us > 10 * 1000);
	CHECK_INT(usage.oom_kills, 0);
	ab_cgroup_close(&cgroup);
}

static void
dead_runs_are_removed(void)
{
	struct ab_limits limits = limits_of(AB_UNSET, 10);
	struct ab_cgroup cgroup;
	ab_promises enforced;

	if (!have(pids_bit))
		TAP_SKIP("no cgroup can be made here");
	ab_cgroup_open(&cgroup, &limits, &enforced);
	AB_AUTO_FREE char *parent = ab_strdup(cgroup.v2 != NULL ? cgroup.v2 : cgroup.pids);
	*strrchr(parent, '/') = '\0';
	ab_cgroup_close(&cgroup);

	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	AB_AUTO_FREE char *old = ab_asprintf("%s/ab-00000000000000000000000000-%d", parent, (int)pid);
	AB_AUTO_FREE char *young = ab_asprintf("%s/ab-00000000000000000000000001-%d", parent, (int)pid);
	AB_AUTO_FREE char *alive = ab_asprintf("%s/ab-00000000000000000000000002-%d", parent, (int)getpid());
	const struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	CHECK(mkdir(old, 0755) == 0 && mkdir(young, 0755) == 0 && mkdir(alive, 0755) == 0);
	CHECK(utimensat(AT_FDCWD, old, times, 0) == 0 && utimensat(AT_FDCWD, alive, times, 0) == 0);
	ab_cgroup_open(&cgroup, &limits, &enforced);
	CHECK(access(old, F_OK) != 0);
	CHECK(access(young, F_OK) == 0);
	CHECK(access(alive, F_OK) == 0);
	ab_cgroup_close(&cgroup);
	CHECK(rmdir(young) == 0 && rmdir(alive) == 0);
}

static int
leave_children(void)
{
	for (int i = 0; i < 5; i++)
		if (fork() == 0) {
			setsid();
			pause();
			_exit(0);
		}
	return 0;
}

/* In a mount namespace of its own, with the unified hierarchy on top (which may have no controllers to give). */
static int
unified_in_own_namespace(void)
{
	struct ab_limits limits = { .memory_bytes = AB_UNSET, .pids = AB_UNSET, .cpu_time_ms = 1000 };
	struct ab_cgroup_usage usage;
	struct ab_cgroup cgroup;
	ab_promises enforced;

	if (unshare(CLONE_NEWNS) != 0 || syscall(SYS_mount, "none", "/", NULL, 0x44000 /* rec, private */, NULL) != 0 ||
	    syscall(SYS_mount, "none", "/sys/fs/cgroup", "cgroup2", 0, NULL) != 0)
		return 1;
	ab_cgroup_open(&cgroup, &limits, &enforced);
	if (!CHECK(cgroup.v2 != NULL && cgroup.dir_fd >= 0))
		return tap_failures;
	CHECK(cgroup.memory == NULL && enforced == 0);
	CHECK_INT(run_inside(&cgroup, leave_children), 0);
	AB_AUTO_FREE char *events = ab_asprintf("%s/cgroup.events", cgroup.v2);
	char text[64] = "";
	int fd = open(events, O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "populated 1") != NULL);
	close(fd);
	ab_cgroup_read(&cgroup, &usage);
	CHECK_INT(usage.oom_kills, 0);
	AB_AUTO_FREE char *dir = ab_strdup(cgroup.v2);
	ab_cgroup_close(&cgroup);
	CHECK(access(dir, F_OK) != 0); /* the five were killed first */
	return tap_failures == 0 ? 0 : 2;
}

static void
unified_hierarchy(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int result = unified_in_own_namespace();
		fflush(stdout);
		_exit(result);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		TAP_SKIP("cgroup2 cannot be mounted here");
	CHECK_INT(status, 0);
}

static void
nothing_asked_nothing_made(void)
{
	struct ab_limits limits = limits_of(AB_UNSET, AB_UNSET);
	struct ab_cgroup_usage usage;
	struct ab_cgroup cgroup = AB_CGROUP_INIT;
	ab_promises enforced;

	ab_cgroup_read(&cgroup, &usage);
	CHECK(!usage.known && usage.oom_kills == 0);
	ab_cgroup_open(&cgroup, &limits, &enforced);
	CHECK_INT(enforced, 0);
	CHECK(cgroup.memory == NULL && cgroup.pids == NULL);
	ab_cgroup_close(&cgroup);
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "memory is limited", memory_is_limited },
		{ "processes are limited, and killed at the end", processes_are_limited_and_killed },
		{ "usage is counted", usage_is_counted },
		{ "directories of dead runs are removed", dead_runs_are_removed },
		{ "the unified hierarchy", unified_hierarchy },
		{ "nothing asked, nothing made", nothing_asked_nothing_made },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
