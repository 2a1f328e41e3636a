#include "core/mem.h"
#include "core/param.h"
#include "demo_tool.h"
#include "tap.h"

static struct greet_params values;
static struct ab_arena arena;
static struct ab_args args;
static struct ab_error err;

static void
fresh(void)
{
	ab_arena_reset(&arena);
	ab_args_init(&args, greet_params, &values, sizeof(values), &arena);
	memset(&err, 0, sizeof(err));
}

static int
set(const char *name, const char *text, enum ab_source source)
{
	int row = ab_param_find(greet_params, name, strlen(name));

	return ab_args_set_text(&args, (size_t)row, text, source, &err);
}

static bool
given(const char *name)
{
	return ab_args_given(&args, (size_t)ab_param_find(greet_params, name, strlen(name)));
}

static void
test_unset(void)
{
	fresh();
	CHECK(values.times == AB_UNSET && values.timeout_ms == AB_UNSET && values.size_bytes == AB_UNSET);
	CHECK(values.name == NULL && values.words.count == 0 && values.env.count == 0 && values.loud == AB_MAYBE);
	CHECK(values.stdin_bytes.kind == AB_BYTES_NONE && values.extra == NULL);
	CHECK(!given("name") && !given("times"));
}

static void
test_scalars(void)
{
	fresh();
	CHECK_INT(set("name", "bob", AB_FROM_OPTION), 0);
	CHECK_INT(set("times", "3", AB_FROM_OPTION), 0);
	CHECK_INT(set("times", "4", AB_FROM_OPTION), 0);
	CHECK_INT(set("time-out", "1.5s", AB_FROM_OPTION), 0);
	CHECK_INT(set("size", "2KiB", AB_FROM_OPTION), 0);
	CHECK_INT(set("loud", "yes", AB_FROM_ENVIRONMENT), 0);
	CHECK_STRING(values.name, "bob");
	CHECK(values.times == 4 && values.timeout_ms == 1500 && values.size_bytes == 2048 && values.loud == 1);
	CHECK(given("name") && given("times") && given("loud"));
	CHECK_INT(set("times", "99999999999999999999", AB_FROM_OPTION), -1);
	CHECK_INT(set("times", "0x3", AB_FROM_OPTION), -1);
	CHECK_INT(set("times", "", AB_FROM_OPTION), -1);
	CHECK_INT(set("times", " 3", AB_FROM_OPTION), -1);
	CHECK_STRING(err.msg, "--times: \" 3\" is not an integer");
	CHECK_INT(err.code, AB_E_USAGE);
	CHECK_INT(set("time-out", "5 parsecs", AB_FROM_OPTION), -1);
	CHECK(demo_begins(err.msg, "--time-out: "));
	CHECK_INT(set("loud", "maybe", AB_FROM_ENVIRONMENT), -1);
}

static void
test_lists(void)
{
	char word[8];

	fresh();
	for (int i = 0; i < 100; i++) {
		snprintf(word, sizeof(word), "w%d", i);
		CHECK_INT(set("word", word, AB_FROM_OPTION), 0);
	}
	CHECK_INT(values.words.count, 100);
	CHECK_STRING(values.words.item[0], "w0");
	CHECK_STRING(values.words.item[99], "w99");
	CHECK(values.words.item[100] == NULL);
	fresh();
	CHECK_INT(set("word", "a,b,,c,", AB_FROM_OPTION), 0);
	CHECK_INT(values.words.count, 4);
	CHECK_STRING(values.words.item[2], "");
	CHECK_STRING(values.words.item[3], "c");
}

static void
test_maps(void)
{
	fresh();
	CHECK_INT(set("env", "A=1", AB_FROM_OPTION), 0);
	CHECK_INT(set("env", "B=x=y", AB_FROM_OPTION), 0);
	CHECK_INT(set("env", "A=2", AB_FROM_OPTION), 0);
	CHECK_INT(set("env", "C=", AB_FROM_OPTION), 0);
	CHECK_INT(values.env.count, 3);
	CHECK_STRING(values.env.name[0], "A");
	CHECK_STRING(values.env.value[0], "2");
	CHECK_STRING(values.env.value[1], "x=y");
	CHECK_STRING(values.env.value[2], "");
	CHECK_INT(set("env", "hunter2", AB_FROM_OPTION), -1);
	CHECK(strstr(err.msg, "hunter2") == NULL);
	CHECK_INT(set("env", "=x", AB_FROM_OPTION), -1);
}

