#include "core/intake.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_lines(void)
{
	CHECK_INT(demo_run("ab-demo batch", "\n{\"op\":\"echo\",\"name\":\"a\"}\r\nnot json\n[]\n3\n{\"id\":1.5,\"op\":\"echo\"}\n{\"id\":1,\"op\":\"echo\",\"name\":\"b\"}"), 0);
	CHECK_STRING(demo_out, "{\"id\":null,\"value\":\"a\"}\n"
			       "{\"id\":null,\"line\":3,\"error\":{\"code\":\"input.malformed\",\"message\":\"column 3: not valid JSON\",\"hint\":null,\"retryable\":false}}\n"
			       "{\"id\":null,\"line\":4,\"error\":{\"code\":\"input.invalid\",\"message\":\"a request is an object\",\"hint\":null,\"retryable\":false}}\n"
			       "{\"id\":null,\"line\":5,\"error\":{\"code\":\"input.invalid\",\"message\":\"a request is an object\",\"hint\":null,\"retryable\":false}}\n"
			       "{\"id\":null,\"line\":6,\"error\":{\"code\":\"input.invalid\",\"message\":\"\\\"id\\\": must be a string or an integer\",\"hint\":null,\"retryable\":false}}\n"
			       "{\"id\":1,\"value\":\"b\"}\n");
}

static void
test_ids(void)
{
	static const char *const ids[] = { "0", "-5", "9007199254740993", "-9223372036854775808", "9223372036854775807", "\"\"", "\"a\\\"b\"", "\"ä\"", "\"7\"" };
	char line[256], want[256];

	for (size_t i = 0; i < AB_COUNT_OF(ids); i++) {
		snprintf(line, sizeof(line), "{\"id\":%s,\"op\":\"echo\",\"name\":\"x\"}\n", ids[i]);
		snprintf(want, sizeof(want), "{\"id\":%s,\"value\":\"x\"}\n", ids[i]);
		CHECK_INT(demo_run("ab-demo batch", line), 0);
		CHECK_STRING(demo_out, want);
	}
	/* 7 and "7" are two ids; a second 7 is refused while the first is not answered, and afterwards is not */
	struct demo demo = demo_start("ab-demo batch -j 3");
	demo_say(&demo, "{\"id\":7,\"op\":\"nap\",\"length_ms\":100}\n{\"id\":\"7\",\"op\":\"echo\",\"name\":\"x\"}\n{\"id\":7,\"op\":\"echo\",\"name\":\"y\"}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":\"7\",\"value\":\"x\"}\n");
	CHECK(demo_begins(demo_line(&demo), "{\"id\":7,\"error\":{\"code\":\"input.invalid\""));
	CHECK_STRING(demo_line(&demo), "{\"id\":7,\"done\":1}\n");
	demo_say(&demo, "{\"id\":7,\"op\":\"echo\",\"name\":\"z\"}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":7,\"value\":\"z\"}\n");
	CHECK_INT(demo_end(&demo), 0);
}

static void
test_operations(void)
{
	CHECK_INT(demo_run("ab-demo batch", "{\"id\":1,\"argv\":[\"a\"]}\n{\"id\":2,\"op\":\"gret\"}\n{\"id\":3,\"op\":4}\n{\"id\":4,\"op\":\"hi\",\"name\":\"x\"}\n{\"id\":5,\"op\":\"batch\"}\n"
					"{\"id\":6,\"op\":\"hi\\u0000\",\"name\":\"x\"}\n{\"id\":7,\"op\":\"ping\\u0000\"}\n"), 0);
	CHECK(demo_begins(demo_out, "{\"id\":1,\"argv\":[\"a\"]}\n{\"id\":2,\"error\":{\"code\":\"input.invalid\",\"message\":\"\\\"op\\\": \\\"gret\\\" is no operation\","
				"\"hint\":\"did you mean \\\"greet\\\"?\""));
	CHECK(strstr(demo_out, "{\"id\":4,\"name\":\"x\"") != NULL);
	CHECK(strstr(demo_out, "{\"id\":5,\"error\":{\"code\":\"input.invalid\"") != NULL);
	CHECK(strstr(demo_out, "{\"id\":6,\"error\":{\"code\":\"input.invalid\"") != NULL);
	CHECK(strstr(demo_out, "{\"id\":7,\"error\":{\"code\":\"input.invalid\"") != NULL);
}

/* A line of more than 16 MiB costs one answer, and the next is read again. */
static void
test_too_long(void)
{
	AB_AUTO_FREE char *text = ab_malloc((17 << 20) + 100);
	const char *after = "\"}\n{\"id\":2,\"op\":\"echo\",\"name\":\"x\"}\n";

	memset(text, 'x', 17 << 20);
	memcpy(text, "{\"id\":1,\"op\":\"echo\",\"name\":\"", 28);
	memcpy(text + (17 << 20), after, strlen(after) + 1);
	CHECK_INT(demo_run("ab-demo batch", text), 0);
	CHECK(strstr(demo_out, "{\"id\":null,\"line\":1,\"error\":{\"code\":\"input.too_long\"") == demo_out);
	CHECK(strstr(demo_out, "\n{\"id\":2,\"value\":\"x\"}\n") != NULL);
}

/* At most 256 requests (and what one read gave) are taken while none can start: a writer is held up. */
static void
test_back_pressure(void)
{
	struct demo demo = demo_start("ab-demo batch");
	char line[1100];
	size_t written = 0;

	demo_say(&demo, "{\"op\":\"nap\",\"length_ms\":700}\n");
	snprintf(line, sizeof(line), "{\"op\":\"echo\",\"name\":\"%0999d\"}\n", 1);
	fcntl(demo.in, F_SETFL, O_NONBLOCK);
	for (int64_t until_ms = ab_now_ms() + 300; ab_now_ms() < until_ms;) {
		ssize_t n = write(demo.in, line, strlen(line));
		if (n > 0)
			written += (size_t)n;
		else
			usleep(1000);
	}
	CHECK(written > 256 * 1000);
	CHECK(written < 600 * 1000); /* 256 requests, 64 KiB of buffer, 64 KiB of pipe */
	fcntl(demo.in, F_SETFL, 0);
	CHECK_INT(demo_end(&demo), 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "lines that are no request", test_lines },
		{ "ids come back exactly", test_ids },
		{ "operations", test_operations },
		{ "a line that is too long", test_too_long },
		{ "back-pressure", test_back_pressure },
	};
	signal(SIGPIPE, SIG_IGN);
	return tap_run(tests, AB_COUNT_OF(tests));
}
