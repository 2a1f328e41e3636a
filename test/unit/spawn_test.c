/* From a plan to an end: exit, signals, failures, descriptors, and that nothing of a run outlives it. */
#include "sandbox_run.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void
test_true(void)
{
	struct run run;

	run_begin(&run);
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), 0);
	CHECK(run.ready && run.started && run.has_exited);
	CHECK_INT(run.exited.survivors, 0);
	/* the channel ends a little before the process does; its pidfd tells */
	struct pollfd gone = { .fd = run.child.pidfd, .events = POLLIN };
	CHECK_INT(poll(&gone, 1, 5000), 1);
	CHECK(ab_child_reap(&run.child));
	run_end(&run);
}

static void
test_exit_status(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "echo out; echo err >&2; exit 3");
	CHECK_INT(run_all(&run), 3);
	CHECK_STRING(run_text(&run.out), "out\n");
	CHECK_STRING(run_text(&run.errors), "err\n");
	run_end(&run);

	run_begin(&run);
	run_shell(&run, "kill -SEGV $$");
	CHECK_INT(run_all(&run), 128 + SIGSEGV);
	CHECK(!WCOREDUMP(run.exited.wait_status));
	run_end(&run);
}

static void
test_merge(void)
{
	struct run run;

	run_begin(&run);
	run.plan.merge = true;
	run_shell(&run, "echo 1; echo 2 >&2; echo 3");
	CHECK_INT(run_all(&run), 0);
	CHECK_INT(run.child.stderr_fd, -1);
	CHECK_STRING(run_text(&run.out), "1\n2\n3\n");
	run_end(&run);
}

static void
test_stdin(void)
{
	struct run run;

	run_begin(&run);
	run.io.stdin_pipe = true;
	run_argv(&run, (const char *const[]){ "cat", NULL });
	if (CHECK(run_start(&run))) {
		CHECK_INT(write(run.child.stdin_fd, "hello", 5), 5);
		ab_close_indirect(&run.child.stdin_fd);
		run_wait(&run, 10000);
		CHECK_STRING(run_text(&run.out), "hello");
	}
	run_end(&run);

	run_begin(&run);
	run_shell(&run, "readlink /proc/self/fd/0; cat");
	CHECK_INT(run_all(&run), 0);
	CHECK_STRING(run_text(&run.out), "/dev/null\n");
	run_end(&run);
}

static void
test_exec_failures(void)
{
	struct run run;

	run_begin(&run);
	run_argv(&run, (const char *const[]){ "no-such-command", NULL });
	CHECK_INT(run_all(&run), -1);
	CHECK(run.has_failed && run.failed.exec_failed);
	CHECK_INT(run.failed.errno_value, ENOENT);
	CHECK_STRING(run.failed.step, "execute \"no-such-command\"");
	run_end(&run);

	run_begin(&run);
	run_argv(&run, (const char *const[]){ "/etc/passwd", NULL });
	CHECK_INT(run_all(&run), -1);
	CHECK(run.failed.exec_failed);
	CHECK_INT(run.failed.errno_value, EACCES);
	run_end(&run);

	run_begin(&run);
	free(run.plan.cwd);
	run.plan.cwd = ab_strdup("/nowhere");
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), -1);
	CHECK(run.has_failed && !run.failed.exec_failed);
	CHECK_STRING(run.failed.step, "change to \"/nowhere\"");
	run_end(&run);
}

static void
test_script(void)
{
	struct run run;

	for (int level = AB_LEVEL_NAMESPACE; level <= AB_LEVEL_NONE; level += AB_LEVEL_NONE - AB_LEVEL_NAMESPACE) {
		run_begin(&run);
		run.plan.level = (enum ab_level)level;
		size_t len = 400000;
		run.plan.script = ab_malloc(len + 20);
		memset(run.plan.script, '#', len);
		strcpy(run.plan.script + len, "\necho $# $1\n");
		run.plan.script_len = strlen(run.plan.script);
		run_argv(&run, (const char *const[]){ "sh", AB_PLAN_SCRIPT, "word", NULL });
		CHECK_INT(run_all(&run), 0);
		CHECK_STRING(run_text(&run.out), "1 word\n");
		run_end(&run);
	}
}

static void
test_survivors(void)
{
	struct run run;
	int64_t began = ab_now_ms();

	run_begin(&run);
	run_shell(&run, "trap '' TERM; (setsid sleep 60 & setsid sh -c 'sleep 60 & sleep 60' &) ; sleep 0.1; exit 0");
	CHECK_INT(run_all(&run), 0);
	CHECK(run.exited.survivors >= 3);
	CHECK(ab_now_ms() - began < 5000);
	run_end(&run);

	run_begin(&run);
	run.plan.leftover_wait = true;
	run_shell(&run, "(sleep 0.3; echo late) & exit 4");
	CHECK_INT(run_all(&run), 4);
	CHECK_INT(run.exited.survivors, 0);
	CHECK_STRING(run_text(&run.out), "late\n");
	run_end(&run);
}

