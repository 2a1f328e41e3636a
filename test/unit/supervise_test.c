#include "sys/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/op.h"
#include "core/time.h"
#include "tap.h"

/* Every test runs twice: in namespaces (where they can be had), and without isolation. */
static enum ab_level level;
static char tree[] = "/var/tmp/ab-supervise-test-XXXXXX";
static struct ab_error err;
static struct ab_loop *loop;

struct trial {
	struct ab_plan plan;
	struct ab_run_io io;
	struct ab_capture out, err;
	struct ab_run *run;
	struct ab_outcome outcome;
	char *text, *error_text; /* what was kept */
	bool started, over;
	int64_t took_ms;
	/* what happens meanwhile */
	struct ab_timer first, second;
	int first_signal, second_signal; /* 0: cancel */
};

static struct trial trial;

static void
done(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate)
{
	struct trial *of = data;

	(void)gate;
	of->outcome = *outcome;
	of->over = true;
	ab_loop_stop(loop);
}

static void
note_started(void *data)
{
	((struct trial *)data)->started = true;
}

static void
interfere(struct ab_timer *timer)
{
	int signo = timer == &trial.first ? trial.first_signal : trial.second_signal;

	if (trial.over)
		return;
	if (signo == 0)
		ab_run_cancel(trial.run);
	else
		ab_run_signal(trial.run, signo);
}

static void
add_directory(const char *path)
{
	char link[256];
	ssize_t len = readlink(path, link, sizeof(link) - 1);

	if (len > 0) {
		link[len] = '\0';
		ab_plan_view(&trial.plan, AB_VIEW_SYMLINK, link, path);
	} else if (access(path, F_OK) == 0) {
		ab_plan_view(&trial.plan, AB_VIEW_BIND, path, path);
	}
}

static void
plan_script(const char *script)
{
	static const char *const variables[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LC_ALL=C" };
	struct ab_plan *plan = &trial.plan;
	size_t count = 0;
	struct stat st;

	ab_plan_init(plan);
	ab_strv_push(&plan->argv, &count, "/bin/bash");
	ab_strv_push(&plan->argv, &count, "-c");
	ab_strv_push(&plan->argv, &count, script);
	count = 0;
	for (size_t i = 0; i < AB_COUNT_OF(variables); i++)
		ab_strv_push(&plan->envp, &count, variables[i]);
	plan->cwd = ab_strdup(tree);
	plan->tree = ab_strdup(tree);
	plan->hostname = ab_strdup("ab");
	plan->net.text = ab_strdup("none");
	stat(tree, &st);
	plan->tree_dev = st.st_dev;
	plan->tree_ino = st.st_ino;
	plan->level = level;
	plan->fresh_proc = true;
	plan->ident.mode = AB_IDENT_SELF;
	plan->ident.inside_uid = plan->ident.kernel_uid = getuid();
	plan->ident.inside_gid = plan->ident.kernel_gid = getgid();
	plan->limits = (struct ab_limits){ .timeout_ms = AB_UNSET, .idle_timeout_ms = AB_UNSET, .grace_ms = AB_UNSET, .memory_bytes = AB_UNSET, .cpu_time_ms = AB_UNSET,
		.pids = AB_UNSET, .file_size_bytes = AB_UNSET };
	static const char *const directories[] = { "/usr", "/bin", "/lib", "/lib64", "/etc" };
	for (size_t i = 0; i < AB_COUNT_OF(directories); i++)
		add_directory(directories[i]);
	struct ab_view *temporary = ab_plan_view(plan, AB_VIEW_TMPFS, NULL, "/tmp");
	temporary->mode = 01777;
	struct ab_view *own = ab_plan_view(plan, AB_VIEW_BIND, tree, tree);
	own->writable = true;
}

/* A trial of `bash -c script` whose output is kept; change it, then go(). */
static void
try(const char *script)
{
	memset(&trial, 0, sizeof(trial));
	plan_script(script);
	ab_capture_init(&trial.out, 100000, AB_KEEP_BOTH);
	ab_capture_init(&trial.err, 100000, AB_KEEP_BOTH);
	trial.io = (struct ab_run_io){ .stdin_fd = -1, .copy_out = -1, .copy_err = -1, .keep_out = &trial.out, .keep_err = &trial.err,
		.spool_out = -1, .spool_err = -1, .started = note_started, .data = &trial };
	trial.first = trial.second = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = interfere };
}

