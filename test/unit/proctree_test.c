/* The tree of processes: who is in it, what it uses, and that all of it can be ended. */
#include "sys/proctree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"
#include "tap.h"

static bool
root_is_1(const struct ab_process *process, void *data)
{
	(void)data;
	return process->ppid == 1;
}

static void
test_choose(void)
{
	/* numbers wrapped: 9's child is 3, whose child is 5 */
	struct ab_process list[] = { { .pid = 20, .ppid = 9 }, { .pid = 9, .ppid = 1 }, { .pid = 3, .ppid = 9 }, { .pid = 5, .ppid = 3 },
		{ .pid = 7, .ppid = 2 }, { .pid = 2, .ppid = 0 }, { .pid = 8, .ppid = 7 } };

	CHECK_INT(ab_proctree_choose(list, AB_COUNT_OF(list), root_is_1, NULL), 4);
	for (size_t i = 0; i < AB_COUNT_OF(list); i++)
		CHECK_INT(list[i].chosen, list[i].pid == 9 || list[i].pid == 3 || list[i].pid == 5 || list[i].pid == 20);
	CHECK_INT(ab_proctree_choose(NULL, 0, root_is_1, NULL), 0);
}

static pid_t
start(const char *script)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh) S 1 1", "-c", script, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void
test_list(void)
{
	size_t count;
	int proc = open("/proc", O_PATH | O_DIRECTORY);
	pid_t pid = start("exec sleep 100");
	AB_AUTO_FREE struct ab_process *list = ab_proctree_list(proc, &count);
	const struct ab_process *self = NULL, *child = NULL;

	for (size_t i = 0; list != NULL && i < count; i++) {
		if (list[i].pid == getpid())
			self = &list[i];
		if (list[i].pid == pid)
			child = &list[i];
	}
	if (CHECK(self != NULL && child != NULL)) {
		CHECK_INT(child->ppid, getpid());
		CHECK_INT(self->ppid, getppid());
		CHECK_INT(self->sid, getsid(0));
		CHECK(self->rss_bytes > 100000 && self->rss_bytes < 1000000000);
		CHECK(child->start >= self->start);
		uint64_t pss = ab_proctree_pss(proc, self);
		CHECK(pss > 10000 && pss <= self->rss_bytes);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(proc);
	CHECK(ab_proctree_list(-1, &count) == NULL);
}

static void
test_signal(void)
{
	pid_t self = getpid(), pid = start("trap 'exit 5' TERM; while :; do sleep 0.02; done");

	usleep(100000);
	CHECK(ab_proctree_signal(ab_proctree_is_child_of, &self, SIGTERM) >= 1);
	int status = 0;
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	CHECK_INT(ab_proctree_signal(ab_proctree_is_child_of, &self, SIGTERM), 0);
}

/* Detached, in sessions of their own, replaced as they die. */
static void
test_kill(void)
{
	size_t left = 99;
	pid_t self = getpid();

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	char dir[] = "/var/tmp/ab-proctree-XXXXXX", script[400];
	if (mkdtemp(dir) == NULL)
		abort();
	/* the chains end by themselves after a while: whoever kills this test must not be left with them */
	snprintf(script, sizeof(script), "cd %s; echo '[ $(date +%%s) -lt '$(($(date +%%s) + 20))' ] || exit; setsid sh ./hop & exit' >hop;"
					 "for i in 1 2 3 4 5 6 7 8; do sh ./hop & done; kill -STOP $$; sleep 100", dir);
	start(script);
	usleep(200000);
	int64_t began = ab_now_ms();
	CHECK(ab_proctree_kill(ab_proctree_is_child_of, &self, &left) >= 1);
	CHECK(ab_now_ms() - began < 2500);
	CHECK_INT(left, 0);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	CHECK_INT(errno, ECHILD);
	CHECK_INT(ab_proctree_kill(ab_proctree_is_child_of, &self, &left), 0);
	snprintf(script, sizeof(script), "rm -r %s", dir);
	waitpid(start(script), NULL, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "descendants", test_choose },
		{ "a look at /proc", test_list },
		{ "a signal to all of them", test_signal },
		{ "the end of all of them", test_kill },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return tap_run(tests, AB_COUNT_OF(tests));
}
