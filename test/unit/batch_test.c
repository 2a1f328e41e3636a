#include "core/batch.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_order(void)
{
	const char *requests = "{\"id\":1,\"op\":\"nap\",\"length_ms\":150}\n{\"id\":2,\"op\":\"nap\",\"length_ms\":50}\n{\"id\":3,\"op\":\"echo\",\"name\":\"x\"}\n";

	CHECK_INT(demo_run("ab-demo batch", requests), 0);
	CHECK_STRING(demo_out, "{\"id\":1,\"done\":1}\n{\"id\":2,\"done\":1}\n{\"id\":3,\"value\":\"x\"}\n");
	CHECK_INT(demo_run("ab-demo batch -j 3", requests), 0);
	CHECK_STRING(demo_out, "{\"id\":3,\"value\":\"x\"}\n{\"id\":2,\"done\":1}\n{\"id\":1,\"done\":1}\n");
	CHECK_INT(demo_run("ab-demo batch -j 2", requests), 0);
	CHECK_STRING(demo_out, "{\"id\":2,\"done\":1}\n{\"id\":3,\"value\":\"x\"}\n{\"id\":1,\"done\":1}\n");
}

static void
test_many(void)
{
	AB_AUTO_BUF struct ab_buf in = AB_BUF_INIT(1 << 20);
	int lines = 0;
	char want[64];

	for (int i = 0; i < 1500; i++)
		ab_buf_printf(&in, "{\"id\":%d,\"op\":\"echo\",\"name\":\"n%d\"}\n", i, i);
	CHECK_INT(demo_run("ab-demo batch", in.data), 0);
	for (char *at = demo_out; *at != '\0'; at = strchr(at, '\n') + 1) {
		snprintf(want, sizeof(want), "{\"id\":%d,\"value\":\"n%d\"}\n", lines, lines);
		if (strncmp(at, want, strlen(want)) != 0)
			break;
		lines++;
	}
	CHECK_INT(lines, 1500);
}

static const char *
line_but_ticks(const struct demo *demo)
{
	while (strstr(demo_line(demo), "tick") != NULL)
		;
	return demo_out;
}

/* It takes no slot, holds nobody up, and ends with the input, without being an error. */
static void
test_endless(void)
{
	struct demo demo = demo_start("ab-demo batch --fail");

	demo_say(&demo, "{\"id\":1,\"op\":\"nap\",\"length_ms\":200}\n{\"id\":2,\"op\":\"watch\",\"length_ms\":50,\"ticks\":0}\n{\"id\":3,\"op\":\"echo\",\"name\":\"x\"}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":2,\"type\":\"tick\",\"n\":1}\n");
	CHECK_STRING(line_but_ticks(&demo), "{\"id\":1,\"done\":1}\n");
	CHECK_STRING(line_but_ticks(&demo), "{\"id\":3,\"value\":\"x\"}\n");
	CHECK(demo_begins(demo_line(&demo), "{\"id\":2,\"type\":\"tick\""));
	CHECK_INT(demo_end(&demo), 0);
	CHECK(strstr(demo_out, "{\"id\":2,\"type\":\"result\",\"done\":") != NULL);
}

static void
test_fail(void)
{
	const char *requests = "{\"op\":\"greet\",\"name\":\"nobody\"}\n{\"op\":\"nix\"}\n";

	CHECK_INT(demo_run("ab-demo batch", requests), 0);
	CHECK_INT(demo_run("ab-demo batch --fail", requests), 1);
	CHECK_INT(demo_run("ab-demo batch --fail", "x\n"), 3);
	CHECK_INT(demo_run("ab-demo batch --fail", ""), 0);
}

static void
test_terminated(void)
{
	struct demo demo = demo_start("ab-demo batch");

	demo_say(&demo, "{\"id\":1,\"op\":\"nap\",\"length_ms\":60000}\n{\"id\":2,\"op\":\"echo\",\"name\":\"x\"}\n{\"id\":3,\"op\":\"watch\",\"length_ms\":60000}\n{\"op\":\"ping\"}\n");
	demo_line(&demo);
	kill(demo.pid, SIGTERM);
	for (int answers = 0; answers < 3; answers++) {
		demo_line(&demo);
		CHECK(strstr(demo_out, "\"code\":\"cancelled\"") != NULL);
	}
	CHECK_INT(demo_end(&demo), 143);
	CHECK_STRING(demo_out, "");
	CHECK_STRING(demo_err, "");
	/* one that cannot be asked is answered for and left behind */
	demo = demo_start("ab-demo batch");
	demo_say(&demo, "{\"id\":1,\"op\":\"nap\",\"length_ms\":60000,\"deaf\":true}\n{\"op\":\"ping\"}\n");
	demo_line(&demo);
	kill(demo.pid, SIGINT);
	CHECK(demo_begins(demo_line(&demo), "{\"id\":1,\"error\":{\"code\":\"cancelled\""));
	CHECK_INT(demo_end(&demo), 130);
}