/* A held pipe ends with the sandbox. */
static void
test_kill(void)
{
	struct run run;

	run_begin(&run);
	/* twenty chains, each a process that starts its successor in a session of its own and ends; for 20 s at the most */
	run_shell(&run, "echo '[ $(date +%s) -lt '$(($(date +%s) + 20))' ] || exit; setsid sh ./hop & exit' >hop; trap '' TERM INT HUP; i=0; while [ $i -lt 20 ]; do sh ./hop & "
			"i=$((i+1)); done; echo up; sleep 100");
	if (CHECK(run_start(&run))) {
		run_hear(&run, "up");
		CHECK(run.started);
		CHECK(!ab_child_reap(&run.child));
		int64_t began = ab_now_ms();
		ab_child_kill(&run.child);
		CHECK(ab_now_ms() - began < 10000);
		CHECK(ab_child_reap(&run.child));
		CHECK(run.child.max_rss_bytes > 0);
		ab_child_kill(&run.child);
		run_wait(&run, 5000);
		CHECK(run_drain(run.child.stdout_fd, &run.out) == false);
		CHECK_STRING(run_text(&run.out), "up\n");
	}
	run_end(&run);
}

static void
test_signals(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "trap 'echo int; exit 9' INT; echo up; while :; do :; done");
	if (CHECK(run_start(&run))) {
		run_hear(&run, "up");
		ab_child_signal(&run.child, SIGINT, AB_SIGNAL_GROUP);
		run_wait(&run, 5000);
		CHECK(run.has_exited);
		CHECK_INT(WEXITSTATUS(run.exited.wait_status), 9);
		CHECK_STRING(run_text(&run.out), "up\nint\n");
	}
	run_end(&run);

	run_begin(&run);
	run_shell(&run, "trap '' TERM; echo up; sleep 100");
	if (CHECK(run_start(&run))) {
		run_hear(&run, "up");
		ab_child_signal(&run.child, SIGTERM, AB_SIGNAL_GROUP);
		run_wait(&run, 200);
		CHECK(!run.has_exited);
		ab_child_signal(&run.child, SIGKILL, AB_SIGNAL_ALL);
		run_wait(&run, 5000);
		CHECK(run.has_exited);
		CHECK_INT(WTERMSIG(run.exited.wait_status), SIGKILL);
	}
	run_end(&run);
}

/* Default dispositions and an empty mask, whatever the caller has. */
/* A set of signals in /proc/PID/status (proc_pid_status(5)); all of them when it is not there. */
static unsigned long long
signal_set(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at == NULL ? ~0ULL : strtoull(at + strlen(name), NULL, 16);
}

static void
test_signal_state(void)
{
	struct run run;
	sigset_t usr1;

	signal(SIGHUP, SIG_DFL); /* a test run by nohup(1) has it ignored, and so has what it runs */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	run_begin(&run);
	run_argv(&run, (const char *const[]){ "cat", "/proc/self/status", NULL });
	CHECK_INT(run_all(&run), 0);
	/* 32 and 33 are the C library's own, and real-time signals nobody's: what counts is 1 to 31 */
	CHECK_INT(signal_set(run_text(&run.out), "\nSigBlk:\t") & 0x7fffffff, 0);
	CHECK_INT(signal_set(run_text(&run.out), "\nSigIgn:\t") & 0x7fffffff, 0);
	run_end(&run);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
}

static void
test_descriptors(void)
{
	struct run run;
	int secret = open("/etc/passwd", O_RDONLY), high = fcntl(secret, F_DUPFD, 99);

	run_begin(&run);
	run_shell(&run, "ls /proc/self/fd | tr '\\n' ' '; cd /proc/1/fd && for f in *; do readlink $f; cat $f; done; cat <&99");
	run_all(&run);
	CHECK_STRING(run_text(&run.out), "0 1 2 3 ");
	run_end(&run);
	close(secret);
	close(high);
}