static void
test_bytes(void)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(10);

	fresh();
	CHECK_INT(set("stdin", "-", AB_FROM_OPTION), 0);
	CHECK_INT(values.stdin_bytes.kind, AB_BYTES_STDIN);
	CHECK_INT(set("stdin", "/dev/null", AB_FROM_OPTION), 0);
	CHECK_INT(values.stdin_bytes.kind, AB_BYTES_FILE);
	CHECK_INT(ab_bytes_read(&values.stdin_bytes, &buf, &err), 0);
	CHECK_INT(buf.len, 0);
	CHECK_INT(set("stdin", "itself", AB_FROM_OPERAND), 0);
	CHECK_INT(ab_bytes_read(&values.stdin_bytes, &buf, &err), 0);
	CHECK_STRING(buf.data, "itself");
	CHECK_INT(ab_bytes_read(&values.stdin_bytes, &buf, &err), -1);
	CHECK_INT(err.code, AB_E_LIMIT_SIZE);
	CHECK_INT(set("stdin", "/nonexistent/x", AB_FROM_OPTION), 0);
	CHECK_INT(ab_bytes_read(&values.stdin_bytes, &buf, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK(strstr(err.msg, "/nonexistent/x") != NULL);
	CHECK_INT(set("stdin", "", AB_FROM_OPTION), -1);
}

static void
test_json(void)
{
	fresh();
	CHECK_INT(set("extra", "{\"a\":[1,2]}", AB_FROM_OPTION), 0);
	CHECK_INT(ab_value_count(ab_value_get(values.extra, "a")), 2);
	CHECK_INT(set("extra", "{", AB_FROM_OPTION), -1);
	CHECK_INT(err.code, AB_E_USAGE);
}

static void
test_complete(void)
{
	fresh();
	unsetenv("DEMO_TONE");
	CHECK_INT(ab_args_complete(&args, &err), 0);
	CHECK_STRING(values.tone, "kind");
	CHECK(values.times == 1 && values.timeout_ms == 10000 && values.loud == AB_MAYBE);
	CHECK(!given("tone") && !given("times"));
	fresh();
	setenv("DEMO_TONE", "rude", 1);
	CHECK_INT(set("times", "5", AB_FROM_OPTION), 0);
	CHECK_INT(ab_args_complete(&args, &err), 0);
	CHECK_STRING(values.tone, "rude");
	CHECK(given("tone") && values.times == 5);
	fresh();
	CHECK_INT(set("tone", "kind", AB_FROM_OPTION), 0);
	CHECK_INT(ab_args_complete(&args, &err), 0);
	CHECK_STRING(values.tone, "kind");
	fresh();
	setenv("DEMO_TONE", "", 1);
	CHECK_INT(ab_args_complete(&args, &err), 0);
	CHECK_STRING(values.tone, "kind");
	fresh();
	setenv("DEMO_TONE", "odd", 1);
	CHECK_INT(ab_args_complete(&args, &err), -1);
	CHECK(demo_begins(err.msg, "DEMO_TONE: \"odd\""));
	unsetenv("DEMO_TONE");
}

static void
test_require(void)
{
	fresh();
	CHECK_INT(ab_args_require(&args, false, &err), -1);
	CHECK_STRING(err.msg, "NAME is missing");
	CHECK_INT(err.code, AB_E_USAGE);
	CHECK_INT(ab_args_require(&args, true, &err), -1);
	CHECK_STRING(err.msg, "\"name\" is missing");
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	CHECK_INT(set("name", "", AB_FROM_OPERAND), 0);
	CHECK_INT(ab_args_require(&args, true, &err), 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "nothing is given at first", test_unset },
		{ "scalars", test_scalars },
		{ "lists grow", test_lists },
		{ "maps keep one value a name, and their secrets", test_maps },
		{ "bytes", test_bytes },
		{ "json", test_json },
		{ "option, environment, default", test_complete },
		{ "what is required", test_require },
	};
	int status = tap_run(tests, AB_COUNT_OF(tests));

	ab_arena_release(&arena);
	return status;
}
