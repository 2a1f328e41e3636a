#include "core/tool.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_choice(void)
{
	CHECK_INT(demo_run("ab-demo", ""), 0);
	CHECK_STRING(demo_out, "{\"argv\":[]}\n");
	CHECK_INT(demo_run("ab-demo -- run -x", ""), 0);
	CHECK_STRING(demo_out, "{\"argv\":[\"run\",\"-x\"]}\n");
	CHECK_INT(demo_run("ab-demo run a", ""), 0);
	CHECK_STRING(demo_out, "{\"argv\":[\"a\"]}\n");
	CHECK_INT(demo_run("ab-demo --json count", ""), 0); /* only the first word is an operation */
	CHECK_STRING(demo_out, "{\"argv\":[\"count\"]}\n");
	CHECK_INT(demo_run("ab-demo hi bob --field name", ""), 0);
	CHECK_STRING(demo_out, "bob\n");
	CHECK_INT(demo_run("ab-demo make", ""), 125);
	CHECK_STRING(demo_err, "ab-demo: \"make\" is no operation [usage]\n  hint: ab-demo -- make\n");
	CHECK_INT(demo_run("ab-demo help", ""), 125);
	CHECK_STRING(demo_err, "ab-demo: \"help\" is no operation [usage]\n  hint: ab-demo --help\n");
	CHECK_INT(demo_run("ab-demo cuont", ""), 125);
	CHECK_STRING(demo_err, "ab-demo: \"cuont\" is no operation [usage]\n  hint: ab-demo -- cuont, or ab-demo count\n");
}

static void
test_no_main(void)
{
	struct ab_tool saved = demo_tool;

	demo_tool.ops = &demo_ops[1];
	CHECK_INT(demo_run("ab-demo", ""), 2);
	CHECK_STRING(demo_err, "ab-demo: no operation given [usage]\n  hint: ab-demo --help\n");
	CHECK_INT(demo_run("ab-demo -q count", ""), 2);
	CHECK_STRING(demo_err, "ab-demo: the operation comes first [usage]\n  hint: ab-demo --help\n");
	CHECK_INT(demo_run("ab-demo cuont", ""), 2);
	CHECK_STRING(demo_err, "ab-demo: \"cuont\" is no operation [usage]\n  hint: ab-demo count\n");
	CHECK_INT(demo_run("ab-demo run-to", ""), 2); /* what it is called elsewhere */
	CHECK_STRING(demo_err, "ab-demo: \"run-to\" is no operation [usage]\n  hint: ab-demo greet\n");
	CHECK_INT(demo_run("ab-demo to", ""), 2);
	CHECK_STRING(demo_err, "ab-demo: \"to\" is no operation [usage]\n  hint: ab-demo --help lists them\n");
	CHECK_INT(demo_run("ab-demo --name bob greet", ""), 2);
	CHECK_STRING(demo_err, "ab-demo: unknown option \"--name\" [usage]\n  hint: the operation comes first; ab-demo --help lists them\n");
	CHECK_INT(demo_run("ab-demo -V", ""), 0);
	demo_tool = saved;
}

static void
test_status(void)
{
	CHECK_INT(demo_run("ab-demo greet nobody", ""), 1);
	CHECK_STRING(demo_err, "ab-demo: no such person \"nobody\" [not_found]\n  hint: ab-demo greet somebody\n");
	CHECK_INT(demo_run("ab-demo greet nobody -q", ""), 1);
	CHECK_STRING(demo_err, "");
	CHECK_INT(demo_run("ab-demo greet", ""), 2);
	CHECK_STRING(demo_err, "ab-demo: NAME is missing [usage]\n  hint: ab-demo greet --help\n");
	CHECK_INT(demo_run("ab-demo check no", ""), 1);
	CHECK_STRING(demo_err, "");
	CHECK_INT(demo_run("ab-demo --status 3 -- x", ""), 3);
	CHECK_INT(demo_run("ab-demo --signal 15 -- x", ""), 128 + 15);
	CHECK_STRING(demo_out, "{\"argv\":[\"x\"]}\n");
	CHECK_INT(demo_run("ab-demo --fail-with a\nb", ""), 125);
	CHECK_STRING(demo_err, "ab-demo: a?b [denied.policy]\n");
	CHECK_INT(demo_run("ab-demo --fail-with x --status 127", ""), 127);
	CHECK_INT(demo_run("ab-demo --nix", ""), 125);
	CHECK_INT(demo_run("ab-demo count --dry-run", ""), 2);
	CHECK_INT(demo_run("ab-demo greet x --dry-run --field dry", ""), 0);
	CHECK_STRING(demo_out, "true\n");
}

