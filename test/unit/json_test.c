/* The JSON writer and the reader. */
#include "core/json.h"

#include "core/text.h"
#include "tap.h"

/* ---- the writer ---- */

struct writer {
	struct ab_buf out;
	struct ab_json json;
};

static void
begin(struct writer *w, enum ab_encoding encoding)
{
	ab_buf_init(&w->out, 1 << 20);
	ab_json_begin(&w->json, &w->out, encoding);
}

static void
wrote(struct writer *w, const char *want, int line)
{
	tap_string(w->out.data, want, __FILE__, line, "written");
	ab_buf_release(&w->out);
}
#define WROTE(w, want) wrote((w), (want), __LINE__)

static void
test_nesting(void)
{
	struct writer w;

	begin(&w, AB_ENCODING_AUTO);
	ab_json_object(&w.json, NULL);
	ab_json_integer(&w.json, "a", 1);
	ab_json_array(&w.json, "list");
	ab_json_array_end(&w.json);
	ab_json_array(&w.json, "more");
	ab_json_integer(&w.json, NULL, 2);
	ab_json_object(&w.json, NULL);
	ab_json_object_end(&w.json);
	ab_json_string(&w.json, NULL, "x");
	ab_json_array_end(&w.json);
	ab_json_boolean(&w.json, "yes", true);
	ab_json_boolean(&w.json, "no", false);
	ab_json_null(&w.json, "nothing");
	ab_json_string(&w.json, "absent", NULL);
	ab_json_raw(&w.json, "raw", "[1]", 3);
	ab_json_object_end(&w.json);
	CHECK_INT(w.json.depth, 0);
	WROTE(&w, "{\"a\":1,\"list\":[],\"more\":[2,{},\"x\"],\"yes\":true,\"no\":false,\"nothing\":null,\"absent\":null,\"raw\":[1]}");
}

static void
test_integers(void)
{
	struct writer w;

	begin(&w, AB_ENCODING_AUTO);
	ab_json_array(&w.json, NULL);
	ab_json_integer(&w.json, NULL, 0);
	ab_json_integer(&w.json, NULL, -1);
	ab_json_integer(&w.json, NULL, 1000200);
	ab_json_integer(&w.json, NULL, INT64_MAX);
	ab_json_integer(&w.json, NULL, INT64_MIN);
	ab_json_array_end(&w.json);
	WROTE(&w, "[0,-1,1000200,9223372036854775807,-9223372036854775808]");
}

static void
test_escapes(void)
{
	struct writer w;

	begin(&w, AB_ENCODING_AUTO);
	ab_json_object(&w.json, NULL);
	ab_json_string(&w.json, "a\"\n", "q\" b\\ \b\f\n\r\t \x01\x1f\x7f/ \xc3\xa4 end");
	ab_json_string(&w.json, "bad", "x\xffy");
	ab_json_bytes(&w.json, "nul", "a\0b", 3);
	ab_json_object_end(&w.json);
	WROTE(&w, "{\"a\\\"\\n\":\"q\\\" b\\\\ \\b\\f\\n\\r\\t \\u0001\\u001f\\u007f/ \xc3\xa4 end\",\"bad\":\"x\xef\xbf\xbdy\",\"nul\":\"a\\u0000b\"}");
}

/* Each byte at each place of a text that is longer than a machine word comes back through the reader. */
static void
test_every_byte(void)
{
	for (unsigned byte = 0; byte < 0x80; byte++) {
		for (size_t place = 0; place < 20; place++) {
			struct ab_error err = AB_ERROR_INIT;
			struct writer w;
			char text[20];
			size_t len;
			memset(text, byte == 'x' ? 'y' : 'x', sizeof(text));
			text[place] = (char)byte;
			begin(&w, AB_ENCODING_UTF8);
			ab_json_bytes(&w.json, NULL, text, sizeof(text));
			AB_AUTO_VALUE struct ab_value *value = ab_value_parse(w.out.data, w.out.len, &err);
			bool escaped = byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\';
			if (!CHECK(value != NULL) || !CHECK((w.out.len > 22) == escaped))
				return;
			CHECK(memcmp(ab_value_string(value, &len), text, sizeof(text)) == 0);
			CHECK_INT(len, sizeof(text));
			ab_buf_release(&w.out);
		}
	}
}

