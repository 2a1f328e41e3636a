/* sys/bwrap: the arguments, what is refused, what bwrap tells; and real runs where it is installed. */
#include "sys/bwrap.h"

#include "sandbox_run.h"
#include "tap.h"

/* Whether the words stand in a row among the arguments; "*" is any word. */
static bool
has(const struct ab_bwrap_start *start, const char *const *words)
{
	const char *end = start->args + start->args_len;

	for (const char *from = start->args; from < end; from += strlen(from) + 1) {
		const char *at = from;
		size_t i = 0;
		for (; words[i] != NULL && at < end; i++, at += strlen(at) + 1)
			if (strcmp(words[i], "*") != 0 && strcmp(words[i], at) != 0)
				break;
		if (words[i] == NULL)
			return true;
	}
	return false;
}
#define HAS(start, ...) has(start, (const char *const[]){ __VA_ARGS__, NULL })

static void
begin(struct run *run, bool holds)
{
	run_begin(run);
	run->child = (struct ab_child){ .pidfd = -1, .pid = -1, .channel = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .reaped = true };
	run->plan.level = AB_LEVEL_BWRAP;
	run->plan.bwrap = ab_strdup("/usr/bin/bwrap");
	run->plan.bwrap_holds = holds;
	run_shell(run, "true");
}

static void
make_dir(const struct run *run, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", run->tree, name);
	mkdir(path, 0755);
}

static void
test_arguments(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;
	size_t count = 2;

	begin(&run, false);
	ab_strv_push(&run.plan.envp, &count, "TOKEN=se=cret");
	run.plan.script = ab_strdup("echo");
	run.plan.script_len = 4;
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
	CHECK(HAS(&start, "--unshare-user", "--unshare-all"));
	CHECK(!HAS(&start, "--share-net"));
	CHECK(HAS(&start, "--hostname", "ab") && HAS(&start, "--die-with-parent") && HAS(&start, "--new-session"));
	CHECK(HAS(&start, "--cap-drop", "ALL") && HAS(&start, "--seccomp", "*") && HAS(&start, "--json-status-fd", "*"));
	CHECK(HAS(&start, "--ro-bind", "/usr", "/usr") && HAS(&start, "--bind", run.tree, run.tree));
	CHECK(HAS(&start, "--perms", "1777", "--tmpfs", "/tmp"));
	CHECK(HAS(&start, "--perms", "0444", "--ro-bind-data", "*", "/run/ab/script"));
	CHECK(HAS(&start, "--remount-ro", "/", "--clearenv"));
	CHECK(HAS(&start, "--setenv", "TOKEN", "se=cret") && HAS(&start, "--chdir", run.tree));
	CHECK_STRING(start.argv[0], "/usr/bin/bwrap");
	CHECK_STRING(start.argv[1], "--args");
	CHECK_STRING(start.argv[3], "--");
	CHECK_STRING(start.argv[4], "sh");
	for (size_t i = 0; i < start.fd_count; i++)
		CHECK(start.fd[i] > 2 && (fcntl(start.fd[i], F_GETFD) & FD_CLOEXEC) != 0);
	CHECK_INT(start.exec_errno, 0);
	int fd = start.fd[0];
	ab_bwrap_release(&start);
	CHECK_INT(fcntl(fd, F_GETFD), -1);
	run.plan.net.mode = AB_NET_HOST;
	run_argv(&run, (const char *const[]){ "no-such-program", NULL });
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
	CHECK(HAS(&start, "--share-net"));
	CHECK_INT(start.exec_errno, ENOENT);
	ab_bwrap_release(&start);
	run_end(&run);
}

/* Below what a command may write to: nothing before 0.12; then by descriptor, and never through a link. */
static void
test_locks(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;
	char hooks[160], link[160], gone[160];

	for (int holds = 0; holds < 2; holds++) {
		begin(&run, holds == 1);
		make_dir(&run, "hooks");
		snprintf(hooks, sizeof(hooks), "%s/hooks", run.tree);
		snprintf(link, sizeof(link), "%s/link", run.tree);
		snprintf(gone, sizeof(gone), "%s/gone", run.tree);
		CHECK_INT(symlink("/etc", link), 0);
		ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, hooks);
		ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, gone);
		CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
		CHECK(HAS(&start, "--ro-bind-fd", "*", hooks) == (holds == 1));
		CHECK(!HAS(&start, gone));
		CHECK_INT(start.missing, holds == 1 ? 0 : AB_PROMISE_BIT(AB_PROMISE_PROTECT));
		ab_bwrap_release(&start);
		ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, link);
		CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
		CHECK(!HAS(&start, link));
		CHECK_INT(start.missing, AB_PROMISE_BIT(AB_PROMISE_PROTECT));
		ab_bwrap_release(&start);
		ab_plan_view(&run.plan, AB_VIEW_MASK, NULL, hooks);
		CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), holds == 1 ? 0 : -1);
		if (holds == 1) {
			CHECK(HAS(&start, "--perms", "0555", "--tmpfs", hooks, "--remount-ro", hooks));
			ab_bwrap_release(&start);
		} else {
			CHECK_INT(err.code, AB_E_UNSUPPORTED);
		}
		run_end(&run);
	}
}

