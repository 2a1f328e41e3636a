/* Init: levels without namespaces, limits that it samples, stops, groups, what it reaps. */
#include "sandbox_run.h"

static void
run_level(struct run *run, enum ab_level level)
{
	run_begin(run);
	run->plan.level = level;
}

/* Every level: exit, output, survivors; the guard leaves nobody. */
static void
test_levels(void)
{
	struct run run;

	for (int level = AB_LEVEL_NAMESPACE; level < AB_LEVEL_COUNT; level++) {
		if (level == AB_LEVEL_BWRAP)
			continue; /* test/unit/bwrap_test.c */
		run_level(&run, (enum ab_level)level);
		run_shell(&run, "echo out; setsid sleep 100 & (setsid sh -c 'trap \"\" TERM; sleep 100 & sleep 100' &); sleep 0.1; exit 7");
		int64_t began = ab_now_ms();
		CHECK_INT(run_all(&run), 7);
		CHECK(ab_now_ms() - began < 5000);
		CHECK_STRING(run_text(&run.out), "out\n");
		CHECK(run.exited.survivors >= 3);
		run_end(&run);
		CHECK(waitpid(-1, NULL, WNOHANG) < 0);
	}
}

static void
test_landlock_level(void)
{
	struct run run;
	char path[128];

	run_level(&run, AB_LEVEL_LANDLOCK);
	snprintf(path, sizeof(path), "%s/beside", run.base);
	close(open(path, O_WRONLY | O_CREAT, 0666));
	chmod(path, 0666);
	run_shell(&run, "echo x >new && echo made; (echo x >../beside) 2>/dev/null || echo refused; (ls .. >/dev/null) 2>/dev/null || echo hidden;"
			"grep -c 'CapEff:.0000000000000000' /proc/self/status; kill -9 $PPID 2>/dev/null || echo guarded; exit 3");
	CHECK_INT(run_all(&run), 3);
	CHECK_STRING(run_text(&run.out), "made\nrefused\nhidden\n1\nguarded\n");
	run_end(&run);
}

static void
test_memory(void)
{
	struct run run;

	run_begin(&run);
	run.plan.sample_memory = true;
	run.plan.limits.memory_bytes = 64 << 20;
	run_argv(&run, (const char *const[]){ "sh", "-c", "head -c 300000000 /dev/zero | tail -c 300000000 >/dev/null; sleep 10", NULL });
	CHECK_INT(run_all(&run), 128 + SIGKILL);
	CHECK_INT(run.exited.limits_hit, 1);
	run_end(&run);

	run_begin(&run);
	run.plan.sample_memory = true;
	run.plan.limits.memory_bytes = 64 << 20;
	run_shell(&run, "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.3 & done; sleep 0.3");
	CHECK_INT(run_all(&run), 0);
	CHECK_INT(run.exited.limits_hit, 0);
	run_end(&run);
}

static void
test_cpu(void)
{
	struct run run;

	for (int level = AB_LEVEL_NAMESPACE; level <= AB_LEVEL_NONE; level += AB_LEVEL_NONE - AB_LEVEL_NAMESPACE) {
		run_level(&run, (enum ab_level)level);
		run.plan.sample_cpu = true;
		run.plan.limits.cpu_time_ms = 300;
		run_shell(&run, "f() { while :; do :; done; }; f & f");
		int64_t began = ab_now_ms();
		CHECK_INT(run_all(&run), 128 + SIGKILL);
		CHECK(ab_now_ms() - began < 10000);
		CHECK_INT(run.exited.limits_hit, 2);
		CHECK(run.exited.user_us + run.exited.sys_us >= 250000);
		run_end(&run);
	}
	/* reaped children count as well */
	run_begin(&run);
	run.plan.sample_cpu = true;
	run.plan.limits.cpu_time_ms = 300;
	run_shell(&run, "while :; do sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done'; done");
	CHECK_INT(run_all(&run), 128 + SIGKILL);
	CHECK_INT(run.exited.limits_hit, 2);
	run_end(&run);
}

static void
test_usage(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; head -c 50000000 /dev/zero | tail -c 50000000 >/dev/null");
	CHECK_INT(run_all(&run), 0);
	CHECK(run.exited.user_us > 10000);
	CHECK(run.exited.max_rss_bytes > 50000000 && run.exited.max_rss_bytes < 500000000);
	run_end(&run);
}

static void
test_stop(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "echo up; kill -STOP $$; echo again");
	if (CHECK(run_start(&run))) {
		run_hear(&run, "up");
		CHECK(!run.has_exited);
		CHECK_STRING(run_text(&run.out), "up\n");
		ab_child_signal(&run.child, SIGCONT, AB_SIGNAL_ALL);
		run_wait(&run, 5000);
		CHECK(run.has_exited);
		CHECK_STRING(run_text(&run.out), "up\nagain\n");
	}
	run_end(&run);
}

/* Orphans are reaped while the command runs: a process table of zombies would be its limit. */
static void
test_orphans(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "i=0; while [ $i -lt 20 ]; do (sh -c true &); i=$((i+1)); done; sleep 0.2; set -- /proc/[0-9]*; echo $#");
	CHECK_INT(run_all(&run), 0);
	CHECK_STRING(run_text(&run.out), "2\n");
	run_end(&run);
}

static void
test_group(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "trap 'sleep 0.3; echo main; exit' TERM; setsid sh -c \"trap 'echo other' TERM; sleep 1 & wait; sleep 0.1\" & sleep 0.1; "
			"sh -c \"trap 'echo child; exit' TERM; sleep 5 & wait\" & echo up; wait");
	if (CHECK(run_start(&run))) {
		run_hear(&run, "up");
		ab_child_signal(&run.child, SIGTERM, AB_SIGNAL_GROUP);
		run_wait(&run, 5000);
		CHECK(strstr(run_text(&run.out), "main\n") != NULL);
		CHECK(strstr(run_text(&run.out), "child\n") != NULL);
		CHECK(strstr(run_text(&run.out), "other\n") == NULL);
	}
	run_end(&run);
}

static void
test_network(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '; exec 3<>/dev/null");
	CHECK_INT(run_all(&run), 0);
	CHECK_STRING(run_text(&run.out), "lo\n");
	CHECK(run.net_fds > 0);
	run_end(&run);

	run_begin(&run);
	run.plan.net.mode = AB_NET_HOST;
	run_argv(&run, (const char *const[]){ "true", NULL });
	CHECK_INT(run_all(&run), 0);
	CHECK_INT(run.net_fds, 0);
	run_end(&run);
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "every level", test_levels },
		{ "level landlock", test_landlock_level },
		{ "memory, sampled", test_memory },
		{ "cpu time, sampled", test_cpu },
		{ "usage", test_usage },
		{ "stopped and continued", test_stop },
		{ "orphans are reaped", test_orphans },
		{ "the command's group", test_group },
		{ "the network's descriptors", test_network },
	};

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!run_possible())
		return 0;
	return run_as_user(argv[0], tap_run(tests, AB_COUNT_OF(tests)));
}