static char *
kept(struct ab_capture *capture)
{
	struct ab_captured captured;

	ab_capture_result(capture, &captured);
	ab_capture_release(capture);
	return ab_buf_take(&captured.text);
}

static void
go_interfering(int64_t first_ms, int first_signal, int64_t second_ms, int second_signal)
{
	int64_t before = ab_now_ms();

	trial.first_signal = first_signal;
	trial.second_signal = second_signal;
	trial.run = ab_run_start(loop, &trial.plan, &trial.io, done, &trial);
	CHECK(!trial.over);
	if (first_ms > 0)
		ab_loop_arm(loop, &trial.first, before + first_ms);
	if (second_ms > 0)
		ab_loop_arm(loop, &trial.second, before + second_ms);
	CHECK_INT(ab_loop_run(loop, &err), 0);
	ab_loop_disarm(loop, &trial.first);
	ab_loop_disarm(loop, &trial.second);
	trial.took_ms = ab_now_ms() - before;
	CHECK(trial.over);
	trial.text = kept(&trial.out);
	trial.error_text = kept(&trial.err);
	ab_plan_release(&trial.plan);
	if (trial.outcome.error.code != AB_E_NONE)
		printf("# (%s [%s])\n", trial.outcome.error.msg, ab_errcode_name(trial.outcome.error.code));
}

static void
go(void)
{
	go_interfering(0, 0, 0, 0);
}

static void
forget(void)
{
	free(trial.text);
	free(trial.error_text);
}

static const char *
told(void)
{
	static char text[80];

	snprintf(text, sizeof(text), "%s %d exit=%d signal=%d", ab_reason_name(trial.outcome.reason), trial.outcome.status,
	    trial.outcome.exit_code, trial.outcome.signal);
	return text;
}

static void
endings(void)
{
	try("echo out; echo err >&2; exit 3");
	go();
	CHECK_STRING(told(), "exit 3 exit=3 signal=0");
	CHECK_STRING(trial.text, "out\n");
	CHECK_STRING(trial.error_text, "err\n");
	CHECK(trial.started && trial.outcome.started);
	CHECK(trial.outcome.setup_us > 0 && trial.outcome.wall_us > 0);
	CHECK(trial.outcome.max_rss_bytes > 100000);
	forget();
	try("kill -SEGV $$");
	go();
	CHECK_STRING(told(), "signal 139 exit=-1 signal=11");
	forget();
	try("echo a; echo b >&2; echo c");
	trial.plan.merge = true;
	go();
	CHECK_STRING(trial.text, "a\nb\nc\n");
	forget();
}

static void
never_started(void)
{
	try("");
	free(trial.plan.argv[0]);
	trial.plan.argv[0] = ab_strdup("/nosuch/program");
	go();
	CHECK_STRING(told(), "failed 127 exit=-1 signal=0");
	CHECK(!trial.started && !trial.outcome.started);
	CHECK_INT(trial.outcome.error.code, AB_E_NOT_FOUND);
	forget();
	try("");
	free(trial.plan.argv[0]);
	trial.plan.argv[0] = ab_strdup("/etc/passwd");
	go();
	CHECK_STRING(told(), "failed 126 exit=-1 signal=0");
	CHECK_INT(trial.outcome.error.code, AB_E_DENIED_PERMISSION);
	forget();
}

static void
stdin_is_pumped(void)
{
	char path[] = "/tmp/ab-supervise-stdin-XXXXXX", text[16] = "";
	int file = mkstemp(path);

	unlink(path);
	try("cat; echo end");
	trial.io.stdin_data = "some bytes\n";
	trial.io.stdin_len = 11;
	go();
	CHECK_STRING(trial.text, "some bytes\nend\n");
	forget();
	try("cat; echo end");
	go();
	CHECK_STRING(trial.text, "end\n");
	forget();
	CHECK_INT(write(file, "one\ntwo\nthree\n", 14), 14);
	lseek(file, 0, SEEK_SET);
	try("read a; echo $a");
	trial.io.stdin_fd = file;
	go();
	CHECK_STRING(trial.text, "one\n");
	CHECK_INT(read(file, text, sizeof(text)), 10);
	CHECK_STRING(text, "two\nthree\n");
	forget();
	close(file);
}

