#include "core/help.h"

#include "core/mem.h"
#include "core/opt.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_tool(void)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(100000);

	ab_help_tool(&demo_tool, &out);
	for (const struct ab_op *op = demo_ops; op->name != NULL; op++)
		CHECK(strstr(out.data, op->summary) != NULL);
	for (const struct ab_param *param = ab_common_params; param->name != NULL; param++)
		CHECK(strstr(out.data, param->name) != NULL || (param->flags & AB_IF_DRY_RUN) != 0);
	CHECK(strstr(out.data, "usage: ab-demo [run] [options] [--] [ARGV…]") != NULL);
	CHECK(strstr(out.data, "greet, hi") != NULL);
	CHECK(strstr(out.data, "--dry-run") == NULL); /* run does not understand it */
}

static void
test_op(void)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(100000);
	size_t longest = 0;

	ab_help_op(&demo_tool, ab_op_find(&demo_tool, "greet"), &out);
	CHECK(strstr(out.data, "usage: ab-demo greet [options] NAME\n") != NULL);
	CHECK(strstr(out.data, "  -n, --times N           how often [default: 1]\n") != NULL);
	CHECK(strstr(out.data, "how (kind, rude, as:) [default: kind] [env: DEMO_TONE]") != NULL);
	CHECK(strstr(out.data, "--[no-]loud") != NULL);
	CHECK(strstr(out.data, "\nlimits:\n      --time-out TIME     how long [default: 10s]\n") != NULL);
	CHECK(strstr(out.data, "--dry-run") != NULL);
	for (const char *at = out.data; *at != '\0'; at += strcspn(at, "\n") + 1)
		if (strcspn(at, "\n") > longest)
			longest = strcspn(at, "\n");
	CHECK(longest <= 112);
}

static void
test_batch(void)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(100000);

	ab_help_batch(&demo_tool, &out);
	CHECK(strstr(out.data, "--fixed LIST") != NULL);
	CHECK(strstr(out.data, "--tone") != NULL);
	CHECK(strstr(out.data, "--status") == NULL); /* a control of the process */
	CHECK(strstr(out.data, "\n  NAME ") == NULL);   /* an operand */
	const char *width = strstr(out.data, "--width");
	CHECK(width != NULL && strstr(width + 1, "--width") == NULL); /* of two operations, told once */
}

static const char *
nine(void)
{
	return "9.9";
}

static void
test_version(void)
{
	static const struct ab_library libraries[] = { { .name = "nine", .version = nine }, { .name = NULL } };
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(100000);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_tool tool = demo_tool;

	tool.libraries = libraries;
	ab_help_version(&tool, false, &out);
	CHECK_STRING(out.data, "ab-demo " AB_VERSION "\n");
	ab_buf_truncate(&out, 0);
	ab_help_version(&tool, true, &out);
	AB_AUTO_VALUE struct ab_value *record = ab_value_parse(out.data, out.len, &err);
	CHECK_STRING(ab_value_get_string(record, "version", ""), AB_VERSION);
	CHECK_STRING(ab_value_get_string(ab_value_get(record, "libraries"), "nine", ""), "9.9");
	CHECK(ab_value_get_string(ab_value_get(record, "libraries"), "jansson", NULL) != NULL);
	CHECK_INT(ab_value_count(ab_value_get(record, "schemas")), 1);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "of the tool", test_tool },
		{ "of an operation, with every default", test_op },
		{ "of batch", test_batch },
		{ "the version", test_version },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