static unsigned
open_descriptors(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void
test_no_leak(void)
{
	struct run run;
	unsigned before = open_descriptors();

	for (int i = 0; i < 5; i++) {
		run_begin(&run);
		run_argv(&run, (const char *const[]){ i % 2 == 0 ? "true" : "no-such-command", NULL });
		(void)run_all(&run);
		run_end(&run);
	}
	CHECK_INT(open_descriptors(), before);
}

/* Two at once: the second's init must not hold the first's channel or pipes. */
static void
test_siblings(void)
{
	struct run first, second;

	run_begin(&first);
	first.io.stdin_pipe = true;
	run_argv(&first, (const char *const[]){ "cat", NULL });
	run_begin(&second);
	run_shell(&second, "sleep 100");
	if (CHECK(run_start(&first) && run_start(&second))) {
		run_wait(&second, 200);
		ab_close_indirect(&first.child.stdin_fd);
		int64_t began = ab_now_ms();
		run_wait(&first, 10000);
		CHECK(ab_now_ms() - began < 5000);
		CHECK(first.has_exited);
		CHECK(!second.has_exited);
	}
	run_end(&first);
	run_end(&second);
}

/* The caller dies by SIGKILL: nothing stays. The command holds a pipe of ours, which must end. */
static void
check_parent_death(enum ab_level level)
{
	int pipe_fds[2];
	struct run run;
	char byte;

	run_begin(&run);
	run.plan.level = level;
	run_shell(&run, "trap '' TERM HUP; setsid sleep 100 & sleep 100");
	if (pipe(pipe_fds) < 0)
		abort();
	fflush(stdout);
	pid_t parent = fork();
	if (parent == 0) {
		/* what the command writes to is our pipe */
		close(pipe_fds[0]);
		if (run_start(&run)) {
			run_wait(&run, 300);
			(void)!write(pipe_fds[1], run.started ? "s" : "f", 1);
			pause();
		}
		_exit(1);
	}
	close(pipe_fds[1]);
	CHECK_INT(read(pipe_fds[0], &byte, 1), 1);
	CHECK_INT(byte, 's');
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	/* init is ours now (we are the subreaper): it ends, and with it everything. */
	int64_t deadline = ab_deadline(10000);
	while (waitpid(-1, NULL, WNOHANG) >= 0 && ab_now_ms() < deadline)
		usleep(1000);
	CHECK(errno == ECHILD && ab_now_ms() < deadline);
	close(pipe_fds[0]);
	memset(&run.child, 0xff, sizeof(run.child));
	run.child.reaped = true;
	run_end(&run);
}

static void
test_parent_death(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	check_parent_death(AB_LEVEL_NAMESPACE);
	check_parent_death(AB_LEVEL_NONE);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

/* Level none: init killed by the command itself; what is left is found and killed. */
static void
test_guard_killed(void)
{
	struct run run;

	run_begin(&run);
	run.plan.level = AB_LEVEL_NONE;
	run_shell(&run, "setsid sleep 4242 & setsid sh -c 'setsid sleep 4243 & sleep 4244' & sleep 0.1; kill -9 $PPID; sleep 4245");
	if (CHECK(run_start(&run))) {
		run_wait(&run, 1000);
		CHECK(!run.has_exited);
		ab_child_kill(&run.child);
		int64_t began = ab_now_ms();
		run_wait(&run, 10000);
		CHECK(ab_now_ms() - began < 5000);
		CHECK(waitpid(-1, NULL, WNOHANG) < 0);
	}
	run_end(&run);
}

/* Init is there and waits: nothing was started, no message has come. */
static void
note_created(void *data, pid_t pid)
{
	usleep(20000);
	CHECK_INT(kill(pid, 0), 0);
	*(pid_t *)data = pid;
}

static void
test_created(void)
{
	struct run run;
	pid_t seen = 0;

	run_begin(&run);
	run.io.created = note_created;
	run.io.data = &seen;
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), 0);
	CHECK_INT(seen, run.child.pid);
	run_end(&run);
}

static void
test_inherit(void)
{
	struct run run;
	int fds[2];
	char text[64] = "";

	if (pipe(fds) < 0)
		abort();
	run_begin(&run);
	run.plan.level = AB_LEVEL_NONE;
	run.io.inherit = true;
	run_shell(&run, "echo direct");
	fflush(stdout);
	int saved = dup(1);
	dup2(fds[1], 1);
	int status = run_all(&run);
	dup2(saved, 1);
	close(saved);
	close(fds[1]);
	CHECK_INT(status, 0);
	CHECK_INT(run.child.stdout_fd, -1);
	CHECK(read(fds[0], text, sizeof(text) - 1) > 0);
	CHECK_STRING(text, "direct\n");
	close(fds[0]);
	run_end(&run);
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "true", test_true },
		{ "exit status and output", test_exit_status },
		{ "stderr merged", test_merge },
		{ "stdin: a pipe, or /dev/null", test_stdin },
		{ "what cannot be executed is told", test_exec_failures },
		{ "a long script", test_script },
		{ "survivors are killed, or waited for", test_survivors },
		{ "kill ends a fork storm", test_kill },
		{ "signals to the group and to all", test_signals },
		{ "signals are default inside", test_signal_state },
		{ "no descriptor of the caller is inside", test_descriptors },
		{ "no descriptor is left in the caller", test_no_leak },
		{ "siblings hold nothing of each other", test_siblings },
		{ "the caller's death ends everything", test_parent_death },
		{ "init killed: what is left is killed", test_guard_killed },
		{ "the created callback", test_created },
		{ "level none with the caller's descriptors", test_inherit },
	};

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!run_possible())
		return 0;
	return run_as_user(argv[0], tap_run(tests, AB_COUNT_OF(tests)));
}