static void
test_refused(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;
	char path[160];

	begin(&run, true);
	snprintf(path, sizeof(path), "%s/missing", run.tree);
	run_bind(&run, "/usr", path, false, false);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1); /* nothing is made in a tree */
	run_end(&run);
	begin(&run, false);
	free(run.plan.bwrap);
	run.plan.bwrap = ab_asprintf("%s/bwrap", run.tree);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	run_end(&run);
	begin(&run, false);
	ab_plan_view(&run.plan, AB_VIEW_BIND, run.base, "/run/other")->ino = 1;
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1); /* not the one that was judged */
	run_end(&run);
}

/* Both kinds of cover, for everybody; and no /proc at all rather than the outer one. */
static void
test_proc(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;

	for (int fresh = 0; fresh < 2; fresh++) {
		begin(&run, false);
		run.plan.fresh_proc = fresh == 1;
		CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), 0);
		CHECK(HAS(&start, "--dev", "/dev", fresh == 1 ? "--proc" : "--dir", "/proc"));
		CHECK(HAS(&start, "--ro-bind", "/proc/sys", "/proc/sys") == (fresh == 1));
		CHECK(HAS(&start, "--ro-bind", "/proc/fs", "/proc/fs") == (fresh == 1));
		if (access("/proc/keys", F_OK) == 0)
			CHECK(HAS(&start, "--ro-bind", "/dev/null", "/proc/keys") == (fresh == 1));
		if (access("/proc/kcore", F_OK) == 0)
			CHECK(HAS(&start, "--ro-bind", "/dev/null", "/proc/kcore") == (fresh == 1));
		ab_bwrap_release(&start);
		run_end(&run);
	}
}

static void
test_status(void)
{
	struct ab_bwrap_status status = { .len = 0 };
	int ends[2], wait_status = -1;

	CHECK_INT(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK(ab_bwrap_listen(&status, ends[0]));
	CHECK_INT(ab_bwrap_inside(&status), 0);
	CHECK(write(ends[1], "{ \"child-pid\": 12", 17) == 17);
	CHECK(ab_bwrap_listen(&status, ends[0]));
	CHECK_INT(ab_bwrap_inside(&status), 0); /* not whole yet */
	CHECK(write(ends[1], "34 }\n{ \"exit-code\": 137 }\n", 26) == 26);
	close(ends[1]);
	CHECK(!ab_bwrap_listen(&status, ends[0]));
	close(ends[0]);
	CHECK_INT(ab_bwrap_inside(&status), 1234);
	CHECK(ab_bwrap_ended(&status, &wait_status));
	CHECK(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
	status = (struct ab_bwrap_status){ .len = 1, .text = "{ \"exit-code\": 255 }\n" };
	CHECK(ab_bwrap_ended(&status, &wait_status) && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 255);
	status = (struct ab_bwrap_status){ .len = 1, .text = "{ \"child-pid\": 3 }\n" };
	CHECK(!ab_bwrap_ended(&status, &wait_status));
}

/* For real. With bwrap_holds where the installed one knows descriptors (Debian's 0.8 does). */
static void
test_runs(void)
{
	struct ab_bwrap bwrap;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;
	char hooks[160];

	if (ab_bwrap_find(getenv("PATH"), NULL, &bwrap, &err) < 0) {
		printf("# %s\n", err.msg);
		return;
	}
	bool by_fd = system("bwrap --help 2>&1 | grep -q ro-bind-fd") == 0;
	for (int holds = 0; holds <= by_fd; holds++) {
		begin(&run, holds == 1);
		free(run.plan.bwrap);
		run.plan.bwrap = ab_strdup(bwrap.path);
		make_dir(&run, "hooks");
		snprintf(hooks, sizeof(hooks), "%s/hooks", run.tree);
		ab_plan_view(&run.plan, AB_VIEW_PIN, NULL, hooks);
		ab_plan_view(&run.plan, AB_VIEW_LOCK, NULL, hooks);
		run_shell(&run, "echo x >new && echo made; (echo x >hooks/new) 2>/dev/null || echo locked; ls /proc/self/fd | wc -l; exit 7");
		CHECK_INT(run_all(&run), 7);
		CHECK_STRING(run_text(&run.out), holds == 1 ? "made\nlocked\n4\n" : "made\n4\n");
		CHECK(run.started);
		run_end(&run);
		CHECK(waitpid(-1, NULL, WNOHANG) < 0);
	}
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "arguments", test_arguments },
		{ "locks", test_locks },
		{ "refused", test_refused },
		{ "/proc", test_proc },
		{ "what bwrap tells", test_status },
		{ "runs", test_runs },
	};

	(void)argc;
	return run_as_user(argv[0], tap_run(tests, AB_COUNT_OF(tests)));
}
