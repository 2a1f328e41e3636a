/* data/kvline: entries and changes as lines of JSON. */
#include "data/kvline.h"

#include "core/time.h"
#include "data/kv.h"
#include "tap.h"

#define SPAN(text) ((struct ab_span){ (text), sizeof(text) - 1 })
#define NOWHERE ((struct ab_span){ .data = NULL })

static bool
same(struct ab_span a, struct ab_span b)
{
	return (a.data == NULL) == (b.data == NULL) && ab_span_compare(a, b) == 0;
}

/* The caller frees. */
static char *
written(const struct ab_kvline *line)
{
	struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_json json;

	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_kvline_write(&json, line);
	ab_json_object_end(&json);
	return ab_buf_take(&text);
}

static struct ab_error last;

static int
take(struct ab_kvline *line, const char *text, struct ab_span into)
{
	last = (struct ab_error)AB_ERROR_INIT;
	int status = ab_kvline_read(line, text, strlen(text), into, &last);
	CHECK((status == 0) == (last.code == AB_E_NONE) && (status == 0 || last.msg[0] != '\0'));
	return status;
}

/* ---- written and read back ---- */

#define NAMES .ns = SPAN("n/m"), .key = SPAN("k")
#define ENTRY_OF(number) .entry = { NAMES, .seq = (number), .created_ms = 1, .updated_ms = 2, .expires_ms = AB_NEVER, .size = 1 }
#define CHANGE_OF(number) .entry = { NAMES, .seq = (number), .updated_ms = 4 }

static void
test_kinds(void)
{
	static const struct {
		const char *text;
		struct ab_kvline line;
	} row[] = {
		{ "{\"namespace\":\"n/m\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":1,\"updated_ms\":2}", { .value = SPAN("v"), ENTRY_OF(0) } },
		{ "{\"change\":\"put\",\"seq\":7,\"namespace\":\"n/m\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":1,\"updated_ms\":2}",
		    { .kind = AB_KVLINE_PUT, .value = SPAN("v"), ENTRY_OF(7) } },
		{ "{\"change\":\"put\",\"seq\":6,\"namespace\":\"n/m\",\"key\":\"k\",\"updated_ms\":4}", { .kind = AB_KVLINE_PUT, CHANGE_OF(6) } },
		{ "{\"change\":\"delete\",\"seq\":8,\"namespace\":\"n/m\",\"key\":\"k\",\"updated_ms\":4}", { .kind = AB_KVLINE_DELETE, CHANGE_OF(8) } },
		{ "{\"change\":\"expire\",\"seq\":9,\"namespace\":\"n/m\",\"key\":\"k\",\"updated_ms\":4}", { .kind = AB_KVLINE_EXPIRE, CHANGE_OF(9) } },
		{ "{\"change\":\"old\",\"seq\":9223372036854775807,\"namespace\":\"n/m\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":1,\"updated_ms\":2}",
		    { .kind = AB_KVLINE_OLD, .value = SPAN("v"), ENTRY_OF(INT64_MAX) } },
		{ "{\"change\":\"entry\",\"seq\":11,\"namespace\":\"n/m\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":1,\"updated_ms\":2}",
		    { .kind = AB_KVLINE_ENTRY, .value = SPAN("v"), ENTRY_OF(11) } },
		{ "{\"change\":\"last\",\"was\":\"put\",\"seq\":12,\"namespace\":\"n/m\",\"key\":\"k\",\"updated_ms\":4}",
		    { .kind = AB_KVLINE_LAST, .was = AB_CHANGE_PUT, CHANGE_OF(12) } },
		{ "{\"change\":\"last\",\"was\":\"delete\",\"seq\":12,\"namespace\":\"n/m\",\"key\":\"k\",\"updated_ms\":4}",
		    { .kind = AB_KVLINE_LAST, .was = AB_CHANGE_DELETE, CHANGE_OF(12) } },
		{ "{\"change\":\"last\",\"was\":\"expire\",\"seq\":12,\"namespace\":\"n/m\",\"key\":\"k\",\"updated_ms\":4}",
		    { .kind = AB_KVLINE_LAST, .was = AB_CHANGE_EXPIRE, CHANGE_OF(12) } },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		const struct ab_kvline *want = &row[i].line;
		AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;
		AB_AUTO_FREE char *text = written(want);
		CHECK_STRING(text, row[i].text);
		CHECK_INT(take(&line, text, NOWHERE), 0);
		CHECK_INT(line.kind, want->kind);
		CHECK(same(line.entry.ns, want->entry.ns) && same(line.entry.key, want->entry.key) && same(line.value, want->value));
		CHECK_INT(line.entry.seq, want->entry.seq);
		CHECK_INT(line.entry.updated_ms, want->entry.updated_ms);
		CHECK_INT(line.entry.size, want->entry.size);
		CHECK_INT(line.entry.expires_ms, AB_NEVER);
		if (want->value.data != NULL)
			CHECK_INT(line.entry.created_ms, want->entry.created_ms);
		if (want->kind == AB_KVLINE_LAST)
			CHECK_INT(line.was, want->was);
		AB_AUTO_FREE char *again = written(&line);
		CHECK_STRING(again, text);
	}
}

