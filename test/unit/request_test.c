#include "core/request.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static struct greet_params values;
static struct ab_arena arena;
static struct ab_args args;
static struct ab_error err;
static struct ab_value *request;
static struct ab_request_rules rules;
static bool dry_run;

static int
ask(const char *text)
{
	ab_value_free(request);
	request = ab_value_parse(text, strlen(text), &err);
	ab_arena_reset(&arena);
	ab_args_init(&args, greet_params, &values, sizeof(values), &arena);
	memset(&err, 0, sizeof(err));
	dry_run = false;
	return ab_request_read(ab_op_find(&demo_tool, "greet"), request, &rules, &args, &dry_run, &err);
}

static void
test_types(void)
{
	CHECK_INT(ask("{\"id\":1,\"op\":\"greet\",\"name\":\"bob\",\"times\":2,\"time_out_ms\":5,\"size_bytes\":9007199254740991,\"loud\":false,"
		      "\"word\":[\"a\",{\"base64\":\"/w==\"}],\"env\":{\"A\":\"1\",\"B\":null},\"stdin\":\"x\\u0000y\",\"extra\":[1],\"dry_run\":true}"), 0);
	CHECK_STRING(values.name, "bob");
	CHECK(values.times == 2 && values.timeout_ms == 5 && values.size_bytes == 9007199254740991 && values.loud == 0 && dry_run);
	CHECK_INT(values.words.count, 2);
	CHECK_STRING(values.words.item[1], "\377");
	CHECK_INT(values.env.count, 1);
	CHECK(values.stdin_bytes.kind == AB_BYTES_INLINE && values.stdin_bytes.len == 3 && memcmp(values.stdin_bytes.data, "x\0y", 3) == 0);
	CHECK_INT(ab_value_count(values.extra), 1);
	CHECK_INT(ask("{\"name_base64\":\"Ym9i\",\"stdin_base64\":\"AAH/\"}"), 0);
	CHECK_STRING(values.name, "bob");
	CHECK(values.stdin_bytes.len == 3 && memcmp(values.stdin_bytes.data, "\0\1\377", 3) == 0);
	CHECK_INT(ask("{\"name\":\"x\",\"times\":null,\"word\":null,\"stdin\":null}"), 0);
	CHECK(values.times == AB_UNSET && values.words.count == 0 && values.stdin_bytes.kind == AB_BYTES_NONE);
}