static void
test_encodings(void)
{
	struct writer w;

	begin(&w, AB_ENCODING_AUTO);
	ab_json_object(&w.json, NULL);
	ab_json_bytes(&w.json, "t", "\xc3\xa4", 2);
	ab_json_bytes(&w.json, "b", "\xff", 1);
	ab_json_bytes(&w.json, "e", NULL, 0);
	ab_json_array(&w.json, "l");
	ab_json_element(&w.json, NULL, "a", 1);
	ab_json_element(&w.json, NULL, "\xff", 1);
	ab_json_bytes(&w.json, NULL, "\xff", 1);
	ab_json_array_end(&w.json);
	ab_json_element(&w.json, "m", "\xff", 1);
	ab_json_object_end(&w.json);
	WROTE(&w, "{\"t\":\"\xc3\xa4\",\"b_base64\":\"/w==\",\"e\":\"\",\"l\":[\"a\",{\"base64\":\"/w==\"},{\"base64\":\"/w==\"}],\"m\":{\"base64\":\"/w==\"}}");

	begin(&w, AB_ENCODING_UTF8);
	ab_json_object(&w.json, NULL);
	ab_json_bytes(&w.json, "t", "ok", 2);
	ab_json_bytes(&w.json, "b", "o\xff", 2);
	ab_json_element(&w.json, "m", "\xff", 1);
	ab_json_object_end(&w.json);
	WROTE(&w, "{\"t\":\"ok\",\"b\":\"o\xef\xbf\xbd\",\"b_lossy\":true,\"m\":\"\xef\xbf\xbd\"}");

	begin(&w, AB_ENCODING_BASE64);
	ab_json_object(&w.json, NULL);
	ab_json_bytes(&w.json, "t", "ok", 2);
	ab_json_bytes(&w.json, "e", NULL, 0);
	ab_json_string(&w.json, "s", "text");
	ab_json_object_end(&w.json);
	WROTE(&w, "{\"t_base64\":\"b2s=\",\"e_base64\":\"\",\"s\":\"text\"}");
}

static void
test_time_and_error(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct writer w;

	begin(&w, AB_ENCODING_AUTO);
	ab_json_object(&w.json, NULL);
	ab_json_time(&w.json, "a_at", 1767323045678);
	ab_json_time(&w.json, "b_at", 0);
	ab_json_error(&w.json, "none", &err);
	ab_fail(&err, AB_E_BUSY, "db \"a\nb\" is locked");
	ab_json_error(&w.json, "error", &err);
	ab_fail(&err, AB_E_NOT_FOUND, "no");
	ab_error_hint(&err, "try\t%s", "this");
	ab_error_operation(&err, "rm \x1b[1m");
	ab_json_error(&w.json, "full", &err);
	ab_json_object_end(&w.json);
	WROTE(&w, "{\"a_at\":\"2026-01-02T03:04:05.678Z\",\"b_at\":null,\"none\":null,"
		  "\"error\":{\"code\":\"busy\",\"message\":\"db \\\"a?b\\\" is locked\",\"hint\":null,\"retryable\":true},"
		  "\"full\":{\"code\":\"not_found\",\"message\":\"no\",\"hint\":\"try?this\",\"retryable\":false,\"operation\":\"rm ?[1m\"}}");
}

/* ---- the reader ---- */

static struct ab_value *
parse(const char *text, struct ab_error *err)
{
	return ab_value_parse(text, strlen(text), err);
}

static void
test_values(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_VALUE struct ab_value *value = parse(
	    " {\"i\":-9223372036854775808,\"r\":1.5,\"t\":true,\"f\":false,\"n\":null,\"s\":\"a\\u0000\\u00e4\",\"l\":[1,2,3],\"o\":{}}\r\n", &err);
	size_t len;

	CHECK(value != NULL);
	CHECK_INT(ab_value_kind(value), AB_VALUE_OBJECT);
	CHECK_INT(ab_value_count(value), 8);
	CHECK_INT(ab_value_kind(ab_value_get(value, "i")), AB_VALUE_INTEGER);
	CHECK_INT(ab_value_integer(ab_value_get(value, "i")), INT64_MIN);
	CHECK_INT(ab_value_kind(ab_value_get(value, "r")), AB_VALUE_REAL);
	CHECK_INT(ab_value_kind(ab_value_get(value, "t")), AB_VALUE_BOOLEAN);
	CHECK(ab_value_boolean(ab_value_get(value, "t")));
	CHECK_INT(ab_value_kind(ab_value_get(value, "f")), AB_VALUE_BOOLEAN);
	CHECK(!ab_value_boolean(ab_value_get(value, "f")));
	CHECK_INT(ab_value_kind(ab_value_get(value, "n")), AB_VALUE_NULL);
	CHECK_INT(ab_value_kind(ab_value_get(value, "s")), AB_VALUE_STRING);
	CHECK(memcmp(ab_value_string(ab_value_get(value, "s"), &len), "a\0\xc3\xa4", 5) == 0);
	CHECK_INT(len, 4);
	const struct ab_value *list = ab_value_get(value, "l");
	CHECK_INT(ab_value_kind(list), AB_VALUE_ARRAY);
	CHECK_INT(ab_value_count(list), 3);
	CHECK_INT(ab_value_integer(ab_value_at(list, 2)), 3);
	CHECK(ab_value_at(list, 3) == NULL);
	CHECK(ab_value_get(value, "absent") == NULL);
	CHECK(ab_value_get(list, "i") == NULL);
	CHECK_INT(ab_value_kind(NULL), AB_VALUE_NULL);
	CHECK_INT(ab_value_count(ab_value_get(value, "o")), 0);
}