static void
timeouts(void)
{
	try("echo begun; sleep 100");
	trial.plan.limits.timeout_ms = 150;
	go();
	CHECK_STRING(told(), "timeout 124 exit=-1 signal=15");
	CHECK_STRING(trial.text, "begun\n");
	CHECK(trial.took_ms >= 150 && trial.took_ms < 1500);
	forget();
	/* what does not listen, and what is stopped */
	try("trap '' TERM INT HUP; setsid sleep 100 & (kill -STOP $BASHPID; sleep 100) & echo begun; while :; do sleep 100; done");
	trial.plan.limits.timeout_ms = 150;
	trial.plan.limits.grace_ms = 100;
	go();
	CHECK_STRING(told(), "timeout 124 exit=-1 signal=9");
	CHECK(trial.took_ms >= 250 && trial.took_ms < 2000);
	forget();
	try("trap 'echo bye; exit 0' TERM; sleep 100 & wait");
	trial.plan.limits.timeout_ms = 150;
	go();
	CHECK_INT(trial.outcome.reason, AB_REASON_TIMEOUT);
	CHECK_STRING(trial.text, "bye\n");
	CHECK(trial.took_ms < 1500);
	forget();
	/* output keeps it alive */
	try("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; sleep 100");
	trial.plan.limits.idle_timeout_ms = 350;
	go();
	CHECK_INT(trial.outcome.reason, AB_REASON_IDLE_TIMEOUT);
	CHECK_INT(trial.outcome.status, 124);
	CHECK_STRING(trial.text, "1\n2\n3\n4\n5\n6\n");
	CHECK(trial.took_ms >= 850 && trial.took_ms < 3000);
	forget();
}

/* Processes that leave their group and are replaced as they die; in a pid namespace also ones that double. */
static void
fork_storms(void)
{
	try("export end=$((EPOCHSECONDS + 20)); h() { [ $EPOCHSECONDS -lt $end ] || exit; (trap '' TERM; setsid bash -c \"$(declare -f h); h\" &) }; for i in {1..20}; do h; done; sleep 100");
	trial.plan.limits.timeout_ms = 300;
	trial.plan.limits.grace_ms = 50;
	go();
	CHECK_INT(trial.outcome.reason, AB_REASON_TIMEOUT);
	CHECK(trial.took_ms < 5000);
	forget();
	if (level != AB_LEVEL_NAMESPACE)
		return;
	try("f() { setsid bash -c \"$(declare -f f); f\" & setsid bash -c \"$(declare -f f); f\" & wait; }; trap '' TERM; f");
	trial.plan.limits.timeout_ms = 300;
	trial.plan.limits.grace_ms = 50;
	trial.plan.limits.pids = 200;
	go();
	CHECK_INT(trial.outcome.reason, AB_REASON_TIMEOUT);
	CHECK(trial.took_ms < 5000);
	forget();
}

static void
signals(void)
{
	try("trap 'echo int; exit 5' INT; echo begun; sleep 100 & wait");
	go_interfering(200, SIGINT, 0, 0);
	CHECK_STRING(told(), "exit 5 exit=5 signal=0");
	CHECK_STRING(trial.text, "begun\nint\n");
	forget();
	try("sleep 100");
	go_interfering(100, SIGINT, 0, 0);
	CHECK_STRING(told(), "signal 130 exit=-1 signal=2");
	forget();
	try("trap '' INT; sleep 100");
	go_interfering(100, SIGINT, 200, SIGINT);
	CHECK_STRING(told(), "cancelled 130 exit=-1 signal=15");
	CHECK(trial.took_ms >= 200 && trial.took_ms < 1500);
	forget();
	try("trap '' TERM; while :; do sleep 100; done");
	trial.plan.limits.grace_ms = 100;
	go_interfering(100, SIGHUP, 0, 0);
	CHECK_STRING(told(), "cancelled 129 exit=-1 signal=9");
	CHECK(trial.took_ms >= 200 && trial.took_ms < 1500);
	forget();
	try("sleep 100");
	go_interfering(100, 0, 0, 0);
	CHECK_STRING(told(), "cancelled 143 exit=-1 signal=15");
	forget();
	/* before it has begun */
	try("echo begun");
	trial.run = NULL;
	trial.first_signal = 0;
	trial.run = ab_run_start(loop, &trial.plan, &trial.io, done, &trial);
	ab_run_cancel(trial.run);
	CHECK_INT(ab_loop_run(loop, &err), 0);
	/* On a busy machine it may be over by then. */
	CHECK(strncmp(told(), "cancelled 143 exit=-1 signal=", 29) == 0);
	ab_plan_release(&trial.plan);
	ab_capture_release(&trial.out);
	ab_capture_release(&trial.err);
}