static void
test_refused(void)
{
	static const struct { const char *request, *message; } cases[] = {
		{ "{}", "\"name\" is missing" },
		{ "{\"name\":null}", "\"name\" is missing" },
		{ "{\"name\":1}", "\"name\": must be a string; \"name\" is missing" },
		{ "{\"name\":\"x\",\"times\":1.0}", "\"times\": must be an integer" },
		{ "{\"name\":\"x\",\"times\":\"1\"}", "\"times\": must be an integer" },
		{ "{\"name\":\"x\",\"times\":10}", "\"times\": must be at most 9" },
		{ "{\"name\":\"x\",\"time_out_ms\":-1}", "\"time_out_ms\": must be at least 0" },
		{ "{\"name\":\"x\",\"loud\":1}", "\"loud\": must be true or false" },
		{ "{\"name\":\"x\",\"word\":\"a\"}", "\"word\": must be an array" },
		{ "{\"name\":\"x\",\"word\":[1]}", "\"word\": holds something that is neither a string nor {\"base64\":…}" },
		{ "{\"name\":\"x\",\"word\":[{\"base64\":\"a\",\"b\":1}]}", "\"word\": holds something that is neither a string nor {\"base64\":…}" },
		{ "{\"name\":\"x\",\"word\":[{\"base64\":\"!\"}]}", "\"word\": holds base64 that does not decode" },
		{ "{\"name\":\"x\",\"word\":[\"a\\u0000b\"]}", "\"word\": holds a NUL byte" },
		{ "{\"name\":\"a\\u0000b\"}", "\"name\": holds a NUL byte; \"name\" is missing" },
		{ "{\"name\":\"x\",\"env\":{\"A=B\":\"x\"}}", "\"env\": holds a name that is empty or contains \"=\"" },
		{ "{\"name\":\"x\",\"env\":[]}", "\"env\": must be an object" },
		{ "{\"name\":\"x\",\"stdin_base64\":\"_\"}", "\"stdin\": the base64 does not decode" },
		{ "{\"name\":\"x\",\"stdin\":\"a\",\"stdin_base64\":\"YQ==\"}", "\"stdin\": given twice, as text and as base64" },
		{ "{\"name\":\"x\",\"tone\":\"odd\"}", "\"tone\": \"odd\" is not one of kind, rude, as:" },
		{ "{\"name\":\"x\",\"dry_run\":1}", "\"dry_run\": must be true or false" },
		{ "{\"name\":\"x\",\"help\":true,\"json\":true}", "unknown field \"help\"; unknown field \"json\"" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		CHECK_INT(ask(cases[i].request), -1);
		CHECK_STRING(err.msg, cases[i].message);
		CHECK_INT(err.code, AB_E_INPUT_INVALID);
	}
	CHECK_INT(ask("{\"name\":\"x\",\"time_out\":1}"), -1);
	CHECK_STRING(err.hint, "did you mean \"time_out_ms\"?");
	CHECK_INT(ask("{\"name\":\"x\",\"tmies\":1}"), -1);
	CHECK_STRING(err.hint, "did you mean \"times\"?");
}

static void
test_rules(void)
{
	static char times[] = "times", time_out[] = "time-out";
	static char *fixed[] = { times, time_out, NULL };

	rules = (struct ab_request_rules){ .fixed = fixed };
	CHECK_INT(ask("{\"name\":\"x\",\"times\":2,\"time_out_ms\":null}"), -1);
	CHECK_STRING(err.msg, "\"times\" is fixed for this batch (--fixed)");
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	CHECK_INT(ask("{\"name\":\"x\",\"time_out_ms\":3}"), -1);
	CHECK_INT(ask("{\"name\":\"x\",\"times\":null}"), 0);
	rules = (struct ab_request_rules){ .host_paths = false };
	CHECK_INT(ask("{\"name\":\"x\",\"root\":\"/etc\"}"), -1);
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	CHECK_INT(ask("{\"name\":\"x\",\"tone\":\"rude\"}"), 0);
	CHECK_INT(ask("{\"name\":\"x\",\"tone\":\"as:me\"}"), -1);
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	CHECK_STRING(err.msg, "\"tone\" in a request is one of kind|rude");
	CHECK_INT(ask("{\"name\":\"x\",\"tone\":1}"), -1);
	rules.host_paths = true;
	CHECK_INT(ask("{\"name\":\"x\",\"tone\":\"as:me\"}"), 0);
	CHECK_INT(ask("{\"name\":\"x\",\"root\":\"/etc\"}"), 0);
	CHECK_STRING(values.root, "/etc");
}

/* The batch's map is merged into, its list replaced, and neither is touched. */
static void
test_defaults(void)
{
	struct ab_arena own = AB_ARENA_INIT;
	struct greet_params base;
	struct ab_args defaults;
	const char *text = "{\"name\":\"x\",\"env\":{\"B\":\"22\",\"C\":\"3\"},\"word\":[\"new\"]}";

	ab_args_init(&defaults, greet_params, &base, sizeof(base), &own);
	CHECK_INT(ab_args_set_text(&defaults, (size_t)ab_param_find(greet_params, "env", 3), "A=1", AB_FROM_OPTION, &err), 0);
	CHECK_INT(ab_args_set_text(&defaults, (size_t)ab_param_find(greet_params, "env", 3), "B=2", AB_FROM_OPTION, &err), 0);
	CHECK_INT(ab_args_set_text(&defaults, (size_t)ab_param_find(greet_params, "word", 4), "old", AB_FROM_OPTION, &err), 0);
	ab_value_free(request);
	request = ab_value_parse(text, strlen(text), &err);
	args = defaults;
	values = base;
	args.data = (char *)&values;
	args.arena = &arena;
	rules = (struct ab_request_rules){ .host_paths = false };
	CHECK_INT(ab_request_read(ab_op_find(&demo_tool, "greet"), request, &rules, &args, &dry_run, &err), 0);
	CHECK_INT(values.env.count, 3);
	CHECK_STRING(values.env.value[0], "1");
	CHECK_STRING(values.env.value[1], "22");
	CHECK_STRING(values.env.value[2], "3");
	CHECK_INT(values.words.count, 1);
	CHECK_STRING(values.words.item[0], "new");
	CHECK_INT(base.env.count, 2);
	CHECK_STRING(base.env.value[1], "2");
	CHECK_STRING(base.words.item[0], "old");
	ab_arena_release(&own);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "every type", test_types },
		{ "what is wrong is named", test_refused },
		{ "what the batch forbids", test_rules },
		{ "defaults of the batch", test_defaults },
	};
	int status = tap_run(tests, AB_COUNT_OF(tests));

	ab_arena_release(&arena);
	ab_value_free(request);
	return status;
}