static void
test_config(void)
{
	static const struct {
		const char *text;
		struct ab_namespace told;
	} row[] = {
		{ "{\"change\":\"config\",\"namespace\":\"n\",\"history\":2,\"history_age_ms\":1000,\"max_bytes\":500,\"search\":true}",
		    { .name = SPAN("n"), .history = 2, .history_age_ms = 1000, .max_bytes = 500, .search = true } },
		{ "{\"change\":\"config\",\"namespace\":\"n\",\"history\":0,\"search\":false}",
		    { .name = SPAN("n"), .history_age_ms = AB_NEVER, .max_bytes = INT64_MAX } },
		{ "{\"change\":\"config\",\"namespace_base64\":\"/w==\",\"history\":0,\"history_age_ms\":0,\"max_bytes\":0,\"search\":false}",
		    { .name = SPAN("\xff") } },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		const struct ab_kvline want = { .kind = AB_KVLINE_CONFIG, .namespace = row[i].told };
		AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;
		AB_AUTO_FREE char *text = written(&want);
		CHECK_STRING(text, row[i].text);
		CHECK_INT(take(&line, text, NOWHERE), 0);
		CHECK_INT(line.kind, AB_KVLINE_CONFIG);
		CHECK(same(line.namespace.name, row[i].told.name));
		CHECK_INT(line.namespace.history, row[i].told.history);
		CHECK_INT(line.namespace.history_age_ms, row[i].told.history_age_ms);
		CHECK_INT(line.namespace.max_bytes, row[i].told.max_bytes);
		CHECK_INT(line.namespace.search, row[i].told.search);
	}
	AB_AUTO_KVLINE struct ab_kvline bare = AB_KVLINE_INIT;
	CHECK_INT(take(&bare, "{\"change\":\"config\",\"namespace\":\"n\"}", NOWHERE), 0);
	CHECK(bare.namespace.history == 0 && bare.namespace.history_age_ms == AB_NEVER && bare.namespace.max_bytes == INT64_MAX && !bare.namespace.search);
}

/* Any bytes, as names and as value. */
static void
test_bytes(void)
{
	static const struct ab_span values[] = { SPAN(""), SPAN("a\0b"), SPAN("\0"), SPAN("\xff\xfe"), SPAN("\n\"\\\x7f"), SPAN("\xc3\xa4\xf0\x9f\xa6\x8a"),
		SPAN("\xc3"), SPAN("{\"change\":\"put\"}") };
	static const struct ab_span names[] = { SPAN("k"), SPAN("\xff"), SPAN("a/\x80/b"), SPAN("\xe2\x82\xac"), SPAN("\x01\n") };

	for (size_t i = 0; i < AB_COUNT_OF(values); i++)
		for (size_t j = 0; j < AB_COUNT_OF(names); j++) {
			const struct ab_kvline want = { .kind = AB_KVLINE_ENTRY, .value = values[i],
				.entry = { .ns = names[j], .key = names[AB_COUNT_OF(names) - 1 - j], .seq = 1, .expires_ms = 77 } };
			AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;
			AB_AUTO_FREE char *text = written(&want);
			CHECK_INT(take(&line, text, NOWHERE), 0);
			if (!CHECK(same(line.value, want.value) && same(line.entry.ns, want.entry.ns) && same(line.entry.key, want.entry.key)))
				printf("# %s\n", text);
			CHECK_INT(line.entry.size, values[i].len);
			CHECK_INT(line.entry.expires_ms, 77);
		}
	AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;
	CHECK_INT(take(&line, "{\"namespace_base64\":\"/2E=\",\"key_base64\":\"aw==\",\"value_base64\":\"AAE=\"}", NOWHERE), 0);
	CHECK(same(line.entry.ns, SPAN("\xff" "a")) && same(line.entry.key, SPAN("k")) && same(line.value, SPAN("\0\1")));
}