static void
test_reader_gone(void)
{
	struct demo demo = demo_start("ab-demo batch");

	demo_say(&demo, "{\"id\":1,\"op\":\"nap\",\"length_ms\":60000}\n{\"op\":\"ping\"}\n");
	demo_line(&demo);
	close(demo.out);
	demo.out = -1;
	int kept = demo.in; /* the input goes on, and it ends all the same */
	demo.in = -1;
	CHECK_INT(demo_end(&demo), 128 + SIGPIPE);
	CHECK_STRING(demo_err, "");
	close(kept);
}

/* Final records are never dropped, however slow the reader; past 16 MiB nothing new is begun; and timers are kept. */
static void
test_slow_reader(void)
{
	AB_AUTO_BUF struct ab_buf in = AB_BUF_INIT(1 << 20);
	struct demo demo = demo_start("ab-demo batch -j 2");
	size_t lists = 0, naps = 0;
	char *text = ab_malloc(2 << 20);

	ab_buf_puts(&in, "{\"id\":0,\"op\":\"nap\",\"length_ms\":100}\n");
	for (int i = 1; i <= 40; i++)
		ab_buf_printf(&in, "{\"id\":%d,\"op\":\"count\",\"to\":100,\"width\":10000}\n", i);
	demo_say(&demo, in.data);
	ab_close_indirect(&demo.in);
	usleep(300000);
	size_t len = 0;
	for (ssize_t n; (n = read(demo.out, text + len, (2 << 20) - len)) > 0;) {
		len += (size_t)n;
		for (char *end; (end = memchr(text, '\n', len)) != NULL;) {
			lists += memmem(text, (size_t)(end - text), "\"next\":null", 11) != NULL && (size_t)(end - text) > 1000000;
			naps += memmem(text, (size_t)(end - text), "{\"id\":0,\"done\":1}", 17) != NULL;
			len -= (size_t)(end - text) + 1;
			memmove(text, end + 1, len);
		}
	}
	CHECK_INT(demo_end(&demo), 0);
	CHECK_INT(lists, 40);
	CHECK_INT(naps, 1);
	free(text);
}

static int settles, settle_fails;

static int
commit(void *state, struct ab_error *err)
{
	(void)state;
	settles++;
	if (settle_fails)
		return ab_fail(err, AB_E_LIMIT_STORAGE, "the disk is full");
	/* Seen from outside: a line on stderr each time. */
	return write(2, "commit\n", 7) == 7 ? 0 : -1;
}

static void
test_settle(void)
{
	AB_AUTO_BUF struct ab_buf in = AB_BUF_INIT(1 << 20);
	size_t commits = 0;

	demo_tool.settle = commit;
	for (int i = 0; i < 2500; i++)
		ab_buf_printf(&in, "{\"op\":\"check\",\"name\":\"%d\"}\n", i);
	CHECK_INT(demo_run("ab-demo batch", in.data), 0);
	for (const char *at = demo_err; (at = strstr(at, "commit\n")) != NULL; at++)
		commits++;
	CHECK(commits >= 2 && commits < 300); /* in groups, not one by one */
	struct demo demo = demo_start("ab-demo batch");
	demo_say(&demo, "{\"id\":1,\"op\":\"check\",\"name\":\"yes\"}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":1,\"yes\":true}\n"); /* input has run dry: nothing waits for more */
	CHECK_INT(demo_end(&demo), 0);
	settle_fails = 1;
	CHECK_INT(demo_run("ab-demo batch --fail", "{\"id\":1,\"op\":\"check\",\"name\":\"yes\"}\n{\"op\":\"check\",\"name\":\"no\"}\n"), 6);
	CHECK_STRING(demo_out, "{\"id\":1,\"error\":{\"code\":\"limit.storage\",\"message\":\"the disk is full\",\"hint\":null,\"retryable\":false}}\n"
			       "{\"id\":null,\"error\":{\"code\":\"limit.storage\",\"message\":\"the disk is full\",\"hint\":null,\"retryable\":false}}\n");
	settle_fails = 0;
	/* An operation that cannot be part of a group: what was before is committed and answered first. */
	CHECK_INT(demo_run("ab-demo batch", "{\"id\":1,\"op\":\"check\",\"name\":\"yes\"}\n{\"id\":2,\"op\":\"check\",\"name\":\"alone\"}\n"), 0);
	CHECK_STRING(demo_err, "commit\ncommit\n");
	demo_tool.settle = NULL;
}

