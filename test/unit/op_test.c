#include "core/op.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_find(void)
{
	CHECK(ab_op_find(&demo_tool, "greet") == &demo_ops[1]);
	CHECK(ab_op_find(&demo_tool, "hi") == &demo_ops[1]);
	CHECK(ab_op_find(&demo_tool, "gree") == NULL);
	CHECK(ab_op_find(&demo_tool, "") == NULL);
	CHECK(ab_op_main(&demo_tool) == &demo_ops[0]);
}

static void
test_good(void)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_tool_check(&demo_tool, &err), 0);
	CHECK_STRING(err.msg, "");
}

/* Each breaks the law in one way. */
static void
check_bad(const struct ab_param *params, const char *message)
{
	struct ab_error err = AB_ERROR_INIT;
	const struct ab_op ops[] = {
		demo_ops[0],
		{ .name = "bad", .summary = "bad", .params = params, .params_size = sizeof(struct greet_params), .run = greet },
		demo_ops[1],
		{ .name = NULL },
	};
	const struct ab_tool tool = { .name = "ab-demo", .ops = ops };

	CHECK_INT(ab_tool_check(&tool, &err), -1);
	CHECK_STRING(err.msg, message);
	CHECK_INT(err.code, AB_E_INTERNAL);
}

static void
test_bad(void)
{
#define ONE(...) (const struct ab_param[]){ { .offset = offsetof(struct greet_params, times), .help = "x", __VA_ARGS__ }, AB_PARAM_END }
	check_bad(ONE(.name = "Times", .type = AB_INTEGER), "bad --Times: not a name");
	check_bad(ONE(.name = "no-times", .type = AB_INTEGER), "bad --no-times: not a name");
	check_bad(ONE(.name = "type", .type = AB_STRING), "bad --type: a reserved name");
	check_bad(ONE(.name = "x", .type = AB_STRING, .min = 1), "bad --x: bounds");
	check_bad(ONE(.name = "x", .type = AB_INTEGER, .dflt = "x"), "bad: the default: --x: \"x\" is not an integer");
	check_bad(ONE(.name = "x", .type = AB_STRING, .flags = AB_POSITIONAL | AB_REST), "bad --x: only a positional list takes the rest");
	check_bad(ONE(.name = "time-out", .type = AB_INTEGER), "--time-out: not of one type in greet and bad");
	check_bad((const struct ab_param[]){ { .name = "a", .letter = 'a', .help = "x" }, { .name = "b", .letter = 'a', .help = "x" }, AB_PARAM_END },
	    "bad --b: name or letter twice");
}

static void
test_names(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_op ops[] = { demo_ops[1], demo_ops[2], { .name = NULL } };
	const struct ab_tool tool = { .name = "ab-demo", .ops = ops };

	ops[1].alias = "hi";
	CHECK_INT(ab_tool_check(&tool, &err), -1);
	CHECK_STRING(err.msg, "operation \"count\": name or alias twice");
	ops[1].alias = NULL;
	ops[1].name = "cancel";
	CHECK_INT(ab_tool_check(&tool, &err), -1);
	CHECK_STRING(err.msg, "operation \"cancel\": a reserved name");
	ops[1].name = "count";
	ops[0].flags = ops[1].flags = AB_OP_MAIN;
	CHECK_INT(ab_tool_check(&tool, &err), -1);
	CHECK_STRING(err.msg, "ab-demo: more than one main operation");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "operations by name and alias", test_find },
		{ "a table that keeps the law", test_good },
		{ "parameters that break it", test_bad },
		{ "names that break it", test_names },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