static void
test_json_errors(void)
{
	setenv("AB_ERRORS", "json", 1);
	CHECK_INT(demo_run("ab-demo greet nobody", ""), 1);
	CHECK_STRING(demo_err, "{\"error\":{\"code\":\"not_found\",\"message\":\"no such person \\\"nobody\\\"\","
			       "\"hint\":\"ab-demo greet somebody\",\"retryable\":false}}\n");
	unsetenv("AB_ERRORS");
}

static void
test_about(void)
{
	CHECK_INT(demo_run("ab-demo --help --nonsense", ""), 0);
	CHECK(strstr(demo_out, "operations") != NULL);
	CHECK_INT(demo_run("ab-demo greet -h", ""), 0);
	CHECK(demo_begins(demo_out, "ab-demo greet: "));
	CHECK_INT(demo_run("ab-demo batch --help", ""), 0);
	CHECK(demo_begins(demo_out, "ab-demo batch: "));
	CHECK_INT(demo_run("ab-demo --version", ""), 0);
	CHECK_STRING(demo_out, "ab-demo " AB_VERSION "\n");
}

static void
test_stdin(void)
{
	CHECK_INT(demo_run("ab-demo greet x --stdin - --field stdin", "in\nput"), 0);
	CHECK_STRING(demo_out, "in\nput\n");
}

/* Signals while an operation is pending: it is asked to end, and the tool dies of the signal; of the second at once. */
static void
test_signals(void)
{
	struct demo demo = demo_start("ab-demo watch 10ms --ticks 0");

	demo_line(&demo);
	kill(demo.pid, SIGINT);
	CHECK_INT(demo_end(&demo), 128 + SIGINT);
	CHECK_STRING(demo_err, "");
	demo = demo_start("ab-demo watch 10ms --ticks 0 --deaf");
	demo_line(&demo);
	kill(demo.pid, SIGTERM);
	CHECK_INT(demo_end(&demo), 128 + SIGTERM);
}

static void
test_reader_gone(void)
{
	struct demo demo = demo_start("ab-demo watch 1h");

	close(demo.out); /* nothing was written yet, and nothing would be for an hour */
	demo.out = -1;
	CHECK_INT(demo_end(&demo), 128 + SIGPIPE);
	CHECK_STRING(demo_err, "");
	demo = demo_start("ab-demo count 100000000");
	demo_line(&demo);
	close(demo.out);
	demo.out = -1;
	CHECK_INT(demo_end(&demo), 128 + SIGPIPE);
	CHECK_STRING(demo_err, "");
}

/* A reader that is slow: events are dropped and counted, the result comes, and the operation is not held up. */
static void
test_slow_reader(void)
{
	struct demo demo = demo_start("ab-demo nap 1ms --ticks 100 --width 60000");
	int64_t started_ms = ab_now_ms();
	size_t total = 0, gaps = 0, ticks = 0;
	bool last = false;

	usleep(600000);
	CHECK(kill(demo.pid, 0) == 0);
	while (demo_line(&demo)[0] != '\0') {
		total++;
		gaps += strstr(demo_out, "\"type\":\"gap\"") != NULL;
		ticks += strstr(demo_out, "\"type\":\"tick\"") != NULL;
		last = strcmp(demo_out, "{\"type\":\"result\",\"done\":100}\n") == 0;
	}
	CHECK_INT(demo_end(&demo), 0);
	CHECK(ab_now_ms() - started_ms < 9000);
	CHECK(gaps >= 1);
	CHECK(ticks >= 16 && ticks < 100);
	CHECK_INT(total, ticks + gaps + 1);
	CHECK(last);
}

static void
test_closed(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char name[] = "ab-demo", op[] = "count";
		char *argv[] = { name, op, NULL };
		dup2(open("/dev/null", O_WRONLY), 2);
		close(1);
		_exit(ab_tool_main(&demo_tool, 2, argv));
	}
	waitpid(pid, &status, 0);
	CHECK_INT(WEXITSTATUS(status), 6);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "which operation", test_choice },
		{ "a tool without a main operation", test_no_main },
		{ "exit status and error lines", test_status },
		{ "AB_ERRORS=json", test_json_errors },
		{ "help and version", test_about },
		{ "bytes from stdin", test_stdin },
		{ "signals", test_signals },
		{ "a reader who is gone", test_reader_gone },
		{ "a reader who is slow", test_slow_reader },
		{ "a stdout that is closed", test_closed },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