static void
undo(void *state)
{
	(void)state;
	CHECK(write(2, "undo\n", 5) == 5);
}

/* One line an answer: its id, and its error's code or ok; what was committed or undone is in demo_err. */
static const char *
together(const char *input, int want)
{
	static char told[1000];
	size_t len = 0;

	CHECK_INT(demo_run("ab-demo batch --atomic", input), want);
	for (const char *line = demo_out; *line != '\0'; line = strchr(line, '\n') + 1) {
		struct ab_error err;
		AB_AUTO_VALUE struct ab_value *answer = ab_value_parse(line, strcspn(line, "\n"), &err);
		len += (size_t)snprintf(told + len, sizeof(told) - len, "%d %s;", (int)ab_value_get_integer(answer, "id", 0),
		    ab_value_get_string(ab_value_get(answer, "error"), "code", "ok"));
	}
	told[len] = '\0';
	return told;
}

#define GREET(id, name) "{\"id\":" id ",\"op\":\"greet\",\"name\":\"" name "\"}\n"

static void
test_atomic(void)
{
	demo_tool.settle = commit;
	CHECK_INT(demo_run("ab-demo batch --atomic", ""), 2); /* a tool that cannot undo has no such option */
	demo_tool.undo = undo;
	CHECK_STRING(together("", 0), "");
	CHECK_STRING(demo_err, "");
	CHECK_STRING(together(GREET("1", "a") "{\"id\":2,\"op\":\"count\"}\n" GREET("3", "b"), 0), "1 ok;2 ok;3 ok;");
	CHECK_STRING(demo_err, "commit\n");
	/* The first that fails undoes what was before, and nothing is done behind it. */
	CHECK_STRING(together(GREET("1", "a") GREET("2", "nobody") GREET("3", "c") GREET("4", "nobody"), 1), "1 cancelled;2 not_found;3 cancelled;4 cancelled;");
	CHECK_STRING(demo_err, "undo\n");
	CHECK(strstr(demo_out, "{\"id\":1,\"error\":{\"code\":\"cancelled\",\"message\":\"not done: request 2 of this batch failed (not_found)\"") != NULL);
	CHECK(strstr(demo_out, "\"hint\":\"ab-demo greet somebody\"") != NULL);
	/* What cannot be read, or be undone, is one that fails. */
	CHECK_STRING(together(GREET("1", "a") "no JSON\n", 3), "1 cancelled;0 input.malformed;");
	CHECK_STRING(together(GREET("1", "a") "{\"id\":2,\"op\":\"check\",\"name\":\"yes\"}\n", 4), "1 cancelled;2 unsupported;");
	CHECK_STRING(demo_err, "undo\n");
	settle_fails = 1;
	CHECK_STRING(together(GREET("1", "a") GREET("2", "b"), 6), "1 limit.storage;2 limit.storage;");
	settle_fails = 0;
	/* An operation knows that it is a part. */
	CHECK_INT(demo_run("ab-demo batch --atomic", "{\"op\":\"both\",\"requests\":[]}\n"), 0);
	CHECK_STRING(demo_out, "{\"id\":null,\"answers\":[],\"nested\":true}\n");
	demo_tool.settle = NULL;
	demo_tool.undo = NULL;
}

/* Nothing is begun, and so nobody waits, before the input has ended. */
static void
test_atomic_begins(void)
{
	demo_tool.settle = commit;
	demo_tool.undo = undo;
	struct demo demo = demo_start("ab-demo batch --atomic");
	struct pollfd said = { .fd = demo.out, .events = POLLIN };
	for (int i = 0; i < 2000; i++)
		demo_say(&demo, GREET("null", "a"));
	CHECK_INT(poll(&said, 1, 100), 0);
	CHECK_INT(demo_end(&demo), 0);
	CHECK_STRING(demo_err, "commit\n");
	demo_tool.settle = NULL;
	demo_tool.undo = NULL;
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "answers in order, or as they are ready", test_order },
		{ "many at once", test_many },
		{ "endless operations", test_endless },
		{ "--fail", test_fail },
		{ "SIGTERM and SIGINT", test_terminated },
		{ "a reader who is gone", test_reader_gone },
		{ "a reader who is slow", test_slow_reader },
		{ "an answer follows its commit", test_settle },
		{ "--atomic: all or nothing", test_atomic },
		{ "--atomic: not before the input has ended", test_atomic_begins },
	};
	signal(SIGPIPE, SIG_IGN);
	return tap_run(tests, AB_COUNT_OF(tests));
}
