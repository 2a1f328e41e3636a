#include "core/param.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_spelling(void)
{
	char field[AB_FIELD_SIZE], label[AB_LABEL_SIZE];
	bool base64 = false;
	int row = ab_param_find(greet_params, "time-out", 8);

	CHECK(row >= 0);
	CHECK_STRING(ab_param_field(field, &greet_params[row]), "time_out_ms");
	CHECK_INT(ab_param_find(greet_params, "time", 4), -1);
	CHECK_INT(ab_param_find(greet_params, "time-outs", 9), -1);
	CHECK_INT(ab_param_find_field(greet_params, "time_out_ms", &base64), row);
	CHECK_INT(ab_param_find_field(greet_params, "time_out", &base64), -1);
	CHECK_INT(ab_param_find_field(greet_params, "time-out", &base64), -1);
	CHECK(!base64);
	CHECK(ab_param_find_field(greet_params, "stdin_base64", &base64) >= 0 && base64);
	CHECK(ab_param_find_field(greet_params, "name_base64", &base64) >= 0 && base64);
	CHECK(ab_param_find_field(greet_params, "name", &base64) >= 0 && !base64);
	CHECK_INT(ab_param_find_field(greet_params, "tone_base64", &base64), -1);
	CHECK_INT(ab_param_find_field(run_params, "status", &base64), -1); /* of the command line only */
	CHECK_STRING(ab_param_label(label, &greet_params[row], AB_FROM_OPTION), "--time-out");
	CHECK_STRING(ab_param_label(label, &greet_params[row], AB_FROM_REQUEST), "\"time_out_ms\"");
	CHECK_STRING(ab_param_label(label, &greet_params[0], AB_FROM_OPERAND), "NAME");
}

static void
test_quote(void)
{
	char quoted[AB_QUOTE_SIZE];
	const char *longer = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaäbbbbbbbbbbbbbb";

	CHECK_STRING(ab_quote(quoted, "short"), "short");
	ab_quote(quoted, longer);
	CHECK_INT(strlen(quoted), 63 + strlen("…"));
	CHECK_INT(memcmp(quoted, longer, 63), 0);
}

static void
test_problems(void)
{
	struct ab_error all = AB_ERROR_INIT, one = AB_ERROR_INIT;

	ab_fail(&one, AB_E_INPUT_INVALID, "first");
	ab_problem(&all, &one);
	CHECK_STRING(all.msg, "first");
	ab_fail(&one, AB_E_DENIED_POLICY, "second");
	ab_error_hint(&one, "do so");
	ab_problem(&all, &one);
	ab_fail(&one, AB_E_INPUT_INVALID, "third");
	ab_problem(&all, &one);
	CHECK_STRING(all.msg, "first; second; third");
	CHECK_STRING(all.hint, "do so");
	CHECK_INT(all.code, AB_E_DENIED_POLICY);
	for (int i = 0; i < 200; i++)
		ab_problem(&all, &one);
	CHECK(strlen(all.msg) < sizeof(all.msg));
}

static void
test_choices(void)
{
	static const struct { const char *text; bool good; } cases[] = {
		{ "kind", true }, { "rude", true }, { "kin", false }, { "kinds", false }, { "", false }, { "as:", false }, { "as:king", true },
		{ "kind|rude", false },
	};
	struct ab_error err = AB_ERROR_INIT;
	const struct ab_param *tone = &greet_params[ab_param_find(greet_params, "tone", 4)];

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++)
		CHECK((ab_param_judge_choice(tone, cases[i].text, AB_FROM_OPTION, &err) == 0) == cases[i].good);
	CHECK_STRING(err.msg, "--tone: \"kind|rude\" is not one of kind, rude, as:");
	struct ab_param secret = *tone;
	secret.flags = AB_SECRET;
	CHECK_INT(ab_param_judge_choice(&secret, "hunter2", AB_FROM_REQUEST, &err), -1);
	CHECK(strstr(err.msg, "hunter2") == NULL);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
}

static void
test_bounds(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_param param = { .name = "size", .type = AB_SIZE, .min = 1024, .max = 1 << 20 };

	CHECK_INT(ab_param_judge_bounds(&param, 1024, AB_FROM_OPTION, &err), 0);
	CHECK_INT(ab_param_judge_bounds(&param, 1023, AB_FROM_OPTION, &err), -1);
	CHECK_STRING(err.msg, "--size: must be at least 1KiB");
	CHECK_INT(ab_param_judge_bounds(&param, 1 << 21, AB_FROM_REQUEST, &err), -1);
	CHECK_STRING(err.msg, "\"size_bytes\": must be at most 1048576");
	param.min = param.max = 0;
	CHECK_INT(ab_param_judge_bounds(&param, (INT64_C(1) << 53) - 1, AB_FROM_REQUEST, &err), 0);
	CHECK_INT(ab_param_judge_bounds(&param, INT64_C(1) << 53, AB_FROM_REQUEST, &err), -1);
	CHECK_STRING(err.msg, "\"size_bytes\": must be at most 9007199254740991");
	param.type = AB_INTEGER;
	CHECK_INT(ab_param_judge_bounds(&param, INT64_MAX, AB_FROM_OPTION, &err), 0);
	CHECK_INT(ab_param_judge_bounds(&param, -1, AB_FROM_OPTION, &err), -1);
}

static void
test_near(void)
{
	CHECK_INT(ab_near("timeout", "timeout"), 0);
	CHECK_INT(ab_near("tiemout", "timeout"), 1);
	CHECK_INT(ab_near("tim", "timeout"), 3);
	CHECK_INT(ab_near("memory", "timeout"), -1);
	CHECK_INT(ab_near("rm", "run"), -1);
	CHECK_INT(ab_near("x", "y"), -1);
	CHECK_INT(ab_near("quietaeta", "quiet"), -1);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "spelling in both faces", test_spelling },
		{ "quotes are bounded", test_quote },
		{ "problems are told together", test_problems },
		{ "choices", test_choices },
		{ "bounds", test_bounds },
		{ "near misses", test_near },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