static void
stop_and_continue(void)
{
	try("for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.05; done");
	trial.plan.limits.idle_timeout_ms = 400;
	go_interfering(200, SIGTSTP, 900, SIGCONT);
	CHECK_STRING(told(), "exit 0 exit=0 signal=0");
	CHECK(trial.took_ms >= 1100);
	forget();
}

static void
held_pipes(void)
{
	try("(trap '' HUP TERM; setsid sleep 100 & ); echo there");
	go();
	CHECK_STRING(told(), "exit 0 exit=0 signal=0");
	CHECK_STRING(trial.text, "there\n");
	CHECK(trial.outcome.survivors_killed >= 1);
	CHECK(trial.took_ms < 1000);
	forget();
	/* all that was written before the end is there */
	try("head -c 60000 /dev/zero | tr '\\0' x; sleep 100 &");
	go();
	CHECK_INT(strlen(trial.text), 60000);
	CHECK(trial.took_ms < 1000);
	forget();
}

static void
readers_of_ours(void)
{
	int ends[2];

	/* one that stands still delays no deadline */
	CHECK_INT(pipe(ends), 0);
	try("yes");
	trial.io.copy_out = ends[1];
	trial.io.keep_out = NULL;
	trial.plan.limits.timeout_ms = 200;
	go();
	CHECK_INT(trial.outcome.reason, AB_REASON_TIMEOUT);
	CHECK(trial.took_ms < 1500);
	forget();
	/* and a second INT ends the waiting for it */
	try("head -c 50000 /dev/zero");
	trial.io.copy_out = ends[1];
	go_interfering(200, SIGINT, 300, SIGINT);
	CHECK_STRING(told(), "cancelled 130 exit=-1 signal=0");
	CHECK(trial.took_ms < 1500);
	forget();
	/* one that goes: SIGPIPE, as without us */
	close(ends[0]);
	try("exec yes");
	trial.io.copy_out = ends[1];
	trial.io.keep_out = NULL;
	go();
	CHECK_STRING(told(), "signal 141 exit=-1 signal=13");
	forget();
	close(ends[1]);
	int full = open("/dev/full", O_WRONLY);
	try("echo lost");
	trial.io.copy_out = full;
	go();
	CHECK_STRING(told(), "failed 125 exit=-1 signal=0");
	CHECK_INT(trial.outcome.error.code, AB_E_LIMIT_STORAGE);
	forget();
	close(full);
}

static void
spools(void)
{
	FILE *spool = tmpfile();
	struct stat st;

	try("head -c 3000000 /dev/zero; head -c 10 /dev/zero >&2");
	trial.io.spool_out = trial.io.spool_err = fileno(spool);
	trial.io.spool_max = 1000000;
	go();
	fstat(fileno(spool), &st);
	CHECK_INT(st.st_size, 1000000);
	CHECK(trial.outcome.spool_truncated);
	CHECK_INT(trial.outcome.limits_hit, AB_LIMIT_SPOOL);
	CHECK_STRING(told(), "exit 0 exit=0 signal=0");
	fclose(spool);
	forget();
}

static void
file_size(void)
{
	try("exec head -c 100000 /dev/zero >large");
	trial.plan.limits.file_size_bytes = 4096;
	go();
	CHECK_STRING(told(), "limit 153 exit=-1 signal=25");
	CHECK_INT(trial.outcome.limits_hit, AB_LIMIT_FILE_SIZE);
	forget();
	char path[128];
	snprintf(path, sizeof(path), "%s/large", tree);
	unlink(path);
}

static int
open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1000; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static unsigned many_left, many_wrong;

static void
one_of_many_done(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate)
{
	const struct ab_outcome *expected = data;

	(void)gate;
	many_wrong += outcome->reason != expected->reason || outcome->status != expected->status;
	if (--many_left == 0)
		ab_loop_stop(loop);
}

