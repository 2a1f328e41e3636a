/* Lines, pushed in pieces of every size. */
#include "core/ndjson.h"

#include "tap.h"

static void
push(struct ab_lines *lines, const char *text, size_t len)
{
	while (len > 0) {
		size_t room;
		char *to = ab_lines_reserve(lines, &room);
		CHECK(room >= 65536);
		size_t take = len < room ? len : room;
		memcpy(to, text, take);
		ab_lines_commit(lines, take);
		text += take;
		len -= take;
	}
}

/* What comes out, as "LINE:text|" and "LINE!|" for too long. */
static void
pull(struct ab_lines *lines, struct ab_buf *out)
{
	const char *text;
	size_t len;

	for (;;) {
		enum ab_line kind = ab_lines_next(lines, &text, &len);
		if (kind == AB_LINE_NONE)
			return;
		ab_buf_printf(out, "%llu", lines->line);
		if (kind == AB_LINE_TOO_LONG)
			ab_buf_puts(out, "!|");
		else
			ab_buf_printf(out, ":%.*s|", (int)len, text);
	}
}

/* The same lines whatever the pieces. */
static void
lines_of(const char *text, size_t max, const char *want)
{
	size_t len = strlen(text);

	for (size_t piece = 1; piece <= len; piece++) {
		AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(10000);
		struct ab_lines lines;
		ab_lines_init(&lines, max);
		ab_buf_puts(&out, "");
		for (size_t at = 0; at < len; at += piece) {
			push(&lines, text + at, len - at < piece ? len - at : piece);
			pull(&lines, &out);
		}
		ab_lines_end(&lines);
		pull(&lines, &out);
		pull(&lines, &out);
		ab_lines_release(&lines);
		if (!tap_string(out.data, want, __FILE__, __LINE__, text))
			return;
	}
}

static void
test_lines(void)
{
	lines_of("a\nbc\n", 10, "1:a|2:bc|");
	lines_of("a\nbc", 10, "1:a|2:bc|");
	lines_of("\n\na\r\n\r\nb\r", 10, "3:a|5:b|");
	lines_of("a\rb\n\r\r\n", 10, "1:a\rb|2:\r|");
	lines_of("\n", 10, "");
}

static void
test_too_long(void)
{
	lines_of("1234\n12345\n1\n", 4, "1:1234|2!|3:1|");
	lines_of("1234\r\n12345\r\n1\n", 4, "1:1234|2!|3:1|");
	lines_of("123456789012345678901\n\n12\n", 4, "1!|3:12|");
	lines_of("1\n12345678", 4, "1:1|2!|");
	lines_of("1\n12345", 4, "1:1|2!|");
	lines_of("1\n1234\r", 4, "1:1|2:1234|");
	lines_of("1234567\n1234567\n1234567\n", 4, "1!|2!|3!|");
}

/* A line without end is reported at once and costs no memory. */
static void
test_endless(void)
{
	static char chunk[65536];
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1000);
	struct ab_lines lines;

	memset(chunk, 'x', sizeof(chunk));
	ab_lines_init(&lines, 1000);
	push(&lines, chunk, sizeof(chunk));
	pull(&lines, &out);
	CHECK_STRING(out.data, "1!|");
	for (int i = 0; i < 1000; i++) {
		push(&lines, chunk, sizeof(chunk));
		pull(&lines, &out);
	}
	CHECK(lines.buf.room < 1048576);
	push(&lines, "\nok\n", 4);
	pull(&lines, &out);
	CHECK_STRING(out.data, "1!|2:ok|");
	ab_lines_release(&lines);
}

/* Long lines and many lines read ahead; memory goes back. */
static void
test_large(void)
{
	enum { LONG = 5000000 };
	AB_AUTO_FREE char *text = ab_malloc(LONG);
	const char *line;
	size_t len;
	struct ab_lines lines;

	memset(text, 'y', LONG);
	text[LONG - 1] = '\n';
	ab_lines_init(&lines, LONG);
	for (int i = 0; i < 3; i++)
		push(&lines, text, LONG);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(ab_lines_next(&lines, &line, &len), AB_LINE_TEXT);
		CHECK_INT(len, LONG - 1);
		CHECK(memcmp(line, text, len) == 0);
	}
	CHECK_INT(ab_lines_next(&lines, &line, &len), AB_LINE_NONE);
	for (int i = 0; i < 100000; i++) {
		push(&lines, "{\"id\":1}\n{\"id", 13);
		CHECK_INT(ab_lines_next(&lines, &line, &len), AB_LINE_TEXT);
		push(&lines, "\":2}\n", 5);
		CHECK_INT(ab_lines_next(&lines, &line, &len), AB_LINE_TEXT);
	}
	CHECK_INT(lines.line, 200003);
	CHECK(lines.buf.room <= 1048576);
	ab_lines_release(&lines);
}

static int
note(void *data, unsigned long long number, const char *text, size_t len, struct ab_error *err)
{
	ab_buf_printf(data, "%llu:%.*s|", number, text != NULL ? (int)len : 1, text != NULL ? text : "!");
	return text != NULL && len == 3 && memcmp(text, "bad", 3) == 0 ? ab_fail(err, AB_E_INPUT_INVALID, "wrong") : 0;
}

static void
test_descriptor(void)
{
	static const struct {
		const char *input, *seen, *message;
	} cases[] = { { "a\n\nbb\r\nlast", "1:a|3:bb|4:last|", "" }, { "", "", "" }, { "a\nmuch too long\nb\n", "1:a|2:!|3:b|", "" },
		{ "a\nbad\nb\n", "1:a|2:bad|", "line 2: wrong" } };

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		AB_AUTO_BUF struct ab_buf seen = AB_BUF_INIT(1000);
		struct ab_error err = AB_ERROR_INIT;
		struct ab_lines lines;
		int ends[2];
		if (!CHECK_INT(pipe(ends), 0))
			return;
		CHECK_INT(write(ends[1], cases[i].input, strlen(cases[i].input)), (intmax_t)strlen(cases[i].input));
		close(ends[1]);
		ab_lines_init(&lines, 8);
		CHECK_INT(ab_lines_read(&lines, ends[0], note, &seen, &err), cases[i].message[0] != '\0' ? -1 : 0);
		CHECK_STRING(seen.data != NULL ? seen.data : "", cases[i].seen);
		CHECK_STRING(err.msg, cases[i].message);
		ab_lines_release(&lines);
		close(ends[0]);
	}
	struct ab_error err = AB_ERROR_INIT;
	struct ab_lines lines;
	ab_lines_init(&lines, 8);
	CHECK_INT(ab_lines_read(&lines, -1, note, NULL, &err), -1);
	CHECK_INT(err.code, AB_E_SYSTEM);
	ab_lines_release(&lines);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "lines, empty lines, CR, last line", test_lines },
		{ "lines that are too long", test_too_long },
		{ "a line without end", test_endless },
		{ "large lines, many lines", test_large },
		{ "of a descriptor", test_descriptor },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
