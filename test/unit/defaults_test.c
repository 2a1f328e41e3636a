#include "core/intake.h"
#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

#define GREET "{\"op\":\"greet\",\"name\":\"x\"}\n"

static bool
says(const char *part)
{
	bool said = strstr(demo_out, part) != NULL;

	if (!said)
		printf("# said: %s# %s", demo_out, demo_err);
	return said;
}

static void
test_precedence(void)
{
	setenv("DEMO_TONE", "as:env", 1);
	CHECK_INT(demo_run("ab-demo batch", GREET), 0);
	CHECK(says("\"tone\":\"as:env\",\"times\":1,"));
	CHECK_INT(demo_run("ab-demo batch --tone rude -n4", GREET), 0);
	CHECK(says("\"tone\":\"rude\",\"times\":4,"));
	CHECK(says("\"given\":true"));
	CHECK_INT(demo_run("ab-demo batch --tone rude -n4", "{\"op\":\"greet\",\"name\":\"x\",\"times\":5,\"tone\":\"kind\"}\n"), 0);
	CHECK(says("\"tone\":\"kind\",\"times\":5,"));
	unsetenv("DEMO_TONE");
	/* a default reaches every operation that has it, and no other */
	CHECK_INT(demo_run("ab-demo batch --ticks 2 --env A=1 --width 1", "{\"op\":\"nap\",\"length_ms\":1}\n{\"op\":\"count\",\"to\":1}\n" GREET), 0);
	CHECK(says("\"done\":2}"));
	CHECK(says("\"padding\":\"x\"}]"));
	CHECK(says("\"env\":{\"A\":\"1\"}"));
}

static void
test_fixed(void)
{
	CHECK_INT(demo_run("ab-demo batch --fixed times,time_out_ms -n3", GREET "{\"op\":\"greet\",\"name\":\"x\",\"times\":3}\n"
									 "{\"op\":\"greet\",\"name\":\"x\",\"time_out_ms\":1}\n"), 0);
	CHECK(says("\"times\":3,\"time_out_ms\":10000"));
	CHECK(says("\"times\\\" is fixed for this batch (--fixed)"));
	CHECK(says("\"time_out_ms\\\" is fixed for this batch (--fixed)"));
	CHECK_INT(demo_run("ab-demo batch --fixed nix", ""), 2);
	CHECK_STRING(demo_err, "ab-demo: --fixed: no operation has a parameter \"nix\" [usage]\n");
}

static void
test_host_paths(void)
{
	const char *request = "{\"op\":\"greet\",\"name\":\"x\",\"root\":\"/\"}\n";

	CHECK_INT(demo_run("ab-demo batch --fail", request), 4);
	CHECK(says("denied.policy"));
	CHECK_INT(demo_run("ab-demo batch --fail --host-paths", request), 0);
	CHECK_INT(demo_run("ab-demo batch --fail --root /x", GREET), 0);
}

static void
test_refused(void)
{
	static const struct { const char *line, *error; } cases[] = {
		{ "ab-demo batch --jobz 3", "ab-demo: unknown option \"--jobz\" [usage]\n  hint: did you mean --jobs?\n" },
		{ "ab-demo batch -j 0", "ab-demo: --jobs: must be at least 1 [usage]\n" },
		{ "ab-demo batch file", "ab-demo: unexpected operand \"file\": requests come on stdin [usage]\n" },
		{ "ab-demo batch --times 77", "ab-demo: --times: must be at most 9 [usage]\n" },
		{ "ab-demo batch --stdin -", "ab-demo: --stdin -: stdin carries the requests [usage]\n" },
		{ "ab-demo batch --table", "ab-demo: --field and --table are not for batch; --jq is [usage]\n" },
		{ "ab-demo batch --status 3", "ab-demo: unknown option \"--status\" [usage]\n" },
		{ "ab-demo batch --name bob", "ab-demo: unknown option \"--name\" [usage]\n" },
		{ "ab-demo batch --dry-run", "ab-demo: unknown option \"--dry-run\" [usage]\n" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		CHECK_INT(demo_run(cases[i].line, ""), 2);
		CHECK(demo_begins(demo_err, cases[i].error));
	}
	setenv("DEMO_TONE", "odd", 1);
	CHECK_INT(demo_run("ab-demo batch", ""), 2); /* told at the start, not with every request */
	unsetenv("DEMO_TONE");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "default, environment, batch, request", test_precedence },
		{ "--fixed", test_fixed },
		{ "--host-paths", test_host_paths },
		{ "what is wrong is told at the start", test_refused },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
