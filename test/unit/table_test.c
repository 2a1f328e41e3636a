#include "core/table.h"

#include "core/mem.h"
#include "tap.h"

static void
add(struct ab_table *table, const char *text)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_VALUE struct ab_value *record = ab_value_parse(text, strlen(text), &err);

	CHECK(record != NULL);
	ab_table_add(table, record);
}

static void
test_columns(void)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(10000);
	struct ab_table table;

	ab_table_init(&table);
	add(&table, "{\"name\":\"ä\",\"size_bytes\":5,\"tags\":[\"a\",1]}");
	add(&table, "{\"name\":\"long name\",\"size_bytes\":12345678901,\"tags\":[],\"more\":{\"x\":[1]}}");
	add(&table, "{\"name\":\"a\\tb\\u001b[31m\",\"size_bytes\":null,\"none\":null}");
	ab_table_print(&table, false, &out);
	CHECK_STRING(out.data, "NAME        SIZE_BYTES  TAGS  MORE       NONE\n"
			       "ä                    5  a,1   -          -\n"
			       "long name  12345678901  -     {\"x\":[1]}  -\n"
			       "a?b?[31m             -  -     -          -\n");
	ab_buf_truncate(&out, 0);
	add(&table, "{\"name\":\"x\"}");
	ab_table_print(&table, true, &out);
	CHECK_STRING(out.data, "x                    -  -     -          -\n"); /* one heading, the widths stay */
	ab_table_release(&table);
}

/* A column without a value is left out, unless a later part could have one. */
static void
test_whole(void)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(10000);
	struct ab_table table;

	ab_table_init(&table);
	add(&table, "{\"name\":\"a\",\"no\":null,\"size\":1,\"none\":[]}");
	add(&table, "{\"name\":\"b\",\"no\":null,\"size\":null}");
	ab_table_print(&table, true, &out);
	CHECK_STRING(out.data, "NAME  SIZE\n"
			       "a        1\n"
			       "b        -\n");
	ab_table_release(&table);
}

static void
test_empty(void)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(10000);
	struct ab_table table;

	ab_table_init(&table);
	ab_table_print(&table, true, &out);
	CHECK_INT(out.len, 0);
	ab_table_release(&table);
}

static void
test_many_columns(void)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(10000), out = AB_BUF_INIT(100000);
	struct ab_table table;

	ab_buf_puts(&text, "{");
	for (int i = 0; i < 100; i++)
		ab_buf_printf(&text, "%s\"c%d\":%d", i > 0 ? "," : "", i, i);
	ab_buf_puts(&text, "}");
	ab_table_init(&table);
	add(&table, text.data);
	ab_table_print(&table, true, &out);
	CHECK(strstr(out.data, "C63\n") != NULL); /* the rest is left out */
	ab_table_release(&table);
}

static void
test_record(void)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(10000);
	struct ab_error err = AB_ERROR_INIT;
	const char *text = "{\"a\":1,\"long_name\":\"x\",\"list\":[true,null],\"b\":null}";
	AB_AUTO_VALUE struct ab_value *record = ab_value_parse(text, strlen(text), &err);

	ab_table_print_record(record, &out);
	CHECK_STRING(out.data, "a          1\nlong_name  x\nlist       true,-\nb          -\n");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "columns are aligned", test_columns },
		{ "a column without a value", test_whole },
		{ "nothing prints nothing", test_empty },
		{ "columns are bounded", test_many_columns },
		{ "one record alone", test_record },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
