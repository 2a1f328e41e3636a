/* The plan: entries are copied and freed; what is printed names variables and never shows their values. */
#include "sys/plan.h"

#include "core/op.h"
#include "tap.h"

static void
test_init(void)
{
	struct ab_plan plan;

	ab_plan_init(&plan);
	CHECK(plan.limits.timeout_ms == AB_UNSET);
	CHECK(plan.limits.file_size_bytes == AB_UNSET);
	CHECK_INT(plan.view_count, 0);
	ab_plan_release(&plan);
}

static void
test_view(void)
{
	struct ab_plan plan;
	char source[] = "/usr", target[] = "/usr";

	ab_plan_init(&plan);
	for (int i = 0; i < 40; i++)
		ab_plan_view(&plan, AB_VIEW_BIND, source, target)->writable = i == 7;
	source[1] = 'x';
	CHECK_INT(plan.view_count, 40);
	CHECK_STRING(plan.view[0].source, "/usr");
	CHECK(plan.view[7].writable);
	CHECK(!plan.view[8].writable);
	CHECK(ab_plan_view(&plan, AB_VIEW_TMPFS, NULL, "/tmp")->source == NULL);
	ab_plan_release(&plan);
	CHECK_INT(plan.view_count, 0);
}

static void
test_system(void)
{
	CHECK(ab_plan_is_system("/usr"));
	CHECK(ab_plan_is_system("/usr/share/git"));
	CHECK(ab_plan_is_system("/etc/ssl"));
	CHECK(ab_plan_is_system("/lib64"));
	CHECK(!ab_plan_is_system("/usrlocal"));
	CHECK(!ab_plan_is_system("/library"));
	CHECK(!ab_plan_is_system("/home/u/.cargo"));
	CHECK(!ab_plan_is_system("/root/.pyenv"));
	CHECK(!ab_plan_is_system("/var/lib/ab/tree"));
	CHECK(ab_plan_is_system("/var/cache"));
}

static void
test_print(void)
{
	struct ab_plan plan;
	struct ab_json json;
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1 << 20);
	size_t argc = 0, envc = 0;

	ab_plan_init(&plan);
	ab_strv_push(&plan.argv, &argc, "sh");
	ab_strv_push(&plan.argv, &argc, AB_PLAN_SCRIPT);
	ab_strv_push(&plan.envp, &envc, "TOKEN=hunter2");
	ab_strv_push(&plan.envp, &envc, "EMPTY=");
	plan.script = ab_strdup("echo hunter2");
	plan.script_len = 12;
	plan.limits.pids = 4096;
	plan.missing = AB_PROMISE_BIT(AB_PROMISE_PIDS);
	ab_plan_view(&plan, AB_VIEW_LOCK, NULL, "/tree/.git/hooks");
	struct ab_view *file = ab_plan_view(&plan, AB_VIEW_FILE, NULL, "/etc/passwd");
	file->text = ab_strdup("hunter2");
	file->text_len = 7;

	ab_json_begin(&json, &out, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_plan_print(&plan, &json);
	ab_json_object_end(&json);
	CHECK(strstr(out.data, "hunter2") == NULL);
	CHECK(strstr(out.data, "\"env\":[\"TOKEN\",\"EMPTY\"]") != NULL);
	CHECK(strstr(out.data, "\"argv\":[\"sh\",\"(script)\"]") != NULL);
	CHECK(strstr(out.data, "\"script_bytes\":12") != NULL);
	CHECK(strstr(out.data, "\"limits\":{\"pids\":4096}") != NULL);
	CHECK(strstr(out.data, "\"missing\":[\"pids\"]") != NULL);
	CHECK(strstr(out.data, "{\"kind\":\"lock\",\"target\":\"/tree/.git/hooks\"}") != NULL);
	CHECK(strstr(out.data, "\"bytes\":7") != NULL);
	ab_plan_release(&plan);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "an empty plan has no limits", test_init },
		{ "entries are copied", test_view },
		{ "system directories", test_system },
		{ "printing shows names, never values", test_print },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
