#include "core/call.h"
#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_one(void)
{
	CHECK_INT(demo_run("ab-demo check yes", ""), 0);
	CHECK_STRING(demo_out, "{\"yes\":true}\n");
	CHECK_INT(demo_run("ab-demo check yes -q", ""), 0);
	CHECK_STRING(demo_out, "");
	CHECK_INT(demo_run("ab-demo batch", "{\"id\":\"x\",\"op\":\"check\",\"name\":\"no\"}\n"), 0);
	CHECK_STRING(demo_out, "{\"id\":\"x\",\"yes\":false}\n");
}

static void
test_bytes(void)
{
	CHECK_INT(demo_run("ab-demo echo hal~lo", ""), 0);
	CHECK_STRING(demo_out, "hal lo");
	CHECK_INT(demo_run("ab-demo echo hallo --json", ""), 0);
	CHECK_STRING(demo_out, "{\"value\":\"hallo\"}\n");
	CHECK_INT(demo_run("ab-demo echo \377 --json", ""), 0);
	CHECK_STRING(demo_out, "{\"value_base64\":\"/w==\"}\n");
	CHECK_INT(demo_run("ab-demo echo \377 --json --encoding utf8", ""), 0);
	CHECK_STRING(demo_out, "{\"value\":\"\357\277\275\",\"value_lossy\":true}\n");
	CHECK_INT(demo_run("ab-demo batch --encoding base64", "{\"op\":\"echo\",\"name\":\"x\"}\n"), 0);
	CHECK_STRING(demo_out, "{\"id\":null,\"value_base64\":\"eA==\"}\n");
}

static void
test_list(void)
{
	CHECK_INT(demo_run("ab-demo batch", "{\"id\":1,\"op\":\"count\",\"to\":2}\n{\"id\":2,\"op\":\"count\",\"to\":0}\n"), 0);
	CHECK_STRING(demo_out, "{\"id\":1,\"items\":[{\"n\":1,\"word\":\"odd\"},{\"n\":2,\"word\":\"even\"}],\"next\":null}\n"
			       "{\"id\":2,\"items\":[],\"next\":null}\n");
	CHECK_INT(demo_run("ab-demo batch", "{\"id\":1,\"op\":\"count\",\"to\":101}\n"), 0);
	CHECK(strstr(demo_out, "}],\"next\":\"more\"}\n") != NULL);
}

static void
test_events(void)
{
	CHECK_INT(demo_run("ab-demo nap 1ms --ticks 2", ""), 0);
	CHECK_STRING(demo_out, "{\"type\":\"tick\",\"n\":1}\n{\"type\":\"tick\",\"n\":2}\n{\"type\":\"result\",\"done\":2}\n");
	CHECK_INT(demo_run("ab-demo batch", "{\"id\":7,\"op\":\"nap\",\"length_ms\":1,\"ticks\":2}\n{\"id\":8,\"op\":\"nap\",\"length_ms\":1}\n"), 0);
	CHECK_STRING(demo_out, "{\"id\":7,\"type\":\"tick\",\"n\":1}\n{\"id\":7,\"type\":\"tick\",\"n\":2}\n{\"id\":7,\"type\":\"result\",\"done\":2}\n"
			       "{\"id\":8,\"done\":1}\n"); /* no event: no type */
}

static void
test_error(void)
{
	CHECK_INT(demo_run("ab-demo batch", "{\"id\":3,\"op\":\"greet\",\"name\":\"nobody\"}\n"), 0);
	CHECK_STRING(demo_out, "{\"id\":3,\"error\":{\"code\":\"not_found\",\"message\":\"no such person \\\"nobody\\\"\","
			       "\"hint\":\"ab-demo greet somebody\",\"retryable\":false}}\n");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "one record", test_one },
		{ "bytes", test_bytes },
		{ "a list", test_list },
		{ "events", test_events },
		{ "an error", test_error },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
