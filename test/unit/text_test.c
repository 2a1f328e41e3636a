/* UTF-8 and base64 against the vectors of Unicode 15 chapter 3 and RFC 4648 section 10. */
#include "core/text.h"

#include "tap.h"

static bool
valid(const char *text)
{
	return ab_utf8_valid(text, strlen(text));
}

static void
test_valid(void)
{
	CHECK(valid(""));
	CHECK(valid("plain ASCII that is longer than one word"));
	CHECK(ab_utf8_valid("a\0b", 3));
	CHECK(valid("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
	CHECK(valid("\xed\x9f\xbf\xee\x80\x80"));
	CHECK(valid("1234567\xc3\xa4 1234567\xe2\x82\xac"));
}

static void
test_invalid(void)
{
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe0\x80\x80",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82", "\xe2\x82\x41", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff", "\xfe", "\xf0\x90\x80", "12345678\xff", "1234567\xc3" };

	for (size_t i = 0; i < AB_COUNT_OF(bad); i++)
		if (!tap_check(!valid(bad[i]), __FILE__, __LINE__, "refused"))
			printf("#   case %zu\n", i);
}

static void
test_prefix(void)
{
	CHECK_INT(ab_utf8_prefix("abc", 3), 3);
	CHECK_INT(ab_utf8_prefix("abcdefghij\xff", 11), 10);
	CHECK_INT(ab_utf8_prefix("\xe2\x82\xac\xe2\x82", 5), 3);
	CHECK_INT(ab_utf8_prefix("\xff", 1), 0);
}

static void
test_incomplete(void)
{
	CHECK_INT(ab_utf8_incomplete("", 0), 0);
	CHECK_INT(ab_utf8_incomplete("abc", 3), 0);
	CHECK_INT(ab_utf8_incomplete("a\xc3", 2), 1);
	CHECK_INT(ab_utf8_incomplete("a\xe2\x82", 3), 2);
	CHECK_INT(ab_utf8_incomplete("\xf0\x9f\x98", 3), 3);
	CHECK_INT(ab_utf8_incomplete("\xf0\x9f\x98\x80", 4), 0);
	CHECK_INT(ab_utf8_incomplete("\xe2\x82\xac", 3), 0);
	/* not the beginning of anything */
	CHECK_INT(ab_utf8_incomplete("\x80\x80\x80\x80", 4), 0);
	CHECK_INT(ab_utf8_incomplete("\xe0\x80", 2), 0);
	CHECK_INT(ab_utf8_incomplete("\xc0", 1), 0);
}

static void
lossy(const char *from, size_t len, const char *want, bool replaced)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1000);

	CHECK_INT(ab_utf8_lossy(&out, from, len), replaced);
	CHECK_STRING(out.len > 0 ? out.data : "", want);
}

#define FFFD "\xef\xbf\xbd"
static void
test_lossy(void)
{
	lossy("", 0, "", false);
	lossy("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f", false);
	/* Unicode 15, tables 3-8 to 3-11 */
	lossy("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", 9, FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", true);
	lossy("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", 9, FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", true);
	lossy("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", 9, FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B", true);
	lossy("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", 9, FFFD FFFD FFFD FFFD "A", true);
}

static void
test_base64(void)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "+/+/" } };

	for (size_t i = 0; i < AB_COUNT_OF(pairs); i++) {
		AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(100);
		AB_AUTO_BUF struct ab_buf back = AB_BUF_INIT(6);
		ab_base64_encode(&text, pairs[i][0], strlen(pairs[i][0]));
		CHECK_STRING(text.len > 0 ? text.data : "", pairs[i][1]);
		CHECK(ab_base64_decode(&back, pairs[i][1], strlen(pairs[i][1])));
		CHECK_STRING(back.data, pairs[i][0]);
		CHECK_INT(back.len, strlen(pairs[i][0]));
	}
}

static void
test_base64_long(void)
{
	AB_AUTO_BUF struct ab_buf bytes = AB_BUF_INIT(20000), text = AB_BUF_INIT(30000), back = AB_BUF_INIT(20000);

	for (unsigned i = 0; i < 10001; i++)
		ab_buf_putc(&bytes, (char)(i * 7 + i / 256));
	ab_base64_encode(&text, bytes.data, bytes.len);
	CHECK_INT(text.len, 13336);
	CHECK(ab_base64_decode(&back, text.data, text.len));
	CHECK_INT(back.len, bytes.len);
	CHECK(memcmp(back.data, bytes.data, bytes.len) == 0);
}

static void
test_base64_refused(void)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg==\n", "Zg=a", "====", "=", "Z===", "Zh==", "Zm9=", "Zm9v\nZm9v", "Zm 9",
		"Zm9-", "Zg==Zg==", "Zm9v====", "\xc3\xa4zz" };

	for (size_t i = 0; i < AB_COUNT_OF(bad); i++) {
		AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(100);
		ab_buf_puts(&out, "kept");
		if (!tap_check(!ab_base64_decode(&out, bad[i], strlen(bad[i])), __FILE__, __LINE__, "refused"))
			printf("#   '%s'\n", bad[i]);
		CHECK_STRING(out.data, "kept");
	}
	AB_AUTO_BUF struct ab_buf small = AB_BUF_INIT(2);
	CHECK(!ab_base64_decode(&small, "Zm9v", 4));
	CHECK_INT(small.len, 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "valid UTF-8", test_valid },
		{ "invalid UTF-8", test_invalid },
		{ "longest valid prefix", test_prefix },
		{ "incomplete character at the end", test_incomplete },
		{ "replacement of invalid parts", test_lossy },
		{ "base64 both ways", test_base64 },
		{ "base64 of many bytes", test_base64_long },
		{ "base64 that is not strict", test_base64_refused },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