static void
test_order_and_defaults(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_VALUE struct ab_value *value = parse("{\"z\":1,\"a\":\"x\",\"m\":true,\"nul\":\"a\\u0000\",\"none\":null}", &err);
	const struct ab_value *member = NULL;
	const char *name = NULL;
	char names[64] = "";

	for (void *at = ab_value_next(value, NULL, &name, &member); at != NULL; at = ab_value_next(value, at, &name, &member)) {
		CHECK(member == ab_value_get(value, name));
		strcat(strcat(names, name), " ");
	}
	CHECK_STRING(names, "z a m nul none ");
	CHECK_INT(ab_value_get_integer(value, "z", 7), 1);
	CHECK_INT(ab_value_get_integer(value, "a", 7), 7);
	CHECK_INT(ab_value_get_integer(value, "none", 7), 7);
	CHECK_STRING(ab_value_get_string(value, "a", "d"), "x");
	CHECK_STRING(ab_value_get_string(value, "nul", "d"), "d");
	CHECK_STRING(ab_value_get_string(value, "z", NULL), NULL);
	CHECK_INT(ab_value_get_boolean(value, "m", false), true);
	CHECK_INT(ab_value_get_boolean(value, "absent", true), true);
}

static void
test_print(void)
{
	static const char *const texts[] = { "\"a\\\"\xc3\xa4\"", "9223372036854775807", "[1,{\"b\":null,\"a\":[]},true]", "null", "0.5" };
	struct ab_error err = AB_ERROR_INIT;

	for (size_t i = 0; i < AB_COUNT_OF(texts); i++) {
		AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(100);
		AB_AUTO_VALUE struct ab_value *value = parse(texts[i], &err);
		CHECK(ab_value_print(value, &out));
		CHECK_STRING(out.data, texts[i]);
		AB_AUTO_BUF struct ab_buf small = AB_BUF_INIT(strlen(texts[i]) + 1);
		ab_buf_puts(&small, "ab");
		CHECK(!ab_value_print(value, &small));
		CHECK_STRING(small.data, "ab");
	}
}

static void
test_malformed(void)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "", "line 1, column 0: the text ends too early" },
		{ "{\"secret\":", "line 1, column 10: the text ends too early" },
		{ "{\"a\":1,\n \"a\":2}", "line 2, column 4: a name stands twice in one object" },
		{ "{} secret", "line 1, column 9: something follows the value" },
		{ "secret", "line 1, column 6: not valid JSON" },
		{ "{'secret':1}", "line 1, column 2: not valid JSON" },
		{ "\"\\ud800secret\"", "line 1, column 14: not valid JSON" },
		{ "{\"a\\u0000\":1}", "line 1, column 10: a name holds NUL" },
		{ "\"\xff\"", "line 1, column 1: not valid UTF-8" },
		{ "99999999999999999999", "line 1, column 20: a number is too large" },
		{ "1e999", "line 1, column 5: a number is too large" },
		{ "[1,]", "line 1, column 4: not valid JSON" },
		{ "{\"a\":01}", "line 1, column 6: not valid JSON" },
		{ "NaN", "line 1, column 3: not valid JSON" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		struct ab_error err = AB_ERROR_INIT;
		AB_AUTO_VALUE struct ab_value *value = parse(cases[i].text, &err);
		CHECK(value == NULL);
		CHECK_INT(err.code, AB_E_INPUT_MALFORMED);
		CHECK_STRING(err.msg, cases[i].msg);
	}
}

/* 128 levels pass; brackets in strings and closed ones do not count. */
static void
test_depth(void)
{
	struct ab_error err = AB_ERROR_INIT;
	char text[400] = "[\"[[[\\\"[[[{\\\\\",[[]],\n";
	size_t len = strlen(text);

	memset(text + len, '[', 127);
	memset(text + len + 127, ']', 128);
	AB_AUTO_VALUE struct ab_value *deep = ab_value_parse(text, len + 127 + 128, &err);
	CHECK(deep != NULL);
	CHECK_STRING(err.msg, "");
	memset(text + len, '[', 128);
	memset(text + len + 128, ']', 129);
	AB_AUTO_VALUE struct ab_value *deeper = ab_value_parse(text, len + 128 + 129, &err);
	CHECK(deeper == NULL);
	CHECK_STRING(err.msg, "line 2, column 128: nested deeper than 128");
	/* an unended string is jansson's to refuse */
	AB_AUTO_VALUE struct ab_value *open = parse("\"\\\"", &err);
	CHECK(open == NULL);
}

static void
test_version(void)
{
	CHECK(strncmp(ab_json_library_version(), "2.", 2) == 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "commas and nesting", test_nesting },
		{ "integers", test_integers },
		{ "escapes and repair", test_escapes },
		{ "every byte at every place", test_every_byte },
		{ "bytes in the three encodings", test_encodings },
		{ "times and errors", test_time_and_error },
		{ "values", test_values },
		{ "members in order, members with a fallback", test_order_and_defaults },
		{ "values printed", test_print },
		{ "malformed input is named, not echoed", test_malformed },
		{ "depth", test_depth },
		{ "version of the library", test_version },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