/* Many at once on one loop, and nothing left behind. */
static void
many(const char *script, int64_t timeout_ms, struct ab_outcome expected)
{
	int before = open_descriptors();

	try(script);
	trial.io.keep_out = trial.io.keep_err = NULL;
	trial.io.stdin_data = "input";
	trial.io.stdin_len = 5;
	trial.plan.limits.timeout_ms = timeout_ms;
	trial.plan.limits.grace_ms = 20;
	many_wrong = 0;
	many_left = 30;
	for (int i = 0; i < 30; i++)
		ab_run_start(loop, &trial.plan, &trial.io, one_of_many_done, &expected);
	CHECK_INT(ab_loop_run(loop, &err), 0);
	CHECK_INT(many_left, 0);
	CHECK_INT(many_wrong, 0);
	CHECK_INT(open_descriptors(), before);
	ab_plan_release(&trial.plan);
	ab_capture_release(&trial.out);
	ab_capture_release(&trial.err);
}

static void
many_at_once(void)
{
	many("cat; echo out; echo err >&2; exit 7", AB_UNSET, (struct ab_outcome){ .reason = AB_REASON_EXIT, .status = 7 });
	many("trap '' TERM; setsid sleep 100 & yes", 50, (struct ab_outcome){ .reason = AB_REASON_TIMEOUT, .status = 124 });
	many("exec /nosuch", AB_UNSET, (struct ab_outcome){ .reason = AB_REASON_EXIT, .status = 127 });
}

/* By a cgroup where one can be had, else by looking: the answer is the same. */
static void
memory_and_cpu(void)
{
	try("exec dd if=/dev/zero of=/dev/null bs=400M count=100");
	trial.plan.limits.memory_bytes = 64 << 20;
	trial.plan.limits.timeout_ms = 20000;
	go();
	CHECK_STRING(told(), "oom 137 exit=-1 signal=9");
	CHECK(trial.outcome.oom);
	CHECK_INT(trial.outcome.limits_hit, AB_LIMIT_MEMORY);
	forget();
	try("while :; do :; done");
	trial.plan.limits.cpu_time_ms = 200;
	trial.plan.limits.timeout_ms = 20000;
	go();
	CHECK_INT(trial.outcome.reason, AB_REASON_LIMIT);
	CHECK_INT(trial.outcome.limits_hit, AB_LIMIT_CPU);
	CHECK(trial.outcome.user_us + trial.outcome.sys_us >= 150000);
	forget();
}

static const struct tap_test tests[] = {
	{ "endings", endings },
	{ "many at once", many_at_once },
	{ "never started", never_started },
	{ "stdin", stdin_is_pumped },
	{ "timeouts", timeouts },
	{ "fork storms", fork_storms },
	{ "signals", signals },
	{ "stop and continue", stop_and_continue },
	{ "held pipes", held_pipes },
	{ "slow, gone and full readers", readers_of_ours },
	{ "spools", spools },
	{ "a limit on file size", file_size },
	{ "limits on memory and cpu time", memory_and_cpu },
};

static void
in_namespaces(void)
{
	level = AB_LEVEL_NAMESPACE;
	try("exit 0");
	go();
	CHECK_STRING(told(), "exit 0 exit=0 signal=0");
	forget();
}

/* Whether namespaces can be had here at all is not for this test to judge. */
static bool
namespaces_work(void)
{
	level = AB_LEVEL_NAMESPACE;
	try("exit 0");
	go();
	bool work = trial.outcome.error.code != AB_E_ISOLATION_UNAVAILABLE;
	forget();
	level = AB_LEVEL_NONE;
	return work;
}

static void
skipped(void)
{
}

int
main(void)
{
	struct tap_test all[2 * AB_COUNT_OF(tests) + 1];
	size_t count = AB_COUNT_OF(tests);

	signal(SIGPIPE, SIG_IGN);
	alarm(300);
	loop = ab_loop_new(&err);
	if (mkdtemp(tree) == NULL)
		return 1;
	memcpy(all, tests, sizeof(tests));
	all[count] = (struct tap_test){ "the same in namespaces", in_namespaces };
	memcpy(all + count + 1, tests, sizeof(tests));
	for (size_t i = count; i < AB_COUNT_OF(all) && !namespaces_work(); i++)
		all[i] = (struct tap_test){ "level namespace # SKIP no namespaces here", skipped };
	int failed = tap_run(all, AB_COUNT_OF(all));
	rmdir(tree);
	ab_loop_free(loop);
	return failed;
}