/* What an exported entry need not say. */
static void
test_defaults(void)
{
	AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;
	const int64_t before_ms = ab_now_unix_ms();

	CHECK_INT(take(&line, "{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\"}", NOWHERE), 0);
	CHECK_INT(line.kind, AB_KVLINE_EXPORTED);
	CHECK(line.entry.created_ms >= before_ms && line.entry.created_ms <= ab_now_unix_ms());
	CHECK_INT(line.entry.updated_ms, line.entry.created_ms);
	CHECK_INT(line.entry.expires_ms, AB_NEVER);
	CHECK_INT(line.entry.seq, 0);
	CHECK_INT(take(&line, "{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":5,\"more\":[1]}", NOWHERE), 0);
	CHECK_INT(line.entry.created_ms, 5);
	CHECK_INT(line.entry.updated_ms, 5);
	CHECK_INT(take(&line, "{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"\",\"expires_ms\":9}", NOWHERE), 0);
	CHECK(line.value.data != NULL);
	CHECK_INT(line.entry.expires_ms, 9);
}

/* ---- refused ---- */

static void
test_refused(void)
{
	static const struct {
		const char *text;
		enum ab_errcode code;
		const char *says;
	} row[] = {
		{ "", AB_E_INPUT_MALFORMED, "" },
		{ "{", AB_E_INPUT_MALFORMED, "" },
		{ "{\"key\":\"k\"} x", AB_E_INPUT_MALFORMED, "" },
		{ "[]", AB_E_INPUT_INVALID, "namespace" },
		{ "7", AB_E_INPUT_INVALID, "namespace" },
		{ "{}", AB_E_INPUT_INVALID, "namespace" },
		{ "{\"namespace\":\"n\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "key" },
		{ "{\"namespace\":\"n\",\"key\":\"k\"}", AB_E_INPUT_INVALID, "value" },
		{ "{\"namespace\":\"n\",\"key\":\"k\",\"value\":7}", AB_E_INPUT_INVALID, "value" },
		{ "{\"namespace\":\"n\",\"key\":null,\"value\":\"v\"}", AB_E_INPUT_INVALID, "key" },
		{ "{\"namespace\":7,\"key\":\"k\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "namespace" },
		{ "{\"change\":\"old\",\"seq\":1,\"namespace\":\"n\",\"key\":\"k\"}", AB_E_INPUT_INVALID, "value" },
		{ "{\"change\":\"entry\",\"seq\":1,\"namespace\":\"n\",\"key\":\"k\"}", AB_E_INPUT_INVALID, "value" },
		{ "{\"change\":\"put\",\"seq\":1,\"namespace\":\"n\"}", AB_E_INPUT_INVALID, "key" },
		{ "{\"change\":\"delete\",\"seq\":1,\"key\":\"k\"}", AB_E_INPUT_INVALID, "namespace" },
		{ "{\"change\":\"config\",\"history\":1}", AB_E_INPUT_INVALID, "namespace" },
		{ "{\"namespace\":\"n\",\"key\":\"k\",\"value_base64\":\"AAE\"}", AB_E_INPUT_INVALID, "value_base64" },
		{ "{\"namespace\":\"n\",\"key\":\"k\",\"value_base64\":\"A A=\"}", AB_E_INPUT_INVALID, "value_base64" },
		{ "{\"change\":\"put\",\"namespace\":\"n\",\"key\":\"k\",\"value_base64\":\"?\"}", AB_E_INPUT_INVALID, "value_base64" },
		{ "{\"namespace\":\"n\",\"key_base64\":\"=\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "key_base64" },
		{ "{\"namespace_base64\":\"aw\",\"key\":\"k\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "namespace_base64" },
		{ "{\"change\":\"rename\",\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "change" },
		{ "{\"change\":\"Put\",\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "change" },
		{ "{\"change\":7,\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "change" },
		{ "{\"change\":\"last\",\"was\":\"config\",\"namespace\":\"n\",\"key\":\"k\"}", AB_E_INPUT_INVALID, "was" },
		{ "{\"change\":\"last\",\"was\":\"\",\"namespace\":\"n\",\"key\":\"k\"}", AB_E_INPUT_INVALID, "was" },
		{ "{\"namespace\":\"\",\"key\":\"k\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "namespace" },
		{ "{\"namespace\":\"a//b\",\"key\":\"k\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "namespace" },
		{ "{\"namespace\":\"/a\",\"key\":\"k\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "namespace" },
		{ "{\"change\":\"config\",\"namespace\":\"a/\"}", AB_E_INPUT_INVALID, "namespace" },
		{ "{\"namespace\":\"n\",\"key\":\"\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "key" },
		{ "{\"namespace\":\"n\",\"key\":\"a\\u0000b\",\"value\":\"v\"}", AB_E_INPUT_INVALID, "key" },
		{ "{\"change\":\"delete\",\"namespace\":\"n\",\"key_base64\":\"AA==\"}", AB_E_INPUT_INVALID, "key" },
		{ "{\"change\":\"config\",\"namespace\":\"n\",\"history\":-1}", AB_E_INPUT_INVALID, "below 0" },
		{ "{\"change\":\"config\",\"namespace\":\"n\",\"history_age_ms\":-1}", AB_E_INPUT_INVALID, "below 0" },
		{ "{\"change\":\"config\",\"namespace\":\"n\",\"max_bytes\":-9223372036854775808}", AB_E_INPUT_INVALID, "below 0" },
		/* the next change is later than this one */
		{ "{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\",\"updated_ms\":9223372036854775807}", AB_E_INPUT_INVALID, "updated_ms" },
		{ "{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":-9223372036854775808,\"updated_ms\":1}", AB_E_INPUT_INVALID, "created_ms" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;
		CHECK_INT(take(&line, row[i].text, NOWHERE), -1);
		if (!CHECK_INT(last.code, row[i].code) || !CHECK(strstr(last.msg, row[i].says) != NULL))
			printf("# %s: %s\n", row[i].text, last.msg);
	}
}

static void
test_lengths(void)
{
	char name[AB_KEY_MAX + 2] = "";

	memset(name, 'x', AB_KEY_MAX);
	for (int more = 0; more < 2; more++) {
		AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;
		AB_AUTO_FREE char *key = ab_asprintf("{\"namespace\":\"n\",\"key\":\"%s\",\"value\":\"\"}", name);
		AB_AUTO_FREE char *ns = ab_asprintf("{\"namespace\":\"%s\",\"key\":\"k\",\"value\":\"\"}", name);
		CHECK_INT(take(&line, key, NOWHERE), -more);
		CHECK_INT(last.code, more ? AB_E_LIMIT_SIZE : AB_E_NONE);
		CHECK_INT(take(&line, ns, NOWHERE), -more);
		CHECK_INT(last.code, more ? AB_E_LIMIT_SIZE : AB_E_NONE);
		name[AB_KEY_MAX] = 'x';
	}
}

/* What is full of control characters is no six times as long in a copy: what was pushed can be read again. */
static void
test_costly(void)
{
	static const char zeros[3000];
	struct ab_kvline line = { .kind = AB_KVLINE_ENTRY, .value = { zeros, sizeof(zeros) }, ENTRY_OF(7) };
	AB_AUTO_KVLINE struct ab_kvline back = AB_KVLINE_INIT;
	AB_AUTO_FREE char *text = written(&line);

	CHECK(strstr(text, "\"value_base64\":\"AAAA") != NULL);
	CHECK(strlen(text) < 4200);
	CHECK_INT(take(&back, text, NOWHERE), 0);
	CHECK(same(back.value, line.value));
	line.kind = AB_KVLINE_EXPORTED;
	AB_AUTO_FREE char *exported = written(&line);
	CHECK(strstr(exported, "\"value\":\"\\u0000") != NULL);
}

/* ---- into ---- */

static void
test_into(void)
{
	AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;

	CHECK_INT(take(&line, "{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\"}", SPAN("other")), 0);
	CHECK(same(line.entry.ns, SPAN("other")) && same(line.entry.key, SPAN("k")));
	CHECK_INT(take(&line, "{\"key\":\"k\",\"value\":\"v\"}", SPAN("other")), 0);
	CHECK(same(line.entry.ns, SPAN("other")));
	CHECK_INT(take(&line, "{\"namespace\":\"//\",\"key\":\"k\",\"value\":\"v\"}", SPAN("other")), 0);
	CHECK(same(line.entry.ns, SPAN("other")));
	CHECK_INT(take(&line, "{\"key\":\"k\",\"value\":\"v\"}", SPAN("a//b")), -1);
	CHECK_INT(last.code, AB_E_INPUT_INVALID);
	CHECK_INT(take(&line, "{\"key\":\"k\",\"value\":\"v\"}", SPAN("")), -1);
	CHECK_INT(last.code, AB_E_INPUT_INVALID);
	/* Also what a namespace was told. */
	CHECK_INT(take(&line, "{\"change\":\"config\",\"namespace\":\"n\",\"history\":2}", SPAN("other")), 0);
	CHECK(same(line.namespace.name, SPAN("other")));
	CHECK_INT(line.namespace.history, 2);
	CHECK_INT(take(&line, "{\"change\":\"config\",\"history\":2}", SPAN("other")), 0);
	CHECK(same(line.namespace.name, SPAN("other")));
}

/* ---- one after the other ---- */

static void
test_reuse(void)
{
	static const char full[] = "{\"change\":\"entry\",\"seq\":7,\"namespace\":\"a-longer-name\",\"key\":\"a-longer-key\",\"value\":\"a longer value\","
				   "\"created_ms\":1,\"updated_ms\":2,\"expires_ms\":3}";
	static const char told[] = "{\"change\":\"config\",\"namespace\":\"c\",\"history\":2,\"history_age_ms\":3,\"max_bytes\":4,\"search\":true}";
	AB_AUTO_KVLINE struct ab_kvline line = AB_KVLINE_INIT;

	CHECK_INT(take(&line, full, NOWHERE), 0);
	CHECK_INT(take(&line, "{\"change\":\"put\",\"namespace\":\"n\",\"key\":\"k\"}", NOWHERE), 0);
	CHECK_INT(line.kind, AB_KVLINE_PUT);
	CHECK(same(line.entry.ns, SPAN("n")) && same(line.entry.key, SPAN("k")) && line.value.data == NULL);
	CHECK(line.entry.seq == 0 && line.entry.expires_ms == AB_NEVER && line.entry.size == 0 && line.entry.created_ms > 3);
	CHECK_INT(take(&line, full, NOWHERE), 0);
	CHECK_INT(take(&line, "{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"\"}", NOWHERE), 0);
	CHECK_INT(line.kind, AB_KVLINE_EXPORTED);
	CHECK(same(line.value, SPAN("")));
	/* Of the other kind nothing is left, either way: what it pointed to is no more. */
	CHECK_INT(take(&line, full, NOWHERE), 0);
	CHECK_INT(take(&line, told, NOWHERE), 0);
	CHECK(line.entry.ns.data == NULL && line.entry.key.data == NULL && line.entry.seq == 0 && line.value.data == NULL);
	CHECK(same(line.namespace.name, SPAN("c")) && line.namespace.history == 2);
	CHECK_INT(take(&line, full, NOWHERE), 0);
	CHECK(line.namespace.name.data == NULL && line.namespace.history == 0 && !line.namespace.search);
	/* A line that is refused does not spoil the next one. */
	CHECK_INT(take(&line, "{\"namespace\":\"n\",\"key\":\"k\",\"value_base64\":\"!\"}", NOWHERE), -1);
	CHECK(line.entry.ns.data == NULL && line.value.data == NULL);
	CHECK_INT(take(&line, "{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"w\"}", NOWHERE), 0);
	CHECK(same(line.value, SPAN("w")) && same(line.entry.key, SPAN("k")));
	ab_kvline_release(&line);
	CHECK_INT(take(&line, full, NOWHERE), 0); /* it is empty, and can be used */
	CHECK(same(line.value, SPAN("a longer value")));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "each kind, written and read", test_kinds },
		{ "what namespaces were told", test_config },
		{ "any bytes", test_bytes },
		{ "what is not said", test_defaults },
		{ "lines that are refused", test_refused },
		{ "lengths of names", test_lengths },
		{ "control characters", test_costly },
		{ "into a namespace", test_into },
		{ "a line is used again", test_reuse },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
