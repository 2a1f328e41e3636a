/* sys/bwrap: the arguments but for the view, what is refused, what bwrap tells; and real runs where it is installed. */
#include "sys/bwrap.h"

#include "bwrap_args.h"

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

static void
test_refused(void)
{
	struct ab_bwrap_start start;
	struct ab_error err = AB_ERROR_INIT;
	struct run run;

	begin(&run, false);
	free(run.plan.bwrap);
	run.plan.bwrap = ab_asprintf("%s/bwrap", run.tree);
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	run_end(&run);
	begin(&run, false);
	run.plan.script = ab_strdup("echo");
	run.plan.script_len = 4;
	run.plan.limits.file_size_bytes = 3;
	CHECK_INT(ab_bwrap_prepare(&run.plan, &start, &err), -1); /* bwrap could not write it */
	CHECK_INT(err.code, AB_E_UNSUPPORTED);
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
		{ "refused", test_refused },
		{ "/proc", test_proc },
		{ "what bwrap tells", test_status },
		{ "runs", test_runs },
	};

	(void)argc;
	return run_as_user(argv[0], tap_run(tests, AB_COUNT_OF(tests)));
}
