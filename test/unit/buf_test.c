/* Buffers: the invariants, and the maximum. */
#include "core/buf.h"

#include "tap.h"

static void
test_append(void)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(1000);

	CHECK(buf.data == NULL);
	ab_buf_puts(&buf, "ab");
	ab_buf_putc(&buf, '\0');
	ab_buf_put(&buf, "cd", 2);
	ab_buf_printf(&buf, "%d%s", 12, "x");
	CHECK_INT(buf.len, 8);
	CHECK(memcmp(buf.data, "ab\0cd12x", 9) == 0);
	CHECK(ab_buf_addf(&buf, "%s", ""));
	CHECK_INT(buf.len, 8);
	ab_buf_release(&buf);
	CHECK(buf.data == NULL);
	CHECK_INT(buf.len, 0);
	CHECK_INT(buf.max, 1000);
}

static void
test_maximum(void)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(4), none = AB_BUF_INIT(0);

	CHECK(ab_buf_add(&buf, "abc", 3));
	CHECK(!ab_buf_add(&buf, "de", 2));
	CHECK(!ab_buf_addf(&buf, "%d", 12));
	CHECK_STRING(buf.data, "abc");
	CHECK(ab_buf_reserve(&buf, 2) == NULL);
	CHECK(ab_buf_reserve(&buf, SIZE_MAX) == NULL);
	CHECK(ab_buf_add(&buf, "d", 1));
	CHECK_STRING(buf.data, "abcd");
	CHECK(ab_buf_add(&buf, NULL, 0));
	CHECK(!ab_buf_add(&buf, "e", 1));
	CHECK(!ab_buf_add(&none, "e", 1));
	CHECK(ab_buf_add(&none, "", 0));
	CHECK_STRING(none.data, "");
}

static void
test_grow(void)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(100000);

	for (int i = 0; i < 100000; i++)
		ab_buf_putc(&buf, (char)('a' + i % 26));
	CHECK_INT(buf.len, 100000);
	CHECK(buf.room <= 100001);
	CHECK_INT(strlen(buf.data), 100000);
	int wrong = 0;
	for (int i = 0; i < 100000; i++)
		wrong += buf.data[i] != (char)('a' + i % 26);
	CHECK_INT(wrong, 0);
}

static void
test_reserve(void)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(10);

	ab_buf_puts(&buf, "ab");
	char *to = ab_buf_reserve(&buf, 8);
	CHECK(to == buf.data + 2);
	memcpy(to, "cd", 2);
	buf.len += 2;
	ab_buf_truncate(&buf, buf.len);
	CHECK_STRING(buf.data, "abcd");
}

static void
test_remove(void)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(10);

	ab_buf_consume(&buf, 0);
	ab_buf_truncate(&buf, 0);
	ab_buf_puts(&buf, "abcdef");
	ab_buf_consume(&buf, 2);
	CHECK_STRING(buf.data, "cdef");
	ab_buf_truncate(&buf, 3);
	CHECK_STRING(buf.data, "cde");
	ab_buf_consume(&buf, 3);
	CHECK_STRING(buf.data, "");
	CHECK_INT(buf.len, 0);
}

static void
test_take(void)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(10);
	AB_AUTO_FREE char *nothing = ab_buf_take(&buf);

	CHECK_STRING(nothing, "");
	ab_buf_puts(&buf, "text");
	AB_AUTO_FREE char *text = ab_buf_take(&buf);
	CHECK_STRING(text, "text");
	CHECK(buf.data == NULL && buf.len == 0 && buf.room == 0);
	CHECK(ab_buf_add(&buf, "0123456789", 10));
	CHECK(!ab_buf_add(&buf, "x", 1));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "append", test_append },
		{ "the maximum", test_maximum },
		{ "growth", test_grow },
		{ "reserve", test_reserve },
		{ "consume and truncate", test_remove },
		{ "take", test_take },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
