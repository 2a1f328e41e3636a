#include "core/describe.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static struct ab_value *
describe(const char *name, size_t *lines)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1000000);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_value *found = NULL;

	*lines = 0;
	ab_describe_tool(&demo_tool, NULL, &out);
	for (const char *at = out.data; *at != '\0'; at += strcspn(at, "\n") + 1) {
		struct ab_value *record = ab_value_parse(at, strcspn(at, "\n"), &err);
		CHECK(record != NULL);
		(*lines)++;
		if (strcmp(ab_value_get_string(record, "name", ""), name) == 0 && found == NULL)
			found = record;
		else
			ab_value_free(record);
	}
	return found;
}

static const struct ab_value *
path(const struct ab_value *value, const char *a, const char *b, const char *c)
{
	value = ab_value_get(value, a);
	value = b != NULL ? ab_value_get(value, b) : value;
	return c != NULL ? ab_value_get(value, c) : value;
}

static void
test_request(void)
{
	size_t lines, len;
	AB_AUTO_VALUE struct ab_value *record = describe("greet", &lines);

	CHECK_INT(lines, AB_COUNT_OF(demo_ops) - 1 + 2);
	CHECK_STRING(ab_value_get_string(record, "kind", ""), "operation");
	CHECK_STRING(ab_value_get_string(record, "alias", ""), "hi");
	CHECK_STRING(ab_value_get_string(record, "answer_kind", ""), "one");
	const struct ab_value *properties = path(record, "request", "properties", NULL);
	CHECK_INT(ab_value_get_integer(ab_value_get(properties, "time_out_ms"), "default", 0), 10000);
	CHECK_INT(ab_value_get_integer(ab_value_get(properties, "times"), "maximum", 0), 9);
	CHECK_STRING(ab_value_get_string(ab_value_get(properties, "stdin_base64"), "contentEncoding", ""), "base64");
	CHECK(ab_value_get(properties, "name_base64") != NULL && ab_value_get(properties, "tone_base64") == NULL);
	CHECK(path(properties, "tone", "enum", NULL) == NULL); /* a choice that is a prefix is no enum */
	CHECK(ab_value_get(properties, "dry_run") != NULL);
	CHECK(!ab_value_get_boolean(ab_value_get(record, "request"), "additionalProperties", true));
	const struct ab_value *required = path(record, "request", "required", NULL);
	CHECK_INT(ab_value_count(required), 1); /* name may come as base64: it is required by allOf */
	CHECK_STRING(ab_value_string(ab_value_at(required, 0), &len), "op");
	CHECK_INT(ab_value_count(path(record, "request", "allOf", NULL)), 1);
	CHECK(ab_value_get_boolean(ab_value_get(record, "effects"), "idempotent", false));
	CHECK(!ab_value_get_boolean(ab_value_get(record, "effects"), "read_only", true));
}

static void
test_answer(void)
{
	size_t lines;
	AB_AUTO_VALUE struct ab_value *greeted = describe("greet", &lines);
	AB_AUTO_VALUE struct ab_value *napped = describe("nap", &lines);
	AB_AUTO_VALUE struct ab_value *counted = describe("count", &lines);
	const struct ab_value *properties = path(greeted, "answer", "properties", NULL);

	CHECK(ab_value_get(properties, "name_base64") != NULL);
	CHECK_INT(ab_value_count(path(properties, "tone", "enum", NULL)), 2);
	CHECK_STRING(ab_value_get_string(ab_value_get(properties, "at"), "format", ""), "date-time");
	CHECK_INT(ab_value_count(path(properties, "at", "type", NULL)), 2);
	CHECK_STRING(ab_value_get_string(path(path(napped, "events", "tick", "properties"), "type", NULL, NULL), "const", ""), "tick");
	CHECK(path(napped, "answer", "properties", "n") == NULL && path(napped, "answer", "properties", "done") != NULL);
	CHECK(path(counted, "answer", "properties", "items") != NULL);
}

static void
test_options(void)
{
	size_t lines;
	AB_AUTO_VALUE struct ab_value *ran = describe("run", &lines);
	AB_AUTO_VALUE struct ab_value *common = describe("common", &lines);
	AB_AUTO_VALUE struct ab_value *batch = describe("batch", &lines);

	CHECK_INT(ab_value_count(ab_value_get(ran, "options")), 4);
	const struct ab_value *argv = ab_value_at(ab_value_get(ran, "options"), 0);
	CHECK(ab_value_get_boolean(argv, "positional", false) && ab_value_get_boolean(argv, "rest", false));
	CHECK(path(ran, "request", "properties", "status") == NULL);
	CHECK(ab_value_get_boolean(ran, "main", false) && ab_value_get_boolean(ran, "filter", false));
	CHECK_STRING(ab_value_get_string(ab_value_at(ab_value_get(common, "options"), 0), "name", ""), "help");
	CHECK_STRING(ab_value_get_string(ab_value_at(ab_value_get(batch, "options"), 0), "letter", ""), "j");
}

static void
test_one(void)
{
	CHECK_INT(demo_run("ab-demo count --describe", ""), 0);
	CHECK(strchr(demo_out, '\n') == demo_out + strlen(demo_out) - 1);
	CHECK_INT(demo_run("ab-demo batch", "{\"id\":1,\"op\":\"describe\"}\n"), 0);
	CHECK(demo_begins(demo_out, "{\"id\":1,\"items\":[{\"kind\":\"operation\",\"name\":\"run\""));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "schemas of requests", test_request },
		{ "schemas of answers", test_answer },
		{ "options", test_options },
		{ "one operation; in batch", test_one },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
