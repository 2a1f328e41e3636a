/*
 * Lines pushed in pieces of any size come out as a plain split would give them, and what parses as JSON prints, parses and
 * prints the same. The first two bytes of the input seed the sizes of the pieces and the longest line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/ndjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
want(bool ok)
{
	if (!ok)
		abort();
}

/* The whole input and how far the plain split has come. */
struct expected {
	const char *at, *end;
	unsigned long long line;
};

/* The next line that is not empty; false at the end. */
static bool
expect(struct expected *expected, const char **text, size_t *len)
{
	while (expected->at < expected->end) {
		const char *newline = memchr(expected->at, '\n', (size_t)(expected->end - expected->at));
		const char *stop = newline != NULL ? newline : expected->end;
		*text = expected->at;
		*len = (size_t)(stop - expected->at);
		expected->at = newline != NULL ? newline + 1 : stop;
		expected->line++;
		if (*len > 0 && (*text)[*len - 1] == '\r')
			--*len;
		if (*len > 0)
			return true;
	}
	return false;
}

static void
parse(const char *text, size_t len)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_BUF struct ab_buf once = AB_BUF_INIT(SIZE_MAX / 4), twice = AB_BUF_INIT(SIZE_MAX / 4);
	AB_AUTO_VALUE struct ab_value *value = ab_value_parse(text, len, &err);

	if (value == NULL) {
		want(err.code == AB_E_INPUT_MALFORMED && strncmp(err.msg, "line ", 5) == 0);
		return;
	}
	want(ab_value_print(value, &once));
	AB_AUTO_VALUE struct ab_value *again = ab_value_parse(once.data, once.len, &err);
	want(again != NULL && ab_value_kind(again) == ab_value_kind(value));
	want(ab_value_print(again, &twice));
	want(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
}

/* What the writer makes of any bytes is read back as these bytes. */
static void
write_and_read(const char *text, size_t len, enum ab_encoding encoding)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(SIZE_MAX / 4);
	struct ab_json json;
	size_t back_len;

	ab_json_begin(&json, &out, encoding);
	ab_json_object(&json, NULL);
	ab_json_bytes(&json, "b", text, len);
	ab_json_object_end(&json);
	want(memchr(out.data, '\n', out.len) == NULL);
	AB_AUTO_VALUE struct ab_value *value = ab_value_parse(out.data, out.len, &err);
	want(value != NULL);
	const struct ab_value *member = ab_value_get(value, "b");
	if (member == NULL || ab_value_get(value, "b_lossy") != NULL)
		return;
	const char *back = ab_value_string(member, &back_len);
	want(back_len == len && memcmp(back, text, len) == 0);
}

/* Compare what is ready with the plain split. */
static void
pull(struct ab_lines *lines, struct expected *expected)
{
	const char *text, *plain;
	size_t len, plain_len;

	for (;;) {
		enum ab_line kind = ab_lines_next(lines, &text, &len);
		if (kind == AB_LINE_NONE)
			return;
		want(expect(expected, &plain, &plain_len));
		want(lines->line == expected->line);
		want((kind == AB_LINE_TOO_LONG) == (plain_len > lines->max));
		if (kind == AB_LINE_TOO_LONG)
			continue;
		want(len == plain_len && memcmp(text, plain, len) == 0);
		parse(text, len);
		write_and_read(text, len, AB_ENCODING_AUTO);
		write_and_read(text, len, AB_ENCODING_UTF8);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ab_lines lines;

	if (size < 2)
		return 0;
	uint32_t chance = data[0];
	ab_lines_init(&lines, data[1]);
	struct expected expected = { .at = (const char *)data + 2, .end = (const char *)data + size };
	const char *at = expected.at, *rest;
	while (at < expected.end) {
		chance = chance * 1103515245 + 12345;
		size_t left = (size_t)(expected.end - at), piece = 1 + (chance >> 16) % (data[0] + 1u), room;
		char *to = ab_lines_reserve(&lines, &room);
		piece = piece < left ? piece : left;
		want(room >= 65536 && piece <= room);
		memcpy(to, at, piece);
		ab_lines_commit(&lines, piece);
		at += piece;
		pull(&lines, &expected);
	}
	ab_lines_end(&lines);
	pull(&lines, &expected);
	want(!expect(&expected, &rest, &size));
	ab_lines_release(&lines);
	return 0;
}
