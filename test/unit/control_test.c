#include "core/control.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_ping(void)
{
	struct demo demo = demo_start("ab-demo batch");

	demo_say(&demo, "{\"id\":1,\"op\":\"nap\",\"length_ms\":300}\n");
	demo_say(&demo, "{\"id\":\"p\",\"op\":\"ping\"}\n{\"op\":\"ping\",\"x\":1}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":\"p\",\"pong\":true}\n"); /* whatever is running */
	CHECK(demo_begins(demo_line(&demo), "{\"id\":null,\"error\":{\"code\":\"input.invalid\",\"message\":\"unknown field \\\"x\\\"\""));
	CHECK_STRING(demo_line(&demo), "{\"id\":1,\"done\":1}\n");
	CHECK_INT(demo_end(&demo), 0);
}

static void
test_cancel(void)
{
	struct demo demo = demo_start("ab-demo batch");

	/* What was read with the ping has been started when the pong is there. */
	demo_say(&demo, "{\"id\":1,\"op\":\"nap\",\"length_ms\":60000,\"ticks\":2}\n{\"op\":\"ping\"}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":null,\"pong\":true}\n");
	demo_say(&demo, "{\"id\":2,\"op\":\"echo\",\"name\":\"never\"}\n{\"id\":3,\"op\":\"cancel\",\"target\":2}\n{\"id\":4,\"op\":\"cancel\",\"target\":1}\n"
			"{\"id\":5,\"op\":\"cancel\",\"target\":\"1\"}\n{\"id\":6,\"op\":\"cancel\"}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":3,\"cancelled\":true}\n");
	CHECK(demo_begins(demo_line(&demo), "{\"id\":1,\"error\":{\"code\":\"cancelled\""));
	CHECK_STRING(demo_line(&demo), "{\"id\":4,\"cancelled\":true}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":5,\"cancelled\":false}\n");
	CHECK(demo_begins(demo_line(&demo), "{\"id\":6,\"error\":{\"code\":\"input.invalid\""));
	CHECK(demo_begins(demo_line(&demo), "{\"id\":2,\"error\":{\"code\":\"cancelled\""));
	CHECK_INT(demo_end(&demo), 0);
	CHECK_STRING(demo_out, "");
}

static void
test_deaf(void)
{
	CHECK_INT(demo_run("ab-demo batch -j 2", "{\"id\":1,\"op\":\"nap\",\"length_ms\":200,\"deaf\":true}\n"), 0);
	CHECK_STRING(demo_out, "{\"id\":1,\"done\":1}\n");
	struct demo demo = demo_start("ab-demo batch");
	demo_say(&demo, "{\"id\":1,\"op\":\"nap\",\"length_ms\":500,\"deaf\":true}\n{\"op\":\"ping\"}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":null,\"pong\":true}\n");
	demo_say(&demo, "{\"id\":2,\"op\":\"cancel\",\"target\":1}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":2,\"cancelled\":false}\n");
	CHECK_STRING(demo_line(&demo), "{\"id\":1,\"done\":1}\n");
	CHECK_INT(demo_end(&demo), 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "ping", test_ping },
		{ "cancel", test_cancel },
		{ "an operation that cannot be cancelled", test_deaf },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
