/* core/nested: requests within a request. */
#include "demo_tool.h"
#include "tap.h"

static const char *
nest(const char *requests)
{
	AB_AUTO_FREE char *line = ab_asprintf("{\"id\":7,\"op\":\"both\",\"requests\":%s}\n", requests);

	CHECK_INT(demo_run("ab-demo batch --tone rude", line), 0);
	return demo_out;
}

static void
test_answers(void)
{
	CHECK_STRING(nest("[]"), "{\"id\":7,\"answers\":[],\"nested\":false}\n");
	CHECK_STRING(nest("[{\"op\":\"echo\",\"name\":\"a\"},{\"op\":\"count\",\"to\":2}]"),
	    "{\"id\":7,\"answers\":[{\"value\":\"a\"},{\"items\":[{\"n\":1,\"word\":\"odd\"},{\"n\":2,\"word\":\"even\"}],\"next\":null}],\"nested\":false}\n");
	/* The batch's defaults are theirs, and an id is left out. */
	nest("[{\"op\":\"greet\",\"id\":1,\"name\":\"x\"}]");
	CHECK(strstr(demo_out, "{\"id\":7,\"answers\":[{\"name\":\"x\",\"tone\":\"rude\",") != NULL);
	CHECK(strstr(nest("[{\"op\":\"both\",\"requests\":[]}]"), "{\"answers\":[],\"nested\":true}") != NULL);
}

static void
test_failures(void)
{
	static const struct {
		const char *requests, *said;
	} wrong[] = {
		{ "[{\"op\":\"echo\",\"name\":\"a\"},{\"op\":\"greet\",\"name\":\"nobody\"}]", "\"code\":\"not_found\",\"message\":\"no such person" },
		{ "[1]", "\"code\":\"input.invalid\",\"message\":\"a request is an object\"" },
		{ "[{\"op\":\"echo\"}]", "\"code\":\"input.invalid\"" },
		{ "[{\"op\":\"echo\",\"name\":\"a\",\"more\":1}]", "unknown field \\\"more\\\"" },
		{ "[{\"op\":\"none\"}]", "\"code\":\"input.invalid\"" },
		{ "[{\"op\":\"nap\"}]", "\"code\":\"unsupported\"" },
		{ "[{\"op\":\"watch\"}]", "\"code\":\"unsupported\"" },
		{ "[{\"argv\":[\"a\"]}]", "\"code\":\"unsupported\"" },
		{ "[{\"op\":\"greet\",\"name\":\"x\",\"root\":\"/\"}]", "\"code\":\"denied.policy\"" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(wrong); i++) {
		nest(wrong[i].requests);
		if (!CHECK(demo_begins(demo_out, "{\"id\":7,\"error\":{")) || !CHECK(strstr(demo_out, wrong[i].said) != NULL))
			printf("# of %s: %s\n", wrong[i].requests, demo_out);
	}
}

static void
test_long(void)
{
	char name[500001];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	AB_AUTO_FREE char *requests = ab_asprintf("[{\"op\":\"echo\",\"name\":\"%s\"},{\"op\":\"echo\",\"name\":\"%s\"}]", name, name);
	CHECK(strstr(nest(requests), "\"code\":\"limit.size\"") != NULL);
}

static void
test_command_line(void)
{
	CHECK_INT(demo_run("ab-demo both [{\"op\":\"echo\",\"name\":\"a\"},{\"op\":\"greet\",\"name\":\"b\"}]", ""), 0);
	CHECK(demo_begins(demo_out, "{\"answers\":[{\"value\":\"a\"},{\"name\":\"b\",\"tone\":\"kind\","));
	CHECK_INT(demo_run("ab-demo both [{\"op\":\"greet\",\"name\":\"nobody\"}]", ""), 1);
	CHECK(strstr(demo_err, "no such person") != NULL);
	CHECK_INT(demo_run("ab-demo both [{}]", ""), 4); /* the main operation, which cannot be part of another */
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "answers, in their order", test_answers },
		{ "one that fails", test_failures },
		{ "answers that are too long together", test_long },
		{ "outside of batch", test_command_line },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
